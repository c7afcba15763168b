/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of files, read and written as they are; links are never followed. */
#ifndef BASE_XATTR_H
#define BASE_XATTR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct xattr {
	char *name;
	char *value;
	size_t len;
};

/* In ascending order of name. */
struct xattrs {
	struct xattr *items; /* owned, with what they point to */
	size_t count;
};

#define XATTRS_INIT ((struct xattrs) { NULL, 0 })
#define auto_xattrs AUTO(xattrs_release)

/* Whether it belongs to a tree, and not to the file system or the machine that the tree lies on (labels, checksums). */
bool xattr_is_of_tree(const char *name);

/* Whether overlayfs says with it that a folder hides, or shows, another than the one below it. */
bool xattr_is_overlay_mark(const char *name);

/*
 * The attributes of FD, or, with FD -1, of NAME in the folder DIR_FD, whose name IS_KEPT accepts (NULL: all).
 * A file system that has none gives none.
 */
int xattrs_get(int fd, int dir_fd, const char *name, bool (*is_kept)(const char *), struct xattrs *xattrs,
	       struct error *e) MUST_CHECK;
/* Add XATTRS to those of FD or NAME. */
int xattrs_set(int fd, int dir_fd, const char *name, const struct xattrs *xattrs, struct error *e) MUST_CHECK;
bool xattrs_equal(const struct xattrs *a, const struct xattrs *b);
void xattrs_release(struct xattrs *xattrs);

#endif
