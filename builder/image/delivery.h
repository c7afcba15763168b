/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How files of an image, and what lies beside them, appear in the folder that receives them: all of them in a row,
 * when everything is written, or none. Until then they have no names, where the file system can do that.
 */
#ifndef IMAGE_DELIVERY_H
#define IMAGE_DELIVERY_H

#include "base/file.h"

/* Of all formats at once, with documents, sums, signatures and record. */
enum { DELIVERY_FILE_MAX = 24, DELIVERY_OLD_MAX = 8 };

struct delivery {
	int folder_fd; /* borrowed */
	struct file_pending files[DELIVERY_FILE_MAX];
	size_t count;
	char *old[DELIVERY_OLD_MAX]; /* owned; what goes when they come */
	size_t old_count;
	/* One folder, until it is committed under a name like that of a file that is being written. */
	char *folder_name; /* owned; NULL: there is none */
	char *temporary;   /* owned; NULL once it is committed */
	int content_fd;    /* owned; holds the lock of base/temporary.h */
};

#define DELIVERY_INIT ((struct delivery) { .folder_fd = -1, .content_fd = -1 })

#define auto_delivery AUTO(delivery_release)

/* One more file, to be written through *fd, which stays DELIVERY's. */
int delivery_add(struct delivery *delivery, const char *name, int *fd, struct error *e) MUST_CHECK;
/* The same for a whole text. */
int delivery_add_text(struct delivery *delivery, const char *name, const void *text, size_t len,
		      struct error *e) MUST_CHECK;
/* A file of an earlier build that must not lie beside these: it goes when they come. */
void delivery_add_old(struct delivery *delivery, const char *name);
/* Forget what was added behind the first COUNT files. */
void delivery_drop(struct delivery *delivery, size_t count);
/* Its descriptor, again; -1: there is none of that name. */
int delivery_fd(const struct delivery *delivery, const char *name);
/*
 * The folder, to be filled through *fd, which stays DELIVERY's; one at most. An older one of that name goes when this
 * one comes, if it is one of these: it holds metadata.yaml and rootfs. Errors: ERROR_USAGE for any other.
 */
int delivery_add_folder(struct delivery *delivery, const char *name, int *fd, struct error *e) MUST_CHECK;
/* What was added so far is written: wait for the disk now, and delivery_commit() will not. */
int delivery_sync(struct delivery *delivery, struct error *e) MUST_CHECK;
/*
 * Of two builds into one folder the files, sums and record of one must not be mixed with the other's: whoever looks at
 * what lies there to write something that goes with it locks the folder first, until he closes it.
 */
int delivery_lock(struct delivery *delivery, struct error *e) MUST_CHECK;
/* Everything is written: wait for the disk, lock, then give them their names, in the order in which they were added. */
int delivery_commit(struct delivery *delivery, struct error *e) MUST_CHECK;
/* Files that were not committed are gone. */
void delivery_release(struct delivery *delivery);

#endif
