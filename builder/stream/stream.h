/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way: a sink takes them, and sinks stand in front of each other.
 *
 *	auto_sink struct sink *out =
 *		sink_zstd(sink_sha256(sink_file(&pending), &digest), 3, 0, e);
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

#include "base/digest.h"
#include "base/file.h"

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
};

int sink_write(struct sink *sink, const void *data, size_t len, struct error *e) MUST_CHECK;
int sink_finish(struct sink *sink, struct error *e) MUST_CHECK;
void sink_release(struct sink *sink);
static inline void auto_sink_(struct sink **sink)
{
	if (*sink)
		sink_release(*sink);
}
#define auto_sink AUTO(auto_sink_)

/* Ends of a chain. */
struct sink *sink_fd(int fd);                    /* FD is borrowed */
struct sink *sink_memory(struct buffer *buffer); /* BUFFER is borrowed */

/* Passes bytes on, and leaves their digest and count in *digest and *size_bytes (may be NULL) at finish. */
struct sink *sink_sha256(struct sink *next, struct digest *digest, uint64_t *size_bytes);
/*
 * Runs NEXT in a thread of its own behind a bounded queue, so that the writer and a slow NEXT (a
 * compressor) work side by side. An error of NEXT comes back from a later write() or finish().
 */
struct sink *sink_thread(struct sink *next, struct error *e);

/*
 * Codecs, by name as on the command line: "none", "gzip", "bzip2", "xz", "zstd".
 * `level` is 0 for the codec's default. All of them use every processor, and give the same bytes for any
 * number of them: block sizes, thread modes and header fields are pinned in the codec's file.
 */
struct codec {
	const char *name;
	const char *suffix; /* of file names: "", ".gz", ".bz2", ".xz", ".zst" */
	int level_min;
	int level_max;
	int level_default;
	struct sink *(*open_sink)(struct sink *next, int level, struct error *e);
};

const struct codec *codec_find(struct text name);
/* The table, for help texts and tests; *count receives its length. */
const struct codec *codec_all(size_t *count);
/* "zstd", "zstd-19", "xz-9", "none" → codec and level. ERROR_USAGE names what is possible. */
int codec_parse(const char *word, const struct codec **codec, int *level, struct error *e) MUST_CHECK;

/*
 * Decode a whole compressed file (gzip, xz, zstd, bzip2, lzma or none, found by its magic bytes) from FD
 * into OUT, which is not finished. More than MAX_BYTES of output is ERROR_FORMAT.
 */
int decode_fd(int fd, uint64_t max_bytes, struct sink *out, struct error *e) MUST_CHECK;

#endif
