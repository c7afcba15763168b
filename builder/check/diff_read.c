/* SPDX-License-Identifier: Apache-2.0 */
#include "check/diff.h"

#include "base/file.h"
#include "base/limits.h"
#include "tree/walk.h"

#include <fcntl.h>

static int read_folder(struct diff_side *side, int root_fd, struct log *log, struct error *e)
{
	struct tree_folder folder = tree_folder(root_fd, log);

	return inventory_read(&folder.source, &side->root, e);
}

int diff_side_read(const char *path, struct log *log, struct diff_side *side, struct error *e)
{
	auto_diff_side struct diff_side new = DIFF_SIDE_INIT;
	auto_close int fd = -1;

	new.name = path;
	if (dir_open(AT_FDCWD, path, &fd, e) < 0)
		return -1;
	if (read_folder(&new, fd, log, e) < 0)
		return error_wrap(e, "%s", path);
	*side = TAKE(new, DIFF_SIDE_INIT);
	return 0;
}
