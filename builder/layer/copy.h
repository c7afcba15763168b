/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYER_COPY_H
#define LAYER_COPY_H

#include "layer/tree.h"

/*
 * Copy what TREE lists below FROM_FD into the empty folder TO_FD: all that tree_digest() looks at. The contents'
 * digests are set on the way, so that each file is read once. The umask must be 0, and TO_FD root's own.
 */
int copy_tree(int from_fd, int to_fd, struct layer_tree *tree, struct error *e) MUST_CHECK;

/*
 * The content of FROM_FD, a file to be read from its beginning, as the new file NAME of the folder TO_FD. On some file
 * systems (btrfs, xfs) both share their blocks. The offset of FROM_FD stays as it is.
 */
int copy_whole(int from_fd, int to_fd, const char *name, struct error *e) MUST_CHECK;

#endif
