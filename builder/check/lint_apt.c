/* SPDX-License-Identifier: Apache-2.0 */
#include "check/lint_apt.h"

#include <ctype.h>

enum { NAME_BYTES = 1024, DEPTH_MAX = 32 };

struct reader {
	struct text rest;
	char scope[NAME_BYTES]; /* of the block that this is in, and a name behind it */
	size_t ends[DEPTH_MAX]; /* where the scopes of the blocks outside end in it */
	size_t depth;
	size_t scope_len; /* of the blocks alone */
	lint_apt_fn *take;
	void *context;
};

static void skip(struct reader *reader, size_t len)
{
	len = len < reader->rest.len ? len : reader->rest.len;
	reader->rest.ptr += len;
	reader->rest.len -= len;
}

static void skip_behind(struct reader *reader, const char *end)
{
	const char *at = memmem(reader->rest.ptr, reader->rest.len, end, strlen(end));

	skip(reader, at ? (size_t)(at - reader->rest.ptr) + strlen(end) : reader->rest.len);
}

/* Blanks and comments; "#clear" and "#include" are comments as far as values go. */
static void skip_blanks(struct reader *reader)
{
	for (;;) {
		if (reader->rest.len && isspace((unsigned char)reader->rest.ptr[0]))
			skip(reader, 1);
		else if (text_starts(reader->rest, "//") || text_starts(reader->rest, "#"))
			skip_behind(reader, "\n");
		else if (text_starts(reader->rest, "/*"))
			skip_behind(reader, "*/");
		else
			return;
	}
}

/* A quoted text without its quotes, or a run of what is neither blank nor punctuation. */
static struct text word(struct reader *reader)
{
	struct text found = reader->rest;

	if (found.len && found.ptr[0] == '"') {
		skip(reader, 1);
		found = reader->rest;
		skip_behind(reader, "\"");
		found.len -= reader->rest.len;
		found.len -= found.len && found.ptr[found.len - 1] == '"';
		return found;
	}
	while (reader->rest.len && !isspace((unsigned char)reader->rest.ptr[0]) &&
	       !memchr("{};\"", reader->rest.ptr[0], 4))
		skip(reader, 1);
	found.len -= reader->rest.len;
	return found;
}

/* Put NAME behind the scope; the length of both. What is too long is cut: no setting is named so. */
static size_t name_in_scope(struct reader *reader, struct text name)
{
	size_t len = reader->scope_len;

	if (len && len + 2 < NAME_BYTES) {
		memcpy(reader->scope + len, "::", 2);
		len += 2;
	}
	if (name.len > NAME_BYTES - len)
		name.len = NAME_BYTES - len;
	memcpy(reader->scope + len, name.ptr, name.len);
	return len + name.len;
}

static void open_block(struct reader *reader, size_t len)
{
	if (reader->depth < DEPTH_MAX)
		reader->ends[reader->depth] = reader->scope_len;
	reader->depth++;
	reader->scope_len = len;
}

static void close_block(struct reader *reader)
{
	if (reader->depth == 0)
		return;
	reader->depth--;
	reader->scope_len = reader->depth < DEPTH_MAX ? reader->ends[reader->depth] : 0;
}

static void read_one(struct reader *reader)
{
	char c = reader->rest.ptr[0];
	struct text name;
	size_t len;

	if (c == '{' || c == ';') {
		skip(reader, 1);
		return;
	}
	if (c == '}') {
		close_block(reader);
		skip(reader, 1);
		return;
	}
	name = word(reader);
	len = name_in_scope(reader, name);
	skip_blanks(reader);
	if (reader->rest.len && reader->rest.ptr[0] == '{') {
		open_block(reader, len);
		skip(reader, 1);
	} else if (reader->rest.len && !memchr("};", reader->rest.ptr[0], 2)) {
		reader->take(reader->context, (struct text) { reader->scope, len }, word(reader));
	}
}

void lint_apt_settings(struct text text, lint_apt_fn *take, void *context)
{
	struct reader reader = { .rest = text, .take = take, .context = context };

	for (skip_blanks(&reader); reader.rest.len; skip_blanks(&reader))
		read_one(&reader);
}
