/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of 4 MiB each, one after the other, as the format allows and lz4(1) reads them. */
#include "stream/codec.h"

#include "base/alloc.h"

#include <lz4frame.h>

static size_t lz4_block_bytes(int level)
{
	(void)level;
	return 4 * MIB;
}

static uint64_t lz4_encoder_bytes(int level)
{
	(void)level;
	return 5 * MIB; /* tables, and output that waits for its turn */
}

static int lz4_encode(struct block *block, struct error *e)
{
	LZ4F_preferences_t preferences = {
		.frameInfo = { .blockSizeID = LZ4F_max4MB,
			       .blockMode = LZ4F_blockLinked,
			       .contentChecksumFlag = LZ4F_contentChecksumEnabled },
		.compressionLevel = block->level,
	};
	size_t room = LZ4F_compressFrameBound(block->len, &preferences);
	auto_free char *out = xmalloc(room);
	size_t len = LZ4F_compressFrame(out, room, block->data, block->len, &preferences);

	if (LZ4F_isError(len))
		return error_set(e, ERROR_INTERNAL, "lz4: %s", LZ4F_getErrorName(len));
	buffer_add(&block->out, out, len);
	return 0;
}

struct sink *sink_lz4(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
		      struct error *e)
{
	static const struct block_format format = { .block_bytes = lz4_block_bytes,
						    .encoder_bytes = lz4_encoder_bytes,
						    .encode = lz4_encode };

	return sink_blocks(&format, next, level, worker_count, memory, e);
}
