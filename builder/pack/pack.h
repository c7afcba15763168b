/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 8. Root tree → image files and their fingerprints. One sorted walk over the root feeds every
 * format at once; nothing uncompressed touches the disk. The same tree, recipe and date give the same bytes.
 */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/meter.h"

#include <stdbool.h>

struct artefacts;
struct image_templates;
struct layer_key;
struct memo;
struct recipe;
struct tree_source;

enum pack_format {
	PACK_UNIFIED = 1 << 0,  /* NAME.tar.zst: metadata, templates and root in one archive */
	PACK_SPLIT = 1 << 1,    /* NAME.meta.tar.xz and NAME.rootfs.tar.zst */
	PACK_SQUASHFS = 1 << 2, /* NAME.meta.tar.xz and NAME.rootfs.squashfs */
	PACK_LXC = 1 << 3,      /* NAME.lxc.meta.tar.xz and NAME.lxc.rootfs.tar.xz, for LXC itself */
	PACK_TAR = 1 << 4,      /* NAME.rootfs.tar.zst alone, for other runtimes */
	PACK_DIR = 1 << 5,      /* NAME.dir: what a unified archive holds, as a folder */
};

enum { PACK_FORMAT_COUNT = 6 };

/* A codec of stream.h, or for PACK_SQUASHFS of tree/squash.h, by name; lasting. */
struct pack_compression {
	const char *codec;
	int level; /* within its limits */
};

/* A file below templates/. */
struct pack_template {
	const char *name; /* "hostname.tpl" */
	const char *content;
	size_t len;
};

/*
 * What is otherwise in an image of LXC: there templates are files of the root, in which LXC replaces words such as
 * LXC_NAME, and cloud-init finds nobody to tell it anything.
 */
struct pack_lxc {
	bool given; /* else such an image cannot be made */
	struct pack_template
		*files; /* of its metadata archive, but for excludes-user; in ascending order of name */
	size_t file_count;
	struct pack_template
		*replaced; /* files of the root, without a leading slash, and what they are instead */
	size_t replaced_count;
	bool no_cloud_init;
};

/* What an image says of itself: made of a recipe, or read from an image that exists. */
struct pack_metadata {
	struct arena arena; /* owns all below; empty where somebody else does */
	const char *name;   /* that the image's files begin with */
	const char *yaml;   /* metadata.yaml */
	size_t yaml_len;
	struct pack_template *templates; /* in ascending order of name, each once */
	size_t template_count;
	struct pack_lxc lxc;
};

#define PACK_METADATA_INIT ((struct pack_metadata) { .name = NULL })
#define auto_pack_metadata AUTO(pack_metadata_release)

/*
 * The metadata of an image that was built by RECIPE, whose date is set: recipe_set_date(). TEMPLATES may be NULL.
 * Errors: ERROR_RECIPE for a text that is no UTF-8, two templates of one name, more than the daemons read.
 */
int pack_metadata_make(const struct recipe *recipe, const struct image_templates *templates, int64_t epoch_s,
		       struct pack_metadata *out, struct error *e) MUST_CHECK;
/*
 * Add what LXC has to know: targets.lxc of the recipe, or where that is silent what LXC's own files offer. Errors:
 * ERROR_RECIPE.
 */
int pack_lxc_make(const struct recipe *recipe, const struct image_templates *templates, int64_t epoch_s,
		  struct pack_metadata *metadata, struct error *e) MUST_CHECK;
void pack_metadata_release(struct pack_metadata *metadata);

struct pack_options {
	const struct tree_source *root;
	const struct pack_metadata *metadata;
	int64_t epoch_s;  /* creation_date, the time stamp of the metadata's files */
	bool keep_times;  /* else no time stamp of the root is later than EPOCH_S either */
	unsigned formats; /* enum pack_format, or-ed */
	struct pack_compression
		compression[PACK_FORMAT_COUNT]; /* from pack_compression_parse(), by position of bit */
	int output_fd; /* folder that receives the files; locked from when they appear until the caller closes it */
	/* Borrowed; receives the files for the same folder, and the caller commits. NULL: pack_image() does that. */
	struct delivery *delivery;
	struct log *log;
	struct meter *meter; /* borrowed; may be NULL */
	struct memo *memo;   /* borrowed; blocks of earlier images, and of this one; may be NULL */
};

struct artefact_file {
	char *name;
	uint64_t size_bytes;  /* of a folder: those of its files */
	struct digest sha256; /* of a folder: that of the unified archive, uncompressed */
	bool is_folder;
};

enum { ARTEFACT_FILE_MAX = 2 };

struct artefact {
	const char *format; /* "unified", "split" and so on */
	struct artefact_file
		files[ARTEFACT_FILE_MAX]; /* of two: metadata, then rootfs; formats may share one */
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
 * put into the key of a layer that holds its files. A folder is never kept: pack_kept() makes it of the root.
 */
void pack_describe(const struct pack_options *options, struct layer_key *key);
/* What is kept beside such files, for pack_kept() and pack_learn(); malloc'ed. MEMO: as in the options. */
char *artefacts_print(const struct artefacts *artefacts, const struct memo *memo);
/*
 * Take the files that PRINTED tells of from the folder KEPT_FD, as pack_image() would make them: 1, or 0 when they are
 * not what it says, and then nothing has appeared.
 */
int pack_kept(const struct pack_options *options, int kept_fd, const char *printed,
	      struct artefacts *artefacts, struct error *e) MUST_CHECK;

/* Let MEMO know the blocks of those files. PRINTED that is not what was kept is passed over. */
void pack_learn(struct memo *memo, int kept_fd, const char *printed);

/* "unified,split" → formats; ERROR_USAGE names what is possible. */
int pack_formats_parse(const char *words, unsigned *formats, struct error *e) MUST_CHECK;
/*
 * "zstd-19,squashfs=xz" → how each of FORMATS is compressed: a codec for all, and others by format. What a format
 * does not know of the codec for all is its own default. ERROR_USAGE names what is possible.
 */
int pack_compression_parse(const char *words, unsigned formats,
			   struct pack_compression out[PACK_FORMAT_COUNT], struct error *e) MUST_CHECK;
/* The words that give COMPRESSION, one for each of FORMATS: "unified=zstd-3,split=zstd-3"; malloc'ed. */
char *pack_compression_print(unsigned formats, const struct pack_compression compression[PACK_FORMAT_COUNT]);
/* Say what not every client reads. */
void pack_warn(const struct pack_options *options);

/* All files of ARTEFACTS, appended to the growing array *files, which the caller frees; the files stay theirs. */
void artefacts_add_files(const struct artefacts *artefacts, const struct artefact_file ***files,
			 size_t *count);

/*
 * The text of SHA256SUMS of the folder with FILES in it, which may still have no names there: appended to TEXT. Lines
 * of files that are no longer there go. *same (may be NULL): it is what lies there. The folder should be locked.
 */
int pack_make_sums(int output_fd, const struct artefact_file *const *files, size_t count, struct buffer *text,
		   bool *same, struct error *e) MUST_CHECK;
/* Write it at once. */
int pack_write_sums(int output_fd, const struct artefact_file *const *files, size_t count, bool *same,
		    struct error *e) MUST_CHECK;

#endif
