/* SPDX-License-Identifier: Apache-2.0 */
/* One tree of several files: names that start at their folders. */
#include "recipe/emit.h"
#include "recipe/key.h"
#include "recipe/schema.h"

static struct node *single_node(struct recipe *recipe, const struct schema_field *field, struct node *node);

/* The folder of the file at PLACE as seen from the recipe's, with '/' at its end; NULL: the same. */
static const char *folder_from_recipe(struct recipe *recipe, const struct place *place)
{
	const struct recipe_part *part = NULL;
	size_t len = strlen(recipe->folder);

	for (size_t i = 0; i < recipe->part_count && !part; i++)
		if (recipe->parts[i].path == place->file)
			part = &recipe->parts[i];
	if (!part || strcmp(part->folder, recipe->folder) == 0)
		return NULL;
	/* What is included lies below. */
	if (strcmp(recipe->folder, ".") == 0)
		return arena_printf(&recipe->arena, "%s/", part->folder);
	return arena_printf(&recipe->arena, "%s/", part->folder + len + (recipe->folder[len - 1] != '/'));
}

static struct node *with_text(struct recipe *recipe, const struct node *node, const char *text)
{
	struct node *copy = arena_alloc(&recipe->arena, sizeof *copy);

	*copy = *node;
	copy->text = text;
	copy->option = false;
	return copy;
}

static struct node *single_scalar(struct recipe *recipe, const struct schema_field *field, struct node *node)
{
	const char *folder;

	/* Options say "1" and "t", which files do not. */
	if (field && field->type == SCHEMA_FLAG && node->option && strlen(node->text) == 1)
		return with_text(recipe, node,
				 strchr("1tT", node->text[0])   ? "true"
				 : strchr("0fF", node->text[0]) ? "false"
								: node->text);
	if (!field || !field->file || node->null || !node->text[0] || node->text[0] == '/' ||
	    !key_is_file(node->text))
		return node;
	folder = folder_from_recipe(recipe, &node->place);
	return folder ? with_text(recipe, node, arena_printf(&recipe->arena, "%s%s", folder, node->text))
		      : node;
}

static struct node *single_map(struct recipe *recipe, const struct schema_section *section,
			       const struct node *node)
{
	struct node *copy = arena_alloc(&recipe->arena, sizeof *copy);

	*copy = *node;
	copy->pairs = arena_alloc(&recipe->arena, (node->count + 1) * sizeof *copy->pairs);
	for (size_t i = 0; i < node->count; i++) {
		const struct schema_field *field =
			section ? schema_find(section, text_of(node->pairs[i].key)) : NULL;

		copy->pairs[i] = node->pairs[i];
		copy->pairs[i].value = single_node(recipe, field, node->pairs[i].value);
	}
	return copy;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the recipe */
static struct node *single_node(struct recipe *recipe, const struct schema_field *field, struct node *node)
{
	struct node *copy;

	if (node->kind == NODE_SCALAR)
		return single_scalar(recipe, field, node);
	if (node->kind == NODE_MAP)
		return single_map(recipe,
				  !field                       ? NULL
				  : field->type == SCHEMA_PART ? &schema_recipe
							       : field->section,
				  node);
	copy = arena_alloc(&recipe->arena, sizeof *copy);
	*copy = *node;
	copy->items = arena_alloc(&recipe->arena, (node->count + 1) * sizeof(struct node *));
	for (size_t i = 0; i < node->count; i++)
		copy->items[i] = single_node(recipe, field, node->items[i]);
	return copy;
}

const struct node *recipe_single_tree(struct recipe *recipe)
{
	return single_map(recipe, &schema_recipe, recipe->tree);
}
