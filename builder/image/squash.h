/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of a split image as a squashfs. libsquashfs reads and decompresses blocks and small tables; what says how
 * much there is, and where, is read here, checked before memory is taken for it.
 */
#ifndef IMAGE_SQUASH_H
#define IMAGE_SQUASH_H

#include "image/image.h"

struct squash_root {
	struct tree_source source;
	const struct image_file *file;
	int fd; /* borrowed */
	struct log *log;
};

struct squash_root squash_root(const struct image_file *file, int fd, struct log *log);

/* The name of the compressor of the squashfs FD; lasting. ERROR_FORMAT for a superblock that cannot be. */
int squash_codec(int fd, const char **codec, struct error *e) MUST_CHECK;

#endif
