/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of the old LZMA tools, for readers that know no xz: one stream without checks, and none may follow it, so
 * one thread writes it. Its encoder keeps its memory from beginning to end; so that two of them leave room for other
 * compressors, the dictionary is smaller than that of the tools' higher levels.
 */
#include "stream/codec.h"

#include "base/alloc.h"
#include "base/interrupt.h"

#include <lzma.h>

#define LZMA_DICTIONARY_BYTES (4 * MIB)

enum { OUT_BYTES = 64 * 1024 };

struct lzma_sink {
	struct sink sink;
	lzma_stream stream;
	uint8_t out[OUT_BYTES];
};

static int step(struct lzma_sink *lzma, lzma_action action, struct error *e)
{
	lzma_ret result = LZMA_OK;

	while (result == LZMA_OK && (lzma->stream.avail_in || action == LZMA_FINISH)) {
		if (interrupt_check(e) < 0)
			return -1;
		lzma->stream.next_out = lzma->out;
		lzma->stream.avail_out = OUT_BYTES;
		result = lzma_code(&lzma->stream, action);
		if (sink_write(lzma->sink.next, lzma->out, OUT_BYTES - lzma->stream.avail_out, e) < 0)
			return -1;
	}
	if (result == LZMA_MEM_ERROR)
		return error_set(e, ERROR_SYSTEM, "lzma: not enough memory");
	if (result != LZMA_OK && result != LZMA_STREAM_END)
		return error_set(e, ERROR_INTERNAL, "lzma failed with status %d", (int)result);
	return 0;
}

static int lzma_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct lzma_sink *lzma = (struct lzma_sink *)sink;

	lzma->stream.next_in = data;
	lzma->stream.avail_in = len;
	return step(lzma, LZMA_RUN, e);
}

static int lzma_finish(struct sink *sink, struct error *e)
{
	return step((struct lzma_sink *)sink, LZMA_FINISH, e) < 0 ? -1 : sink_finish(sink->next, e);
}

static void lzma_release(struct sink *sink)
{
	struct lzma_sink *lzma = (struct lzma_sink *)sink;

	lzma_end(&lzma->stream);
	sink_release(sink->next);
	free(lzma);
}

struct sink *sink_lzma(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
		       struct error *e)
{
	static const struct sink_ops ops = { lzma_write, lzma_finish, lzma_release };
	lzma_options_lzma options;
	struct lzma_sink *lzma;
	lzma_ret result;

	(void)worker_count;
	(void)memory;
	if (!next)
		return NULL;
	lzma = xcalloc(1, sizeof *lzma);
	lzma->sink.ops = &ops;
	lzma->sink.next = next;
	lzma->stream = (lzma_stream)LZMA_STREAM_INIT;
	/* Cannot fail: the presets 0 to 9 are built in. */
	(void)lzma_lzma_preset(&options, (uint32_t)level);
	if (options.dict_size > LZMA_DICTIONARY_BYTES)
		options.dict_size = LZMA_DICTIONARY_BYTES;
	result = lzma_alone_encoder(&lzma->stream, &options);
	if (result == LZMA_OK) /* as the other codecs, it works beside the writer */
		return sink_thread(&lzma->sink, NULL, e);
	error_set(e, ERROR_SYSTEM, "lzma cannot begin: status %d", (int)result);
	lzma_release(&lzma->sink);
	return NULL;
}
