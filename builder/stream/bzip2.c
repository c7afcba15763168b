/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of about four of bzip2's own blocks each, one after the other, as every reader takes them. */
#include "stream/codec.h"

#include <bzlib.h>

enum { BZIP2_UNIT_BYTES = 100 * 1000 /* per level, in bzip2's block */ };

/* COUNT of bzip2's blocks, less than a record. */
static size_t bzip2_units(int level, size_t count)
{
	return count * (size_t)level * BZIP2_UNIT_BYTES / CUT_RECORD_BYTES * CUT_RECORD_BYTES;
}

static struct cut_sizes bzip2_sizes(int level)
{
	return (struct cut_sizes) { bzip2_units(level, 2), bzip2_units(level, 2), bzip2_units(level, 8) };
}

static uint64_t bzip2_encoder_bytes(int level)
{
	/* bzip2(1): 400 kB and eight times its block; and output that waits for its turn. */
	return 400 * 1000 + 8 * (uint64_t)level * BZIP2_UNIT_BYTES + 2 * (uint64_t)level * BZIP2_UNIT_BYTES;
}

static int bzip2_encode(struct block *block, struct error *e)
{
	bz_stream stream = { .next_in = block->data, .avail_in = (unsigned)block->len };
	char chunk[32 * 1024];
	int result = BZ2_bzCompressInit(&stream, block->level, 0, 0);

	if (result == BZ_OK)
		result = BZ_FINISH_OK;
	while (result == BZ_FINISH_OK) {
		stream.next_out = chunk;
		stream.avail_out = sizeof chunk;
		result = BZ2_bzCompress(&stream, BZ_FINISH);
		buffer_add(&block->out, chunk, sizeof chunk - stream.avail_out);
	}
	BZ2_bzCompressEnd(&stream);
	if (result != BZ_STREAM_END)
		return error_set(e, ERROR_INTERNAL, "bzip2 failed with status %d", result);
	return 0;
}

struct sink *sink_bzip2(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
			struct error *e)
{
	static const struct block_format format = { .name = "bzip2",
						    .version = BZ2_bzlibVersion,
						    .sizes = bzip2_sizes,
						    .encoder_bytes = bzip2_encoder_bytes,
						    .encode = bzip2_encode };

	return sink_blocks(&format, next, level, worker_count, memory, e);
}
