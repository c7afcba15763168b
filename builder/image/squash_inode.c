/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/limits.h"
#include "image/squash_file.h"

#include <endian.h>
#include <limits.h>
#include <sqfs/block.h>
#include <sqfs/dir.h>
#include <sqfs/error.h>
#include <sqfs/xattr.h>
#include <sys/sysmacros.h>

enum { XATTR_COUNT_MAX = 256 };

/* An index that stands for none. */
#define NONE UINT32_MAX

static int read_part(struct squash_file *file, void *data, size_t len, struct error *e)
{
	int code = sqfs_meta_reader_read(file->inodes, data, len);

	return code ? squash_failure(code, "an inode is", e) : 0;
}

static int read_folder(struct squash_file *file, bool extended, struct squash_inode *inode, struct error *e)
{
	sqfs_inode_dir_t plain;
	sqfs_inode_dir_ext_t more;

	if (extended) {
		if (read_part(file, &more, sizeof more, e) < 0)
			return -1;
		inode->list_block = file->super.directory_table_start + le32toh(more.start_block);
		inode->list_offset = le16toh(more.offset);
		inode->list_bytes = le32toh(more.size);
		inode->xattr_index = le32toh(more.xattr_idx);
		return 0;
	}
	if (read_part(file, &plain, sizeof plain, e) < 0)
		return -1;
	inode->list_block = file->super.directory_table_start + le32toh(plain.start_block);
	inode->list_offset = le16toh(plain.offset);
	inode->list_bytes = le16toh(plain.size);
	return 0;
}

/* How much of each block is on the disk. */
static int read_blocks(struct squash_file *file, struct squash_inode *inode, struct error *e)
{
	uint64_t size = (uint64_t)inode->st.st_size;
	uint64_t count = size / file->super.block_size;

	if (inode->st.st_size < 0 || size > LIMIT_IMAGE_FILE_BYTES)
		return error_set(e, ERROR_FORMAT, "it claims to have %llu bytes", (unsigned long long)size);
	if (size % file->super.block_size && inode->fragment == NONE)
		count++;
	if (count > LIMIT_IMAGE_BLOCKS)
		return error_set(e, ERROR_FORMAT, "it claims to have %llu blocks", (unsigned long long)count);
	if (squash_file_count(file, count * sizeof *inode->blocks, e) < 0)
		return -1;
	/* Grown by what is there, whatever was claimed. */
	for (inode->block_count = 0; inode->block_count < count;) {
		size_t part = (size_t)count - inode->block_count;

		if (part > 2048)
			part = 2048;
		if (inode->block_count + part > inode->block_room) {
			inode->block_room = (inode->block_count + part) * 2;
			inode->blocks = xrealloc(inode->blocks, inode->block_room * sizeof *inode->blocks);
		}
		if (read_part(file, inode->blocks + inode->block_count, part * sizeof *inode->blocks, e) < 0)
			return -1;
		for (size_t i = 0; i < part; i++, inode->block_count++)
			inode->blocks[inode->block_count] = le32toh(inode->blocks[inode->block_count]);
	}
	return 0;
}

static int read_file(struct squash_file *file, bool extended, struct squash_inode *inode, struct error *e)
{
	sqfs_inode_file_t plain;
	sqfs_inode_file_ext_t more;

	if (extended) {
		if (read_part(file, &more, sizeof more, e) < 0)
			return -1;
		inode->data_at = le64toh(more.blocks_start);
		inode->st.st_size = (off_t)le64toh(more.file_size);
		inode->fragment = le32toh(more.fragment_idx);
		inode->fragment_offset = le32toh(more.fragment_offset);
		inode->xattr_index = le32toh(more.xattr_idx);
	} else {
		if (read_part(file, &plain, sizeof plain, e) < 0)
			return -1;
		inode->data_at = le32toh(plain.blocks_start);
		inode->st.st_size = (off_t)le32toh(plain.file_size);
		inode->fragment = le32toh(plain.fragment_index);
		inode->fragment_offset = le32toh(plain.fragment_offset);
	}
	return read_blocks(file, inode, e);
}

static int read_link(struct squash_file *file, bool extended, struct squash_inode *inode, struct error *e)
{
	sqfs_inode_slink_t link;
	uint32_t len;

	if (read_part(file, &link, sizeof link, e) < 0)
		return -1;
	len = le32toh(link.target_size);
	if (len == 0 || len >= LIMIT_PATH_BYTES)
		return error_set(e, ERROR_FORMAT, "it is a link whose target has %u bytes", len);
	free(inode->target);
	inode->target = xcalloc(1, (size_t)len + 1);
	if (read_part(file, inode->target, len, e) < 0)
		return -1;
	if (strlen(inode->target) != len)
		return error_set(e, ERROR_FORMAT, "it is a link whose target holds a NUL");
	inode->st.st_size = (off_t)len;
	if (extended) {
		if (read_part(file, &inode->xattr_index, sizeof inode->xattr_index, e) < 0)
			return -1;
		inode->xattr_index = le32toh(inode->xattr_index);
	}
	return 0;
}

static int read_device(struct squash_file *file, bool extended, struct squash_inode *inode, struct error *e)
{
	sqfs_inode_dev_t plain;
	uint32_t number;

	if (read_part(file, &plain, sizeof plain, e) < 0)
		return -1;
	if (extended && read_part(file, &inode->xattr_index, sizeof inode->xattr_index, e) < 0)
		return -1;
	inode->xattr_index = extended ? le32toh(inode->xattr_index) : NONE;
	/* As the kernel packs it in 32 bits: 12 of the major number inside 20 of the minor one. */
	number = le32toh(plain.devno);
	inode->st.st_rdev = makedev((number & 0xfff00) >> 8, (number & 0xff) | ((number >> 12) & 0xfff00));
	return 0;
}

static int read_pipe(struct squash_file *file, bool extended, struct squash_inode *inode, struct error *e)
{
	sqfs_inode_ipc_t plain;

	if (read_part(file, &plain, sizeof plain, e) < 0)
		return -1;
	if (extended && read_part(file, &inode->xattr_index, sizeof inode->xattr_index, e) < 0)
		return -1;
	inode->xattr_index = extended ? le32toh(inode->xattr_index) : NONE;
	return 0;
}

typedef int read_kind_fn(struct squash_file *file, bool extended, struct squash_inode *inode,
			 struct error *e);

static const struct {
	mode_t mode;
	read_kind_fn *read;
} kinds[] = {
	[SQFS_INODE_DIR] = { S_IFDIR, read_folder },   [SQFS_INODE_FILE] = { S_IFREG, read_file },
	[SQFS_INODE_SLINK] = { S_IFLNK, read_link },   [SQFS_INODE_BDEV] = { S_IFBLK, read_device },
	[SQFS_INODE_CDEV] = { S_IFCHR, read_device },  [SQFS_INODE_FIFO] = { S_IFIFO, read_pipe },
	[SQFS_INODE_SOCKET] = { S_IFSOCK, read_pipe },
};

int squash_inode_read(struct squash_file *file, uint64_t reference, struct squash_inode *inode,
		      struct error *e)
{
	uint64_t block = reference >> 16;
	sqfs_inode_t head;
	unsigned type;
	bool extended;
	int code;

	if (block > UINT32_MAX)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an inode out of place");
	code = sqfs_meta_reader_seek(file->inodes, file->super.inode_table_start + block, reference & 0xffff);
	if (code)
		return squash_failure(code, "an inode is", e);
	if (read_part(file, &head, sizeof head, e) < 0)
		return -1;
	type = le16toh(head.type);
	extended = type >= SQFS_INODE_EXT_DIR;
	if (extended)
		type -= SQFS_INODE_EXT_DIR - SQFS_INODE_DIR;
	if (type < SQFS_INODE_DIR || type > SQFS_INODE_SOCKET)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an inode of an unknown kind");
	inode->st = (struct stat) { .st_mode = kinds[type].mode | (le16toh(head.mode) & 07777),
				    .st_mtim.tv_sec = le32toh(head.mod_time) };
	code = sqfs_id_table_index_to_id(file->ids, le16toh(head.uid_idx), &inode->st.st_uid);
	if (code == 0)
		code = sqfs_id_table_index_to_id(file->ids, le16toh(head.gid_idx), &inode->st.st_gid);
	if (code || inode->st.st_uid == UINT32_MAX || inode->st.st_gid == UINT32_MAX)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an owner out of range");
	inode->xattr_index = NONE;
	return kinds[type].read(file, extended, inode, e);
}

void squash_inode_release(struct squash_inode *inode)
{
	free(inode->target);
	free(inode->blocks);
	*inode = (struct squash_inode) { .xattr_index = NONE };
}

struct squash_folder squash_folder(const struct squash_inode *inode)
{
	/* The size counts "." and "..", which are not there, as three bytes. */
	return (struct squash_folder) {
		.block = inode->list_block,
		.offset = inode->list_offset,
		.left_bytes = inode->list_bytes > 3 ? inode->list_bytes - 3 : 0,
	};
}

/* LEN bytes of the listing. */
static int read_listing(struct squash_file *file, struct squash_folder *folder, void *data, size_t len,
			struct error *e)
{
	int code = 0;

	if (len > folder->left_bytes)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: a folder is longer than it says");
	if (!folder->started)
		code = sqfs_meta_reader_seek(file->folders, folder->block, folder->offset);
	folder->started = true;
	if (code == 0)
		code = sqfs_meta_reader_read(file->folders, data, len);
	folder->left_bytes -= (uint32_t)len;
	return code ? squash_failure(code, "a folder is", e) : 0;
}

int squash_folder_next(struct squash_file *file, struct squash_folder *folder, uint64_t *reference,
		       struct text *name, struct error *e)
{
	sqfs_dir_header_t header = { 0 };
	sqfs_dir_entry_t entry = { 0 };
	size_t len;

	if (folder->left_entries == 0) {
		if (folder->left_bytes == 0)
			return 0;
		if (read_listing(file, folder, &header, sizeof header, e) < 0)
			return -1;
		if (le32toh(header.count) >= SQFS_MAX_DIR_ENT)
			return error_set(e, ERROR_FORMAT,
					 "malformed squashfs: a folder's header has %u entries",
					 le32toh(header.count));
		folder->left_entries = le32toh(header.count) + 1;
		folder->inode_block = le32toh(header.start_block);
	}
	if (read_listing(file, folder, &entry, sizeof entry, e) < 0)
		return -1;
	len = (size_t)le16toh(entry.size) + 1;
	if (len > NAME_MAX)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: a name has %zu bytes", len);
	if (read_listing(file, folder, folder->name, len, e) < 0)
		return -1;
	folder->left_entries--;
	*reference = folder->inode_block << 16 | le16toh(entry.offset);
	*name = (struct text) { folder->name, len };
	return 1;
}

static int read_xattr_part(struct squash_file *file, void *data, size_t len, struct error *e)
{
	int code = sqfs_meta_reader_read(file->xattrs, data, len);

	return code ? squash_failure(code, "an attribute is", e) : 0;
}

static int seek_xattr(struct squash_file *file, uint64_t reference, struct error *e)
{
	int code = sqfs_meta_reader_seek(file->xattrs, file->xattr_start + (reference >> 16 & UINT32_MAX),
					 reference & 0xffff);

	return code ? squash_failure(code, "an attribute is", e) : 0;
}

/* Where the reader stands. */
static int read_name(struct squash_file *file, bool *elsewhere, char name[XATTR_NAME_MAX + 1],
		     struct error *e)
{
	sqfs_xattr_entry_t key;
	const char *prefix;
	size_t prefix_len;
	size_t len;

	if (read_xattr_part(file, &key, sizeof key, e) < 0)
		return -1;
	prefix = sqfs_get_xattr_prefix(le16toh(key.type) & SQFS_XATTR_PREFIX_MASK);
	prefix_len = prefix ? strlen(prefix) : 0;
	len = le16toh(key.size);
	if (!prefix || len == 0 || prefix_len + len > XATTR_NAME_MAX)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an attribute without a proper name");
	memcpy(name, prefix, prefix_len);
	if (read_xattr_part(file, name + prefix_len, len, e) < 0)
		return -1;
	name[prefix_len + len] = '\0';
	if (strlen(name) != prefix_len + len)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an attribute's name holds a NUL");
	*elsewhere = le16toh(key.type) & SQFS_XATTR_FLAG_OOL;
	return 0;
}

static int read_plain_value(struct squash_file *file, struct buffer *value, struct error *e)
{
	sqfs_xattr_value_t head;
	char bytes[1024];

	if (read_xattr_part(file, &head, sizeof head, e) < 0)
		return -1;
	if (le32toh(head.size) > XATTR_SIZE_MAX)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an attribute of %u bytes",
				 le32toh(head.size));
	for (size_t left = le32toh(head.size); left;) {
		size_t part = left < sizeof bytes ? left : sizeof bytes;

		if (read_xattr_part(file, bytes, part, e) < 0)
			return -1;
		buffer_add(value, bytes, part);
		left -= part;
	}
	return 0;
}

/* A value that several files have may stand where the first of them has it. */
static int read_value(struct squash_file *file, bool elsewhere, struct buffer *value, struct error *e)
{
	auto_buffer struct buffer place = BUFFER_INIT;
	uint64_t reference;
	sqfs_u64 block;
	size_t offset;
	int code;

	if (!elsewhere)
		return read_plain_value(file, value, e);
	if (read_plain_value(file, &place, e) < 0)
		return -1;
	if (place.len != sizeof reference)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: an attribute out of place");
	memcpy(&reference, place.data, sizeof reference);
	sqfs_meta_reader_get_position(file->xattrs, &block, &offset);
	if (seek_xattr(file, le64toh(reference), e) < 0 || read_plain_value(file, value, e) < 0)
		return -1;
	/* Behind the last one there need not be a further block. */
	code = block < file->super.bytes_used ? sqfs_meta_reader_seek(file->xattrs, block, offset) : 0;
	return code ? squash_failure(code, "an attribute is", e) : 0;
}

/* In ascending order of name, each once. */
static int add_xattr(struct xattrs *xattrs, const char *name, struct buffer *value, struct error *e)
{
	struct xattr xattr = { .len = value->len };
	size_t at = xattrs->count;

	while (at && strcmp(xattrs->items[at - 1].name, name) > 0)
		at--;
	if (at && strcmp(xattrs->items[at - 1].name, name) == 0)
		return error_set(e, ERROR_FORMAT, "its attribute '%s' comes twice", name);
	xattr.name = xstrdup(name);
	xattr.value = buffer_take(value);
	PUSH(xattrs->items, xattrs->count, xattr);
	memmove(&xattrs->items[at + 1], &xattrs->items[at], (xattrs->count - 1 - at) * sizeof xattr);
	xattrs->items[at] = xattr;
	return 0;
}

/* Where the attributes of that index are, and how many. */
static int find_xattrs(struct squash_file *file, uint32_t index, sqfs_xattr_id_t *id, struct error *e)
{
	uint64_t at = (uint64_t)index * sizeof *id;
	uint64_t block;
	int code;

	if (!file->xattrs || index >= file->xattr_count)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: it has attributes out of range");
	code = file->io.read_at(&file->io,
				file->super.xattr_id_table_start + sizeof(sqfs_xattr_id_table_t) +
					at / SQFS_META_BLOCK_SIZE * sizeof block,
				&block, sizeof block);
	if (code == 0)
		code = sqfs_meta_reader_seek(file->xattr_ids, le64toh(block), at % SQFS_META_BLOCK_SIZE);
	if (code == 0)
		code = sqfs_meta_reader_read(file->xattr_ids, id, sizeof *id);
	return code ? squash_failure(code, "the list of its attributes is", e) : 0;
}

int squash_xattrs_read(struct squash_file *file, const struct squash_inode *inode, struct xattrs *xattrs,
		       struct error *e)
{
	sqfs_xattr_id_t id = { 0 };

	if (inode->xattr_index == NONE)
		return 0;
	if (find_xattrs(file, inode->xattr_index, &id, e) < 0)
		return -1;
	if (le32toh(id.count) > XATTR_COUNT_MAX)
		return error_set(e, ERROR_FORMAT, "malformed squashfs: it claims %u attributes",
				 le32toh(id.count));
	if (id.count && seek_xattr(file, le64toh(id.xattr), e) < 0)
		return -1;
	for (uint32_t i = 0; i < le32toh(id.count); i++) {
		auto_buffer struct buffer value = BUFFER_INIT;
		char name[XATTR_NAME_MAX + 1];
		bool elsewhere = false;

		if (read_name(file, &elsewhere, name, e) < 0 || read_value(file, elsewhere, &value, e) < 0 ||
		    squash_file_count(file, value.len, e) < 0 || add_xattr(xattrs, name, &value, e) < 0)
			return -1;
	}
	return 0;
}
