/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/walk.h"

static bool is_kept(const char *name)
{
	return !xattr_is_local(name);
}

int xattrs_read(int fd, int dir_fd, const char *name, struct xattrs *xattrs, struct error *e)
{
	return xattrs_get(fd, dir_fd, name, is_kept, xattrs, e);
}
