/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of an archive of an image: which of them are the root's, and these as a tree_source. */
#ifndef IMAGE_ARCHIVE_H
#define IMAGE_ARCHIVE_H

#include "image/image.h"
#include "image/reader.h"

enum archive_part {
	PART_METADATA, /* metadata.yaml */
	PART_TEMPLATE, /* in templates/; or that itself, with the name "" */
	PART_ROOT,
	PART_OTHER,
};

/* Of a unified image or of a metadata archive. *name: below the part's folder. ERROR_FORMAT: it is a virtual machine. */
int archive_part_of(const char *path, enum archive_part *part, const char **name, struct error *e) MUST_CHECK;

struct archive_root {
	struct tree_source source;
	const struct image_facts *facts;
	int fd; /* borrowed */
	struct log *log;
};

struct archive_root archive_root(const struct image_facts *facts, int fd, struct log *log);

#endif
