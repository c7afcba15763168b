/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the squashfs writer share; for everybody else there is squash.h. */
#ifndef TREE_SQUASH_PARTS_H
#define TREE_SQUASH_PARTS_H

#include "tree/squash.h"

#include "base/alloc.h"
#include "base/map.h"

#include <sqfs/compressor.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/predef.h>
#include <sqfs/super.h>
#include <stdatomic.h>

/* The largest there are, as all builders of such images choose. */
#define SQUASH_BLOCK_BYTES (1 * MIB)

/* One entry. Of a hard link only NAME, PARENT and TARGET are its own. */
struct squash_node {
	const char *name;
	struct squash_node *parent;  /* NULL: the root */
	struct squash_node *target;  /* of a hard link */
	sqfs_inode_generic_t *inode; /* of a regular file or a finished folder; owned */
	const char *link;
	struct squash_node **children; /* of a folder; owned */
	size_t child_count;
	uint64_t reference; /* where the inode is, once it is written */
	uint32_t number;    /* of the inode */
	uint32_t link_count;
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime_s;
	uint32_t device;
	uint32_t xattrs; /* their number in the table */
	mode_t mode;
};

/* The file that the library writes to: it fails once and then swallows all, so that the library comes to its end. */
struct squash_file {
	sqfs_file_t file;
	int fd;
	uint64_t size_bytes;
	bool failed;
	struct error error;
};

struct squash {
	struct squash_options options;
	struct squash_file output;
	sqfs_super_t super;
	sqfs_compressor_t *compressor;
	sqfs_compressor_t *decompressor;
	sqfs_block_writer_t *blocks;
	sqfs_frag_table_t *fragments;
	sqfs_block_processor_t *processor;
	sqfs_xattr_writer_t *xattrs;
	struct arena arena;
	struct map by_path;         /* → struct squash_node */
	struct squash_node **nodes; /* in the order in which they came; owned */
	size_t node_count;
	atomic_bool stopped; /* what compressors still do is not needed */
};

void squash_file_init(struct squash_file *file, int fd);
/* The library's STATUS, or what the file has met meanwhile, as an error: 0 or -1. */
int squash_check(struct squash *squash, int status, struct error *e) MUST_CHECK;

/* The codec of the options, for compression and back. */
int squash_compressors(struct squash *squash, struct error *e) MUST_CHECK;

/* Inodes, folders and tables, behind the data of all files. */
int squash_tables(struct squash *squash, struct error *e) MUST_CHECK;

#endif
