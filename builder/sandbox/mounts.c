/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>

const struct mount_point mount_points[] = {
	{ "/proc", 0555 }, { "/sys", 0555 }, { "/dev", 0755 }, { "/run", 0755 }, { "/tmp", 01777 },
};
const size_t mount_point_count = ARRAY_LEN(mount_points);

const char *const inside_devices[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
};
const size_t inside_device_count = ARRAY_LEN(inside_devices);
_Static_assert(ARRAY_LEN(inside_devices) <= INSIDE_DEVICE_MAX, "INSIDE_DEVICE_MAX is too small");

struct fresh_mount {
	const char *type;
	const char *path;
	unsigned long flags;
	const char *data;
};

static const struct fresh_mount proc_mount = { "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL };
static const struct fresh_mount sysfs_mount = { "sysfs", "/sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
						NULL };
static const struct fresh_mount memory_mounts[] = {
	{ "tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m" },
	{ "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755" },
	{ "tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777" },
};
static const struct mount_point folders_in_memory[] = {
	{ "/dev/pts", 0755 },
	{ "/dev/shm", 0755 },
	{ "/run/lock", 01777 },
};
static const struct fresh_mount device_mounts[] = {
	{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
};

static const struct {
	const char *target;
	const char *path;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },       { "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" }, { "/proc/self/fd/2", "/dev/stderr" },
	{ "pts/ptmx", "/dev/ptmx" },
};

/* Parts of /proc through which a program with root's rights would change the host's kernel. */
static const char *const kernel_switches[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus" };

static int attach(int tree_fd, const char *path)
{
	return (int)syscall(SYS_move_mount, tree_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

int mounts_enter_root(const struct inside *inside, const char **subject)
{
	*subject = "cannot make the mounts private";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	/* Any place does to attach the new root; "/" is the one that exists on every host. */
	*subject = "cannot enter the root";
	if (attach(inside->root_tree_fd, "/") < 0 || fchdir(inside->root_tree_fd) < 0)
		return -1;
	/* A clone of a shared mount is its peer: without this the host would see what is mounted here. */
	if (mount(NULL, ".", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	/* pivot_root(2): with "." twice the old root lies over the new one, until leave_host(). */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || chdir("/") < 0)
		return -1;
	/* Without the noexec, nosuid or nodev of the file system that the work folder happens to be on. */
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME, NULL) == 0)
		return 0;
	/* In a user namespace they stay: what they forbid will say so itself. */
	return errno == EPERM ? 0 : -1;
}

static int mount_fresh(const struct fresh_mount *row, const char **subject)
{
	*subject = row->path;
	return mount(row->type, row->path, row->type, row->flags, row->data);
}

/* Read-only, and of what the kernel lets a new network namespace's owner see. */
static int mount_sys(const struct inside *inside, const char **subject)
{
	if (mount_fresh(&sysfs_mount, subject) == 0)
		return 0;
	/* Not allowed where the network namespace belongs to somebody else: then the host's own view. */
	if (inside->sysfs_tree_fd < 0 || attach(inside->sysfs_tree_fd, sysfs_mount.path) < 0)
		return -1;
	return mount(NULL, sysfs_mount.path, NULL, MS_REMOUNT | MS_BIND | sysfs_mount.flags, NULL);
}

/*
 * Where something is mounted over parts of the host's /proc, as containers have it, nobody in a user namespace may have
 * a /proc without that: then the host's own, whose numbers of processes are other ones. *own: it is the sandbox's.
 */
static int mount_proc(const struct inside *inside, bool *own, const char **subject)
{
	*own = mount_fresh(&proc_mount, subject) == 0;
	if (*own)
		return 0;
	return errno != EPERM || inside->proc_tree_fd < 0 ? -1
							  : attach(inside->proc_tree_fd, proc_mount.path);
}

/* One umount for all of the host's. Not before: a user namespace that sees no /proc and /sys may mount none either. */
static int leave_host(const char **subject)
{
	*subject = "/";
	return umount2(".", MNT_DETACH);
}

/* Read-only, which for a device node only means that its mode and owner stay as they are: it is the host's. */
static int mount_device(int tree_fd, const char *path)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || attach(tree_fd, path) < 0)
		return -1;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL);
}

static int make_read_only(const char *path)
{
	if (mount(path, path, NULL, MS_BIND, NULL) < 0)
		return errno == ENOENT ? 0 : -1;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     NULL);
}

static int fill_dev(const struct inside *inside, const char **subject)
{
	for (size_t i = 0; i < inside_device_count; i++) {
		*subject = inside_devices[i];
		if (mount_device(inside->device_tree_fds[i], inside_devices[i]) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(device_mounts); i++)
		if (mount_fresh(&device_mounts[i], subject) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		*subject = links[i].path;
		if (symlink(links[i].target, links[i].path) < 0)
			return -1;
	}
	return 0;
}

int mounts_make(const struct inside *inside, const char **subject)
{
	bool own_proc;

	if (mount_proc(inside, &own_proc, subject) < 0 || mount_sys(inside, subject) < 0 ||
	    leave_host(subject) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(memory_mounts); i++)
		if (mount_fresh(&memory_mounts[i], subject) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders_in_memory); i++) {
		*subject = folders_in_memory[i].path;
		if (mkdir(*subject, 0755) < 0 || chmod(*subject, folders_in_memory[i].mode) < 0)
			return -1;
	}
	if (fill_dev(inside, subject) < 0)
		return -1;
	/* A user namespace that may not have its own /proc may not turn these either. */
	for (size_t i = 0; own_proc && i < ARRAY_LEN(kernel_switches); i++) {
		*subject = kernel_switches[i];
		if (make_read_only(*subject) < 0)
			return -1;
	}
	return 0;
}
