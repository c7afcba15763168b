/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/archive.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "stream/window.h"
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
	struct archive *archive; /* its filter does the decompression */
	struct ar *ar;           /* borrowed */
	bool quick;
	uint64_t (*window)(const void *head, size_t len);
	struct budget *memory; /* borrowed; may be NULL */
	uint64_t memory_bytes; /* taken from it */
	bool begun;
	struct error inner; /* what reading AR said, as libarchive has no room for it */
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
	int filter;
	bool quick;
	int (*enable)(struct archive *);
	uint64_t (*window)(const void *head, size_t len);
} codecs[] = {
	{ ".tar", ARCHIVE_FILTER_NONE, true, archive_read_support_filter_none, window_bytes },
	{ ".tar.gz", ARCHIVE_FILTER_GZIP, false, archive_read_support_filter_gzip, window_bytes },
	{ ".tar.xz", ARCHIVE_FILTER_XZ, false, archive_read_support_filter_xz, window_bytes },
	{ ".tar.zst", ARCHIVE_FILTER_ZSTD, true, archive_read_support_filter_zstd, window_bytes },
	{ ".tar.bz2", ARCHIVE_FILTER_BZIP2, false, archive_read_support_filter_bzip2, window_bytes },
	{ ".tar.lzma", ARCHIVE_FILTER_LZMA, false, archive_read_support_filter_lzma, window_lzma_bytes },
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

/* Before the decoder sees its first bytes, and takes memory for what they say. */
static int take_memory(struct member *member, const void *head, size_t len)
{
	uint64_t bytes = member->window(head, len);

	if (bytes > LIMIT_WINDOW_BYTES && bytes < UINT64_MAX)
		return error_set(&member->inner, ERROR_FORMAT,
				 "its decoder would need %llu MiB of memory, more than the limit of %llu",
				 (unsigned long long)(bytes / MIB), LIMIT_WINDOW_BYTES / MIB);
	budget_take(member->memory, bytes);
	member->memory_bytes = bytes;
	return 0;
}

static la_ssize_t read_packed(struct archive *archive, void *context, const void **block)
{
	struct member *member = context;
	size_t len;
	int64_t offset;
	int r;

	do
		r = archive_read_data_block(member->ar->archive, block, &len, &offset);
	while (r == ARCHIVE_OK && len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_OK && (member->begun || take_memory(member, *block, len) == 0)) {
		member->begun = true;
		return (la_ssize_t)len;
	}
	if (r != ARCHIVE_OK)
		archive_failure(member->ar->archive, "ar archive", NULL, &member->inner);
	archive_set_error(archive, EINVAL, "%s", "the archive around it cannot be read");
	return -1;
}

int member_open(struct ar *ar, const char *name, struct budget *memory, struct member **out, struct error *e)
{
	auto_member struct member *member = xcalloc(1, sizeof *member);
	struct archive_entry *entry;
	int codec = codec_of(name);

	member->ar = ar;
	member->memory = memory;
	if (codec < 0)
		return error_set(e, ERROR_FORMAT, "member '%s' is compressed in a way that is not known",
				 name);
	member->archive = archive_read_new();
	if (!member->archive)
		abort();
	member->quick = codecs[codec].quick;
	member->window = codecs[codec].window;
	codecs[codec].enable(member->archive);
	archive_read_support_format_raw(member->archive);
	if (archive_read_open2(member->archive, member, NULL, read_packed, NULL, NULL) != ARCHIVE_OK)
		return archive_failure(member->archive, "tar archive", &member->inner, e);
	/* Exactly the one codec that the name says, and not twice inside each other. */
	if (archive_filter_code(member->archive, 0) != codecs[codec].filter ||
	    archive_filter_count(member->archive) != (codecs[codec].filter == ARCHIVE_FILTER_NONE ? 1 : 2))
		return error_set(e, ERROR_FORMAT, "member '%s' is not what its name says", name);
	if (archive_read_next_header(member->archive, &entry) != ARCHIVE_OK)
		return archive_failure(member->archive, "tar archive", &member->inner, e);
	*out = TAKE(member, NULL);
	return 0;
}

int member_next(struct member *member, const void **data, size_t *len, struct error *e)
{
	int64_t offset;
	int r;

	do
		r = archive_read_data_block(member->archive, data, len, &offset);
	while (r == ARCHIVE_OK && *len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : archive_failure(member->archive, "tar archive", &member->inner, e);
}

bool member_is_quick(const struct member *member)
{
	return member->quick;
}

void member_close(struct member *member)
{
	if (!member)
		return;
	archive_read_free(member->archive);
	budget_give(member->memory, member->memory_bytes);
	free(member);
}
