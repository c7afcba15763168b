/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kiln plan --steps: what a build does, by the recipe alone; with --cells for every image of its matrix, or that its
 * filters name.
 */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "cmd/cells.h"
#include "recipe/cells.h"
#include "recipe/steps.h"

#include <jansson.h>

struct listing {
	struct buffer text;
	json_t *images; /* owned */
};

static void listing_release(struct listing *listing)
{
	buffer_release(&listing->text);
	json_decref(listing->images);
}

static void add_json(struct listing *listing, const struct recipe *recipe, const struct recipe_steps *steps)
{
	json_t *list = json_array();
	const struct recipe_image *image = &recipe->image;

	for (size_t i = 0; i < steps->count; i++) {
		const struct recipe_step *step = &steps->items[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i}", "kind", step->kind, "detail",
						      step->detail, "file", step->place.file, "line",
						      (int)step->place.line));
	}
	json_array_append_new(listing->images,
			      json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "distribution", image->distribution,
					"release", image->release, "architecture",
					recipe->architecture_mapped, "variant", image->variant, "type",
					recipe->type, "steps", list));
}

static void add_text(struct listing *listing, const struct recipe_steps *steps)
{
	buffer_adds(&listing->text, listing->text.len ? "\n" : "");
	for (size_t i = 0; i < steps->count; i++) {
		const struct recipe_step *step = &steps->items[i];

		buffer_addf(&listing->text, "%5u  %-13s %s\n", step->place.line, step->kind, step->detail);
	}
}

static int add_image(const struct recipe_options *options, struct listing *listing, struct error *e)
{
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_recipe_steps struct recipe_steps steps = RECIPE_STEPS_INIT;

	if (recipe_load(options, &recipe, e) < 0 || recipe_filter(&recipe, e) < 0 ||
	    recipe_steps(&recipe, &steps, e) < 0)
		return -1;
	add_text(listing, &steps);
	add_json(listing, &recipe, &steps);
	return 0;
}

static int add_cell(const struct recipe_options *options, const struct cell *cell, struct listing *listing,
		    struct error *e)
{
	struct recipe_options own = *options;
	auto_free const char **overrides =
		xcalloc(options->override_count + cell->override_count, sizeof *overrides);
	size_t count = 0;

	for (size_t i = 0; i < options->override_count; i++)
		overrides[count++] = options->overrides[i];
	for (size_t i = 0; i < cell->override_count; i++)
		overrides[count++] = cell->overrides[i];
	own.overrides = overrides;
	own.override_count = count;
	own.type = cell->type;
	return add_image(&own, listing, e);
}

/* The images that the recipe says it is for. */
static int add_matrix(const struct settings *settings, const struct recipe_options *options,
		      struct recipe *recipe, struct listing *listing, struct error *e)
{
	struct recipe_options own = *options;
	struct recipe_cell *cells = NULL;
	size_t count = 0;

	if (recipe_cells(recipe, &cells, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		own.cell = &cells[i];
		if (interrupt_check(e) < 0 || add_image(&own, listing, e) < 0)
			return -1;
	}
	log_say(settings->log, "%zu image%s", count, count == 1 ? "" : "s");
	return 0;
}

static int add_cells(const struct settings *settings, const struct recipe_options *options,
		     struct listing *listing, struct error *e)
{
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_cells struct cells cells = CELLS_INIT;

	if (recipe_load(options, &recipe, e) < 0)
		return -1;
	if (recipe.matrix.given)
		return add_matrix(settings, options, &recipe, listing, e);
	if (cells_of(&recipe, options, &cells, e) < 0)
		return -1;
	for (size_t i = 0; i < cells.count; i++)
		if (interrupt_check(e) < 0 || add_cell(options, &cells.items[i], listing, e) < 0)
			return -1;
	log_say(settings->log, "%zu image%s", cells.count, cells.count == 1 ? "" : "s");
	return 0;
}

static int check_settings(const struct settings *settings, struct error *e)
{
	if (settings->type && strcmp(settings->type, "container") != 0 && strcmp(settings->type, "vm") != 0)
		return error_set(e, ERROR_USAGE, "--type: unknown word '%s' (possible: container, vm)",
				 settings->type);
	return 0;
}

static int print_listing(const struct settings *settings, const struct listing *listing, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *dumped = NULL;

	if (!settings->json)
		return print_data(listing->text.data, listing->text.len, e);
	dumped = json_dumps(listing->images, JSON_INDENT(2));
	buffer_addf(&out, "%s\n", dumped ? dumped : "[]");
	return print_data(out.data, out.len, e);
}

int steps_print(const struct settings *settings, struct error *e)
{
	AUTO(listing_release) struct listing listing = { .images = json_array() };
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	auto_free char *text = NULL;
	struct recipe_options options = { .overrides = settings->overrides.items,
					  .override_count = settings->overrides.count,
					  .type = settings->type };

	if (check_settings(settings, e) < 0 || cells_choose_one(settings, &chosen, e) < 0)
		return -1;
	options.path = chosen.path;
	options.cell = chosen.count ? &chosen.cells[0] : NULL;
	/* It can be read once only, and each image reads the recipe. */
	if (strcmp(chosen.path, "-") == 0) {
		if (file_read_fd(STDIN_FILENO, LIMIT_RECIPE_BYTES, &text, &options.text_len, e) < 0)
			return error_wrap(e, "cannot read the recipe");
		options.text = text;
	}
	if ((settings->cells ? add_cells(settings, &options, &listing, e)
			     : add_image(&options, &listing, e)) < 0)
		return -1;
	return print_listing(settings, &listing, e);
}
