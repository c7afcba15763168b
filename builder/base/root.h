/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root tree under construction, by its descriptor. Whoever built that tree (packages, scripts) is
 * not trusted: every path is resolved by the kernel with openat2(RESOLVE_IN_ROOT), so "..", absolute
 * names and symbolic links (merged /usr among them) stay inside, magic links of /proc are refused and
 * no mount point is crossed.
 *
 * Paths are given as seen inside the root: "/etc/passwd" and "etc/passwd" are the same.
 */
#ifndef BASE_ROOT_H
#define BASE_ROOT_H

#include "base/text.h"

#include <sys/stat.h>

/* Open PATH; symbolic links are followed inside the root. FLAGS as of open(2), O_CLOEXEC is added. */
int root_open(int root_fd, const char *path, int flags, unsigned mode, int *fd, struct error *e) MUST_CHECK;
/* As root_open(), but a path that does not exist is 0; 1 when it was opened. */
int root_try_open(int root_fd, const char *path, int flags, int *fd, struct error *e) MUST_CHECK;

/*
 * Open the folder that holds PATH's last part, following links on the way to it but not in the last
 * part; *name receives that part, a pointer into PATH. For *at() calls on the name itself.
 */
int root_open_parent(int root_fd, const char *path, int *parent_fd, const char **name, struct error *e)
	MUST_CHECK;

/* 1 and *st, or 0 when there is nothing of that name. The last part is not followed. */
int root_lstat(int root_fd, const char *path, struct stat *st, struct error *e) MUST_CHECK;

/* What the link PATH says, malloc'ed: 1; 0 when there is nothing of that name, or no link. */
int root_read_link(int root_fd, const char *path, char **target, struct error *e) MUST_CHECK;

/* Create the folder PATH and those above it where they are missing, with MODE; existing ones are kept. */
int root_make_dirs(int root_fd, const char *path, unsigned mode, struct error *e) MUST_CHECK;

/* Read a file of at most LIMIT_FILE_TEXT_BYTES as file_read() does: 1, or 0 when there is none. */
int root_read(int root_fd, const char *path, char **data, size_t *len, struct error *e) MUST_CHECK;

/*
 * Put a regular file at PATH: a new inode under a temporary name, owned by UID:GID with MODE, renamed over
 * what was there (so neither a hard link's other names nor a symbolic link's target change).
 */
int root_write(int root_fd, const char *path, const void *data, size_t len, unsigned mode, uid_t uid,
	       gid_t gid, struct error *e) MUST_CHECK;
/* As root_write(), with the content of SOURCE_FD from its offset to its end. */
int root_copy(int root_fd, const char *path, int source_fd, unsigned mode, uid_t uid, gid_t gid,
	      struct error *e) MUST_CHECK;
/* root_write() by root with mode 0644. */
int root_write_text(int root_fd, const char *path, const char *text, struct error *e) MUST_CHECK;

/* Remove PATH and all below it; links are removed, not followed. Nothing there is fine. */
int root_remove(int root_fd, const char *path, struct error *e) MUST_CHECK;
/* Remove all below the folder PATH, which stays. Nothing there is fine. */
int root_empty_dir(int root_fd, const char *path, struct error *e) MUST_CHECK;

/* Whether a path from a package may be used: not empty, no NUL, no ".." part, not over-long. */
bool path_is_safe(struct text path);

#endif
