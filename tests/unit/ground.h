/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ground for the tests of customize: an empty root and a recipe's folder below one temporary folder, and a
 * recipe made by hand. ground_setup() and ground_teardown() are cmocka's fixtures; the tests skip without
 * the privilege to give files away.
 */
#ifndef TESTS_UNIT_GROUND_H
#define TESTS_UNIT_GROUND_H

#include "unit/unit.h"

#include "base/file.h"
#include "base/root.h"
#include "customize/customize.h"

#include <fcntl.h>

struct ground {
	char folder[64];
	char outside[80]; /* a folder beside the root, which nothing may touch */
	char recipes[80];
	int top_fd;
	int root_fd;
	FILE *words;
	struct log log;
	struct recipe recipe;
	struct image_templates templates;
	struct customize_site site;
};

static inline int ground_setup(void **state)
{
	struct ground *ground = xcalloc(1, sizeof *ground);
	const char *base = getenv("TMPDIR");
	struct error e = ERROR_INIT;

	snprintf(ground->folder, sizeof ground->folder, "%s/kiln-unit-XXXXXX",
		 base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(ground->folder))
		return -1;
	ground->top_fd = open(ground->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(ground->top_fd, "root", 0755) < 0 || mkdirat(ground->top_fd, "outside", 0755) < 0 ||
	    mkdirat(ground->top_fd, "recipes", 0755) < 0)
		return -1;
	if (have_rights() && root_write_text(ground->top_fd, "outside/witness", "untouched\n", &e) < 0)
		return -1;
	snprintf(ground->outside, sizeof ground->outside, "%s/outside", ground->folder);
	snprintf(ground->recipes, sizeof ground->recipes, "%s/recipes", ground->folder);
	ground->root_fd = openat(ground->top_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ground->words = fopen("/dev/null", "we");
	log_init(&ground->log, LOG_NORMAL, ground->words);
	ground->recipe = (struct recipe) {
		.path = "x.yaml",
		.folder = ground->recipes,
		.image = { .distribution = "debian", .release = "bookworm" },
		.architecture_mapped = "amd64",
	};
	ground->templates = IMAGE_TEMPLATES_INIT;
	ground->site = (struct customize_site) { .root_fd = ground->root_fd,
						 .recipe = &ground->recipe,
						 .log = &ground->log };
	*state = ground;
	return 0;
}

static inline int ground_teardown(void **state)
{
	struct ground *ground = *state;
	struct error e = ERROR_INIT;

	image_templates_release(&ground->templates);
	log_release(&ground->log);
	fclose(ground->words);
	if (root_empty_dir(ground->top_fd, "/", &e) < 0)
		return -1;
	close(ground->root_fd);
	close(ground->top_fd);
	if (rmdir(ground->folder) < 0)
		return -1;
	free(ground);
	return 0;
}

static inline struct ground *ground_of(void **state)
{
	need_rights();
	return *state;
}

/* A file at PATH of the root, with the folders above it. */
static inline void ground_put(struct ground *ground, const char *path, const char *text)
{
	struct error e = ERROR_INIT;
	auto_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);

	assert_int_equal(root_make_dirs(ground->root_fd, parent, 0755, &e), 0);
	assert_int_equal(root_write_text(ground->root_fd, path, text, &e), 0);
}

/* A file beside the recipe. */
static inline void ground_put_source(struct ground *ground, const char *name, const char *text, unsigned mode)
{
	auto_free char *path = xasprintf("recipes/%s", name);
	struct error e = ERROR_INIT;

	assert_int_equal(root_write(ground->top_fd, path, text, strlen(text), mode, 0, 0, &e), 0);
}

static inline struct stat ground_stat(struct ground *ground, const char *path)
{
	struct error e = ERROR_INIT;
	struct stat st = { .st_mode = 0 };

	assert_int_equal(root_lstat(ground->root_fd, path, &st, &e), 1);
	return st;
}

static inline bool ground_has(struct ground *ground, const char *path)
{
	struct error e = ERROR_INIT;
	struct stat st;
	int r = root_lstat(ground->root_fd, path, &st, &e);

	assert_true(r >= 0);
	return r == 1;
}

static inline void ground_expect(struct ground *ground, const char *path, const char *text)
{
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;

	assert_int_equal(root_read(ground->root_fd, path, &data, NULL, &e), 1);
	assert_string_equal(data, text);
}

/* Nothing was written, removed or added beside the root. */
static inline void ground_outside_is_untouched(struct ground *ground)
{
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;
	char **names = NULL;
	size_t count = 0;
	auto_close int fd = openat(ground->top_fd, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(dir_list(fd, &names, &count, &e), 0);
	assert_int_equal(count, 1);
	names_free(names, count);
	assert_int_equal(file_read(fd, "witness", 100, &data, NULL, &e), 0);
	assert_string_equal(data, "untouched\n");
}

#endif
