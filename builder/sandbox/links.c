/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/links.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/root.h"
#include "base/scan.h"
#include "base/xattr.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct file_id {
	uint64_t dev;
	uint64_t ino;
};

/* A file with several names, while the tree is being looked through. */
struct found {
	struct file_id id;
	struct link_group group;
};

struct search {
	struct links *links;
	struct map by_id; /* id → struct found */
	struct found **found;
	size_t count;
	bool upper;
};

static int add_name(void *context, const struct scan_entry *entry, struct error *e)
{
	struct search *search = context;
	struct arena *arena = &search->links->arena;
	struct file_id id = { entry->st.st_dev, entry->st.st_ino };
	struct text key = { (const char *)&id, sizeof id };
	struct found *found;

	/* How overlayfs marks what is removed; these may have many names. */
	if (S_ISCHR(entry->st.st_mode) && entry->st.st_rdev == makedev(0, 0))
		return search->upper ? 0
				     : error_set(e, ERROR_UNSUPPORTED, "device 0:0 has a meaning in a stack");
	if (S_ISDIR(entry->st.st_mode) || entry->st.st_nlink < 2)
		return 0;
	found = map_get(&search->by_id, key);
	if (!found) {
		found = arena_alloc(arena, sizeof *found);
		found->id = id;
		key.ptr = (const char *)&found->id;
		map_put(&search->by_id, key, found);
		ARENA_PUSH(arena, search->found, search->count, found);
	}
	ARENA_PUSH(arena, found->group.names, found->group.count, arena_strdup(arena, entry->path));
	return 0;
}

static void finish_search(struct search *search, bool good)
{
	struct links *links = search->links;

	map_release(&search->by_id);
	for (size_t i = 0; i < search->count && good; i++)
		ARENA_PUSH(&links->arena, links->groups, links->count, search->found[i]->group);
}

int links_add(int tree_fd, bool upper, struct links *links, struct error *e)
{
	struct search search = { .links = links, .by_id = MAP_INIT, .upper = upper };
	int result = scan_tree(tree_fd, add_name, &search, e);

	finish_search(&search, result == 0);
	return result;
}

/* Names that have others in a lower tree. */
struct candidates {
	struct arena arena;
	char **names; /* in the order in which they were found, some twice */
	size_t count;
	bool moved; /* a folder is shown elsewhere than where it lies: names say nothing then */
};

/* Whether overlayfs shows in the folder NAME what lies in another one below it. */
static int check_moved(const struct scan_entry *entry, struct candidates *candidates, struct error *e)
{
	auto_close int fd =
		openat(entry->dir_fd, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "cannot open it");
	if (fgetxattr(fd, "trusted.overlay.redirect", NULL, 0) >= 0)
		candidates->moved = true;
	return 0;
}

static int add_candidate(void *context, const struct scan_entry *entry, struct error *e)
{
	struct candidates *candidates = context;

	if (S_ISDIR(entry->st.st_mode))
		return candidates->moved ? 0 : check_moved(entry, candidates, e);
	if (entry->st.st_nlink > 1)
		ARENA_PUSH(&candidates->arena, candidates->names, candidates->count,
			   arena_strdup(&candidates->arena, entry->path));
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As a scan of the root would come to NAME, if it is there; the upper trees may have removed it. */
static int add_shown(struct search *search, int root_fd, const char *name, struct error *e)
{
	struct scan_entry entry = { .path = name, .dir_fd = -1, .name = name };
	struct error ignored = ERROR_INIT;

	if (root_lstat(root_fd, name, &entry.st, &ignored) <= 0)
		return 0;
	return add_name(search, &entry, e);
}

static int add_candidates(int root_fd, struct candidates *candidates, struct search *search, struct error *e)
{
	if (candidates->count)
		qsort(candidates->names, candidates->count, sizeof *candidates->names, compare_names);
	for (size_t i = 0; i < candidates->count; i++)
		if ((i == 0 || strcmp(candidates->names[i], candidates->names[i - 1]) != 0) &&
		    add_shown(search, root_fd, candidates->names[i], e) < 0)
			return -1;
	return 0;
}

int links_find(int root_fd, const int *lower_fds, size_t lower_count, struct links *links, struct error *e)
{
	struct search search = { .links = links, .by_id = MAP_INIT, .upper = true };
	struct candidates candidates = { ARENA_INIT, NULL, 0, false };
	int result = 0;

	for (size_t i = 0; i < lower_count && result == 0; i++)
		result = scan_tree(lower_fds[i], add_candidate, &candidates, e);
	if (result == 0)
		result = candidates.moved ? scan_tree(root_fd, add_name, &search, e)
					  : add_candidates(root_fd, &candidates, &search, e);
	finish_search(&search, result == 0);
	arena_release(&candidates.arena);
	return result;
}

/* The folder that holds PATH, open, with the times that it has now. */
struct parent {
	int fd; /* owned */
	const char *name;
	struct timespec times[2];
};

#define PARENT_INIT ((struct parent) { .fd = -1 })
#define auto_parent AUTO(parent_release)

static void parent_release(struct parent *parent)
{
	auto_close_(&parent->fd);
}

static int parent_open(int root_fd, const char *path, struct parent *parent, struct error *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *folder = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	struct stat st;

	if (root_open(root_fd, folder, O_RDONLY | O_DIRECTORY, 0, &parent->fd, e) < 0)
		return -1;
	if (fstat(parent->fd, &st) < 0)
		return error_sys(e, "cannot stat '%s'", folder);
	parent->name = slash ? slash + 1 : path;
	parent->times[0] = st.st_atim;
	parent->times[1] = st.st_mtim;
	return 0;
}

static int parent_restore_times(const struct parent *parent, struct error *e)
{
	if (futimens(parent->fd, parent->times) < 0)
		return error_sys(e, "cannot set the times of a folder");
	return 0;
}

/* Setting the times that it has makes the kernel copy it up, whatever it is, and changes nothing else. */
static int copy_up(const struct parent *parent, struct error *e)
{
	struct stat st;

	if (fstatat(parent->fd, parent->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(parent->fd, parent->name, (struct timespec[]) { st.st_atim, st.st_mtim },
		      AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot copy '%s'", parent->name);
	return 0;
}

static int copy_up_group(int root_fd, const struct link_group *group, struct error *e)
{
	auto_parent struct parent first = PARENT_INIT;

	if (parent_open(root_fd, group->names[0], &first, e) < 0 || copy_up(&first, e) < 0)
		return -1;
	for (size_t i = 1; i < group->count; i++) {
		auto_parent struct parent other = PARENT_INIT;

		if (parent_open(root_fd, group->names[i], &other, e) < 0)
			return -1;
		if (unlinkat(other.fd, other.name, 0) < 0 ||
		    linkat(first.fd, first.name, other.fd, other.name, 0) < 0)
			return error_sys(e, "cannot link '%s'", group->names[i]);
		if (parent_restore_times(&other, e) < 0)
			return -1;
	}
	return parent_restore_times(&first, e);
}

int links_copy_up(int root_fd, const struct links *links, struct error *e)
{
	for (size_t i = 0; i < links->count; i++)
		if (copy_up_group(root_fd, &links->groups[i], e) < 0)
			return error_wrap(e, "hard links of '/%s'", links->groups[i].names[0]);
	return 0;
}

/* Whether the folders on the way to PATH only add to those below them: none hides or replaces one. */
static bool is_way_merged(int upper_fd, const char *path)
{
	static const char *const marks[] = { "trusted.overlay.opaque", "trusted.overlay.redirect",
					     "user.overlay.opaque", "user.overlay.redirect" };
	auto_free char *folder = xstrdup(path);

	for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
		auto_close int fd = -1;
		struct error ignored = ERROR_INIT;

		*slash = '\0';
		if (root_open(upper_fd, folder, O_RDONLY | O_DIRECTORY, 0, &fd, &ignored) < 0)
			return false;
		for (size_t i = 0; i < ARRAY_LEN(marks); i++)
			if (fgetxattr(fd, marks[i], NULL, 0) >= 0 || errno != ENODATA)
				return false;
	}
	return true;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the names of GROUP, and nothing else, are one file in the tree; *st is that file's. */
static bool is_whole(int tree_fd, const struct link_group *group, struct stat *st)
{
	struct error ignored = ERROR_INIT;

	if (root_lstat(tree_fd, group->names[0], st, &ignored) <= 0 || st->st_nlink != group->count)
		return false;
	for (size_t i = 1; i < group->count; i++) {
		struct stat other;

		if (root_lstat(tree_fd, group->names[i], &other, &ignored) <= 0 || !is_same_file(&other, st))
			return false;
	}
	return true;
}

static bool is_stat_equal(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_size == b->st_size && a->st_rdev == b->st_rdev &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* 1 when both have the same bytes. */
static int is_content_equal(int a_fd, int b_fd, struct error *e)
{
	static const size_t block = 64 * KIB;
	auto_free char *a = xmalloc(block);
	auto_free char *b = xmalloc(block);

	for (;;) {
		ssize_t a_len = file_read_some(a_fd, a, block, e);
		ssize_t b_len = a_len < 0 ? -1 : file_read_some(b_fd, b, block, e);

		if (b_len < 0)
			return -1;
		if (a_len != b_len || memcmp(a, b, (size_t)a_len) != 0)
			return 0;
		if (a_len == 0)
			return 1;
	}
}

/* 1 when GROUP's first name is in both trees the same but for the inode. */
static int is_equal(const struct link_group *group, int upper_fd, int below_fd, mode_t mode, struct error *e)
{
	auto_parent struct parent upper = PARENT_INIT;
	auto_parent struct parent below = PARENT_INIT;
	auto_xattrs struct xattrs upper_xattrs = XATTRS_INIT;
	auto_xattrs struct xattrs below_xattrs = XATTRS_INIT;
	auto_close int a = -1;
	auto_close int b = -1;

	if (parent_open(upper_fd, group->names[0], &upper, e) < 0 ||
	    parent_open(below_fd, group->names[0], &below, e) < 0 ||
	    xattrs_get(-1, upper.fd, upper.name, xattr_is_of_tree, &upper_xattrs, e) < 0 ||
	    xattrs_get(-1, below.fd, below.name, xattr_is_of_tree, &below_xattrs, e) < 0)
		return -1;
	if (!xattrs_equal(&upper_xattrs, &below_xattrs))
		return 0;
	if (S_ISLNK(mode)) {
		char targets[2][LIMIT_PATH_BYTES] = { 0 };

		if (readlinkat(upper.fd, upper.name, targets[0], LIMIT_PATH_BYTES - 1) < 0 ||
		    readlinkat(below.fd, below.name, targets[1], LIMIT_PATH_BYTES - 1) < 0)
			return error_sys(e, "cannot read a link");
		return strcmp(targets[0], targets[1]) == 0;
	}
	if (!S_ISREG(mode))
		return 1;
	if (root_open(upper_fd, group->names[0], O_RDONLY | O_NOFOLLOW, 0, &a, e) < 0 ||
	    root_open(below_fd, group->names[0], O_RDONLY | O_NOFOLLOW, 0, &b, e) < 0)
		return -1;
	return is_content_equal(a, b, e);
}

/*
 * What counts is not what was done to the files but whether leaving them out makes a difference: a write through
 * mmap() shows in no time stamp of a tmpfs.
 */
static int is_untouched(const struct link_group *group, int upper_fd, int below_fd, struct error *e)
{
	struct stat upper;
	struct stat below;

	if (!is_whole(upper_fd, group, &upper) || !is_whole(below_fd, group, &below) ||
	    !is_stat_equal(&upper, &below))
		return 0;
	for (size_t i = 0; i < group->count; i++)
		if (!is_way_merged(upper_fd, group->names[i]))
			return 0;
	return is_equal(group, upper_fd, below_fd, upper.st_mode, e);
}

static int drop(const struct link_group *group, int upper_fd, struct error *e)
{
	for (size_t i = 0; i < group->count; i++) {
		auto_parent struct parent parent = PARENT_INIT;

		if (parent_open(upper_fd, group->names[i], &parent, e) < 0)
			return -1;
		if (unlinkat(parent.fd, parent.name, 0) < 0)
			return error_sys(e, "cannot remove '%s'", group->names[i]);
		if (parent_restore_times(&parent, e) < 0)
			return -1;
	}
	return 0;
}

int links_drop_untouched(int upper_fd, int below_fd, struct links *links, struct error *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < links->count; i++) {
		struct link_group *group = &links->groups[i];
		int r = is_untouched(group, upper_fd, below_fd, e);

		if (r < 0 || (r > 0 && drop(group, upper_fd, e) < 0))
			return error_wrap(e, "hard links of '/%s'", group->names[0]);
		if (r > 0)
			links->groups[kept++] = *group;
	}
	links->count = kept;
	return 0;
}

void links_release(struct links *links)
{
	arena_release(&links->arena);
	*links = LINKS_INIT;
}
