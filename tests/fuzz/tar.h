/* SPDX-License-Identifier: Apache-2.0 */
/* Tar archives for targets: of any bytes, made such that a reader gets past their first block; and good ones. */
#ifndef TESTS_FUZZ_TAR_H
#define TESTS_FUZZ_TAR_H

#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum { TAR_BLOCK = 512, TAR_SUM_AT = 148, TAR_SUM_LEN = 8, TAR_MAGIC_AT = 257 };

static inline void tar_set_sum(uint8_t *block)
{
	unsigned sum = 0;
	char text[TAR_SUM_LEN + 1];

	memset(block + TAR_SUM_AT, ' ', TAR_SUM_LEN);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	snprintf(text, sizeof text, "%06o", sum);
	memcpy(block + TAR_SUM_AT, text, TAR_SUM_LEN - 1);
}

/* Headers get the sums that they should have: else nothing would get past the first changed bit. */
static inline void tar_mend(uint8_t *data, size_t size)
{
	for (; size >= TAR_BLOCK; data += TAR_BLOCK, size -= TAR_BLOCK)
		if (memcmp(data + TAR_MAGIC_AT, "ustar", 5) == 0)
			tar_set_sum(data);
}

static inline void tar_add_file(struct buffer *tar, const char *path, const char *data, size_t len)
{
	static const char zeros[TAR_BLOCK];
	uint8_t block[TAR_BLOCK] = { 0 };

	snprintf((char *)block, 100, "%s", path);
	memcpy(block + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000",
	       23);
	snprintf((char *)block + 124, 12, "%011o", (unsigned)len & 07777777777U);
	memcpy(block + 136, "07346545000", 11);
	block[156] = '0';
	memcpy(block + TAR_MAGIC_AT, "ustar  ", 7);
	tar_set_sum(block);
	buffer_add(tar, block, sizeof block);
	buffer_add(tar, data, len);
	if (len % TAR_BLOCK)
		buffer_add(tar, zeros, TAR_BLOCK - len % TAR_BLOCK);
}

static inline void tar_add_end(struct buffer *tar)
{
	static const char zeros[2 * TAR_BLOCK];

	buffer_add(tar, zeros, sizeof zeros);
}

#endif
