/* SPDX-License-Identifier: Apache-2.0 */
#include "base/temporary.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/root.h"

#include <fcntl.h>
#include <sys/file.h>

enum { NAME_TRIES_MAX = 100 };

static const char random_part[] = "XXXXXX";

/* Lock the folder FD: 1; 0 when another process has it, or has removed it. */
static int lock_folder(int fd, struct error *e)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : error_sys(e, "cannot lock a folder");
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot stat a folder");
	return st.st_nlink > 0;
}

int temporary_make(const char *folder, const char *prefix, char **path, int *lock_fd, struct error *e)
{
	for (int tries = 0; tries < NAME_TRIES_MAX; tries++) {
		auto_free char *made = xasprintf("%s/%s%s", folder, prefix, random_part);
		auto_close int fd = -1;
		int r;

		if (!mkdtemp(made))
			return error_sys(e, "cannot make a folder in '%s'", folder);
		fd = open(made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? 0 : lock_folder(fd, e);
		if (r < 0) {
			rmdir(made);
			return -1;
		}
		if (r > 0) {
			*path = TAKE(made, NULL);
			*lock_fd = TAKE(fd, -1);
			return 0;
		}
		/* Another process has swept it between mkdtemp() and the lock. */
	}
	return error_set(e, ERROR_SYSTEM, "cannot make a folder in '%s' that lasts", folder);
}

static int sweep_one(int parent_fd, const char *name, bool *swept, struct error *e)
{
	auto_close int fd = -1;
	int r;

	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0; /* gone by now, or no folder of ours */
	r = lock_folder(fd, e);
	if (r <= 0)
		return r;
	*swept = true;
	return root_remove(parent_fd, name, e);
}

void temporary_sweep(const char *folder, const char *prefix, struct log *log)
{
	struct error e = ERROR_INIT;
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;

	if (dir_open(AT_FDCWD, folder, &fd, &e) < 0 || dir_list(fd, &names, &count, &e) < 0) {
		if (log)
			log_warn(log, "cannot look for left-over folders: %s", e.text);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		bool swept = false;

		if (!is_prefix(names[i], prefix) || strlen(names[i]) != strlen(prefix) + strlen(random_part))
			continue;
		if (sweep_one(fd, names[i], &swept, &e) < 0 && log)
			log_warn(log, "cannot remove the left-over folder '%s/%s': %s", folder, names[i],
				 e.text);
		else if (swept && log)
			log_say(log, "removed the left-over folder '%s/%s'", folder, names[i]);
		error_clear(&e);
	}
	names_free(names, count);
}
