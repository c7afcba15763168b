/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree from its descriptor, entry by entry, in an order that depends on nothing but the names: each folder
 * before what it holds, and within a folder bytewise by name. Nothing is followed, no mount point is crossed.
 */
#ifndef PACK_WALK_H
#define PACK_WALK_H

#include "base/alloc.h"
#include "base/log.h"
#include "base/xattr.h"

#include <sys/stat.h>

/* Valid during one call of the visitor. */
struct walk_entry {
	const char *path;      /* below the root, without a leading slash; "" for the root itself */
	struct stat st;        /* st_size is what FD will give */
	const char *link;      /* symbolic link: its target */
	const char *hard_link; /* path of an earlier entry that is the same file, or NULL */
	const struct xattrs *xattrs;
	int fd; /* regular file without HARD_LINK: open for reading, at its start; else -1 */
};

/* Its errors come back as they are; those of the walk name the path. */
typedef int (*walk_fn)(void *context, const struct walk_entry *entry, struct error *e);

/*
 * Visit the tree below ROOT_FD, itself first. Sockets are left out, with a warning: an archive has no place
 * for them. LOG may be NULL.
 */
int walk_tree(int root_fd, walk_fn visit, void *context, struct log *log, struct error *e) MUST_CHECK;

#endif
