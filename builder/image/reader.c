/* SPDX-License-Identifier: Apache-2.0 */
#include "image/reader.h"

#include "image/names.h"
#include "stream/stream.h"

/* tar(5): two empty blocks. Those who pad further write zeros only. */
enum { END_BYTES = 1024 };

static int feed(void *context, const void **data, size_t *len, struct error *e)
{
	struct reader *reader = context;
	int r = decoder_next(reader->decoder, data, len, e);
	const char *bytes;
	size_t end;

	if (r <= 0)
		return r;
	bytes = *data;
	end = *len;
	while (end && bytes[end - 1] == 0)
		end--;
	if (end)
		reader->data_end = reader->decoded_bytes + end;
	reader->decoded_bytes += *len;
	return 1;
}

int reader_open(struct reader *reader, int fd, const char *name, struct error *e)
{
	const struct decoder_limits limits = { LIMIT_IMAGE_BYTES, LIMIT_IMAGE_RATIO, NULL };

	*reader = (struct reader) { .name = name };
	if (decoder_open(fd, limits, &reader->decoder, e) < 0 ||
	    tar_open(feed, reader, UINT64_MAX, &reader->tar, e) < 0)
		return error_wrap(e, "%s", name);
	return 0;
}

/* Nothing may be missing, and nothing may follow. */
static int check_end(struct reader *reader, struct error *e)
{
	uint64_t end = tar_position(reader->tar);

	if (tar_finish(reader->tar, e) < 0)
		return -1;
	if (reader->decoded_bytes < end + END_BYTES)
		return error_set(e, ERROR_FORMAT,
				 "the archive is cut short: it does not end with two empty blocks");
	if (reader->data_end > end)
		return error_set(e, ERROR_FORMAT,
				 "there are data behind the end of the archive, up to byte %llu",
				 (unsigned long long)reader->data_end);
	return decoder_check_end(reader->decoder, e);
}

int reader_next(struct reader *reader, struct error *e)
{
	int r = tar_next(reader->tar, &reader->entry, e);

	if (r < 0)
		return error_wrap(e, "%s", reader->name);
	if (r == 0)
		return check_end(reader, e) < 0 ? error_wrap(e, "%s", reader->name) : 0;
	if (names_normalise(reader->entry.path, reader->path, sizeof reader->path, e) < 0)
		return reader_wrap(reader, e);
	return 1;
}

int reader_wrap(const struct reader *reader, struct error *e)
{
	return error_wrap(e, "%s: entry '%.300s'", reader->name, reader->entry.path);
}

void reader_close(struct reader *reader)
{
	tar_close(reader->tar);
	decoder_close(reader->decoder);
	*reader = READER_INIT;
}
