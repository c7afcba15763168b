/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hard links in a root that is a stack. overlayfs copies a file up under the one name that is written to, and the
 * others keep the old file. So before anything is written on top of lower trees, every file in them that has several
 * names is copied up with all of these; what nobody has touched by the time the tree is sealed goes again. In
 * between they are links of the upper tree alone, and behave as in any folder.
 */
#ifndef SANDBOX_LINKS_H
#define SANDBOX_LINKS_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>

/* The names of one file, below the root. */
struct link_group {
	char **names;
	size_t count;
};

struct links {
	struct arena arena;
	struct link_group *groups;
	size_t count;
};

#define LINKS_INIT ((struct links) { ARENA_INIT, NULL, 0 })

/*
 * Add the files below TREE_FD that have several names. UPPER: the tree is in overlayfs' format; else it must be one
 * that could be taken for such, or this fails with ERROR_UNSUPPORTED.
 */
int links_add(int tree_fd, bool upper, struct links *links, struct error *e) MUST_CHECK;
/*
 * Add the files with several names of the overlay ROOT_FD over the trees LOWER_FDS. What has one name in each of them
 * has one in the overlay, so looking through the trees is enough, which is faster.
 */
int links_find(int root_fd, const int *lower_fds, size_t lower_count, struct links *links, struct error *e)
	MUST_CHECK;
/* Copy them all up in the overlay ROOT_FD; no attribute of any file or folder changes. */
int links_copy_up(int root_fd, const struct links *links, struct error *e) MUST_CHECK;
/*
 * Remove from the tree UPPER_FD, which is mounted no more, the groups that are in it as they are in BELOW_FD, what
 * it lay on. They stay in LINKS; those that differ are removed from it.
 */
int links_drop_untouched(int upper_fd, int below_fd, struct links *links, struct error *e) MUST_CHECK;
void links_release(struct links *links);

#endif
