/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libzstd's own threads. It cuts the input into jobs whose size is pinned here, each seeing the end of the
 * one before; one worker or many, the bytes are the same. (No workers at all is another mode with other
 * bytes, and never used.)
 */
#include "stream/codec.h"

#include "base/alloc.h"

#include <zstd.h>

/* Windows are the library's own for large inputs, and within the 8 MiB that every decoder has to offer. */
static const struct zstd_row {
	int level_max;
	int window_log;
	int job_bytes;
	uint64_t worker_bytes; /* measured: tables, input and output of one job */
} rows[] = {
	/* Jobs smaller than the library's with more of the one before: as fast, smaller, and half the memory. */
	{ 1, 19, 2 * 1024 * 1024, 8 * MIB },    { 2, 20, 2 * 1024 * 1024, 8 * MIB },
	{ 8, 21, 2 * 1024 * 1024, 12 * MIB },   { 16, 22, 8 * 1024 * 1024, 60 * MIB },
	{ 19, 23, 8 * 1024 * 1024, 110 * MIB },
};

enum { ZSTD_OVERLAP = 8 /* half a window */ };

struct zstd_sink {
	struct sink sink;
	ZSTD_CCtx *encoder; /* owned */
	char *out;          /* owned */
	size_t out_bytes;
};

static int check(size_t result, struct error *e)
{
	if (!ZSTD_isError(result))
		return 0;
	return error_set(e, ERROR_INTERNAL, "zstd: %s", ZSTD_getErrorName(result));
}

/* One step of the encoder; what it gives goes on. *left: bytes that are still inside, with ZSTD_e_end. */
static int step(struct zstd_sink *zstd, ZSTD_inBuffer *in, ZSTD_EndDirective mode, size_t *left,
		struct error *e)
{
	ZSTD_outBuffer out = { zstd->out, zstd->out_bytes, 0 };

	*left = ZSTD_compressStream2(zstd->encoder, &out, in, mode);
	if (check(*left, e) < 0)
		return -1;
	return sink_write(zstd->sink.next, out.dst, out.pos, e);
}

static int zstd_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left;

	while (in.pos < in.size)
		if (step((struct zstd_sink *)sink, &in, ZSTD_e_continue, &left, e) < 0)
			return -1;
	return 0;
}

static int zstd_finish(struct sink *sink, struct error *e)
{
	ZSTD_inBuffer in = { NULL, 0, 0 };
	size_t left;

	do {
		if (step((struct zstd_sink *)sink, &in, ZSTD_e_end, &left, e) < 0)
			return -1;
	} while (left);
	return sink_finish(sink->next, e);
}

static void zstd_release(struct sink *sink)
{
	struct zstd_sink *zstd = (struct zstd_sink *)sink;

	ZSTD_freeCCtx(zstd->encoder); /* waits for its threads */
	sink_release(sink->next);
	free(zstd->out);
	free(zstd);
}

static int set(struct zstd_sink *zstd, int level, size_t worker_count, struct codec_memory *memory,
	       struct error *e)
{
	const struct zstd_row *row = rows;

	while (row->level_max < level)
		row++;
	const struct {
		ZSTD_cParameter parameter;
		int value;
	} settings[] = {
		{ ZSTD_c_compressionLevel, level },
		{ ZSTD_c_windowLog, row->window_log },
		{ ZSTD_c_checksumFlag, 1 },
		/* Before jobSize and overlapLog, which are refused without workers. */
		{ ZSTD_c_nbWorkers,
		  (int)(worker_count ? worker_count : codec_workers(memory, row->worker_bytes)) },
		{ ZSTD_c_jobSize, row->job_bytes },
		{ ZSTD_c_overlapLog, ZSTD_OVERLAP },
	};
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (check(ZSTD_CCtx_setParameter(zstd->encoder, settings[i].parameter, settings[i].value),
			  e) < 0)
			return error_wrap(e, "this libzstd cannot be used");
	return 0;
}

struct sink *sink_zstd(struct sink *next, int level, size_t worker_count, struct codec_memory *memory,
		       struct error *e)
{
	static const struct sink_ops ops = { zstd_write, zstd_finish, zstd_release };
	struct zstd_sink *zstd;

	if (!next)
		return NULL;
	zstd = xcalloc(1, sizeof *zstd);
	zstd->sink.ops = &ops;
	zstd->sink.next = next;
	zstd->out_bytes = ZSTD_CStreamOutSize();
	zstd->out = xmalloc(zstd->out_bytes);
	zstd->encoder = ZSTD_createCCtx();
	if (!zstd->encoder)
		abort();
	if (set(zstd, level, worker_count, memory, e) < 0) {
		zstd_release(&zstd->sink);
		return NULL;
	}
	return &zstd->sink;
}
