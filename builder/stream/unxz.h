/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xz and its forerunner lzma back again through liblzma: libarchive, which does it for what is left, lets the file
 * decide about memory up to 1 GiB. Here every block, of whatever stream of the file, gets what it says it needs from
 * a budget, and never more than LIMIT_WINDOW_BYTES.
 */
#ifndef STREAM_UNXZ_H
#define STREAM_UNXZ_H

#include "base/budget.h"
#include "stream/stream.h"

struct unxz;

enum unxz_format {
	UNXZ_XZ,
	UNXZ_LZMA,
};

/* MEMORY is borrowed and may be NULL: nobody to share with. */
struct unxz *unxz_open(enum unxz_format format, stream_feed_fn *feed, void *context, struct budget *memory);
/* 1 and the next piece, valid until the next call; 0: the end of the last stream. ERROR_FORMAT. */
int unxz_next(struct unxz *unxz, const void **data, size_t *len, struct error *e) MUST_CHECK;
/* Bytes that were fed and are not of the data. */
size_t unxz_left(const struct unxz *unxz);
void unxz_close(struct unxz *unxz); /* NULL is fine */

#endif
