/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/number.h"
#include "pongo/value.h"

int filter_add(struct filter_work *work)
{
	auto_buffer struct buffer sum = BUFFER_INIT;
	const struct pongo_value *a = work->value;
	const struct pongo_value *b = work->argument;
	struct text text;

	if (value_is_numeric(a) && value_is_numeric(b)) {
		*work->value = a->kind == PONGO_NUMBER || b->kind == PONGO_NUMBER
				       ? value_of_number(value_number(a) + value_number(b))
				       : value_of_integer(integer_add(a->integer, b->integer));
		return 0;
	}
	text = filter_text(work);
	buffer_add(&sum, text.ptr, text.len);
	text = filter_argument(work);
	buffer_add(&sum, text.ptr, text.len);
	return filter_give_buffer(work, &sum);
}

int filter_addslashes(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] && strchr("\\\"'", text.ptr[i]))
			buffer_addc(&out, '\\');
		buffer_addc(&out, text.ptr[i]);
	}
	return filter_give_buffer(work, &out);
}

/* What has no characters has no first one either: also numbers come out empty. */
int filter_capfirst(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);
	size_t len;

	if (value_length(work->value) == 0)
		return filter_give_text(work, TEXT(""));
	letter_encode(&out, letter_upper(letter_decode(text, &len)));
	buffer_add(&out, text.ptr + len, text.len - len);
	return filter_give_buffer(work, &out);
}

static void add_blanks(struct buffer *out, int64_t count)
{
	while (count-- > 0)
		buffer_addc(out, ' ');
}

/* TEXT with blanks on both sides. */
static int pad(struct filter_work *work, int64_t left, int64_t right)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);

	left = left > 0 ? left : 0;
	right = right > 0 ? right : 0;
	if (!filter_fits(work, text.len, (uint64_t)left) || !filter_fits(work, text.len, (uint64_t)right))
		return -1;
	add_blanks(&out, left);
	buffer_add(&out, text.ptr, text.len);
	add_blanks(&out, right);
	return filter_give_buffer(work, &out);
}

int filter_center(struct filter_work *work)
{
	int64_t width = value_integer(work->argument);
	int64_t len = (int64_t)value_length(work->value);

	if (width <= len)
		return 0;
	return pad(work, (width - len) / 2 + (width - len) % 2, (width - len) / 2);
}

/* Wrapped around, as in Go: the smallest number less anything is a large one. */
int filter_ljust(struct filter_work *work)
{
	return pad(work, 0,
		   integer_add(value_integer(work->argument),
			       integer_negate((int64_t)value_length(work->value))));
}

/* With printf's %5s: a negative width means the other side, and one beyond a million is none. */
int filter_rjust(struct filter_work *work)
{
	int64_t width = value_integer(work->argument);
	int64_t len = (int64_t)letter_count(filter_text(work));

	if (width > 1000000 || width < -1000000)
		return filter_fail(work, "the width of 'rjust' is beyond a million");
	return width < 0 ? pad(work, 0, -width - len) : pad(work, width - len, 0);
}

int filter_cut(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);
	struct text word = filter_argument(work);
	const char *found;

	while (word.len && text.len && (found = memmem(text.ptr, text.len, word.ptr, word.len))) {
		size_t before = (size_t)(found - text.ptr);

		buffer_add(&out, text.ptr, before);
		text.ptr += before + word.len;
		text.len -= before + word.len;
	}
	buffer_add(&out, text.ptr, text.len);
	return filter_give_buffer(work, &out);
}

int filter_linenumbers(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = filter_text(work);

	for (size_t number = 1; number == 1 || rest.ptr; number++) {
		struct text line = text_cut(rest, '\n', &rest);

		buffer_addf(&out, "%s%zu. ", number > 1 ? "\n" : "", number);
		buffer_add(&out, line.ptr, line.len);
	}
	return filter_give_buffer(work, &out);
}

static int change_letters(struct filter_work *work, uint32_t (*change)(uint32_t))
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = filter_text(work);
	size_t len;

	while (rest.len)
		letter_encode(&out, change(letter_decode(letter_take(&rest), &len)));
	return filter_give_buffer(work, &out);
}

int filter_upper(struct filter_work *work)
{
	return change_letters(work, letter_upper);
}

int filter_lower(struct filter_work *work)
{
	return change_letters(work, letter_lower);
}

static bool separates_words(uint32_t letter)
{
	if (letter >= 0x80)
		return letter_is_space(letter);
	return !((letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
		 (letter >= 'A' && letter <= 'Z') || letter == '_');
}

int filter_title(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = work->value->text;
	uint32_t previous = ' ';
	size_t len;

	if (work->value->kind != PONGO_TEXT)
		return filter_give_text(work, TEXT(""));
	while (rest.len) {
		uint32_t letter = letter_lower(letter_decode(letter_take(&rest), &len));

		letter_encode(&out, separates_words(previous) ? letter_title(letter) : letter);
		previous = letter;
	}
	return filter_give_buffer(work, &out);
}

int filter_phone2numeric(struct filter_work *work)
{
	static const char digits[] = "22233344455566677778889999";
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c >= 'a' && c <= 'z')
			c = digits[c - 'a'];
		else if (c >= 'A' && c <= 'Z')
			c = digits[c - 'A'];
		buffer_addc(&out, c);
	}
	return filter_give_buffer(work, &out);
}

/* Stray bytes come out as the character that stands for them. */
static void add_letters(struct buffer *out, struct text text, size_t count)
{
	size_t len;

	while (count-- && text.len)
		letter_encode(out, letter_decode(letter_take(&text), &len));
}

int filter_truncatechars(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text text = filter_text(work);
	int64_t room = value_integer(work->argument);
	size_t count = letter_count(text);

	if (room < 0)
		return filter_fail(work, "'truncatechars' takes no negative number");
	if ((size_t)room >= count) {
		add_letters(&out, text, count);
	} else if (room < 3) {
		add_letters(&out, text, (size_t)room);
	} else {
		add_letters(&out, text, (size_t)room - 3);
		buffer_adds(&out, "...");
	}
	return filter_give_buffer(work, &out);
}

int filter_truncatewords(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = filter_text(work);
	int64_t room = value_integer(work->argument);
	struct text word;

	if (room <= 0)
		return filter_give_text(work, TEXT(""));
	for (int64_t i = 0; (word = text_take_field(&rest)).len; i++) {
		if (i)
			buffer_addc(&out, ' ');
		if (i == room) {
			buffer_adds(&out, "...");
			break;
		}
		buffer_add(&out, word.ptr, word.len);
	}
	return filter_give_buffer(work, &out);
}

int filter_wordcount(struct filter_work *work)
{
	struct text rest = filter_text(work);
	int64_t count = 0;

	while (text_take_field(&rest).len)
		count++;
	*work->value = value_of_integer(count);
	return 0;
}

/*
 * So many words on a line, not characters. pongo2 works the number of lines out wrongly: there is an empty one more
 * for some counts, and where a line would begin behind the last word, it panics.
 */
int filter_wordwrap(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text rest = filter_text(work);
	int64_t room = value_integer(work->argument);
	int64_t count = 0;
	int64_t line_count;

	if (room <= 0)
		return 0;
	for (struct text all = rest; text_take_field(&all).len;)
		count++;
	line_count = count / room + count % room;
	if (line_count - 1 > count / room)
		return filter_fail(work, "'wordwrap' fails for this number of words, as in LXD and Incus");
	for (int64_t line = 0; line < line_count; line++) {
		buffer_adds(&out, line ? "\n" : "");
		for (int64_t i = 0; i < room && line * room + i < count; i++) {
			struct text word = text_take_field(&rest);

			buffer_adds(&out, i ? " " : "");
			buffer_add(&out, word.ptr, word.len);
		}
	}
	return filter_give_buffer(work, &out);
}
