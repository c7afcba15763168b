/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

enum { ARENA_BLOCK_BYTES = 64 * 1024, LARGE_PAGE_BYTES = 2 * 1024 * 1024, LARGE_BYTES = 1024 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	max_align_t data[];
};

void memory_init(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BYTES);
}

void memory_trim(void)
{
	malloc_trim(0);
}

static void *checked(void *pointer)
{
	static const char text[] = "kiln: out of memory\n";

	if (!pointer) {
		ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

		(void)ignored;
		abort();
	}
	return pointer;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xcalloc_spread(size_t count, size_t size)
{
	size_t bytes;
	void *table;

	if (__builtin_mul_overflow(count, size, &bytes))
		checked(NULL);
	if (bytes < LARGE_PAGE_BYTES || bytes % LARGE_PAGE_BYTES)
		return xcalloc(count, size);
	table = checked(aligned_alloc(LARGE_PAGE_BYTES, bytes));
	madvise(table, bytes, MADV_HUGEPAGE); /* it works without, too */
	return memset(table, 0, bytes);
}

void *xrealloc(void *old, size_t size)
{
	return checked(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
	return checked(strndup(text, len));
}

static char *PRINTF(1, 0) format(const char *fmt, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		checked(NULL);
	return text;
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	return text;
}

void *grow(void *array, size_t count, size_t element_size)
{
	size_t bytes;

	if (count & (count - 1)) /* not a power of two: there is room */
		return array;
	if (__builtin_mul_overflow(count ? count * 2 : 1, element_size, &bytes))
		checked(NULL);
	return xrealloc(array, bytes);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t rounded;
	void *data;

	if (__builtin_add_overflow(size, sizeof(max_align_t) - 1, &rounded))
		checked(NULL);
	rounded -= rounded % sizeof(max_align_t);
	if (!block || block->size - block->used < rounded) {
		size_t room = rounded > ARENA_BLOCK_BYTES / 4 ? rounded : (size_t)ARENA_BLOCK_BYTES;

		block = xcalloc(1, sizeof *block + room);
		block->size = room;
		if (arena->blocks && room == rounded) {
			/* A large piece gets a block of its own, behind the one being filled. */
			block->next = arena->blocks->next;
			arena->blocks->next = block;
		} else {
			block->next = arena->blocks;
			arena->blocks = block;
		}
	}
	data = (char *)block->data + block->used;
	block->used += rounded;
	return data;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	return arena_strdup(arena, text);
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t element_size)
{
	size_t bytes;
	void *larger;

	if (count & (count - 1))
		return array;
	if (__builtin_mul_overflow(count ? count * 2 : 1, element_size, &bytes))
		checked(NULL);
	larger = arena_alloc(arena, bytes);
	if (count)
		memcpy(larger, array, count * element_size);
	return larger;
}

void arena_release(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	arena->blocks = NULL;
}
