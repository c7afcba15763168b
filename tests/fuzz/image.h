/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets of the readers of images share: bytes as a file that has a path, and a visitor that reads all. */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include "base/file.h"
#include "tree/tree.h"

#include <assert.h>
#include <sys/mman.h>

struct memory_file {
	int fd;
	char path[64];
};

static inline struct memory_file memory_file(const void *data, size_t size)
{
	struct memory_file file = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };
	struct error e = ERROR_INIT;

	assert(file.fd >= 0);
	assert(file_write_fd(file.fd, data, size, &e) == 0);
	assert(lseek(file.fd, 0, SEEK_SET) == 0);
	snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
	return file;
}

/* Enough of each file to see that it is there; of holes and bombs no more. */
static inline int read_entry(void *context, const struct tree_entry *entry, struct error *e)
{
	uint64_t *left = context;
	char data[16 * 1024];
	size_t len = 1;

	assert(entry->path[0] != '/' && !strstr(entry->path, "../"));
	assert(!entry->hard_link || !entry->content);
	while (entry->content && len && *left) {
		if (entry->content->read(entry->content, data, sizeof data, &len, e) < 0)
			return -1;
		assert(len <= sizeof data);
		*left -= len < *left ? len : *left;
	}
	return 0;
}

/* An error that says what it is. */
static inline void check_error(const struct error *e)
{
	assert(e->kind != ERROR_NONE && e->kind != ERROR_INTERNAL && e->text[0]);
}

#endif
