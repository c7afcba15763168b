/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/squash_parts.h"

#include "base/interrupt.h"
#include "base/limits.h"
#include "stream/codec.h"

#include <sqfs/block.h>
#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/xattr_writer.h>
#include <sys/sysmacros.h>

enum {
	/*
	 * Blocks and ends of files on their way at a time. The library decides by it in which order they are written,
	 * so it must not follow from the number of processors.
	 */
	BACKLOG = 128,
	WORKER_MAX = 16,
	DEVICE_BYTES = 4096, /* a loop device has no half blocks */
	MAJOR_MAX = 0xfff,
	MINOR_MAX = 0xfffff,
	NAME_BYTES_MAX = 256,
	LINK_BYTES_MAX = 65535,
};

/* What one worker needs: its encoder, and room for the output. The BACKLOG comes on top, once for all of them. */
#define WORKER_BYTES (16 * MIB)

static int write_at(sqfs_file_t *base, sqfs_u64 offset, const void *data, size_t len)
{
	struct squash_file *file = (struct squash_file *)base;
	const char *from = data;

	if (offset + len > file->size_bytes)
		file->size_bytes = offset + len;
	while (len && !file->failed) {
		ssize_t put = pwrite(file->fd, from, len, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			file->failed = true;
			error_sys(&file->error, "cannot write");
			break;
		}
		from += put;
		offset += (size_t)put;
		len -= (size_t)put;
	}
	return 0;
}

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *data, size_t len)
{
	struct squash_file *file = (struct squash_file *)base;
	char *to = data;

	while (len) {
		ssize_t got = file->failed ? 0 : pread(file->fd, to, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && !file->failed) {
			file->failed = true;
			error_sys(&file->error, "cannot read back");
		}
		if (got <= 0) {
			memset(to, 0, len);
			return 0;
		}
		to += got;
		offset += (size_t)got;
		len -= (size_t)got;
	}
	return 0;
}

static sqfs_u64 get_size(const sqfs_file_t *base)
{
	return ((const struct squash_file *)base)->size_bytes;
}

/* The block writer takes duplicates back by this. */
static int truncate_to(sqfs_file_t *base, sqfs_u64 size_bytes)
{
	struct squash_file *file = (struct squash_file *)base;

	file->size_bytes = size_bytes;
	if (!file->failed && ftruncate(file->fd, (off_t)size_bytes) < 0) {
		file->failed = true;
		error_sys(&file->error, "cannot truncate");
	}
	return 0;
}

static void destroy_nothing(sqfs_object_t *object)
{
	(void)object;
}

void squash_file_init(struct squash_file *file, int fd)
{
	*file = (struct squash_file) { .file = { .base = { .destroy = destroy_nothing },
						 .read_at = read_at,
						 .write_at = write_at,
						 .get_size = get_size,
						 .truncate = truncate_to },
				       .fd = fd };
}

int squash_check(struct squash *squash, int status, struct error *e)
{
	if (squash->output.failed) {
		*e = squash->output.error;
		return -1;
	}
	if (status >= 0)
		return 0;
	if (status == SQFS_ERROR_OVERFLOW)
		return error_set(e, ERROR_FORMAT, "squashfs has no room for this");
	return error_set(e, ERROR_INTERNAL, "libsquashfs failed with status %d", status);
}

static void free_node(struct squash_node *node)
{
	sqfs_free(node->inode);
	free(node->children);
}

void squash_close(struct squash *squash)
{
	if (!squash)
		return;
	/* The library does not free what is under way: let it come to its end, without more work than needed. */
	atomic_store(&squash->stopped, true);
	squash->output.failed = true;
	if (squash->processor)
		(void)sqfs_block_processor_finish(squash->processor);
	sqfs_destroy(squash->processor);
	sqfs_destroy(squash->xattrs);
	sqfs_destroy(squash->fragments);
	sqfs_destroy(squash->blocks);
	sqfs_destroy(squash->decompressor);
	sqfs_destroy(squash->compressor);
	for (size_t i = 0; i < squash->node_count; i++)
		free_node(squash->nodes[i]);
	free(squash->nodes);
	map_release(&squash->by_path);
	arena_release(&squash->arena);
	free(squash);
}

static size_t worker_count(const struct squash_options *options)
{
	size_t count = options->worker_count;

	if (!count)
		count = codec_workers(options->memory, WORKER_BYTES);
	if (count > WORKER_MAX)
		count = WORKER_MAX;
	return count;
}

/* The super block is written once more at the end, when the rest of it is known. */
static int write_head(struct squash *squash, struct error *e)
{
	int options_len;

	if (squash_check(squash, sqfs_super_write(&squash->super, &squash->output.file), e) < 0)
		return -1;
	options_len = squash->compressor->write_options(squash->compressor, &squash->output.file);
	if (squash_check(squash, options_len, e) < 0)
		return -1;
	if (options_len)
		squash->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
	return 0;
}

static int open_processor(struct squash *squash, struct error *e)
{
	sqfs_block_processor_desc_t description = {
		.size = sizeof description,
		.max_block_size = SQUASH_BLOCK_BYTES,
		.num_workers = (sqfs_u32)worker_count(&squash->options),
		.max_backlog = BACKLOG,
		.cmp = squash->compressor,
		/* With these two, what has the checksum of an earlier file is compared with it. */
		.file = &squash->output.file,
		.uncmp = squash->decompressor,
	};

	squash->blocks = sqfs_block_writer_create(&squash->output.file, DEVICE_BYTES, 0);
	squash->fragments = sqfs_frag_table_create(0);
	squash->xattrs = sqfs_xattr_writer_create(0);
	if (!squash->blocks || !squash->fragments || !squash->xattrs)
		abort();
	description.wr = squash->blocks;
	description.tbl = squash->fragments;
	return squash_check(squash, sqfs_block_processor_create_ex(&description, &squash->processor), e);
}

int squash_open(const struct squash_options *options, struct squash **out, struct error *e)
{
	auto_squash struct squash *squash = xcalloc(1, sizeof *squash);

	squash->options = *options;
	squash_file_init(&squash->output, options->fd);
	atomic_init(&squash->stopped, false);
	if (squash_compressors(squash, e) < 0 || write_head(squash, e) < 0 || open_processor(squash, e) < 0)
		return -1;
	*out = TAKE(squash, NULL);
	return 0;
}

bool squash_keeps_xattr(const char *name)
{
	return is_prefix(name, "user.") || is_prefix(name, "trusted.") || is_prefix(name, "security.");
}

static int add_xattrs(struct squash *squash, const struct xattrs *xattrs, uint32_t *number, struct error *e)
{
	int status = sqfs_xattr_writer_begin(squash->xattrs, 0);

	for (size_t i = 0; status == 0 && xattrs && i < xattrs->count; i++)
		if (squash_keeps_xattr(xattrs->items[i].name))
			status = sqfs_xattr_writer_add(squash->xattrs, xattrs->items[i].name,
						       xattrs->items[i].value, xattrs->items[i].len);
	if (status == 0)
		status = sqfs_xattr_writer_end(squash->xattrs, number);
	return squash_check(squash, status, e);
}

/* What holds PATH; NULL for the root. */
static int find_parent(struct squash *squash, const char *path, struct squash_node **parent,
		       const char **name, struct error *e)
{
	const char *slash = strrchr(path, '/');
	struct text folder = { path, slash ? (size_t)(slash - path) : 0 };

	*parent = NULL;
	*name = slash ? slash + 1 : path;
	if (path[0] == '\0')
		return 0;
	if ((*name)[0] == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0 || slash == path)
		return error_set(e, ERROR_FORMAT, "this is no path below the root");
	if (strlen(*name) > NAME_BYTES_MAX)
		return error_set(e, ERROR_FORMAT, "squashfs has room for names of %d bytes", NAME_BYTES_MAX);
	*parent = map_get(&squash->by_path, folder);
	if (!*parent || !S_ISDIR((*parent)->mode))
		return error_set(e, ERROR_FORMAT, "what holds it is no folder, or comes later");
	return 0;
}

/* As the kernel's new_encode_dev(). */
static int encode_device(dev_t device, uint32_t *out, struct error *e)
{
	unsigned high = major(device);
	unsigned low = minor(device);

	if (high > MAJOR_MAX || low > MINOR_MAX)
		return error_set(e, ERROR_FORMAT, "squashfs has no room for the device number %u:%u", high,
				 low);
	*out = (low & 0xff) | high << 8 | (low & ~0xffU) << 12;
	return 0;
}

static int fill_node(struct squash *squash, struct squash_node *node, const struct tree_entry *entry,
		     int64_t mtime_s, struct error *e)
{
	node->mode = entry->st.st_mode;
	node->uid = entry->st.st_uid;
	node->gid = entry->st.st_gid;
	node->mtime_s = mtime_s < 0 ? 0 : mtime_s > UINT32_MAX ? UINT32_MAX : (uint32_t)mtime_s;
	node->link_count = S_ISDIR(node->mode) ? 2 : 1;
	if (S_ISLNK(node->mode)) {
		if (strlen(entry->link) > LINK_BYTES_MAX)
			return error_set(e, ERROR_FORMAT, "squashfs has room for links of %d bytes",
					 LINK_BYTES_MAX);
		node->link = arena_strdup(&squash->arena, entry->link);
	}
	if ((S_ISCHR(node->mode) || S_ISBLK(node->mode)) &&
	    encode_device(entry->st.st_rdev, &node->device, e) < 0)
		return -1;
	return add_xattrs(squash, entry->xattrs, &node->xattrs, e);
}

static int find_target(struct squash *squash, const char *path, struct squash_node **target, struct error *e)
{
	struct squash_node *found = map_get(&squash->by_path, text_of(path));

	if (found && found->target)
		found = found->target;
	if (!found || S_ISDIR(found->mode))
		return error_set(e, ERROR_FORMAT, "it is a hard link to '/%s', which is no earlier file",
				 path);
	*target = found;
	return 0;
}

static void add_child(struct squash_node *parent, struct squash_node *node)
{
	if (!parent)
		return;
	PUSH(parent->children, parent->child_count, node);
	if (!node->target && S_ISDIR(node->mode))
		parent->link_count++;
}

/* The end of a large file is compressed better with what is like it than among small files. */
static int begin_file(struct squash *squash, struct squash_node *node, uint64_t size_bytes, struct error *e)
{
	sqfs_u32 flags = size_bytes > SQUASH_BLOCK_BYTES ? SQFS_BLK_DONT_FRAGMENT : 0;
	int status = sqfs_block_processor_begin_file(squash->processor, &node->inode, NULL, flags);

	return squash_check(squash, status, e);
}

int squash_entry(struct squash *squash, const struct tree_entry *entry, int64_t mtime_s, struct error *e)
{
	struct squash_node *node;
	struct squash_node *parent;
	struct squash_node *target = NULL;
	const char *name;
	const char *path;

	if (find_parent(squash, entry->path, &parent, &name, e) < 0 ||
	    (entry->hard_link && find_target(squash, entry->hard_link, &target, e) < 0))
		return -1;
	if (map_get(&squash->by_path, text_of(entry->path)))
		return error_set(e, ERROR_FORMAT, "there are two entries of this name");
	node = arena_alloc(&squash->arena, sizeof *node);
	path = arena_strdup(&squash->arena, entry->path);
	node->name = path + (name - entry->path);
	node->parent = parent;
	node->target = target;
	if (target)
		target->link_count++;
	else if (fill_node(squash, node, entry, mtime_s, e) < 0)
		return -1;
	PUSH(squash->nodes, squash->node_count, node);
	map_put(&squash->by_path, text_of(path), node);
	add_child(parent, node);
	if (target || !S_ISREG(node->mode))
		return 0;
	if (begin_file(squash, node, (uint64_t)entry->st.st_size, e) < 0)
		return -1;
	return entry->content ? 0 : squash_end_file(squash, e);
}

int squash_write(struct squash *squash, const void *data, size_t len, struct error *e)
{
	return squash_check(squash, sqfs_block_processor_append(squash->processor, data, len), e);
}

/* The library makes holes of blocks of zeros. */
int squash_hole(struct squash *squash, uint64_t len, struct error *e)
{
	static const char zeros[64 * 1024];

	while (len) {
		size_t part = len < sizeof zeros ? (size_t)len : sizeof zeros;

		if (interrupt_check(e) < 0 || squash_write(squash, zeros, part, e) < 0)
			return -1;
		len -= part;
	}
	return 0;
}

int squash_end_file(struct squash *squash, struct error *e)
{
	return squash_check(squash, sqfs_block_processor_end_file(squash->processor), e);
}

/* Up to a whole block of a device. */
static int pad(struct squash *squash, struct error *e)
{
	static const char zeros[DEVICE_BYTES];
	uint64_t size_bytes = squash->output.size_bytes;
	size_t over = size_bytes % DEVICE_BYTES;

	return squash_check(
		squash, over ? write_at(&squash->output.file, size_bytes, zeros, DEVICE_BYTES - over) : 0, e);
}

int squash_finish(struct squash *squash, struct error *e)
{
	if (squash->node_count == 0 || squash->nodes[0]->parent)
		return error_set(e, ERROR_FORMAT, "there is no root");
	if (squash_check(squash, sqfs_block_processor_finish(squash->processor), e) < 0 ||
	    interrupt_check(e) < 0 || squash_tables(squash, e) < 0)
		return -1;
	squash->super.bytes_used = squash->output.size_bytes;
	if (squash_check(squash, sqfs_super_write(&squash->super, &squash->output.file), e) < 0)
		return -1;
	return pad(squash, e);
}
