/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer of compression comes off. What a decoder of its own does not do, libarchive's filter of exactly that kind
 * does, as by itself it would go on with whatever the decompressed bytes look like.
 */
#include "stream/stream.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "stream/gunzip.h"
#include "stream/unxz.h"
#include "stream/window.h"

#include <archive.h>

enum { READ_BYTES = 128 * 1024 };

static const struct magic {
	const char *codec;
	int filter;
	size_t len;
	const char *bytes;
	size_t least; /* bytes of the shortest data there can be: libarchive is silent about some that are shorter */
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
	stream_feed_fn *feed;
	void *context;
	int fd; /* borrowed; what the feed of a file reads, up to AT */
	off_t at;
	char *room;                /* owned; what was read of it last */
	const struct magic *magic; /* NULL: not compressed; else one of these three: */
	struct gunzip *gunzip;     /* owned */
	struct unxz *unxz;         /* owned */
	struct archive *archive;   /* owned */
	struct buffer head;        /* pieces that were too small to tell anything */
	const void *first;         /* what was read to find the codec, and not given to it yet */
	size_t first_len;
	struct decoder_limits limits;
	uint64_t memory_bytes; /* taken from the limits' budget */
	uint64_t read_bytes;
	uint64_t given_bytes;
	struct error inner; /* what FEED said, as libarchive has no room for it */
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
	if (archive_errno(decoder->archive) == ENOMEM)
		abort();
	return error_set(e, ERROR_FORMAT, "cannot decompress: %s", text ? text : "the data are damaged");
}

/* A stream_feed_fn of the file as it is. */
static int read_file(void *context, const void **data, size_t *len, struct error *e)
{
	struct decoder *decoder = context;
	ssize_t got;

	do
		got = pread(decoder->fd, decoder->room, READ_BYTES, decoder->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_sys(e, "cannot read");
	decoder->at += got;
	*data = decoder->room;
	*len = (size_t)got;
	return got > 0;
}

/* A stream_feed_fn of what the decoders get. */
static int feed_decoder(void *context, const void **data, size_t *len, struct error *e)
{
	struct decoder *decoder = context;

	if (decoder->first_len) {
		*data = decoder->first;
		*len = TAKE(decoder->first_len, 0);
	} else {
		int r = decoder->feed(decoder->context, data, len, e);

		if (r <= 0)
			return r;
	}
	decoder->read_bytes += *len;
	return 1;
}

static la_ssize_t feed_archive(struct archive *archive, void *context, const void **block)
{
	struct decoder *decoder = context;
	size_t len;
	int r = feed_decoder(decoder, block, &len, &decoder->inner);

	if (r > 0)
		return (la_ssize_t)len;
	if (r < 0)
		archive_set_error(archive, EINVAL, "%s", "what it comes from ends early");
	return r;
}

/* The format is set, not offered: a bidder would take data that are cut short for empty ones. */
static int open_archive(struct decoder *decoder, struct error *e)
{
	struct archive_entry *entry;

	decoder->archive = archive_read_new();
	if (!decoder->archive)
		abort();
	if (archive_read_append_filter(decoder->archive, decoder->magic->filter) != ARCHIVE_OK ||
	    archive_read_set_format(decoder->archive, ARCHIVE_FORMAT_RAW) != ARCHIVE_OK ||
	    archive_read_open2(decoder->archive, decoder, NULL, feed_archive, NULL, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(decoder->archive, &entry) != ARCHIVE_OK)
		return fail(decoder, e);
	return 0;
}

/* Read as much as it takes to tell what it is. */
static int read_head(struct decoder *decoder, struct error *e)
{
	int r;

	while ((r = decoder->feed(decoder->context, &decoder->first, &decoder->first_len, e)) > 0) {
		if (decoder->head.len == 0 && decoder->first_len >= WINDOW_HEAD_BYTES)
			return 0;
		buffer_add(&decoder->head, decoder->first, decoder->first_len);
		if (decoder->head.len >= WINDOW_HEAD_BYTES)
			break;
	}
	decoder->first = decoder->head.len ? decoder->head.data : "";
	decoder->first_len = decoder->head.len;
	return r < 0 ? -1 : 0;
}

/* Those whose first bytes say it for all others take it now. */
static int take_memory(struct decoder *decoder, struct error *e)
{
	uint64_t bytes = window_bytes(decoder->first, decoder->first_len);

	if (bytes > LIMIT_WINDOW_BYTES && bytes < UINT64_MAX)
		return error_set(e, ERROR_FORMAT,
				 "its decoder would need %llu MiB of memory, more than the limit of %llu",
				 (unsigned long long)(bytes / MIB), LIMIT_WINDOW_BYTES / MIB);
	budget_take(decoder->limits.memory, bytes);
	decoder->memory_bytes = bytes;
	return 0;
}

static int open_codec(struct decoder *decoder, struct error *e)
{
	int filter = decoder->magic->filter;

	if (decoder->first_len < decoder->magic->least)
		return error_set(e, ERROR_FORMAT, "cannot decompress: it is cut short");
	if (filter == ARCHIVE_FILTER_XZ || filter == ARCHIVE_FILTER_LZMA) {
		decoder->unxz = unxz_open(filter == ARCHIVE_FILTER_XZ ? UNXZ_XZ : UNXZ_LZMA, feed_decoder,
					  decoder, decoder->limits.memory);
		return 0;
	}
	if (take_memory(decoder, e) < 0)
		return -1;
	if (filter != ARCHIVE_FILTER_GZIP)
		return open_archive(decoder, e);
	decoder->gunzip = gunzip_open(feed_decoder, decoder);
	return 0;
}

static struct decoder *decoder_new(struct decoder_limits limits)
{
	struct decoder *decoder = xcalloc(1, sizeof *decoder);

	decoder->limits = limits;
	return decoder;
}

int decoder_open(int fd, struct decoder_limits limits, struct decoder **out, struct error *e)
{
	auto_decoder struct decoder *decoder = decoder_new(limits);

	decoder->fd = fd;
	decoder->feed = read_file;
	decoder->context = decoder;
	decoder->room = xmalloc(READ_BYTES);
	if (read_head(decoder, e) < 0)
		return -1;
	decoder->magic = find_magic(decoder->first, decoder->first_len);
	if (decoder->magic && open_codec(decoder, e) < 0)
		return -1;
	*out = TAKE(decoder, NULL);
	return 0;
}

int decoder_open_feed(stream_feed_fn *feed, void *context, const char *codec, struct decoder_limits limits,
		      struct decoder **out, struct error *e)
{
	auto_decoder struct decoder *decoder = decoder_new(limits);
	bool is_lzma = strcmp(codec, "lzma") == 0;

	decoder->feed = feed;
	decoder->context = context;
	if (strcmp(codec, "none") == 0) {
		*out = TAKE(decoder, NULL);
		return 0;
	}
	if (read_head(decoder, e) < 0)
		return -1;
	/* Of lzma one does not have to guess here what most encoders write. */
	decoder->magic =
		is_lzma ? &magics[ARRAY_LEN(magics) - 1] : find_magic(decoder->first, decoder->first_len);
	if (!decoder->magic || strcmp(decoder->magic->codec, codec) != 0)
		return error_set(e, ERROR_FORMAT, "cannot decompress: these are no %s data", codec);
	if (open_codec(decoder, e) < 0)
		return -1;
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

static int next_of_archive(struct decoder *decoder, const void **data, size_t *len, struct error *e)
{
	la_int64_t offset;
	int r;

	do
		r = archive_read_data_block(decoder->archive, data, len, &offset);
	while (r == ARCHIVE_OK && *len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : fail(decoder, e);
}

int decoder_next(struct decoder *decoder, const void **data, size_t *len, struct error *e)
{
	int r = decoder->gunzip    ? gunzip_next(decoder->gunzip, data, len, e)
		: decoder->unxz    ? unxz_next(decoder->unxz, data, len, e)
		: decoder->archive ? next_of_archive(decoder, data, len, e)
				   : feed_decoder(decoder, data, len, e);

	if (r <= 0)
		return r;
	return count(decoder, *len, e) < 0 ? -1 : 1;
}

/* Bytes that the decoder was given and did not want. */
static uint64_t left_over(const struct decoder *decoder)
{
	if (decoder->gunzip)
		return gunzip_left(decoder->gunzip);
	if (decoder->unxz)
		return unxz_left(decoder->unxz);
	return decoder->read_bytes - (uint64_t)archive_filter_bytes(decoder->archive, -1);
}

int decoder_check_end(struct decoder *decoder, struct error *e)
{
	uint64_t left;
	const void *data;
	size_t len;
	int r;

	if (!decoder->magic)
		return 0;
	left = left_over(decoder);
	while ((r = feed_decoder(decoder, &data, &len, e)) > 0)
		left += len;
	if (r < 0)
		return -1;
	if (left)
		return error_set(e, ERROR_FORMAT, "there are %llu bytes behind the end of the %s data",
				 (unsigned long long)left, decoder->magic->codec);
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
	gunzip_close(decoder->gunzip);
	unxz_close(decoder->unxz);
	budget_give(decoder->limits.memory, decoder->memory_bytes);
	buffer_release(&decoder->head);
	free(decoder->room);
	free(decoder);
}

int decode_fd(int fd, uint64_t max_bytes, struct budget *memory, struct sink *out, struct error *e)
{
	auto_decoder struct decoder *decoder = NULL;
	const void *data;
	size_t len;
	int r;

	if (decoder_open(fd, (struct decoder_limits) { .fixed_bytes = max_bytes, .memory = memory }, &decoder,
			 e) < 0)
		return -1;
	while ((r = decoder_next(decoder, &data, &len, e)) > 0)
		if (sink_write(out, data, len, e) < 0)
			return -1;
	return r;
}
