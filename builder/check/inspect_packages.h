/* SPDX-License-Identifier: Apache-2.0 */
/* dpkg's database of a root that passes as a stream, and whose each file is. */
#ifndef CHECK_INSPECT_PACKAGES_H
#define CHECK_INSPECT_PACKAGES_H

#include "base/limits.h"
#include "base/map.h"
#include "check/inspect.h"

/* A regular file of the root; hard links to it are no more of them. */
struct inspect_file {
	const char *path;
	uint64_t bytes;
	bool is_owned;
};

struct package_list {
	const char *name;
	struct text text;
};

struct inspect_database {
	struct text status;
	struct package_list *lists;
	size_t list_count;
	uint64_t list_bytes;
};

/* Keep what ENTRY holds when it is of the database: 1, else 0. */
int database_take(struct inspect_database *database, const struct tree_entry *entry, struct arena *arena,
		  struct error *e) MUST_CHECK;
/* Read the whole content of ENTRY, at most MAX_BYTES. */
int content_take(const struct tree_entry *entry, uint64_t max_bytes, struct arena *arena, struct text *text,
		 struct error *e) MUST_CHECK;
/*
 * Fill in the packages of REPORT. FILES: path to struct inspect_file. MERGED: path to anything, for links of the root
 * to folders in usr/.
 */
int database_count(const struct inspect_database *database, const struct map *files, const struct map *merged,
		   struct inspect_report *report, struct error *e) MUST_CHECK;

#endif
