/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/archive.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "stream/stream.h"
#include "tree/untar.h"

#include <archive.h>
#include <archive_entry.h>

/* One read() of a package file. */
enum { AR_BLOCK_BYTES = 256 * 1024 };

struct ar {
	struct archive *archive;
	char *name; /* owned; of the current member */
};

struct member {
	struct ar *ar;           /* borrowed */
	struct decoder *decoder; /* owned */
	bool quick;
};

int ar_open(int fd, struct ar **out, struct error *e)
{
	auto_ar struct ar *ar = xcalloc(1, sizeof *ar);

	ar->archive = archive_read_new();
	if (!ar->archive)
		abort();
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read the package file");
	archive_read_support_format_ar(ar->archive);
	if (archive_read_open_fd(ar->archive, fd, AR_BLOCK_BYTES) != ARCHIVE_OK)
		return archive_failure(ar->archive, "ar archive", NULL, e);
	*out = TAKE(ar, NULL);
	return 0;
}

int ar_next(struct ar *ar, const char **name, struct error *e)
{
	struct archive_entry *entry;
	int r = archive_read_next_header(ar->archive, &entry);
	const char *found;
	size_t len;

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return archive_failure(ar->archive, "ar archive", NULL, e);
	found = archive_entry_pathname(entry);
	len = found ? strlen(found) : 0;
	while (len > 0 && found[len - 1] == '/')
		len--;
	if (len == 0)
		return error_set(e, ERROR_FORMAT, "malformed ar archive: a member without a name");
	free(ar->name);
	ar->name = xstrndup(found, len);
	*name = ar->name;
	return 1;
}

int ar_read(struct ar *ar, size_t max_bytes, struct buffer *text, struct error *e)
{
	const void *data;
	size_t len;
	int64_t offset;
	int r;

	while ((r = archive_read_data_block(ar->archive, &data, &len, &offset)) == ARCHIVE_OK) {
		if (len > max_bytes)
			return error_set(e, ERROR_FORMAT, "member '%s' is too large", ar->name);
		max_bytes -= len;
		buffer_add(text, data, len);
	}
	return r == ARCHIVE_EOF ? 0 : archive_failure(ar->archive, "ar archive", NULL, e);
}

void ar_close(struct ar *ar)
{
	if (!ar)
		return;
	archive_read_free(ar->archive);
	free(ar->name);
	free(ar);
}

static const struct {
	const char *suffix;
	const char *codec;
	bool quick;
} codecs[] = {
	{ ".tar", "none", true },     { ".tar.gz", "gzip", false },   { ".tar.xz", "xz", false },
	{ ".tar.zst", "zstd", true }, { ".tar.bz2", "bzip2", false }, { ".tar.lzma", "lzma", false },
};

/* The row for a member's name, or -1. */
static int codec_of(const char *name)
{
	const char *dot = strchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(codecs); i++)
		if (strcmp(dot, codecs[i].suffix) == 0)
			return (int)i;
	return -1;
}

/* A stream_feed_fn: the member as it stands in the container. */
static int read_packed(void *context, const void **data, size_t *len, struct error *e)
{
	struct member *member = context;
	int64_t offset;
	int r;

	do
		r = archive_read_data_block(member->ar->archive, data, len, &offset);
	while (r == ARCHIVE_OK && *len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : archive_failure(member->ar->archive, "ar archive", NULL, e);
}

int member_open(struct ar *ar, const char *name, struct budget *memory, struct member **out, struct error *e)
{
	const struct decoder_limits limits = { LIMIT_UNPACKED_BYTES, LIMIT_UNPACKED_RATIO, memory };
	auto_member struct member *member = xcalloc(1, sizeof *member);
	int codec = codec_of(name);

	member->ar = ar;
	if (codec < 0)
		return error_set(e, ERROR_FORMAT, "member '%s' is compressed in a way that is not known",
				 name);
	member->quick = codecs[codec].quick;
	if (decoder_open_feed(read_packed, member, codecs[codec].codec, limits, &member->decoder, e) < 0)
		return error_wrap(e, "member '%s'", name);
	*out = TAKE(member, NULL);
	return 0;
}

int member_next(struct member *member, const void **data, size_t *len, struct error *e)
{
	return decoder_next(member->decoder, data, len, e);
}

bool member_is_quick(const struct member *member)
{
	return member->quick;
}

void member_close(struct member *member)
{
	if (!member)
		return;
	decoder_close(member->decoder);
	free(member);
}
