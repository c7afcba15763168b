/* SPDX-License-Identifier: Apache-2.0 */
/* One archive of an image: its entries, their order, and what they may be. Metadata and templates are kept. */
#ifndef CHECK_VERIFY_ARCHIVE_H
#define CHECK_VERIFY_ARCHIVE_H

#include "check/findings.h"

struct verify_template {
	const char *name;
	struct text text;
	bool is_named; /* by metadata.yaml */
};

/* What the first archive held. */
struct verify_head {
	struct arena arena;
	bool has_metadata;
	bool has_templates; /* the folder, or something in it */
	bool has_root;
	bool is_readable; /* to its end */
	struct text metadata;
	struct verify_template *templates;
	size_t template_count;
	uint64_t template_bytes;
};

#define VERIFY_HEAD_INIT ((struct verify_head) { .templates = NULL })

/*
 * Read the file FD, called PATH. HEAD: of a unified image or a metadata archive; NULL: the root of a pair. *codec says
 * what it is compressed with, or stays.
 */
int verify_archive(int fd, const char *path, struct verify_head *head, const char **codec,
		   struct findings *findings, struct error *e) MUST_CHECK;
/* What the metadata and the templates say, and whether they fit together. */
void verify_head_check(struct verify_head *head, const char *path, struct findings *findings);
void verify_head_release(struct verify_head *head);

#endif
