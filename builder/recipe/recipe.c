/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/recipe.h"

#include "base/epoch.h"
#include "base/file.h"
#include "base/limits.h"
#include "recipe/check.h"
#include "recipe/key.h"
#include "recipe/override.h"
#include "recipe/problem.h"
#include "recipe/schema.h"

#include <fcntl.h>
#include <stdarg.h>

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

/* "recipes" of "recipes/x.yaml", "." of "x.yaml". */
static const char *folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

/* The text's tree with the options set in it; NULL when there is none. */
static int read_tree(struct recipe *recipe, struct text text, const struct recipe_options *options,
		     struct problems *problems, struct node **root, struct error *e)
{
	if (yaml_read_all(&recipe->arena, recipe->path, text, problems, root, e) < 0)
		return -1;
	for (size_t i = 0; *root && i < options->override_count; i++)
		if (override_apply(&recipe->arena, options->overrides[i], root, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	return 0;
}

static int parse(struct text text, const struct recipe_options *options, struct problems *problems,
		 struct recipe *recipe, struct error *e)
{
	auto_recipe struct recipe parsed = RECIPE_INIT;
	bool from_input = strcmp(options->path, "-") == 0;
	struct node *root = NULL;

	parsed.path = arena_strdup(&parsed.arena, from_input ? "standard input" : options->path);
	parsed.folder = from_input ? "." : folder_of(&parsed.arena, parsed.path);
	parsed.source.check_valid_until = true;
	parsed.type = options->type;
	if (read_tree(&parsed, text, options, problems, &root, e) < 0)
		return -1;
	if (root &&
	    (schema_decode(root, &parsed, problems, e) < 0 || recipe_complete(&parsed, problems, e) < 0))
		return -1;
	*recipe = TAKE(parsed, RECIPE_INIT);
	return 0;
}

int recipe_parse(const char *text, size_t len, const struct recipe_options *options, struct recipe *recipe,
		 struct error *e)
{
	auto_recipe struct recipe parsed = RECIPE_INIT;
	auto_problems struct problems problems = PROBLEMS_INIT;

	if (parse((struct text) { text, len }, options, &problems, &parsed, e) < 0 ||
	    problems_result(&problems, e) < 0)
		return -1;
	*recipe = TAKE(parsed, RECIPE_INIT);
	return 0;
}

static int read_text(const struct recipe_options *options, char **text, size_t *len, struct error *e)
{
	int result;

	if (options->text) {
		*text = xstrndup(options->text, options->text_len);
		*len = options->text_len;
		return 0;
	}
	if (strcmp(options->path, "-") == 0)
		result = file_read_fd(STDIN_FILENO, LIMIT_RECIPE_BYTES, text, len, e);
	else
		result = file_read(AT_FDCWD, options->path, LIMIT_RECIPE_BYTES, text, len, e);
	if (result == 0)
		return 0;
	if (e->kind == ERROR_FORMAT) /* too large: that is the recipe's fault */
		e->kind = ERROR_RECIPE;
	return error_wrap(e, "cannot read the recipe");
}

int recipe_load(const struct recipe_options *options, struct recipe *recipe, struct error *e)
{
	auto_recipe struct recipe loaded = RECIPE_INIT;
	auto_problems struct problems problems = PROBLEMS_INIT;
	auto_free char *text = NULL;
	size_t len = 0;

	if (read_text(options, &text, &len, e) < 0 ||
	    parse((struct text) { text, len }, options, &problems, &loaded, e) < 0 ||
	    recipe_read_keys(&loaded, &problems, e) < 0 || problems_result(&problems, e) < 0)
		return -1;
	*recipe = TAKE(loaded, RECIPE_INIT);
	return 0;
}

int recipe_examine(const struct recipe_options *options, struct problems *problems, struct recipe *recipe,
		   struct error *e)
{
	auto_recipe struct recipe read = RECIPE_INIT;
	auto_free char *text = NULL;
	size_t len = 0;

	if (read_text(options, &text, &len, e) < 0) {
		const struct place place = { .file = options->path };

		if (e->kind == ERROR_INTERRUPTED)
			return -1;
		e->kind = ERROR_RECIPE;
		error_wrap_at(e, &place);
		return problems_take(problems, e);
	}
	if (parse((struct text) { text, len }, options, problems, &read, e) < 0 ||
	    recipe_read_keys(&read, problems, e) < 0 || recipe_check_entries(&read, problems, e) < 0 ||
	    recipe_check_targets(&read, problems, e) < 0)
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
