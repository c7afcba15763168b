/* SPDX-License-Identifier: Apache-2.0 */
#include "base/root.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

enum { REMOVE_DEPTH_MAX = 1024 };

static int open_in(int root_fd, const char *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	long fd;

	/* EAGAIN: a rename elsewhere in the tree raced with ".."; openat2(2) asks to try again. */
	do
		fd = syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof how);
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)fd;
}

int root_open(int root_fd, const char *path, int flags, unsigned mode, int *fd, struct error *e)
{
	int opened = open_in(root_fd, path, flags, mode);

	if (opened < 0)
		return error_sys(e, "cannot open '%s' in the root", path);
	*fd = opened;
	return 0;
}

int root_try_open(int root_fd, const char *path, int flags, int *fd, struct error *e)
{
	int opened = open_in(root_fd, path, flags, 0);

	if (opened < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (opened < 0)
		return error_sys(e, "cannot open '%s' in the root", path);
	*fd = opened;
	return 1;
}

/* Split PATH: *name is its last part, and the result a malloc'ed copy of what is before. */
static char *parent_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
}

static bool is_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int root_open_parent(int root_fd, const char *path, int *parent_fd, const char **name, struct error *e)
{
	const char *last;
	auto_free char *parent = parent_of(path, &last);

	if (!is_name(last))
		return error_set(e, ERROR_FORMAT, "path '%s' does not end in a name", path);
	if (root_open(root_fd, parent, O_PATH | O_DIRECTORY, 0, parent_fd, e) < 0)
		return -1;
	*name = last;
	return 0;
}

/* As root_open_parent(); 0 when the folder is missing, 1 when it was opened. */
static int try_parent(int root_fd, const char *path, int *parent_fd, const char **name, struct error *e)
{
	auto_free char *parent = parent_of(path, name);

	if (!is_name(*name))
		return error_set(e, ERROR_FORMAT, "path '%s' does not end in a name", path);
	return root_try_open(root_fd, parent, O_PATH | O_DIRECTORY, parent_fd, e);
}

int root_lstat(int root_fd, const char *path, struct stat *st, struct error *e)
{
	auto_close int parent_fd = -1;
	const char *name;
	int r = try_parent(root_fd, path, &parent_fd, &name, e);

	if (r <= 0)
		return r;
	if (fstatat(parent_fd, name, st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : error_sys(e, "cannot stat '%s' in the root", path);
}

int root_read_link(int root_fd, const char *path, char **target, struct error *e)
{
	auto_close int parent_fd = -1;
	const char *name;
	char text[LIMIT_PATH_BYTES];
	struct stat st;
	ssize_t len;
	int r = root_lstat(root_fd, path, &st, e);

	if (r <= 0 || !S_ISLNK(st.st_mode))
		return r < 0 ? -1 : 0;
	if (root_open_parent(root_fd, path, &parent_fd, &name, e) < 0)
		return -1;
	len = readlinkat(parent_fd, name, text, sizeof text);
	if (len < 0)
		return error_sys(e, "cannot read link '%s' in the root", path);
	*target = xstrndup(text, (size_t)len);
	return 1;
}

int root_make_dirs(int root_fd, const char *path, unsigned mode, struct error *e)
{
	auto_free char *copy = xstrdup(path);
	size_t len = strlen(copy);

	for (size_t i = 1; i <= len; i++) {
		auto_close int fd = -1;
		auto_close int parent_fd = -1;
		const char *name;

		if ((copy[i] != '/' && copy[i] != '\0') || copy[i - 1] == '/')
			continue;
		copy[i] = '\0';
		fd = open_in(root_fd, copy, O_PATH | O_DIRECTORY, 0);
		if (fd < 0) {
			if (errno != ENOENT)
				return error_sys(e, "cannot open folder '%s' in the root", copy);
			if (root_open_parent(root_fd, copy, &parent_fd, &name, e) < 0)
				return -1;
			/* mkdirat() obeys the umask, and a root must not depend on who builds it. */
			if (mkdirat(parent_fd, name, mode) < 0 || fchmodat(parent_fd, name, mode, 0) < 0)
				return error_sys(e, "cannot create folder '%s' in the root", copy);
		}
		copy[i] = path[i];
	}
	return 0;
}

int root_read(int root_fd, const char *path, char **data, size_t *len, struct error *e)
{
	auto_close int fd = -1;
	struct stat st;
	int r = root_try_open(root_fd, path, O_RDONLY | O_NONBLOCK, &fd, e);

	if (r <= 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot stat '%s' in the root", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERROR_FORMAT, "'%s' in the root is no regular file", path);
	if (file_read_fd(fd, LIMIT_FILE_TEXT_BYTES, data, len, e) < 0)
		return error_wrap(e, "'%s' in the root", path);
	return 1;
}

/* What a new file receives: LEN bytes of DATA, or with SOURCE_FD >= 0 what is left to read there. */
struct content {
	const void *data;
	size_t len;
	int source_fd;
};

static int fill(int fd, const struct content *content, struct error *e)
{
	if (content->source_fd < 0)
		return file_write_fd(fd, content->data, content->len, e);
	for (;;) {
		char block[64 * KIB];
		ssize_t len = file_read_some(content->source_fd, block, sizeof block, e);

		if (len <= 0)
			return (int)len;
		if (interrupt_check(e) < 0 || file_write_fd(fd, block, (size_t)len, e) < 0)
			return -1;
	}
}

static int write_new(int root_fd, const char *path, const struct content *content, unsigned mode, uid_t uid,
		     gid_t gid, struct error *e)
{
	auto_close int parent_fd = -1;
	auto_close int fd = -1;
	auto_free char *temporary = NULL;
	const char *name;

	if (root_open_parent(root_fd, path, &parent_fd, &name, e) < 0)
		return -1;
	temporary = xasprintf(".%.200s.kiln-new", name);
	if (unlinkat(parent_fd, temporary, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '%s' in the root", temporary);
	fd = openat(parent_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "cannot create '%s' in the root", path);
	/* Owner before mode: chown() drops set-uid bits. */
	if (fill(fd, content, e) < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0 ||
	    renameat(parent_fd, temporary, parent_fd, name) < 0) {
		if (e->kind == ERROR_NONE)
			error_sys(e, "cannot set owner and mode");
		unlinkat(parent_fd, temporary, 0);
		return error_wrap(e, "cannot write '%s' in the root", path);
	}
	return 0;
}

int root_write(int root_fd, const char *path, const void *data, size_t len, unsigned mode, uid_t uid,
	       gid_t gid, struct error *e)
{
	struct content content = { .data = data, .len = len, .source_fd = -1 };

	return write_new(root_fd, path, &content, mode, uid, gid, e);
}

int root_copy(int root_fd, const char *path, int source_fd, unsigned mode, uid_t uid, gid_t gid,
	      struct error *e)
{
	struct content content = { .source_fd = source_fd };

	return write_new(root_fd, path, &content, mode, uid, gid, e);
}

int root_write_text(int root_fd, const char *path, const char *text, struct error *e)
{
	return root_write(root_fd, path, text, strlen(text), 0644, 0, 0, e);
}

static int remove_below(int dir_fd, unsigned depth, struct error *e)
{
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (depth > REMOVE_DEPTH_MAX)
		return error_set(e, ERROR_FORMAT, "folders are nested more than %d deep", REMOVE_DEPTH_MAX);
	if (dir_list(dir_fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_close int child = -1;

		if (unlinkat(dir_fd, names[i], 0) == 0)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			result = error_sys(e, "cannot remove '%s'", names[i]);
			break;
		}
		child = openat(dir_fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			result = error_sys(e, "cannot open folder '%s'", names[i]);
		else if (remove_below(child, depth + 1, e) < 0)
			result = error_wrap(e, "in '%s'", names[i]);
		else if (unlinkat(dir_fd, names[i], AT_REMOVEDIR) < 0)
			result = error_sys(e, "cannot remove folder '%s'", names[i]);
	}
	names_free(names, count);
	return result;
}

int root_empty_dir(int root_fd, const char *path, struct error *e)
{
	auto_close int fd = -1;
	int r = root_try_open(root_fd, path, O_RDONLY | O_DIRECTORY, &fd, e);

	if (r <= 0)
		return r;
	return remove_below(fd, 0, e) < 0 ? error_wrap(e, "cannot empty '%s' in the root", path) : 0;
}

int root_remove(int root_fd, const char *path, struct error *e)
{
	auto_close int parent_fd = -1;
	auto_close int dir_fd = -1;
	const char *name;
	int r = try_parent(root_fd, path, &parent_fd, &name, e);

	if (r <= 0)
		return r;
	if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_sys(e, "cannot remove '%s' in the root", path);
	dir_fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return error_sys(e, "cannot open '%s' in the root", path);
	if (remove_below(dir_fd, 0, e) < 0)
		return error_wrap(e, "cannot remove '%s' in the root", path);
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		return error_sys(e, "cannot remove '%s' in the root", path);
	return 0;
}

bool path_is_safe(struct text path)
{
	struct text rest = path;

	if (path.len == 0 || path.len >= LIMIT_PATH_BYTES || memchr(path.ptr, '\0', path.len))
		return false;
	while (rest.ptr) {
		struct text part = text_cut(rest, '/', &rest);

		if (text_is(part, ".."))
			return false;
	}
	return true;
}
