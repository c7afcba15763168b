/* SPDX-License-Identifier: Apache-2.0 */
/* What the codecs' files share; for everybody else there is codec_open() in stream.h. */
#ifndef STREAM_CODEC_H
#define STREAM_CODEC_H

#include "stream/cut.h"
#include "stream/memo.h"
#include "stream/stream.h"

#include "base/limits.h"

/*
 * What all encoders of an image may take together. kiln promises 300 MiB for itself where it writes archives of one
 * compressor; the rest is for queues, the walk and what the build still holds. A squashfs beside them has its blocks
 * on top of that (tree/squash.c).
 */
#define CODEC_MEMORY_BYTES (248 * MIB)

/*
 * Tell that one more chain is there whose encoders take WORKER_BYTES each: when it is opened. Then, once all are, and
 * when its first bytes come, codec_workers().
 */
void codec_memory_join(struct codec_memory *memory, uint64_t worker_bytes);
/* It has come to its end: the small archive of metadata is whole before the walk begins. */
void codec_memory_leave(struct codec_memory *memory, uint64_t worker_bytes);
/*
 * What encoders of WORKER_BYTES wait for one another in, or NULL: small ones never wait. While they did, the walk would
 * stand still, and the large ones with it.
 */
struct budget *codec_memory_budget(struct codec_memory *memory, uint64_t worker_bytes);
/*
 * Threads for one compressor of WORKER_BYTES each: the processors, or fewer where memory is short. All that take much
 * share it among themselves: the walk goes at their pace, and one of them, alone with smaller ones, has to get
 * as many as without these.
 */
size_t codec_workers(const struct codec_memory *memory, uint64_t worker_bytes);
/* The same where all of them need SHARED_BYTES together besides. */
size_t codec_workers_beside(const struct codec_memory *memory, uint64_t worker_bytes, uint64_t shared_bytes);

typedef struct sink *codec_open_fn(struct sink *next, int level, size_t worker_count,
				   struct codec_memory *memory, struct error *e);

codec_open_fn sink_gzip;
codec_open_fn sink_bzip2;
codec_open_fn sink_xz;
codec_open_fn sink_lzma;
codec_open_fn sink_lz4;
codec_open_fn sink_zstd;

/*
 * The mechanism of all of them: the input is cut into blocks by its content (cut.h), worker threads compress each on
 * its own, and the results go out in order. A block that an earlier image has as well is copied from there (memo.h).
 */
struct block {
	char *data; /* the owner's; the input, taken back once it is encoded */
	size_t len;
	int level;
	struct buffer out;
	uint64_t note; /* of the format, kept with the block: xz, what the index says of it */
	struct memo_block known;
	struct blocks *owner;
	enum { BLOCK_EMPTY, BLOCK_QUEUED, BLOCK_BUSY, BLOCK_DONE } state;
	bool failed;
	struct error error;
};

struct block_format {
	const char *name;
	const char *(*version)(void); /* of the library: another one may write other bytes */
	struct cut_sizes (*sizes)(int level);
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
