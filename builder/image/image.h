/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image that exists, as LXD, Incus and LXC know it: one archive with metadata.yaml, templates/ and rootfs/, or a
 * pair of a metadata archive and the root as an archive or as a squashfs. What a file is, its bytes tell.
 *
 *	auto_image struct image *image = NULL;
 *
 *	if (image_open(path, NULL, log, &image, e) < 0)
 *		return -1;
 *	… image_facts(image)->metadata …
 *	if (tree_visit(image_root(image), visit, context, e) < 0)
 *		return -1;
 *
 * Nothing is unpacked, and little is held: names, and one piece of content. Whoever made the image is not trusted.
 * The visitor sees paths without empty, "." and ".." parts, each once, behind the folder that holds it, and hard links
 * to what it has seen. Everything else, more than base/limits.h allows, and whatever is missing at the end of a file or
 * follows it is ERROR_FORMAT, "IMAGE: entry 'PATH': …"; of the end the visitor learns when it has seen all.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "base/log.h"
#include "base/text.h"
#include "tree/tree.h"

struct image;

enum image_kind { IMAGE_UNIFIED, IMAGE_SPLIT };

/* A template as it lies in the image. */
struct image_text {
	const char *name; /* without templates/ */
	const char *data;
	size_t len;
};

struct image_file {
	const char *path;  /* as it was given, or found beside the other */
	const char *codec; /* "none", "zstd", …; of a squashfs that of its blocks */
	uint64_t size_bytes;
};

enum { IMAGE_FILE_MAX = 2 };

struct image_facts {
	enum image_kind kind;
	bool is_squashfs;                        /* the root */
	struct image_file files[IMAGE_FILE_MAX]; /* split: metadata, then root */
	size_t file_count;
	struct text metadata;               /* metadata.yaml, as it is */
	const struct image_text *templates; /* in ascending order of name, each once */
	size_t template_count;
	bool metadata_first; /* metadata.yaml and all templates are in front of the root */
};

/*
 * PATH is the one file of an image, or the metadata archive of a pair whose root is ROOTFS_PATH or, with NULL, lies
 * beside it under a name that kiln or the field's tools give it. LOG (may be NULL) hears of what is left out.
 * Errors: ERROR_SYSTEM for files that cannot be read, ERROR_FORMAT for what is no image.
 */
int image_open(const char *path, const char *rootfs_path, struct log *log, struct image **out,
	       struct error *e) MUST_CHECK;
void image_close(struct image *image); /* NULL is fine */
static inline void auto_image_(struct image **image)
{
	image_close(*image);
}
#define auto_image AUTO(auto_image_)

/* Valid until image_close(). */
const struct image_facts *image_facts(const struct image *image);
/* The root as a stream; each visit reads the file again. */
const struct tree_source *image_root(const struct image *image);

#endif
