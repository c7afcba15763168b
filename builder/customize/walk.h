/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the root by pattern, one after the other in sorted order. */
#ifndef CUSTOMIZE_WALK_H
#define CUSTOMIZE_WALK_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

typedef int (*walk_fn)(void *context, const char *path, const struct stat *st, struct error *e);

/*
 * Call VISIT for each path of the root that PATTERN, an absolute one, stands for. In it '*', '?' and '[' stand for
 * parts of one name (of hidden files too), a part "**" for any number of folders. Links on the way to a name are not
 * followed: what they lead to has a path of its own. VISIT may remove what it is called with.
 */
int walk_paths(int root_fd, const char *pattern, walk_fn visit, void *context, struct error *e) MUST_CHECK;
/*
 * The same for a path that a recipe gives: without a pattern in it links on the way are followed, inside the root.
 * ERROR_RECIPE when there is nothing at all, unless OPTIONAL.
 */
int walk_given(int root_fd, const char *path, bool optional, walk_fn visit, void *context, struct error *e)
	MUST_CHECK;

#endif
