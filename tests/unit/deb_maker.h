/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages made by deb_bytes.h, and a root to unpack them into. The fetcher's part is played by
 * fetch_open_cached() below: a package is its number in the scene.
 */
#ifndef TESTS_UNIT_DEB_MAKER_H
#define TESTS_UNIT_DEB_MAKER_H

#include "base/alloc.h"
#include "base/file.h"
#include "base/root.h"
#include "index/index.h"
#include "plan/plan.h"
#include "unit/deb_bytes.h"
#include "unit/no_cache.h"
#include "unpack/deb.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { SCENE_MAX = 40 };

struct fetcher {
	struct buffer debs[SCENE_MAX];
};

struct scene {
	char folder[64];
	int root_fd;
	struct fetcher fetcher;
	struct plan_package packages[SCENE_MAX];
	struct plan plan;
	struct index_archive archive;
	struct log log;
	struct unpack_site site;
	struct error e;
};

int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e);
int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e)
{
	const struct buffer *deb = &fetcher->debs[sha256->bytes[0]];

	if (!deb->data)
		return 0;
	*fd = memfd_create("deb", MFD_CLOEXEC);
	if (*fd < 0)
		return error_sys(e, "cannot create a file in memory");
	return file_write_fd(*fd, deb->data, deb->len, e) < 0 ? -1 : 1;
}

/* The files of a root belong to root: for anybody else these tests have nothing to say. */
static inline void scene_open(struct scene *scene)
{
	need_rights();
	*scene = (struct scene) { .folder = "/tmp/kiln-unit-XXXXXX" };
	assert_non_null(mkdtemp(scene->folder));
	scene->root_fd = open(scene->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(scene->root_fd >= 0);
	scene->plan.packages = scene->packages;
	scene->archive.uri = "http://archive.invalid";
	log_init(&scene->log, LOG_QUIET, stderr);
	scene->site = (struct unpack_site) { .root_fd = scene->root_fd,
					     .fetcher = &scene->fetcher,
					     .plan = &scene->plan,
					     .log = &scene->log };
}

static inline void scene_close(struct scene *scene)
{
	for (size_t i = 0; i < SCENE_MAX; i++)
		buffer_release(&scene->fetcher.debs[i]);
	assert_int_equal(root_empty_dir(scene->root_fd, "/", &scene->e), 0);
	close(scene->root_fd);
	assert_int_equal(rmdir(scene->folder), 0);
	log_release(&scene->log);
}

/* Put MADE into the plan; its position. */
static inline size_t scene_add(struct scene *scene, const struct made_deb *made)
{
	size_t position = scene->plan.package_count++;
	struct plan_package *package = &scene->packages[position];

	assert_true(position < SCENE_MAX);
	make_deb(&scene->fetcher.debs[position], made);
	*package = (struct plan_package) {
		.archive = &scene->archive,
		.filename = "made.deb",
		.name = made->name,
		.version = made->version ? made->version : "1.0",
		.architecture = made->architecture ? made->architecture : "all",
		.size_bytes = made->claimed_bytes ? made->claimed_bytes : scene->fetcher.debs[position].len,
	};
	package->sha256.bytes[0] = (uint8_t)position;
	return position;
}

static inline void scene_prepare(struct scene *scene)
{
	assert_int_equal(deb_unpack_prepare(&scene->site, &scene->e), 0);
}

/* Unpack the packages from position FROM on. */
static inline int scene_unpack(struct scene *scene, size_t from, enum deb_conffile_mode mode)
{
	size_t positions[SCENE_MAX];
	size_t count = 0;

	error_clear(&scene->e);
	for (size_t i = from; i < scene->plan.package_count; i++)
		positions[count++] = i;
	return deb_unpack_packages(&scene->site, positions, count, mode, NULL, &scene->e);
}

/* The content of a file in the root; malloc'ed, or NULL when there is none. */
static inline char *scene_text(struct scene *scene, const char *path)
{
	char *data = NULL;
	size_t len;
	int r = root_read(scene->root_fd, path, &data, &len, &scene->e);

	assert_true(r >= 0);
	return data;
}

static inline void assert_text(struct scene *scene, const char *path, const char *expected)
{
	auto_free char *data = scene_text(scene, path);

	assert_non_null(data);
	assert_string_equal(data, expected);
}

static inline struct stat scene_stat(struct scene *scene, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(root_lstat(scene->root_fd, path, &st, &scene->e), 1);
	return st;
}

static inline bool scene_has(struct scene *scene, const char *path)
{
	struct stat st;

	return root_lstat(scene->root_fd, path, &st, &scene->e) > 0;
}

#endif
