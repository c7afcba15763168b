/* SPDX-License-Identifier: Apache-2.0 */
/* kiln show: what a recipe says once its files are merged, and where each value comes from. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "cmd/cells.h"
#include "recipe/emit.h"
#include "recipe/schema.h"

#include <jansson.h>

struct shower {
	json_t *origins;
	struct buffer path; /* "packages.sets[0].action" */
};

static json_t *show_node(struct shower *shower, const struct schema_field *field, const struct node *node);

static void add_origin(struct shower *shower, const struct place *place)
{
	json_t *origin = json_pack("{s:s}", "file", place->file);

	if (place->line)
		json_object_set_new(origin, "line", json_integer(place->line));
	if (place->column)
		json_object_set_new(origin, "column", json_integer(place->column));
	json_object_set_new(shower->origins, shower->path.data, origin);
}

/* What the key's type in the format is; the schema has checked the text. */
static json_t *show_scalar(const struct schema_field *field, const struct node *node)
{
	uint64_t number;

	if (node->null)
		return json_null();
	if (field && field->type == SCHEMA_FLAG)
		return json_boolean(strchr("yYtT", node->text[0]) || strcasecmp(node->text, "on") == 0);
	if (field && (field->type == SCHEMA_COUNT || field->type == SCHEMA_SIZE) &&
	    schema_number(node->text, &number) && number <= INT64_MAX)
		return json_integer((json_int_t)number);
	return json_string(node->text);
}

static const struct schema_section *section_of(const struct schema_field *field)
{
	return !field ? NULL : field->type == SCHEMA_PART ? &schema_recipe : field->section;
}

static json_t *show_map(struct shower *shower, const struct schema_section *section, const struct node *node)
{
	json_t *map = json_object();
	size_t before = shower->path.len;

	for (size_t i = 0; i < node->count; i++) {
		const struct node_pair *pair = &node->pairs[i];
		const struct schema_field *field = section ? schema_find(section, text_of(pair->key)) : NULL;

		buffer_addf(&shower->path, "%s%s", before ? "." : "", pair->key);
		json_object_set_new(map, pair->key, show_node(shower, field, pair->value));
		buffer_cut(&shower->path, before);
	}
	return map;
}

static json_t *show_list(struct shower *shower, const struct schema_field *field, const struct node *node)
{
	json_t *list = json_array();
	size_t before = shower->path.len;

	for (size_t i = 0; i < node->count; i++) {
		buffer_addf(&shower->path, "[%zu]", i);
		json_array_append_new(list, show_node(shower, field, node->items[i]));
		buffer_cut(&shower->path, before);
	}
	return list;
}

static json_t *show_untagged(struct shower *shower, const struct schema_field *field, const struct node *node)
{
	if (node->kind == NODE_MAP)
		return show_map(shower, section_of(field), node);
	if (node->kind == NODE_SCALAR) {
		json_t *value = show_scalar(field, node);

		add_origin(shower, &node->place);
		return value;
	}
	return show_list(shower, field, node);
}

/* The tags that wait in `matrix` for their turn become keys. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the recipe */
static json_t *show_node(struct shower *shower, const struct schema_field *field, const struct node *node)
{
	json_t *value = show_untagged(shower, field, node);

	if (node->order == ORDER_MERGE)
		return value;
	return json_pack("{s:o}", node->order == ORDER_REMOVE ? "!remove" : "!replace", value);
}

static int print_json(const struct recipe *recipe, struct buffer *out, struct error *e)
{
	struct shower shower = { .origins = json_object(), .path = BUFFER_INIT };
	json_t *tree = show_map(&shower, &schema_recipe, recipe->tree);
	json_t *files = json_array();
	json_t *all;
	auto_free char *text = NULL;

	for (size_t i = 0; i < recipe->part_count; i++)
		json_array_append_new(files, json_string(recipe->parts[i].path));
	all = json_pack("{s:o, s:o, s:o}", "files", files, "recipe", tree, "origins", shower.origins);
	text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
	json_decref(all);
	buffer_release(&shower.path);
	if (!text)
		return error_set(e, ERROR_RECIPE, "%s: holds text that is not UTF-8", recipe->path);
	buffer_addf(out, "%s\n", text);
	return 0;
}

/* Where a copy without a path goes follows from how its source is written, which one file writes otherwise. */
static void warn_of_copies(const struct recipe *recipe, struct log *log)
{
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];

		if (file->generator == GENERATOR_COPY && !file->path && file->source_folder &&
		    strcmp(file->source_folder, recipe->folder) != 0)
			log_warn(log,
				 "%s:%u: a copy without 'path' from another folder: what is printed would "
				 "copy "
				 "it elsewhere",
				 file->place.file, file->place.line);
	}
}

int cmd_show(const struct settings *settings, struct error *e)
{
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct recipe_options options;

	if (cells_choose_one(settings, &chosen, e) < 0)
		return -1;
	options = (struct recipe_options) {
		.path = chosen.path,
		.cell = chosen.count ? &chosen.cells[0] : NULL,
		.overrides = settings->overrides.items,
		.override_count = settings->overrides.count,
	};
	if (recipe_load(&options, &recipe, e) < 0)
		return -1;
	recipe.tree = recipe_single_tree(&recipe);
	warn_of_copies(&recipe, settings->log);
	if (!settings->json)
		yaml_emit(recipe.tree, &out);
	else if (print_json(&recipe, &out, e) < 0)
		return -1;
	return print_data(out.data, out.len, e);
}
