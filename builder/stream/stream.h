/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way: a sink takes them, and sinks stand in front of each other.
 *
 *	auto_sink struct sink *out = codec_open(codec, level, sink_sha256(sink_fd(fd), &digest, &size), NULL, e);
 *
 *	if (!out || sink_write(out, data, len, e) < 0 || sink_finish(out, e) < 0)
 *		return error_wrap(e, "cannot pack");
 *
 * Contract
 *  - A constructor owns NEXT at once, also when it fails (NULL, *e set); NULL as NEXT gives NULL with *e
 *    left as the inner constructor set it. So a chain needs one check.
 *  - write() takes all LEN bytes or fails. Empty writes are fine. The bytes are not referred to afterwards.
 *  - finish() sends everything pending on, writes what the format needs at its end (also for empty
 *    input), then finishes NEXT. It is called once; after it, or after any error, only release is legal.
 *  - release() frees the sink and NEXT. What was not finished is undone by who opened the file
 *    (file.h: file_pending_release()).
 *  - A sink is used by one thread at a time. Sinks may have threads of their own inside; these end in
 *    finish() or release(), and the bytes never depend on how many there are.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "base/budget.h"
#include "base/digest.h"
#include "base/file.h"

#include <stdatomic.h>

struct memo;
struct sink;

struct sink_ops {
	int (*write)(struct sink *sink, const void *data, size_t len, struct error *e);
	int (*finish)(struct sink *sink, struct error *e);
	void (*release)(struct sink *sink); /* frees SINK itself, and NEXT through sink_release() */
};

/* The first member of every kind of sink. */
struct sink {
	const struct sink_ops *ops;
	struct sink *next; /* owned; NULL at the end of a chain */
	bool closed;       /* finished or failed: kept by sink_write() and sink_finish(), which assert it */
};

int sink_write(struct sink *sink, const void *data, size_t len, struct error *e) MUST_CHECK;
int sink_finish(struct sink *sink, struct error *e) MUST_CHECK;
void sink_release(struct sink *sink); /* NULL is fine */
static inline void auto_sink_(struct sink **sink)
{
	if (*sink)
		sink_release(*sink);
}
#define auto_sink AUTO(auto_sink_)

/* Ends of a chain. */
struct sink *sink_fd(int fd);                    /* FD is borrowed */
struct sink *sink_memory(struct buffer *buffer); /* BUFFER is borrowed; NULL: nowhere, for digests alone */

/* Passes bytes on, and leaves their digest and count in *digest and *size_bytes (may be NULL) at finish. */
struct sink *sink_sha256(struct sink *next, struct digest *digest, uint64_t *size_bytes);
/* As sink_sha256(), with the digest of HEAD and the bytes passed on, as one. HEAD is used at once only. */
struct sink *sink_sha256_after(struct sink *next, const void *head, size_t head_len, struct digest *digest);
/*
 * Runs NEXT in a thread of its own behind a bounded queue, so that the writer and a slow NEXT (a
 * compressor) work side by side. An error of NEXT comes back from a later write() or finish(). *cpu_s (may be NULL)
 * receives at finish the processor time of that thread, without that of threads which NEXT has inside.
 */
struct sink *sink_thread(struct sink *next, double *cpu_s, struct error *e);

/*
 * The memory that all compressors of an image take together. It decides how many of them work at a time,
 * never what they write.
 */
struct codec_memory {
	struct budget budget;
	size_t chain_count;        /* compressors that run side by side */
	atomic_size_t heavy_count; /* those of them that take much, as they are opened and end */
};

void codec_memory_init(struct codec_memory *memory, size_t chain_count);
void codec_memory_release(struct codec_memory *memory);

/*
 * Codecs, by name as on the command line: "none", "gzip", "bzip2", "xz", "zstd", "lzma", "lz4". All but lzma use
 * every processor that memory allows; all give the same bytes for any number of them: block sizes, thread modes
 * and header fields are pinned in the codec's file.
 */
struct codec {
	const char *name;
	const char *suffix; /* of file names: "", ".gz" and the like */
	int level_min;
	int level_max; /* 0: there are no levels */
	int level_default;
	/* LEVEL within the limits. WORKER_COUNT 0: as many as fit. MEMORY may be NULL (nobody to share with). */
	struct sink *(*open_sink)(struct sink *next, int level, size_t worker_count,
				  struct codec_memory *memory, struct error *e);
};

const struct codec *codec_find(struct text name);
/* The table, for help texts and tests; *count receives its length. */
const struct codec *codec_all(size_t *count);
/*
 * "zstd", "zstd-19", "xz-9", "none" → codec and level; the codec's default level where none is given.
 * ERROR_USAGE names what is possible.
 */
int codec_parse(const char *word, const struct codec **codec, int *level, struct error *e) MUST_CHECK;
/* A LEVEL below the codec's lowest (0, but for xz -1) means its default. */
struct sink *codec_open(const struct codec *codec, int level, struct sink *next, struct codec_memory *memory,
			struct error *e);

/*
 * The libraries whose version has a say in the bytes of a compressed file, in the order of their names: the name of
 * number INDEX with its *version; NULL behind the last.
 */
const char *stream_library(size_t index, const char **version);

/*
 * The file NAME, of which SINK (codec_open()'s, not written to yet) writes every byte, takes from MEMO the blocks that
 * are known there, and its own are noted. MEMO has to outlive SINK. Codecs without blocks ignore it.
 */
void codec_remember(struct sink *sink, struct memo *memo, const char *name);

/*
 * A compressed file, piece by piece. Its codec is found by its magic bytes: gzip, xz, zstd, bzip2, lzma, lz4 or none.
 *
 *	decoder_open(fd, limits, &decoder, e);
 *	while ((r = decoder_next(decoder, &data, &len, e)) > 0)
 *		…
 */
struct decoder;

/* What comes out is ERROR_FORMAT beyond FIXED_BYTES and, where RATIO is not 0, RATIO bytes for each that was read. */
struct decoder_limits {
	uint64_t fixed_bytes;
	uint64_t ratio;
};

/* FD is borrowed; it is read from its start, and its offset stays where it is. */
int decoder_open(int fd, struct decoder_limits limits, struct decoder **out, struct error *e) MUST_CHECK;
/* 1 and the next piece, valid until the next call; 0: the end. */
int decoder_next(struct decoder *decoder, const void **data, size_t *len, struct error *e) MUST_CHECK;
/* Behind the end: nothing of the file may be left. */
int decoder_check_end(const struct decoder *decoder, struct error *e) MUST_CHECK;
/* The name of a codec, or "none". */
const char *decoder_codec(const struct decoder *decoder);
void decoder_close(struct decoder *decoder); /* NULL is fine */
static inline void auto_decoder_(struct decoder **decoder)
{
	decoder_close(*decoder);
}
#define auto_decoder AUTO(auto_decoder_)

/* Decode a whole file from FD into OUT, which is not finished. More than MAX_BYTES of output is ERROR_FORMAT. */
int decode_fd(int fd, uint64_t max_bytes, struct sink *out, struct error *e) MUST_CHECK;

#endif
