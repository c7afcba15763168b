/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer of compression comes off: libarchive's filter of exactly that kind is asked for, as by itself it
 * would go on with whatever the decompressed bytes look like.
 */
#include "stream/stream.h"

#include "base/alloc.h"
#include "base/interrupt.h"

#include <archive.h>

enum { READ_BYTES = 128 * 1024, MAGIC_BYTES = 6 };

static const struct magic {
	int filter;
	size_t len;
	const char *bytes;
	off_t least; /* bytes of the shortest file there can be: libarchive is silent about some that are shorter */
} magics[] = {
	{ ARCHIVE_FILTER_GZIP, 2, "\x1f\x8b", 20 },
	{ ARCHIVE_FILTER_XZ, 6,
	  "\xfd"
	  "7zXZ\0",
	  32 },
	{ ARCHIVE_FILTER_ZSTD, 4, "\x28\xb5\x2f\xfd", 9 },
	{ ARCHIVE_FILTER_BZIP2, 3, "BZh", 14 },
	{ ARCHIVE_FILTER_LZ4, 4, "\x04\x22\x4d\x18", 11 },
	/* Properties byte of every encoder there is, and a dictionary of a multiple of 64 KiB. */
	{ ARCHIVE_FILTER_LZMA, 3, "\x5d\0\0", 14 },
};

static const struct magic *find_magic(const char *head, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (len >= magics[i].len && memcmp(head, magics[i].bytes, magics[i].len) == 0)
			return &magics[i];
	return NULL;
}

static void archive_release(struct archive **archive)
{
	if (*archive)
		archive_read_free(*archive);
}

static int fail(struct archive *archive, struct error *e)
{
	const char *text = archive_error_string(archive);

	return error_set(e, ERROR_FORMAT, "cannot decompress: %s", text ? text : "the data are damaged");
}

/* The format is set, not offered: a bidder would take a file that is cut short for an empty one. */
static int open_raw(struct archive *archive, int filter, int fd, struct error *e)
{
	struct archive_entry *entry;

	if (archive_read_append_filter(archive, filter) != ARCHIVE_OK ||
	    archive_read_set_format(archive, ARCHIVE_FORMAT_RAW) != ARCHIVE_OK ||
	    archive_read_open_fd(archive, fd, READ_BYTES) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return fail(archive, e);
	return 0;
}

/* Hand LEN bytes on, unless that makes more than MAX_BYTES in all. */
static int pass_on(struct sink *out, const void *data, size_t len, uint64_t *total, uint64_t max_bytes,
		   struct error *e)
{
	if (len > max_bytes - *total)
		return error_set(e, ERROR_FORMAT, "has more than the limit of %llu bytes when decompressed",
				 (unsigned long long)max_bytes);
	*total += len;
	if (interrupt_check(e) < 0)
		return -1;
	return sink_write(out, data, len, e);
}

static int decode_filter(int filter, int fd, uint64_t max_bytes, struct sink *out, struct error *e)
{
	AUTO(archive_release) struct archive *archive = archive_read_new();
	auto_free char *data = xmalloc(READ_BYTES);
	uint64_t total = 0;

	if (!archive)
		return error_set(e, ERROR_SYSTEM, "cannot start libarchive");
	if (open_raw(archive, filter, fd, e) < 0)
		return -1;
	for (;;) {
		la_ssize_t got = archive_read_data(archive, data, READ_BYTES);

		if (got < 0)
			return fail(archive, e);
		if (got == 0)
			return 0;
		if (pass_on(out, data, (size_t)got, &total, max_bytes, e) < 0)
			return -1;
	}
}

static int copy(int fd, uint64_t max_bytes, struct sink *out, struct error *e)
{
	auto_free char *data = xmalloc(READ_BYTES);
	uint64_t total = 0;

	for (;;) {
		ssize_t got = read(fd, data, READ_BYTES);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read");
		if (got == 0)
			return 0;
		if (pass_on(out, data, (size_t)got, &total, max_bytes, e) < 0)
			return -1;
	}
}

int decode_fd(int fd, uint64_t max_bytes, struct sink *out, struct error *e)
{
	char head[MAGIC_BYTES];
	ssize_t got = pread(fd, head, sizeof head, 0);
	off_t size = lseek(fd, 0, SEEK_END);
	const struct magic *magic;

	if (got < 0 || size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read");
	magic = find_magic(head, (size_t)got);
	if (!magic)
		return copy(fd, max_bytes, out, e);
	if (size < magic->least)
		return error_set(e, ERROR_FORMAT, "cannot decompress: it is cut short");
	return decode_filter(magic->filter, fd, max_bytes, out, e);
}
