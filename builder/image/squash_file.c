/* SPDX-License-Identifier: Apache-2.0 */
#include "image/squash_file.h"

#include "base/alloc.h"
#include "base/limits.h"

#include <endian.h>
#include <sqfs/error.h>
#include <sqfs/xattr.h>

enum { PADDING_MAX = 1024 * 1024 };

/* A superblock says so where there is no such table. */
#define NO_TABLE UINT64_MAX

int squash_failure(int code, const char *what, struct error *e)
{
	if (code == SQFS_ERROR_ALLOC)
		abort();
	if (code == SQFS_ERROR_IO)
		return error_sys(e, "cannot read it");
	if (code == SQFS_ERROR_COMPRESSOR)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: %s cannot be decompressed", what);
	if (code == SQFS_ERROR_UNSUPPORTED)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: %s of an unknown kind", what);
	return error_set(e, ERROR_FORMAT, "malformed squashfs: %s out of place (%d)", what, code);
}

static int read_at(sqfs_file_t *io, sqfs_u64 offset, void *data, size_t size)
{
	const struct squash_file *file = (const struct squash_file *)io;
	size_t done = 0;

	if (offset > file->size_bytes || size > file->size_bytes - offset)
		return SQFS_ERROR_OUT_OF_BOUNDS;
	while (done < size) {
		ssize_t got = pread(file->fd, (char *)data + done, size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return SQFS_ERROR_IO;
		if (got == 0)
			return SQFS_ERROR_OUT_OF_BOUNDS;
		done += (size_t)got;
	}
	return 0;
}

static int refuse_write(sqfs_file_t *io, sqfs_u64 offset, const void *data, size_t size)
{
	(void)io;
	(void)offset;
	(void)data;
	(void)size;
	return SQFS_ERROR_IO;
}

static int refuse_truncate(sqfs_file_t *io, sqfs_u64 size)
{
	(void)io;
	(void)size;
	return SQFS_ERROR_IO;
}

static sqfs_u64 get_size(const sqfs_file_t *io)
{
	return ((const struct squash_file *)io)->size_bytes;
}

int squash_file_count(struct squash_file *file, uint64_t bytes, struct error *e)
{
	uint64_t limit = LIMIT_IMAGE_BYTES + LIMIT_IMAGE_RATIO * file->size_bytes;

	file->decoded_bytes += bytes;
	if (file->decoded_bytes > limit)
		return error_set(e, ERROR_FORMAT, "has more than the limit of %llu bytes when decompressed",
				 (unsigned long long)limit);
	return 0;
}

/* What the superblock claims must fit into the file, and into memory. */
static int check_super(const struct squash_file *file, struct error *e)
{
	const sqfs_super_t *super = &file->super;

	if (super->bytes_used > file->size_bytes)
		return error_set(e, ERROR_FORMAT,
				 "it is cut short: the squashfs has %llu bytes, the file %llu",
				 (unsigned long long)super->bytes_used, (unsigned long long)file->size_bytes);
	if (super->inode_table_start >= super->directory_table_start ||
	    super->directory_table_start >= super->id_table_start ||
	    super->id_table_start >= super->bytes_used)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: its tables are not in order");
	if (super->fragment_table_start != NO_TABLE && super->fragment_entry_count > LIMIT_IMAGE_ENTRIES)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: it claims %u fragments",
				 super->fragment_entry_count);
	return 0;
}

static int open_xattrs(struct squash_file *file, struct error *e)
{
	sqfs_xattr_id_table_t head;
	int code;

	if ((file->super.flags & SQFS_FLAG_NO_XATTRS) || file->super.xattr_id_table_start == NO_TABLE)
		return 0;
	code = read_at(&file->io, file->super.xattr_id_table_start, &head, sizeof head);
	if (code)
		return squash_failure(code, "the table of attributes is", e);
	file->xattr_start = le64toh(head.xattr_table_start);
	file->xattr_count = le32toh(head.xattr_ids);
	if (file->xattr_count > LIMIT_IMAGE_ENTRIES || file->xattr_start >= file->super.bytes_used)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: it claims %u sets of attributes",
				 file->xattr_count);
	file->xattr_ids = sqfs_meta_reader_create(&file->io, file->compressor,
						  file->super.directory_table_start, file->super.bytes_used);
	file->xattrs = sqfs_meta_reader_create(&file->io, file->compressor, file->super.directory_table_start,
					       file->super.bytes_used);
	if (!file->xattr_ids || !file->xattrs)
		abort();
	return 0;
}

static int open_tables(struct squash_file *file, struct error *e)
{
	const sqfs_super_t *super = &file->super;
	sqfs_compressor_config_t config;
	int code;

	code = sqfs_compressor_config_init(&config, super->compression_id, super->block_size,
					   SQFS_COMP_FLAG_UNCOMPRESS);
	if (code == 0)
		code = sqfs_compressor_create(&config, &file->compressor);
	if (code)
		return squash_failure(code, "a compressor", e);
	file->ids = sqfs_id_table_create(0);
	file->fragments = sqfs_frag_table_create(0);
	file->inodes = sqfs_meta_reader_create(&file->io, file->compressor, super->inode_table_start,
					       super->directory_table_start);
	file->folders = sqfs_meta_reader_create(&file->io, file->compressor, super->directory_table_start,
						super->id_table_start);
	if (!file->ids || !file->fragments || !file->inodes || !file->folders)
		abort();
	code = sqfs_id_table_read(file->ids, &file->io, super, file->compressor);
	if (code)
		return squash_failure(code, "the table of owners is", e);
	code = sqfs_frag_table_read(file->fragments, &file->io, super, file->compressor);
	if (code)
		return squash_failure(code, "the table of fragments is", e);
	return open_xattrs(file, e);
}

int squash_file_open(struct squash_file *file, int fd, struct error *e)
{
	off_t size = lseek(fd, 0, SEEK_END);
	int code;

	*file = (struct squash_file) { .io = { .read_at = read_at,
					       .write_at = refuse_write,
					       .get_size = get_size,
					       .truncate = refuse_truncate },
				       .fd = fd };
	if (size < 0)
		return error_sys(e, "cannot read it");
	file->size_bytes = (uint64_t)size;
	code = sqfs_super_read(&file->super, &file->io);
	if (code)
		return squash_failure(code, "the superblock has values", e);
	if (check_super(file, e) < 0)
		return -1;
	if (open_tables(file, e) < 0) {
		squash_file_close(file);
		return -1;
	}
	return 0;
}

int squash_file_check_end(const struct squash_file *file, struct error *e)
{
	uint64_t at = file->super.bytes_used;
	char bytes[4096];

	while (at < file->size_bytes) {
		uint64_t left = file->size_bytes - at;
		ssize_t got =
			pread(file->fd, bytes, left < sizeof bytes ? (size_t)left : sizeof bytes, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_sys(e, "cannot read it");
		for (ssize_t i = 0; i < got; i++)
			if (bytes[i])
				return error_set(e, ERROR_FORMAT,
						 "there are data behind the end of the squashfs, "
						 "at byte %llu",
						 (unsigned long long)at + (unsigned long long)i);
		at += (uint64_t)got;
		if (at - file->super.bytes_used > PADDING_MAX)
			return error_set(e, ERROR_FORMAT,
					 "there are %llu bytes behind the end of the squashfs",
					 (unsigned long long)(file->size_bytes - file->super.bytes_used));
	}
	return 0;
}

void squash_file_close(struct squash_file *file)
{
	sqfs_destroy(TAKE(file->xattrs, NULL));
	sqfs_destroy(TAKE(file->xattr_ids, NULL));
	sqfs_destroy(TAKE(file->folders, NULL));
	sqfs_destroy(TAKE(file->inodes, NULL));
	sqfs_destroy(TAKE(file->fragments, NULL));
	sqfs_destroy(TAKE(file->ids, NULL));
	sqfs_destroy(TAKE(file->compressor, NULL));
}
