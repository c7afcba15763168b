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
} magics[] = {
	{ ARCHIVE_FILTER_GZIP, 2, "\x1f\x8b" },
	{ ARCHIVE_FILTER_XZ, 6,
	  "\xfd"
	  "7zXZ\0" },
	{ ARCHIVE_FILTER_ZSTD, 4, "\x28\xb5\x2f\xfd" },
	{ ARCHIVE_FILTER_BZIP2, 3, "BZh" },
	/* Properties byte of every encoder there is, and a dictionary of a multiple of 64 KiB. */
	{ ARCHIVE_FILTER_LZMA, 3, "\x5d\0\0" },
};

static int find_filter(const char *head, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (len >= magics[i].len && memcmp(head, magics[i].bytes, magics[i].len) == 0)
			return magics[i].filter;
	return ARCHIVE_FILTER_NONE;
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

static int open_raw(struct archive *archive, int filter, int fd, struct error *e)
{
	struct archive_entry *entry;

	if (archive_read_support_format_raw(archive) != ARCHIVE_OK ||
	    archive_read_support_format_empty(archive) != ARCHIVE_OK)
		return fail(archive, e);
	if (archive_read_append_filter(archive, filter) != ARCHIVE_OK ||
	    archive_read_open_fd(archive, fd, READ_BYTES) != ARCHIVE_OK)
		return fail(archive, e);
	/* EOF here: a compressed file of nothing. */
	switch (archive_read_next_header(archive, &entry)) {
	case ARCHIVE_OK:
		return 1;
	case ARCHIVE_EOF:
		return 0;
	default:
		return fail(archive, e);
	}
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
	int opened;

	if (!archive)
		return error_set(e, ERROR_SYSTEM, "cannot start libarchive");
	opened = open_raw(archive, filter, fd, e);
	if (opened <= 0)
		return opened;
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
	int filter;

	if (got < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read");
	filter = find_filter(head, (size_t)got);
	return filter == ARCHIVE_FILTER_NONE ? copy(fd, max_bytes, out, e)
					     : decode_filter(filter, fd, max_bytes, out, e);
}
