/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of what kiln keeps for its own use: quick in both directions. Nobody else reads it, so nothing about
 * its bytes is promised, and one thread writes them; what the writer runs beside is its caller's business.
 *
 *	struct quick *quick = NULL;
 *
 *	quick_open(fd, offset, size_bytes, &quick);
 *	while ((r = quick_next(quick, &data, &len, e)) > 0)
 *		...
 */
#ifndef STREAM_QUICK_H
#define STREAM_QUICK_H

#include "stream/stream.h"

/* Encodes what is written to it; see stream.h for the contract. */
struct sink *sink_quick(struct sink *next);

struct quick;

/* Decode the SIZE_BYTES at OFFSET of FD, which is borrowed. */
void quick_open(int fd, uint64_t offset, uint64_t size_bytes, struct quick **out);
/*
 * The next piece: 1 with *data and *len, valid until the next call; 0 when everything came, -1. Errors:
 * ERROR_FORMAT when the bytes are damaged or end too early; ERROR_SYSTEM.
 */
int quick_next(struct quick *quick, const void **data, size_t *len, struct error *e) MUST_CHECK;
void quick_close(struct quick *quick); /* NULL is fine */
static inline void auto_quick_(struct quick **quick)
{
	quick_close(*quick);
}
#define auto_quick AUTO(auto_quick_)

#endif
