/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text database of the root, as passwd(5) is one: a line an entry, its fields between colons, the first of them
 * its name. Lines that nobody asked to change stay as they are, byte by byte.
 */
#ifndef CUSTOMIZE_DATABASE_H
#define CUSTOMIZE_DATABASE_H

#include "base/alloc.h"
#include "base/text.h"

#include <sys/stat.h>

struct database {
	const char *path;
	struct arena arena; /* of all text */
	struct text *lines;
	size_t count;
	struct stat st; /* of the file, for its mode and owner */
	bool exists;
	bool changed;
};

#define DATABASE_INIT ((struct database) { .path = NULL })
#define auto_database AUTO(database_release)

enum { DATABASE_NONE = -1 };

/* Read PATH; a file that is missing leaves a database that does not exist. ERROR_FORMAT for a link or the like. */
int database_read(int root_fd, const char *path, struct database *database, struct error *e) MUST_CHECK;
/* Write it back if it was changed. */
int database_write(int root_fd, struct database *database, struct error *e) MUST_CHECK;
void database_release(struct database *database);

/* The number of the line whose first field is NAME, or DATABASE_NONE. */
long database_find(const struct database *database, const char *name);
/* The same for the line whose field number FIELD is the number ID. */
long database_find_id(const struct database *database, unsigned field, uint64_t id);
/* Field number FIELD (from 0) of a line; empty with a NULL ptr when the line has fewer. */
struct text database_field(const struct database *database, long line, unsigned field);
void database_set_field(struct database *database, long line, unsigned field, const char *value);
/* Add a line; it goes before those of compat mode ("+"). */
void database_add(struct database *database, const char *line);
/* Add NAME to the list of names, with commas between, in field number FIELD, unless it is there. */
void database_add_name(struct database *database, long line, unsigned field, const char *name);

#endif
