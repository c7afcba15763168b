/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/unxz.h"

#include "base/alloc.h"
#include "base/limits.h"

#include <lzma.h>

enum {
	OUT_BYTES = 128 * 1024,
	MEMORY_LEAST = 1, /* so the first block has to ask, too */
};

struct unxz {
	lzma_stream stream;
	enum unxz_format format;
	stream_feed_fn *feed;
	void *context;
	struct budget *memory; /* borrowed; may be NULL */
	uint64_t memory_bytes; /* taken from it */
	uint8_t *out;          /* owned */
	bool fed_all;
	bool ended;
};

struct unxz *unxz_open(enum unxz_format format, stream_feed_fn *feed, void *context, struct budget *memory)
{
	struct unxz *unxz = xcalloc(1, sizeof *unxz);
	lzma_ret r;

	unxz->format = format;
	unxz->feed = feed;
	unxz->context = context;
	unxz->memory = memory;
	unxz->out = xmalloc(OUT_BYTES);
	r = format == UNXZ_XZ ? lzma_stream_decoder(&unxz->stream, MEMORY_LEAST, LZMA_CONCATENATED)
			      : lzma_alone_decoder(&unxz->stream, MEMORY_LEAST);
	if (r != LZMA_OK)
		abort();
	return unxz;
}

void unxz_close(struct unxz *unxz)
{
	if (!unxz)
		return;
	lzma_end(&unxz->stream);
	budget_give(unxz->memory, unxz->memory_bytes);
	free(unxz->out);
	free(unxz);
}

size_t unxz_left(const struct unxz *unxz)
{
	return unxz->stream.avail_in;
}

static int refill(struct unxz *unxz, struct error *e)
{
	const void *data;
	size_t len;
	int r;

	if (unxz->stream.avail_in || unxz->fed_all)
		return 0;
	r = unxz->feed(unxz->context, &data, &len, e);
	if (r < 0)
		return -1;
	unxz->fed_all = r == 0;
	if (r > 0) {
		unxz->stream.next_in = data;
		unxz->stream.avail_in = len;
	}
	return 0;
}

/*
 * A block needs more than the ones before. What these took goes back first, as nobody may wait for a second share
 * while holding one; that liblzma holds it until it has the new one is over in a moment.
 */
static int take_memory(struct unxz *unxz, struct error *e)
{
	uint64_t bytes = lzma_memusage(&unxz->stream);

	if (bytes > LIMIT_WINDOW_BYTES)
		return error_set(e, ERROR_FORMAT,
				 "its decoder would need %llu MiB of memory, more than the limit of %llu",
				 (unsigned long long)(bytes / MIB), LIMIT_WINDOW_BYTES / MIB);
	budget_give(unxz->memory, TAKE(unxz->memory_bytes, 0));
	budget_take(unxz->memory, bytes);
	unxz->memory_bytes = bytes;
	if (lzma_memlimit_set(&unxz->stream, bytes) != LZMA_OK)
		abort();
	return 0;
}

static int decode_some(struct unxz *unxz, struct error *e)
{
	const char *name = unxz->format == UNXZ_XZ ? "xz" : "lzma";

	if (refill(unxz, e) < 0)
		return -1;
	switch (lzma_code(&unxz->stream, unxz->fed_all ? LZMA_FINISH : LZMA_RUN)) {
	case LZMA_OK:
		return 0;
	case LZMA_STREAM_END:
		unxz->ended = true;
		return 0;
	case LZMA_MEMLIMIT_ERROR:
		return take_memory(unxz, e);
	case LZMA_MEM_ERROR:
		abort();
	case LZMA_BUF_ERROR:
		return error_set(e, ERROR_FORMAT, "cannot decompress: truncated %s data", name);
	case LZMA_OPTIONS_ERROR:
		return error_set(e, ERROR_FORMAT, "cannot decompress: %s data of a kind that is not known",
				 name);
	default:
		return error_set(e, ERROR_FORMAT, "cannot decompress: damaged %s data", name);
	}
}

int unxz_next(struct unxz *unxz, const void **data, size_t *len, struct error *e)
{
	unxz->stream.next_out = unxz->out;
	unxz->stream.avail_out = OUT_BYTES;
	while (unxz->stream.avail_out == OUT_BYTES && !unxz->ended)
		if (decode_some(unxz, e) < 0)
			return -1;
	*data = unxz->out;
	*len = OUT_BYTES - unxz->stream.avail_out;
	return *len > 0;
}
