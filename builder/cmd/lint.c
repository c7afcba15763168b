/* SPDX-License-Identifier: Apache-2.0 */
/* kiln lint: what an image, or a root tree, should not be published with. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "check/lint.h"
#include "image/image.h"
#include "image/metadata.h"
#include "tree/walk.h"

#include <fcntl.h>
#include <sys/stat.h>

struct linting {
	struct lint_allows allows;
	struct lint_options options;
	struct lint_report report;
	enum lint_severity fail_on;
};

static void linting_release(struct linting *linting)
{
	lint_allows_release(&linting->allows);
	lint_report_release(&linting->report);
}

static int take_settings(const struct settings *settings, struct lint_allows *allows,
			 enum lint_severity *fail_on, struct error *e)
{
	*fail_on = LINT_ERROR;
	if (settings->fail_on && lint_severity_parse(settings->fail_on, fail_on, e) < 0)
		return error_wrap(e, "--fail-on");
	for (size_t i = 0; i < settings->allowed.count; i++)
		if (lint_allow_add(allows, settings->allowed.items[i], ERROR_USAGE, e) < 0)
			return error_wrap(e, "--allow");
	return 0;
}

static void pass_over(void *context, enum metadata_level level, unsigned line, unsigned column,
		      const char *message)
{
	(void)context;
	(void)level;
	(void)line;
	(void)column;
	(void)message;
}

/* What its metadata says is taken as far as it can be read: mistakes in it are the business of kiln verify. */
static int lint_image(struct linting *linting, const struct settings *settings, struct error *e)
{
	auto_image struct image *image = NULL;
	auto_metadata struct metadata metadata = METADATA_INIT;
	auto_free const char **replaced = NULL;
	const char *rootfs = settings->arguments.count > 1 ? settings->arguments.items[1] : NULL;

	if (image_open(settings->arguments.items[0], rootfs, settings->log, &image, e) < 0)
		return -1;
	metadata_examine(image_facts(image)->metadata, pass_over, NULL, &metadata);
	replaced = xcalloc(metadata.template_count + 1, sizeof *replaced);
	for (size_t i = 0; i < metadata.template_count; i++)
		replaced[i] = metadata.templates[i].path;
	linting->options.replaced = replaced;
	linting->options.replaced_count = metadata.template_count;
	linting->options.date_s = metadata.creation_date > 0 ? metadata.creation_date : INT64_MAX;
	return lint_tree(image_root(image), &linting->options, &linting->report, e);
}

static int lint_folder(struct linting *linting, const char *path, const struct settings *settings,
		       struct error *e)
{
	auto_close int fd = -1;
	struct tree_folder root;

	if (dir_open(AT_FDCWD, path, &fd, e) < 0)
		return -1;
	root = tree_folder(fd, settings->log);
	linting->options.date_s = epoch_now();
	linting->options.folder = path;
	linting->options.log = settings->log;
	return lint_tree(&root.source, &linting->options, &linting->report, e);
}

static int lint_argument(struct linting *linting, const struct settings *settings, struct error *e)
{
	const char *path = settings->arguments.items[0];
	struct stat st;

	if (stat(path, &st) < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return lint_image(linting, settings, e);
	if (settings->arguments.count > 1)
		return error_set(e, ERROR_USAGE, "kiln lint: '%s' is a folder and stands alone", path);
	return lint_folder(linting, path, settings, e);
}

static int print_report(const struct linting *linting, const char *name, const struct settings *settings,
			struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	if (settings->sarif)
		lint_print_sarif(&linting->report, name, &out);
	else if (settings->json)
		lint_print_json(&linting->report, name, &out);
	else
		lint_print(&linting->report, name, settings->verbose, &out);
	return print_data(out.data, out.len, e);
}

static int print_rules(const struct settings *settings, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	if (settings->arguments.count)
		return error_set(e, ERROR_USAGE, "kiln lint --rules takes no image");
	lint_print_rules(settings->json, &out);
	return print_data(out.data, out.len, e);
}

int cmd_lint(const struct settings *settings, struct error *e)
{
	AUTO(linting_release) struct linting linting = { .allows = LINT_ALLOWS_INIT };
	const char *path;

	if (settings->rules)
		return print_rules(settings, e);
	if (settings->arguments.count == 0)
		return error_set(e, ERROR_USAGE, "usage: kiln lint IMAGE [ROOTFS] [OPTION]...");
	path = settings->arguments.items[0];
	if (take_settings(settings, &linting.allows, &linting.fail_on, e) < 0)
		return -1;
	linting.options.allows = &linting.allows;
	if (lint_argument(&linting, settings, e) < 0 || print_report(&linting, path, settings, e) < 0)
		return -1;
	return lint_judge(&linting.report, linting.fail_on, e) < 0 ? error_wrap(e, "%s", path) : 0;
}
