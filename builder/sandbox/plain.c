/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/plain.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "sandbox/mounts.h"
#include "sandbox/sweep.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Folders of the root in whose place there are others while a program runs; in the order of their bits. */
static const struct {
	const char *name;
	mode_t mode;
} folders[] = {
	{ "proc", 0555 }, { "sys", 0555 }, { "dev", 0755 }, { "run", 0755 }, { "tmp", 01777 },
};

/* In them. */
static const struct {
	const char *path;
	mode_t mode;
} inner_folders[] = {
	{ "dev/fd", 0755 },
	{ "dev/pts", 0755 },
	{ "dev/shm", 01777 },
	{ "run/lock", 01777 },
};

/* Without /proc they lead nowhere; but whoever writes to one is told so, instead of making a file. */
static const struct {
	const char *target;
	const char *path;
} links[] = {
	{ "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" },
};

static int open_aside(struct plain *plain, struct error *e)
{
	if (dir_open(plain->root_fd, "..", &plain->outer_fd, e) < 0)
		return -1;
	snprintf(plain->aside_name, sizeof plain->aside_name, "aside.%d", (int)getpid());
	if (mkdirat(plain->outer_fd, plain->aside_name, 0700) < 0)
		return error_sys(e, "cannot make a folder beside the root");
	return dir_open(plain->outer_fd, plain->aside_name, &plain->aside_fd, e);
}

/* What happens to entries of a folder for kiln's sake does not show in its time. */
static int set_time(int dir_fd, const struct stat *st, struct error *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st->st_mtim };

	return utimensat(dir_fd, ".", times, 0) < 0 ? error_sys(e, "cannot set the time of a folder") : 0;
}

static int stat_folder(int dir_fd, struct stat *st, struct error *e)
{
	return fstat(dir_fd, st) < 0 ? error_sys(e, "cannot stat a folder") : 0;
}

static int make_folder(int dir_fd, const char *path, mode_t mode, struct error *e)
{
	/* mkdir() heeds the umask. */
	if (mkdirat(dir_fd, path, 0700) < 0 || fchmodat(dir_fd, path, mode, 0) < 0)
		return error_sys(e, "cannot make '/%s'", path);
	return 0;
}

static int exchange_folders(struct plain *plain, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (renameat(plain->root_fd, folders[i].name, plain->aside_fd, folders[i].name) < 0)
			return error_sys(e, "cannot move '/%s' out of the root", folders[i].name);
		plain->moved |= 1U << i;
		if (make_folder(plain->root_fd, folders[i].name, folders[i].mode, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(inner_folders); i++)
		if (make_folder(plain->root_fd, inner_folders[i].path, inner_folders[i].mode, e) < 0)
			return -1;
	return 0;
}

/* Of the same kind as those of the container. */
static int fill_dev(const struct plain *plain, struct error *e)
{
	for (size_t i = 0; i < inside_device_count; i++) {
		const char *path = inside_devices[i] + 1;
		struct stat st;

		if (stat(inside_devices[i], &st) < 0 || !S_ISCHR(st.st_mode))
			return error_sys(e, "cannot use this container's '%s'", inside_devices[i]);
		if (mknodat(plain->root_fd, path, S_IFCHR | 0600, st.st_rdev) < 0 ||
		    fchmodat(plain->root_fd, path, 0666, 0) < 0)
			return error_sys(e, "cannot make the device node '%s'", inside_devices[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, plain->root_fd, links[i].path) < 0)
			return error_sys(e, "cannot make '/%s'", links[i].path);
	return 0;
}

/* What is open for writing cannot be executed: only the file's number is kept from being used again. */
static int write_item(struct plain_item *item, int flags, struct error *e)
{
	const struct stand_in *stand_in = item->stand_in;
	const char *name = strrchr(stand_in->path, '/') + 1;
	auto_close int fd = openat(item->parent_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		return error_sys(e, "cannot write '%s'", stand_in->path);
	item->fd = openat(item->parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (item->fd < 0)
		return error_sys(e, "cannot open '%s'", stand_in->path);
	if (file_write_fd(fd, stand_in->content, stand_in->len, e) < 0)
		return -1;
	return fchmod(fd, stand_in->mode) < 0 ? error_sys(e, "cannot set a mode") : 0;
}

static void aside_name(const struct plain *plain, const struct plain_item *item, char name[32])
{
	snprintf(name, 32, "stand-in.%zu", (size_t)(item - plain->items));
}

/* That a placeholder comes and goes shows in its folder's time, as with mounts; what is moved away does not. */
static int put_item(struct plain *plain, struct plain_item *item, struct error *e)
{
	char moved_name[32];
	const char *name;
	struct stat st;

	if (root_open_parent(plain->root_fd, item->stand_in->path, &item->parent_fd, &name, e) < 0)
		return -1;
	if (item->stand_in->placeholder_fd >= 0)
		return write_item(item, 0, e);
	aside_name(plain, item, moved_name);
	if (stat_folder(item->parent_fd, &st, e) < 0)
		return -1;
	if (renameat(item->parent_fd, name, plain->aside_fd, moved_name) < 0)
		return error_sys(e, "cannot move '%s' out of the root", item->stand_in->path);
	item->moved = true;
	if (write_item(item, O_CREAT | O_EXCL, e) < 0)
		return -1;
	return set_time(item->parent_fd, &st, e);
}

static int put_stand_ins(struct plain *plain, const struct stand_ins *stand_ins, struct error *e)
{
	plain->items = xcalloc(stand_ins->count + 1, sizeof *plain->items);
	for (size_t i = 0; i < stand_ins->count; i++) {
		const struct stand_in *stand_in = &stand_ins->items[i];
		struct plain_item *item = &plain->items[plain->count];

		if (stand_in->in_memory) { /* in the new /run or /tmp, and gone with it */
			auto_free char *folder = xstrndup(
				stand_in->path, (size_t)(strrchr(stand_in->path, '/') - stand_in->path));

			if (root_make_dirs(plain->root_fd, folder, 0755, e) < 0 ||
			    root_write(plain->root_fd, stand_in->path, stand_in->content, stand_in->len,
				       stand_in->mode, 0, 0, e) < 0)
				return -1;
			continue;
		}
		*item = (struct plain_item) { .stand_in = stand_in, .parent_fd = -1, .fd = -1 };
		plain->count++;
		if (put_item(plain, item, e) < 0)
			return error_wrap(e, "cannot put a stand-in at '%s'", stand_in->path);
	}
	return 0;
}

int plain_prepare(int root_fd, const struct stand_ins *stand_ins, const char *script, struct plain *plain,
		  struct error *e)
{
	struct stat st;

	plain->root_fd = root_fd;
	if (open_aside(plain, e) < 0 || stat_folder(root_fd, &st, e) < 0 || exchange_folders(plain, e) < 0 ||
	    fill_dev(plain, e) < 0 || set_time(root_fd, &st, e) < 0)
		return -1;
	if (script && root_write(root_fd, INSIDE_SCRIPT_PATH, script, strlen(script), 0700, 0, 0, e) < 0)
		return -1;
	return put_stand_ins(plain, stand_ins, e);
}

/* Whether the name is that of what was put there. */
static bool is_name_of(const struct plain_item *item, int parent_fd, const char *name)
{
	struct stat made;
	struct stat now;

	return item->fd >= 0 && fstat(item->fd, &made) == 0 &&
	       fstatat(parent_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && made.st_ino == now.st_ino &&
	       made.st_dev == now.st_dev;
}

/* Where FD is now, as this process sees it; false when it has no name any more. */
static bool find_path(int fd, char path[LIMIT_PATH_BYTES])
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, LIMIT_PATH_BYTES - 1);
	if (len <= 0)
		return false;
	path[len] = '\0';
	return true;
}

/*
 * Nothing is mounted on a stand-in, so a program may rename it, as dpkg-divert and usrmerge do. What it means is the
 * root's own file: *parent_fd and *name become the place where that belongs, NAME a part of PATH. False: there is
 * none.
 */
static bool find_renamed(const struct plain *plain, const struct plain_item *item,
			 char path[LIMIT_PATH_BYTES], int *parent_fd, const char **name)
{
	char root[LIMIT_PATH_BYTES];
	struct error ignored = ERROR_INIT;
	size_t len;

	if (item->fd < 0 || !find_path(plain->root_fd, root) || !find_path(item->fd, path))
		return false;
	len = strlen(root);
	if (!is_prefix(path, root) || path[len] != '/')
		return false;
	if (root_open_parent(plain->root_fd, path + len, parent_fd, name, &ignored) < 0) {
		error_clear(&ignored);
		return false;
	}
	return is_name_of(item, *parent_fd, *name);
}

static int take_item(const struct plain *plain, struct plain_item *item, struct error *e)
{
	const char *name = strrchr(item->stand_in->path, '/') + 1;
	char path[LIMIT_PATH_BYTES];
	auto_close int other_fd = -1;
	int parent_fd = item->parent_fd;
	char moved_name[32];
	struct stat st;

	if (!is_name_of(item, parent_fd, name)) {
		if (find_renamed(plain, item, path, &other_fd, &name))
			parent_fd = other_fd;
		else if (!item->moved || item->fd >= 0)
			return 0; /* a program has replaced or removed it, and the root's own with it */
	}
	if (!item->moved)
		return unlinkat(parent_fd, name, 0) < 0
			       ? error_sys(e, "cannot remove '%s'", item->stand_in->path)
			       : 0;
	aside_name(plain, item, moved_name);
	if (stat_folder(parent_fd, &st, e) < 0)
		return -1;
	if (renameat(plain->aside_fd, moved_name, parent_fd, name) < 0)
		return error_sys(e, "cannot put '%s' back", item->stand_in->path);
	item->moved = false;
	return set_time(parent_fd, &st, e);
}

static int put_folders_back(struct plain *plain, struct error *e)
{
	struct stat st;

	if (!plain->moved)
		return 0;
	if (stat_folder(plain->root_fd, &st, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (!(plain->moved & 1U << i))
			continue;
		if (root_remove(plain->root_fd, folders[i].name, e) < 0)
			return -1;
		if (renameat(plain->aside_fd, folders[i].name, plain->root_fd, folders[i].name) < 0)
			return error_sys(e, "cannot put '/%s' back", folders[i].name);
		plain->moved &= ~(1U << i);
	}
	return set_time(plain->root_fd, &st, e);
}

static void item_release(struct plain_item *item)
{
	if (item->parent_fd >= 0)
		close(TAKE(item->parent_fd, -1));
	if (item->fd >= 0)
		close(TAKE(item->fd, -1));
}

int plain_finish(struct plain *plain, struct error *e)
{
	struct error first = ERROR_INIT;
	struct error local = ERROR_INIT;

	for (size_t i = plain->count; i > 0; i--) {
		struct plain_item *item = &plain->items[i - 1];

		if (item->parent_fd < 0)
			continue;
		if (take_item(plain, item, &local) == 0)
			item_release(item);
		else if (first.kind == ERROR_NONE)
			first = local;
	}
	if (put_folders_back(plain, &local) < 0 && first.kind == ERROR_NONE)
		first = local;
	/* With an error it keeps what could not be put back. */
	if (plain->aside_fd >= 0 && first.kind == ERROR_NONE &&
	    root_remove(plain->outer_fd, plain->aside_name, &local) < 0)
		first = local;
	if (first.kind == ERROR_NONE)
		return 0;
	*e = first;
	return -1;
}

void plain_release(struct plain *plain)
{
	struct error ignored = ERROR_INIT;

	if (plain->root_fd >= 0 && plain_finish(plain, &ignored) < 0)
		error_clear(&ignored);
	for (size_t i = 0; i < plain->count; i++)
		item_release(&plain->items[i]);
	free(TAKE(plain->items, NULL));
	auto_close_(&plain->aside_fd);
	auto_close_(&plain->outer_fd);
	*plain = PLAIN_INIT;
}

/* Everything that it leaves becomes a child of this process, however often it forks. */
static noreturn void guard_main(const struct inside *inside)
{
	int sockets[2];
	sigset_t signals;
	pid_t program;

	inside_reset_signals();
	/* Who awaits them is not interrupted by them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (inside_tie(inside, SIGTERM) < 0 || setsid() < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		inside_fail(inside->report_fd, false, "cannot start a session", NULL);
	umask(022);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		inside_fail(inside->report_fd, false, "cannot make a socket", NULL);
	program = _Fork();
	if (program < 0)
		inside_fail(inside->report_fd, false, "cannot start a process", NULL);
	if (program == 0) {
		inside_reset_signals();
		inside_program(inside, inside->root_tree_fd, sockets[1]);
	}
	/* Nothing else may be held open here: kiln reads the output to its end. */
	if (dup2(sockets[0], STDIN_FILENO) < 0 || syscall(SYS_close_range, 1U, ~0U, 0) < 0)
		_exit(1);
	sweep_behind(program, &signals, STDIN_FILENO, inside->signal);
}

int plain_start(const struct inside *inside, pid_t *pid, int *pid_fd, struct error *e)
{
	sigset_t stop;
	sigset_t before;

	/* Until the child has reset them, kiln's own handlers would swallow what plain_stop() sends. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, &before);
	*pid = fork();
	if (*pid == 0)
		guard_main(inside);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (*pid < 0)
		return error_sys(e, "cannot start a process");
	*pid_fd = (int)syscall(SYS_pidfd_open, *pid, 0);
	return *pid_fd < 0 ? error_sys(e, "cannot watch a process") : 0;
}

void plain_stop(pid_t pid)
{
	int keep = errno;

	if (pid > 0) {
		kill(pid, SIGTERM);
		kill(pid, SIGCONT); /* a program may have stopped it */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	errno = keep;
}
