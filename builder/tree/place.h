/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree → files below a folder: owners, modes, times, attributes, hard links and holes as the entries say, whatever
 * the umask is. No link is followed on the way and nothing is made outside the folder, whatever the paths say.
 */
#ifndef TREE_PLACE_H
#define TREE_PLACE_H

#include "tree/tree.h"

/* ROOT_FD is a folder with nothing in it; it becomes the root. What a failure leaves is the caller's to remove. */
int tree_place(const struct tree_source *source, int root_fd, struct error *e) MUST_CHECK;

#endif
