/* SPDX-License-Identifier: Apache-2.0 */
#include "deb/stanza.h"

enum { SHOWN_BYTES_MAX = 80 };

static bool is_name_byte(char c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* Whether nothing but blanks is on the line; a CR belongs to its end. */
static bool is_blank_line(const char *at, const char *end)
{
	while (at < end && (is_blank(*at) || *at == '\r'))
		at++;
	return at == end || *at == '\n';
}

/* Move behind the line; its end is returned. */
static const char *take_line(struct deb_stanzas *stanzas)
{
	const char *stop = memchr(stanzas->at, '\n', (size_t)(stanzas->end - stanzas->at));

	stanzas->next_line++;
	stanzas->at = stop ? stop + 1 : stanzas->end;
	return stop ? stop : stanzas->end;
}

static void pass_comments(struct deb_stanzas *stanzas)
{
	while (stanzas->comments && stanzas->at < stanzas->end && *stanzas->at == '#')
		take_line(stanzas);
}

static bool continues(struct deb_stanzas *stanzas)
{
	pass_comments(stanzas);
	return stanzas->at < stanzas->end && is_blank(*stanzas->at) &&
	       !is_blank_line(stanzas->at, stanzas->end);
}

/* Whether LINE, which somebody else wrote, can stand in a message. */
static bool is_presentable(struct text line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] < ' ' || line.ptr[i] > '~')
			return false;
	return line.len > 0;
}

static int malformed(struct deb_stanzas *stanzas, struct error *e)
{
	const char *start = stanzas->at;
	struct text line = { start, (size_t)(take_line(stanzas) - start) };
	const char *what = "is no field";

	if (line.len && is_blank(line.ptr[0]))
		what = "continues no field";
	line = text_trim(line);
	if (line.len > SHOWN_BYTES_MAX)
		line.len = SHOWN_BYTES_MAX;
	if (!is_presentable(line))
		return error_set(e, ERROR_FORMAT, "a line %s", what);
	return error_set(e, ERROR_FORMAT, "line '%.*s' %s", TEXT_ARG(line), what);
}

struct deb_stanzas deb_stanzas_of(struct text text)
{
	const char *start = text.ptr ? text.ptr : "";

	return (struct deb_stanzas) { .at = start, .end = start + text.len, .line = 1, .next_line = 1 };
}

bool deb_stanza_next(struct deb_stanzas *stanzas)
{
	pass_comments(stanzas);
	while (stanzas->at < stanzas->end && is_blank_line(stanzas->at, stanzas->end)) {
		take_line(stanzas);
		pass_comments(stanzas);
	}
	return stanzas->at < stanzas->end;
}

int deb_field_next(struct deb_stanzas *stanzas, struct deb_field *field, struct error *e)
{
	const char *name = NULL;
	const char *name_end = NULL;
	const char *colon = NULL;
	const char *value = NULL;
	const char *stop = NULL;

	pass_comments(stanzas);
	if (stanzas->at == stanzas->end || is_blank_line(stanzas->at, stanzas->end))
		return 0;
	stanzas->line = stanzas->next_line;
	name = stanzas->at;
	name_end = name;
	while (name_end < stanzas->end && is_name_byte(*name_end))
		name_end++;
	colon = skip_blanks(name_end, stanzas->end);
	if (name_end == name || *name == '#' || *name == '-' || colon == stanzas->end || *colon != ':')
		return malformed(stanzas, e);
	value = skip_blanks(colon + 1, stanzas->end);
	stanzas->at = value;
	do
		stop = take_line(stanzas);
	while (continues(stanzas));
	if (memchr(value, '\0', (size_t)(stop - value)))
		return error_set(e, ERROR_FORMAT, "a NUL byte in the text");
	while (stop > value && (is_blank(stop[-1]) || stop[-1] == '\r' || stop[-1] == '\n'))
		stop--;
	field->name = (struct text) { name, (size_t)(name_end - name) };
	field->value = (struct text) { value, (size_t)(stop - value) };
	return 1;
}
