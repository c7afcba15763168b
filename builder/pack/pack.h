/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 8. Root tree → image files and their fingerprints. One sorted walk over the root feeds every
 * format at once; nothing uncompressed touches the disk. The same tree, recipe and date give the same bytes.
 */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include "base/digest.h"
#include "base/log.h"
#include "base/meter.h"

struct artefacts;
struct codec;
struct image_templates;
struct layer_key;
struct recipe;
struct tree_source;

enum pack_format { PACK_UNIFIED = 1 << 0, PACK_SPLIT = 1 << 1 };

struct pack_options {
	const struct tree_source *root;
	const struct recipe *recipe; /* its date is set: recipe_set_date() */
	const struct image_templates *templates;
	int64_t epoch_s;  /* creation_date; no time stamp in the archive is later */
	unsigned formats; /* enum pack_format, or-ed */
	const struct codec *codec;
	int level; /* from codec_parse() */
	int output_fd; /* folder that receives the files; locked from when they appear until the caller closes it */
	struct log *log;
	struct meter *meter; /* borrowed; may be NULL */
};

struct artefact_file {
	char *name;
	uint64_t size_bytes;
	struct digest sha256;
};

enum { ARTEFACT_FILE_MAX = 2 };

struct artefact {
	const char *format;                            /* "unified", "split" */
	struct artefact_file files[ARTEFACT_FILE_MAX]; /* split: metadata, then rootfs */
	size_t file_count;
	struct digest fingerprint; /* sha256 of the files' bytes, one after the other */
};

struct artefacts {
	struct artefact *items; /* owned */
	size_t count;
};

#define ARTEFACTS_INIT ((struct artefacts) { NULL, 0 })
#define auto_artefacts AUTO(artefacts_release)

/*
 * The name that an image's files begin with: image.name, expanded; malloc'ed. ERROR_RECIPE for one that would
 * lead elsewhere or break a line of SHA256SUMS. Needs recipe_set_date(), and no root: ask early.
 */
int pack_image_name(const struct recipe *recipe, char **name, struct error *e) MUST_CHECK;

/* Write every format. All files appear at the end, together, or none does. */
int pack_image(const struct pack_options *options, struct artefacts *artefacts, struct error *e) MUST_CHECK;
void artefacts_release(struct artefacts *artefacts);

/*
 * An image that was packed before need not be packed again. Beside the root, this is all that pack_image() reads:
 * put into the key of a layer that holds its files.
 */
int pack_describe(const struct pack_options *options, struct layer_key *key, struct error *e) MUST_CHECK;
/* What is kept beside such files, for pack_kept(); malloc'ed. */
char *artefacts_print(const struct artefacts *artefacts);
/*
 * Take the files that PRINTED tells of from the folder KEPT_FD, as pack_image() would make them: 1, or 0 when they are
 * not what it says, and then nothing has appeared.
 */
int pack_kept(const struct pack_options *options, int kept_fd, const char *printed,
	      struct artefacts *artefacts, struct error *e) MUST_CHECK;

/* "unified,split" → formats; ERROR_USAGE names what is possible. */
int pack_formats_parse(const char *words, unsigned *formats, struct error *e) MUST_CHECK;

/*
 * Put FILES into SHA256SUMS of the folder; lines of files that are no longer there go. *same (may be NULL): it was like
 * this before.
 */
int pack_write_sums(int output_fd, const struct artefact_file *const *files, size_t count, bool *same,
		    struct error *e) MUST_CHECK;

#endif
