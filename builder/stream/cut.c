/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/cut.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * A part of each record is enough to tell records apart, and takes no time. In the header of a file this part holds
 * the end of its name, its numbers and the sum over all of it; the beginning alone would be the same for a folder full
 * of files.
 */
enum { PART_AT = 96, PART_WORDS = 8 };

/* Odd numbers without a pattern: digits of pi and of the golden ratio. */
#define START  0x243f6a8885a308d3ULL
#define FACTOR 0x9e3779b97f4a7c15ULL

static bool ends_block(const char *record, uint64_t limit)
{
	uint64_t hash = START;

	for (size_t i = 0; i < PART_WORDS; i++) {
		uint64_t word;

		memcpy(&word, record + PART_AT + i * sizeof word, sizeof word);
		hash = (hash ^ le64toh(word)) * FACTOR;
		hash ^= hash >> 29;
	}
	return hash * FACTOR < limit;
}

size_t cut_find(const struct cut_sizes *sizes, const char *data, size_t seen, size_t len)
{
	size_t end = seen / CUT_RECORD_BYTES * CUT_RECORD_BYTES + CUT_RECORD_BYTES;

	if (end < sizes->min_bytes)
		end = sizes->min_bytes;
	for (; end <= len; end += CUT_RECORD_BYTES)
		if (ends_block(data + end - CUT_RECORD_BYTES,
			       UINT64_MAX / (sizes->spread_bytes / CUT_RECORD_BYTES)))
			return end;
	return len == sizes->max_bytes ? len : 0;
}
