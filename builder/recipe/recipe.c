/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/recipe.h"

#include "base/epoch.h"
#include "base/file.h"
#include "base/limits.h"
#include "recipe/check.h"
#include "recipe/key.h"
#include "recipe/override.h"
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

/* "recipes" of "recipes/x.yaml", "." of "x.yaml". */
static const char *folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

int recipe_parse(const char *text, size_t len, const struct recipe_options *options, struct recipe *recipe,
		 struct error *e)
{
	auto_recipe struct recipe parsed = RECIPE_INIT;
	bool from_input = strcmp(options->path, "-") == 0;
	struct node *root = NULL;

	parsed.path = arena_strdup(&parsed.arena, from_input ? "standard input" : options->path);
	parsed.folder = from_input ? "." : folder_of(&parsed.arena, parsed.path);
	parsed.source.check_valid_until = true;
	if (yaml_read(&parsed.arena, parsed.path, (struct text) { text, len }, &root, e) < 0)
		return -1;
	for (size_t i = 0; i < options->override_count; i++)
		if (override_apply(&parsed.arena, options->overrides[i], &root, e) < 0)
			return -1;
	if (schema_decode(root, &parsed, e) < 0 || recipe_check(&parsed, e) < 0 ||
	    recipe_complete(&parsed, e) < 0)
		return -1;
	*recipe = TAKE(parsed, RECIPE_INIT);
	return 0;
}

int recipe_load(const struct recipe_options *options, struct recipe *recipe, struct error *e)
{
	auto_recipe struct recipe loaded = RECIPE_INIT;
	auto_free char *text = NULL;
	size_t len = 0;
	int result;

	if (strcmp(options->path, "-") == 0)
		result = file_read_fd(STDIN_FILENO, LIMIT_RECIPE_BYTES, &text, &len, e);
	else
		result = file_read(AT_FDCWD, options->path, LIMIT_RECIPE_BYTES, &text, &len, e);
	if (result < 0) {
		if (e->kind == ERROR_FORMAT) /* too large: that is the recipe's fault */
			e->kind = ERROR_RECIPE;
		return error_wrap(e, "cannot read the recipe");
	}
	if (recipe_parse(text, len, options, &loaded, e) < 0 || recipe_read_keys(&loaded, e) < 0)
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
