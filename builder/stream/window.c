/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/window.h"

#include "base/auto.h"
#include "base/limits.h"

#include <endian.h>
#include <stdbool.h>

/* RFC 8878, 3.1.1.1: the frame header. */
static uint64_t zstd_bytes(const uint8_t *head, size_t len)
{
	static const size_t id_bytes[] = { 0, 1, 2, 4 };
	static const size_t size_bytes[] = { 1, 2, 4, 8 };
	uint64_t size = 0;
	unsigned kind;
	size_t at;

	if (len < WINDOW_HEAD_BYTES)
		return UINT64_MAX;
	if (!(head[4] & 0x20)) {
		uint64_t base = 1ULL << (10 + (head[5] >> 3));

		return base + base / 8 * (head[5] & 7);
	}
	/* A single segment: what comes out is its own window. */
	kind = head[4] >> 6;
	at = 5 + id_bytes[head[4] & 3];
	memcpy(&size, head + at, size_bytes[kind]);
	size = le64toh(size);
	return kind == 1 ? size + 256 : size;
}

static uint64_t gzip_bytes(const uint8_t *head, size_t len)
{
	(void)head;
	(void)len;
	return 64 * KIB;
}

static uint64_t bzip2_bytes(const uint8_t *head, size_t len)
{
	(void)head;
	(void)len;
	return 4 * MIB;
}

uint64_t window_bytes(const void *head, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		uint64_t (*bytes)(const uint8_t *head, size_t len);
	} formats[] = {
		{ "\x28\xb5\x2f\xfd", 4, zstd_bytes },
		{ "\x1f\x8b", 2, gzip_bytes },
		{ "BZh", 3, bzip2_bytes },
	};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (len >= formats[i].len && memcmp(head, formats[i].magic, formats[i].len) == 0)
			return formats[i].bytes(head, len);
	return len < WINDOW_HEAD_BYTES ? UINT64_MAX : 0;
}
