/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the targets share that cannot do without a disk: a folder of their own, which has an inner one to play in and a
 * file beside it that nobody may touch; and an input cut into parts.
 */
#ifndef TESTS_FUZZ_GROUND_H
#define TESTS_FUZZ_GROUND_H

#include "base/alloc.h"
#include "base/file.h"
#include "base/root.h"
#include "base/text.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

struct ground {
	char path[32]; /* of the outer folder */
	int outer_fd;
	int fd; /* of the inner one */
	struct stat canary;
};

static inline void ground_open(struct ground *ground)
{
	struct error e = ERROR_INIT;

	/* In memory where that is possible: thousands of times in a second. */
	*ground = (struct ground) { .path = "/dev/shm/kiln-fuzz-XXXXXX" };
	if (!mkdtemp(ground->path)) {
		*ground = (struct ground) { .path = "/tmp/kiln-fuzz-XXXXXX" };
		assert(mkdtemp(ground->path));
	}
	ground->outer_fd = open(ground->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(ground->outer_fd >= 0 && mkdirat(ground->outer_fd, "in", 0755) == 0);
	ground->fd = openat(ground->outer_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(ground->fd >= 0);
	assert(root_write_text(ground->outer_fd, "/canary", "mine", &e) == 0);
	assert(fstatat(ground->outer_fd, "canary", &ground->canary, AT_SYMLINK_NOFOLLOW) == 0);
}

/* Nothing is there that was not, and what was there is as it was. */
static inline void ground_check_outside(const struct ground *ground)
{
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t count = 0;
	struct stat now;

	assert(dir_list(ground->outer_fd, &names, &count, &e) == 0);
	assert(count == 2);
	names_free(names, count);
	assert(fstatat(ground->outer_fd, "canary", &now, AT_SYMLINK_NOFOLLOW) == 0);
	assert(now.st_ino == ground->canary.st_ino && now.st_size == 4 && now.st_nlink == 1);
	assert(now.st_mode == ground->canary.st_mode && now.st_uid == ground->canary.st_uid);
	assert(now.st_mtim.tv_sec == ground->canary.st_mtim.tv_sec);
	assert(now.st_ctim.tv_sec == ground->canary.st_ctim.tv_sec);
	assert(access("/kiln-escaped", F_OK) < 0 && access("/tmp/kiln-escaped", F_OK) < 0);
	assert(access("/dev/shm/kiln-escaped", F_OK) < 0);
}

static inline void ground_close(struct ground *ground)
{
	struct error e = ERROR_INIT;

	ground_check_outside(ground);
	if (root_empty_dir(ground->outer_fd, "/", &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	close(ground->fd);
	close(ground->outer_fd);
	assert(rmdir(ground->path) == 0);
}

/* A file of the inner folder, with the folders above it. */
static inline void ground_write(const struct ground *ground, const char *path, struct text text)
{
	struct error e = ERROR_INIT;
	auto_free char *above = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	if (root_make_dirs(ground->fd, above, 0755, &e) < 0 ||
	    root_write(ground->fd, path, text.len ? text.ptr : "", text.len, 0644, 0, 0, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
}

/* What stands before the next NUL. */
static inline struct text next_part(struct text *rest)
{
	struct text part = text_cut(*rest, '\0', rest);

	return part.ptr ? part : (struct text) { "", 0 };
}

/* An error that says what it is. */
static inline void check_ground_error(const struct error *e)
{
	assert(e->kind != ERROR_NONE && e->kind != ERROR_INTERNAL && e->text[0]);
}

#endif
