/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/place.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

enum { COPY_BYTES = 256 * 1024 };

/* What a folder gets at the end: before, it would be in the way, or be changed by what comes into the folder. */
struct placed_folder {
	const char *path;
	struct stat st;
	struct xattrs xattrs; /* in the arena */
};

struct placing {
	int root_fd;                   /* borrowed */
	int folder_fd;                 /* the folder that was used last; owned */
	char folder[LIMIT_PATH_BYTES]; /* its path */
	struct arena arena;
	struct placed_folder *folders;
	size_t folder_count;
	char *buffer; /* owned */
};

static void placing_release(struct placing *placing)
{
	auto_close_(&placing->folder_fd);
	arena_release(&placing->arena);
	free(placing->buffer);
}

/* Open the folder PATH; "" is the root. */
static int open_folder(const struct placing *placing, const char *path, int *fd, struct error *e)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	*fd = (int)syscall(SYS_openat2, placing->root_fd, *path ? path : ".", &how, sizeof how);
	return *fd < 0 ? error_sys(e, "cannot open the folder '/%s'", path) : 0;
}

/* The folder that holds PATH, and its last part; the folder stays open until another is asked for. */
static int find_folder(struct placing *placing, const char *path, int *fd, const char **name, struct error *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	*name = slash ? slash + 1 : path;
	if (placing->folder_fd < 0 || strlen(placing->folder) != len ||
	    memcmp(placing->folder, path, len) != 0) {
		auto_close_(&placing->folder_fd);
		placing->folder_fd = -1;
		if (len >= sizeof placing->folder)
			return error_set(e, ERROR_FORMAT, "the path is too long");
		memcpy(placing->folder, path, len);
		placing->folder[len] = '\0';
		if (open_folder(placing, placing->folder, &placing->folder_fd, e) < 0)
			return -1;
	}
	*fd = placing->folder_fd;
	return 0;
}

/* Those of the system that the tree came from stay away: labels, checksums. */
static int set_xattrs(int fd, int folder_fd, const char *name, const struct xattrs *xattrs, struct error *e)
{
	for (size_t i = 0; xattrs && i < xattrs->count; i++) {
		const struct xattrs one = { &xattrs->items[i], 1 };

		if (xattr_is_of_tree(one.items->name) && xattrs_set(fd, folder_fd, name, &one, e) < 0)
			return -1;
	}
	return 0;
}

/* In the order that lasts: a new owner takes away what the mode and a capability give. */
static int finish_fd(int fd, const struct stat *st, const struct xattrs *xattrs, struct error *e)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0)
		return error_sys(e, "cannot set its owner");
	if (fchmod(fd, st->st_mode & 07777) < 0)
		return error_sys(e, "cannot set its mode");
	if (set_xattrs(fd, -1, NULL, xattrs, e) < 0)
		return -1;
	return futimens(fd, times) < 0 ? error_sys(e, "cannot set its time") : 0;
}

static int finish_name(int folder_fd, const char *name, const struct tree_entry *entry, struct error *e)
{
	const struct timespec times[2] = { entry->st.st_mtim, entry->st.st_mtim };

	if (fchownat(folder_fd, name, entry->st.st_uid, entry->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set its owner");
	if (!S_ISLNK(entry->st.st_mode) && fchmodat(folder_fd, name, entry->st.st_mode & 07777, 0) < 0)
		return error_sys(e, "cannot set its mode");
	if (set_xattrs(-1, folder_fd, name, entry->xattrs, e) < 0)
		return -1;
	if (utimensat(folder_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set its time");
	return 0;
}

static int copy_bytes(struct placing *placing, struct tree_content *content, uint64_t len, int fd,
		      struct error *e)
{
	while (len) {
		size_t part = len < COPY_BYTES ? (size_t)len : COPY_BYTES;
		size_t got;

		if (interrupt_check(e) < 0 || content->read(content, placing->buffer, part, &got, e) < 0)
			return -1;
		if (got == 0)
			return error_set(e, ERROR_FORMAT, "it is shorter than it says");
		if (file_write_fd(fd, placing->buffer, got, e) < 0)
			return -1;
		len -= got;
	}
	return 0;
}

static int copy_content(struct placing *placing, const struct tree_entry *entry, int fd, struct error *e)
{
	uint64_t at = 0;

	if (!entry->extents)
		return copy_bytes(placing, entry->content, (uint64_t)entry->st.st_size, fd, e);
	for (size_t i = 0; i < entry->extent_count; i++) {
		const struct tree_extent *extent = &entry->extents[i];

		if (entry->content->skip(entry->content, extent->offset - at, e) < 0)
			return -1;
		if (lseek(fd, (off_t)extent->offset, SEEK_SET) < 0)
			return error_sys(e, "cannot write it");
		if (copy_bytes(placing, entry->content, extent->len, fd, e) < 0)
			return -1;
		at = extent->offset + extent->len;
	}
	return ftruncate(fd, entry->st.st_size) < 0 ? error_sys(e, "cannot write it") : 0;
}

static int place_file(struct placing *placing, int folder_fd, const char *name,
		      const struct tree_entry *entry, struct error *e)
{
	auto_close int fd =
		openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_sys(e, "cannot create it");
	if (copy_content(placing, entry, fd, e) < 0)
		return -1;
	return finish_fd(fd, &entry->st, entry->xattrs, e);
}

static int place_node(int folder_fd, const char *name, const struct tree_entry *entry, struct error *e)
{
	mode_t type = entry->st.st_mode & S_IFMT;

	if (type == S_IFLNK) {
		if (symlinkat(entry->link, folder_fd, name) < 0)
			return error_sys(e, "cannot create this link");
	} else if (mknodat(folder_fd, name, type | 0600, entry->st.st_rdev) < 0) {
		return error_sys(e,
				 type == S_IFIFO ? "cannot create this fifo" : "cannot create this device");
	}
	return finish_name(folder_fd, name, entry, e);
}

static int place_link(struct placing *placing, int folder_fd, const char *name,
		      const struct tree_entry *entry, struct error *e)
{
	const char *slash = strrchr(entry->hard_link, '/');
	auto_free char *folder = xstrndup(entry->hard_link, slash ? (size_t)(slash - entry->hard_link) : 0);
	auto_close int from_fd = -1;

	if (open_folder(placing, folder, &from_fd, e) < 0)
		return -1;
	if (linkat(from_fd, slash ? slash + 1 : entry->hard_link, folder_fd, name, 0) < 0)
		return error_sys(e, "cannot make it a hard link to '/%s'", entry->hard_link);
	return 0;
}

static struct xattrs copy_xattrs(struct arena *arena, const struct xattrs *xattrs)
{
	struct xattrs copy = XATTRS_INIT;

	for (size_t i = 0; xattrs && i < xattrs->count; i++) {
		struct xattr item = { arena_strdup(arena, xattrs->items[i].name), NULL,
				      xattrs->items[i].len };

		item.value = arena_alloc(arena, item.len + 1);
		memcpy(item.value, xattrs->items[i].value, item.len);
		ARENA_PUSH(arena, copy.items, copy.count, item);
	}
	return copy;
}

static int place_folder(struct placing *placing, const struct tree_entry *entry, struct error *e)
{
	struct placed_folder folder = {
		.path = arena_strdup(&placing->arena, entry->path),
		.st = entry->st,
		.xattrs = copy_xattrs(&placing->arena, entry->xattrs),
	};
	const char *name;
	int fd;

	if (*entry->path) {
		if (find_folder(placing, entry->path, &fd, &name, e) < 0)
			return -1;
		if (mkdirat(fd, name, 0700) < 0)
			return error_sys(e, "cannot create this folder");
	}
	ARENA_PUSH(&placing->arena, placing->folders, placing->folder_count, folder);
	return 0;
}

static int place_entry(struct placing *placing, const struct tree_entry *entry, struct error *e)
{
	const char *name;
	int fd;

	if (interrupt_check(e) < 0)
		return -1;
	if (S_ISDIR(entry->st.st_mode))
		return place_folder(placing, entry, e);
	if (find_folder(placing, entry->path, &fd, &name, e) < 0)
		return -1;
	if (entry->hard_link)
		return place_link(placing, fd, name, entry, e);
	return entry->content ? place_file(placing, fd, name, entry, e) : place_node(fd, name, entry, e);
}

static int visit(void *context, const struct tree_entry *entry, struct error *e)
{
	return place_entry(context, entry, e) < 0 ? error_wrap(e, "'/%s'", entry->path) : 0;
}

/* From the last to the first, so that no time stamp changes any more. */
static int finish_folders(struct placing *placing, struct error *e)
{
	for (size_t i = placing->folder_count; i-- > 0;) {
		const struct placed_folder *folder = &placing->folders[i];
		auto_close int path_fd = -1;
		auto_close int fd = -1;

		if (open_folder(placing, folder->path, &path_fd, e) < 0)
			return -1;
		fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_sys(e, "cannot open the folder '/%s'", folder->path);
		if (finish_fd(fd, &folder->st, &folder->xattrs, e) < 0)
			return error_wrap(e, "'/%s'", folder->path);
	}
	return 0;
}

int tree_place(const struct tree_source *source, int root_fd, struct error *e)
{
	AUTO(placing_release) struct placing placing = { .root_fd = root_fd, .folder_fd = -1 };

	placing.buffer = xmalloc(COPY_BYTES);
	if (tree_visit(source, visit, &placing, e) < 0)
		return -1;
	return finish_folders(&placing, e);
}
