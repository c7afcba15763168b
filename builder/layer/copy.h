/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYER_COPY_H
#define LAYER_COPY_H

#include "layer/tree.h"

/*
 * Copy what TREE lists below FROM_FD into the empty folder TO_FD: all that tree_digest() looks at. The contents'
 * digests are set on the way, so that each file is read once. The umask must be 0, and TO_FD root's own.
 */
int copy_tree(int from_fd, int to_fd, struct layer_tree *tree, struct error *e) MUST_CHECK;

/* The file NAME of the folder FROM_FD in the folder TO_FD: a link to it where that can be, else a copy. */
int copy_or_link(int from_fd, const char *name, int to_fd, struct error *e) MUST_CHECK;

#endif
