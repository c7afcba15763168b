/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a layer as a list, in the order of scan.h, and what identifies it: a digest over all that overlayfs
 * would show of it, and a quick one over what lstat(2) says of the inodes that it lies in.
 */
#ifndef LAYER_TREE_H
#define LAYER_TREE_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/xattr.h"

#include <sys/stat.h>

struct layer_entry {
	const char *path; /* as in scan.h */
	struct stat st;
	size_t first;          /* index of the first name of the same file; its own, if it is that */
	const char *target;    /* symbolic link: its target; else NULL */
	struct xattrs xattrs;  /* owned; those that belong to a layer */
	struct digest content; /* regular file: of its bytes, once somebody has read them */
};

struct layer_tree {
	struct arena arena;
	struct layer_entry *entries; /* the root itself first */
	size_t count;
	uint64_t content_bytes; /* of all files */
};

#define LAYER_TREE_INIT ((struct layer_tree) { ARENA_INIT, NULL, 0, 0 })
#define auto_tree       AUTO(tree_release)

/* All but the contents of files. */
int layer_tree_read(int root_fd, struct layer_tree *tree, struct error *e) MUST_CHECK;
/* The contents, on all processors. */
int tree_hash_contents(int root_fd, struct layer_tree *tree, struct error *e) MUST_CHECK;
/* Of everything in it that does not depend on where it lies. */
struct digest tree_digest(const struct layer_tree *tree);
void tree_release(struct layer_tree *tree);

/* What a tree is on its file system. */
struct tree_inodes {
	struct digest digest; /* of paths, inode numbers, sizes, times, modes, owners, links */
	uint64_t disk_bytes;
	uint64_t count;
};

/* Without reading any file. With EXPECTED, a tree that differs from it in that is an error. */
int tree_inodes_read(int root_fd, const struct layer_tree *expected, struct tree_inodes *inodes,
		     struct error *e) MUST_CHECK;

/* How overlayfs says that a name of lower trees is gone. */
bool tree_is_whiteout(const struct stat *st);

#endif
