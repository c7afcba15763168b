/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind the data: inodes, then the lists of folders, fragments, owners and attributes. A list refers to
 * inodes by where they are, and the inode of a folder to its list; so the folders are gone through from the last one
 * to the first, as none comes before the one that holds it: all that is in a folder, side by side, and then its list.
 */
#include "tree/squash_parts.h"

#include <sqfs/dir_writer.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/meta_writer.h>
#include <sqfs/xattr_writer.h>

struct tables {
	struct squash *squash;
	sqfs_id_table_t *ids;
	sqfs_meta_writer_t *inodes;
	sqfs_meta_writer_t *lists;
	sqfs_dir_writer_t *folders;
};

static void tables_release(struct tables *tables)
{
	sqfs_destroy(tables->folders);
	sqfs_destroy(tables->lists);
	sqfs_destroy(tables->inodes);
	sqfs_destroy(tables->ids);
}

static int check(struct tables *tables, int status, struct error *e)
{
	return squash_check(tables->squash, status, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct squash_node *const *)a)->name, (*(struct squash_node *const *)b)->name);
}

/* Numbers are in the order in which inodes are written; a folder names that of the one above, which comes later. */
static void number_inodes(struct squash *squash)
{
	uint32_t number = 0;

	for (size_t i = squash->node_count; i-- > 0;) {
		struct squash_node *folder = squash->nodes[i];

		if (folder->child_count)
			qsort(folder->children, folder->child_count, sizeof(struct squash_node *), by_name);
		for (size_t k = 0; k < folder->child_count; k++)
			if (!folder->children[k]->target)
				folder->children[k]->number = ++number;
	}
	squash->nodes[0]->number = ++number;
	squash->super.inode_count = number;
}

static sqfs_inode_generic_t *make_inode(const struct squash_node *node)
{
	size_t len = node->link ? strlen(node->link) : 0;
	sqfs_inode_generic_t *inode = xcalloc(1, sizeof *inode + len);

	if (S_ISLNK(node->mode)) {
		inode->base.type = SQFS_INODE_SLINK;
		inode->data.slink.nlink = node->link_count;
		inode->data.slink.target_size = (sqfs_u32)len;
		if (len)
			memcpy(inode->extra, node->link, len);
	} else if (S_ISCHR(node->mode) || S_ISBLK(node->mode)) {
		inode->base.type = S_ISCHR(node->mode) ? SQFS_INODE_CDEV : SQFS_INODE_BDEV;
		inode->data.dev.nlink = node->link_count;
		inode->data.dev.devno = node->device;
	} else {
		inode->base.type = S_ISFIFO(node->mode) ? SQFS_INODE_FIFO : SQFS_INODE_SOCKET;
		inode->data.ipc.nlink = node->link_count;
	}
	return inode;
}

/* The count of names, which only the longer form of a file's inode has. */
static int set_links(struct squash_node *node)
{
	sqfs_inode_generic_t *inode = node->inode;
	int status = 0;

	if (inode->base.type == SQFS_INODE_FILE && node->link_count > 1)
		status = sqfs_inode_make_extended(inode);
	if (inode->base.type == SQFS_INODE_EXT_FILE)
		inode->data.file_ext.nlink = node->link_count;
	else if (inode->base.type == SQFS_INODE_DIR)
		inode->data.dir.nlink = node->link_count;
	else if (inode->base.type == SQFS_INODE_EXT_DIR)
		inode->data.dir_ext.nlink = node->link_count;
	return status;
}

static int write_inode(struct tables *tables, struct squash_node *node, struct error *e)
{
	sqfs_inode_generic_t *inode;
	sqfs_u64 block;
	sqfs_u32 offset;
	int status;

	if (!node->inode)
		node->inode = make_inode(node);
	inode = node->inode;
	inode->base.mode = (sqfs_u16)node->mode;
	inode->base.mod_time = node->mtime_s;
	inode->base.inode_number = node->number;
	/* First what may make the longer form of it. */
	status = sqfs_inode_set_xattr_index(inode, node->xattrs);
	if (status == 0)
		status = set_links(node);
	if (status == 0)
		status = sqfs_id_table_id_to_index(tables->ids, node->uid, &inode->base.uid_idx);
	if (status == 0)
		status = sqfs_id_table_id_to_index(tables->ids, node->gid, &inode->base.gid_idx);
	sqfs_meta_writer_get_position(tables->inodes, &block, &offset);
	node->reference = block << 16 | offset;
	if (status == 0)
		status = sqfs_meta_writer_write_inode(tables->inodes, inode);
	sqfs_free(TAKE(node->inode, NULL));
	return check(tables, status, e);
}

/* The list of what is in FOLDER, and with it the inode of that folder, which is written later. */
static int write_list(struct tables *tables, struct squash_node *folder, struct error *e)
{
	uint32_t above = folder->parent ? folder->parent->number : folder->number + 1;
	int status = sqfs_dir_writer_begin(tables->folders, 0);

	for (size_t i = 0; status == 0 && i < folder->child_count; i++) {
		const struct squash_node *child = folder->children[i];
		const struct squash_node *node = child->target ? child->target : child;

		status = sqfs_dir_writer_add_entry(tables->folders, child->name, node->number,
						   node->reference, (sqfs_u16)node->mode);
	}
	if (status == 0)
		status = sqfs_dir_writer_end(tables->folders);
	if (check(tables, status, e) < 0)
		return -1;
	folder->inode = sqfs_dir_writer_create_inode(tables->folders, 0, folder->xattrs, above);
	if (!folder->inode)
		abort();
	return 0;
}

/* A hard link may lie in a folder whose list is written before the file that it means: inodes first, then lists. */
static int write_inodes_of_files(struct tables *tables, struct error *e)
{
	struct squash *squash = tables->squash;

	for (size_t i = squash->node_count; i-- > 0;) {
		struct squash_node *node = squash->nodes[i];

		if (!node->target && !S_ISDIR(node->mode) && node->link_count > 1 &&
		    write_inode(tables, node, e) < 0)
			return -1;
	}
	return 0;
}

static int write_folder(struct tables *tables, struct squash_node *folder, struct error *e)
{
	for (size_t i = 0; i < folder->child_count; i++) {
		struct squash_node *child = folder->children[i];

		/* Not what is written already: files with several names. */
		if (!child->target && (S_ISDIR(child->mode) || child->link_count == 1) &&
		    write_inode(tables, child, e) < 0)
			return -1;
	}
	return write_list(tables, folder, e);
}

static int write_tree(struct tables *tables, struct error *e)
{
	struct squash *squash = tables->squash;

	squash->super.inode_table_start = squash->output.size_bytes;
	if (write_inodes_of_files(tables, e) < 0)
		return -1;
	for (size_t i = squash->node_count; i-- > 0;)
		if (!squash->nodes[i]->target && S_ISDIR(squash->nodes[i]->mode) &&
		    write_folder(tables, squash->nodes[i], e) < 0)
			return -1;
	if (write_inode(tables, squash->nodes[0], e) < 0 ||
	    check(tables, sqfs_meta_writer_flush(tables->inodes), e) < 0 ||
	    check(tables, sqfs_meta_writer_flush(tables->lists), e) < 0)
		return -1;
	squash->super.root_inode_ref = squash->nodes[0]->reference;
	squash->super.directory_table_start = squash->output.size_bytes;
	return check(tables, sqfs_meta_write_write_to_file(tables->lists), e);
}

int squash_tables(struct squash *squash, struct error *e)
{
	AUTO(tables_release) struct tables tables = { .squash = squash };
	sqfs_file_t *file = &squash->output.file;

	tables.ids = sqfs_id_table_create(0);
	tables.inodes = sqfs_meta_writer_create(file, squash->compressor, 0);
	tables.lists = sqfs_meta_writer_create(file, squash->compressor, SQFS_META_WRITER_KEEP_IN_MEMORY);
	tables.folders = tables.lists ? sqfs_dir_writer_create(tables.lists, 0) : NULL;
	if (!tables.ids || !tables.inodes || !tables.folders)
		abort();
	number_inodes(squash);
	if (write_tree(&tables, e) < 0)
		return -1;
	if (check(&tables, sqfs_frag_table_write(squash->fragments, file, &squash->super, squash->compressor),
		  e) < 0 ||
	    check(&tables, sqfs_id_table_write(tables.ids, file, &squash->super, squash->compressor), e) < 0)
		return -1;
	return check(&tables,
		     sqfs_xattr_writer_flush(squash->xattrs, file, &squash->super, squash->compressor), e);
}
