/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decoder is going to need, told by the first bytes of what it is to decode: some formats leave it to the
 * encoder how much of the past a decoder has to remember. In xz every block may say something else: see unxz.h.
 */
#ifndef STREAM_WINDOW_H
#define STREAM_WINDOW_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* What all decoders that work side by side may take together; see base/budget.h. */
#define WINDOW_BUDGET_BYTES (128 * MIB)

/* Enough of a file for window_bytes() to see. */
enum { WINDOW_HEAD_BYTES = 64 };

/*
 * Memory of a decoder for the data that begin with HEAD (gzip, zstd, bzip2, or anything else, that needs none).
 * UINT64_MAX: HEAD is too short or malformed, the decoder will say which.
 */
uint64_t window_bytes(const void *head, size_t len);

#endif
