/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include "base/alloc.h"
#include "base/limits.h"

#include <fcntl.h>

/* The disk starts on what is there while more is being made, so that the fsync at the end finds little. */
#define WRITEBACK_BYTES (8 * MIB)

struct fd_sink {
	struct sink sink;
	int fd; /* borrowed */
	off_t written_bytes;
	off_t started_bytes; /* of which writing to the disk was started */
};

static int fd_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct fd_sink *out = (struct fd_sink *)sink;

	if (file_write_fd(out->fd, data, len, e) < 0)
		return -1;
	out->written_bytes += (off_t)len;
	if (out->written_bytes - out->started_bytes >= (off_t)WRITEBACK_BYTES) {
		/* A hint: what cannot take it (a pipe) does without. */
		(void)sync_file_range(out->fd, out->started_bytes, out->written_bytes - out->started_bytes,
				      SYNC_FILE_RANGE_WRITE);
		out->started_bytes = out->written_bytes;
	}
	return 0;
}

static int fd_finish(struct sink *sink, struct error *e)
{
	(void)sink;
	(void)e;
	return 0;
}

static void fd_release(struct sink *sink)
{
	free(sink);
}

struct sink *sink_fd(int fd)
{
	static const struct sink_ops ops = { fd_write, fd_finish, fd_release };
	struct fd_sink *out = xcalloc(1, sizeof *out);

	out->sink.ops = &ops;
	out->fd = fd;
	return &out->sink;
}
