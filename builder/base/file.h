/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the build host: reading whole, writing whole. Files of the root under construction go
 * through root.h instead, which lets no path leave the root.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/text.h"

#include <sys/types.h>

/*
 * Read PATH (below DIR_FD, which may be AT_FDCWD) of at most MAX_BYTES.
 * *data receives a malloc'ed NUL-terminated copy owned by the caller, *len (may be NULL) its length.
 */
int file_read(int dir_fd, const char *path, uint64_t max_bytes, char **data, size_t *len, struct error *e)
	MUST_CHECK;
/* The same from an open descriptor, from its current offset to the end. */
int file_read_fd(int fd, uint64_t max_bytes, char **data, size_t *len, struct error *e) MUST_CHECK;

/* At most ROOM bytes from the current offset, also after EINTR: how many, 0 at the end, -1. */
ssize_t file_read_some(int fd, void *data, size_t room, struct error *e) MUST_CHECK;
/* Write all of DATA, going on after short writes and EINTR. */
int file_write_fd(int fd, const void *data, size_t len, struct error *e) MUST_CHECK;

/*
 * A file that appears only when it is whole: written without a name (O_TMPFILE) or, where the file system
 * cannot do that, under a temporary one in the same folder; synced, then renamed over NAME. Without a
 * commit file_pending_release() removes it.
 */
struct file_pending {
	int dir_fd;      /* borrowed */
	int fd;          /* owned; for writing */
	char *name;      /* owned */
	char *temporary; /* owned; NULL while it has no name, and once committed */
	bool synced;     /* what was written is on the disk */
};

#define FILE_PENDING_INIT ((struct file_pending) { .dir_fd = -1, .fd = -1 })
#define auto_pending      AUTO(file_pending_release)

int file_pending_open(int dir_fd, const char *name, unsigned mode, struct file_pending *out, struct error *e)
	MUST_CHECK;
/* With a temporary name from the beginning: for those who lock it, or move it elsewhere themselves. */
int file_pending_open_named(int dir_fd, const char *name, unsigned mode, struct file_pending *out,
			    struct error *e) MUST_CHECK;
/* All is written: wait for the disk now, and file_pending_commit() will not. */
int file_pending_sync(struct file_pending *pending, struct error *e) MUST_CHECK;
int file_pending_commit(struct file_pending *pending, struct error *e) MUST_CHECK;
void file_pending_release(struct file_pending *pending);

/* file_pending_*() in one call. */
int file_replace(int dir_fd, const char *name, const void *data, size_t len, unsigned mode, struct error *e)
	MUST_CHECK;

/* Create PATH with its parents (mode 0777 and umask); fine if it exists. */
int dir_make(const char *path, struct error *e) MUST_CHECK;
/* Open a folder. */
int dir_open(int dir_fd, const char *path, int *fd, struct error *e) MUST_CHECK;
/* The names in the folder DIR_FD, sorted bytewise, without "." and ".."; malloc'ed, each and all. */
int dir_list(int dir_fd, char ***names, size_t *count, struct error *e) MUST_CHECK;
void names_free(char **names, size_t count);

#endif
