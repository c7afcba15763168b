/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/proc_view.h"

#include "base/limits.h"
#include "base/root.h"
#include "sandbox/inside.h"
#include "sandbox/requests.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

enum { NAME_MAX_BYTES = 256, VALUE_MAX_BYTES = 64 * 1024 };

/* A call that waits: who asks, and what for. */
struct asked {
	pid_t pid;
	int listener_fd;
	uint64_t id;
	const __u64 *rest;           /* the arguments behind the path */
	char path[LIMIT_PATH_BYTES]; /* as this process sees it */
	bool answered;               /* by a descriptor */
};

/* Each returns what the call shall, or -1 and errno. */
static int64_t do_open(struct asked *asked);
static int64_t do_read_link(struct asked *asked);
static int64_t do_statfs(struct asked *asked);
static int64_t do_chmod(struct asked *asked);
static int64_t do_access(struct asked *asked);
static int64_t do_access_by_flags(struct asked *asked);
static int64_t do_stat(struct asked *asked);
static int64_t do_lstat(struct asked *asked);
static int64_t do_stat_at(struct asked *asked);
static int64_t do_statx(struct asked *asked);
static int64_t do_get_xattr(struct asked *asked);
static int64_t do_set_xattr(struct asked *asked);
static int64_t do_utime(struct asked *asked);

static const struct row {
	const char *name;
	int number;
	unsigned path_at; /* which argument it is */
	int64_t (*answer)(struct asked *asked);
} rows[] = {
#ifdef SYS_open
	{ "open", SYS_open, 0, do_open },
	{ "readlink", SYS_readlink, 0, do_read_link },
	{ "chmod", SYS_chmod, 0, do_chmod },
	{ "stat", SYS_stat, 0, do_stat },
	{ "lstat", SYS_lstat, 0, do_lstat },
	{ "access", SYS_access, 0, do_access },
#endif
	{ "openat", SYS_openat, 1, do_open },
	{ "readlinkat", SYS_readlinkat, 1, do_read_link },
	{ "fchmodat", SYS_fchmodat, 1, do_chmod },
	{ "newfstatat", SYS_newfstatat, 1, do_stat_at },
	{ "statx", SYS_statx, 1, do_statx },
	{ "faccessat", SYS_faccessat, 1, do_access },
	{ "faccessat2", SYS_faccessat2, 1, do_access_by_flags }, /* test -r of dash */
	{ "statfs", SYS_statfs, 0, do_statfs },
	{ "getxattr", SYS_getxattr, 0, do_get_xattr },
	{ "setxattr", SYS_setxattr, 0, do_set_xattr },
	{ "utimensat", SYS_utimensat, 1, do_utime },
	{ "uname", SYS_uname, 0, NULL },
};

int proc_view_prepare(struct calls *calls, struct error *e)
{
	struct calls_listened list[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct calls_listened) { rows[i].name, rows[i].path_at == 1 };
	return calls_prepare_listener(list, ARRAY_LEN(rows), calls, e);
}

static int read_memory(pid_t pid, uint64_t address, void *data, size_t len)
{
	struct iovec here = { data, len };
	struct iovec there = { (char *)(uintptr_t)address, len };

	if (process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)len)
		return 0;
	errno = EFAULT;
	return -1;
}

static int write_memory(pid_t pid, uint64_t address, const void *data, size_t len)
{
	struct iovec here = { (char *)(uintptr_t)data, len };
	struct iovec there = { (char *)(uintptr_t)address, len };

	if (len == 0 || process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)len)
		return 0;
	errno = EFAULT;
	return -1;
}

/* PATH without what stands for no part of it. */
static const char *next_part(const char *path)
{
	for (;;) {
		path += strspn(path, "/");
		if (path[0] != '.' || (path[1] && path[1] != '/'))
			return path;
		path++;
	}
}

/* What is behind the part NAME that PATH begins with, or NULL. */
static const char *behind_part(const char *path, const char *name)
{
	size_t len = strlen(name);

	return is_prefix(path, name) && (!path[len] || path[len] == '/') ? path + len : NULL;
}

/* Where PATH, as a program of the root writes it, leads to in this process's /proc; false: not into it. */
static bool lead(const char *path, struct asked *asked)
{
	static const char *const streams[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };
	const char *rest;
	const char *own;

	/* Up from /proc there is another root here. */
	if (!path_is_safe(text_of(path)))
		return false;
	for (int i = 0; i < (int)ARRAY_LEN(streams); i++)
		if (strcmp(path, streams[i]) == 0)
			return snprintf(asked->path, sizeof asked->path, "/proc/%d/fd/%d", (int)asked->pid,
					i) > 0;
	if (is_prefix(path, "/dev/fd/") && strcmp(path, INSIDE_SCRIPT_PATH) != 0)
		return snprintf(asked->path, sizeof asked->path, "/proc/%d/fd/%s", (int)asked->pid,
				path + strlen("/dev/fd/")) > 0;
	rest = behind_part(path, "/proc");
	if (!rest)
		return false;
	rest = next_part(rest);
	own = behind_part(rest, "self");
	if (!own)
		own = behind_part(rest, "thread-self");
	if (own)
		snprintf(asked->path, sizeof asked->path, "/proc/%d%s", (int)asked->pid, own);
	else
		snprintf(asked->path, sizeof asked->path, "/proc/%s", rest);
	return true;
}

/* A pipe must not keep this process waiting, on whom all others wait. */
static int open_here(const struct asked *asked, int flags, mode_t mode)
{
	bool waits = !(flags & (O_NONBLOCK | O_PATH));
	int fd = open(asked->path, flags | O_CLOEXEC | O_NOCTTY | (waits ? O_NONBLOCK : 0), mode);

	if (fd >= 0 && waits)
		(void)!fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static int64_t do_open(struct asked *asked)
{
	int flags = (int)asked->rest[0];
	auto_close int fd = open_here(asked, flags, (mode_t)asked->rest[1]);
	struct seccomp_notif_addfd added = { .id = asked->id,
					     .flags = SECCOMP_ADDFD_FLAG_SEND,
					     .srcfd = (unsigned)fd,
					     .newfd_flags = (unsigned)(flags & O_CLOEXEC) };
	int given;

	if (fd < 0)
		return -1;
	given = ioctl(asked->listener_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
	asked->answered = given >= 0;
	if (given >= 0 || errno != EINVAL)
		return given;
	added.flags = 0; /* before Linux 5.14: two steps */
	return ioctl(asked->listener_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
}

/* Of a path that this process sees PATH, the part that the program does, in its own root. */
static const char *without_root(pid_t pid, const char *path)
{
	char link[32];
	char root[LIMIT_PATH_BYTES];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/%d/root", (int)pid);
	len = readlink(link, root, sizeof root - 1);
	if (len <= 1)
		return path;
	root[len] = '\0';
	if (!is_prefix(path, root) || (path[len] && path[len] != '/'))
		return path;
	return path[len] ? path + len : "/";
}

static int64_t do_read_link(struct asked *asked)
{
	char text[LIMIT_PATH_BYTES];
	ssize_t len = readlink(asked->path, text, sizeof text - 1);
	const char *seen;

	if (len < 0)
		return -1;
	text[len] = '\0';
	seen = without_root(asked->pid, text);
	len = (ssize_t)strlen(seen);
	if ((uint64_t)len > asked->rest[1])
		len = (ssize_t)asked->rest[1];
	return write_memory(asked->pid, asked->rest[0], seen, (size_t)len) < 0 ? -1 : len;
}

static int64_t do_statfs(struct asked *asked)
{
	struct statfs fs;

	if (statfs(asked->path, &fs) < 0)
		return -1;
	return write_memory(asked->pid, asked->rest[0], &fs, sizeof fs);
}

static int64_t do_chmod(struct asked *asked)
{
	return chmod(asked->path, (mode_t)asked->rest[0]);
}

static int64_t do_access(struct asked *asked)
{
	return access(asked->path, (int)asked->rest[0]);
}

static int64_t do_access_by_flags(struct asked *asked)
{
	return faccessat(AT_FDCWD, asked->path, (int)asked->rest[0], (int)asked->rest[1] & ~AT_EMPTY_PATH);
}

static int64_t give_stat(const struct asked *asked, int flags)
{
	struct stat st;

	if (fstatat(AT_FDCWD, asked->path, &st, flags & AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return write_memory(asked->pid, asked->rest[0], &st, sizeof st);
}

static int64_t do_stat(struct asked *asked)
{
	return give_stat(asked, 0);
}

static int64_t do_lstat(struct asked *asked)
{
	return give_stat(asked, AT_SYMLINK_NOFOLLOW);
}

static int64_t do_stat_at(struct asked *asked)
{
	return give_stat(asked, (int)asked->rest[1]);
}

static int64_t do_statx(struct asked *asked)
{
	struct statx st;

	if (statx(AT_FDCWD, asked->path, (int)asked->rest[0] & ~AT_EMPTY_PATH, (unsigned)asked->rest[1],
		  &st) < 0)
		return -1;
	return write_memory(asked->pid, asked->rest[2], &st, sizeof st);
}

static int64_t do_get_xattr(struct asked *asked)
{
	char name[NAME_MAX_BYTES];
	char value[VALUE_MAX_BYTES];
	size_t size = asked->rest[2] < sizeof value ? (size_t)asked->rest[2] : sizeof value;
	ssize_t len;

	if (requests_read_text(asked->pid, asked->rest[0], name, sizeof name) < 0)
		return -1;
	len = getxattr(asked->path, name, value, size);
	if (len < 0 || size == 0)
		return len;
	return write_memory(asked->pid, asked->rest[1], value, (size_t)len) < 0 ? -1 : len;
}

static int64_t do_set_xattr(struct asked *asked)
{
	char name[NAME_MAX_BYTES];
	char value[VALUE_MAX_BYTES];
	size_t len = (size_t)asked->rest[2];

	if (len > sizeof value) {
		errno = E2BIG;
		return -1;
	}
	if (requests_read_text(asked->pid, asked->rest[0], name, sizeof name) < 0 ||
	    (len && read_memory(asked->pid, asked->rest[1], value, len) < 0))
		return -1;
	return setxattr(asked->path, name, value, len, (int)asked->rest[3]);
}

static int64_t do_utime(struct asked *asked)
{
	struct timespec times[2];

	if (asked->rest[0] && read_memory(asked->pid, asked->rest[0], times, sizeof times) < 0)
		return -1;
	return utimensat(AT_FDCWD, asked->path, asked->rest[0] ? times : NULL, (int)asked->rest[1]);
}

/* True: *value is the result, or -1 with errno. False: the kernel shall go on. */
static bool answer(struct asked *asked, const struct seccomp_notif *notice, int64_t *value)
{
	const struct row *row = rows;
	char path[LIMIT_PATH_BYTES];

	while (row < rows + ARRAY_LEN(rows) && row->number != notice->data.nr)
		row++;
	if (row == rows + ARRAY_LEN(rows))
		return false;
	if (!row->answer) {
		*value = requests_answer_uname(asked->pid, notice->data.args[0]);
		return *value == 0;
	}
	/* What cannot be read is none of ours: its memory, or that of a program with other rights. */
	if (requests_read_text(asked->pid, notice->data.args[row->path_at], path, sizeof path) < 0 ||
	    !lead(path, asked))
		return false;
	asked->rest = &notice->data.args[row->path_at + 1];
	*value = row->answer(asked);
	return true;
}

int proc_view_answer(int listener_fd)
{
	struct seccomp_notif notice = { .id = 0 };
	struct seccomp_notif_resp response = { .error = 0 };
	struct asked asked = { .listener_fd = listener_fd };
	int64_t value = 0;

	/* ENOENT: who asked was killed meanwhile. */
	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
		return errno == EINTR || errno == ENOENT ? 0 : -1;
	asked.id = notice.id;
	asked.pid = (pid_t)notice.pid;
	response.id = notice.id;
	if (!answer(&asked, &notice, &value))
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		response.error = -errno;
	else
		response.val = value;
	if (!asked.answered)
		ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
	return 0;
}
