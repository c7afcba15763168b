/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one block ends and the next begins, by what is in them: where something is inserted or taken away, the blocks
 * are others up to the next end that both have in common, and the same from there on. At fixed offsets all that
 * follow would differ.
 *
 * Ends are looked for between the records of a tar archive, which is what images are. Whoever makes packages can make
 * ends, or avoid them: blocks then have the least or the greatest size, and nothing worse happens.
 */
#ifndef STREAM_CUT_H
#define STREAM_CUT_H

#include <stddef.h>

enum { CUT_RECORD_BYTES = 512 };

/* All of them multiples of CUT_RECORD_BYTES. */
struct cut_sizes {
	size_t min_bytes;
	size_t spread_bytes; /* what follows on average until a record ends the block */
	size_t max_bytes;
};

/*
 * The end of the block that begins at DATA, of which LEN bytes (at most max_bytes) are there and the first SEEN were
 * there before; 0 while it is not among them.
 */
size_t cut_find(const struct cut_sizes *sizes, const char *data, size_t seen, size_t len);

#endif
