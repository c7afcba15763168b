/* SPDX-License-Identifier: Apache-2.0 */
/* Members of about 1 MiB each, one after the other, as RFC 1952 §2.2 allows and every reader takes. */
#include "stream/codec.h"

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16 /* with gzip's header and trailer */, GZIP_OS_UNKNOWN = 255 };

static struct cut_sizes gzip_sizes(int level)
{
	(void)level;
	return (struct cut_sizes) { 512 * KIB, 512 * KIB, 2 * MIB };
}

static uint64_t gzip_encoder_bytes(int level)
{
	(void)level;
	return 2 * MIB; /* 0.3, and output that waits for its turn */
}

static int gzip_encode(struct block *block, struct error *e)
{
	/* zlib would write the system that it was built for. */
	gz_header header = { .os = GZIP_OS_UNKNOWN };
	z_stream stream = { .next_in = (Bytef *)block->data, .avail_in = (uInt)block->len };
	Bytef chunk[32 * 1024];
	int result = deflateInit2(&stream, block->level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);

	if (result == Z_OK)
		result = deflateSetHeader(&stream, &header);
	while (result == Z_OK) {
		stream.next_out = chunk;
		stream.avail_out = sizeof chunk;
		result = deflate(&stream, Z_FINISH);
		buffer_add(&block->out, chunk, sizeof chunk - stream.avail_out);
	}
	deflateEnd(&stream);
	if (result != Z_STREAM_END)
		return error_set(e, ERROR_INTERNAL, "gzip failed with status %d", result);
	return 0;
}

struct sink *sink_gzip(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
		       struct error *e)
{
	static const struct block_format format = { .name = "gzip",
						    .version = zlibVersion,
						    .sizes = gzip_sizes,
						    .encoder_bytes = gzip_encoder_bytes,
						    .encode = gzip_encode };

	return sink_blocks(&format, next, level, worker_count, memory, e);
}
