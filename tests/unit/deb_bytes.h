/* SPDX-License-Identifier: Apache-2.0 */
/* Debian packages made byte by byte, so that they can be as wrong as a test wants them. */
#ifndef TESTS_UNIT_DEB_BYTES_H
#define TESTS_UNIT_DEB_BYTES_H

#include "base/alloc.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>

enum { TAR_BLOCK = 512, FILES_MAX = 24 };

/* One tar entry; the zero value of TYPE ends a list. */
struct made_file {
	char type; /* as tar's: '0' file, '1' hard link, '2' link, '3' '4' devices, '5' folder, '6' pipe */
	const char *path;
	unsigned mode;
	const char *text; /* content, or where a link leads */
	unsigned uid;
	unsigned gid;
	const char *owner;   /* name of the user and of the group */
	const char *pax_key; /* one record of a pax header in front */
	const char *pax_value;
	size_t pax_len;         /* 0: PAX_VALUE is a string */
	uint64_t claimed_bytes; /* instead of TEXT's length */
	int64_t mtime_s;        /* 0: 1000000000 */
};

#define MADE(type_, path_, mode_, text_, ...) \
	{ \
		.type = (type_), .path = (path_), .mode = (mode_), .text = (text_), ##__VA_ARGS__ \
	}

struct made_deb {
	const char *name;
	const char *version;      /* NULL: "1.0" */
	const char *architecture; /* NULL: "all" */
	const char *fields;       /* more lines for the control file */
	struct made_file members[8];
	struct made_file files[FILES_MAX];
	const char *suffix;                  /* of control.tar and data.tar; NULL: "" */
	const char *control_suffix;          /* of control.tar alone; NULL: as SUFFIX */
	void (*retouch)(struct buffer *tar); /* what both archives go through before they are compressed */
	bool old_dialect;                    /* member names end in '/' */
	const char *raw_control;             /* instead of the control file */
	uint64_t claimed_bytes;              /* for the plan: what sorts packages by size */
};

static inline void put_octal(char *field, size_t size, uint64_t value)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%0*llo", (int)size - 1, (unsigned long long)value);
	memcpy(field, digits + strlen(digits) - (size - 1), size - 1);
}

static inline void put_header(struct buffer *tar, char type, const char *path, const char *target,
			      uint64_t size_bytes, const struct made_file *file)
{
	char block[TAR_BLOCK] = { 0 };
	unsigned sum = 0;

	memcpy(block, path, strnlen(path, 100));
	put_octal(block + 100, 8, file->mode);
	put_octal(block + 108, 8, file->uid);
	put_octal(block + 116, 8, file->gid);
	put_octal(block + 124, 12, size_bytes);
	put_octal(block + 136, 12, (uint64_t)(file->mtime_s ? file->mtime_s : 1000000000));
	block[156] = type;
	if (target)
		memcpy(block + 157, target, strnlen(target, 100));
	memcpy(block + 257, "ustar  ", 8);
	if (file->owner) {
		memcpy(block + 265, file->owner, strnlen(file->owner, 31));
		memcpy(block + 297, file->owner, strnlen(file->owner, 31));
	}
	if (type == '3' || type == '4') {
		put_octal(block + 329, 8, 1);
		put_octal(block + 337, 8, 3);
	}
	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < sizeof block; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	buffer_add(tar, block, sizeof block);
}

static inline void put_content(struct buffer *tar, const char *text, size_t len)
{
	static const char zeros[TAR_BLOCK];

	buffer_add(tar, text, len);
	if (len % TAR_BLOCK)
		buffer_add(tar, zeros, TAR_BLOCK - len % TAR_BLOCK);
}

static inline void put_long(struct buffer *tar, char type, const char *text)
{
	static const struct made_file plain;

	put_header(tar, type, "././@LongLink", NULL, strlen(text) + 1, &plain);
	put_content(tar, text, strlen(text) + 1);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static inline void put_pax(struct buffer *tar, const struct made_file *file)
{
	auto_buffer struct buffer record = BUFFER_INIT;
	size_t value_len = file->pax_len ? file->pax_len : strlen(file->pax_value);
	size_t len = strlen(file->pax_key) + value_len + 3;

	len += len + 2 < 100 ? 2 : 3;
	buffer_addf(&record, "%zu %s=", len, file->pax_key);
	buffer_add(&record, file->pax_value, value_len);
	buffer_addc(&record, '\n');
	assert_int_equal(record.len, len);
	put_header(tar, 'x', "pax", NULL, record.len, file);
	put_content(tar, record.data, record.len);
}

static inline void put_file(struct buffer *tar, const struct made_file *file)
{
	bool link = file->type == '1' || file->type == '2';
	const char *text = file->text ? file->text : "";
	size_t len = link || file->type != '0' ? 0 : strlen(text);

	if (file->pax_key)
		put_pax(tar, file);
	if (strlen(file->path) > 100)
		put_long(tar, 'L', file->path);
	if (link && strlen(text) > 100)
		put_long(tar, 'K', text);
	put_header(tar, file->type, file->path, link ? text : NULL,
		   file->claimed_bytes ? file->claimed_bytes : len, file);
	put_content(tar, text, len);
}

static inline la_ssize_t take_bytes(struct archive *archive, void *context, const void *data, size_t len)
{
	(void)archive;
	buffer_add(context, data, len);
	return (la_ssize_t)len;
}

static inline void compress_into(struct buffer *out, const char *suffix, const struct buffer *tar)
{
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	archive_write_set_format_raw(archive);
	archive_write_set_bytes_per_block(archive, 0);
	if (strcmp(suffix, ".gz") == 0)
		archive_write_add_filter_gzip(archive);
	else if (strcmp(suffix, ".xz") == 0)
		archive_write_add_filter_xz(archive);
	else if (strcmp(suffix, ".zst") == 0)
		archive_write_add_filter_zstd(archive);
	else if (strcmp(suffix, ".bz2") == 0)
		archive_write_add_filter_bzip2(archive);
	else if (strcmp(suffix, ".lzma") == 0)
		archive_write_add_filter_lzma(archive);
	assert_int_equal(archive_write_open(archive, out, NULL, take_bytes, NULL), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, tar->data, tar->len), tar->len);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static inline void put_member(struct buffer *deb, const char *name, bool old_dialect, const void *data,
			      size_t len)
{
	auto_free char *with_slash = xasprintf("%s/", name);

	buffer_addf(deb, "%-16.16s%-12d%-6d%-6d%-8s%-10zu`\n", old_dialect ? with_slash : name, 1000000000, 0,
		    0, "100644", len);
	buffer_add(deb, data, len);
	if (len % 2)
		buffer_addc(deb, '\n');
}

static inline void put_tar(struct buffer *deb, const char *stem, const struct made_deb *made,
			   const char *suffix, const struct made_file *first, const struct made_file *files)
{
	static const char zeros[2 * TAR_BLOCK];
	auto_buffer struct buffer tar = BUFFER_INIT;
	auto_buffer struct buffer packed = BUFFER_INIT;
	char name[32];

	if (first)
		put_file(&tar, first);
	for (const struct made_file *file = files; file->type; file++)
		put_file(&tar, file);
	buffer_add(&tar, zeros, sizeof zeros);
	if (made->retouch)
		made->retouch(&tar);
	snprintf(name, sizeof name, "%s%s", stem, suffix);
	if (*suffix)
		compress_into(&packed, suffix, &tar);
	put_member(deb, name, made->old_dialect, *suffix ? packed.data : tar.data,
		   *suffix ? packed.len : tar.len);
}

static inline void make_deb(struct buffer *deb, const struct made_deb *made)
{
	auto_buffer struct buffer control = BUFFER_INIT;
	struct made_file file = { .type = '0', .path = "./control", .mode = 0644 };
	const char *suffix = made->suffix ? made->suffix : "";

	buffer_addf(&control,
		    "Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Nobody <nobody@example.org>\n"
		    "%sDescription: made for a test\n",
		    made->name, made->version ? made->version : "1.0",
		    made->architecture ? made->architecture : "all", made->fields ? made->fields : "");
	file.text = made->raw_control ? made->raw_control : control.data;
	buffer_adds(deb, "!<arch>\n");
	put_member(deb, "debian-binary", made->old_dialect, "2.0\n", 4);
	put_tar(deb, "control.tar", made, made->control_suffix ? made->control_suffix : suffix, &file,
		made->members);
	put_tar(deb, "data.tar", made, suffix, NULL, made->files);
}

#endif
