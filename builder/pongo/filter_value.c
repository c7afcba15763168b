/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/number.h"
#include "pongo/value.h"

#include <sys/random.h>

int filter_safe(struct filter_work *work)
{
	(void)work;
	return 0;
}

int filter_default(struct filter_work *work)
{
	if (!value_is_true(work->value))
		*work->value = *work->argument;
	return 0;
}

int filter_default_if_none(struct filter_work *work)
{
	if (work->value->kind == PONGO_NONE)
		*work->value = *work->argument;
	return 0;
}

int filter_divisibleby(struct filter_work *work)
{
	int64_t divisor = value_integer(work->argument);

	*work->value =
		value_of_flag(divisor != 0 && integer_modulo(value_integer(work->value), divisor) == 0);
	return 0;
}

int filter_float(struct filter_work *work)
{
	*work->value = value_of_number(value_number(work->value));
	return 0;
}

int filter_integer(struct filter_work *work)
{
	*work->value = value_of_integer(value_integer(work->value));
	return 0;
}

/* Without a number as argument, or with one that is not positive, a whole number has no decimals. */
int filter_floatformat(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	double number = value_number(work->value);
	int64_t decimals = work->argument->kind == PONGO_NONE ? -1 : value_integer(work->argument);
	bool trims = !value_is_numeric(work->argument) || decimals <= 0;
	double whole = (double)number_to_integer(number);

	decimals = decimals <= 0 ? integer_negate(decimals) : decimals;
	if (trims && whole <= number && whole >= number)
		return filter_integer(work);
	if (decimals < 0 || !filter_fits(work, 0, (uint64_t)decimals))
		return filter_fail(work, "'floatformat' takes a smaller number of decimals");
	number_format(&out, number, (int)decimals);
	return filter_give_buffer(work, &out);
}

/* From the right, from 1; what is no digit gives its distance from '0', as a byte. */
int filter_get_digit(struct filter_work *work)
{
	struct text text = filter_text(work);
	int64_t index = value_integer(work->argument);

	if (index <= 0 || (uint64_t)index > text.len)
		return 0;
	*work->value = value_of_integer((unsigned char)(text.ptr[text.len - (size_t)index] - '0'));
	work->value->is_byte = true;
	return 0;
}

static int give_element(struct filter_work *work, bool last)
{
	size_t count = value_length(work->value);

	if (!value_has_elements(work->value) || count == 0)
		return filter_give_text(work, TEXT(""));
	return filter_give_text(work, value_element(work->arena, work->value, last ? count - 1 : 0));
}

int filter_first(struct filter_work *work)
{
	return give_element(work, false);
}

int filter_last(struct filter_work *work)
{
	return give_element(work, true);
}

int filter_length(struct filter_work *work)
{
	*work->value = value_of_integer((int64_t)value_length(work->value));
	return 0;
}

int filter_length_is(struct filter_work *work)
{
	*work->value = value_of_flag((int64_t)value_length(work->value) == value_integer(work->argument));
	return 0;
}

static int give_list(struct filter_work *work, struct text *items, size_t count)
{
	struct pongo_list *list = arena_alloc(work->arena, sizeof *list);

	*list = (struct pongo_list) { items, count };
	*work->value = (struct pongo_value) { .kind = PONGO_LIST, .list = list };
	return 0;
}

/* The letters of TEXT as a list. */
static int give_letters(struct filter_work *work, struct text text, bool replaces_last)
{
	size_t count = letter_count(text);
	struct text *items = arena_alloc(work->arena, (count + 1) * sizeof *items);
	size_t len;

	for (size_t i = 0; i < count; i++) {
		items[i] = letter_take(&text);
		if ((replaces_last || i + 1 < count) && letter_decode(items[i], &len) == LETTER_BAD)
			items[i] = TEXT("\xEF\xBF\xBD");
	}
	return give_list(work, items, count);
}

int filter_make_list(struct filter_work *work)
{
	return give_letters(work, filter_text(work), true);
}

int filter_split(struct filter_work *work)
{
	struct text text = filter_text(work);
	struct text separator = filter_argument(work);
	struct text *items = NULL;
	size_t count = 0;
	const char *found;

	if (separator.len == 0)
		return give_letters(work, text, false);
	while (text.len && (found = memmem(text.ptr, text.len, separator.ptr, separator.len))) {
		struct text item = { text.ptr, (size_t)(found - text.ptr) };

		ARENA_PUSH(work->arena, items, count, item);
		text.ptr += item.len + separator.len;
		text.len -= item.len + separator.len;
	}
	ARENA_PUSH(work->arena, items, count, text);
	return give_list(work, items, count);
}

int filter_join(struct filter_work *work)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct text separator = filter_argument(work);
	struct text rest = work->value->text;
	size_t count = value_length(work->value);

	if (!value_has_elements(work->value))
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct text item;
		size_t len;

		if (work->value->kind == PONGO_LIST) {
			item = work->value->list->items[i];
		} else {
			item = letter_take(&rest);
			item = letter_decode(item, &len) == LETTER_BAD ? TEXT("\xEF\xBF\xBD") : item;
		}
		if (!filter_fits(work, out.len, separator.len + item.len))
			return -1;
		if (i)
			buffer_add(&out, separator.ptr, separator.len);
		buffer_add(&out, item.ptr, item.len);
	}
	return filter_give_buffer(work, &out);
}

int filter_pluralize(struct filter_work *work)
{
	struct text endings = work->argument->kind == PONGO_TEXT ? work->argument->text : TEXT("");
	bool is_one;
	struct text rest;
	struct text first;

	if (!value_is_numeric(work->value))
		return filter_fail(work, "'pluralize' takes numbers alone");
	is_one = value_integer(work->value) == 1;
	if (endings.len == 0)
		return filter_give_text(work, is_one ? TEXT("") : TEXT("s"));
	first = text_cut(endings, ',', &rest);
	if (!rest.ptr)
		return filter_give_text(work, is_one ? TEXT("") : first);
	if (memchr(rest.ptr, ',', rest.len))
		return filter_fail(work, "'pluralize' takes at most two endings");
	return filter_give_text(work, is_one ? first : rest);
}

int filter_random(struct filter_work *work)
{
	size_t count = value_length(work->value);
	uint64_t chance = 0;

	if (!work->is_live)
		return error_set(work->e, ERROR_UNSUPPORTED,
				 "'random' is refused here: the same recipe has to give the same image");
	if (!value_has_elements(work->value) || count == 0)
		return 0;
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		return error_sys(work->e, "no random number");
	return filter_give_text(work, value_element(work->arena, work->value, chance % count));
}

struct bounds {
	int64_t from;
	int64_t to;
};

/* pongo2 4: a start from the left, and an end, which counts only where it is not before the start. */
static int bounds_of_4(struct filter_work *work, struct text from, struct text to, int64_t count,
		       struct bounds *out)
{
	struct pongo_value value = value_of_text(from);
	int64_t end;

	out->from = value_integer(&value);
	out->to = count;
	if (out->from > count)
		out->from = count;
	value = value_of_text(to);
	end = value_integer(&value);
	if (end >= out->from && end <= count)
		out->to = end;
	return out->from < 0 ? filter_fail(work, "'slice' takes no negative start in LXD and in recipes") : 0;
}

/* pongo2 6: both may count from the right, and an end that is missing is that of the value. */
static int bounds_of_6(struct text from, struct text to, int64_t count, struct bounds *out)
{
	struct pongo_value value = value_of_text(from);
	int64_t end;

	out->from = value_integer(&value);
	if (out->from < 0)
		out->from = integer_add(count, out->from) > 0 ? integer_add(count, out->from) : 0;
	if (out->from > count)
		out->from = count;
	value = value_of_text(to);
	end = text_trim_spaces(to).len ? value_integer(&value) : count;
	if (end < 0)
		end = integer_add(count, end) > 0 ? integer_add(count, end) : 0;
	if (end < out->from)
		end = out->from;
	out->to = end <= count ? end : count;
	return 0;
}

int filter_slice(struct filter_work *work)
{
	struct text argument = filter_argument(work);
	struct text to;
	struct text from = text_cut(argument, ':', &to);
	int64_t count = (int64_t)value_length(work->value);
	struct pongo_value *value = work->value;
	struct bounds bounds;
	auto_buffer struct buffer out = BUFFER_INIT;

	if (!to.ptr || (to.len && memchr(to.ptr, ':', to.len)))
		return filter_fail(work, "'slice' takes 'from:to'");
	if (!value_has_elements(value))
		return 0;
	if (work->version == PONGO_4 ? bounds_of_4(work, from, to, count, &bounds) < 0
				     : bounds_of_6(from, to, count, &bounds) < 0)
		return -1;
	if (value->kind == PONGO_LIST)
		return give_list(work, (struct text *)(uintptr_t)value->list->items + bounds.from,
				 (size_t)(bounds.to - bounds.from));
	to = (struct text) { value->text.ptr, letter_offset(value->text, (size_t)bounds.to) };
	from = (struct text) { to.ptr, letter_offset(to, (size_t)bounds.from) };
	to.ptr += from.len;
	to.len -= from.len;
	while (to.len) {
		size_t len;

		letter_encode(&out, letter_decode(letter_take(&to), &len));
	}
	return filter_give_buffer(work, &out);
}

/* "yes,no,maybe" with other words, the last of which may be missing. */
int filter_yesno(struct filter_work *work)
{
	struct text words[3] = { TEXT("yes"), TEXT("no"), TEXT("maybe") };
	struct text rest = filter_argument(work);
	size_t count = 0;

	if (rest.len) {
		while (rest.ptr && count < ARRAY_LEN(words))
			words[count++] = text_cut(rest, ',', &rest);
		if (count < 2 || rest.ptr)
			return filter_fail(work, "'yesno' takes two or three words, separated by commas");
	}
	if (work->value->kind == PONGO_NONE)
		return filter_give_text(work, words[2]);
	return filter_give_text(work, words[value_is_true(work->value) ? 0 : 1]);
}
