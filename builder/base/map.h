/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from byte strings to pointers. Keys are borrowed views and must outlive the map; values
 * belong to the caller. Iterate over an array of your own: the map keeps no order worth having.
 * The hash is seeded once per map from the system, so hostile keys cannot be made to collide.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/text.h"

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t room; /* 0 or a power of two */
	size_t count;
	uint64_t seed;
};

#define MAP_INIT ((struct map) { NULL, 0, 0, 0 })
#define auto_map AUTO(map_release)

/* The value stored for KEY, or NULL. */
void *map_get(const struct map *map, struct text key);
/* Store VALUE (not NULL) for KEY; an older value is replaced and returned, else NULL. */
void *map_put(struct map *map, struct text key, void *value);
/* Make room for COUNT keys at once. */
void map_reserve(struct map *map, size_t count);
void map_release(struct map *map);

#endif
