/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/inventory.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 512 /* what st_blocks counts */ };

static const struct {
	const char *name;
	const char *folder; /* NULL: not files of this module */
	bool nested;        /* in folders of two digits */
} kinds[CACHE_KINDS] = {
	[CACHE_PACKAGES] = { "packages", "sha256", true },
	[CACHE_PAYLOADS] = { "payloads", "payload", true },
	[CACHE_ANSWERS] = { "answers", "volatile", false },
	[CACHE_PARTIAL] = { "partial", "partial", false },
	[CACHE_DATES] = { "dates", "dates", false },
	[CACHE_LAYERS] = { "layers", NULL, false },
};

const char *cache_kind_name(enum cache_kind kind)
{
	return kinds[kind].name;
}

/* What vanishes meanwhile, because another builder trims too, is not there. */
static void add_file(struct cache_items *items, int dir_fd, const char *folder, const char *name,
		     enum cache_kind kind)
{
	struct cache_item item = { .kind = kind };
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	if (kind == CACHE_DATES && name[0] == '.') /* their lock */
		return;
	item.path = xasprintf("%s/%s", folder, name);
	item.size_bytes = (uint64_t)st.st_blocks * BLOCK_BYTES;
	item.used_s = st.st_mtime;
	PUSH(items->items, items->count, item);
}

static int add_folder(struct cache_items *items, int cache_fd, const char *folder, bool nested,
		      enum cache_kind kind, struct error *e)
{
	auto_close int fd = openat(cache_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char **names = NULL;
	size_t count = 0;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0)
		return error_sys(e, "cannot open folder '%s' in the cache", folder);
	r = dir_list(fd, &names, &count, e);
	for (size_t i = 0; i < count && r == 0; i++) {
		auto_free char *below = xasprintf("%s/%s", folder, names[i]);

		if (nested)
			r = add_folder(items, cache_fd, below, false, kind, e);
		else
			add_file(items, fd, folder, names[i], kind);
	}
	names_free(names, count);
	return r < 0 ? -1 : interrupt_check(e);
}

int cache_folder_open(const char *cache_dir, int *fd, struct error *e)
{
	int opened = open(cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (opened < 0 && errno == ENOENT)
		return 0;
	if (opened < 0)
		return error_sys(e, "cannot open the cache '%s' (--cache DIR names another)", cache_dir);
	*fd = opened;
	return 1;
}

int cache_items_add(struct cache_items *items, int cache_fd, enum cache_kind kind, struct error *e)
{
	if (!kinds[kind].folder)
		return 0;
	return add_folder(items, cache_fd, kinds[kind].folder, kinds[kind].nested, kind, e);
}

void cache_items_release(struct cache_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		free(items->items[i].path);
	free(items->items);
	*items = CACHE_ITEMS_INIT;
}

/* The names decide between those of one second, so that the outcome does not depend on the folder's order. */
static int compare_items(const void *a, const void *b)
{
	const struct cache_item *x = a;
	const struct cache_item *y = b;

	if (x->used_s != y->used_s)
		return x->used_s > y->used_s ? -1 : 1;
	return strcmp(x->path, y->path);
}

void cache_items_choose(struct cache_items *items, uint64_t keep_bytes, int64_t oldest_s)
{
	bool full = false;

	if (items->count)
		qsort(items->items, items->count, sizeof *items->items, compare_items);
	for (size_t i = 0; i < items->count; i++) {
		struct cache_item *item = &items->items[i];

		/* Nothing older stays beside what had to go, however small it is. */
		full = full || keep_bytes == 0 || item->size_bytes > keep_bytes;
		item->goes = full || item->used_s < oldest_s;
		if (!item->goes)
			keep_bytes -= item->size_bytes;
	}
}

/* Whether somebody is at work with it; then it stays. */
static bool is_locked(int cache_fd, const char *path)
{
	auto_close int fd = openat(cache_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int cache_items_remove(const struct cache_items *items, int cache_fd,
		       struct cache_removed removed[CACHE_KINDS], struct error *e)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct cache_item *item = &items->items[i];

		if (!item->goes || item->kind == CACHE_LAYERS || is_locked(cache_fd, item->path))
			continue;
		if (interrupt_check(e) < 0)
			return -1;
		if (unlinkat(cache_fd, item->path, 0) == 0) {
			removed[item->kind].count++;
			removed[item->kind].size_bytes += item->size_bytes;
		} else if (errno != ENOENT) {
			return error_sys(e, "cannot remove '%s' from the cache", item->path);
		}
	}
	return 0;
}
