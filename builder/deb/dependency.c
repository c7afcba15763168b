/* SPDX-License-Identifier: Apache-2.0 */
#include "deb/dependency.h"

#include <string.h>

enum { NAME_BYTES_MAX = 512 };

/* A table, because an archive's indexes have some ten million such bytes. */
enum { NAME_BYTE = 1 << 0, UPPER_CASE = 1 << 1, UNDERSCORE = 1 << 2 };
static const unsigned char classes[256] = {
	['a' ... 'z'] = NAME_BYTE, ['0' ... '9'] = NAME_BYTE,  ['+'] = NAME_BYTE,  ['-'] = NAME_BYTE,
	['.'] = NAME_BYTE,         ['A' ... 'Z'] = UPPER_CASE, ['_'] = UNDERSCORE,
};

static bool is_of(char c, unsigned mask)
{
	return classes[(unsigned char)c] & mask;
}

static bool is_name_sign(char c)
{
	return c == '+' || c == '-' || c == '.';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(struct text *rest)
{
	while (rest->len && is_space(rest->ptr[0])) {
		rest->ptr++;
		rest->len--;
	}
}

static bool take(struct text *rest, char c)
{
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	rest->ptr++;
	rest->len--;
	return true;
}

bool deb_name_is_valid(struct text text)
{
	if (text.len < 2 || text.len > NAME_BYTES_MAX || is_name_sign(text.ptr[0]))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_of(text.ptr[i], NAME_BYTE))
			return false;
	return true;
}

/*
 * A run of bytes that can belong to a name. Upper case is let through: old archives have a few such
 * relations, and dpkg reads names without regard to case; nothing will match them.
 */
static struct text take_word(struct text *rest, unsigned mask)
{
	struct text word = { rest->ptr, 0 };

	while (word.len < rest->len && is_of(word.ptr[word.len], mask))
		word.len++;
	rest->ptr += word.len;
	rest->len -= word.len;
	return word;
}

/* "<" and ">" alone are what "<=" and ">=" were before 1996; dpkg and apt still read them so. */
static enum deb_relation take_relation(struct text *rest)
{
	if (take(rest, '<'))
		return take(rest, '<') ? RELATION_EARLIER : (take(rest, '='), RELATION_EARLIER_EQUAL);
	if (take(rest, '>'))
		return take(rest, '>') ? RELATION_LATER : (take(rest, '='), RELATION_LATER_EQUAL);
	take(rest, '=');
	return RELATION_EQUAL;
}

/* "(>= 1.2)" with *rest behind the opening parenthesis. */
static bool take_version(struct text *rest, struct deb_part *part)
{
	const char *end = rest->len ? memchr(rest->ptr, ')', rest->len) : NULL;

	if (!end)
		return false;
	skip_spaces(rest);
	part->relation = take_relation(rest);
	if (rest->ptr > end)
		return false;
	part->version = text_trim((struct text) { rest->ptr, (size_t)(end - rest->ptr) });
	rest->len -= (size_t)(end - rest->ptr) + 1;
	rest->ptr = end + 1;
	return deb_version_is_valid(part->version);
}

static bool skip_restrictions(struct text *rest)
{
	while (rest->len && (rest->ptr[0] == '[' || rest->ptr[0] == '<')) {
		const char *end = memchr(rest->ptr, rest->ptr[0] == '[' ? ']' : '>', rest->len);

		if (!end)
			return false;
		rest->len -= (size_t)(end - rest->ptr) + 1;
		rest->ptr = end + 1;
		skip_spaces(rest);
	}
	return true;
}

int deb_dependency_next(struct text *rest, struct deb_part *part)
{
	*part = (struct deb_part) { .relation = RELATION_NONE };
	skip_spaces(rest);
	while (take(rest, ',')) /* empty entries between commas, as dpkg allows */
		skip_spaces(rest);
	if (rest->len == 0)
		return 0;
	part->name = take_word(rest, NAME_BYTE | UPPER_CASE | UNDERSCORE);
	if (part->name.len == 0)
		return -1;
	if (take(rest, ':')) {
		part->qualifier = take_word(rest, NAME_BYTE | UPPER_CASE);
		if (part->qualifier.len == 0)
			return -1;
	}
	skip_spaces(rest);
	if (take(rest, '(') && !take_version(rest, part))
		return -1;
	skip_spaces(rest);
	if (!skip_restrictions(rest))
		return -1;
	skip_spaces(rest);
	part->or_next = take(rest, '|');
	if (part->or_next) {
		skip_spaces(rest);
		return rest->len && rest->ptr[0] != ',' ? 1 : -1;
	}
	return rest->len == 0 || take(rest, ',') ? 1 : -1;
}
