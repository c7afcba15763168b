/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were made of cached files, kept because making them takes long: what is in a package, decompressed
 * and in a form that reads at the speed of the disk (stream/quick.h).
 *
 *	CACHE/payload/ab/HEX    made of the file with the SHA-256 HEX, whether that is in the cache or not
 *
 * Such a file is two parts behind a head that holds the size and SHA-256 of each. It is used when it belongs to
 * this user or to root, nobody else may write to it, and the part that is asked for has its digest. That makes it
 * as good as the package it was made of, which was verified then; so nothing else has to be there. What is
 * found damaged is removed, and whoever asks makes it again.
 *
 * Nothing here fails a build: a file that cannot be kept (a full disk, a cache that is read-only) is not kept, and
 * that is said once. Safe from several threads and several builders at once: files appear by rename.
 */
#ifndef FETCH_DERIVED_H
#define FETCH_DERIVED_H

#include "base/digest.h"

struct fetcher;
struct quick;

enum derived_part { DERIVED_CONTROL, DERIVED_DATA, DERIVED_PARTS };

/* A file that was found. */
struct derived {
	int fd;        /* owned; a shared lock on it keeps it from being trimmed */
	int folder_fd; /* borrowed */
	struct digest source;
	struct {
		uint64_t offset;
		uint64_t size_bytes;
		struct digest sha256;
	} parts[DERIVED_PARTS];
};

#define DERIVED_INIT ((struct derived) { .fd = -1, .folder_fd = -1 })
#define auto_derived AUTO(derived_release)

/* Whether there is one made of SOURCE. Its head is good, its parts are not looked at. */
bool fetch_derived_open(struct fetcher *fetcher, const struct digest *source, struct derived *derived);
/*
 * Verify PART and open it: 1 with *quick, valid as long as DERIVED; 0 when it is damaged, and then the file is
 * removed. Errors: ERROR_INTERRUPTED.
 */
int derived_open_part(struct derived *derived, enum derived_part part, struct quick **quick, struct error *e)
	MUST_CHECK;
void derived_remove(const struct derived *derived);
void derived_release(struct derived *derived);

struct derived_writer;

/* Begin to keep what is made of SOURCE; NULL when that is not possible now. */
struct derived_writer *fetch_derived_begin(struct fetcher *fetcher, const struct digest *source);
/* The next bytes of PART; parts come one after the other. NULL is fine. */
void derived_write(struct derived_writer *writer, enum derived_part part, const void *data, size_t len);
/* Everything came: give the file its name. WRITER is gone then; NULL is fine. */
void derived_commit(struct derived_writer *writer);
/* Forget it; NULL is fine. */
void derived_abort(struct derived_writer *writer);

#endif
