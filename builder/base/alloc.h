/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory. Running out of it aborts (there is nothing better to do), so none of these return NULL.
 * Sizes that come from input are checked against a limit before they get here.
 *
 * An arena holds everything that lives as long as one product (recipe, plan, indexes): its strings
 * and arrays point into it, and releasing the product is one call.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include "base/auto.h"

#include <stddef.h>

/*
 * Once, before the first thread: large pieces of memory go back to the system as soon as they are freed. By itself
 * glibc raises the size from which it does that to the largest that was ever freed, and then keeps such a piece
 * for each thread that once had one.
 */
void memory_init(void);
/* Small pieces too, after a stage that freed many. */
void memory_trim(void);

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
/* xcalloc() for a table that is looked into all over: on large pages, where the kernel gives them. */
void *xcalloc_spread(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/*
 * Make room for one more element in a malloc'ed array that is COUNT long, growing it by doubling
 * whenever COUNT reaches a power of two; then: array[count++] = value. The array starts as NULL, 0.
 */
void *grow(void *array, size_t count, size_t element_size);
#define PUSH(array, count, value) \
	do { \
		(array) = grow((array), (count), sizeof *(array)); \
		(array)[(count)++] = (value); \
	} while (0)

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
};

#define ARENA_INIT ((struct arena) { NULL })

/* SIZE zeroed bytes, aligned for any type, valid until arena_release(). */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);
/* As grow(), in the arena: the outgrown copies stay until the arena goes. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t element_size);
#define ARENA_PUSH(arena, array, count, value) \
	do { \
		(array) = arena_grow((arena), (array), (count), sizeof *(array)); \
		(array)[(count)++] = (value); \
	} while (0)
void arena_release(struct arena *arena);

#endif
