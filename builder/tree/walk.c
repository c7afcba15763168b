/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/walk.h"

#include "base/alloc.h"
#include "base/device.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/map.h"
#include "tree/holes.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

/* A file with several names, under the first of them. */
struct linked {
	struct {
		uint64_t dev;
		uint64_t ino;
	} key;
	const char *path;
};

/* A folder that is being walked. Only the innermost one is open: trees may be deeper than descriptors are many. */
struct level {
	char **names; /* owned */
	size_t count;
	size_t next;
	size_t path_len; /* of the folder's own path */
	dev_t dev;
	ino_t ino;
};

struct file_content {
	struct tree_content content;
	int fd; /* borrowed */
};

struct walk {
	tree_fn *visit;
	void *context;
	bool refused;    /* the visitor failed; it says itself what that was about */
	struct log *log; /* may be NULL */
	struct buffer path;
	struct xattrs xattrs;              /* of the entry that is being visited */
	struct file_content content;       /* likewise */
	struct holes holes;                /* likewise */
	char target[LIMIT_PATH_BYTES + 1]; /* likewise, of a link */
	struct level *levels;              /* the root first */
	size_t depth;
	int dir_fd; /* of the innermost level; owned */
	struct arena arena;
	struct map linked; /* key → struct linked */
};

#define auto_walk AUTO(walk_release)

static void level_release(struct level *level)
{
	names_free(level->names, level->count);
}

static void walk_release(struct walk *walk)
{
	while (walk->depth)
		level_release(&walk->levels[--walk->depth]);
	free(walk->levels);
	auto_close_(&walk->dir_fd);
	buffer_release(&walk->path);
	xattrs_release(&walk->xattrs);
	holes_release(&walk->holes);
	map_release(&walk->linked);
	arena_release(&walk->arena);
}

static const char *path_of(const struct walk *walk)
{
	return walk->path.data ? walk->path.data : "";
}

static void path_cut(struct walk *walk, size_t len)
{
	if (walk->path.data)
		walk->path.data[len] = '\0';
	walk->path.len = len;
}

static int path_push(struct walk *walk, const char *name, struct error *e)
{
	size_t len = walk->path.len + 1 + strlen(name);

	if (len >= LIMIT_PATH_BYTES)
		return error_set(e, ERROR_FORMAT,
				 "a path is longer than %llu bytes: it begins with '/%.200s'",
				 (unsigned long long)LIMIT_PATH_BYTES - 1, path_of(walk));
	if (walk->path.len)
		buffer_addc(&walk->path, '/');
	buffer_adds(&walk->path, name);
	return 0;
}

static int call(struct walk *walk, const struct tree_entry *entry, struct error *e)
{
	if (walk->visit(walk->context, entry, e) == 0)
		return 0;
	walk->refused = true;
	return -1;
}

/* Open NAME, which must be on the same mount; -1 and errno otherwise. */
static int open_here(int dir_fd, const char *name, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
				.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
}

/* The path under which this file has already been visited; NULL and remembered when it has not. */
static const char *earlier_name(struct walk *walk, const struct stat *st)
{
	struct linked *found;
	struct linked *linked;
	struct linked key = { .key = { st->st_dev, st->st_ino } };

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return NULL;
	found = map_get(&walk->linked, (struct text) { (const char *)&key.key, sizeof key.key });
	if (found)
		return found->path;
	linked = arena_alloc(&walk->arena, sizeof *linked);
	linked->key = key.key;
	linked->path = arena_strdup(&walk->arena, path_of(walk));
	map_put(&walk->linked, (struct text) { (const char *)&linked->key, sizeof linked->key }, linked);
	return NULL;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What the visitor read may be half of the old file and half of the new one. */
static int check_unchanged(const struct tree_entry *entry, int fd, struct error *e)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return error_sys(e, "cannot stat it");
	if (!is_unchanged(&entry->st, &now))
		return error_set(e, ERROR_SYSTEM, "it changed while it was being packed");
	return 0;
}

static int read_file(struct tree_content *content, void *data, size_t room, size_t *len, struct error *e)
{
	ssize_t got;

	do
		got = read(((struct file_content *)content)->fd, data, room);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_sys(e, "cannot read it");
	*len = (size_t)got;
	return 0;
}

static int skip_hole(struct tree_content *content, uint64_t len, struct error *e)
{
	if (lseek(((struct file_content *)content)->fd, (off_t)len, SEEK_CUR) < 0)
		return error_sys(e, "cannot read it");
	return 0;
}

static int visit_regular(struct walk *walk, const char *name, struct tree_entry *entry, struct error *e)
{
	auto_close int fd = open_here(walk->dir_fd, name, 0);

	if (fd < 0 && errno == EXDEV) {
		if (walk->log)
			log_warn(walk->log, "'/%s' is a mount point and is left out", entry->path);
		return 0;
	}
	if (fd < 0)
		return error_sys(e, "cannot open it");
	walk->content = (struct file_content) { { read_file, skip_hole }, fd };
	entry->content = &walk->content.content;
	if (device_find(fd, &entry->st))
		entry->content = NULL;
	else if (check_unchanged(entry, fd, e) < 0)
		return -1;
	if (xattrs_get(fd, -1, NULL, xattr_is_of_tree, &walk->xattrs, e) < 0)
		return -1;
	if (entry->content && holes_of_file(fd, (uint64_t)entry->st.st_size, &walk->holes, e) < 0)
		return -1;
	if (entry->content && walk->holes.found) {
		entry->extents = walk->holes.extents;
		entry->extent_count = walk->holes.count;
	}
	if (call(walk, entry, e) < 0)
		return -1;
	return entry->content ? check_unchanged(entry, fd, e) : 0;
}

static int visit_other(struct walk *walk, const char *name, struct tree_entry *entry, struct error *e)
{
	if (entry->hard_link)
		return call(walk, entry, e);
	if (xattrs_get(-1, walk->dir_fd, name, xattr_is_of_tree, &walk->xattrs, e) < 0)
		return -1;
	if (S_ISLNK(entry->st.st_mode)) {
		ssize_t len = readlinkat(walk->dir_fd, name, walk->target, sizeof walk->target - 1);

		if (len < 0)
			return error_sys(e, "cannot read this link");
		walk->target[len] = '\0';
		entry->link = walk->target;
	}
	return call(walk, entry, e);
}

/* Make the folder FD, which is taken over, the innermost level. */
static int enter(struct walk *walk, int fd, const struct stat *st, struct error *e)
{
	struct level level = { .path_len = walk->path.len, .dev = st->st_dev, .ino = st->st_ino };

	auto_close_(&walk->dir_fd);
	walk->dir_fd = fd;
	if (dir_list(fd, &level.names, &level.count, e) < 0)
		return -1;
	PUSH(walk->levels, walk->depth, level);
	return 0;
}

/* Back to the folder above. Its descriptor was given up; ".." must lead to the same one. */
static int leave(struct walk *walk, struct error *e)
{
	const struct level *above;
	struct stat st;
	int fd;

	level_release(&walk->levels[--walk->depth]);
	if (walk->depth == 0)
		return 0;
	above = &walk->levels[walk->depth - 1];
	path_cut(walk, above->path_len);
	fd = openat(walk->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open the folder above it");
	auto_close_(&walk->dir_fd);
	walk->dir_fd = fd;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot stat it");
	if (st.st_dev != above->dev || st.st_ino != above->ino)
		return error_set(e, ERROR_SYSTEM, "it was moved while it was being packed");
	return 0;
}

static int visit_folder(struct walk *walk, const char *name, struct tree_entry *entry, struct error *e)
{
	auto_close int fd = open_here(walk->dir_fd, name, O_DIRECTORY);

	if (fd < 0 && errno == EXDEV) {
		if (walk->log)
			log_warn(walk->log, "'/%s' is a mount point: what is mounted there is left out",
				 entry->path);
		return call(walk, entry, e);
	}
	if (fd < 0)
		return error_sys(e, "cannot open it");
	/* As it is now: its time stamp may have changed, which does no harm. */
	if (fstat(fd, &entry->st) < 0)
		return error_sys(e, "cannot stat it");
	if (xattrs_get(fd, -1, NULL, xattr_is_of_tree, &walk->xattrs, e) < 0)
		return -1;
	if (call(walk, entry, e) < 0)
		return -1;
	return enter(walk, TAKE(fd, -1), &entry->st, e);
}

static int visit_name(struct walk *walk, const char *name, struct error *e)
{
	struct tree_entry entry = { .path = path_of(walk), .xattrs = &walk->xattrs };

	xattrs_release(&walk->xattrs);
	if (fstatat(walk->dir_fd, name, &entry.st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat it");
	if (S_ISSOCK(entry.st.st_mode)) {
		if (walk->log)
			log_warn(walk->log, "'/%s' is a socket and is left out", entry.path);
		return 0;
	}
	entry.hard_link = earlier_name(walk, &entry.st);
	if (S_ISDIR(entry.st.st_mode))
		return visit_folder(walk, name, &entry, e);
	if (S_ISREG(entry.st.st_mode) && !entry.hard_link)
		return visit_regular(walk, name, &entry, e);
	return visit_other(walk, name, &entry, e);
}

static int step(struct walk *walk, struct error *e)
{
	struct level *level = &walk->levels[walk->depth - 1];
	size_t depth = walk->depth;
	const char *name;

	if (interrupt_check(e) < 0)
		return -1;
	if (level->next == level->count)
		return leave(walk, e);
	name = level->names[level->next++];
	if (path_push(walk, name, e) < 0)
		return -1;
	if (visit_name(walk, name, e) < 0)
		return walk->refused ? -1 : error_wrap(e, "'/%s'", path_of(walk));
	if (walk->depth == depth)
		path_cut(walk, walk->levels[depth - 1].path_len);
	return 0;
}

static int visit_root(struct walk *walk, int root_fd, struct error *e)
{
	struct tree_entry entry = { .path = "", .xattrs = &walk->xattrs };
	auto_close int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &entry.st) < 0)
		return error_sys(e, "cannot open the root");
	if (xattrs_get(fd, -1, NULL, xattr_is_of_tree, &walk->xattrs, e) < 0)
		return -1;
	if (call(walk, &entry, e) < 0)
		return -1;
	return enter(walk, TAKE(fd, -1), &entry.st, e);
}

static int walk(const struct tree_source *source, tree_fn *visit, void *context, struct error *e)
{
	const struct tree_folder *folder = (const struct tree_folder *)source;
	auto_walk struct walk walk = { .visit = visit, .context = context, .log = folder->log, .dir_fd = -1 };

	if (visit_root(&walk, folder->root_fd, e) < 0)
		return -1;
	while (walk.depth)
		if (step(&walk, e) < 0)
			return -1;
	return 0;
}

struct tree_folder tree_folder(int root_fd, struct log *log)
{
	return (struct tree_folder) { { walk }, root_fd, log };
}
