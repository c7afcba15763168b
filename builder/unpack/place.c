/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/place.h"

#include "base/alloc.h"
#include "base/device.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/xattr.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { TEMPORARY_NAME_MAX = 40 };

void placer_init(struct placer *placer, int root_fd, unsigned number)
{
	*placer = (struct placer) {
		.root_fd = root_fd,
		.uid = geteuid(),
		.gid = getegid(),
		.number = number,
	};
	for (size_t i = 0; i < PLACER_DIRS; i++)
		placer->dirs[i].fd = -1;
}

void placer_forget(struct placer *placer)
{
	for (size_t i = 0; i < PLACER_DIRS; i++) {
		struct place_dir *dir = &placer->dirs[i];

		if (dir->fd >= 0)
			close(dir->fd);
		free(dir->path);
		*dir = (struct place_dir) { .fd = -1 };
	}
}

void placer_release(struct placer *placer)
{
	placer_forget(placer);
}

static struct place_dir *find_dir(struct placer *placer, const char *path, size_t len)
{
	struct place_dir *oldest = &placer->dirs[0];

	for (size_t i = 0; i < PLACER_DIRS; i++) {
		struct place_dir *dir = &placer->dirs[i];

		if (dir->fd >= 0 && dir->path_len == len && memcmp(dir->path, path, len) == 0)
			return dir;
		if (dir->used < oldest->used)
			oldest = dir;
	}
	if (oldest->fd >= 0)
		close(oldest->fd);
	free(oldest->path);
	*oldest = (struct place_dir) { .fd = -1 };
	return oldest;
}

static int open_dir(struct placer *placer, struct place_dir *dir, const char *path, size_t len,
		    struct error *e)
{
	auto_free char *copy = xstrndup(path, len);
	struct stat st;
	int r = root_try_open(placer->root_fd, copy, O_PATH | O_DIRECTORY, &dir->fd, e);

	if (r <= 0)
		return r;
	if (fstat(dir->fd, &st) < 0)
		return error_sys(e, "cannot stat '%s' in the root", copy);
	dir->device = st.st_dev;
	dir->inode = st.st_ino;
	dir->passes_group = st.st_mode & S_ISGID;
	dir->path = TAKE(copy, NULL);
	dir->path_len = len;
	return 1;
}

int placer_parent(struct placer *placer, const char *path, const struct place_dir **dir, const char **name,
		  struct error *e)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	size_t len = slash ? (size_t)(slash - path) : 0;
	struct place_dir *found = find_dir(placer, path, len);

	if (found->fd < 0) {
		int r = open_dir(placer, found, path, len, e);

		if (r <= 0)
			return r;
	}
	found->used = ++placer->clock;
	*dir = found;
	*name = last;
	return 1;
}

int placer_make_dir(struct placer *placer, const struct place_dir *dir, const char *name, const char *path,
		    struct error *e)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(dir->fd, name, 0755) == 0)
		return 1;
	if (errno != EEXIST)
		return error_sys(e, "cannot create folder '%s' in the root", path);
	r = root_try_open(placer->root_fd, path, O_PATH | O_DIRECTORY, &fd, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	/* Something that no package owns and that is no folder: it gives way, as with dpkg. */
	if (unlinkat(dir->fd, name, 0) < 0 || mkdirat(dir->fd, name, 0755) < 0)
		return error_sys(e, "cannot create folder '%s' in the root", path);
	return 1;
}

/* Attributes that are a package's to give. Labels of security modules and the like belong to a system. */
static bool is_kept(const char *name)
{
	return xattr_is_of_tree(name) && (is_prefix(name, "user.") || is_prefix(name, "system.posix_acl_") ||
					  strcmp(name, "security.capability") == 0);
}

static int set_xattrs(int fd, const struct entry *entry, struct error *e)
{
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct entry_xattr *xattr = &entry->xattrs[i];

		if (!is_kept(xattr->name))
			continue;
		if (fsetxattr(fd, xattr->name, xattr->value, xattr->len, 0) < 0)
			return error_sys(e, "cannot set attribute '%s' of '%s'", xattr->name, entry->path);
	}
	return 0;
}

static bool owner_differs(const struct placer *placer, const struct place_dir *dir, const struct entry *entry)
{
	return entry->uid != placer->uid || entry->gid != placer->gid || dir->passes_group;
}

/* With the fewest calls that make it right; what open() could not do comes in the only order that lasts. */
static int set_file_attributes(const struct placer *placer, const struct place_dir *dir, int fd,
			       const struct entry *entry, struct error *e)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns },
	};
	bool chown_due = owner_differs(placer, dir, entry);

	if (chown_due && fchown(fd, entry->uid, entry->gid) < 0)
		return error_sys(e, "cannot set the owner of '%s'", entry->path);
	if ((chown_due || entry->mode & 07000) && fchmod(fd, entry->mode) < 0)
		return error_sys(e, "cannot set the mode of '%s'", entry->path);
	if (entry->xattr_count && set_xattrs(fd, entry, e) < 0)
		return -1;
	if (futimens(fd, times) < 0)
		return error_sys(e, "cannot set the time of '%s'", entry->path);
	return 0;
}

static int write_at(int fd, const void *data, size_t len, int64_t offset, struct error *e)
{
	const char *next = data;

	while (len) {
		ssize_t n = pwrite(fd, next, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot write");
		next += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

/* Check a piece of content against what its entry claims, so that no file becomes larger than that. */
static int check_piece(const struct entry *entry, int64_t done, size_t len, int64_t offset, struct error *e)
{
	if (offset < done || (int64_t)len > entry->size_bytes || offset > entry->size_bytes - (int64_t)len)
		return error_set(e, ERROR_FORMAT, "malformed tar archive: '%s' holds more than it says",
				 entry->path);
	return 0;
}

static void hash_hole(struct hash *hash, int64_t len)
{
	static const char zeros[4096];

	while (len > 0) {
		size_t part = len < (int64_t)sizeof zeros ? (size_t)len : sizeof zeros;

		hash_add(hash, zeros, part);
		len -= (int64_t)part;
	}
}

static int write_content(int fd, const struct entry *entry, struct tar *content, char *md5, struct error *e)
{
	auto_hash struct hash hash = HASH_INIT;
	const void *data;
	size_t len;
	int64_t offset;
	int64_t done = 0;
	int r;

	if (md5)
		hash_start_md5(&hash);
	while ((r = tar_read(content, &data, &len, &offset, e)) > 0) {
		if (check_piece(entry, done, len, offset, e) < 0 || interrupt_check(e) < 0)
			return -1;
		if (write_at(fd, data, len, offset, e) < 0)
			return error_wrap(e, "'%s'", entry->path);
		if (md5) {
			hash_hole(&hash, offset - done);
			hash_add(&hash, data, len);
		}
		done = offset + (int64_t)len;
	}
	if (r < 0)
		return -1;
	/* A hole at the end. */
	if (done < entry->size_bytes && ftruncate(fd, entry->size_bytes) < 0)
		return error_sys(e, "cannot write '%s'", entry->path);
	if (md5) {
		hash_hole(&hash, entry->size_bytes - done);
		hash_end_md5(&hash, md5);
	}
	return 0;
}

static int create_file(struct placer *placer, const struct place_dir *dir, const char *name,
		       const struct entry *entry, struct tar *content, char *md5, struct error *e)
{
	auto_close int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				   entry->mode & 0777);

	if (fd < 0)
		return error_sys(e, "cannot create '%s'", entry->path);
	if (write_content(fd, entry, content, md5, e) < 0)
		return -1;
	return set_file_attributes(placer, dir, fd, entry, e);
}

static int set_attributes_at(const struct placer *placer, const struct place_dir *dir, const char *name,
			     const struct entry *entry, struct error *e)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns },
	};

	if (owner_differs(placer, dir, entry) &&
	    fchownat(dir->fd, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the owner of '%s'", entry->path);
	/* Only this thread writes here, so NAME still is the node that was just made. */
	if (entry->type != ENTRY_SYMLINK && fchmodat(dir->fd, name, entry->mode, 0) < 0)
		return error_sys(e, "cannot set the mode of '%s'", entry->path);
	if (utimensat(dir->fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the time of '%s'", entry->path);
	return 0;
}

static int create_node(struct placer *placer, const struct place_dir *dir, const char *name,
		       const struct entry *entry, struct error *e)
{
	mode_t kind = entry->type == ENTRY_FIFO           ? S_IFIFO
		      : entry->type == ENTRY_BLOCK_DEVICE ? S_IFBLK
							  : S_IFCHR;

	if (entry->type == ENTRY_SYMLINK) {
		if (symlinkat(entry->target, dir->fd, name) < 0)
			return error_sys(e, "cannot create link '%s'", entry->path);
	} else if (device_make(dir->fd, name, kind, entry->type == ENTRY_FIFO ? 0 : entry->device, e) < 0) {
		return error_wrap(e, "'%s' (%u:%u)", entry->path, major(entry->device), minor(entry->device));
	}
	return set_attributes_at(placer, dir, name, entry, e);
}

static int create_new(struct placer *placer, const struct place_dir *dir, const char *name,
		      const struct entry *entry, struct tar *content, char *md5, struct error *e)
{
	if (entry->type == ENTRY_FILE)
		return create_file(placer, dir, name, entry, content, md5, e);
	return create_node(placer, dir, name, entry, e);
}

/* Put TEMPORARY in the place of NAME. A folder that no package owns gives way, as with dpkg. */
static int take_place(struct placer *placer, const struct place_dir *dir, const char *temporary,
		      const char *name, const char *path, struct error *e)
{
	auto_free char *whole = NULL;

	if (renameat(dir->fd, temporary, dir->fd, name) == 0)
		return 0;
	if (errno != EISDIR)
		return error_sys(e, "cannot put '%s' into its place", path);
	whole = xasprintf("%s/%s", dir->path, name);
	if (root_remove(placer->root_fd, whole, e) < 0)
		return -1;
	if (renameat(dir->fd, temporary, dir->fd, name) < 0)
		return error_sys(e, "cannot put '%s' into its place", path);
	return 0;
}

static void temporary_name(const struct placer *placer, char name[TEMPORARY_NAME_MAX])
{
	snprintf(name, TEMPORARY_NAME_MAX, ".kiln-new.%u", placer->number);
}

int placer_create(struct placer *placer, const struct place_dir *dir, const char *name,
		  const struct entry *entry, bool replace, struct tar *content, char md5[MD5_HEX_LEN + 1],
		  struct error *e)
{
	char temporary[TEMPORARY_NAME_MAX];
	struct error failure = ERROR_INIT;

	if (!replace) {
		if (create_new(placer, dir, name, entry, content, md5, &failure) == 0)
			return 0;
		/* Content may be half read only when the file was made, and then this is no EEXIST. */
		if (failure.sys != EEXIST) {
			*e = failure;
			return -1;
		}
	}
	temporary_name(placer, temporary);
	if (unlinkat(dir->fd, temporary, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '%s' in the root", temporary);
	if (create_new(placer, dir, temporary, entry, content, md5, e) < 0)
		return -1;
	return take_place(placer, dir, temporary, name, entry->path, e);
}

int placer_link(struct placer *placer, const struct place_dir *from, const char *from_name,
		const struct place_dir *dir, const char *name, struct error *e)
{
	char temporary[TEMPORARY_NAME_MAX];

	if (linkat(from->fd, from_name, dir->fd, name, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	if (errno != EEXIST)
		return error_sys(e, "cannot link '%s' to '%s'", name, from_name);
	temporary_name(placer, temporary);
	if (unlinkat(dir->fd, temporary, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '%s' in the root", temporary);
	if (linkat(from->fd, from_name, dir->fd, temporary, 0) < 0)
		return error_sys(e, "cannot link '%s' to '%s'", name, from_name);
	if (take_place(placer, dir, temporary, name, name, e) < 0)
		return -1;
	/* rename() between two names of one inode does nothing and leaves both. */
	if (unlinkat(dir->fd, temporary, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '%s' in the root", temporary);
	return 1;
}

int placer_digest(const struct entry *entry, struct tar *content, char md5[MD5_HEX_LEN + 1], struct error *e)
{
	auto_hash struct hash hash = HASH_INIT;
	const void *data;
	size_t len;
	int64_t offset;
	int64_t done = 0;
	int r;

	hash_start_md5(&hash);
	while ((r = tar_read(content, &data, &len, &offset, e)) > 0) {
		if (check_piece(entry, done, len, offset, e) < 0)
			return -1;
		hash_hole(&hash, offset - done);
		hash_add(&hash, data, len);
		done = offset + (int64_t)len;
	}
	hash_hole(&hash, entry->size_bytes - done);
	hash_end_md5(&hash, md5);
	return r;
}

/* Read LEN bytes at OFFSET of FD and compare: 1 same, 0 not. */
static int same_piece(int fd, const char *data, size_t len, int64_t offset, struct error *e)
{
	char piece[16384];

	while (len) {
		size_t want = len < sizeof piece ? len : sizeof piece;
		ssize_t n = pread(fd, piece, want, offset);

		if (n < 0)
			return error_sys(e, "cannot read");
		if (n == 0 || memcmp(piece, data, (size_t)n) != 0)
			return 0;
		data += n;
		len -= (size_t)n;
		offset += n;
	}
	return 1;
}

int placer_compare(const struct place_dir *dir, const char *name, const struct entry *entry,
		   struct tar *content, char md5[MD5_HEX_LEN + 1], struct error *e)
{
	auto_close int fd = -1;
	auto_hash struct hash hash = HASH_INIT;
	struct stat st;
	const void *data;
	size_t len;
	int64_t offset;
	int64_t done = 0;
	int same;
	int r;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat '%s'", entry->path);
	if (!S_ISREG(st.st_mode))
		return 0;
	fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", entry->path);
	same = st.st_size == entry->size_bytes;
	hash_start_md5(&hash);
	while ((r = tar_read(content, &data, &len, &offset, e)) > 0) {
		if (check_piece(entry, done, len, offset, e) < 0)
			return -1;
		if (same && (same = same_piece(fd, data, len, offset, e)) < 0)
			return -1;
		hash_hole(&hash, offset - done);
		hash_add(&hash, data, len);
		done = offset + (int64_t)len;
	}
	hash_end_md5(&hash, md5);
	return r < 0 ? -1 : same;
}

int place_dir_attributes(int root_fd, const char *path, const struct entry *entry, struct error *e)
{
	auto_close int fd = -1;
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns },
	};
	struct stat st;
	int r;

	r = root_try_open(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &fd, e);
	if (r <= 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot stat '%s' in the root", path);
	if ((st.st_uid != entry->uid || st.st_gid != entry->gid) && fchown(fd, entry->uid, entry->gid) < 0)
		return error_sys(e, "cannot set the owner of '%s'", path);
	if ((st.st_mode & 07777) != entry->mode && fchmod(fd, entry->mode) < 0)
		return error_sys(e, "cannot set the mode of '%s'", path);
	if (entry->xattr_count && set_xattrs(fd, entry, e) < 0)
		return -1;
	if (futimens(fd, times) < 0)
		return error_sys(e, "cannot set the time of '%s'", path);
	return 0;
}

int place_dir_renew(int root_fd, const char *path, struct error *e)
{
	static const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	auto_close int fd = -1;
	int r = root_try_open(root_fd, path, O_RDONLY | O_DIRECTORY, &fd, e);

	if (r <= 0)
		return r;
	return futimens(fd, times) < 0 ? error_sys(e, "cannot set the time of '%s'", path) : 0;
}
