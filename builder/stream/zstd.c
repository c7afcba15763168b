/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames one after the other, each of which is complete, as RFC 8878 §3.1 allows and every reader takes. Compared
 * with libzstd's own threads, whose jobs see the end of the one before, that costs nothing up to level 16: these blocks
 * are larger than the jobs, and so are the windows. From 17 on it is 1 % of a Debian root.
 *
 * Windows are within the 8 MiB that every decoder has to offer.
 */
#include "stream/codec.h"

#include <zstd.h>

static const struct zstd_row {
	int level_max;
	int window_log;
	struct cut_sizes sizes;
	uint64_t encoder_bytes; /* measured: tables, the window and what is about to be compressed */
} rows[] = {
	/* Wider than the library's own at this level: smaller, and as fast. */
	{ 8, 22, { 3 * MIB, 4 * MIB, 12 * MIB }, 12 * MIB },
	{ 16, 23, { 8 * MIB, 8 * MIB, 24 * MIB }, 60 * MIB },
	{ 19, 23, { 8 * MIB, 8 * MIB, 24 * MIB }, 100 * MIB },
};

enum { ZSTD_SLICE_BYTES = 1024 * 1024 };

static const struct zstd_row *row_of(int level)
{
	const struct zstd_row *row = rows;

	while (row->level_max < level)
		row++;
	return row;
}

static struct cut_sizes zstd_sizes(int level)
{
	return row_of(level)->sizes;
}

static uint64_t zstd_encoder_bytes(int level)
{
	return row_of(level)->encoder_bytes;
}

static int check(size_t result, struct error *e)
{
	if (!ZSTD_isError(result))
		return 0;
	return error_set(e, ERROR_INTERNAL, "zstd: %s", ZSTD_getErrorName(result));
}

static int set(ZSTD_CCtx *encoder, const struct block *block, struct error *e)
{
	const struct {
		ZSTD_cParameter parameter;
		int value;
	} settings[] = {
		{ ZSTD_c_compressionLevel, block->level },
		{ ZSTD_c_windowLog, row_of(block->level)->window_log },
		{ ZSTD_c_checksumFlag, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (check(ZSTD_CCtx_setParameter(encoder, settings[i].parameter, settings[i].value), e) < 0)
			return -1;
	return check(ZSTD_CCtx_setPledgedSrcSize(encoder, block->len), e);
}

/* In slices, so that an interruption need not wait for the whole block. */
static int run(ZSTD_CCtx *encoder, struct block *block, struct error *e)
{
	ZSTD_inBuffer in = { block->data, 0, 0 };
	char chunk[64 * 1024];
	size_t left;

	do {
		ZSTD_outBuffer out = { chunk, sizeof chunk, 0 };

		if (in.pos == in.size && in.size < block->len) {
			if (blocks_check(block, e) < 0)
				return -1;
			in.size = block->len - in.size < ZSTD_SLICE_BYTES ? block->len
									  : in.size + ZSTD_SLICE_BYTES;
		}
		left = ZSTD_compressStream2(encoder, &out, &in,
					    in.size == block->len ? ZSTD_e_end : ZSTD_e_continue);
		if (check(left, e) < 0)
			return -1;
		buffer_add(&block->out, chunk, out.pos);
	} while (in.size < block->len || left);
	return 0;
}

static int zstd_encode(struct block *block, struct error *e)
{
	ZSTD_CCtx *encoder = ZSTD_createCCtx();
	int result;

	if (!encoder)
		abort();
	result = set(encoder, block, e) < 0 ? -1 : run(encoder, block, e);
	ZSTD_freeCCtx(encoder);
	return result;
}

struct sink *sink_zstd(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
		       struct error *e)
{
	static const struct block_format format = { .name = "zstd",
						    .version = ZSTD_versionString,
						    .sizes = zstd_sizes,
						    .encoder_bytes = zstd_encoder_bytes,
						    .encode = zstd_encode };

	return sink_blocks(&format, next, level, worker_count, memory, e);
}
