/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a cache folder, and what may go: for `kiln cache`, and for the bound on what builds keep there. Looks
 * at names, sizes and times alone, and works beside builders: a file that is locked stays, and one that is open
 * stays readable for whoever has it.
 */
#ifndef FETCH_INVENTORY_H
#define FETCH_INVENTORY_H

#include "base/text.h"

enum cache_kind {
	CACHE_PACKAGES, /* sha256/: packages and package indexes */
	CACHE_PAYLOADS, /* payload/: packages decompressed, see derived.h */
	CACHE_ANSWERS,  /* volatile/: what servers said without a promised digest */
	CACHE_PARTIAL,  /* partial/: downloads that were cut off */
	CACHE_DATES,    /* dates/: how new archives were, see dates.h */
	CACHE_LAYERS,   /* layers/: those who list them put them here, see layer.h */
	CACHE_KINDS,
};

/* The word for it: "packages". */
const char *cache_kind_name(enum cache_kind kind);

struct cache_item {
	enum cache_kind kind;
	char *path;          /* owned; below the cache folder */
	uint64_t size_bytes; /* on disk */
	int64_t used_s;      /* last; seconds since 1970 */
	bool goes;           /* by cache_items_choose() */
};

struct cache_items {
	struct cache_item *items; /* owned; in no order until cache_items_choose() */
	size_t count;
};

#define CACHE_ITEMS_INIT ((struct cache_items) { NULL, 0 })
#define auto_cache_items AUTO(cache_items_release)

/* Open a cache folder: 1, or 0 when there is none. */
int cache_folder_open(const char *cache_dir, int *fd, struct error *e) MUST_CHECK;

/* Add the files of KIND in the cache folder CACHE_FD. */
int cache_items_add(struct cache_items *items, int cache_fd, enum cache_kind kind, struct error *e)
	MUST_CHECK;
void cache_items_release(struct cache_items *items);

/*
 * Choose what goes: everything that was not used since OLDEST_S, and of the rest what was used longest ago, until
 * what is left has at most KEEP_BYTES. The one used last comes first afterwards.
 */
void cache_items_choose(struct cache_items *items, uint64_t keep_bytes, int64_t oldest_s);

struct cache_removed {
	size_t count;
	uint64_t size_bytes;
};

/* Remove what goes, layers excepted, unless somebody holds a lock on it. REMOVED, one for each kind, is added to. */
int cache_items_remove(const struct cache_items *items, int cache_fd,
		       struct cache_removed removed[CACHE_KINDS], struct error *e) MUST_CHECK;

#endif
