/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries → a squashfs file system, through libsquashfs. The same entries give the same bytes, with any number of
 * threads. Beside tar, the format lacks ACLs: of attributes it knows those of user, trusted and security.
 *
 *	squash_open(&options, &squash, e);
 *	squash_entry(squash, &entry, mtime_s, e);     for each entry: a folder before what it holds
 *	squash_write(squash, data, len, e); …         its content, if it has any
 *	squash_end_file(squash, e);
 *	…
 *	squash_finish(squash, e);                     now the file is whole
 */
#ifndef TREE_SQUASH_H
#define TREE_SQUASH_H

#include "stream/stream.h"
#include "tree/tree.h"

struct squash;

struct squash_codec {
	const char *name;
	int level_min;
	int level_max; /* 0: there are no levels */
	int level_default;
	/* For the writer itself. */
	int id;
	unsigned flags;
};

/* The table; *count receives its length. */
const struct squash_codec *squash_codec_all(size_t *count);
const struct squash_codec *squash_codec_find(struct text name); /* NULL: none of that name */

struct squash_options {
	int fd; /* borrowed; an empty file, open for reading, too */
	const struct squash_codec *codec;
	int level;                   /* within the codec's limits */
	int64_t epoch_s;             /* when the file system was made */
	size_t worker_count;         /* 0: as many as there are processors and memory for */
	struct codec_memory *memory; /* may be NULL */
};

int squash_open(const struct squash_options *options, struct squash **out, struct error *e) MUST_CHECK;
/*
 * Errors: ERROR_FORMAT for what the format has no room for, or a path that cannot be; ERROR_SYSTEM, ERROR_SPACE.
 * None of them names the path.
 */
int squash_entry(struct squash *squash, const struct tree_entry *entry, int64_t mtime_s, struct error *e)
	MUST_CHECK;
int squash_write(struct squash *squash, const void *data, size_t len, struct error *e) MUST_CHECK;
int squash_hole(struct squash *squash, uint64_t len, struct error *e) MUST_CHECK;
int squash_end_file(struct squash *squash, struct error *e) MUST_CHECK;
int squash_finish(struct squash *squash, struct error *e) MUST_CHECK;
void squash_close(struct squash *squash); /* NULL is fine */
static inline void auto_squash_(struct squash **squash)
{
	squash_close(*squash);
}
#define auto_squash AUTO(auto_squash_)

/* Whether an attribute of this name can be kept. */
bool squash_keeps_xattr(const char *name);

#endif
