/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/cells.h"

#include "base/limits.h"
#include "base/text.h"
#include "recipe/architecture.h"
#include "recipe/filter.h"

enum { AXIS_RELEASE, AXIS_ARCHITECTURE, AXIS_VARIANT, AXIS_TYPE, AXIS_COUNT };

static const char *const keys[] = { "image.release=", "image.architecture=", "image.variant=" };

struct axes {
	struct arena *arena;
	const struct recipe *recipe;
	struct string_list values[AXIS_COUNT];
	bool fixed[AXIS_COUNT]; /* set on the command line */
};

static void add_value(struct axes *axes, size_t axis, const char *value)
{
	struct string_list *list = &axes->values[axis];

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], value) == 0)
			return;
	ARENA_PUSH(axes->arena, list->items, list->count, value);
}

/* What 'image.architecture' has to be so that the distribution calls it NAME, or NULL. */
static const char *architecture_called(const struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->architecture_mapping_count; i++)
		if (strcmp(recipe->architecture_mappings[i].value, name) == 0)
			return recipe->architecture_mappings[i].key;
	return architecture_find(name) ? name : NULL;
}

static void add_names(struct axes *axes, size_t axis, const struct string_list *names)
{
	for (size_t i = 0; i < names->count && !axes->fixed[axis]; i++) {
		const char *name = names->items[i];

		if (!filter_word_is_name(name))
			continue;
		if (axis == AXIS_ARCHITECTURE)
			name = architecture_called(axes->recipe, name);
		if (name)
			add_value(axes, axis, name);
	}
}

static int add_filter(void *context, const struct filter *filter, struct error *e)
{
	struct axes *axes = context;

	(void)e;
	add_names(axes, AXIS_RELEASE, &filter->releases);
	add_names(axes, AXIS_ARCHITECTURE, &filter->architectures);
	add_names(axes, AXIS_VARIANT, &filter->variants);
	add_names(axes, AXIS_TYPE, &filter->types);
	return 1;
}

/* What the recipe, or the command line, says itself comes first. */
static void add_own(struct axes *axes, const struct recipe_options *options)
{
	const struct recipe *recipe = axes->recipe;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		for (size_t j = 0; j < options->override_count; j++)
			if (is_prefix(options->overrides[j], keys[i]))
				axes->fixed[i] = true;
	axes->fixed[AXIS_TYPE] = options->type != NULL;
	if (recipe->image.release[0])
		add_value(axes, AXIS_RELEASE, recipe->image.release);
	add_value(axes, AXIS_VARIANT, recipe->image.variant);
	add_value(axes, AXIS_TYPE, recipe->type);
}

static void add_cell(struct cells *cells, const struct axes *axes, const size_t at[AXIS_COUNT])
{
	struct cell cell = { .type = axes->values[AXIS_TYPE].items[at[AXIS_TYPE]] };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (axes->values[i].count && !axes->fixed[i])
			cell.overrides[cell.override_count++] =
				arena_printf(&cells->arena, "%s%s", keys[i], axes->values[i].items[at[i]]);
	ARENA_PUSH(&cells->arena, cells->items, cells->count, cell);
}

/* To the next combination; false behind the last one. */
static bool step(const struct axes *axes, size_t at[AXIS_COUNT])
{
	for (size_t i = AXIS_COUNT; i-- > 0;) {
		if (++at[i] < axes->values[i].count)
			return true;
		at[i] = 0;
	}
	return false;
}

int cells_of(const struct recipe *recipe, const struct recipe_options *options, struct cells *cells,
	     struct error *e)
{
	auto_cells struct cells made = CELLS_INIT;
	struct axes axes = { .arena = &made.arena, .recipe = recipe };
	size_t at[AXIS_COUNT] = { 0 };
	const struct place place = { .file = recipe->path };

	add_own(&axes, options);
	if (filter_each(recipe, add_filter, &axes, e) < 0)
		return -1;
	do {
		if (made.count == LIMIT_RECIPE_CELLS)
			return error_at(e, ERROR_RECIPE, &place, "its filters name more than %d images",
					LIMIT_RECIPE_CELLS);
		add_cell(&made, &axes, at);
	} while (step(&axes, at));
	*cells = TAKE(made, CELLS_INIT);
	return 0;
}

void cells_release(struct cells *cells)
{
	arena_release(&cells->arena);
	*cells = CELLS_INIT;
}
