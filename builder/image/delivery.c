/* SPDX-License-Identifier: Apache-2.0 */
#include "image/delivery.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/root.h"
#include "base/temporary.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/file.h>

int delivery_add(struct delivery *delivery, const char *name, int *fd, struct error *e)
{
	struct file_pending *file = &delivery->files[delivery->count];

	assert(delivery->count < DELIVERY_FILE_MAX);
	if (file_pending_open(delivery->folder_fd, name, 0644, file, e) < 0)
		return -1;
	delivery->count++;
	*fd = file->fd;
	return 0;
}

int delivery_add_text(struct delivery *delivery, const char *name, const void *text, size_t len,
		      struct error *e)
{
	int fd;

	if (delivery_add(delivery, name, &fd, e) < 0)
		return -1;
	return file_write_fd(fd, text, len, e) < 0 ? error_wrap(e, "file '%s'", name) : 0;
}

void delivery_add_old(struct delivery *delivery, const char *name)
{
	assert(delivery->old_count < DELIVERY_OLD_MAX);
	delivery->old[delivery->old_count++] = xstrdup(name);
}

void delivery_drop(struct delivery *delivery, size_t count)
{
	while (delivery->count > count)
		file_pending_release(&delivery->files[--delivery->count]);
}

int delivery_fd(const struct delivery *delivery, const char *name)
{
	for (size_t i = 0; i < delivery->count; i++)
		if (strcmp(delivery->files[i].name, name) == 0)
			return delivery->files[i].fd;
	return -1;
}

/* 0 for what may be replaced by a folder: nothing, or an image in a folder. */
static int check_old(int folder_fd, const char *name, struct error *e)
{
	auto_close int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat metadata;
	struct stat root;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && fstatat(fd, "metadata.yaml", &metadata, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(fd, "rootfs", &root, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(metadata.st_mode) &&
	    S_ISDIR(root.st_mode))
		return 0;
	return error_set(e, ERROR_USAGE,
			 "'%s' is there already and is no folder with metadata.yaml and rootfs: move it away",
			 name);
}

int delivery_add_folder(struct delivery *delivery, const char *name, int *fd, struct error *e)
{
	auto_free char *above = xasprintf("/proc/self/fd/%d", delivery->folder_fd);
	auto_free char *prefix = xasprintf(".%s.", name);
	auto_free char *path = NULL;

	assert(!delivery->folder_name);
	if (check_old(delivery->folder_fd, name, e) < 0)
		return -1;
	temporary_sweep(above, prefix, NULL);
	if (temporary_make(above, prefix, &path, &delivery->content_fd, e) < 0)
		return -1;
	delivery->folder_name = xstrdup(name);
	delivery->temporary = xstrdup(strrchr(path, '/') + 1);
	*fd = delivery->content_fd;
	return 0;
}

/* What was there takes the temporary name, and goes. */
static int commit_folder(struct delivery *delivery, struct error *e)
{
	auto_free char *temporary = NULL;

	if (!delivery->temporary)
		return 0;
	if (fchmod(delivery->content_fd, 0755) < 0 ||
	    check_old(delivery->folder_fd, delivery->folder_name, e) < 0)
		return e->kind ? -1 : error_sys(e, "cannot set the mode of '%s'", delivery->folder_name);
	if (renameat2(delivery->folder_fd, delivery->temporary, delivery->folder_fd, delivery->folder_name,
		      RENAME_NOREPLACE) == 0) {
		free(TAKE(delivery->temporary, NULL));
		return 0;
	}
	if (errno != EEXIST || renameat2(delivery->folder_fd, delivery->temporary, delivery->folder_fd,
					 delivery->folder_name, RENAME_EXCHANGE) < 0)
		return error_sys(e, "cannot rename a folder to '%s'", delivery->folder_name);
	temporary = TAKE(delivery->temporary, NULL);
	return root_remove(delivery->folder_fd, temporary, e);
}

int delivery_lock(struct delivery *delivery, struct error *e)
{
	/* A file system that knows no locks is no reason to fail. */
	while (flock(delivery->folder_fd, LOCK_EX) < 0 && errno == EINTR)
		if (interrupt_check(e) < 0)
			return -1;
	return 0;
}

static int sync_file(void *context, size_t index, struct error *e)
{
	struct file_pending *file = &((struct delivery *)context)->files[index];

	return file->synced ? 0 : file_pending_sync(file, e);
}

int delivery_sync(struct delivery *delivery, struct error *e)
{
	if (delivery->temporary && syncfs(delivery->content_fd) < 0)
		return error_sys(e, "cannot write '%s'", delivery->folder_name);
	return pool_run(delivery->count, delivery->count, sync_file, delivery, e);
}

static int remove_old(struct delivery *delivery, struct error *e)
{
	for (size_t i = 0; i < delivery->old_count; i++)
		if (unlinkat(delivery->folder_fd, delivery->old[i], 0) < 0 && errno != ENOENT)
			return error_sys(e, "cannot remove '%s' of an earlier build", delivery->old[i]);
	return 0;
}

int delivery_commit(struct delivery *delivery, struct error *e)
{
	if (delivery_sync(delivery, e) < 0 || delivery_lock(delivery, e) < 0 || remove_old(delivery, e) < 0 ||
	    commit_folder(delivery, e) < 0)
		return -1;
	for (size_t i = 0; i < delivery->count; i++)
		if (file_pending_commit(&delivery->files[i], e) < 0)
			return -1;
	return 0;
}

void delivery_release(struct delivery *delivery)
{
	struct error ignored = ERROR_INIT;

	/* What cannot be removed now is swept by the next one. */
	if (delivery->temporary && root_remove(delivery->folder_fd, delivery->temporary, &ignored) < 0)
		error_clear(&ignored);
	free(delivery->temporary);
	free(delivery->folder_name);
	auto_close_(&delivery->content_fd);
	delivery->content_fd = -1;
	delivery->temporary = delivery->folder_name = NULL;
	delivery_drop(delivery, 0);
	while (delivery->old_count)
		free(delivery->old[--delivery->old_count]);
}
