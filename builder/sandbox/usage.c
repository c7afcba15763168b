/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/usage.h"

#include "base/auto.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 500, BLOCK_BYTES = 512 /* of st_blocks */ };

struct count {
	struct usage usage;
	dev_t device_id;
	unsigned depth;
};

static void auto_folder_(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static bool count_folder(struct count *count, int fd);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as DEPTH_MAX */
static bool count_name(struct count *count, int dir_fd, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (st.st_dev != count->device_id)
		return true;
	count->usage.files++;
	if (!S_ISDIR(st.st_mode)) {
		count->usage.bytes += (uint64_t)st.st_blocks * BLOCK_BYTES / (st.st_nlink ? st.st_nlink : 1);
		return true;
	}
	count->usage.bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
	return count_folder(count, fd);
}

/* FD is closed. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool count_folder(struct count *count, int fd)
{
	AUTO(auto_folder_) DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	bool whole = true;

	if (!folder) {
		close(fd);
		return false;
	}
	if (++count->depth > DEPTH_MAX)
		whole = false;
	/* Nobody else reads this stream. */
	while (count->depth <= DEPTH_MAX && (entry = readdir(folder))) /* NOLINT(concurrency-mt-unsafe) */
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			whole = count_name(count, fd, entry->d_name) && whole;
	count->depth--;
	return whole;
}

bool usage_count(const char *path, struct usage *usage)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct count count = { .depth = 0 };
	struct stat st;
	bool whole;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return false;
	}
	count.device_id = st.st_dev;
	whole = count_folder(&count, fd);
	*usage = count.usage;
	return whole;
}
