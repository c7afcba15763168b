/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cells.h"

#include "base/alloc.h"
#include "recipe/architecture.h"
#include "recipe/override.h"

#include <jansson.h>

static const struct axis {
	const char *name;
	size_t offset; /* of its value in a cell */
} axes[] = {
	{ "release", offsetof(struct recipe_cell, release) },
	{ "architecture", offsetof(struct recipe_cell, architecture) },
	{ "variant", offsetof(struct recipe_cell, variant) },
	{ "type", offsetof(struct recipe_cell, type) },
};

static const char *value_of(const struct recipe_cell *cell, const struct axis *axis)
{
	const char *value;

	memcpy(&value, (const char *)cell + axis->offset, sizeof value);
	return value;
}

static int find_axis(struct text name, const char *word, const struct axis **found, struct error *e)
{
	const char *names[ARRAY_LEN(axes)];
	auto_free char *copy = xstrndup(name.ptr, name.len);
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(axes); i++) {
		names[i] = axes[i].name;
		if (text_is(name, axes[i].name)) {
			*found = &axes[i];
			return 0;
		}
	}
	near = text_nearest(copy, names, ARRAY_LEN(axes));
	return error_set(e, ERROR_USAGE, "--cell %s: unknown axis '%s' (%s%s%s)", word, copy,
			 near ? "did you mean '" : "one of: release, architecture, variant, type",
			 near ? near : "", near ? "'?" : "");
}

/* Architectures have many spellings. */
static bool has_value(const struct recipe_cell *cell, const struct axis *axis, struct text value)
{
	auto_free char *copy = xstrndup(value.ptr, value.len);
	const struct architecture *architecture;

	if (strcmp(value_of(cell, axis), copy) == 0)
		return true;
	if (axis->offset != offsetof(struct recipe_cell, architecture))
		return false;
	architecture = architecture_find(copy);
	return strcmp(cell->architecture_mapped, copy) == 0 ||
	       (architecture && architecture == architecture_find(cell->architecture));
}

/* WORD is the name of a cell, or "release=trixie,variant=cloud". */
static int fits(const struct recipe_cell *cell, const char *word, bool *result, struct error *e)
{
	struct text rest = text_of(word);

	if (!strchr(word, '=')) {
		*result = strcmp(cell->name, word) == 0;
		return 0;
	}
	*result = true;
	while (rest.ptr) {
		struct text value;
		struct text name = text_cut(text_cut(rest, ',', &rest), '=', &value);
		const struct axis *axis = NULL;

		if (!value.ptr || !name.len || !value.len)
			return error_set(e, ERROR_USAGE,
					 "--cell %s: must be the name of an image, or AXIS=VALUE,… such as "
					 "release=trixie,variant=cloud",
					 word);
		if (find_axis(name, word, &axis, e) < 0)
			return -1;
		*result = *result && has_value(cell, axis, value);
	}
	return 0;
}

static int fail_unknown(const struct chosen *chosen, const char *word, struct error *e)
{
	auto_free const char **names = xcalloc(chosen->count, sizeof *names);
	const char *near;

	for (size_t i = 0; i < chosen->count; i++)
		names[i] = chosen->cells[i].name;
	near = text_nearest(word, names, chosen->count);
	return error_set(e, ERROR_USAGE, "--cell %s: %s has no such image (%s%s%s)", word, chosen->path,
			 near ? "did you mean '" : "kiln matrix shows those there are", near ? near : "",
			 near ? "'?" : "");
}

/* Keep the cells that --cell names, in their order. */
static int keep_named(const struct words *words, struct chosen *chosen, struct error *e)
{
	auto_free bool *keep = xcalloc(chosen->count + 1, sizeof *keep);
	size_t kept = 0;

	for (size_t i = 0; i < words->count; i++) {
		bool any = false;

		for (size_t k = 0; k < chosen->count; k++) {
			bool here = false;

			if (fits(&chosen->cells[k], words->items[i], &here, e) < 0)
				return -1;
			keep[k] |= here;
			any |= here;
		}
		if (!any)
			return fail_unknown(chosen, words->items[i], e);
	}
	for (size_t k = 0; k < chosen->count; k++)
		if (keep[k])
			chosen->cells[kept++] = chosen->cells[k];
	chosen->count = kept;
	return 0;
}

/* What the matrix sets cannot be set beside it. */
static int check_overrides(const struct settings *settings, struct error *e)
{
	static const char *const keys[] = { "image.release=", "image.architecture=", "image.variant=" };

	for (size_t i = 0; i < settings->overrides.count; i++)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			if (is_prefix(settings->overrides.items[i], keys[k]))
				return error_set(e, ERROR_USAGE,
						 "-o %s: --all and --cell set that themselves",
						 settings->overrides.items[i]);
	return 0;
}

int cells_choose(const struct settings *settings, struct chosen *chosen, struct error *e)
{
	auto_free const char **overrides = xcalloc(settings->overrides.count + 1, sizeof *overrides);
	struct recipe_options options = { .overrides = overrides };

	/* The others may be about what the matrix sets, and are applied to each image. */
	for (size_t i = 0; i < settings->overrides.count; i++)
		if (override_is_early(settings->overrides.items[i]))
			overrides[options.override_count++] = settings->overrides.items[i];
	if (check_overrides(settings, e) < 0 ||
	    recipe_find(settings->arguments.items[0], &chosen->path, e) < 0)
		return -1;
	options.path = chosen->path;
	if (recipe_load(&options, &chosen->recipe, e) < 0 ||
	    recipe_cells(&chosen->recipe, &chosen->cells, &chosen->count, e) < 0)
		return -1;
	return settings->chosen_cells.count ? keep_named(&settings->chosen_cells, chosen, e) : 0;
}

int cells_choose_one(const struct settings *settings, struct chosen *chosen, struct error *e)
{
	auto_buffer struct buffer names = BUFFER_INIT;

	if (settings->chosen_cells.count == 0)
		return recipe_find(settings->arguments.items[0], &chosen->path, e);
	if (strcmp(settings->arguments.items[0], "-") == 0)
		return error_set(e, ERROR_USAGE, "--cell is for recipes in files: it is read more than once");
	if (cells_choose(settings, chosen, e) < 0)
		return -1;
	if (chosen->count == 1)
		return 0;
	for (size_t i = 0; i < chosen->count; i++)
		buffer_addf(&names, "%s%s", i ? ", " : "", chosen->cells[i].name);
	return error_set(e, ERROR_USAGE, "--cell %s: fits %zu images, and one is wanted: %s",
			 settings->chosen_cells.items[0], chosen->count, names.data);
}

void chosen_release(struct chosen *chosen)
{
	free(chosen->path);
	recipe_release(&chosen->recipe);
	*chosen = CHOSEN_INIT;
}

json_t *cell_json(const struct recipe_cell *cell)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", cell->name, "release", cell->release,
			 "architecture", cell->architecture_mapped, "variant", cell->variant, "type",
			 cell->type);
}
