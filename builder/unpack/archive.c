/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/archive.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "stream/stream.h"

#include <sys/stat.h>

/*
 * deb(5) and ar(5): "!<arch>\n", then per member a head of 60 bytes (name, time, owner, group, mode, size, "`\n") and
 * its data, filled up to an even length. libarchive reads this too, but takes up to 1 GiB for a table of long names,
 * which no package has.
 */
enum {
	AR_BLOCK_BYTES = 256 * 1024, /* one read() of a package file */
	AR_MEMBERS_MAX = 1000,
	AR_HEAD_BYTES = 60,
	AR_NAME_BYTES = 16,
	AR_SIZE_AT = 48,
	AR_SIZE_BYTES = 10,
	AR_END_AT = 58,
};

static const char ar_magic[] = "!<arch>\n";
static const char ar_head_end[] = "`\n";

struct ar {
	int fd; /* borrowed */
	uint64_t size_bytes;
	uint64_t next; /* where the next head is */
	uint64_t at;   /* what of the current member was not read yet, up to END */
	uint64_t end;
	unsigned count; /* members so far */
	char name[AR_NAME_BYTES + 1];
	char *room; /* owned */
};

struct member {
	struct ar *ar;           /* borrowed */
	struct decoder *decoder; /* owned */
	bool quick;
};

/* Read up to LEN bytes at AT: how many, fewer only at the end of the file; -1. */
static ssize_t read_at(const struct ar *ar, uint64_t at, void *data, size_t len, struct error *e)
{
	size_t have = 0;

	while (have < len) {
		ssize_t got = pread(ar->fd, (char *)data + have, len - have, (off_t)(at + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read the package file");
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int ar_open(int fd, struct ar **out, struct error *e)
{
	auto_ar struct ar *ar = xcalloc(1, sizeof *ar);
	char magic[sizeof ar_magic - 1];
	struct stat st;
	ssize_t got;

	ar->fd = fd;
	ar->next = sizeof magic;
	ar->room = xmalloc(AR_BLOCK_BYTES);
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot read the package file");
	ar->size_bytes = (uint64_t)st.st_size;
	got = read_at(ar, 0, magic, sizeof magic, e);
	if (got < 0)
		return -1;
	if (got != sizeof magic || memcmp(magic, ar_magic, sizeof magic) != 0)
		return error_set(e, ERROR_FORMAT, "malformed ar archive: it does not begin as one");
	*out = TAKE(ar, NULL);
	return 0;
}

/* The name without what fills it up, and without the '/' that old tools wrote behind it. */
static int take_name(struct ar *ar, const char *head, struct error *e)
{
	size_t len = strnlen(head, AR_NAME_BYTES);

	while (len && head[len - 1] == ' ')
		len--;
	while (len && head[len - 1] == '/')
		len--;
	memcpy(ar->name, head, len);
	ar->name[len] = '\0';
	if (len == 0 || !text_is_graphic((struct text) { ar->name, len }))
		return error_set(e, ERROR_FORMAT, "malformed ar archive: a member without a name");
	return 0;
}

int ar_next(struct ar *ar, const char **name, struct error *e)
{
	char head[AR_HEAD_BYTES];
	uint64_t size_bytes;
	ssize_t got = read_at(ar, ar->next, head, sizeof head, e);

	if (got <= 0)
		return (int)got;
	if (got < AR_HEAD_BYTES || memcmp(head + AR_END_AT, ar_head_end, sizeof ar_head_end - 1) != 0)
		return error_set(e, ERROR_FORMAT, "malformed ar archive: byte %llu begins no member",
				 (unsigned long long)ar->next);
	if (take_name(ar, head, e) < 0)
		return -1;
	if (++ar->count > AR_MEMBERS_MAX)
		return error_set(e, ERROR_FORMAT, "malformed ar archive: more than %d members",
				 AR_MEMBERS_MAX);
	if (!text_to_u64(text_trim((struct text) { head + AR_SIZE_AT, AR_SIZE_BYTES }), &size_bytes))
		return error_set(e, ERROR_FORMAT, "malformed ar archive: member '%s' has no size", ar->name);
	ar->at = ar->next + AR_HEAD_BYTES;
	ar->end = ar->at + size_bytes;
	ar->next = ar->end + size_bytes % 2;
	if (ar->end > ar->size_bytes)
		return error_set(e, ERROR_FORMAT, "malformed ar archive: member '%s' is truncated", ar->name);
	*name = ar->name;
	return 1;
}

/* A stream_feed_fn: the current member as it stands there. */
static int read_packed(void *context, const void **data, size_t *len, struct error *e)
{
	struct ar *ar = context;
	uint64_t left = ar->end - ar->at;
	ssize_t got = read_at(ar, ar->at, ar->room, left < AR_BLOCK_BYTES ? (size_t)left : AR_BLOCK_BYTES, e);

	if (got < 0)
		return -1;
	if (got == 0 && left)
		return error_set(e, ERROR_FORMAT, "malformed ar archive: member '%s' is truncated", ar->name);
	ar->at += (uint64_t)got;
	*data = ar->room;
	*len = (size_t)got;
	return got > 0;
}

int ar_read(struct ar *ar, size_t max_bytes, struct buffer *text, struct error *e)
{
	const void *data = NULL;
	size_t len = 0;
	int r;

	if (ar->end - ar->at > max_bytes)
		return error_set(e, ERROR_FORMAT, "member '%s' is too large", ar->name);
	while ((r = read_packed(ar, &data, &len, e)) > 0)
		buffer_add(text, data, len);
	return r;
}

void ar_close(struct ar *ar)
{
	if (!ar)
		return;
	free(ar->room);
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

int member_open(struct ar *ar, const char *name, struct budget *memory, struct member **out, struct error *e)
{
	/* The control data have a limit of their own, which counts files only. */
	const struct decoder_limits limits = {
		is_prefix(name, "control.") ? 2 * LIMIT_CONTROL_BYTES : LIMIT_UNPACKED_BYTES,
		is_prefix(name, "control.") ? 0 : LIMIT_UNPACKED_RATIO,
		memory,
	};
	auto_member struct member *member = xcalloc(1, sizeof *member);
	int codec = codec_of(name);

	member->ar = ar;
	if (codec < 0)
		return error_set(e, ERROR_FORMAT, "member '%s' is compressed in a way that is not known",
				 name);
	member->quick = codecs[codec].quick;
	if (decoder_open_feed(read_packed, ar, codecs[codec].codec, limits, &member->decoder, e) < 0)
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
