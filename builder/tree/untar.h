/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar archive of any dialect → entries, as a stream: nothing is held but one buffer. Neither names nor sizes in
 * here have been checked against anything.
 */
#ifndef TREE_UNTAR_H
#define TREE_UNTAR_H

#include "tree/tree.h"

#include <stdint.h>

struct tar;

enum entry_type {
	ENTRY_FILE,
	ENTRY_HARD_LINK,
	ENTRY_SYMLINK,
	ENTRY_DIRECTORY,
	ENTRY_CHARACTER_DEVICE,
	ENTRY_BLOCK_DEVICE,
	ENTRY_FIFO,
	ENTRY_OTHER, /* a socket, or what tar has no name for */
};

/* One extended attribute in the form that setxattr(2) takes; an ACL is one, too. */
struct entry_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* All pointers are valid until the next tar_next(). */
struct entry {
	enum entry_type type;
	const char *path;   /* as it stands in the archive */
	const char *target; /* of a link, else NULL */
	mode_t mode;        /* permission bits alone */
	uid_t uid;
	gid_t gid;
	const char *user;  /* the owner's name, or NULL or empty */
	const char *group; /* likewise */
	int64_t mtime_s;
	long mtime_ns;
	int64_t size_bytes;
	dev_t device; /* of a device node */
	const struct entry_xattr *xattrs;
	size_t xattr_count;
	const struct tree_extent *extents; /* of a file that has holes in the archive; else NULL */
	size_t extent_count;
};

/* Where a tar archive comes from, piece by piece: as member_next(). */
typedef int tar_feed_fn(void *context, const void **data, size_t *len, struct error *e);

/* More than ENTRY_MAX entries are ERROR_FORMAT. */
int tar_open(tar_feed_fn *feed, void *context, uint64_t entry_max, struct tar **out, struct error *e)
	MUST_CHECK;
int tar_next(struct tar *tar, struct entry *entry, struct error *e) MUST_CHECK;
/*
 * The next piece of the current entry's content: 1, *data and *len, valid until the next call, and *offset
 * where it belongs (what is left out is a hole); 0 at the end. All of size_bytes came when this says 0.
 */
int tar_read(struct tar *tar, const void **data, size_t *len, int64_t *offset, struct error *e) MUST_CHECK;
/* Where in the archive the current entry begins; at the end, where that is. */
uint64_t tar_position(const struct tar *tar);
/* Read what is behind the last entry, so that a feed cut off there is noticed. */
int tar_finish(struct tar *tar, struct error *e) MUST_CHECK;
void tar_close(struct tar *tar); /* NULL is fine */
static inline void auto_tar_(struct tar **tar)
{
	tar_close(*tar);
}
#define auto_tar AUTO(auto_tar_)

#endif
