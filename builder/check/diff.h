/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is different between two images, or two trees: packages, files, metadata, templates.
 *
 *	diff_side_add_metadata(), diff_side_add_template(), listing_read()	for each, perhaps on two threads
 *	diff_make(&a, &b, &diff);
 *	diff_print(&diff, …, &out) or diff_json(&diff)
 *
 * A diff points into its sides.
 */
#ifndef CHECK_DIFF_H
#define CHECK_DIFF_H

#include "base/log.h"
#include "check/listing.h"

#include <stdbool.h>

struct json_t; /* of jansson */

/* A value of metadata.yaml by its way from the top, as "properties.serial"; or a template's digest by its name. */
struct diff_value {
	const char *key;
	const char *value;
};

struct diff_values {
	struct diff_value *items; /* owned array; the texts lie in the side's arena */
	size_t count;
};

/* One of the two. */
struct diff_side {
	const char *name; /* as messages have it; borrowed */
	struct listing root;
	struct arena arena;
	bool has_metadata; /* it is an image; a bare tree has neither metadata nor templates */
	struct diff_values metadata;
	struct diff_values templates;
};

#define DIFF_SIDE_INIT ((struct diff_side) { .root = LISTING_INIT, .arena = ARENA_INIT })
#define auto_diff_side AUTO(diff_side_release)

/*
 * What lies at PATH, which the side borrows: an image as image_open() takes it, an image.json or the folder of one,
 * or a folder with a tree. LOG (borrowed, may be NULL) hears what cannot be compared.
 */
int diff_side_read(const char *path, struct log *log, struct diff_side *side, struct error *e) MUST_CHECK;

/* TEXT is that of metadata.yaml. Errors: ERROR_FORMAT for what is no YAML, or nested too deep. */
int diff_side_add_metadata(struct diff_side *side, struct text text, struct error *e) MUST_CHECK;
void diff_side_add_template(struct diff_side *side, const char *name, struct text content);
void diff_side_release(struct diff_side *side);

/* In what two entries of one path differ. */
enum diff_change {
	DIFF_TYPE,
	DIFF_MODE,
	DIFF_OWNER,
	DIFF_SIZE,
	DIFF_CONTENT,
	DIFF_TARGET,
	DIFF_DEVICE,
	DIFF_XATTRS,
	DIFF_NAMES, /* which other names the same file has */
	DIFF_TIME,
	DIFF_CHANGES
};

struct diff_file {
	const struct listing_entry *a; /* NULL: added */
	const struct listing_entry *b; /* NULL: removed */
	unsigned changes;              /* 1 << enum diff_change */
};

struct diff_package {
	const struct listing_package *a; /* NULL: added */
	const struct listing_package *b; /* NULL: removed */
};

struct diff_text {
	const char *key;
	const char *a; /* NULL: added */
	const char *b; /* NULL: removed */
};

struct diff {
	const struct diff_side *a;
	const struct diff_side *b;
	struct diff_package *packages; /* all four: owned arrays in the order of names */
	size_t package_count;
	struct diff_file *files;
	size_t file_count;
	struct diff_text *metadata;
	size_t metadata_count;
	struct diff_text *templates;
	size_t template_count;
};

#define DIFF_INIT ((struct diff) { .a = NULL })
#define auto_diff AUTO(diff_release)

/* A and B, whose values this puts in order, must outlive DIFF. */
void diff_make(struct diff_side *a, struct diff_side *b, struct diff *diff);
bool diff_is_empty(const struct diff *diff);
void diff_release(struct diff *diff);

/* "content", "mode" and the like. */
const char *diff_change_name(enum diff_change change);
/* What CHANGE is about of ENTRY, as "0644" or "root file"; at most ROOM bytes with the NUL. */
void diff_describe(const struct listing_entry *entry, enum diff_change change, char *text, size_t room);

enum { DIFF_ALL_FILES = -1 };

/*
 * As text for a release announcement: packages, counts of files, metadata, templates, and whatever gives programs
 * rights; then FILE_MAX of the files one by one (DIFF_ALL_FILES: all).
 */
void diff_print(const struct diff *diff, int file_max, struct buffer *out);
/* The same for programs, with all files: a new JSON object. */
struct json_t *diff_json(const struct diff *diff);

#endif
