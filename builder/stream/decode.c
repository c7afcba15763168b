/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer of compression comes off: libarchive's filter of exactly that kind is asked for, as by itself it
 * would go on with whatever the decompressed bytes look like.
 */
#include "stream/stream.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "stream/window.h"

#include <archive.h>

enum { READ_BYTES = 128 * 1024 };

static const struct magic {
	const char *codec;
	int filter;
	size_t len;
	const char *bytes;
	off_t least; /* bytes of the shortest file there can be: libarchive is silent about some that are shorter */
} magics[] = {
	{ "gzip", ARCHIVE_FILTER_GZIP, 2, "\x1f\x8b", 20 },
	{ "xz", ARCHIVE_FILTER_XZ, 6,
	  "\xfd"
	  "7zXZ\0",
	  32 },
	{ "zstd", ARCHIVE_FILTER_ZSTD, 4, "\x28\xb5\x2f\xfd", 9 },
	{ "bzip2", ARCHIVE_FILTER_BZIP2, 3, "BZh", 14 },
	{ "lz4", ARCHIVE_FILTER_LZ4, 4, "\x04\x22\x4d\x18", 11 },
	/* Properties byte of every encoder there is, and a dictionary of a multiple of 64 KiB. */
	{ "lzma", ARCHIVE_FILTER_LZMA, 3, "\x5d\0\0", 14 },
};

struct decoder {
	int fd; /* borrowed */
	const struct magic *magic;
	struct archive *archive; /* owned; NULL: the file is not compressed */
	char *room;              /* owned; what was read last */
	struct decoder_limits limits;
	uint64_t read_bytes;
	uint64_t given_bytes;
	struct error inner; /* of reading the file */
};

static const struct magic *find_magic(const char *head, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (len >= magics[i].len && memcmp(head, magics[i].bytes, magics[i].len) == 0)
			return &magics[i];
	return NULL;
}

static int fail(const struct decoder *decoder, struct error *e)
{
	const char *text = archive_error_string(decoder->archive);

	if (decoder->inner.kind != ERROR_NONE) {
		*e = decoder->inner;
		return -1;
	}
	return error_set(e, ERROR_FORMAT, "cannot decompress: %s", text ? text : "the data are damaged");
}

/* The next bytes of the file as they are: how many, 0 at its end. */
static ssize_t read_file(struct decoder *decoder, struct error *e)
{
	ssize_t got;

	do
		got = pread(decoder->fd, decoder->room, READ_BYTES, (off_t)decoder->read_bytes);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_sys(e, "cannot read");
	decoder->read_bytes += (uint64_t)got;
	return got;
}

static la_ssize_t feed(struct archive *archive, void *context, const void **block)
{
	struct decoder *decoder = context;
	ssize_t got = read_file(decoder, &decoder->inner);

	*block = decoder->room;
	if (got < 0)
		archive_set_error(archive, EIO, "%s", "cannot read");
	return got;
}

/* The format is set, not offered: a bidder would take a file that is cut short for an empty one. */
static int open_raw(struct decoder *decoder, struct error *e)
{
	struct archive_entry *entry;

	decoder->archive = archive_read_new();
	if (!decoder->archive)
		abort();
	if (archive_read_append_filter(decoder->archive, decoder->magic->filter) != ARCHIVE_OK ||
	    archive_read_set_format(decoder->archive, ARCHIVE_FORMAT_RAW) != ARCHIVE_OK ||
	    archive_read_open2(decoder->archive, decoder, NULL, feed, NULL, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(decoder->archive, &entry) != ARCHIVE_OK)
		return fail(decoder, e);
	return 0;
}

int decoder_open(int fd, struct decoder_limits limits, struct decoder **out, struct error *e)
{
	auto_decoder struct decoder *decoder = xcalloc(1, sizeof *decoder);
	char head[WINDOW_HEAD_BYTES];
	ssize_t got = pread(fd, head, sizeof head, 0);
	off_t size = lseek(fd, 0, SEEK_END);

	if (got < 0 || size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read");
	decoder->fd = fd;
	decoder->limits = limits;
	decoder->room = xmalloc(READ_BYTES);
	decoder->magic = find_magic(head, (size_t)got);
	if (decoder->magic) {
		uint64_t window = window_bytes(head, (size_t)got);

		if (size < decoder->magic->least)
			return error_set(e, ERROR_FORMAT, "cannot decompress: it is cut short");
		if (window != UINT64_MAX && window > LIMIT_WINDOW_BYTES)
			return error_set(e, ERROR_FORMAT,
					 "cannot decompress: that takes %llu bytes of memory",
					 (unsigned long long)window);
		if (open_raw(decoder, e) < 0)
			return -1;
	}
	*out = TAKE(decoder, NULL);
	return 0;
}

/* Count LEN bytes that come out. */
static int count(struct decoder *decoder, size_t len, struct error *e)
{
	uint64_t limit = decoder->limits.fixed_bytes;

	if (decoder->limits.ratio)
		limit += decoder->limits.ratio * decoder->read_bytes;
	decoder->given_bytes += len;
	if (decoder->given_bytes > limit)
		return error_set(e, ERROR_FORMAT, "has more than the limit of %llu bytes when decompressed",
				 (unsigned long long)limit);
	return interrupt_check(e);
}

int decoder_next(struct decoder *decoder, const void **data, size_t *len, struct error *e)
{
	la_int64_t offset;
	int r;

	if (!decoder->archive) {
		ssize_t got = read_file(decoder, e);

		if (got <= 0)
			return (int)got;
		*data = decoder->room;
		*len = (size_t)got;
		return count(decoder, *len, e) < 0 ? -1 : 1;
	}
	do
		r = archive_read_data_block(decoder->archive, data, len, &offset);
	while (r == ARCHIVE_OK && *len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return fail(decoder, e);
	return count(decoder, *len, e) < 0 ? -1 : 1;
}

int decoder_check_end(const struct decoder *decoder, struct error *e)
{
	off_t size = lseek(decoder->fd, 0, SEEK_END);
	int64_t used;

	if (!decoder->archive)
		return 0;
	used = archive_filter_bytes(decoder->archive, -1);
	if (size < 0)
		return error_sys(e, "cannot read");
	if (used < size)
		return error_set(e, ERROR_FORMAT, "there are %lld bytes behind the end of the %s data",
				 (long long)(size - used), decoder->magic->codec);
	return 0;
}

const char *decoder_codec(const struct decoder *decoder)
{
	return decoder->magic ? decoder->magic->codec : "none";
}

void decoder_close(struct decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->archive)
		archive_read_free(decoder->archive);
	free(decoder->room);
	free(decoder);
}

int decode_fd(int fd, uint64_t max_bytes, struct sink *out, struct error *e)
{
	auto_decoder struct decoder *decoder = NULL;
	const void *data;
	size_t len;
	int r;

	if (decoder_open(fd, (struct decoder_limits) { max_bytes, 0 }, &decoder, e) < 0)
		return -1;
	while ((r = decoder_next(decoder, &data, &len, e)) > 0)
		if (sink_write(out, data, len, e) < 0)
			return -1;
	return r;
}
