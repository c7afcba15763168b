/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/requests.h"

#include "base/limits.h"
#include "sandbox/inside.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

enum { MOUNT_SOURCE, MOUNT_TARGET, MOUNT_TYPE, MOUNT_FLAGS, MOUNT_DATA, UMOUNT_TARGET = 0, UMOUNT_FLAGS };
enum { TYPE_MAX_BYTES = 32, PAGE_BYTES = 4096 };

/* Of these paths, below init's root folder, which is /proc. */
#define NUMBERED_PATH_MAX 32

/* A descriptor as the message of a socket. */
union ancillary {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int requests_send(int socket_fd, int listener_fd)
{
	union ancillary ancillary = { .header = { .cmsg_len = CMSG_LEN(sizeof listener_fd),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS } };
	struct iovec byte = { (char[]) { 0 }, 1 };
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = ancillary.bytes,
				  .msg_controllen = sizeof ancillary };

	memcpy(CMSG_DATA(&ancillary.header), &listener_fd, sizeof listener_fd);
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int requests_receive_descriptor(int socket_fd)
{
	union ancillary ancillary = { .bytes = "" };
	char byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = ancillary.bytes,
				  .msg_controllen = sizeof ancillary };
	const struct cmsghdr *header;
	ssize_t got;
	int fd = -1;

	do
		got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

/* A file of the sandbox, by a path as one of its programs writes it; but none that another process has. */
static int open_path(const struct requests *requests, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	/* Relative ones depend on the program's folder; mount(8) and umount(8) make them absolute. */
	if (path[0] != '/') {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_openat2, requests->root_fd, path, &how, sizeof how);
}

/* The number of the mount that FD is on, and whether FD is its root; 0: unknown. */
static uint64_t mount_of(int fd, bool *is_root)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return 0;
	*is_root = st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return st.stx_mnt_id;
}

static void remember(struct requests *requests, uint64_t mount)
{
	if (mount && requests->mount_count < REQUESTS_MOUNTS_MAX)
		requests->mounts[requests->mount_count++] = mount;
}

/* True once: the number may be given to another mount afterwards. */
static bool forget(struct requests *requests, uint64_t mount)
{
	for (size_t i = 0; i < requests->mount_count; i++)
		if (mount && requests->mounts[i] == mount) {
			requests->mounts[i] = requests->mounts[--requests->mount_count];
			return true;
		}
	return false;
}

int requests_receive(int socket_fd, const struct calls *calls, const struct stand_ins *stand_ins, int root_fd,
		     struct requests *requests)
{
	*requests = (struct requests) { .calls = calls, .root_fd = root_fd };
	requests->listener_fd = requests_receive_descriptor(socket_fd);
	if (requests->listener_fd < 0)
		return 0;
	for (size_t i = 0; i < stand_ins->count; i++) {
		auto_close int fd = -1;
		bool is_root = false;
		uint64_t mount;

		if (!stand_ins->items[i].writable || stand_ins->items[i].in_memory)
			continue;
		fd = open_path(requests, stand_ins->items[i].path, O_NOFOLLOW);
		mount = fd < 0 ? 0 : mount_of(fd, &is_root);
		if (is_root)
			remember(requests, mount);
	}
	return 1;
}

/* Page by page, as what is behind its end may be no memory. */
int requests_read_text(pid_t pid, uint64_t address, char *text, size_t room)
{
	size_t len = 0;

	while (len < room) {
		size_t part = PAGE_BYTES - (address + len) % PAGE_BYTES;
		struct iovec here = { text + len, part < room - len ? part : room - len };
		struct iovec there = { (char *)(uintptr_t)(address + len), here.iov_len };
		ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

		if (got <= 0) {
			errno = EFAULT;
			return -1;
		}
		if (memchr(here.iov_base, '\0', (size_t)got))
			return 0;
		len += (size_t)got;
	}
	errno = ENAMETOOLONG;
	return -1;
}

static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = '\0';
	return to;
}

/* BEFORE, NUMBER, BEHIND; printf() is not async-signal-safe. */
static void numbered_path(char path[NUMBERED_PATH_MAX], const char *before, int number, const char *behind)
{
	char digits[16];
	size_t i = sizeof digits - 1;

	digits[i] = '\0';
	do
		digits[--i] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	append(append(append(path, before), digits + i), behind);
}

/* What was mounted on TARGET, found anew: TARGET_FD is what lies below. */
static int remember_target(struct requests *requests, const char *target)
{
	auto_close int fd = open_path(requests, target, 0);
	bool is_root = false;
	uint64_t mount = fd < 0 ? 0 : mount_of(fd, &is_root);

	if (is_root)
		remember(requests, mount);
	return 0;
}

/* These hold more than what a sandbox shows of them. */
static bool is_of_kernel(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC;
}

static int bind_mount(struct requests *requests, const char *source, const char *target, bool recursive)
{
	auto_close int source_fd = open_path(requests, source, 0);
	auto_close int target_fd = source_fd < 0 ? -1 : open_path(requests, target, 0);
	auto_close int tree_fd = -1;

	if (target_fd < 0)
		return -1;
	if (is_of_kernel(source_fd)) {
		errno = EPERM;
		return -1;
	}
	tree_fd = (int)syscall(SYS_open_tree, source_fd, "",
			       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				       (recursive ? AT_RECURSIVE : 0));
	if (tree_fd < 0 || syscall(SYS_move_mount, tree_fd, "", target_fd, "",
				   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -1;
	return remember_target(requests, target);
}

static int mount_memory(struct requests *requests, const char *target, unsigned long flags, const char *data)
{
	auto_close int fd = open_path(requests, target, O_DIRECTORY);
	char path[NUMBERED_PATH_MAX];

	if (fd < 0)
		return -1;
	numbered_path(path, "/self/fd/", fd, "");
	if (mount("tmpfs", path, "tmpfs", (flags & (MS_RDONLY | MS_NOEXEC)) | MS_NOSUID | MS_NODEV, data) < 0)
		return -1;
	return remember_target(requests, target);
}

static int answer_mount(struct requests *requests, const struct seccomp_notif *asked)
{
	const __u64 *arguments = asked->data.args;
	pid_t pid = (pid_t)asked->pid;
	unsigned long flags = (unsigned long)arguments[MOUNT_FLAGS];
	unsigned long unknown =
		flags & (MS_REMOUNT | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
	char target[LIMIT_PATH_BYTES];
	char text[LIMIT_PATH_BYTES] = "";
	char type[TYPE_MAX_BYTES];

	errno = EPERM;
	if (unknown || requests->mount_count == REQUESTS_MOUNTS_MAX ||
	    requests_read_text(pid, arguments[MOUNT_TARGET], target, sizeof target) < 0)
		return -1;
	if (flags & MS_BIND) {
		if (requests_read_text(pid, arguments[MOUNT_SOURCE], text, sizeof text) < 0)
			return -1;
		return bind_mount(requests, text, target, flags & MS_REC);
	}
	if (requests_read_text(pid, arguments[MOUNT_TYPE], type, sizeof type) < 0 ||
	    (arguments[MOUNT_DATA] && requests_read_text(pid, arguments[MOUNT_DATA], text, sizeof text) < 0))
		return -1;
	if (strcmp(type, "tmpfs") == 0)
		return mount_memory(requests, target, flags, text);
	errno = EPERM;
	return -1;
}

/* MNT_DETACH: the descriptor by which it is named keeps it busy. */
static int answer_umount(struct requests *requests, const struct seccomp_notif *asked, bool has_flags)
{
	uint64_t flags = has_flags ? asked->data.args[UMOUNT_FLAGS] : 0;
	char target[LIMIT_PATH_BYTES];
	char path[NUMBERED_PATH_MAX];
	auto_close int fd = -1;
	bool is_root = false;
	uint64_t mount;

	if (requests_read_text((pid_t)asked->pid, asked->data.args[UMOUNT_TARGET], target, sizeof target) < 0)
		return -1;
	fd = open_path(requests, target, flags & UMOUNT_NOFOLLOW ? O_NOFOLLOW : 0);
	if (fd < 0)
		return -1;
	mount = mount_of(fd, &is_root);
	if (!is_root) {
		errno = EINVAL;
		return -1;
	}
	if (!forget(requests, mount)) {
		errno = EPERM;
		return -1;
	}
	numbered_path(path, "/self/fd/", fd, "");
	return umount2(path, MNT_DETACH);
}

/* Whether PID has the sandbox's root folder, so that its paths mean what they say. */
static bool has_sandbox_root(const struct requests *requests, pid_t pid)
{
	char path[NUMBERED_PATH_MAX];
	struct stat own;
	struct stat its;

	numbered_path(path, "/", pid, "/root");
	return fstat(requests->root_fd, &own) == 0 && stat(path, &its) == 0 && own.st_dev == its.st_dev &&
	       own.st_ino == its.st_ino;
}

static void put_name(char *to, size_t room, const char *name)
{
	memset(to, 0, room);
	memcpy(to, name, strlen(name));
}

int requests_answer_uname(pid_t pid, uint64_t address)
{
	struct utsname names;
	struct iovec here = { &names, sizeof names };
	struct iovec there = { (char *)(uintptr_t)address, sizeof names };

	if (uname(&names) < 0)
		return -1;
	put_name(names.nodename, sizeof names.nodename, inside_host_name);
	put_name(names.domainname, sizeof names.domainname, "(none)");
	if (process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)sizeof names)
		return 0;
	errno = EFAULT;
	return -1;
}

static int do_request(struct requests *requests, const struct seccomp_notif *asked)
{
	enum calls_of_mounts call = calls_find_mount(requests->calls, asked->data.arch, asked->data.nr);

	if (call == CALLS_UNAME)
		return requests_answer_uname((pid_t)asked->pid, asked->data.args[0]);
	if (!has_sandbox_root(requests, (pid_t)asked->pid)) {
		errno = EPERM;
		return -1;
	}
	switch (call) {
	case CALLS_MOUNT:
		return answer_mount(requests, asked);
	case CALLS_UMOUNT2:
	case CALLS_UMOUNT:
		return answer_umount(requests, asked, call == CALLS_UMOUNT2);
	case CALLS_UNAME:
	case CALLS_OF_MOUNTS:
		break;
	}
	errno = ENOSYS;
	return -1;
}

int requests_answer(struct requests *requests)
{
	struct seccomp_notif asked = { .id = 0 };
	struct seccomp_notif_resp answer = { .error = 0 };

	/* ENOENT: who asked was killed meanwhile. */
	if (ioctl(requests->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
		return errno == EINTR || errno == ENOENT ? 0 : -1;
	answer.id = asked.id;
	if (do_request(requests, &asked) < 0)
		answer.error = -errno;
	ioctl(requests->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return 0;
}
