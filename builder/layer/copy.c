/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/copy.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define BLOCK_BYTES (256 * KIB)

struct copy {
	int from_fd;
	int to_fd;
	struct layer_tree *tree;
	struct hash hash;
	char *block; /* owned */
	bool clones; /* both trees lie on one file system, which may be able to share what is in files */
};

#define auto_copy AUTO(copy_release)

static void copy_release(struct copy *copy)
{
	hash_release(&copy->hash);
	free(copy->block);
}

/* LEN bytes that are not in the file, and zero. */
static void hash_hole(struct copy *copy, off_t len)
{
	memset(copy->block, 0, BLOCK_BYTES);
	while (len > 0) {
		size_t part = len < (off_t)BLOCK_BYTES ? (size_t)len : (size_t)BLOCK_BYTES;

		hash_add(&copy->hash, copy->block, part);
		len -= (off_t)part;
	}
}

/* From FROM to END, which is where both descriptors stand. */
static int copy_run(struct copy *copy, int from, int to, off_t offset, off_t end, struct error *e)
{
	while (offset < end) {
		size_t want =
			end - offset < (off_t)BLOCK_BYTES ? (size_t)(end - offset) : (size_t)BLOCK_BYTES;
		ssize_t got = file_read_some(from, copy->block, want, e);

		if (got < 0)
			return -1;
		if (got == 0)
			return error_set(e, ERROR_SYSTEM, "it became shorter while it was copied");
		hash_add(&copy->hash, copy->block, (size_t)got);
		if (to >= 0 && file_write_fd(to, copy->block, (size_t)got, e) < 0)
			return -1;
		offset += got;
	}
	return 0;
}

/* The same holes, too. */
static int copy_sparse(struct copy *copy, int from, int to, off_t size, struct error *e)
{
	off_t done = 0;

	while (done < size) {
		off_t data = lseek(from, done, SEEK_DATA);
		off_t end;

		if (data < 0 && errno == ENXIO)
			data = size;
		if (data < 0)
			return error_sys(e, "cannot look for holes");
		hash_hole(copy, data - done);
		if (data == size)
			break;
		end = lseek(from, data, SEEK_HOLE);
		if (end < 0 || lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
			return error_sys(e, "cannot look for holes");
		if (copy_run(copy, from, to, data, end, e) < 0)
			return -1;
		done = end;
	}
	if (ftruncate(to, size) < 0)
		return error_sys(e, "cannot write");
	return 0;
}

static int copy_content(struct copy *copy, struct layer_entry *entry, int from, int to, struct error *e)
{
	off_t size = entry->st.st_size;
	int result;

	hash_start_sha256(&copy->hash);
	if (copy->clones && size > 0 && ioctl(to, FICLONE, from) == 0)
		result = copy_run(copy, from, -1, 0, size, e);
	else if (entry->st.st_blocks * 512 < size)
		result = copy_sparse(copy, from, to, size, e);
	else
		result = copy_run(copy, from, to, 0, size, e);
	entry->content = hash_end_sha256(&copy->hash);
	return result;
}

static struct timespec *times_of(const struct stat *st, struct timespec times[2])
{
	times[0] = st->st_atim;
	times[1] = st->st_mtim;
	return times;
}

static int copy_file(struct copy *copy, struct layer_entry *entry, struct error *e)
{
	mode_t mode = entry->st.st_mode & 07777;
	struct timespec times[2];
	auto_close int from = -1;
	auto_close int to = -1;

	if (root_open(copy->from_fd, entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &from, e) < 0)
		return -1;
	to = openat(copy->to_fd, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode & 0777);
	if (to < 0)
		return error_sys(e, "cannot create it");
	if (copy_content(copy, entry, from, to, e) < 0)
		return -1;
	/* Owner, then mode, then attributes: chown() drops set-uid bits and capabilities. Most are root's. */
	if ((entry->st.st_uid || entry->st.st_gid) && fchown(to, entry->st.st_uid, entry->st.st_gid) < 0)
		return error_sys(e, "cannot set its owner");
	if (mode & ~0777U && fchmod(to, mode) < 0)
		return error_sys(e, "cannot set its mode");
	if (xattrs_set(to, -1, NULL, &entry->xattrs, e) < 0)
		return -1;
	return futimens(to, times_of(&entry->st, times)) < 0 ? error_sys(e, "cannot set its times") : 0;
}

/* Links, devices, pipes, sockets, whiteouts. */
static int copy_other(const struct copy *copy, const struct layer_entry *entry, struct error *e)
{
	mode_t mode = entry->st.st_mode;
	struct timespec times[2];
	int r = entry->target ? symlinkat(entry->target, copy->to_fd, entry->path)
			      : mknodat(copy->to_fd, entry->path, mode, entry->st.st_rdev);

	if (r < 0)
		return error_sys(e, "cannot create it");
	if (fchownat(copy->to_fd, entry->path, entry->st.st_uid, entry->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!entry->target && fchmodat(copy->to_fd, entry->path, mode & 07777, 0) < 0))
		return error_sys(e, "cannot set its owner and mode");
	if (xattrs_set(-1, copy->to_fd, entry->path, &entry->xattrs, e) < 0)
		return -1;
	if (utimensat(copy->to_fd, entry->path, times_of(&entry->st, times), AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set its times");
	return 0;
}

static int copy_entry(struct copy *copy, size_t index, struct error *e)
{
	struct layer_entry *entry = &copy->tree->entries[index];

	if (S_ISDIR(entry->st.st_mode)) {
		if (*entry->path && mkdirat(copy->to_fd, entry->path, 0700) < 0)
			return error_sys(e, "cannot create it");
		return 0;
	}
	if (entry->first != index) {
		const char *first = copy->tree->entries[entry->first].path;

		if (linkat(copy->to_fd, first, copy->to_fd, entry->path, 0) < 0)
			return error_sys(e, "cannot link it to '/%s'", first);
		return 0;
	}
	return S_ISREG(entry->st.st_mode) ? copy_file(copy, entry, e) : copy_other(copy, entry, e);
}

/* Once all is in it: its ACL would be inherited, its time would change. */
static int finish_folder(const struct copy *copy, const struct layer_entry *entry, struct error *e)
{
	auto_close int fd = -1;
	struct timespec times[2];

	if (dir_open(copy->to_fd, *entry->path ? entry->path : ".", &fd, e) < 0)
		return -1;
	if (fchown(fd, entry->st.st_uid, entry->st.st_gid) < 0 || fchmod(fd, entry->st.st_mode & 07777) < 0)
		return error_sys(e, "cannot set its owner and mode");
	if (xattrs_set(fd, -1, NULL, &entry->xattrs, e) < 0)
		return -1;
	return futimens(fd, times_of(&entry->st, times)) < 0 ? error_sys(e, "cannot set its times") : 0;
}

int copy_tree(int from_fd, int to_fd, struct layer_tree *tree, struct error *e)
{
	auto_copy struct copy copy = { .from_fd = from_fd, .to_fd = to_fd, .tree = tree };
	struct stat from;
	struct stat to;

	if (fstat(from_fd, &from) < 0 || fstat(to_fd, &to) < 0)
		return error_sys(e, "cannot stat a folder");
	copy.clones = from.st_dev == to.st_dev;
	copy.block = xmalloc(BLOCK_BYTES);
	for (size_t i = 0; i < tree->count; i++)
		if (copy_entry(&copy, i, e) < 0)
			return error_wrap(e, "'/%s'", tree->entries[i].path);
	for (size_t i = tree->count; i > 0; i--)
		if (S_ISDIR(tree->entries[i - 1].st.st_mode) &&
		    finish_folder(&copy, &tree->entries[i - 1], e) < 0)
			return error_wrap(e, "'/%s'", tree->entries[i - 1].path);
	return 0;
}

int copy_whole(int from_fd, int to_fd, const char *name, struct error *e)
{
	auto_free char *block = xmalloc(BLOCK_BYTES);
	auto_close int to = openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t done = 0;
	ssize_t got;

	if (to < 0)
		return error_sys(e, "cannot create '%s'", name);
	if (ioctl(to, FICLONE, from_fd) == 0)
		return 0;
	for (; (got = pread(from_fd, block, BLOCK_BYTES, done)) > 0; done += got)
		if (file_write_fd(to, block, (size_t)got, e) < 0)
			return error_wrap(e, "'%s'", name);
	return got < 0 ? error_sys(e, "cannot read '%s'", name) : 0;
}
