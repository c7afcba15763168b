/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/gunzip.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

enum { OUT_BYTES = 128 * 1024, GZIP_WINDOW = 15 + 16 /* zlib.h: the largest window, and a gzip header */ };

struct gunzip {
	z_stream stream;
	stream_feed_fn *feed;
	void *context;
	unsigned char *out; /* owned */
	bool in_member;
	bool ended;
};

struct gunzip *gunzip_open(stream_feed_fn *feed, void *context)
{
	struct gunzip *gunzip = xcalloc(1, sizeof *gunzip);

	gunzip->feed = feed;
	gunzip->context = context;
	gunzip->out = xmalloc(OUT_BYTES);
	gunzip->in_member = true;
	if (inflateInit2(&gunzip->stream, GZIP_WINDOW) != Z_OK)
		abort();
	return gunzip;
}

void gunzip_close(struct gunzip *gunzip)
{
	if (!gunzip)
		return;
	inflateEnd(&gunzip->stream);
	free(gunzip->out);
	free(gunzip);
}

size_t gunzip_left(const struct gunzip *gunzip)
{
	return gunzip->stream.avail_in;
}

/* 1: there are bytes to read; 0: the file has ended. */
static int refill(struct gunzip *gunzip, struct error *e)
{
	const void *data;
	size_t len;
	int r;

	if (gunzip->stream.avail_in)
		return 1;
	r = gunzip->feed(gunzip->context, &data, &len, e);
	if (r <= 0)
		return r;
	/* zlib does not write there. */
	gunzip->stream.next_in = (unsigned char *)(uintptr_t)data;
	gunzip->stream.avail_in = (unsigned)len;
	return 1;
}

/* Behind a member: 1 when another one begins there. One byte is enough to tell, for zlib checks the next. */
static int next_member(struct gunzip *gunzip, struct error *e)
{
	int r = refill(gunzip, e);

	if (r <= 0)
		return r;
	if (*gunzip->stream.next_in != 0x1f)
		return 0;
	if (inflateReset(&gunzip->stream) != Z_OK)
		abort();
	gunzip->in_member = true;
	return 1;
}

/* Bytes go to the buffer of output until it is full or the member ends. */
static int inflate_some(struct gunzip *gunzip, struct error *e)
{
	int r = refill(gunzip, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return error_set(e, ERROR_FORMAT, "cannot decompress: truncated gzip data");
	switch (inflate(&gunzip->stream, Z_NO_FLUSH)) {
	case Z_STREAM_END:
		gunzip->in_member = false;
		return 0;
	case Z_OK:
	case Z_BUF_ERROR:
		return 0;
	case Z_MEM_ERROR:
		abort();
	default:
		return error_set(e, ERROR_FORMAT, "cannot decompress: damaged gzip data (%s)",
				 gunzip->stream.msg ? gunzip->stream.msg : "malformed");
	}
}

int gunzip_next(struct gunzip *gunzip, const void **data, size_t *len, struct error *e)
{
	gunzip->stream.next_out = gunzip->out;
	gunzip->stream.avail_out = OUT_BYTES;
	while (gunzip->stream.avail_out == OUT_BYTES && !gunzip->ended) {
		int r = gunzip->in_member ? 1 : next_member(gunzip, e);

		if (r < 0 || (r > 0 && inflate_some(gunzip, e) < 0))
			return -1;
		gunzip->ended = r == 0;
	}
	*data = gunzip->out;
	*len = OUT_BYTES - gunzip->stream.avail_out;
	return *len > 0;
}
