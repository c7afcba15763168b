/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/copyright.h"

#include "base/limits.h"
#include "deb/stanza.h"

/* The first field says what the file is; early drafts of the format named it otherwise. */
static bool is_machine_readable(const struct deb_field *field)
{
	static const char *const marks[] = { "copyright-format", "/dep5", "/dep-5", "dep5.mdwn",
					     "machine-readable" };

	if (!text_is_anycase(field->name, "Format") && !text_is_anycase(field->name, "Format-Specification"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (memmem(field->value.ptr, field->value.len, marks[i], strlen(marks[i])))
			return true;
	return false;
}

/* What is known of one paragraph. */
struct paragraph {
	struct text licence; /* ptr NULL: none */
	bool names_files;
	bool has_copyright;
};

static int read_paragraph(struct deb_stanzas *stanzas, bool is_header, struct paragraph *paragraph)
{
	struct error ignored = ERROR_INIT;
	struct deb_field field;
	bool first = true;
	int r;

	*paragraph = (struct paragraph) { .names_files = is_header };
	while ((r = deb_field_next(stanzas, &field, &ignored)) > 0) {
		if (is_header && first && !is_machine_readable(&field))
			return 0;
		first = false;
		if (text_is_anycase(field.name, "License"))
			paragraph->licence = field.value;
		else if (text_is_anycase(field.name, "Files"))
			paragraph->names_files = true;
		else if (text_is_anycase(field.name, "Copyright"))
			paragraph->has_copyright = true;
	}
	return r < 0 ? -1 : 1;
}

static void add_licence(const struct paragraph *paragraph, struct arena *arena, struct copyright *copyright)
{
	struct copyright_licence licence = { .defines = !paragraph->names_files };

	licence.synopsis = text_trim(text_cut(paragraph->licence, '\n', &licence.text));
	/* Some leave out `Files: *`. */
	if (paragraph->has_copyright)
		licence.defines = false;
	if (licence.synopsis.len)
		ARENA_PUSH(arena, copyright->licences, copyright->count, licence);
}

enum copyright_form copyright_parse(struct text text, struct arena *arena, struct copyright *copyright)
{
	struct deb_stanzas stanzas = deb_stanzas_of(text);
	struct paragraph paragraph;
	bool holds = false;
	bool is_header = true;

	*copyright = (struct copyright) { NULL, 0 };
	if (text.len > LIMIT_COPYRIGHT_BYTES)
		return COPYRIGHT_MALFORMED;
	stanzas.comments = true;
	while (deb_stanza_next(&stanzas)) {
		int r = read_paragraph(&stanzas, is_header, &paragraph);

		/* A first line that is no field is one of prose. */
		if (is_header && r <= 0)
			return COPYRIGHT_FREE_TEXT;
		is_header = false;
		if (r < 0 || copyright->count == COPYRIGHT_LICENCES_MAX) {
			*copyright = (struct copyright) { NULL, 0 };
			return COPYRIGHT_MALFORMED;
		}
		if (paragraph.licence.ptr)
			add_licence(&paragraph, arena, copyright);
	}
	for (size_t i = 0; i < copyright->count; i++)
		holds |= !copyright->licences[i].defines;
	if (holds)
		return COPYRIGHT_READ;
	*copyright = (struct copyright) { NULL, 0 };
	return is_header ? COPYRIGHT_FREE_TEXT : COPYRIGHT_MALFORMED;
}

char *copyright_plain(struct text text)
{
	struct buffer out = BUFFER_INIT;

	while (text.len) {
		struct text line = text_cut(text, '\n', &text);

		if (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
			line.ptr++;
			line.len--;
		}
		while (line.len && strchr(" \t\r", line.ptr[line.len - 1]))
			line.len--;
		if (!text_is(line, "."))
			buffer_add(&out, line.ptr, line.len);
		buffer_addc(&out, '\n');
	}
	while (out.len && out.data[out.len - 1] == '\n')
		buffer_cut(&out, out.len - 1);
	return buffer_take(&out);
}

const char *copyright_form_words(enum copyright_form form)
{
	static const char *const words[] = {
		[COPYRIGHT_READ] = "",
		[COPYRIGHT_ABSENT] = "the image has no copyright file of this package",
		[COPYRIGHT_FREE_TEXT] = "the package's copyright file is not machine-readable",
		[COPYRIGHT_MALFORMED] = "the package's copyright file is malformed",
	};

	return words[form];
}
