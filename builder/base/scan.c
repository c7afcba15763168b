/* SPDX-License-Identifier: Apache-2.0 */
#include "base/scan.h"

#include "base/file.h"
#include "base/interrupt.h"

#include <fcntl.h>

/* Each level holds a descriptor, and a process usually may have 1024. */
enum { SCAN_DEPTH_MAX = 500 };

struct scan {
	scan_fn visit;
	void *context;
	struct buffer path;
	unsigned depth;
};

static int scan_folder(struct scan *scan, int dir_fd, struct error *e);

/* NAME in DIR_FD; the path is that of the folder. */
static int scan_name(struct scan *scan, int dir_fd, const char *name, struct error *e)
{
	struct scan_entry entry = { .dir_fd = dir_fd, .name = name };
	auto_close int fd = -1;

	if (scan->path.len)
		buffer_addc(&scan->path, '/');
	buffer_adds(&scan->path, name);
	entry.path = scan->path.data;
	if (interrupt_check(e) < 0)
		return -1;
	if (fstatat(dir_fd, name, &entry.st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat '/%s'", entry.path);
	if (scan->visit(scan->context, &entry, e) < 0)
		return e->kind == ERROR_INTERRUPTED ? -1 : error_wrap(e, "'/%s'", entry.path);
	if (!S_ISDIR(entry.st.st_mode))
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open folder '/%s'", entry.path);
	return scan_folder(scan, fd, e);
}

static int scan_folder(struct scan *scan, int dir_fd, struct error *e)
{
	size_t path_len = scan->path.len;
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (++scan->depth > SCAN_DEPTH_MAX)
		return error_set(e, ERROR_FORMAT, "folders are nested more than %d deep", SCAN_DEPTH_MAX);
	if (dir_list(dir_fd, &names, &count, e) < 0)
		return error_wrap(e, "'/%s'", scan->path.data ? scan->path.data : "");
	for (size_t i = 0; i < count && result == 0; i++) {
		result = scan_name(scan, dir_fd, names[i], e);
		scan->path.len = path_len;
		scan->path.data[path_len] = '\0';
	}
	names_free(names, count);
	scan->depth--;
	return result;
}

int scan_tree(int root_fd, scan_fn visit, void *context, struct error *e)
{
	struct scan scan = { .visit = visit, .context = context };
	struct scan_entry entry = { .path = "", .dir_fd = root_fd, .name = "." };
	int result;

	if (fstat(root_fd, &entry.st) < 0)
		return error_sys(e, "cannot stat a folder");
	if (visit(context, &entry, e) < 0)
		return -1;
	result = scan_folder(&scan, root_fd, e);
	buffer_release(&scan.path);
	return result;
}
