/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that two trees are compared by, of one of them: every entry without its bytes, which are hashed as they pass,
 * and the packages that dpkg says are installed. About 250 bytes of memory an entry.
 */
#ifndef CHECK_LISTING_H
#define CHECK_LISTING_H

#include "base/alloc.h"
#include "base/digest.h"
#include "tree/tree.h"

struct listing_entry {
	const char *path;
	mode_t mode; /* type and permissions */
	uid_t uid;
	gid_t gid;
	uint64_t size_bytes; /* of a regular file, else 0 */
	struct timespec time;
	dev_t device;
	const char *target;    /* of a symbolic link, else NULL */
	const char *same_file; /* the first name, bytewise, of a file that has several, else NULL */
	const char *xattrs;    /* a line "name=value in hexadecimal" for each, or NULL */
	struct digest content; /* of a regular file */
};

struct listing_package {
	const char *name;
	const char *architecture;
	const char *version;
};

/* Everything in it points into its arena, or into its arrays. */
struct listing {
	struct arena arena;
	struct listing_entry *entries; /* owned; in bytewise order of path */
	size_t count;
	struct listing_package *packages; /* owned; by name, then architecture */
	size_t package_count;
	uint64_t size_bytes; /* of all regular files, each once */
};

#define LISTING_INIT ((struct listing) { .arena = ARENA_INIT })
#define auto_listing AUTO(listing_release)

/*
 * Errors: those of SOURCE; ERROR_FORMAT for more entries or longer names than a system has, for a path that comes
 * twice, and for a list of packages that is none.
 */
int listing_read(const struct tree_source *source, struct listing *listing, struct error *e) MUST_CHECK;
void listing_release(struct listing *listing);

/* The entry of that path, or NULL. */
const struct listing_entry *listing_find(const struct listing *listing, const char *path);

#endif
