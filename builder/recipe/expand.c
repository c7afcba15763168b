/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/expand.h"

#include "pongo/pongo.h"
#include "recipe/schema.h"

/*
 * A value may hold a template itself (image.name does), and that may name others. The depth stops a circle,
 * the total keeps a hostile recipe from multiplying its way through the others.
 */
enum { NESTING_MAX = 8, NESTED_TOTAL_MAX = 500, NAMES_MAX = 64 };

struct expander {
	const struct recipe *recipe;
	unsigned depth;
	unsigned *total;
	bool check; /* look names up without expanding what they stand for */
};

/* Names that are worked out instead of written in the recipe. */
static const struct {
	const char *name;
	size_t offset;
} computed[] = {
	{ "image.architecture_mapped", offsetof(struct recipe, architecture_mapped) },
	{ "image.architecture_kernel", offsetof(struct recipe, architecture_kernel) },
	{ "image.architecture_personality", offsetof(struct recipe, architecture_personality) },
	{ "targets.type", offsetof(struct recipe, type) },
};

static int expand_text(struct expander *expander, const char *text, struct arena *arena, struct text *out,
		       struct error *e);

static bool is_template(const char *text)
{
	return strstr(text, "{{") || strstr(text, "{%") || strstr(text, "{#");
}

static const char *text_at(const void *base, size_t offset)
{
	const char *text;

	memcpy(&text, (const char *)base + offset, sizeof text);
	return text;
}

static bool is_variable(const struct schema_field *field)
{
	return field->type == SCHEMA_TEXT || field->type == SCHEMA_FLAG || field->type == SCHEMA_SIZE;
}

/* Every name that a template may use, for "did you mean". */
static void collect_names(const struct schema_section *section, const char *prefix, struct arena *arena,
			  const char *names[NAMES_MAX], size_t *count)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct schema_field *field = &section->fields[i];
		const char *name = arena_printf(arena, "%s%s%s", prefix, prefix[0] ? "." : "", field->key);

		if (field->type == SCHEMA_SECTION)
			collect_names(field->section, name, arena, names, count);
		else if (is_variable(field) && *count < NAMES_MAX)
			names[(*count)++] = name;
	}
}

static int fail_unknown(struct text name, struct arena *arena, struct error *e)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	const char *nearest;

	for (size_t i = 0; i < ARRAY_LEN(computed); i++)
		names[count++] = computed[i].name;
	collect_names(&schema_recipe, "", arena, names, &count);
	nearest = text_nearest(arena_strndup(arena, name.ptr, name.len), names, count);
	return error_set(e, ERROR_RECIPE, "unknown name '%.*s' in a template%s%s%s", TEXT_ARG(name),
			 nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

static int give_text(struct expander *expander, struct text name, const char *text, struct arena *arena,
		     struct pongo_value *value, struct error *e)
{
	*value = (struct pongo_value) { .kind = PONGO_TEXT, .text = text ? text_of(text) : TEXT("") };
	if (!text || expander->check || !is_template(text))
		return 1;
	if (expand_text(expander, text, arena, &value->text, e) < 0)
		return error_wrap(e, "in '%.*s'", TEXT_ARG(name));
	return 1;
}

/* The value of FIELD in BASE; one that the recipe does not give is empty text, or no. */
static int give_field(struct expander *expander, const struct schema_field *field, const char *base,
		      struct text name, struct arena *arena, struct pongo_value *value, struct error *e)
{
	uint64_t number;
	bool flag;

	if (field->type == SCHEMA_FLAG) {
		memcpy(&flag, base + field->offset, sizeof flag);
		*value = (struct pongo_value) { .kind = PONGO_FLAG, .flag = flag };
		return 1;
	}
	if (field->type == SCHEMA_SIZE) {
		memcpy(&number, base + field->offset, sizeof number);
		*value = (struct pongo_value) { .kind = PONGO_INTEGER, .integer = (int64_t)number };
		return 1;
	}
	return give_text(expander, name, text_at(base, field->offset), arena, value, e);
}

static int look_up(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		   struct error *e)
{
	struct expander *expander = data;
	const struct schema_section *section = &schema_recipe;
	const char *base = (const char *)expander->recipe;
	struct text rest = name;

	for (size_t i = 0; i < ARRAY_LEN(computed); i++)
		if (text_is(name, computed[i].name))
			return give_text(expander, name, text_at(base, computed[i].offset), arena, value, e);
	while (rest.ptr) {
		const struct schema_field *field = schema_find(section, text_cut(rest, '.', &rest));

		if (!field)
			break;
		if (field->type == SCHEMA_SECTION) {
			base += field->offset;
			section = field->section;
			value->kind = PONGO_SECTION;
			if (!rest.ptr)
				return 1;
			continue;
		}
		if (rest.ptr || !is_variable(field))
			break;
		return give_field(expander, field, base, name, arena, value, e);
	}
	return fail_unknown(name, arena, e);
}

/* Expand or check TEXT; *where is set on an error. */
static int run(struct expander *expander, const char *text, struct buffer *out, struct pongo_position *where,
	       struct error *e)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	const struct pongo_template *template = NULL;
	const struct pongo_scope scope = { .lookup = look_up, .data = expander };

	if (pongo_parse(&arena, text_of(text), PONGO_4, &template, where, e) < 0)
		return -1;
	return expander->check ? pongo_check(template, &scope, where, e)
			       : pongo_render(template, &scope, out, where, e);
}

static int expand_text(struct expander *expander, const char *text, struct arena *arena, struct text *out,
		       struct error *e)
{
	struct expander inner = *expander;
	struct pongo_position where = { 1, 1 };
	auto_buffer struct buffer buffer = BUFFER_INIT;

	if (++inner.depth > NESTING_MAX)
		return error_set(e, ERROR_RECIPE, "templates name each other in a circle");
	if (++*inner.total > NESTED_TOTAL_MAX)
		return error_set(e, ERROR_RECIPE, "more than %d templates inside one", NESTED_TOTAL_MAX);
	if (run(&inner, text, &buffer, &where, e) < 0)
		return -1;
	*out = (struct text) { arena_strndup(arena, buffer.data ? buffer.data : "", buffer.len), buffer.len };
	return 0;
}

/*
 * Later lines of a block ("|") are indented like the first one; texts of other styles have their lines put together
 * by YAML, so for them it is where they start.
 */
struct place place_inside(const struct place *place, unsigned line, unsigned column)
{
	struct place inside = *place;

	if (inside.line == 0)
		return inside;
	inside.line += line - 1;
	if (inside.column)
		inside.column += column - 1;
	return inside;
}

static int run_at(const struct recipe *recipe, const char *text, const struct place *place, bool check,
		  struct buffer *out, struct error *e)
{
	unsigned total = 0;
	struct expander expander = { .recipe = recipe, .total = &total, .check = check };
	struct pongo_position where = { 1, 1 };
	struct error cause = ERROR_INIT;
	struct place inside;

	if (run(&expander, text, out, &where, &cause) == 0)
		return 0;
	inside = place_inside(place, where.line, where.column);
	return error_at(e, cause.kind, &inside, "%s", cause.text);
}

int recipe_expand(const struct recipe *recipe, const char *text, const struct place *place, char **out,
		  struct error *e)
{
	auto_buffer struct buffer buffer = BUFFER_INIT;

	if (run_at(recipe, text, place, false, &buffer, e) < 0)
		return -1;
	*out = buffer_take(&buffer);
	return 0;
}

int recipe_check_template(const struct recipe *recipe, const char *text, const struct place *place,
			  struct error *e)
{
	auto_buffer struct buffer unused = BUFFER_INIT;

	return text && is_template(text) ? run_at(recipe, text, place, true, &unused, e) : 0;
}
