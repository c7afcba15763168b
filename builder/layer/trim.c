/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/store.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/temporary.h"
#include "layer/manifest.h"
#include "layer/tree.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Read what NAME is: 1; 0 when it is no layer, or gone by now. */
static int read_info(int layers_fd, const char *name, struct layer_info *info)
{
	auto_close int fd = openat(layers_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_manifest struct manifest manifest = MANIFEST_INIT;
	struct error ignored = ERROR_INIT;
	struct digest key;
	struct stat st;

	if (fd < 0 || !digest_parse(text_of(name), &key))
		return 0;
	*info = (struct layer_info) { .key = key };
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		info->in_use = true;
	/* One that cannot be read has never been used. */
	if (manifest_read(fd, &manifest, &ignored) == 0 &&
	    fstatat(fd, "manifest", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		info->title = TAKE(manifest.title, NULL);
		info->size_bytes = manifest.disk_bytes;
		info->used_s = st.st_mtim.tv_sec;
		info->files = !digest_is_set(&manifest.tree);
	} else {
		info->title = xstrdup("damaged");
	}
	return 1;
}

static int compare_use(const void *a, const void *b)
{
	const struct layer_info *x = a;
	const struct layer_info *y = b;

	if (x->used_s != y->used_s)
		return x->used_s > y->used_s ? -1 : 1;
	return memcmp(x->key.bytes, y->key.bytes, DIGEST_BYTES);
}

static int read_list(int layers_fd, struct layer_list *list, struct error *e)
{
	char **names = NULL;
	size_t count = 0;

	if (dir_list(layers_fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct layer_info info;

		if (read_info(layers_fd, names[i], &info))
			PUSH(list->items, list->count, info);
	}
	names_free(names, count);
	if (list->count)
		qsort(list->items, list->count, sizeof *list->items, compare_use);
	return 0;
}

int layer_list_read(const char *cache_dir, struct layer_list *list, struct error *e)
{
	auto_free char *path = layers_path(cache_dir);
	auto_close int fd = -1;
	int r = layers_open(path, &fd, e);

	*list = (struct layer_list) { NULL, 0 };
	if (r <= 0)
		return r;
	return read_list(fd, list, e);
}

void layer_list_release(struct layer_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].title);
	free(list->items);
	*list = (struct layer_list) { NULL, 0 };
}

/* 1 when it was removed; 0 when somebody uses it. */
static int remove_unused(const char *path, int layers_fd, const struct digest *key, struct error *e)
{
	struct digest_hex name = digest_hex(key);
	auto_close int fd = openat(layers_fd, name.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat held;
	struct stat named;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (fstat(fd, &held) < 0 || fstatat(layers_fd, name.text, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    held.st_ino != named.st_ino)
		return 0;
	return layers_remove(path, layers_fd, name.text, e) < 0 ? -1 : 1;
}

static int trim(const char *path, int layers_fd, const struct layer_list *list, uint64_t keep_bytes,
		int64_t oldest_s, uint64_t *removed_bytes, struct error *e)
{
	uint64_t kept = 0;
	uint64_t removed = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct layer_info *info = &list->items[i];
		int r = 0;

		if (interrupt_check(e) < 0)
			return -1;
		if (info->size_bytes > keep_bytes - kept || info->used_s < oldest_s || info->used_s == 0) {
			r = remove_unused(path, layers_fd, &info->key, e);
			if (r < 0)
				return -1;
		}
		if (r > 0)
			removed += info->size_bytes;
		else
			kept = info->size_bytes > keep_bytes - kept ? keep_bytes : kept + info->size_bytes;
	}
	*removed_bytes = removed;
	return 0;
}

int layer_trim(const char *cache_dir, uint64_t keep_bytes, int64_t oldest_s, uint64_t *removed_bytes,
	       struct error *e)
{
	auto_free char *path = layers_path(cache_dir);
	auto_close int fd = -1;
	struct layer_list list = { NULL, 0 };
	int r = layers_open(path, &fd, e);

	if (r < 0)
		return -1;
	if (r == 0) {
		*removed_bytes = 0;
		return 0;
	}
	temporary_sweep(path, LAYER_UNFINISHED, NULL);
	if (read_list(fd, &list, e) < 0)
		return -1;
	r = trim(path, fd, &list, keep_bytes, oldest_s, removed_bytes, e);
	layer_list_release(&list);
	return r;
}
