/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree from its descriptor, entry by entry, in an order that depends on nothing but the names: each folder
 * before what it holds, and within a folder bytewise by name. Nothing is followed, no mount point is crossed.
 */
#ifndef TREE_WALK_H
#define TREE_WALK_H

#include "base/log.h"
#include "tree/tree.h"

/*
 * What lies below ROOT_FD, itself first. Sockets are left out, with a warning: an archive has no place for them.
 * ROOT_FD and LOG (may be NULL) are borrowed.
 */
struct tree_folder {
	struct tree_source source;
	int root_fd;
	struct log *log;
};

struct tree_folder tree_folder(int root_fd, struct log *log);

#endif
