/* SPDX-License-Identifier: Apache-2.0 */
/* What those who write image files share: how they appear in the folder that receives them. */
#ifndef PACK_DELIVERY_H
#define PACK_DELIVERY_H

#include "base/file.h"

/* Unified, and the two files of a split image. */
enum { DELIVERY_FILE_MAX = 3 };

struct delivery {
	int folder_fd; /* borrowed */
	struct file_pending files[DELIVERY_FILE_MAX];
	size_t count;
};

#define auto_delivery AUTO(delivery_release)

/* One more file, to be written through *fd, which stays DELIVERY's. */
int delivery_add(struct delivery *delivery, const char *name, int *fd, struct error *e) MUST_CHECK;
/*
 * Everything is written: wait for the disk, then give the files their names, all in a row. The folder is locked
 * from then on until whoever opened it closes it.
 */
int delivery_commit(struct delivery *delivery, struct error *e) MUST_CHECK;
/* Files that were not committed are gone. */
void delivery_release(struct delivery *delivery);

/* The word of a format, lasting; NULL for any other word. */
const char *pack_format_word(struct text word);

#endif
