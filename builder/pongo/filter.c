/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/syntax.h"

static char to_upper(char c)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (c >= 'a' && c <= 'z')
		return upper[c - 'a'];
	return c;
}

static char to_lower(char c)
{
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz";

	if (c >= 'A' && c <= 'Z')
		return lower[c - 'A'];
	return c;
}

static void change_case(struct arena *arena, struct pongo_value *value, size_t len, char (*change)(char))
{
	struct text text = pongo_text(arena, value);
	char *copy = arena_strndup(arena, text.len ? text.ptr : "", text.len);

	for (size_t i = 0; i < len && i < text.len; i++)
		copy[i] = change(copy[i]);
	*value = (struct pongo_value) { .kind = PONGO_TEXT, .text = { copy, text.len } };
}

static void apply_capfirst(struct arena *arena, struct pongo_value *value, const struct pongo_value *argument)
{
	(void)argument;
	change_case(arena, value, 1, to_upper);
}

static void apply_upper(struct arena *arena, struct pongo_value *value, const struct pongo_value *argument)
{
	(void)argument;
	change_case(arena, value, SIZE_MAX, to_upper);
}

static void apply_lower(struct arena *arena, struct pongo_value *value, const struct pongo_value *argument)
{
	(void)argument;
	change_case(arena, value, SIZE_MAX, to_lower);
}

static void apply_default(struct arena *arena, struct pongo_value *value, const struct pongo_value *argument)
{
	(void)arena;
	if (!pongo_is_true(value))
		*value = *argument;
}

/* Names as pongo2 registers them; those without a function are told apart from misspelt ones. */
static const struct pongo_filter filters[] = {
	{ "add", true, NULL },
	{ "addslashes", false, NULL },
	{ "capfirst", false, apply_capfirst },
	{ "center", true, NULL },
	{ "cut", true, NULL },
	{ "date", true, NULL },
	{ "default", true, apply_default },
	{ "default_if_none", true, NULL },
	{ "divisibleby", true, NULL },
	{ "escape", false, NULL },
	{ "escapejs", false, NULL },
	{ "first", false, NULL },
	{ "float", false, NULL },
	{ "floatformat", false, NULL },
	{ "get_digit", true, NULL },
	{ "integer", false, NULL },
	{ "iriencode", false, NULL },
	{ "join", true, NULL },
	{ "last", false, NULL },
	{ "length", false, NULL },
	{ "length_is", true, NULL },
	{ "linebreaks", false, NULL },
	{ "linebreaksbr", false, NULL },
	{ "linenumbers", false, NULL },
	{ "ljust", true, NULL },
	{ "lower", false, apply_lower },
	{ "make_list", false, NULL },
	{ "phone2numeric", false, NULL },
	{ "pluralize", false, NULL },
	{ "random", false, NULL },
	{ "removetags", true, NULL },
	{ "rjust", true, NULL },
	{ "safe", false, NULL },
	{ "slice", true, NULL },
	{ "slugify", false, NULL },
	{ "split", true, NULL },
	{ "stringformat", true, NULL },
	{ "striptags", false, NULL },
	{ "time", true, NULL },
	{ "title", false, NULL },
	{ "truncatechars", true, NULL },
	{ "truncatewords", true, NULL },
	{ "upper", false, apply_upper },
	{ "urlencode", false, NULL },
	{ "urlize", false, NULL },
	{ "wordcount", false, NULL },
	{ "wordwrap", true, NULL },
	{ "yesno", false, NULL },
};

const struct pongo_filter *pongo_filter_find(struct text name, const char **nearest)
{
	auto_free char *word = NULL;
	const char *names[ARRAY_LEN(filters)];

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if (text_is(name, filters[i].name))
			return &filters[i];
		names[i] = filters[i].name;
	}
	if (nearest) {
		word = xstrndup(name.ptr, name.len);
		*nearest = text_nearest(word, names, ARRAY_LEN(names));
	}
	return NULL;
}
