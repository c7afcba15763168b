/* SPDX-License-Identifier: Apache-2.0 */
/* gzip (RFC 1952) back again through zlib: libarchive compares no checksum of it. */
#ifndef STREAM_GUNZIP_H
#define STREAM_GUNZIP_H

#include "stream/stream.h"

struct gunzip;

struct gunzip *gunzip_open(stream_feed_fn *feed, void *context);
/* 1 and the next piece, valid until the next call; 0: the end of the last member. ERROR_FORMAT. */
int gunzip_next(struct gunzip *gunzip, const void **data, size_t *len, struct error *e) MUST_CHECK;
/* Bytes that were fed and are not of the data. */
size_t gunzip_left(const struct gunzip *gunzip);
void gunzip_close(struct gunzip *gunzip); /* NULL is fine */

#endif
