/* SPDX-License-Identifier: Apache-2.0 */
/* Control files of any bytes, with comments and without: fields lie in the text, in its order, and say the same
 * when they are read again. */
#include "base/alloc.h"
#include "deb/stanza.h"
#include "fuzz/fuzz.h"

#include <assert.h>

static void check(struct text text, const struct deb_field *field)
{
	assert(field->name.len && field->value.ptr);
	assert(field->name.ptr >= text.ptr && field->value.ptr > field->name.ptr + field->name.len);
	assert(field->value.ptr + field->value.len <= text.ptr + text.len);
	assert(!memchr(field->name.ptr, '\n', field->name.len));
	assert(!memchr(field->value.ptr ? field->value.ptr : "", '\0', field->value.len));
}

/* What is accepted, written anew; NULL for what is not. */
static char *rewritten(struct text text, bool comments)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct deb_stanzas stanzas = deb_stanzas_of(text);
	const char *last = text.ptr;
	struct error e = ERROR_INIT;
	unsigned line = 0;

	stanzas.comments = comments;
	while (deb_stanza_next(&stanzas)) {
		struct deb_field field;
		int r;

		while ((r = deb_field_next(&stanzas, &field, &e)) > 0) {
			check(text, &field);
			assert(field.name.ptr >= last && stanzas.line > line);
			last = field.value.ptr + field.value.len;
			line = stanzas.line;
			buffer_addf(&out, "%.*s: ", TEXT_ARG(field.name));
			buffer_add(&out, field.value.ptr, field.value.len);
			buffer_addc(&out, '\n');
		}
		if (r < 0) {
			assert(e.kind == ERROR_FORMAT && e.text[0] && stanzas.line >= line);
			return NULL;
		}
		buffer_addc(&out, '\n');
	}
	return buffer_take(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);

	if (size)
		memcpy(copy, data, size);
	for (int comments = 0; comments < 2; comments++) {
		auto_free char *once = rewritten((struct text) { copy, size }, comments);
		auto_free char *twice = once ? rewritten(text_of(once), comments) : NULL;

		assert(!once || (twice && strcmp(once, twice) == 0));
	}
	return 0;
}
