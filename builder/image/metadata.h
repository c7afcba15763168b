/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata.yaml of an image, as LXD and Incus read it (their ImageMetadata): what is in it, and all in it that one of
 * them would refuse, pass over, or take for something else. Templates are named here; whether their files are there
 * is the business of who has them.
 *
 *	auto_metadata struct metadata metadata = METADATA_INIT;
 *
 *	if (metadata_read(text, &metadata, e) < 0)          the first mistake is the error
 *		return -1;
 *	metadata_examine(text, say, context, &metadata);    or all of them, one call each
 */
#ifndef IMAGE_METADATA_H
#define IMAGE_METADATA_H

#include "base/alloc.h"
#include "base/limits.h"
#include "base/text.h"

/* What both daemons read of the file at most. */
#define METADATA_TEXT_MAX (1 * MIB)
/* Values, those behind aliases counted each time. */
enum { METADATA_VALUES_MAX = 100000 };

struct metadata_pair {
	const char *key;
	const char *value;
};

struct metadata_pairs {
	const struct metadata_pair *items; /* in the order of the file; keys are unique */
	size_t count;
};

struct metadata_template {
	const char *path; /* of the file that it writes */
	const char *name; /* of its own file, in templates/; NULL: a mistake that was told */
	const char **when;
	size_t when_count;
	bool create_only;
	const char *uid; /* these three: NULL where they are not given */
	const char *gid;
	const char *mode;
	struct metadata_pairs properties;
	unsigned line; /* of PATH, from 1 */
	unsigned column;
};

struct metadata {
	struct arena arena;
	const char *architecture; /* NULL: a mistake that was told */
	int64_t creation_date;    /* seconds since 1970; 0: a mistake that was told */
	int64_t expiry_date;      /* 0: never */
	struct metadata_pairs properties;
	struct metadata_template *templates; /* in the order of the file */
	size_t template_count;
};

#define METADATA_INIT ((struct metadata) { .templates = NULL })
#define auto_metadata AUTO(metadata_release)

enum metadata_level {
	METADATA_MISTAKE, /* a daemon refuses the image, or an instance of it */
	METADATA_NOTE,    /* it is not read, or not by every reader as it was meant */
};

/* LINE and COLUMN from 1; 0: the file as a whole. */
typedef void metadata_say_fn(void *context, enum metadata_level level, unsigned line, unsigned column,
			     const char *message);

/* Read TEXT as far as it goes, and tell all that is wrong with it through SAY. */
void metadata_examine(struct text text, metadata_say_fn *say, void *context, struct metadata *metadata);
/* As metadata_examine(), but the first mistake is ERROR_FORMAT, "metadata.yaml:LINE:COLUMN: …". */
int metadata_read(struct text text, struct metadata *metadata, struct error *e) MUST_CHECK;
void metadata_release(struct metadata *metadata);

/* The value of KEY, or NULL. */
const char *metadata_property(const struct metadata_pairs *pairs, const char *key);

#endif
