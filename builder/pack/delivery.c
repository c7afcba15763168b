/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/delivery.h"

#include "base/interrupt.h"
#include "base/pool.h"

#include <assert.h>
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

/*
 * Until the caller closes the folder, so that of two builds into it the files, sums and record of one are not mixed
 * with the other's. A file system that knows no locks is no reason to fail.
 */
static int lock_folder(int folder_fd, struct error *e)
{
	while (flock(folder_fd, LOCK_EX) < 0 && errno == EINTR)
		if (interrupt_check(e) < 0)
			return -1;
	return 0;
}

static int sync_file(void *context, size_t index, struct error *e)
{
	return file_pending_sync(&((struct delivery *)context)->files[index], e);
}

int delivery_commit(struct delivery *delivery, struct error *e)
{
	if (pool_run(delivery->count, delivery->count, sync_file, delivery, e) < 0 ||
	    lock_folder(delivery->folder_fd, e) < 0)
		return -1;
	for (size_t i = 0; i < delivery->count; i++)
		if (file_pending_commit(&delivery->files[i], e) < 0)
			return -1;
	return 0;
}

void delivery_release(struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->count; i++)
		file_pending_release(&delivery->files[i]);
	delivery->count = 0;
}
