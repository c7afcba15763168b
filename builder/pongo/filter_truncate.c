/* SPDX-License-Identifier: Apache-2.0 */
/* truncatechars_html and truncatewords_html: tags do not count, and those that are open at the cut are closed. */
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/value.h"

struct cutter {
	struct text rest;
	struct buffer out;
	struct text *open; /* names of tags, in the order in which they were opened; malloc'ed */
	size_t open_count;
	uint64_t steps;
};

/* Walking through open tags for every closing one takes the square of their number. */
enum { CUTTER_STEPS_MAX = 10000000 };

static void cutter_release(struct cutter *cutter)
{
	buffer_release(&cutter->out);
	free(cutter->open);
}

/* The next character; stray bytes are skipped. False at the end. */
static bool take(struct cutter *cutter, struct text *letter)
{
	while (cutter->rest.len) {
		size_t len;

		*letter = letter_take(&cutter->rest);
		if (letter_decode(*letter, &len) != LETTER_BAD)
			return true;
	}
	return false;
}

/* Behind "</": the innermost tag of that name is no longer open; its place is taken by the last one. */
static bool close_tag(struct cutter *cutter)
{
	struct text name = cutter->rest;
	struct buffer kept = BUFFER_INIT;
	struct text letter;

	while (take(cutter, &letter) && letter.ptr[0] != '>')
		buffer_add(&kept, letter.ptr, letter.len);
	name = (struct text) { kept.data, kept.len };
	for (size_t i = cutter->open_count; i > 0; i--) {
		if (++cutter->steps > CUTTER_STEPS_MAX)
			break;
		if (text_equal(cutter->open[i - 1], name)) {
			cutter->open[i - 1] = cutter->open[--cutter->open_count];
			break;
		}
	}
	buffer_adds(&cutter->out, "/");
	buffer_add(&cutter->out, kept.data, kept.len);
	buffer_adds(&cutter->out, ">");
	buffer_release(&kept);
	return cutter->steps <= CUTTER_STEPS_MAX;
}

/* Behind "<": the name goes up to the first blank, what follows is copied. */
static void open_tag(struct cutter *cutter, struct arena *arena)
{
	auto_buffer struct buffer name = BUFFER_INIT;
	struct text letter;
	bool in_name = true;

	while (take(cutter, &letter)) {
		buffer_add(&cutter->out, letter.ptr, letter.len);
		if (letter.ptr[0] == '>')
			break;
		in_name = in_name && letter.ptr[0] != ' ';
		if (in_name)
			buffer_add(&name, letter.ptr, letter.len);
	}
	PUSH(cutter->open, cutter->open_count,
	     ((struct text) { arena_strndup(arena, name.data ? name.data : "", name.len), name.len }));
}

/* Behind "<". At the very end of the text it is no tag. */
static bool take_tag(struct cutter *cutter, struct arena *arena)
{
	buffer_addc(&cutter->out, '<');
	if (cutter->rest.len < 2)
		return true;
	if (cutter->rest.ptr[0] != '/') {
		open_tag(cutter, arena);
		return true;
	}
	cutter->rest.ptr++;
	cutter->rest.len--;
	return close_tag(cutter);
}

/* A run of letters up to a blank, a full stop, a comma or a semicolon, which belongs to it; before a tag none. */
static bool take_word(struct cutter *cutter)
{
	bool found = false;
	struct text before = cutter->rest;
	struct text letter;

	for (; take(cutter, &letter); before = cutter->rest) {
		if (letter.ptr[0] == '<') {
			size_t stray = (size_t)(letter.ptr - before.ptr);

			cutter->rest = (struct text) { letter.ptr, before.len - stray };
			return false;
		}
		buffer_add(&cutter->out, letter.ptr, letter.len);
		if (strchr(" .,;", letter.ptr[0]) && letter.ptr[0])
			break;
		found = true;
	}
	return found;
}

static bool is_stray(struct text text)
{
	size_t len;

	return letter_decode(text, &len) == LETTER_BAD;
}

/* Copy up to ROOM characters, or words. False when it takes too long. */
static bool cut(struct cutter *cutter, struct arena *arena, int64_t room, bool words, int64_t *count)
{
	while (cutter->rest.len && *count < room) {
		struct text letter;

		if (is_stray(cutter->rest)) {
			letter_take(&cutter->rest);
		} else if (cutter->rest.ptr[0] == '<') {
			letter_take(&cutter->rest);
			if (!take_tag(cutter, arena))
				return false;
		} else if (words) {
			*count += take_word(cutter);
		} else {
			letter = letter_take(&cutter->rest);
			buffer_add(&cutter->out, letter.ptr, letter.len);
			++*count;
		}
	}
	return true;
}

static int cut_html(struct filter_work *work, int64_t room, bool words)
{
	AUTO(cutter_release) struct cutter cutter = { .out = BUFFER_INIT };
	int64_t count = 0;
	size_t len;

	cutter.rest = filter_text(work);
	len = cutter.rest.len;
	if (!cut(&cutter, work->arena, room, words, &count))
		return filter_fail(work, "the text has too many open tags");
	if (count >= room && (words || (size_t)count < len))
		buffer_adds(&cutter.out, "...");
	for (size_t i = cutter.open_count; i > 0; i--) {
		buffer_adds(&cutter.out, "</");
		buffer_add(&cutter.out, cutter.open[i - 1].ptr, cutter.open[i - 1].len);
		buffer_adds(&cutter.out, ">");
	}
	if (filter_give_buffer(work, &cutter.out) < 0)
		return -1;
	work->value->safe = true;
	return 0;
}

static int64_t not_negative(int64_t number)
{
	return number > 0 ? number : 0;
}

int filter_truncatechars_html(struct filter_work *work)
{
	int64_t room = value_integer(work->argument);

	return cut_html(work, room > INT64_MIN + 3 ? not_negative(room - 3) : INT64_MAX, false);
}

int filter_truncatewords_html(struct filter_work *work)
{
	return cut_html(work, not_negative(value_integer(work->argument)), true);
}
