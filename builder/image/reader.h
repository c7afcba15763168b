/* SPDX-License-Identifier: Apache-2.0 */
/* One archive of an image, from its first to its last byte. */
#ifndef IMAGE_READER_H
#define IMAGE_READER_H

#include "base/limits.h"
#include "tree/untar.h"

struct decoder;

struct reader {
	const char *name; /* of the file, for errors; borrowed */
	struct decoder *decoder;
	struct tar *tar;
	struct entry entry;          /* the current one */
	char path[LIMIT_PATH_BYTES]; /* of it, normalised */
	uint64_t decoded_bytes;
	uint64_t data_end; /* behind the last byte of them that is not 0 */
};

#define READER_INIT ((struct reader) { .decoder = NULL })
#define auto_reader AUTO(reader_close)

/* READER must stay where it is. FD and NAME are borrowed. */
int reader_open(struct reader *reader, int fd, const char *name, struct error *e) MUST_CHECK;
/* The next entry: 1; 0 at the end, which is where it should be. Errors name the file and the entry. */
int reader_next(struct reader *reader, struct error *e) MUST_CHECK;
/* Put the file and the current entry in front. Returns -1. */
int reader_wrap(const struct reader *reader, struct error *e);
void reader_close(struct reader *reader);

#endif
