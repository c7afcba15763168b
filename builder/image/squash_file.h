/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a squashfs: its tables, inodes, folders, attributes and data, each read within limits. */
#ifndef IMAGE_SQUASH_FILE_H
#define IMAGE_SQUASH_FILE_H

#include "base/text.h"
#include "base/xattr.h"

#include <sqfs/compressor.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_reader.h>
#include <sqfs/super.h>
#include <sys/stat.h>

struct squash_file {
	sqfs_file_t io; /* first: what libsquashfs reads through */
	int fd;         /* borrowed */
	uint64_t size_bytes;
	uint64_t decoded_bytes; /* against bombs */
	sqfs_super_t super;
	sqfs_compressor_t *compressor; /* owned, like all below */
	sqfs_id_table_t *ids;
	sqfs_frag_table_t *fragments;
	sqfs_meta_reader_t *inodes;
	sqfs_meta_reader_t *folders;
	sqfs_meta_reader_t *xattr_ids; /* NULL: there are no attributes */
	sqfs_meta_reader_t *xattrs;
	uint64_t xattr_start;
	uint32_t xattr_count;
};

/* FILE stays where it is. After a failure there is nothing to close. */
int squash_file_open(struct squash_file *file, int fd, struct error *e) MUST_CHECK;
/* Nothing but padding follows the file system. */
int squash_file_check_end(const struct squash_file *file, struct error *e) MUST_CHECK;
void squash_file_close(struct squash_file *file);
/* Count what was decoded or made up. ERROR_FORMAT: it is too much for such a file. */
int squash_file_count(struct squash_file *file, uint64_t bytes, struct error *e) MUST_CHECK;
/* What libsquashfs returned. -1. */
int squash_failure(int code, const char *what, struct error *e);

struct squash_inode {
	struct stat st;
	uint32_t xattr_index; /* UINT32_MAX: none */
	char *target;         /* owned; of a link */
	/* A folder. */
	uint64_t list_block;
	uint32_t list_offset;
	uint32_t list_bytes;
	/* A file. */
	uint64_t data_at;
	uint32_t fragment; /* UINT32_MAX: none */
	uint32_t fragment_offset;
	uint32_t *blocks; /* owned */
	size_t block_count;
	size_t block_room;
};

/* REFERENCE as folders and the superblock have it. What INODE owns is used again. */
int squash_inode_read(struct squash_file *file, uint64_t reference, struct squash_inode *inode,
		      struct error *e) MUST_CHECK;
void squash_inode_release(struct squash_inode *inode);

int squash_xattrs_read(struct squash_file *file, const struct squash_inode *inode, struct xattrs *xattrs,
		       struct error *e) MUST_CHECK;

/* The names in a folder. */
struct squash_folder {
	uint64_t block; /* where the next ones are */
	size_t offset;
	uint32_t left_bytes;
	uint32_t left_entries; /* behind the last header */
	uint64_t inode_block;
	bool started;
	char name[256];
};

struct squash_folder squash_folder(const struct squash_inode *inode);
/* The next one: 1, the place of its inode, and its name, valid until the next call; 0 at the end. */
int squash_folder_next(struct squash_file *file, struct squash_folder *folder, uint64_t *reference,
		       struct text *name, struct error *e) MUST_CHECK;

/* The data of one file at a time, from the start on. */
struct squash_data {
	const struct squash_inode *inode; /* borrowed */
	uint64_t at;
	size_t block; /* the one that DISK_AT is the place of */
	uint64_t disk_at;
	size_t loaded;     /* SIZE_MAX: none */
	const char *piece; /* its bytes; NULL: zeros */
	size_t piece_len;
	char *packed; /* owned */
	char *plain;  /* owned */
	char *tails;  /* owned; a fragment block */
	size_t tails_len;
	uint32_t tails_index; /* UINT32_MAX: none */
};

void squash_data_start(struct squash_data *data, const struct squash_inode *inode);
bool squash_data_is_sparse(const struct squash_data *data);
int squash_data_read(struct squash_file *file, struct squash_data *data, void *bytes, size_t room,
		     size_t *len, struct error *e) MUST_CHECK;
/* The next block as a whole: 1; *piece NULL: *len zeros; 0 at the end. */
int squash_data_next(struct squash_file *file, struct squash_data *data, const void **piece, size_t *len,
		     struct error *e) MUST_CHECK;
int squash_data_skip(struct squash_data *data, uint64_t len, struct error *e) MUST_CHECK;
void squash_data_release(struct squash_data *data);

#endif
