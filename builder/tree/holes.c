/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/holes.h"

#include "base/alloc.h"
#include "base/interrupt.h"

#include <unistd.h>

enum { READ_BYTES = 256 * 1024, EXTENT_COUNT_MAX = 65536 };

/* Not in a run of zeros. */
#define NONE UINT64_MAX

void holes_start(struct holes *holes)
{
	holes->count = 0;
	holes->found = false;
	holes->at = 0;
	holes->data_from = 0;
	holes->zero_from = NONE;
}

/* The zeros end here; when they are many, the data in front of them are an extent. */
static void end_zeros(struct holes *holes)
{
	struct tree_extent extent = { holes->data_from, holes->zero_from - holes->data_from };
	bool hole = holes->zero_from != NONE && holes->at - holes->zero_from >= HOLE_BYTES;

	holes->zero_from = NONE;
	if (!hole || holes->count >= EXTENT_COUNT_MAX)
		return;
	if (extent.len)
		PUSH(holes->extents, holes->count, extent);
	holes->found = true;
	holes->data_from = holes->at;
}

void holes_add_data(struct holes *holes, uint64_t len)
{
	if (len == 0)
		return;
	end_zeros(holes);
	holes->at += len;
}

void holes_add_zeros(struct holes *holes, uint64_t len)
{
	if (len && holes->zero_from == NONE)
		holes->zero_from = holes->at;
	holes->at += len;
}

static bool is_zero(const char *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

void holes_add(struct holes *holes, const void *data, size_t len)
{
	for (const char *block = data; len;) {
		size_t part = len < HOLE_BLOCK_BYTES ? len : HOLE_BLOCK_BYTES;

		if (is_zero(block, part))
			holes_add_zeros(holes, part);
		else
			holes_add_data(holes, part);
		block += part;
		len -= part;
	}
}

void holes_end(struct holes *holes)
{
	struct tree_extent rest;

	end_zeros(holes);
	rest = (struct tree_extent) { holes->data_from, holes->at - holes->data_from };
	if (holes->found && rest.len)
		PUSH(holes->extents, holes->count, rest);
	/* An array that is there even for a file that is one hole. */
	if (holes->found && !holes->extents)
		holes->extents = xcalloc(1, sizeof *holes->extents);
}

/* Where the next bytes are that the file system does not know to be zeros: at AT or later, at the start of a block. */
static uint64_t next_data(int fd, uint64_t at, uint64_t size_bytes)
{
	off_t found = lseek(fd, (off_t)at, SEEK_DATA);

	if (found < 0)
		return errno == ENXIO ? size_bytes : at;
	return (uint64_t)found - (uint64_t)found % HOLE_BLOCK_BYTES;
}

static int read_piece(int fd, uint64_t at, char *data, size_t len, struct error *e)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, data + done, len - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read it");
		if (got == 0)
			return error_set(e, ERROR_SYSTEM, "it changed while it was being read");
		done += (size_t)got;
	}
	return 0;
}

int holes_of_file(int fd, uint64_t size_bytes, struct holes *holes, struct error *e)
{
	auto_free char *data = NULL;

	holes_start(holes);
	if (size_bytes < HOLE_BYTES)
		return 0;
	data = xmalloc(READ_BYTES);
	while (holes->at < size_bytes) {
		uint64_t data_at = next_data(fd, holes->at, size_bytes);
		uint64_t left;
		size_t part;

		if (interrupt_check(e) < 0)
			return -1;
		if (data_at > size_bytes)
			data_at = size_bytes;
		if (data_at > holes->at)
			holes_add_zeros(holes, data_at - holes->at);
		left = size_bytes - holes->at;
		part = left < READ_BYTES ? (size_t)left : READ_BYTES;
		if (read_piece(fd, holes->at, data, part, e) < 0)
			return -1;
		holes_add(holes, data, part);
	}
	holes_end(holes);
	return lseek(fd, 0, SEEK_SET) < 0 ? error_sys(e, "cannot read it") : 0;
}

/* The first start of a block at AT or behind it. */
static uint64_t block_up(uint64_t at)
{
	return (at + HOLE_BLOCK_BYTES - 1) / HOLE_BLOCK_BYTES * HOLE_BLOCK_BYTES;
}

int holes_of_extents(const struct tree_extent *extents, size_t count, uint64_t size_bytes,
		     struct holes *holes, struct error *e)
{
	uint64_t end = 0;

	holes_start(holes);
	for (size_t i = 0; i <= count; i++) {
		struct tree_extent extent = i < count ? extents[i] : (struct tree_extent) { size_bytes, 0 };
		uint64_t from = extent.offset - extent.offset % HOLE_BLOCK_BYTES;

		if (extent.offset < end || extent.offset > size_bytes ||
		    extent.len > size_bytes - extent.offset)
			return error_set(e, ERROR_FORMAT, "its pieces are not in order, or not in the file");
		end = extent.offset + extent.len;
		if (i == count)
			from = size_bytes;
		else if (extent.len == 0)
			continue;
		if (from > holes->at)
			holes_add_zeros(holes, from - holes->at);
		if (end > holes->at)
			holes_add_data(holes,
				       (block_up(end) < size_bytes ? block_up(end) : size_bytes) - holes->at);
	}
	holes_end(holes);
	return 0;
}

void holes_release(struct holes *holes)
{
	free(holes->extents);
	*holes = HOLES_INIT;
}
