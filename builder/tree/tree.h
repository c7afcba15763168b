/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a system, one after the other, wherever they lie: in a folder (walk.h) or in an image. Who packs,
 * checks or compares takes a source and need not know which it is.
 *
 * Order: a folder before what it holds; a hard link behind the file that it is another name of.
 */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include "base/xattr.h"

#include <stdint.h>
#include <sys/stat.h>

/* The bytes of a regular file, once, from its start. The first member of every kind of content. */
struct tree_content {
	/* Up to ROOM bytes to DATA, holes as zeros; *len 0: the end. Errors do not name the file. */
	int (*read)(struct tree_content *content, void *data, size_t room, size_t *len, struct error *e);
	/* Go LEN bytes on, which lie in a hole. Who gives no extents need not have it. */
	int (*skip)(struct tree_content *content, uint64_t len, struct error *e);
};

/* Bytes of a file that are not a hole. */
struct tree_extent {
	uint64_t offset;
	uint64_t len; /* not 0 */
};

/* Valid during one call of the visitor. */
struct tree_entry {
	const char *
		path; /* below the root, without a leading slash; "" for the root itself; any bytes but NUL */
	struct stat st;   /* st_mode, st_uid, st_gid, st_size, st_mtim and st_rdev always mean something */
	const char *link; /* symbolic link: its target */
	const char *hard_link; /* path of an earlier entry that is the same file, or NULL */
	const struct xattrs *xattrs;
	struct tree_content *content; /* regular file without HARD_LINK: st_size bytes; else NULL */
	/* A file with large holes: where its data are, in ascending order, apart from each other; else NULL. */
	const struct tree_extent *extents;
	size_t extent_count;
};

/* Its errors come back as they are; those of the source name the path. What it leaves of the content is skipped. */
typedef int tree_fn(void *context, const struct tree_entry *entry, struct error *e);

/* The first member of every kind of source. */
struct tree_source {
	int (*visit)(const struct tree_source *source, tree_fn *visit, void *context, struct error *e);
};

static inline int tree_visit(const struct tree_source *source, tree_fn *visit, void *context, struct error *e)
{
	return source->visit(source, visit, context, e);
}

#endif
