/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/recipe.h"

#include "base/epoch.h"
#include "base/file.h"
#include "base/limits.h"
#include "recipe/check.h"
#include "recipe/include.h"
#include "recipe/key.h"
#include "recipe/matrix.h"
#include "recipe/override.h"
#include "recipe/schema.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

int error_at(struct error *e, enum error_kind kind, const struct place *place, const char *fmt, ...)
{
	char text[sizeof e->text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	text_make_printable(text);
	if (place->line && place->column)
		return error_set(e, kind, "%s:%u:%u: %s", place->file, place->line, place->column, text);
	if (place->line)
		return error_set(e, kind, "%s:%u: %s", place->file, place->line, text);
	return error_set(e, kind, "%s: %s", place->file, text);
}

int error_wrap_at(struct error *e, const struct place *place)
{
	if (place->line && place->column)
		return error_wrap(e, "%s:%u:%u", place->file, place->line, place->column);
	if (place->line)
		return error_wrap(e, "%s:%u", place->file, place->line);
	return error_wrap(e, "%s", place->file);
}

const char *generator_name(enum generator generator)
{
	return schema_generators.words[generator];
}

const char *trigger_name(enum trigger trigger)
{
	return schema_triggers.words[trigger];
}

static int apply_overrides(struct recipe *recipe, const struct recipe_options *options, struct node **tree,
			   struct error *e)
{
	for (size_t i = 0; i < options->override_count; i++) {
		/* Of one cell there is no matrix any more. */
		if (options->cell && is_prefix(options->overrides[i], "matrix."))
			continue;
		if (override_apply(&recipe->arena, options->overrides[i], tree, e) < 0)
			return -1;
	}
	return 0;
}

/* The values of TREE into RECIPE, which keeps only what does not come from there. */
static int decode(struct recipe *recipe, struct node *tree, struct error *e)
{
	struct recipe empty = {
		.arena = recipe->arena,
		.path = recipe->path,
		.folder = recipe->folder,
		.parts = recipe->parts,
		.part_count = recipe->part_count,
		.type = recipe->type,
		.tree = tree,
	};
	const struct place option = { .file = "-o" };

	*recipe = empty;
	recipe->source.check_valid_until = true;
	if (schema_decode(tree, recipe, e) < 0)
		return -1;
	if (recipe->extends || recipe->includes.count)
		return error_at(e, ERROR_USAGE, &option,
				"'extends' and 'include' are read before options are looked at");
	if (recipe_check(recipe, e) < 0)
		return -1;
	return recipe_complete(recipe, e);
}

/* What decides which image it is, and so what the matrix sets. */
static int apply_early(struct recipe *recipe, const struct recipe_options *options, struct node **tree,
		       struct error *e)
{
	for (size_t i = 0; i < options->override_count; i++)
		if (override_is_early(options->overrides[i]) &&
		    override_apply(&recipe->arena, options->overrides[i], tree, e) < 0)
			return -1;
	return 0;
}

/* The tree that has its matrix must not have what that sets as well: who reads it again would have it twice. */
static void keep_tree(struct recipe *recipe, const struct recipe_options *options, struct node *tree)
{
	struct error ignored = ERROR_INIT; /* an option for what the matrix has set finds nothing here */

	for (size_t i = 0; i < options->override_count; i++)
		if (override_apply(&recipe->arena, options->overrides[i], &tree, &ignored) < 0)
			error_clear(&ignored);
	recipe->tree = tree;
}

/*
 * What the matrix sets depends on the image, which the rest of the recipe and the options say; so it is decoded,
 * then changed, then decoded again.
 */
static int read_matrix(struct recipe *recipe, const struct recipe_options *options, struct node *merged,
		       struct error *e)
{
	struct node *tree = merged;
	struct node *image = merged;

	if (node_find(merged, "matrix")) {
		recipe->type = options->cell ? options->cell->type : NULL;
		if (apply_early(recipe, options, &image, e) < 0 || decode(recipe, image, e) < 0 ||
		    matrix_choose(recipe, options->cell, &tree, e) < 0)
			return -1;
	}
	if (apply_overrides(recipe, options, &tree, e) < 0 || decode(recipe, tree, e) < 0)
		return -1;
	if (!options->cell)
		keep_tree(recipe, options, merged);
	return 0;
}

static int parse(struct recipe *recipe, const struct include_start *start,
		 const struct recipe_options *options, struct error *e)
{
	bool from_input = strcmp(options->path, "-") == 0;
	struct node *tree = NULL;

	recipe->path = arena_strdup(&recipe->arena, from_input ? "standard input" : options->path);
	recipe->folder = from_input ? "." : recipe_folder_of(&recipe->arena, recipe->path);
	if (include_read(recipe, start, &tree, e) < 0)
		return -1;
	return read_matrix(recipe, options, tree, e);
}

int recipe_parse(const char *text, size_t len, const struct recipe_options *options, struct recipe *recipe,
		 struct error *e)
{
	auto_recipe struct recipe parsed = RECIPE_INIT;
	const struct include_start start = { .text = { text, len }, .alone = true };

	if (parse(&parsed, &start, options, e) < 0)
		return -1;
	*recipe = TAKE(parsed, RECIPE_INIT);
	return 0;
}

static int read_text(const char *path, char **text, struct include_start *start, struct error *e)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return file_read_fd(STDIN_FILENO, LIMIT_RECIPE_BYTES, text, &start->text.len, e);
	if (file_read(AT_FDCWD, path, LIMIT_RECIPE_BYTES, text, &start->text.len, e) < 0)
		return -1;
	if (stat(path, &st) == 0) {
		start->device_id = st.st_dev;
		start->inode_id = st.st_ino;
	}
	return 0;
}

int recipe_load(const struct recipe_options *options, struct recipe *recipe, struct error *e)
{
	auto_recipe struct recipe loaded = RECIPE_INIT;
	struct include_start start = { .inode_id = 0 };
	auto_free char *text = NULL;

	if (read_text(options->path, &text, &start, e) < 0) {
		if (e->kind == ERROR_FORMAT) /* too large: that is the recipe's fault */
			e->kind = ERROR_RECIPE;
		return error_wrap(e, "cannot read the recipe");
	}
	start.text.ptr = text;
	if (parse(&loaded, &start, options, e) < 0 || recipe_read_keys(&loaded, e) < 0)
		return -1;
	*recipe = TAKE(loaded, RECIPE_INIT);
	return 0;
}

void recipe_set_date(struct recipe *recipe, int64_t epoch_s)
{
	if (!recipe->image.serial)
		recipe->image.serial = arena_strdup(&recipe->arena, epoch_serial(epoch_s).text);
}

void recipe_release(struct recipe *recipe)
{
	arena_release(&recipe->arena);
	*recipe = RECIPE_INIT;
}
