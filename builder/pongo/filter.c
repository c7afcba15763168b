/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/filter.h"

#include "base/limits.h"
#include "pongo/letters.h"
#include "pongo/value.h"

/* No name of a template stands for a point in time, in none of the daemons and in no recipe. */
#define NO_TIME "no value is a time"

/* Names as pongo2 4 and 6 register them. */
static const struct pongo_filter filters[] = {
	{ "add", filter_add, PONGO_4, NULL },
	{ "addslashes", filter_addslashes, PONGO_4, NULL },
	{ "capfirst", filter_capfirst, PONGO_4, NULL },
	{ "center", filter_center, PONGO_4, NULL },
	{ "cut", filter_cut, PONGO_4, NULL },
	{ "date", NULL, PONGO_4, NO_TIME },
	{ "default", filter_default, PONGO_4, NULL },
	{ "default_if_none", filter_default_if_none, PONGO_4, NULL },
	{ "divisibleby", filter_divisibleby, PONGO_4, NULL },
	{ "e", filter_escape, PONGO_6, NULL },
	{ "escape", filter_escape, PONGO_4, NULL },
	{ "escapejs", filter_escapejs, PONGO_4, NULL },
	{ "first", filter_first, PONGO_4, NULL },
	{ "float", filter_float, PONGO_4, NULL },
	{ "floatformat", filter_floatformat, PONGO_4, NULL },
	{ "get_digit", filter_get_digit, PONGO_4, NULL },
	{ "integer", filter_integer, PONGO_4, NULL },
	{ "iriencode", filter_iriencode, PONGO_4, NULL },
	{ "join", filter_join, PONGO_4, NULL },
	{ "last", filter_last, PONGO_4, NULL },
	{ "length", filter_length, PONGO_4, NULL },
	{ "length_is", filter_length_is, PONGO_4, NULL },
	{ "linebreaks", filter_linebreaks, PONGO_4, NULL },
	{ "linebreaksbr", filter_linebreaksbr, PONGO_4, NULL },
	{ "linenumbers", filter_linenumbers, PONGO_4, NULL },
	{ "ljust", filter_ljust, PONGO_4, NULL },
	{ "lower", filter_lower, PONGO_4, NULL },
	{ "make_list", filter_make_list, PONGO_4, NULL },
	{ "phone2numeric", filter_phone2numeric, PONGO_4, NULL },
	{ "pluralize", filter_pluralize, PONGO_4, NULL },
	{ "random", filter_random, PONGO_4, NULL },
	{ "removetags", filter_removetags, PONGO_4, NULL },
	{ "rjust", filter_rjust, PONGO_4, NULL },
	{ "safe", filter_safe, PONGO_4, NULL },
	{ "slice", filter_slice, PONGO_4, NULL },
	{ "split", filter_split, PONGO_4, NULL },
	{ "stringformat", filter_stringformat, PONGO_4, NULL },
	{ "striptags", filter_striptags, PONGO_4, NULL },
	{ "time", NULL, PONGO_4, NO_TIME },
	{ "title", filter_title, PONGO_4, NULL },
	{ "truncatechars", filter_truncatechars, PONGO_4, NULL },
	{ "truncatechars_html", filter_truncatechars_html, PONGO_4, NULL },
	{ "truncatewords", filter_truncatewords, PONGO_4, NULL },
	{ "truncatewords_html", filter_truncatewords_html, PONGO_4, NULL },
	{ "upper", filter_upper, PONGO_4, NULL },
	{ "urlencode", filter_urlencode, PONGO_4, NULL },
	{ "urlize", filter_urlize, PONGO_4, NULL },
	{ "urlizetrunc", filter_urlizetrunc, PONGO_4, NULL },
	{ "wordcount", filter_wordcount, PONGO_4, NULL },
	{ "wordwrap", filter_wordwrap, PONGO_4, NULL },
	{ "yesno", filter_yesno, PONGO_4, NULL },
};

const struct pongo_filter *filter_all(size_t *count)
{
	*count = ARRAY_LEN(filters);
	return filters;
}

const struct pongo_filter *filter_find(struct text name, const char **nearest)
{
	auto_free char *word = NULL;
	const char *names[ARRAY_LEN(filters)];

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if (text_is(name, filters[i].name))
			return &filters[i];
		names[i] = filters[i].name;
	}
	if (nearest) {
		word = xstrndup(name.ptr, name.len < 100 ? name.len : 100);
		*nearest = text_nearest(word, names, ARRAY_LEN(names));
	}
	return NULL;
}

struct text filter_text(const struct filter_work *work)
{
	return value_text(work->arena, work->value);
}

struct text filter_argument(const struct filter_work *work)
{
	return value_text(work->arena, work->argument);
}

int filter_fail(struct filter_work *work, const char *text)
{
	return error_set(work->e, ERROR_RECIPE, "%s", text);
}

bool filter_fits(struct filter_work *work, size_t len, uint64_t count)
{
	if (len <= LIMIT_TEMPLATE_BYTES && count <= LIMIT_TEMPLATE_BYTES - len)
		return true;
	error_set(work->e, ERROR_RECIPE, "the filter gives more than the limit of %llu bytes",
		  LIMIT_TEMPLATE_BYTES);
	return false;
}

int filter_give_text(struct filter_work *work, struct text text)
{
	*work->value = value_of_text(text);
	return 0;
}

int filter_give_buffer(struct filter_work *work, const struct buffer *buffer)
{
	if (!filter_fits(work, 0, buffer->len))
		return -1;
	return filter_give_text(
		work,
		(struct text) { arena_strndup(work->arena, buffer->data ? buffer->data : "", buffer->len),
				buffer->len });
}

struct text text_trim_spaces(struct text text)
{
	size_t keep = 0;
	struct text rest;

	while (text.len) {
		struct text after = text;
		size_t len;

		if (!letter_is_space(letter_decode(letter_take(&after), &len)))
			break;
		text = after;
	}
	rest = text;
	while (rest.len) {
		struct text letter = letter_take(&rest);
		size_t len;

		if (!letter_is_space(letter_decode(letter, &len)))
			keep = text.len - rest.len;
	}
	text.len = keep;
	return text;
}

struct text text_take_field(struct text *rest)
{
	struct text field = { rest->ptr, 0 };

	while (rest->len) {
		struct text after = *rest;
		size_t len;
		bool is_space = letter_is_space(letter_decode(letter_take(&after), &len));

		if (is_space && field.len)
			break;
		*rest = after;
		if (is_space)
			field.ptr = rest->ptr;
		else
			field.len += len;
	}
	return field;
}
