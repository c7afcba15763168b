/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/codec.h"

#include "base/alloc.h"
#include "base/pool.h"

#include <assert.h>

enum { WORKER_MAX = 32 }; /* one thread reads the tree: it feeds no more */

/* Encoders that take more are the slow ones: xz, and the high levels of zstd. */
#define HEAVY_BYTES (48 * MIB)

/* Uncompressed: the sink itself. */
static struct sink *sink_none(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
			      struct error *e)
{
	(void)level;
	(void)worker_count;
	(void)memory;
	(void)e;
	return next;
}

static const struct codec codecs[] = {
	{ "none", "", 0, 0, 0, sink_none },       { "gzip", ".gz", 1, 9, 6, sink_gzip },
	{ "bzip2", ".bz2", 1, 9, 9, sink_bzip2 }, { "xz", ".xz", 0, 9, 6, sink_xz },
	{ "zstd", ".zst", 1, 19, 3, sink_zstd },  { "lzma", ".lzma", 0, 9, 6, sink_lzma },
	{ "lz4", ".lz4", 1, 12, 1, sink_lz4 },
};

const struct codec *codec_all(size_t *count)
{
	*count = ARRAY_LEN(codecs);
	return codecs;
}

const struct codec *codec_find(struct text name)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (text_is(name, codecs[i].name))
			return &codecs[i];
	return NULL;
}

static int unknown(struct text name, struct error *e)
{
	auto_buffer struct buffer possible = BUFFER_INIT;

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		buffer_addf(&possible, "%s%s", i ? ", " : "", codecs[i].name);
	return error_set(e, ERROR_USAGE, "unknown compression '%.*s' (possible: %s)", TEXT_ARG(name),
			 possible.data);
}

int codec_parse(const char *word, const struct codec **codec, int *level, struct error *e)
{
	struct text rest;
	struct text name = text_cut(text_of(word), '-', &rest);
	const struct codec *found = codec_find(name);
	uint64_t number = 0;

	if (!found)
		return unknown(name, e);
	if (!rest.ptr) {
		*codec = found;
		*level = found->level_default;
		return 0;
	}
	if (found->level_max == 0)
		return error_set(e, ERROR_USAGE, "compression '%s' has no levels, but '%s' gives one",
				 found->name, word);
	if (!text_to_u64(rest, &number) || number < (uint64_t)found->level_min ||
	    number > (uint64_t)found->level_max)
		return error_set(
			e, ERROR_USAGE, "no level '%.*s' in compression '%s' (possible: %s-%d to %s-%d)",
			TEXT_ARG(rest), word, found->name, found->level_min, found->name, found->level_max);
	*codec = found;
	*level = (int)number;
	return 0;
}

struct sink *codec_open(const struct codec *codec, int level, struct sink *next, struct codec_memory *memory,
			struct error *e)
{
	assert(level <= codec->level_max);
	return codec->open_sink(next, level < codec->level_min ? codec->level_default : level, 0, memory, e);
}

void codec_memory_init(struct codec_memory *memory, size_t chain_count)
{
	budget_init(&memory->budget, CODEC_MEMORY_BYTES);
	memory->chain_count = chain_count ? chain_count : 1;
	memory->heavy_count = 0;
}

void codec_memory_join(struct codec_memory *memory, uint64_t worker_bytes)
{
	if (memory && worker_bytes > HEAVY_BYTES)
		memory->heavy_count++;
}

void codec_memory_release(struct codec_memory *memory)
{
	budget_release(&memory->budget);
}

void codec_memory_leave(struct codec_memory *memory, uint64_t worker_bytes)
{
	if (memory && worker_bytes > HEAVY_BYTES)
		memory->heavy_count--;
}

struct budget *codec_memory_budget(struct codec_memory *memory, uint64_t worker_bytes)
{
	return memory && worker_bytes > HEAVY_BYTES ? &memory->budget : NULL;
}

size_t codec_workers(const struct codec_memory *memory, uint64_t worker_bytes)
{
	return codec_workers_beside(memory, worker_bytes, 0);
}

size_t codec_workers_beside(const struct codec_memory *memory, uint64_t worker_bytes, uint64_t shared_bytes)
{
	size_t sharer_count = memory ? memory->chain_count : 1;
	size_t count = processor_count();
	size_t fitting;
	uint64_t bytes;

	if (memory && memory->heavy_count && worker_bytes > HEAVY_BYTES)
		sharer_count = memory->heavy_count;
	bytes = CODEC_MEMORY_BYTES / sharer_count;
	fitting = bytes > shared_bytes ? (bytes - shared_bytes) / worker_bytes : 0;

	if (count > WORKER_MAX)
		count = WORKER_MAX;
	if (count > fitting)
		count = fitting;
	return count ? count : 1;
}
