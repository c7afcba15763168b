/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies below a folder, as lstat(2) has it: each folder before what it holds, within a folder bytewise by
 * name. Nothing is followed. For trees that nobody changes meanwhile.
 */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include "base/error.h"

#include <sys/stat.h>

/* Valid during one call of the visitor. */
struct scan_entry {
	const char *path; /* below the root, without a leading slash; "" for the root itself */
	int dir_fd;       /* of the folder that holds it */
	const char *name; /* in that folder; "." for the root */
	struct stat st;
};

/* Its errors are returned with the path in front. */
typedef int (*scan_fn)(void *context, const struct scan_entry *entry, struct error *e);

/* Visit ROOT_FD and all below it. Errors: ERROR_INTERRUPTED; ERROR_FORMAT when folders are nested too deep. */
int scan_tree(int root_fd, scan_fn visit, void *context, struct error *e) MUST_CHECK;

#endif
