/* SPDX-License-Identifier: Apache-2.0 */
#include "lock/parts.h"

#include "base/file.h"
#include "base/limits.h"
#include "recipe/recipe.h"
#include "recipe/yaml.h"

#include <fcntl.h>

static int read_file(const struct node *node, struct inputs *inputs, struct error *e)
{
	struct input_file file = { .path = NULL };
	const struct field fields[] = {
		{ "path", FIELD_TEXT, true, &file.path },
		{ "size", FIELD_SIZE, true, &file.size_bytes },
		{ "sha256", FIELD_DIGEST, true, &file.sha256 },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), &inputs->arena, e) < 0)
		return -1;
	if (inputs->file_count && strcmp(inputs->files[inputs->file_count - 1].path, file.path) >= 0)
		return error_at(e, ERROR_FORMAT, &node->place, "'files' must be sorted by path, each once");
	ARENA_PUSH(&inputs->arena, inputs->files, inputs->file_count, file);
	return 0;
}

static void take_texts(const struct node *list, struct arena *arena, const char ***texts, size_t *count)
{
	for (size_t i = 0; list && i < list->count; i++)
		ARENA_PUSH(arena, *texts, *count, arena_strdup(arena, list->items[i]->text));
}

static int read_recipe(const struct node *node, struct inputs *inputs, struct error *e)
{
	const struct node *overrides = NULL;
	const struct node *files = NULL;
	const struct field fields[] = {
		{ "name", FIELD_TEXT, true, &inputs->recipe },
		{ "cell", FIELD_TEXT, false, &inputs->cell },
		{ "overrides", FIELD_TEXTS, false, &overrides },
		{ "files", FIELD_LIST, true, &files },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), &inputs->arena, e) < 0)
		return -1;
	take_texts(overrides, &inputs->arena, &inputs->overrides, &inputs->override_count);
	for (size_t i = 0; i < files->count; i++)
		if (read_file(files->items[i], inputs, e) < 0)
			return -1;
	return 0;
}

static int read_libraries(const struct node *node, struct inputs *inputs, struct error *e)
{
	for (size_t i = 0; i < node->count; i++) {
		struct input_library library = { .name = arena_strdup(&inputs->arena, node->pairs[i].key) };
		const struct field field = { library.name, FIELD_TEXT, true, &library.version };
		struct node one = *node;

		one.pairs = &node->pairs[i];
		one.count = 1;
		if (fields_read(&one, &field, 1, &inputs->arena, e) < 0)
			return -1;
		ARENA_PUSH(&inputs->arena, inputs->libraries, inputs->library_count, library);
	}
	return 0;
}

static int read_kiln(const struct node *node, struct inputs *inputs, struct error *e)
{
	const struct node *libraries = NULL;
	const struct field fields[] = {
		{ "version", FIELD_TEXT, true, &inputs->kiln },
		{ "build_id", FIELD_TEXT, false, &inputs->build_id },
		{ "libraries", FIELD_MAP, false, &libraries },
	};

	inputs->build_id = "";
	if (fields_read(node, fields, ARRAY_LEN(fields), &inputs->arena, e) < 0)
		return -1;
	return libraries ? read_libraries(libraries, inputs, e) : 0;
}

static int read_image(const struct node *node, struct inputs *inputs, struct error *e)
{
	const struct field fields[] = {
		{ "distribution", FIELD_TEXT, true, &inputs->distribution },
		{ "release", FIELD_TEXT, true, &inputs->release },
		{ "variant", FIELD_TEXT, true, &inputs->variant },
		{ "type", FIELD_TEXT, true, &inputs->type },
		{ "architecture", FIELD_WORD, true, &inputs->architecture },
	};

	return fields_read(node, fields, ARRAY_LEN(fields), &inputs->arena, e);
}

static int read_parameters(const struct node *node, struct inputs *inputs, struct error *e)
{
	const struct node *formats = NULL;
	const struct field fields[] = {
		{ "formats", FIELD_TEXTS, true, &formats },
		{ "compression", FIELD_TEXT, true, &inputs->compression },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), &inputs->arena, e) < 0)
		return -1;
	take_texts(formats, &inputs->arena, &inputs->formats, &inputs->format_count);
	return 0;
}

int read_inputs(const struct node *root, struct lock *lock, struct error *e)
{
	struct inputs *inputs = &lock->inputs;
	const struct node *kiln = NULL;
	const struct node *recipe = NULL;
	const struct node *image = NULL;
	const struct node *parameters = NULL;
	const struct node *archives = NULL;
	const struct node *downloads = NULL;
	const struct node *packages = NULL;
	const struct node *steps = NULL;
	uint64_t format = 0;
	const struct field fields[] = {
		{ "lock", FIELD_SIZE, false, &format },
		{ "kiln", FIELD_MAP, true, &kiln },
		{ "recipe", FIELD_MAP, true, &recipe },
		{ "image", FIELD_MAP, true, &image },
		{ "parameters", FIELD_MAP, false, &parameters },
		{ "date", FIELD_DATE, true, &inputs->epoch_s },
		{ "archives", FIELD_LIST, true, &archives },
		{ "downloads", FIELD_LIST, false, &downloads },
		{ "packages", FIELD_LIST, true, &packages },
		{ "merged_usr", FIELD_FLAG, true, &lock->plan.merged_usr },
		{ "steps", FIELD_LIST, true, &steps },
	};

	if (fields_read(root, fields, ARRAY_LEN(fields), &inputs->arena, e) < 0 ||
	    read_kiln(kiln, inputs, e) < 0 || read_recipe(recipe, inputs, e) < 0 ||
	    read_image(image, inputs, e) < 0 || (parameters && read_parameters(parameters, inputs, e) < 0) ||
	    read_archives(archives, downloads, &lock->indexes, e) < 0)
		return -1;
	return read_plan(packages, steps, lock, e);
}

/* The mapping that holds the inputs: of a lock its root, of an image.json one of its values. */
static int find_inputs(const struct node *root, const char *path, const struct node **inputs, struct error *e)
{
	const struct place place = { .file = path };
	const struct node_pair *lock = root->kind == NODE_MAP ? node_find(root, "lock") : NULL;
	const struct node_pair *record = root->kind == NODE_MAP ? node_find(root, "inputs") : NULL;

	if (lock) {
		if (lock->value->kind != NODE_SCALAR || strcmp(lock->value->text, "1") != 0)
			return error_at(e, ERROR_UNSUPPORTED, &lock->place,
					"a lock of another format; this version knows %d", LOCK_FORMAT);
		*inputs = root;
		return 0;
	}
	if (!record)
		return error_at(e, ERROR_FORMAT, &place,
				"this is no lock: neither has it the key 'lock', nor 'inputs' as image.json");
	*inputs = record->value;
	return 0;
}

int lock_parse(const char *path, const char *text, size_t len, struct lock *out, struct error *e)
{
	auto_lock struct lock lock = LOCK_INIT;
	struct arena AUTO(arena_release) arena = ARENA_INIT;
	const struct node *inputs = NULL;
	struct node *root;

	lock.path = xstrdup(path);
	lock.sha256 = sha256_of(text, len);
	if (yaml_read(&arena, lock.path, (struct text) { text, len }, &root, e) < 0) {
		if (e->kind == ERROR_RECIPE)
			e->kind = ERROR_FORMAT;
		return -1;
	}
	if (find_inputs(root, lock.path, &inputs, e) < 0 || read_inputs(inputs, &lock, e) < 0)
		return -1;
	*out = TAKE(lock, LOCK_INIT);
	return 0;
}

int lock_read(const char *path, struct lock *lock, struct error *e)
{
	auto_free char *text = NULL;
	size_t len = 0;

	if (file_read(AT_FDCWD, path, LIMIT_LOCK_BYTES, &text, &len, e) < 0)
		return error_wrap(e, "cannot read the lock (kiln lock makes it)");
	return lock_parse(path, text, len, lock, e);
}

void lock_release(struct lock *lock)
{
	free(lock->lines);
	plan_release(&lock->plan);
	index_set_release(&lock->indexes);
	inputs_release(&lock->inputs);
	free(lock->path);
	*lock = LOCK_INIT;
}
