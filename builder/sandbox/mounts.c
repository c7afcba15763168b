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

/*
 * Read-only as a whole: there are more switches of the kernel in it than any list has, and what processes could write
 * about themselves they do not need while an image is built.
 */
static const struct fresh_mount proc_mount = { "proc", "/proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
					       NULL };
static const struct fresh_mount sysfs_mount = { "sysfs", "/sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
						NULL };
static const struct fresh_mount memory_mounts[] = {
	{ "tmpfs", "/dev", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m" },
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

/* What everybody's root may read, or root without any capability, and is about the host: empty. */
static const char *const masked_files[] = { "/proc/keys", "/proc/key-users", "/proc/timer_list",
					    "/proc/sched_debug", "/proc/kcore" };
static const struct fresh_mount masked_folders[] = {
	{ "tmpfs", "/sys/firmware", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k" },
	{ "tmpfs", "/sys/devices/virtual/powercap", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k" },
};

static int attach(int tree_fd, const char *path)
{
	return (int)syscall(SYS_move_mount, tree_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* Kernels before Linux 5.12 cannot add flags in a user namespace where others are locked. */
static int add_flags(const char *path, unsigned how, uint64_t flags)
{
	struct mount_attr attributes = { .attr_set = flags };
	long r = syscall(SYS_mount_setattr, AT_FDCWD, path, how, &attributes, sizeof attributes);

	return r < 0 && errno == ENOSYS ? 0 : (int)r;
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
	/*
	 * Without the noexec or nosuid of the file system that the work folder happens to be on. Device nodes may
	 * be made, as an image may have some, but lead nowhere: a script could make one of the host's disk.
	 */
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME | MS_NODEV, NULL) == 0)
		return 0;
	/* In a user namespace those stay: what they forbid will say so itself. Nobody makes a node there. */
	return errno == EPERM ? add_flags("/", 0, MOUNT_ATTR_NODEV) : -1;
}

static int mount_fresh(const struct fresh_mount *row, const char **subject)
{
	*subject = row->path;
	return mount(row->type, row->path, row->type, row->flags, row->data);
}

static const uint64_t fixed_flags =
	MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/* Read-only, and of what the kernel lets a new network namespace's owner see. */
static int mount_sys(const struct inside *inside, const char **subject)
{
	if (mount_fresh(&sysfs_mount, subject) == 0)
		return 0;
	/* Not allowed where the network namespace belongs to somebody else: then the host's own view. */
	if (inside->sysfs_tree_fd < 0 || attach(inside->sysfs_tree_fd, sysfs_mount.path) < 0)
		return -1;
	return add_flags(sysfs_mount.path, AT_RECURSIVE, fixed_flags);
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
	if (errno != EPERM || inside->proc_tree_fd < 0 || attach(inside->proc_tree_fd, proc_mount.path) < 0)
		return -1;
	return add_flags(proc_mount.path, AT_RECURSIVE, fixed_flags);
}

/*
 * One umount for all of the host's. Not before: a user namespace that sees no /proc and /sys may mount none
 * either.
 */
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

/* /dev/null over PATH, which stays as it is when it is a link, or not there. */
static int cover(const char *path)
{
	auto_close int fd =
		(int)syscall(SYS_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return -1;
	return attach(fd, path) < 0 && errno != ENOENT ? -1 : 0;
}

static int mask(const char **subject)
{
	for (size_t i = 0; i < ARRAY_LEN(masked_files); i++) {
		*subject = masked_files[i];
		if (cover(masked_files[i]) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(masked_folders); i++)
		if (mount_fresh(&masked_folders[i], subject) < 0 && errno != ENOENT)
			return -1;
	return 0;
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
	if (mask(subject) < 0)
		return -1;
	/*
	 * Whether they run on a system or in a chroot, programs find out by comparing /proc/1/root with their own (ischroot(1),
	 * systemctl). That link may be followed by nobody, as process 1 is hidden; what is mounted on it, by all.
	 */
	*subject = "/proc/1/root";
	return own_proc ? cover(*subject) : 0;
}
