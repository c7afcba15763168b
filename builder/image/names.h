/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a root that have been read so far: what holds a further entry, what it must not repeat, and what it
 * may be another name of.
 */
#ifndef IMAGE_NAMES_H
#define IMAGE_NAMES_H

#include "base/alloc.h"
#include "base/map.h"

#include <sys/stat.h>

/* What is remembered of an entry: little, as there may be many. */
struct name {
	const char *path;
	uint64_t size_bytes;
	int64_t mtime_s;
	uint32_t mtime_ns;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t device;
};

struct names {
	struct arena arena;
	struct map by_path; /* → struct name, of the file's first name */
	uint64_t bytes;
};

#define auto_names AUTO(names_release)

/*
 * Write PATH without a leading "./" and without empty and "." parts to OUT; "" for the top. ERROR_FORMAT for one that
 * is absolute, has "..", or has a part or is as a whole too long for a file system.
 */
int names_normalise(const char *path, char out[], size_t room, struct error *e) MUST_CHECK;

/* One more entry. ERROR_FORMAT: it is there already, the folder that holds it is not, or there are too many. */
int names_add(struct names *names, const char *path, const struct stat *st, struct error *e) MUST_CHECK;
/* PATH is a further name of what TARGET is: *first is the first one, *st what was said of it. */
int names_link(struct names *names, const char *path, const char *target, const char **first, struct stat *st,
	       struct error *e) MUST_CHECK;
void names_release(struct names *names);

#endif
