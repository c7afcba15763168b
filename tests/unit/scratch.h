/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, with a cache in it that does not exist yet, and a log that is kept as text. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "unit/unit.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/root.h"

#include <fcntl.h>

struct scratch {
	char folder[64];
	int folder_fd;
	char *cache;
	struct log log;
	FILE *log_file;
	char *log_text;
	size_t log_len;
};

static inline int scratch_open(struct scratch *scratch)
{
	snprintf(scratch->folder, sizeof scratch->folder, "/tmp/kiln-unit-XXXXXX");
	if (!mkdtemp(scratch->folder))
		return -1;
	scratch->folder_fd = open(scratch->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scratch->cache = xasprintf("%s/cache", scratch->folder);
	scratch->log_file = open_memstream(&scratch->log_text, &scratch->log_len);
	log_init(&scratch->log, LOG_VERBOSE, scratch->log_file);
	return 0;
}

static inline int scratch_close(struct scratch *scratch)
{
	struct error e = ERROR_INIT;
	int r = root_empty_dir(scratch->folder_fd, ".", &e);

	if (r < 0)
		print_error("%s\n", e.text);
	close(scratch->folder_fd);
	rmdir(scratch->folder);
	log_release(&scratch->log);
	fclose(scratch->log_file);
	free(scratch->log_text);
	free(scratch->cache);
	return r;
}

/* How many entries of FOLDER begin with PREFIX. */
static inline size_t count_entries(const char *folder, const char *prefix)
{
	struct error e = ERROR_INIT;
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	size_t found = 0;

	assert_int_equal(dir_open(AT_FDCWD, folder, &fd, &e), 0);
	assert_int_equal(dir_list(fd, &names, &count, &e), 0);
	for (size_t i = 0; i < count; i++)
		found += is_prefix(names[i], prefix);
	names_free(names, count);
	return found;
}

#endif
