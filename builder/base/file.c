/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { TEMPORARY_TRIES_MAX = 16 };

ssize_t file_read_some(int fd, void *data, size_t room, struct error *e)
{
	ssize_t got;

	do
		got = read(fd, data, room);
	while (got < 0 && errno == EINTR);
	return got < 0 ? error_sys(e, "cannot read") : got;
}

int file_read_fd(int fd, uint64_t max_bytes, char **data, size_t *len, struct error *e)
{
	auto_free char *text = NULL;
	size_t room = 0;
	size_t used = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot stat");
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
		return error_set(e, ERROR_FORMAT, "has %lld bytes, more than the limit of %llu",
				 (long long)st.st_size, (unsigned long long)max_bytes);
	room = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 4096;
	text = xmalloc(room + 1);
	for (;;) {
		ssize_t got = file_read_some(fd, text + used, room - used, e);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > max_bytes)
			return error_set(e, ERROR_FORMAT, "has more than the limit of %llu bytes",
					 (unsigned long long)max_bytes);
		if (used == room) {
			room *= 2;
			text = xrealloc(text, room + 1);
		}
	}
	text[used] = '\0';
	*data = TAKE(text, NULL);
	if (len)
		*len = used;
	return 0;
}

int file_read(int dir_fd, const char *path, uint64_t max_bytes, char **data, size_t *len, struct error *e)
{
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (file_read_fd(fd, max_bytes, data, len, e) < 0)
		return error_wrap(e, "file '%s'", path);
	return 0;
}

int file_write_fd(int fd, const void *data, size_t len, struct error *e)
{
	const char *from = data;

	while (len) {
		ssize_t put = write(fd, from, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_sys(e, "cannot write");
		from += put;
		len -= (size_t)put;
	}
	return 0;
}

/* A name for a file that is not yet whole: hidden, and new with all likelihood; malloc'ed. */
static int temporary_name(const char *name, char **temporary, struct error *e)
{
	uint32_t random;

	if (getrandom(&random, sizeof random, 0) < 0)
		return error_sys(e, "cannot get random bytes");
	*temporary = xasprintf(".%s.%08x", name, random);
	return 0;
}

int file_pending_open_named(int dir_fd, const char *name, unsigned mode, struct file_pending *out,
			    struct error *e)
{
	auto_pending struct file_pending pending = FILE_PENDING_INIT;

	pending.dir_fd = dir_fd;
	pending.name = xstrdup(name);
	for (int attempt = 0; attempt < TEMPORARY_TRIES_MAX && pending.fd < 0; attempt++) {
		auto_free char *temporary = NULL;

		if (temporary_name(name, &temporary, e) < 0)
			return -1;
		pending.fd =
			openat(dir_fd, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (pending.fd >= 0)
			pending.temporary = TAKE(temporary, NULL);
		else if (errno != EEXIST)
			break;
	}
	if (pending.fd < 0)
		return error_sys(e, "cannot create '%s'", name);
	*out = TAKE(pending, FILE_PENDING_INIT);
	return 0;
}

int file_pending_open(int dir_fd, const char *name, unsigned mode, struct file_pending *out, struct error *e)
{
	int fd = openat(dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, mode);

	/* Not every file system has these; whatever else is wrong is wrong with a named one too. */
	if (fd < 0)
		return file_pending_open_named(dir_fd, name, mode, out, e);
	*out = (struct file_pending) { .dir_fd = dir_fd, .fd = fd, .name = xstrdup(name) };
	return 0;
}

/* Give a file that has none a temporary name: link() alone could not replace an older file. */
static int give_name(struct file_pending *pending, struct error *e)
{
	auto_free char *temporary = NULL;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", pending->fd);
	if (temporary_name(pending->name, &temporary, e) < 0)
		return -1;
	if (linkat(AT_FDCWD, path, pending->dir_fd, temporary, AT_SYMLINK_FOLLOW) < 0)
		return error_sys(e, "cannot name '%s'", pending->name);
	pending->temporary = TAKE(temporary, NULL);
	return 0;
}

int file_pending_sync(struct file_pending *pending, struct error *e)
{
	if (fsync(pending->fd) < 0)
		return error_sys(e, "cannot write '%s'", pending->name);
	pending->synced = true;
	return 0;
}

int file_pending_commit(struct file_pending *pending, struct error *e)
{
	if (!pending->synced && file_pending_sync(pending, e) < 0)
		return -1;
	if (!pending->temporary && give_name(pending, e) < 0)
		return -1;
	if (renameat(pending->dir_fd, pending->temporary, pending->dir_fd, pending->name) < 0)
		return error_sys(e, "cannot rename to '%s'", pending->name);
	free(TAKE(pending->temporary, NULL));
	/* The name itself must last too; a file system that cannot sync a folder is no reason to fail. */
	(void)fsync(pending->dir_fd);
	return 0;
}

void file_pending_release(struct file_pending *pending)
{
	if (pending->temporary)
		unlinkat(pending->dir_fd, pending->temporary, 0);
	auto_close_(&pending->fd);
	free(pending->name);
	free(pending->temporary);
	*pending = FILE_PENDING_INIT;
}

int file_replace(int dir_fd, const char *name, const void *data, size_t len, unsigned mode, struct error *e)
{
	auto_pending struct file_pending pending = FILE_PENDING_INIT;

	if (file_pending_open(dir_fd, name, mode, &pending, e) < 0)
		return -1;
	if (file_write_fd(pending.fd, data, len, e) < 0)
		return error_wrap(e, "file '%s'", name);
	return file_pending_commit(&pending, e);
}

int dir_make(const char *path, struct error *e)
{
	auto_free char *copy = xstrdup(path);
	size_t len = strlen(copy);

	for (size_t i = 1; i <= len; i++) {
		if (copy[i] != '/' && copy[i] != '\0')
			continue;
		copy[i] = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return error_sys(e, "cannot create folder '%s'", copy);
		copy[i] = path[i];
	}
	return 0;
}

int dir_open(int dir_fd, const char *path, int *fd, struct error *e)
{
	int opened = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (opened < 0)
		return error_sys(e, "cannot open folder '%s'", path);
	*fd = opened;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dir_list(int dir_fd, char ***names, size_t *count, struct error *e)
{
	auto_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = NULL;
	char **list = NULL;
	size_t used = 0;
	const struct dirent *entry;

	if (fd < 0 || !(dir = fdopendir(fd)))
		return error_sys(e, "cannot open folder");
	fd = -1; /* DIR owns it now */
	errno = 0;
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			PUSH(list, used, xstrdup(entry->d_name));
		errno = 0;
	}
	if (errno) {
		error_sys(e, "cannot read folder");
		names_free(list, used);
		return -1;
	}
	if (used)
		qsort(list, used, sizeof *list, compare_names);
	*names = list;
	*count = used;
	return 0;
}

void names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}
