/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries → bytes of a tar archive: POSIX ustar headers (ustar(5), POSIX.1-2017 pax), and a pax extended header
 * in front of an entry only where ustar has no room for something. Every bit of the output follows from the
 * entries: an image is named by the digest of its bytes, so no library's choices stand in between.
 *
 *	tar_entry(out, &entry, e);           header
 *	sink_write(out, data, len, e); …     exactly entry.size_bytes, for regular files
 *	tar_pad(out, entry.size_bytes, e);   both: of a file with extents only these
 *	…
 *	tar_end(out, e);                     two empty blocks, no further padding
 */
#ifndef TREE_TAR_H
#define TREE_TAR_H

#include "stream/stream.h"
#include "tree/tree.h"

#include <sys/stat.h>

enum { TAR_BLOCK_BYTES = 512 };

struct tar_entry {
	const char *path;  /* bytes as they are; folders end with a slash */
	const char *link;  /* target of a symbolic or a hard link */
	bool is_hard_link; /* whatever MODE says */
	mode_t mode;       /* type and permissions */
	uint64_t uid;
	uint64_t gid;
	uint64_t size_bytes; /* regular files only */
	int64_t mtime_s;     /* not negative */
	dev_t device;
	const struct xattrs *xattrs; /* may be NULL */
	/*
	 * Not NULL: a regular file that is zeros but for these. It is written as GNU tar's PAX format, sparse version
	 * 1.0, which GNU tar, libarchive and the daemons read.
	 */
	const struct tree_extent *extents;
	size_t extent_count;
};

int tar_entry(struct sink *out, const struct tar_entry *entry, struct error *e) MUST_CHECK;
/* Fill the last block of SIZE_BYTES of data. */
int tar_pad(struct sink *out, uint64_t size_bytes, struct error *e) MUST_CHECK;
int tar_end(struct sink *out, struct error *e) MUST_CHECK;

#endif
