/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/plant.h"

#include "base/alloc.h"
#include "base/device.h"
#include "base/file.h"
#include "base/text.h"
#include "tree/holes.h"

#include <assert.h>
#include <fcntl.h>

/*
 * What a folder gets at the end, when nothing more is put into it: its time stamp would change, and a default access
 * control list would be inherited by what has none.
 */
struct planted_folder {
	const char *path; /* in the arena */
	struct stat st;
	int64_t mtime_s;
	struct xattrs xattrs; /* owned */
};

struct plant {
	int root_fd;        /* borrowed */
	struct buffer path; /* of the folder that is open; without slashes at its ends */
	int dir_fd;         /* of that folder; owned; -1: none */
	int file_fd;        /* of the file that is written; owned; -1: none */
	uint64_t size_bytes;
	struct stat st; /* of that file's entry */
	int64_t mtime_s;
	struct xattrs xattrs; /* likewise; owned */
	struct arena arena;
	struct planted_folder *folders;
	size_t folder_count;
};

void plant_open(int folder_fd, struct plant **out)
{
	struct plant *plant = xcalloc(1, sizeof *plant);

	plant->root_fd = folder_fd;
	plant->dir_fd = -1;
	plant->file_fd = -1;
	*out = plant;
}

void plant_close(struct plant *plant)
{
	if (!plant)
		return;
	auto_close_(&plant->dir_fd);
	auto_close_(&plant->file_fd);
	buffer_release(&plant->path);
	xattrs_release(&plant->xattrs);
	for (size_t i = 0; i < plant->folder_count; i++)
		xattrs_release(&plant->folders[i].xattrs);
	arena_release(&plant->arena);
	free(plant);
}

static bool is_name(struct text name)
{
	return name.len && !text_is(name, ".") && !text_is(name, "..");
}

/* From the folder *FD, which is replaced, down PATH, one name at a time: no path may be too long for the kernel. */
static int descend(int *fd, struct text path, struct error *e)
{
	while (path.len) {
		struct text name = text_cut(path, '/', &path);
		auto_free char *copy = xstrndup(name.ptr, name.len);
		int next;

		if (!is_name(name))
			return error_set(e, ERROR_FORMAT, "this is no path below the root");
		next = openat(*fd, copy, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			return error_set(e, ERROR_FORMAT, "what holds it is no folder, or comes later");
		if (next < 0)
			return error_sys(e, "cannot open a folder that holds it");
		auto_close_(fd);
		*fd = next;
	}
	return 0;
}

static int open_root(const struct plant *plant, int *fd, struct error *e)
{
	*fd = openat(plant->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? error_sys(e, "cannot open the folder") : 0;
}

/* PATH → the path of what holds it, and its own name, lasting as PATH does. */
static int cut_path(const char *path, struct text *folder, const char **name, struct error *e)
{
	const char *slash = strrchr(path, '/');

	*folder = (struct text) { path, slash ? (size_t)(slash - path) : 0 };
	*name = slash ? slash + 1 : path;
	if (path[0] == '/' || !is_name(text_of(*name)))
		return error_set(e, ERROR_FORMAT, "this is no path below the root");
	return 0;
}

/* Make plant->dir_fd the folder PATH. Mostly it is that already, or below it. */
static int go_to(struct plant *plant, struct text path, struct error *e)
{
	struct text open = { plant->path.data, plant->path.len };
	struct text rest = path;

	if (plant->dir_fd >= 0 && text_equal(open, path))
		return 0;
	if (plant->dir_fd >= 0 && path.len > open.len && (!open.len || path.ptr[open.len] == '/') &&
	    memcmp(path.ptr, open.ptr ? open.ptr : "", open.len) == 0) {
		size_t cut = open.len ? open.len + 1 : 0;

		rest = (struct text) { path.ptr + cut, path.len - cut };
	} else {
		auto_close_(&plant->dir_fd);
		plant->dir_fd = -1;
		if (open_root(plant, &plant->dir_fd, e) < 0)
			return -1;
	}
	buffer_release(&plant->path); /* until it is true again */
	if (descend(&plant->dir_fd, rest, e) < 0) {
		auto_close_(&plant->dir_fd);
		plant->dir_fd = -1;
		return -1;
	}
	buffer_add(&plant->path, path.ptr, path.len);
	return 0;
}

static int failed(const char *what, struct error *e)
{
	if (errno == EEXIST)
		return error_set(e, ERROR_FORMAT, "there are two entries of this name");
	return error_sys(e, "cannot create this %s", what);
}

static struct timespec *times_of(int64_t mtime_s, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec) { .tv_sec = mtime_s };
	return times;
}

/* Owner, mode, attributes and time of FD or of NAME. The owner first: giving a file away takes bits and attributes. */
static int dress(int fd, int dir_fd, const char *name, const struct stat *st, const struct xattrs *xattrs,
		 int64_t mtime_s, struct error *e)
{
	struct timespec times[2];
	int owned;

	assert(fd >= 0 || name);
	owned = fd >= 0 ? fchown(fd, st->st_uid, st->st_gid)
			: fchownat(dir_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);

	if (owned < 0)
		return error_sys(e, "cannot set its owner");
	if (!S_ISLNK(st->st_mode) &&
	    (fd >= 0 ? fchmod(fd, st->st_mode & 07777) : fchmodat(dir_fd, name, st->st_mode & 07777, 0)) < 0)
		return error_sys(e, "cannot set its mode");
	if (xattrs && xattrs->count && xattrs_set(fd, dir_fd, name, xattrs, e) < 0)
		return -1;
	times_of(mtime_s, times);
	if ((fd >= 0 ? futimens(fd, times) : utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW)) < 0)
		return error_sys(e, "cannot set its time stamp");
	return 0;
}

/* Those of the system that the tree came from stay away: labels, checksums. */
static void copy_xattrs(const struct xattrs *from, struct xattrs *to)
{
	*to = XATTRS_INIT;
	for (size_t i = 0; from && i < from->count; i++) {
		struct xattr copy = { NULL, NULL, from->items[i].len };

		if (!xattr_is_of_tree(from->items[i].name))
			continue;
		copy.name = xstrdup(from->items[i].name);
		copy.value = xmalloc(copy.len + 1);
		memcpy(copy.value, from->items[i].value, copy.len);
		PUSH(to->items, to->count, copy);
	}
}

/* Attributes last, when it is written: what is written takes capabilities away. */
static int begin_file(struct plant *plant, const char *name, const struct tree_entry *entry, int64_t mtime_s,
		      struct error *e)
{
	plant->file_fd =
		openat(plant->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (plant->file_fd < 0)
		return failed("file", e);
	plant->st = entry->st;
	plant->mtime_s = mtime_s;
	plant->size_bytes = 0;
	copy_xattrs(entry->xattrs, &plant->xattrs);
	return entry->content ? 0 : plant_end_file(plant, e);
}

static int link_file(struct plant *plant, const char *name, const char *target, struct error *e)
{
	auto_close int fd = -1;
	struct text folder;
	const char *target_name;

	if (open_root(plant, &fd, e) < 0 || cut_path(target, &folder, &target_name, e) < 0 ||
	    descend(&fd, folder, e) < 0)
		return -1;
	if (linkat(fd, target_name, plant->dir_fd, name, 0) < 0)
		return failed("hard link", e);
	return 0;
}

static void remember(struct plant *plant, const struct tree_entry *entry, int64_t mtime_s)
{
	struct planted_folder folder = { arena_strdup(&plant->arena, entry->path), entry->st, mtime_s,
					 XATTRS_INIT };

	copy_xattrs(entry->xattrs, &folder.xattrs);
	ARENA_PUSH(&plant->arena, plant->folders, plant->folder_count, folder);
}

static int make_folder(struct plant *plant, const char *name, const struct tree_entry *entry, int64_t mtime_s,
		       struct error *e)
{
	if (mkdirat(plant->dir_fd, name, 0700) < 0)
		return failed("folder", e);
	remember(plant, entry, mtime_s);
	return 0;
}

static int make_other(struct plant *plant, const char *name, const struct tree_entry *entry, int64_t mtime_s,
		      struct error *e)
{
	auto_xattrs struct xattrs xattrs = XATTRS_INIT;

	if (S_ISLNK(entry->st.st_mode)) {
		if (symlinkat(entry->link, plant->dir_fd, name) < 0)
			return failed("link", e);
	} else if (device_make(plant->dir_fd, name, entry->st.st_mode, entry->st.st_rdev, e) < 0) {
		return e->sys == EEXIST ? failed("device or pipe", e) : -1;
	}
	copy_xattrs(entry->xattrs, &xattrs);
	return dress(-1, plant->dir_fd, name, &entry->st, &xattrs, mtime_s, e);
}

int plant_entry(struct plant *plant, const struct tree_entry *entry, int64_t mtime_s, struct error *e)
{
	struct text folder;
	const char *name;

	if (entry->path[0] == '\0') {
		remember(plant, entry, mtime_s);
		return 0;
	}
	if (cut_path(entry->path, &folder, &name, e) < 0 || go_to(plant, folder, e) < 0)
		return -1;
	if (entry->hard_link)
		return link_file(plant, name, entry->hard_link, e);
	if (S_ISREG(entry->st.st_mode))
		return begin_file(plant, name, entry, mtime_s, e);
	if (S_ISDIR(entry->st.st_mode))
		return make_folder(plant, name, entry, mtime_s, e);
	return make_other(plant, name, entry, mtime_s, e);
}

static bool is_hole(const char *data, size_t len)
{
	return len == HOLE_BLOCK_BYTES && data[0] == '\0' && memcmp(data, data + 1, len - 1) == 0;
}

int plant_write(struct plant *plant, const void *data, size_t len, struct error *e)
{
	const char *from = data;

	while (len) {
		size_t part = HOLE_BLOCK_BYTES - plant->size_bytes % HOLE_BLOCK_BYTES;
		bool hole;

		if (part > len)
			part = len;
		hole = is_hole(from, part);
		/* What is to be written in one go: up to the next hole. */
		while (!hole && part < len &&
		       !is_hole(from + part, len - part < HOLE_BLOCK_BYTES ? 0 : HOLE_BLOCK_BYTES))
			part += len - part < HOLE_BLOCK_BYTES ? len - part : HOLE_BLOCK_BYTES;
		if (hole ? lseek(plant->file_fd, (off_t)part, SEEK_CUR) < 0
			 : file_write_fd(plant->file_fd, from, part, e) < 0)
			return hole ? error_sys(e, "cannot leave a hole in it") : -1;
		plant->size_bytes += part;
		from += part;
		len -= part;
	}
	return 0;
}

int plant_hole(struct plant *plant, uint64_t len, struct error *e)
{
	if (lseek(plant->file_fd, (off_t)len, SEEK_CUR) < 0)
		return error_sys(e, "cannot leave a hole in it");
	plant->size_bytes += len;
	return 0;
}

int plant_end_file(struct plant *plant, struct error *e)
{
	auto_close int fd = TAKE(plant->file_fd, -1);
	auto_xattrs struct xattrs xattrs = TAKE(plant->xattrs, XATTRS_INIT);

	if (ftruncate(fd, (off_t)plant->size_bytes) < 0)
		return error_sys(e, "cannot set its size");
	return dress(fd, -1, NULL, &plant->st, &xattrs, plant->mtime_s, e);
}

int plant_finish(struct plant *plant, struct error *e)
{
	for (size_t i = plant->folder_count; i-- > 0;) {
		const struct planted_folder *folder = &plant->folders[i];

		if (go_to(plant, text_of(folder->path), e) < 0 ||
		    dress(plant->dir_fd, -1, NULL, &folder->st, &folder->xattrs, folder->mtime_s, e) < 0)
			return error_wrap(e, "'/%s'", folder->path);
	}
	return 0;
}
