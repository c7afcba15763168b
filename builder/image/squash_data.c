/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "image/squash_file.h"

#include <sqfs/block.h>
#include <sqfs/error.h>

enum { NOT_COMPRESSED = 1 << 24 };

/* What of a block's size says how long it is on the disk. */
static uint32_t disk_bytes(uint32_t word)
{
	return word & (NOT_COMPRESSED - 1);
}

void squash_data_start(struct squash_data *data, const struct squash_inode *inode)
{
	data->inode = inode;
	data->at = 0;
	data->block = 0;
	data->disk_at = inode->data_at;
	data->loaded = SIZE_MAX;
}

bool squash_data_is_sparse(const struct squash_data *data)
{
	for (size_t i = 0; i < data->inode->block_count; i++)
		if (disk_bytes(data->inode->blocks[i]) == 0)
			return true;
	return false;
}

static void prepare(const struct squash_file *file, struct squash_data *data)
{
	if (data->packed)
		return;
	data->packed = xmalloc(file->super.block_size);
	data->plain = xmalloc(file->super.block_size);
	data->tails = xmalloc(file->super.block_size);
	data->tails_index = UINT32_MAX;
}

/* A block of at most one block's size, at AT: into OUT, of ROOM bytes. */
static int load(struct squash_file *file, struct squash_data *data, uint64_t at, uint32_t word, char *out,
		size_t room, size_t *len, struct error *e)
{
	uint32_t size = disk_bytes(word);
	bool plain = word & NOT_COMPRESSED;
	sqfs_s32 got;
	int code;

	if (size > file->super.block_size || (plain && size > room) || at >= file->super.bytes_used ||
	    size > file->super.bytes_used - at)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: a block of data is out of place");
	code = file->io.read_at(&file->io, at, plain ? out : data->packed, size);
	if (code)
		return squash_failure(code, "a block of data is", e);
	got = plain ? (sqfs_s32)size
		    : file->compressor->do_block(file->compressor, (const sqfs_u8 *)data->packed, size,
						 (sqfs_u8 *)out, (sqfs_u32)room);
	if (got < 0)
		return squash_failure(got, "a block of data", e);
	*len = (size_t)got;
	return squash_file_count(file, *len, e);
}

static int load_tail(struct squash_file *file, struct squash_data *data, size_t len, struct error *e)
{
	const struct squash_inode *inode = data->inode;
	sqfs_fragment_t place;
	int code;

	if (inode->fragment != data->tails_index) {
		data->tails_index = UINT32_MAX;
		code = sqfs_frag_table_lookup(file->fragments, inode->fragment, &place);
		if (code)
			return squash_failure(code, "its last piece is", e);
		if (load(file, data, place.start_offset, place.size, data->tails, file->super.block_size,
			 &data->tails_len, e) < 0)
			return -1;
		data->tails_index = inode->fragment;
	}
	if (inode->fragment_offset > data->tails_len || len > data->tails_len - inode->fragment_offset)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: its last piece is out of place");
	data->piece = data->tails + inode->fragment_offset;
	return 0;
}

/* Block INDEX, or what follows the last one. */
static int load_block(struct squash_file *file, struct squash_data *data, size_t index, struct error *e)
{
	const struct squash_inode *inode = data->inode;
	uint64_t left = (uint64_t)inode->st.st_size - (uint64_t)index * file->super.block_size;
	size_t len = 0;

	data->piece_len = left < file->super.block_size ? (size_t)left : file->super.block_size;
	data->piece = NULL;
	if (index >= inode->block_count)
		return load_tail(file, data, data->piece_len, e);
	for (; data->block < index; data->block++)
		data->disk_at += disk_bytes(inode->blocks[data->block]);
	if (disk_bytes(inode->blocks[index]) == 0)
		return 0;
	if (load(file, data, data->disk_at, inode->blocks[index], data->plain, file->super.block_size, &len,
		 e) < 0)
		return -1;
	if (len != data->piece_len)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: a block has %zu bytes of %zu", len,
				 data->piece_len);
	data->piece = data->plain;
	return 0;
}

/* The block that AT is in; 0 at the end. */
static int find_block(struct squash_file *file, struct squash_data *data, struct error *e)
{
	size_t index = (size_t)(data->at / file->super.block_size);

	if (data->at >= (uint64_t)data->inode->st.st_size)
		return 0;
	prepare(file, data);
	if (data->loaded != index) {
		data->loaded = SIZE_MAX;
		if (load_block(file, data, index, e) < 0)
			return -1;
		data->loaded = index;
	}
	return 1;
}

int squash_data_read(struct squash_file *file, struct squash_data *data, void *bytes, size_t room,
		     size_t *len, struct error *e)
{
	int r = find_block(file, data, e);
	size_t from;

	*len = 0;
	if (r <= 0)
		return r;
	from = (size_t)(data->at % file->super.block_size);
	*len = data->piece_len - from < room ? data->piece_len - from : room;
	if (data->piece)
		memcpy(bytes, data->piece + from, *len);
	else
		memset(bytes, 0, *len);
	data->at += *len;
	return data->piece ? 0 : squash_file_count(file, *len, e);
}

int squash_data_next(struct squash_file *file, struct squash_data *data, const void **piece, size_t *len,
		     struct error *e)
{
	int r = find_block(file, data, e);

	if (r <= 0)
		return r;
	*piece = data->piece;
	*len = data->piece_len;
	data->at += *len;
	return 1;
}

int squash_data_skip(struct squash_data *data, uint64_t len, struct error *e)
{
	if (len > (uint64_t)data->inode->st.st_size - data->at)
		return error_set(e, ERROR_INTERNAL, "its holes are not where they were");
	data->at += len;
	return 0;
}

void squash_data_release(struct squash_data *data)
{
	free(data->packed);
	free(data->plain);
	free(data->tails);
}
