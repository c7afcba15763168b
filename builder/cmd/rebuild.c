/* SPDX-License-Identifier: Apache-2.0 */
/* kiln rebuild: an image once more from the record beside it, and whether it is the same. */
#include "cmd/all.h"
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/root.h"
#include "base/temporary.h"
#include "check/diff.h"
#include "lock/lock.h"
#include "pipeline.h"

#include <fcntl.h>
#include <jansson.h>

enum { SHOWN_FILES = 20 };

static const char temporary_prefix[] = "kiln-rebuild.";

/* Everything that one rebuild makes. Released in the reverse order of its members. */
struct rebuild {
	const struct settings *settings;
	const char *record_path;
	struct lock then;         /* the inputs of the record */
	json_t *record;           /* owned */
	struct settings adjusted; /* as if the command line of the first build had been given; shallow */
	const char *arguments[1]; /* of these */
	const char *cells[1];
	char *recipe_path; /* owned */
	char *formats;     /* owned */
	struct chosen chosen;
	char *folder;              /* owned; of the image that is made now */
	char *temporary;           /* owned; the folder above that, when it is ours alone; else NULL */
	int temporary_fd;          /* owned; -1 likewise */
	char *record_text;         /* owned; of that image */
	struct lock now;           /* its inputs */
	struct diff_side sides[2]; /* then, now */
	struct diff diff;
};

static void remove_temporary(const struct rebuild *rebuild)
{
	struct error ignored = ERROR_INIT;
	auto_close int parent_fd = -1;
	char *slash = strrchr(rebuild->temporary, '/');

	*slash = '\0';
	if (dir_open(AT_FDCWD, rebuild->temporary, &parent_fd, &ignored) < 0 ||
	    root_remove(parent_fd, slash + 1, &ignored) < 0)
		log_warn(rebuild->settings->log, "%s is left: %s", slash + 1, ignored.text);
}

static void rebuild_release(struct rebuild *rebuild)
{
	diff_release(&rebuild->diff);
	diff_side_release(&rebuild->sides[0]);
	diff_side_release(&rebuild->sides[1]);
	lock_release(&rebuild->now);
	free(rebuild->record_text);
	if (rebuild->temporary)
		remove_temporary(rebuild);
	auto_close_(&rebuild->temporary_fd);
	free(rebuild->temporary);
	free(rebuild->folder);
	chosen_release(&rebuild->chosen);
	free(rebuild->formats);
	free(rebuild->recipe_path);
	json_decref(rebuild->record);
	lock_release(&rebuild->then);
}

static int read_record(struct rebuild *rebuild, struct error *e)
{
	auto_free char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, rebuild->record_path, LIMIT_RECORD_BYTES, &text, &len, e) < 0 ||
	    lock_parse(rebuild->record_path, text, len, &rebuild->then, e) < 0)
		return -1;
	rebuild->record = json_loadb(text, len, 0, NULL);
	if (!rebuild->then.inputs.format_count || !rebuild->then.inputs.compression ||
	    !json_array_size(json_object_get(rebuild->record, "artifacts")))
		return error_set(e, ERROR_FORMAT, "%s: it names no image files: this is no image.json",
				 rebuild->record_path);
	return 0;
}

/* As the command line says; else the name that the record has, beside it, here, or among the recipes. */
static int find_recipe(struct rebuild *rebuild, struct error *e)
{
	const char *name = rebuild->then.inputs.recipe;
	const char *slash = strrchr(rebuild->record_path, '/');
	auto_free char *beside = NULL;
	auto_free char *stem = NULL;

	if (rebuild->settings->arguments.count > 1)
		return recipe_find(rebuild->settings->arguments.items[1], &rebuild->recipe_path, e);
	if (!name || !*name || strchr(name, '/') || !is_suffix(name, ".yaml"))
		return error_set(
			e, ERROR_USAGE,
			"%s: name the recipe: kiln rebuild IMAGE.json RECIPE (the record has '%.80s')",
			rebuild->record_path, name ? name : "none");
	beside = xasprintf("%.*s%s", slash ? (int)(slash + 1 - rebuild->record_path) : 0,
			   rebuild->record_path, name);
	if (access(beside, F_OK) == 0 || access(name, F_OK) == 0) {
		rebuild->recipe_path = xstrdup(access(beside, F_OK) == 0 ? beside : name);
		return 0;
	}
	stem = xstrndup(name, strlen(name) - strlen(".yaml"));
	if (recipe_find(stem, &rebuild->recipe_path, e) < 0)
		return error_wrap(e, "%s: name the recipe: kiln rebuild IMAGE.json RECIPE",
				  rebuild->record_path);
	return 0;
}

/* Settings as the first build had them. */
static void adjust_settings(struct rebuild *rebuild)
{
	const struct inputs *then = &rebuild->then.inputs;
	auto_buffer struct buffer formats = BUFFER_INIT;

	for (size_t i = 0; i < then->format_count; i++)
		buffer_addf(&formats, "%s%s", i ? "," : "", then->formats[i]);
	rebuild->formats = buffer_take(&formats);
	rebuild->arguments[0] = rebuild->recipe_path;
	rebuild->cells[0] = then->cell;
	rebuild->adjusted = *rebuild->settings;
	rebuild->adjusted.arguments = (struct words) { rebuild->arguments, 1 };
	rebuild->adjusted.overrides = (struct words) { then->overrides, then->override_count };
	rebuild->adjusted.chosen_cells = (struct words) { rebuild->cells, then->cell != NULL };
	rebuild->adjusted.format = rebuild->formats;
	rebuild->adjusted.compression = *then->compression ? then->compression : NULL;
	/* What is to be shown is that building gives the same, not that layers do. */
	rebuild->adjusted.no_layers = true;
	/* The date is the record's. */
	unsetenv("SOURCE_DATE_EPOCH");
}

/* The image that it is compared with must not be overwritten. */
static int check_output(const struct rebuild *rebuild, struct error *e)
{
	auto_free char *there = xasprintf("%s/image.json", rebuild->folder);
	struct stat one;
	struct stat other;

	if (stat(there, &one) == 0 && stat(rebuild->record_path, &other) == 0 && one.st_dev == other.st_dev &&
	    one.st_ino == other.st_ino)
		return error_set(e, ERROR_USAGE, "--output: '%s' holds the image that is to be built again",
				 rebuild->folder);
	return 0;
}

static int choose_folder(struct rebuild *rebuild, struct error *e)
{
	const char *parent = getenv("TMPDIR");

	if (rebuild->settings->output) {
		rebuild->folder = xstrdup(rebuild->settings->output);
		return check_output(rebuild, e);
	}
	parent = parent && *parent == '/' ? parent : "/tmp";
	temporary_sweep(parent, temporary_prefix, rebuild->settings->log);
	if (temporary_make(parent, temporary_prefix, &rebuild->temporary, &rebuild->temporary_fd, e) < 0)
		return -1;
	/* Below it: a build has a lock of its own on the folder that it writes to. */
	rebuild->folder = xasprintf("%s/image", rebuild->temporary);
	return 0;
}

static int build_again(struct rebuild *rebuild, struct error *e)
{
	auto_build struct build *build = NULL;
	struct build_options options;

	if (cells_choose_one(&rebuild->adjusted, &rebuild->chosen, e) < 0 ||
	    build_options_from(&rebuild->adjusted, STAGE_PACK, &rebuild->chosen, &options, e) < 0)
		return -1;
	options.lock_path = rebuild->record_path;
	options.output_dir = rebuild->folder;
	build = build_open(&options);
	if (build_run(build, e) < 0)
		return error_wrap(e, "cannot build it again");
	return build_record(build, &rebuild->record_text, e);
}

static void add_tool(json_t *list, const char *name, const char *then, const char *now)
{
	if (strcmp(then, now) != 0)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "name", name, "from", then, "to", now));
}

/* What else the bytes depend on, where it is another than it was: a list. Recipe and packages are the same. */
static json_t *compare_tools(const struct inputs *then, const struct inputs *now)
{
	json_t *list = json_array();

	add_tool(list, "kiln", then->kiln, now->kiln);
	add_tool(list, "kiln's build id", then->build_id, now->build_id);
	for (size_t i = 0; i < now->library_count; i++)
		for (size_t k = 0; k < then->library_count; k++)
			if (strcmp(then->libraries[k].name, now->libraries[i].name) == 0)
				add_tool(list, now->libraries[i].name, then->libraries[k].version,
					 now->libraries[i].version);
	return list;
}

static const char *text_in(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* For each format that the record names whether it is the same now: a list. */
static json_t *compare_fingerprints(json_t *then, json_t *now, bool *identical)
{
	json_t *list = json_array();
	json_t *artefact;
	size_t index;

	*identical = true;
	json_array_foreach (json_object_get(then, "artifacts"), index, artefact) {
		json_t *again = json_array_get(json_object_get(now, "artifacts"), index);
		const char *format = text_in(artefact, "format");
		const char *before = text_in(artefact, "fingerprint");
		const char *after = text_in(again, "fingerprint");
		bool same = *before && strcmp(before, after) == 0 &&
			    strcmp(format, text_in(again, "format")) == 0;

		*identical = *identical && same;
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "format", format, "identical",
						      same, "from", before, "to", after));
	}
	return list;
}

static int read_side(void *context, size_t index, struct error *e)
{
	struct rebuild *rebuild = context;

	return diff_side_read(index ? rebuild->folder : rebuild->record_path, rebuild->settings->log,
			      &rebuild->sides[index], e);
}

/* What is different inside, when the first image still lies beside its record: 1, or 0 with *why. */
static bool compare_images(struct rebuild *rebuild, struct error *why)
{
	if (pool_run(2, 2, read_side, rebuild, why) < 0)
		return false;
	diff_make(&rebuild->sides[0], &rebuild->sides[1], &rebuild->diff);
	return true;
}

static void print_comparison(const struct rebuild *rebuild, json_t *result, const struct error *why,
			     struct buffer *out)
{
	json_t *item;
	size_t index;

	json_array_foreach (json_object_get(result, "artifacts"), index, item) {
		bool same = json_is_true(json_object_get(item, "identical"));

		buffer_addf(out, "%-9s  %-8s  %s", same ? "identical" : "different", text_in(item, "format"),
			    text_in(item, "from"));
		buffer_addf(out, same ? "%s\n" : " -> %s\n", same ? "" : text_in(item, "to"));
	}
	if (json_is_true(json_object_get(result, "identical")))
		return;
	buffer_adds(out, json_array_size(json_object_get(result, "inputs"))
				 ? "inputs: recipe and packages are the same, but not what made the image\n"
				 : "inputs: the same\n");
	json_array_foreach (json_object_get(result, "inputs"), index, item)
		buffer_addf(out, "  * %s %s -> %s\n", text_in(item, "name"), text_in(item, "from"),
			    text_in(item, "to"));
	if (why->kind != ERROR_NONE)
		buffer_addf(out, "what differs inside cannot be shown: %s\n", why->text);
	else if (diff_is_empty(&rebuild->diff))
		buffer_adds(out, "inside they are the same: what differs is the form of the files (order, "
				 "compression), or those beside the record are not the ones it names\n");
	else
		diff_print(&rebuild->diff, rebuild->settings->files ? DIFF_ALL_FILES : SHOWN_FILES, out);
}

static int report(struct rebuild *rebuild, json_t *result, bool identical, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error why = ERROR_INIT;

	json_object_set_new(result, "identical", json_boolean(identical));
	if (!identical) {
		json_object_set_new(result, "inputs",
				    compare_tools(&rebuild->then.inputs, &rebuild->now.inputs));
		if (compare_images(rebuild, &why))
			json_object_set_new(result, "diff", diff_json(&rebuild->diff));
	}
	print_comparison(rebuild, result, &why, &out);
	if (rebuild->settings->json)
		return print_data_json(json_incref(result), e);
	return print_data(out.data, out.len, e);
}

static int compare(struct rebuild *rebuild, struct error *e)
{
	json_t *now = json_loads(rebuild->record_text, 0, NULL);
	json_t *result = json_object();
	bool identical;
	int r;

	json_object_set_new(result, "artifacts", compare_fingerprints(rebuild->record, now, &identical));
	r = report(rebuild, result, identical, e);
	json_decref(result);
	json_decref(now);
	if (r < 0 || identical)
		return r;
	return error_set(e, ERROR_DIFFERENT, "%s: built again it is not the same", rebuild->record_path);
}

int cmd_rebuild(const struct settings *settings, struct error *e)
{
	AUTO(rebuild_release)
	struct rebuild rebuild = {
		.settings = settings,
		.record_path = settings->arguments.items[0],
		.then = LOCK_INIT,
		.now = LOCK_INIT,
		.chosen = CHOSEN_INIT,
		.temporary_fd = -1,
		.sides = { DIFF_SIDE_INIT, DIFF_SIDE_INIT },
		.diff = DIFF_INIT,
	};

	if (read_record(&rebuild, e) < 0 || find_recipe(&rebuild, e) < 0)
		return -1;
	adjust_settings(&rebuild);
	if (choose_folder(&rebuild, e) < 0 || build_again(&rebuild, e) < 0 ||
	    lock_parse("image.json", rebuild.record_text, strlen(rebuild.record_text), &rebuild.now, e) < 0)
		return -1;
	return compare(&rebuild, e);
}
