/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/usage.h"

#include "base/auto.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 500, BLOCK_BYTES = 512 /* of st_blocks */ };

struct usage {
	uint64_t bytes;
	dev_t device_id;
	unsigned depth;
};

static void auto_folder_(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static bool count_folder(struct usage *usage, int fd);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as DEPTH_MAX */
static bool count_name(struct usage *usage, int dir_fd, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (st.st_dev != usage->device_id)
		return true;
	if (!S_ISDIR(st.st_mode)) {
		usage->bytes += (uint64_t)st.st_blocks * BLOCK_BYTES / (st.st_nlink ? st.st_nlink : 1);
		return true;
	}
	usage->bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
	return count_folder(usage, fd);
}

/* FD is closed. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool count_folder(struct usage *usage, int fd)
{
	AUTO(auto_folder_) DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	bool whole = true;

	if (!folder) {
		close(fd);
		return false;
	}
	if (++usage->depth > DEPTH_MAX)
		whole = false;
	/* Nobody else reads this stream. */
	while (usage->depth <= DEPTH_MAX && (entry = readdir(folder))) /* NOLINT(concurrency-mt-unsafe) */
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			whole = count_name(usage, fd, entry->d_name) && whole;
	usage->depth--;
	return whole;
}

bool usage_count(const char *path, uint64_t *bytes)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct usage usage = { .bytes = 0 };
	struct stat st;
	bool whole;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return false;
	}
	usage.device_id = st.st_dev;
	whole = count_folder(&usage, fd);
	*bytes = usage.bytes;
	return whole;
}
