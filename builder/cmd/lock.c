/* SPDX-License-Identifier: Apache-2.0 */
/* kiln lock: what an image is made of, written down; and what has changed since. */
#include "lock/lock.h"

#include "base/alloc.h"
#include "base/file.h"
#include "cmd/all.h"
#include "cmd/cells.h"
#include "cmd/cmd.h"
#include "pipeline.h"

#include <fcntl.h>
#include <jansson.h>

static const char suffix[] = ".lock";

/* Beside the recipe, and one for each image of its matrix: "x.yaml.lock", "x.yaml.trixie-amd64.lock". */
static int default_path(const char *recipe, const char *cell, const char *option, char **path,
			struct error *e)
{
	if (strcmp(recipe, "-") == 0)
		return error_set(e, ERROR_USAGE, "a recipe from standard input has no lock beside it: say %s",
				 option);
	*path = xasprintf("%s%s%s%s", recipe, cell ? "." : "", cell ? cell : "", suffix);
	return 0;
}

int lock_chosen(const struct settings *settings, const char *path, const char *cell, char **lock,
		struct error *e)
{
	*lock = NULL;
	if (!settings->locked)
		return 0;
	if (!*settings->locked)
		return default_path(path, cell, "--locked=FILE", lock, e);
	if (settings->all)
		return error_set(e, ERROR_USAGE,
				 "--locked=%s: with --all each image has a lock of its own (--locked)",
				 settings->locked);
	*lock = xstrdup(settings->locked);
	return 0;
}

/* One lock that is written, or compared. */
struct locker {
	const struct settings *settings;
	struct chosen *chosen;
	const struct recipe_cell *cell; /* NULL: the image that the recipe itself describes */
	char *path;                     /* owned; NULL: standard output */
	char *text;                     /* owned */
	struct lock now;
	struct lock before; /* its path is NULL when there is none */
	struct lock_changes changes;
};

static void locker_release(struct locker *locker)
{
	free(locker->path);
	free(locker->text);
	lock_release(&locker->now);
	lock_release(&locker->before);
	lock_changes_release(&locker->changes);
}

static int choose_path(struct locker *locker, struct error *e)
{
	const char *output = locker->settings->output;

	if (!output)
		return default_path(locker->chosen->path, locker->cell ? locker->cell->name : NULL,
				    "--output FILE", &locker->path, e);
	if (strcmp(output, "-") != 0)
		locker->path = xstrdup(output);
	return 0;
}

static int make(struct locker *locker, struct error *e)
{
	auto_build struct build *build = NULL;
	struct build_options options;

	if (build_options_from(locker->settings, STAGE_PLAN, locker->chosen, &options, e) < 0)
		return -1;
	options.cell = locker->cell;
	build = build_open(&options);
	if (build_run(build, e) < 0 || build_lock(build, &locker->text, e) < 0)
		return -1;
	/* What a build would refuse must not be written. */
	return lock_parse(locker->path ? locker->path : "standard output", locker->text, strlen(locker->text),
			  &locker->now, e);
}

static int compare(struct locker *locker, struct error *e)
{
	if (access(locker->path, F_OK) < 0 && errno == ENOENT) {
		if (locker->settings->check)
			return error_set(e, ERROR_DIFFERENT, "there is no lock '%s' (kiln lock makes it)",
					 locker->path);
		return 0;
	}
	if (lock_read(locker->path, &locker->before, e) < 0)
		return -1;
	lock_compare(&locker->before, &locker->now, &locker->changes);
	return 0;
}

static int write_lock(const struct locker *locker, struct error *e)
{
	const char *slash = strrchr(locker->path, '/');
	auto_free char *folder =
		slash ? xstrndup(locker->path, (size_t)(slash - locker->path) + 1) : xstrdup(".");
	auto_close int folder_fd = -1;

	if (dir_open(AT_FDCWD, folder, &folder_fd, e) < 0 ||
	    file_replace(folder_fd, slash ? slash + 1 : locker->path, locker->text, strlen(locker->text),
			 0644, e) < 0)
		return error_wrap(e, "cannot write the lock");
	log_say(locker->settings->log, "%s: %zu package%s", locker->path, locker->now.plan.package_count,
		locker->now.plan.package_count == 1 ? "" : "s");
	return 0;
}

static json_t *locker_json(const struct locker *locker)
{
	json_t *object = lock_changes_json(&locker->changes);

	json_object_set_new(object, "file", json_string(locker->path));
	json_object_set_new(object, "cell", locker->cell ? json_string(locker->cell->name) : json_null());
	json_object_set_new(object, "new", json_boolean(!locker->before.path));
	json_object_set_new(object, "same",
			    json_boolean(locker->before.path && lock_is_same(&locker->changes)));
	return object;
}

/* LIST receives what is printed as JSON; OUT what is printed for people. */
static int run_one(struct locker *locker, json_t *list, struct buffer *out, bool *same, struct error *e)
{
	const struct settings *settings = locker->settings;

	if (choose_path(locker, e) < 0 || make(locker, e) < 0)
		return -1;
	if (!locker->path) {
		buffer_adds(out, locker->text);
		return 0;
	}
	if ((settings->update || settings->check) && compare(locker, e) < 0)
		return -1;
	if (!settings->check && write_lock(locker, e) < 0)
		return -1;
	json_array_append_new(list, locker_json(locker));
	*same = *same && lock_is_same(&locker->changes);
	if (settings->all && !lock_is_same(&locker->changes))
		buffer_addf(out, "%s:\n", locker->path);
	lock_changes_print(&locker->changes, out);
	return 0;
}

static int print(const struct settings *settings, const json_t *list, struct buffer *out, struct error *e)
{
	if (settings->json) {
		auto_free char *text =
			json_dumps(settings->all ? list : json_array_get(list, 0), JSON_INDENT(2));

		buffer_reset(out);
		buffer_addf(out, "%s\n", text ? text : "null");
	}
	return print_data(out->data, out->len, e);
}

static int check_options(const struct settings *settings, struct error *e)
{
	const char *wrong = settings->update && settings->check ? "--update and --check"
			    : settings->all && settings->output ? "--all and --output"
								: NULL;

	if (wrong)
		return error_set(e, ERROR_USAGE, "%s exclude each other", wrong);
	if (settings->output && strcmp(settings->output, "-") == 0 &&
	    (settings->update || settings->check || settings->json))
		return error_set(e, ERROR_USAGE, "--output - is for the lock alone, without --%s",
				 settings->update  ? "update"
				 : settings->check ? "check"
						   : "json");
	return 0;
}

static int run_all(const struct settings *settings, struct chosen *chosen, json_t *list, struct buffer *out,
		   bool *same, struct error *e)
{
	for (size_t i = 0; i < chosen->count || i == 0; i++) {
		struct locker AUTO(locker_release) locker = {
			.settings = settings,
			.chosen = chosen,
			.cell = chosen->count ? &chosen->cells[i] : NULL,
		};

		if (run_one(&locker, list, out, same, e) < 0)
			return -1;
	}
	return 0;
}

int cmd_lock(const struct settings *settings, struct error *e)
{
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	json_t *list;
	bool same = true;
	int result;

	if (check_options(settings, e) < 0)
		return -1;
	if ((settings->all ? cells_choose : cells_choose_one)(settings, &chosen, e) < 0)
		return -1;
	list = json_array();
	result = run_all(settings, &chosen, list, &out, &same, e);
	if (result == 0)
		result = print(settings, list, &out, e);
	json_decref(list);
	if (result == 0 && settings->check && !same)
		return error_set(e, ERROR_DIFFERENT,
				 "the lock is outdated: kiln lock --update takes what there is now");
	return result;
}
