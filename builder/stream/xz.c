/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One .xz stream of independent blocks, with their sizes in the block headers as `xz -T` writes them, so
 * that readers can decode them in parallel. liblzma's own threaded encoder takes as much memory as there are
 * threads and cannot share it with a second one; here blocks.c decides.
 *
 * The dictionary is that of xz(1) up to level 6. The presets 7 to 9 differ from it only by dictionaries that need up
 * to 674 MiB for one thread; here they have one of 16 MiB and take more time. At level 6 an encoder takes 94 MiB, so
 * that two work side by side however many processors there are: kiln promises 300 MiB. A dictionary of 4 MiB would let
 * four of them, and cost 1 % of size; then xz(1) would write less.
 *
 * Blocks that hold programs for x86 go through liblzma's filter for these first, which makes absolute addresses of
 * relative ones: 2 % less of a Debian root, and a sixth less time. That pays for blocks smaller than those of xz(1),
 * which three of its dictionaries make, and for a shorter search for matches. The filter has always belonged to the
 * format, but readers that know LZMA2 alone refuse it, such as busybox' and Go's. LXD, Incus and LXC run xz(1),
 * directly or through tar; distrobuilder's images are read the same way.
 */
#include "stream/codec.h"

#include "base/alloc.h"

#include <lzma.h>

#define XZ_CHECK LZMA_CHECK_CRC64

enum {
	XZ_SLICE_BYTES = 256 * 1024,
	XZ_X86_NICE_LEN = 40, /* instead of 64: 0.2 % more of a Debian root, in less time */
};

struct xz_options {
	lzma_options_lzma lzma;
	lzma_filter filters[3];
};

/* An ELF header for i386 or x86-64 where a tar archive lets files begin. */
static bool is_program_x86(const char *data)
{
	enum { LITTLE_ENDIAN_AT = 5, MACHINE_AT = 18, I386 = 3, X86_64 = 62 };

	return memcmp(data, "\177ELF", 4) == 0 && data[LITTLE_ENDIAN_AT] == 1 &&
	       (data[MACHINE_AT] == I386 || data[MACHINE_AT] == X86_64) && data[MACHINE_AT + 1] == 0;
}

static bool holds_programs_x86(const struct block *block)
{
	enum { TAR_BLOCK_BYTES = 512 };

	for (size_t at = 0; at + TAR_BLOCK_BYTES <= block->len; at += TAR_BLOCK_BYTES)
		if (is_program_x86(block->data + at))
			return true;
	return false;
}

static void xz_options_set(struct xz_options *options, int level, bool filter_x86)
{
	lzma_filter *filter = options->filters;

	/* Cannot fail: the presets 0 to 9 are built in. */
	(void)lzma_lzma_preset(&options->lzma, (uint32_t)(level > 7 ? 7 : level));
	if (filter_x86 && level <= 7 && options->lzma.nice_len > XZ_X86_NICE_LEN)
		options->lzma.nice_len = XZ_X86_NICE_LEN;
	if (level == 8) {
		options->lzma.nice_len = 128;
	} else if (level == 9) {
		options->lzma.nice_len = 273;
		options->lzma.depth = 512;
	}
	if (filter_x86)
		*filter++ = (lzma_filter) { .id = LZMA_FILTER_X86 };
	*filter++ = (lzma_filter) { .id = LZMA_FILTER_LZMA2, .options = &options->lzma };
	*filter = (lzma_filter) { .id = LZMA_VLI_UNKNOWN };
}

static struct cut_sizes xz_sizes(int level)
{
	struct xz_options options = { .filters = { { .id = LZMA_VLI_UNKNOWN } } };
	uint64_t bytes;

	xz_options_set(&options, level, false);
	bytes = options.lzma.dict_size;
	if (bytes < 1 * MIB)
		bytes = 1 * MIB;
	if (bytes > 8 * MIB)
		bytes = 8 * MIB;
	return (struct cut_sizes) { bytes, bytes, 3 * bytes };
}

static uint64_t xz_encoder_bytes(int level)
{
	struct xz_options options = { .filters = { { .id = LZMA_VLI_UNKNOWN } } };

	xz_options_set(&options, level, true);
	return lzma_raw_encoder_memusage(options.filters);
}

static int failed(lzma_ret result, struct error *e)
{
	if (result == LZMA_MEM_ERROR)
		return error_set(e, ERROR_SYSTEM, "xz: not enough memory");
	return error_set(e, ERROR_INTERNAL, "xz failed with status %d", (int)result);
}

static int run(lzma_stream *stream, struct block *block, struct error *e)
{
	uint8_t chunk[32 * 1024];
	lzma_ret result = LZMA_OK;
	size_t given = 0;

	while (result == LZMA_OK) {
		if (stream->avail_in == 0 && given < block->len) {
			/* In slices, so that an interruption need not wait for the whole block. */
			size_t slice = block->len - given;

			if (blocks_check(block, e) < 0)
				return -1;
			if (slice > XZ_SLICE_BYTES)
				slice = XZ_SLICE_BYTES;
			stream->next_in = (const uint8_t *)block->data + given;
			stream->avail_in = slice;
			given += slice;
		}
		stream->next_out = chunk;
		stream->avail_out = sizeof chunk;
		result = lzma_code(stream, given == block->len ? LZMA_FINISH : LZMA_RUN);
		buffer_add(&block->out, chunk, sizeof chunk - stream->avail_out);
	}
	return result == LZMA_STREAM_END ? 0 : failed(result, e);
}

static int xz_encode(struct block *block, struct error *e)
{
	struct xz_options options = { .filters = { { .id = LZMA_VLI_UNKNOWN } } };
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_block header = { .version = 1,
			      .check = XZ_CHECK,
			      .filters = options.filters,
			      .compressed_size = LZMA_VLI_MAX,
			      .uncompressed_size = LZMA_VLI_MAX };
	uint8_t room[LZMA_BLOCK_HEADER_SIZE_MAX];
	lzma_ret ret;
	int result;

	xz_options_set(&options, block->level, holds_programs_x86(block));
	/* The header with its largest numbers has the size that the real one is made to have, too. */
	if ((ret = lzma_block_header_size(&header)) != LZMA_OK)
		return failed(ret, e);
	memset(room, 0, sizeof room);
	buffer_add(&block->out, room, header.header_size);
	header.compressed_size = LZMA_VLI_UNKNOWN;
	header.uncompressed_size = LZMA_VLI_UNKNOWN;
	if ((ret = lzma_block_encoder(&stream, &header)) != LZMA_OK)
		return failed(ret, e);
	result = run(&stream, block, e);
	lzma_end(&stream);
	if (result < 0)
		return -1;
	/* The encoder has filled the sizes in. */
	if ((ret = lzma_block_header_encode(&header, (uint8_t *)block->out.data)) != LZMA_OK)
		return failed(ret, e);
	block->note = lzma_block_unpadded_size(&header);
	return 0;
}

static void *xz_open(void)
{
	lzma_index *index = lzma_index_init(NULL);

	if (!index)
		abort();
	return index;
}

static int xz_head(void *context, struct buffer *out, struct error *e)
{
	lzma_stream_flags flags = { .version = 0, .check = XZ_CHECK };
	uint8_t header[LZMA_STREAM_HEADER_SIZE];
	lzma_ret result = lzma_stream_header_encode(&flags, header);

	(void)context;
	if (result != LZMA_OK)
		return failed(result, e);
	buffer_add(out, header, sizeof header);
	return 0;
}

static int xz_add(void *context, const struct block *block, struct error *e)
{
	lzma_ret result = lzma_index_append(context, NULL, block->note, block->len);

	return result == LZMA_OK ? 0 : failed(result, e);
}

static int xz_tail(void *context, struct buffer *out, struct error *e)
{
	lzma_stream_flags flags = { .version = 0, .check = XZ_CHECK };
	uint8_t footer[LZMA_STREAM_HEADER_SIZE];
	size_t room = lzma_index_size(context);
	auto_free uint8_t *index = xmalloc(room);
	size_t len = 0;
	lzma_ret result = lzma_index_buffer_encode(context, index, &len, room);

	if (result != LZMA_OK)
		return failed(result, e);
	flags.backward_size = room;
	if ((result = lzma_stream_footer_encode(&flags, footer)) != LZMA_OK)
		return failed(result, e);
	buffer_add(out, index, len);
	buffer_add(out, footer, sizeof footer);
	return 0;
}

static void xz_close(void *context)
{
	lzma_index_end(context, NULL);
}

struct sink *sink_xz(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
		     struct error *e)
{
	static const struct block_format format = { .name = "xz",
						    .version = lzma_version_string,
						    .sizes = xz_sizes,
						    .encoder_bytes = xz_encoder_bytes,
						    .encode = xz_encode,
						    .open = xz_open,
						    .head = xz_head,
						    .add = xz_add,
						    .tail = xz_tail,
						    .close = xz_close };

	return sink_blocks(&format, next, level, worker_count, memory, e);
}
