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
#include "recipe/problem.h"
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
		error_set(e, kind, "%s:%u:%u: %s", place->file, place->line, place->column, text);
	else if (place->line)
		error_set(e, kind, "%s:%u: %s", place->file, place->line, text);
	else
		error_set(e, kind, "%s: %s", place->file, text);
	return error_place(e, place->file ? strlen(place->file) : 0, place->line, place->column);
}

int error_wrap_at(struct error *e, const struct place *place)
{
	struct error cause = *e;

	return error_at(e, cause.kind, place, "%s", cause.text);
}

const char *generator_name(enum generator generator)
{
	return schema_generators.words[generator];
}

const char *trigger_name(enum trigger trigger)
{
	return schema_triggers.words[trigger];
}

/* What an option gets wrong is a problem like others. */
static int apply_overrides(struct recipe *recipe, const struct recipe_options *options,
			   struct problems *problems, struct node **tree, struct error *e)
{
	for (size_t i = 0; i < options->override_count; i++) {
		/* Of one cell there is no matrix any more. */
		if (options->cell && is_prefix(options->overrides[i], "matrix."))
			continue;
		if (override_apply(&recipe->arena, options->overrides[i], tree, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	}
	return 0;
}

/* What decides which image it is, and so what the matrix sets. */
static int apply_early(struct recipe *recipe, const struct recipe_options *options, struct problems *problems,
		       struct node **tree, struct error *e)
{
	for (size_t i = 0; i < options->override_count; i++)
		if (override_is_early(options->overrides[i]) &&
		    override_apply(&recipe->arena, options->overrides[i], tree, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	return 0;
}

/* The values of TREE into RECIPE, which keeps only what does not come from there. */
static int decode(struct recipe *recipe, struct node *tree, struct problems *problems, struct error *e)
{
	struct recipe empty = {
		.arena = recipe->arena,
		.path = recipe->path,
		.folder = recipe->folder,
		.parts = recipe->parts,
		.part_count = recipe->part_count,
		.reads = recipe->reads,
		.read_count = recipe->read_count,
		.type = recipe->type,
		.tree = tree,
	};
	const struct place option = { .file = "-o" };

	*recipe = empty;
	recipe->source.check_valid_until = true;
	recipe->sandbox.network = true;
	if (schema_decode(tree, recipe, problems, e) < 0)
		return -1;
	if (recipe->extends || recipe->includes.count)
		return error_at(e, ERROR_USAGE, &option,
				"'extends' and 'include' are read before options are looked at");
	return recipe_complete(recipe, problems, e);
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
static int read_image(struct recipe *recipe, const struct recipe_options *options, struct node *merged,
		      struct problems *problems, struct error *e)
{
	struct node *tree = merged;
	struct node *image = merged;

	recipe->type = options->cell ? options->cell->type : options->type;
	if (node_find(merged, "matrix")) {
		if (apply_early(recipe, options, problems, &image, e) < 0 ||
		    decode(recipe, image, problems, e) < 0)
			return -1;
		/* Whatever is wrong would be wrong again. */
		if (problems->count)
			return 0;
		if (matrix_choose(recipe, options, &tree, e) < 0)
			return problems_take(problems, e);
	}
	if (apply_overrides(recipe, options, problems, &tree, e) < 0 || decode(recipe, tree, problems, e) < 0)
		return -1;
	if (!options->cell)
		keep_tree(recipe, options, merged);
	return 0;
}

static int parse(const struct include_start *start, const struct recipe_options *options,
		 struct problems *problems, struct recipe *recipe, struct error *e)
{
	auto_recipe struct recipe parsed = RECIPE_INIT;
	bool from_input = strcmp(options->path, "-") == 0;
	struct node *tree = NULL;

	parsed.path = arena_strdup(&parsed.arena, from_input ? "standard input" : options->path);
	parsed.folder = from_input ? "." : recipe_folder_of(&parsed.arena, parsed.path);
	if (include_read(&parsed, start, problems, &tree, e) < 0 ||
	    (tree && read_image(&parsed, options, tree, problems, e) < 0))
		return -1;
	*recipe = TAKE(parsed, RECIPE_INIT);
	return 0;
}

int recipe_parse(const char *text, size_t len, const struct recipe_options *options, struct recipe *recipe,
		 struct error *e)
{
	auto_recipe struct recipe parsed = RECIPE_INIT;
	auto_problems struct problems problems = PROBLEMS_INIT;
	const struct include_start start = { .text = { text, len }, .alone = true };

	if (parse(&start, options, &problems, &parsed, e) < 0 || problems_result(&problems, e) < 0)
		return -1;
	*recipe = TAKE(parsed, RECIPE_INIT);
	return 0;
}

/* The text of the recipe, malloc'ed, and what START says of it. */
static int read_text(const struct recipe_options *options, char **text, struct include_start *start,
		     struct error *e)
{
	struct stat st;
	size_t len = 0;
	int result = 0;

	if (options->text) {
		*text = xstrndup(options->text, options->text_len);
		len = options->text_len;
	} else if (strcmp(options->path, "-") == 0) {
		result = file_read_fd(STDIN_FILENO, LIMIT_RECIPE_BYTES, text, &len, e);
	} else {
		result = file_read(AT_FDCWD, options->path, LIMIT_RECIPE_BYTES, text, &len, e);
		if (result == 0 && stat(options->path, &st) == 0) {
			start->device_id = st.st_dev;
			start->inode_id = st.st_ino;
		}
	}
	if (result < 0) {
		if (e->kind == ERROR_FORMAT) /* too large: that is the recipe's fault */
			e->kind = ERROR_RECIPE;
		return error_wrap(e, "cannot read the recipe");
	}
	start->text = (struct text) { *text, len };
	return 0;
}

int recipe_load(const struct recipe_options *options, struct recipe *recipe, struct error *e)
{
	auto_recipe struct recipe loaded = RECIPE_INIT;
	auto_problems struct problems problems = PROBLEMS_INIT;
	struct include_start start = { .inode_id = 0 };
	auto_free char *text = NULL;

	if (read_text(options, &text, &start, e) < 0 || parse(&start, options, &problems, &loaded, e) < 0 ||
	    recipe_read_keys(&loaded, &problems, e) < 0 || problems_result(&problems, e) < 0)
		return -1;
	*recipe = TAKE(loaded, RECIPE_INIT);
	return 0;
}

/* Everything that is wrong with the image that OPTIONS choose. */
static int examine_image(const struct include_start *start, const struct recipe_options *options,
			 struct problems *problems, struct recipe *recipe, struct error *e)
{
	if (parse(start, options, problems, recipe, e) < 0 || recipe_read_keys(recipe, problems, e) < 0 ||
	    recipe_check_entries(recipe, problems, e) < 0)
		return -1;
	return recipe_check_targets(recipe, problems, e);
}

/* What the matrix sets is wrong, perhaps, for some of its images only. */
static int examine_cells(const struct include_start *start, const struct recipe_options *options,
			 struct problems *problems, struct recipe *recipe, struct error *e)
{
	struct recipe_options own = *options;
	struct recipe_cell *cells = NULL;
	size_t count = 0;

	if (problems_count(problems, PROBLEM_MISTAKE) || !recipe->matrix.given)
		return 0;
	if (recipe_cells(recipe, &cells, &count, e) < 0)
		return problems_take(problems, e);
	for (size_t i = 0; recipe->matrix.override_count && i < count; i++) {
		auto_recipe struct recipe image = RECIPE_INIT;

		own.cell = &cells[i];
		if (examine_image(start, &own, problems, &image, e) < 0)
			return -1;
		problems_sort(problems);
	}
	return 0;
}

int recipe_examine(const struct recipe_options *options, struct problems *problems, struct recipe *recipe,
		   struct error *e)
{
	auto_recipe struct recipe read = RECIPE_INIT;
	struct include_start start = { .inode_id = 0 };
	auto_free char *text = NULL;

	if (read_text(options, &text, &start, e) < 0) {
		const struct place place = { .file = options->path };

		if (e->kind == ERROR_INTERRUPTED)
			return -1;
		e->kind = ERROR_RECIPE;
		error_wrap_at(e, &place);
		return problems_take(problems, e);
	}
	if (examine_image(&start, options, problems, &read, e) < 0 ||
	    examine_cells(&start, options, problems, &read, e) < 0)
		return -1;
	problems_sort(problems);
	if (recipe)
		*recipe = TAKE(read, RECIPE_INIT);
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
