/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/walk.h"

#include "base/text.h"

/* What belongs to the file system or the machine that the tree lies on, not to the tree. */
static const char *const left_out[] = {
	"security.apparmor", "security.evm",     "security.ima",  "security.selinux", "security.SMACK64",
	"system.nfs4_acl",   "trusted.overlay.", "user.overlay.", "btrfs.",
};

static bool is_kept(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
		if (is_prefix(name, left_out[i]))
			return false;
	return true;
}

int xattrs_read(int fd, int dir_fd, const char *name, struct xattrs *xattrs, struct error *e)
{
	return xattrs_get(fd, dir_fd, name, is_kept, xattrs, e);
}
