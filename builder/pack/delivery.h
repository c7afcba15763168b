/* SPDX-License-Identifier: Apache-2.0 */
/* What those who write image files share: how they appear in the folder that receives them. */
#ifndef PACK_DELIVERY_H
#define PACK_DELIVERY_H

#include "base/file.h"

/* Of all formats at once. */
enum { DELIVERY_FILE_MAX = 8 };

struct delivery {
	int folder_fd; /* borrowed */
	struct file_pending files[DELIVERY_FILE_MAX];
	size_t count;
	/* One folder, until it is committed under a name like that of a file that is being written. */
	char *folder_name; /* owned; NULL: there is none */
	char *temporary;   /* owned; NULL once it is committed */
	int content_fd;    /* owned; holds the lock of base/temporary.h */
};

#define DELIVERY_INIT ((struct delivery) { .folder_fd = -1, .content_fd = -1 })

#define auto_delivery AUTO(delivery_release)

/* One more file, to be written through *fd, which stays DELIVERY's. */
int delivery_add(struct delivery *delivery, const char *name, int *fd, struct error *e) MUST_CHECK;
/* Its descriptor, again; -1: there is none of that name. */
int delivery_fd(const struct delivery *delivery, const char *name);
/*
 * The folder, to be filled through *fd, which stays DELIVERY's; one at most. An older one of that name goes when this one
 * comes, if it is one of these: it holds metadata.yaml and rootfs. Errors: ERROR_USAGE for any other.
 */
int delivery_add_folder(struct delivery *delivery, const char *name, int *fd, struct error *e) MUST_CHECK;
/*
 * Everything is written: wait for the disk, then give them their names, all in a row. The folder is locked
 * from then on until whoever opened it closes it.
 */
int delivery_commit(struct delivery *delivery, struct error *e) MUST_CHECK;
/* Files that were not committed are gone. */
void delivery_release(struct delivery *delivery);

#endif
