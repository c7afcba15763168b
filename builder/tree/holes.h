/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a file is only zeros. A hole is at least HOLE_BYTES of them in whole blocks, whether the file system keeps them
 * or not: what an archive looks like depends on the bytes of a file, not on how a file system or a copy stored them.
 * Smaller ones are left to the compressors.
 */
#ifndef TREE_HOLES_H
#define TREE_HOLES_H

#include "tree/tree.h"

/*
 * Large enough for a file system in blocks of 1 MiB (squashfs) to have a whole one in every hole, so that its reader
 * need not look into files that have none.
 */
#define HOLE_BYTES (2ULL * 1024 * 1024)

struct holes {
	struct tree_extent *extents; /* owned */
	size_t count;
	bool found; /* there is a hole: EXTENTS say where the data are */
	uint64_t at;
	uint64_t data_from; /* the extent that is not ended yet */
	uint64_t zero_from; /* the zeros at its end */
};

#define HOLES_INIT ((struct holes) { NULL, 0, false, 0, 0, 0 })
#define auto_holes AUTO(holes_release)

/*
 * A file from its start, in order: bytes, or LEN zeros where DATA is NULL, or LEN bytes that count as data. All but the
 * last call have whole blocks of HOLE_BLOCK_BYTES.
 */
enum { HOLE_BLOCK_BYTES = 4096 };
void holes_start(struct holes *holes);
void holes_add(struct holes *holes, const void *data, size_t len);
void holes_add_zeros(struct holes *holes, uint64_t len);
void holes_add_data(struct holes *holes, uint64_t len);
void holes_end(struct holes *holes);

/* The holes of FD, of SIZE_BYTES. What the file system knows of them needs not be read. */
int holes_of_file(int fd, uint64_t size_bytes, struct holes *holes, struct error *e) MUST_CHECK;
/* Those that COUNT EXTENTS of a file leave. ERROR_FORMAT when these are not in order, or not in the file. */
int holes_of_extents(const struct tree_extent *extents, size_t count, uint64_t size_bytes,
		     struct holes *holes, struct error *e) MUST_CHECK;
void holes_release(struct holes *holes);

#endif
