/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recipe of any bytes: YAML, schema, filters and every template in it. When the input starts with "-o ",
 * its first line is an option and the recipe follows. The same text is laid over another, and printed as YAML, which
 * has to be read back.
 */
#include "fuzz/fuzz.h"
#include "recipe/cells.h"
#include "recipe/emit.h"
#include "recipe/merge.h"
#include "recipe/recipe.h"
#include "recipe/steps.h"
#include "unit/nodes.h"

#include <assert.h>

static void expand(const struct recipe *recipe, const char *text, const struct place *place)
{
	auto_free char *out = NULL;
	struct error e = ERROR_INIT;

	if (text && recipe_expand(recipe, text, place, &out, &e) < 0)
		assert(e.kind != ERROR_NONE && e.text[0]);
}

/* What is printed of a recipe that need not be one this version builds. */
static void look_at(const struct recipe *recipe, const struct recipe_options *options)
{
	auto_recipe_steps struct recipe_steps steps = RECIPE_STEPS_INIT;
	auto_cells struct cells cells = CELLS_INIT;
	struct error e = ERROR_INIT;

	if (cells_of(recipe, options, &cells, &e) < 0 || recipe_steps(recipe, &steps, &e) < 0)
		assert(e.kind != ERROR_NONE && e.text[0]);
}

static void use(struct recipe *recipe, const struct recipe_options *options)
{
	struct error e = ERROR_INIT;

	look_at(recipe, options);
	assert(recipe->image.distribution && recipe->image.release && recipe->architecture_mapped);
	if (recipe_select(recipe, &e) < 0)
		return;
	recipe_set_date(recipe, 0);
	expand(recipe, recipe->image.name, &recipe->image.name_place);
	expand(recipe, recipe->image.description, &recipe->image.description_place);
	expand(recipe, recipe->source.url, &recipe->source.url_place);
	for (size_t i = 0; i < recipe->file_count; i++)
		expand(recipe, recipe->files[i].content, &recipe->files[i].content_place);
	for (size_t i = 0; i < recipe->action_count; i++)
		expand(recipe, recipe->actions[i].action, &recipe->actions[i].place);
}

static bool has_long_key(const struct node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == NODE_LIST && has_long_key(node->items[i]))
			return true;
		/* libyaml looks no farther for the colon. */
		if (node->kind == NODE_MAP &&
		    (strlen(node->pairs[i].key) > 200 || has_long_key(node->pairs[i].value)))
			return true;
	}
	return false;
}

static void merge_and_print(struct text text)
{
	static const char beneath[] = "image: {distribution: d, release: r}\nfiles: [{path: /a}, {name: b}]\n"
				      "packages: {manager: apt, sets: [{packages: [a, b]}]}\n";
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct merger merger = { .arena = &arena };
	struct node *base = NULL;
	struct node *top = NULL;
	struct node *merged = NULL;
	struct node *again = NULL;
	struct error e = ERROR_INIT;

	if (yaml_read(&arena, "base.yaml", text_of(beneath), &base, &e) < 0)
		abort();
	if (yaml_read(&arena, "top.yaml", text, &top, &e) < 0 || top->kind != NODE_MAP ||
	    merge_over(&merger, base, top, &merged, &e) < 0)
		return;
	if (merged->size > 10000 || has_long_key(merged))
		return;
	yaml_emit(merged, &out);
	if (yaml_read(&arena, "again.yaml", (struct text) { out.data, out.len }, &again, &e) < 0 ||
	    !nodes_are_equal(merged, again)) {
		fprintf(stderr, "%s\n%s", e.text, out.data);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xmalloc(size);
	auto_recipe struct recipe recipe = RECIPE_INIT;
	const char *option = NULL;
	char *line_end;
	struct recipe_options options = { .path = "recipe.yaml", .overrides = &option };
	size_t skip = 0;
	struct error e = ERROR_INIT;

	/* A copy of just this size, so that a step beyond its end is seen. */
	if (size)
		memcpy(text, data, size);
	line_end = size > 3 && memcmp(text, "-o ", 3) == 0 ? memchr(text, '\n', size) : NULL;
	if (line_end) {
		*line_end = '\0';
		option = text + 3;
		options.override_count = 1;
		skip = (size_t)(line_end - text) + 1;
	}
	if (recipe_parse(text + skip, size - skip, &options, &recipe, &e) == 0)
		use(&recipe, &options);
	else
		assert(e.kind != ERROR_NONE && e.text[0] && !strchr(e.text, '\n'));
	merge_and_print((struct text) { text + skip, size - skip });
	return 0;
}
