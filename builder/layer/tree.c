/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tree.h"

#include "base/device.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/root.h"
#include "base/scan.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

/* A file with several names, under the first of them. */
struct linked {
	struct {
		uint64_t dev;
		uint64_t ino;
	} id;
	size_t index;
};

struct reading {
	struct layer_tree *tree;
	struct map linked; /* id → struct linked */
};

bool tree_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Of overlayfs' own attributes these two say what the tree shows; the others tie it to the inodes of one host. */
static bool is_kept(const char *name)
{
	return xattr_is_overlay_mark(name) || strcmp(name, device_attribute) == 0 || xattr_is_of_tree(name);
}

static void find_first(struct reading *reading, struct layer_entry *entry, size_t index)
{
	struct linked *linked;
	const struct linked *earlier;
	struct text id;

	entry->first = index;
	/* The kernel gives one inode to many whiteouts, and file systems differ in how many that may be. */
	if (S_ISDIR(entry->st.st_mode) || entry->st.st_nlink < 2 || tree_is_whiteout(&entry->st))
		return;
	linked = arena_alloc(&reading->tree->arena, sizeof *linked);
	linked->id.dev = entry->st.st_dev;
	linked->id.ino = entry->st.st_ino;
	linked->index = index;
	id = (struct text) { (const char *)&linked->id, sizeof linked->id };
	earlier = map_get(&reading->linked, id);
	if (earlier)
		entry->first = earlier->index;
	else
		map_put(&reading->linked, id, linked);
}

static int add(void *context, const struct scan_entry *found, struct error *e)
{
	struct reading *reading = context;
	struct layer_tree *tree = reading->tree;
	struct layer_entry entry = { .path = arena_strdup(&tree->arena, found->path), .st = found->st };
	char target[LIMIT_PATH_BYTES + 1] = "";

	find_first(reading, &entry, tree->count);
	if (S_ISLNK(entry.st.st_mode)) {
		if (readlinkat(found->dir_fd, found->name, target, sizeof target - 1) < 0)
			return error_sys(e, "cannot read this link");
		entry.target = arena_strdup(&tree->arena, target);
	}
	if (entry.first == tree->count && !tree_is_whiteout(&entry.st) &&
	    xattrs_get(-1, found->dir_fd, found->name, is_kept, &entry.xattrs, e) < 0)
		return -1;
	if (S_ISREG(entry.st.st_mode) && entry.first == tree->count)
		tree->content_bytes += (uint64_t)entry.st.st_size;
	PUSH(tree->entries, tree->count, entry);
	return 0;
}

int layer_tree_read(int root_fd, struct layer_tree *tree, struct error *e)
{
	auto_tree struct layer_tree read = LAYER_TREE_INIT;
	struct reading reading = { .tree = &read, .linked = MAP_INIT };
	int result = scan_tree(root_fd, add, &reading, e);

	map_release(&reading.linked);
	if (result < 0)
		return -1;
	*tree = TAKE(read, LAYER_TREE_INIT);
	return 0;
}

/* Files are handed out in runs, so that a tree of many small ones is not all locking. */
enum { FILES_AT_ONCE = 32 };

struct contents {
	int root_fd;
	struct layer_tree *tree;
};

static int hash_run(void *context, size_t index, struct error *e)
{
	struct contents *contents = context;
	size_t end = (index + 1) * FILES_AT_ONCE;

	for (size_t i = index * FILES_AT_ONCE; i < end && i < contents->tree->count; i++) {
		struct layer_entry *entry = &contents->tree->entries[i];
		auto_close int fd = -1;

		if (!S_ISREG(entry->st.st_mode) || entry->first != i)
			continue;
		if (root_open(contents->root_fd, entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, e) <
			    0 ||
		    sha256_of_fd(fd, &entry->content, NULL, e) < 0)
			return error_wrap(e, "'/%s'", entry->path);
	}
	return 0;
}

int tree_hash_contents(int root_fd, struct layer_tree *tree, struct error *e)
{
	struct contents contents = { root_fd, tree };

	return pool_run(0, (tree->count + FILES_AT_ONCE - 1) / FILES_AT_ONCE, hash_run, &contents, e);
}

static void add_number(struct buffer *buffer, uint64_t number)
{
	buffer_add(buffer, &number, sizeof number);
}

/* With its end mark, so that no two lists of texts give the same bytes. */
static void add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text) + 1);
}

static void add_entry(struct buffer *buffer, const struct layer_tree *tree, size_t index)
{
	const struct layer_entry *entry = &tree->entries[index];

	add_text(buffer, entry->path);
	add_number(buffer, entry->st.st_mode);
	if (entry->first != index) {
		add_text(buffer, tree->entries[entry->first].path);
		return;
	}
	add_text(buffer, "");
	add_number(buffer, entry->st.st_uid);
	add_number(buffer, entry->st.st_gid);
	add_number(buffer, (uint64_t)entry->st.st_mtim.tv_sec);
	add_number(buffer, (uint64_t)entry->st.st_mtim.tv_nsec);
	if (S_ISREG(entry->st.st_mode)) {
		add_number(buffer, (uint64_t)entry->st.st_size);
		buffer_add(buffer, entry->content.bytes, DIGEST_BYTES);
	} else if (S_ISCHR(entry->st.st_mode) || S_ISBLK(entry->st.st_mode)) {
		add_number(buffer, entry->st.st_rdev);
	} else if (entry->target) {
		add_text(buffer, entry->target);
	}
	add_number(buffer, entry->xattrs.count);
	for (size_t i = 0; i < entry->xattrs.count; i++) {
		add_text(buffer, entry->xattrs.items[i].name);
		add_number(buffer, entry->xattrs.items[i].len);
		buffer_add(buffer, entry->xattrs.items[i].value, entry->xattrs.items[i].len);
	}
}

struct digest tree_digest(const struct layer_tree *tree)
{
	auto_hash struct hash hash = HASH_INIT;
	auto_buffer struct buffer buffer = BUFFER_INIT;

	hash_start_sha256(&hash);
	for (size_t i = 0; i < tree->count; i++) {
		buffer_reset(&buffer);
		add_entry(&buffer, tree, i);
		hash_add(&hash, buffer.data, buffer.len);
	}
	return hash_end_sha256(&hash);
}

void tree_release(struct layer_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		xattrs_release(&tree->entries[i].xattrs);
	free(tree->entries);
	arena_release(&tree->arena);
	*tree = LAYER_TREE_INIT;
}

struct inode_scan {
	struct hash hash;
	const struct layer_tree *expected;
	struct tree_inodes inodes;
};

static bool is_as_expected(const struct layer_entry *expected, const struct scan_entry *found)
{
	const struct stat *a = &expected->st;
	const struct stat *b = &found->st;

	return strcmp(expected->path, found->path) == 0 && a->st_mode == b->st_mode &&
	       a->st_uid == b->st_uid && a->st_gid == b->st_gid && a->st_rdev == b->st_rdev &&
	       (S_ISDIR(a->st_mode) || a->st_size == b->st_size) && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int add_inode(void *context, const struct scan_entry *found, struct error *e)
{
	struct inode_scan *scan = context;
	const struct stat *st = &found->st;
	const uint64_t numbers[] = {
		st->st_ino,
		st->st_mode,
		(uint64_t)st->st_uid << 32 | st->st_gid,
		st->st_nlink,
		(uint64_t)st->st_size,
		st->st_rdev,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};

	hash_add(&scan->hash, found->path, strlen(found->path) + 1);
	hash_add(&scan->hash, numbers, sizeof numbers);
	if (S_ISDIR(st->st_mode) || st->st_nlink == 1)
		scan->inodes.disk_bytes += (uint64_t)st->st_blocks * 512;
	else
		scan->inodes.disk_bytes += (uint64_t)st->st_blocks * 512 / st->st_nlink;
	if (scan->expected && (scan->inodes.count >= scan->expected->count ||
			       !is_as_expected(&scan->expected->entries[scan->inodes.count], found)))
		return error_set(e, ERROR_SYSTEM,
				 "the file system does not keep its owner, mode or time, or it has changed");
	scan->inodes.count++;
	return 0;
}

int tree_inodes_read(int root_fd, const struct layer_tree *expected, struct tree_inodes *inodes,
		     struct error *e)
{
	struct inode_scan scan = { .hash = HASH_INIT, .expected = expected };
	int result;

	hash_start_sha256(&scan.hash);
	result = scan_tree(root_fd, add_inode, &scan, e);
	scan.inodes.digest = hash_end_sha256(&scan.hash);
	hash_release(&scan.hash);
	if (result < 0)
		return -1;
	if (expected && scan.inodes.count != expected->count)
		return error_set(e, ERROR_SYSTEM, "the copy is not complete");
	*inodes = scan.inodes;
	return 0;
}
