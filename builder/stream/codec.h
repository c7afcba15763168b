/* SPDX-License-Identifier: Apache-2.0 */
/* What the codecs' files share; for everybody else there is codec_open() in stream.h. */
#ifndef STREAM_CODEC_H
#define STREAM_CODEC_H

#include "stream/stream.h"

#include "base/limits.h"

/*
 * What all compressors of an image may take together. kiln promises 300 MiB for itself; the rest is for
 * queues, the walk and what the build still holds.
 */
#define CODEC_MEMORY_BYTES (248 * MIB)

/* Threads for one compressor of WORKER_BYTES each: the processors, or fewer where memory is short. */
size_t codec_workers(const struct codec_memory *memory, uint64_t worker_bytes);

typedef struct sink *codec_open_fn(struct sink *next, int level, size_t worker_count,
				   struct codec_memory *memory, struct error *e);

codec_open_fn sink_gzip;
codec_open_fn sink_bzip2;
codec_open_fn sink_xz;
codec_open_fn sink_lzma;
codec_open_fn sink_lz4;
codec_open_fn sink_zstd;

/*
 * The mechanism of gzip, bzip2, lz4 and xz: the input is cut into blocks of a fixed size, worker threads compress
 * each on its own, and the results go out in order.
 */
struct block {
	char *data; /* owned; the input, gone once it is encoded */
	size_t len;
	int level;
	struct buffer out;
	uint64_t unpadded_bytes; /* xz: what the index says of the block */
	const struct blocks *owner;
	enum { BLOCK_EMPTY, BLOCK_QUEUED, BLOCK_BUSY, BLOCK_DONE } state;
	bool failed;
	struct error error;
};

struct block_format {
	size_t (*block_bytes)(int level);
	uint64_t (*encoder_bytes)(int level); /* memory of one encoder at work */
	/* DATA → OUT, in a worker thread. Long work calls blocks_check() now and then. */
	int (*encode)(struct block *block, struct error *e);
	/*
	 * What a format writes around its blocks; all NULL where each block is a file of its own, and files may
	 * follow each other. CONTEXT is what open() returned. add() is called for every block in order.
	 */
	void *(*open)(void);
	int (*head)(void *context, struct buffer *out, struct error *e);
	int (*add)(void *context, const struct block *block, struct error *e);
	int (*tail)(void *context, struct buffer *out, struct error *e);
	void (*close)(void *context);
};

struct sink *sink_blocks(const struct block_format *format, struct sink *next, int level, size_t worker_count,
			 struct codec_memory *memory, struct error *e);
/* -1 and ERROR_INTERRUPTED when nobody waits for this block any more. */
int blocks_check(const struct block *block, struct error *e) MUST_CHECK;

#endif
