/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/alloc.h"

#include <assert.h>
#include <sys/random.h>

struct map_slot {
	struct text key;
	void *value; /* NULL: free */
	uint32_t hash;
};

static uint32_t hash_of(const struct map *map, struct text key)
{
	uint64_t h = map->seed ^ (key.len * 0x9E3779B97F4A7C15ULL);
	size_t i = 0;

	for (; i + 8 <= key.len; i += 8) {
		uint64_t word;

		memcpy(&word, key.ptr + i, 8);
		h = (h ^ word) * 0xFF51AFD7ED558CCDULL;
		h ^= h >> 32;
	}
	if (i < key.len) {
		uint64_t word = 0;

		memcpy(&word, key.ptr + i, key.len - i);
		h = (h ^ word) * 0xFF51AFD7ED558CCDULL;
	}
	h ^= h >> 29;
	h *= 0xC4CEB9FE1A85EC53ULL;
	return (uint32_t)(h >> 32);
}

static struct map_slot *find(const struct map *map, struct text key, uint32_t hash)
{
	size_t mask = map->room - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_slot *slot = &map->slots[i];

		if (!slot->value || (slot->hash == hash && text_equal(slot->key, key)))
			return slot;
	}
}

static void resize(struct map *map, size_t room)
{
	struct map_slot *old = map->slots;
	size_t old_room = map->room;

	if (!old && getrandom(&map->seed, sizeof map->seed, GRND_NONBLOCK) < 0)
		map->seed = (uint64_t)(uintptr_t)map;
	map->slots = xcalloc_spread(room, sizeof *map->slots);
	map->room = room;
	for (size_t i = 0; old && i < old_room; i++)
		if (old[i].value)
			*find(map, old[i].key, old[i].hash) = old[i];
	free(old);
}

void map_reserve(struct map *map, size_t count)
{
	size_t room = map->room ? map->room : 16;

	while (room / 4 * 3 < count)
		room *= 2;
	if (room != map->room)
		resize(map, room);
}

void *map_get(const struct map *map, struct text key)
{
	return map->room ? find(map, key, hash_of(map, key))->value : NULL;
}

void *map_put(struct map *map, struct text key, void *value)
{
	struct map_slot *slot;
	uint32_t hash;
	void *old;

	assert(value);
	map_reserve(map, map->count + 1);
	hash = hash_of(map, key);
	slot = find(map, key, hash);
	old = slot->value;
	if (!old)
		map->count++;
	*slot = (struct map_slot) { .key = key, .value = value, .hash = hash };
	return old;
}

void map_release(struct map *map)
{
	free(map->slots);
	*map = MAP_INIT;
}
