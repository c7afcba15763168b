/* SPDX-License-Identifier: Apache-2.0 */
#include "base/device.h"

#include "base/auto.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

const char device_attribute[] = "user.kiln.device";

/* As the attribute has it; both ends are this program, on one host. */
struct node {
	uint32_t type; /* S_IFCHR or S_IFBLK */
	uint32_t major;
	uint32_t minor;
};

int device_make(int dir_fd, const char *name, mode_t mode, dev_t device, struct error *e)
{
	struct node node = { mode & S_IFMT, major(device), minor(device) };
	auto_close int fd = -1;

	if (mknodat(dir_fd, name, (mode & S_IFMT) | 0600, device) == 0)
		return 0;
	if (errno == EPERM && !S_ISFIFO(mode)) {
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 && fsetxattr(fd, device_attribute, &node, sizeof node, 0) == 0)
			return 0;
	}
	return error_sys(e, "cannot make a device node");
}

bool device_find(int fd, struct stat *st)
{
	struct node node;

	if (!S_ISREG(st->st_mode) || st->st_size != 0 ||
	    fgetxattr(fd, device_attribute, &node, sizeof node) != (ssize_t)sizeof node ||
	    (node.type != S_IFCHR && node.type != S_IFBLK))
		return false;
	st->st_mode = (st->st_mode & 07777) | node.type;
	st->st_rdev = makedev(node.major, node.minor);
	return true;
}
