/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the formats share. A format is a row of the table in image.c: it opens the outputs that it consists of, and says
 * which files they make an image of. The walk then gives every entry of the root to every output.
 */
#ifndef PACK_PACKING_H
#define PACK_PACKING_H

#include "image/delivery.h"
#include "pack/pack.h"
#include "stream/stream.h"
#include "tree/tree.h"

/* The metadata archives of images: always this, as LXC's and the field's tools expect. */
#define META_SUFFIX ".meta.tar.xz"

struct output;

struct output_ops {
	/* The content of an entry that has one follows by write(), and end_file() comes last. */
	int (*entry)(struct output *output, const struct tree_entry *entry, struct error *e);
	int (*write)(struct output *output, const void *data, size_t len, struct error *e);
	/* LEN bytes of that content are a hole; the entry has extents then. */
	int (*hole)(struct output *output, uint64_t len, struct error *e);
	int (*end_file)(struct output *output, const struct tree_entry *entry, struct error *e);
	/* Called beside those of the others, in a thread of its own. */
	int (*finish)(struct output *output, struct error *e);
	void (*release)(struct output *output); /* frees OUTPUT itself */
};

/* One file or folder on its way to disk; the first member of every kind of it. */
struct output {
	const struct output_ops *ops;
	struct packed *packed; /* borrowed; what it makes */
	double cpu_s;          /* of its thread, without the compressor's */
};

/* A file or folder of the image, which several formats may refer to. */
struct packed {
	struct artefact_file file; /* the name is owned; size and digest are known at the end */
	struct digest
		combined; /* of the metadata archive and this file in a row, where that is a fingerprint */
};

enum { PACKED_MAX = 8 };

struct packing {
	const struct pack_options *options;
	struct delivery *delivery; /* borrowed */
	struct codec_memory memory;
	struct packed packed[PACKED_MAX];
	size_t packed_count;
	struct output *outputs[PACKED_MAX]; /* owned */
	size_t output_count;
	struct buffer meta;         /* NAME.meta.tar.xz, once a format needs it */
	struct packed *meta_packed; /* likewise */
	struct packed *root;        /* NAME.rootfs.tar.zst, likewise */
	struct pack_compression root_compression;
	struct {
		const char *format;
		struct packed *files[ARTEFACT_FILE_MAX];
	} images[PACK_FORMAT_COUNT];
	size_t image_count;
	char *read_buffer; /* owned */
	struct meter_sum spent;
};

/* The formats. */
int unified_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
	MUST_CHECK;
int split_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
	MUST_CHECK;
int squashfs_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
	MUST_CHECK;
int lxc_open(struct packing *packing, const struct pack_compression *compression, struct error *e) MUST_CHECK;
int tar_format_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
	MUST_CHECK;
int folder_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
	MUST_CHECK;

/* The word of a format, lasting; NULL for any other word. */
const char *pack_format_word(struct text word);

/* One more file, of the name NAME + SUFFIX + CODEC_SUFFIX. */
struct packed *packing_add(struct packing *packing, const char *suffix, const char *codec_suffix);
/* One more output, taken over. */
void packing_add_output(struct packing *packing, struct output *output);
/* FILES make an image; the second may be NULL. */
void packing_add_image(struct packing *packing, const char *format, struct packed *first,
		       struct packed *second);
/* NAME.meta.tar.xz, made when it is asked for first: the fingerprint of an image of two files begins with its bytes. */
int packing_meta(struct packing *packing, struct packed **meta, struct error *e) MUST_CHECK;
/* The time stamp that an entry of the root gets. */
int64_t packing_time(const struct pack_options *options, const struct tree_entry *entry);

/* pack_image() without the end: the files have no names yet. They are added to ARTEFACTS. */
int pack_into(const struct pack_options *options, struct delivery *delivery, struct artefacts *artefacts,
	      struct error *e) MUST_CHECK;

/* Archives. */

/* The root as a tar archive, compressed; PREFIX is in front of its paths. */
struct archive_output {
	struct output output;
	const struct pack_options *options;
	struct sink *sink; /* owned */
	const char *prefix;
};

extern const struct output_ops archive_ops;
/* FD is borrowed. COMBINED: fill packed->combined. */
int archive_open(struct packing *packing, struct archive_output *archive, struct packed *packed,
		 const char *prefix, const struct pack_compression *compression, bool combined,
		 struct error *e) MUST_CHECK;
/* A small file made now, as a member of an archive. */
int archive_add(struct sink *out, const struct pack_options *options, const char *path, const void *data,
		size_t len, struct error *e) MUST_CHECK;
/* metadata.yaml and templates/: first in the archive, so that a daemon finds them without reading it all. */
int archive_add_metadata(struct sink *out, const struct pack_options *options, struct error *e) MUST_CHECK;
/* One entry of the root. */
int archive_add_entry(struct archive_output *archive, const struct tree_entry *entry, struct error *e)
	MUST_CHECK;

/* The digest of what FD holds, and, where HEAD_LEN is not 0, of HEAD and that in a row. */
int packed_digests(struct packed *packed, int fd, const void *head, size_t head_len, struct error *e)
	MUST_CHECK;

#endif
