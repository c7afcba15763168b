/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache folder. Several kilns may use it at once.
 *
 *	sha256/ab/HEX   whole, verified files, named by their digest; they appear by rename
 *	partial/HEX     a download under way or cut off; whoever writes it holds a lock (flock) on it,
 *	                so each file is downloaded by one builder, and a dead one's work is continued
 *	partial/.store* a file that a builder makes itself; locked likewise
 *	volatile/HEX    answers without a promised digest, named by the digest of their address
 *	payload/ab/HEX  what is in a package, decompressed; see derived.h
 *
 * The time of modification of a file is when a build used it last, about: `kiln cache trim` goes by it.
 * Nothing is synced to the disk: what a crash leaves damaged is found by its digest and removed.
 */
#ifndef FETCH_CACHE_H
#define FETCH_CACHE_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/map.h"

#include <pthread.h>

struct cache {
	char *path; /* owned; for messages */
	int sha256_fd;
	int partial_fd;
	int volatile_fd;
	pthread_mutex_t lock; /* guards the two below */
	struct map known;     /* digest → what the file was like when this process hashed it */
	struct arena arena;
};

/* "ab/ab34…": what is named by a digest lies in a folder of its first two digits. */
struct cache_name {
	char text[3 + DIGEST_HEX_LEN + 1];
};

struct cache_name cache_name(const struct digest *digest);

/* Remove NAME of that folder, whatever it is: a folder in the place of a file would be in the way for ever. */
void cache_remove(int dir_fd, const char *name);

/* Make the folders where they are missing, and remove what dead builders left in partial/. */
int cache_open(const char *path, struct cache *cache, struct error *e) MUST_CHECK;
void cache_release(struct cache *cache);

/*
 * Open the file of that digest: 1; 0 when there is none, or when its content is not what its name says
 * (then it is removed). Hashed once per process as long as the inode does not change. Thread-safe.
 */
int cache_get(struct cache *cache, const struct digest *digest, int *fd, struct error *e) MUST_CHECK;

/* A download, locked for this process. */
struct cache_partial {
	int fd; /* owned; for reading and writing */
	struct digest digest;
};

#define CACHE_PARTIAL_INIT ((struct cache_partial) { .fd = -1 })

/* 1: it is ours; 0: another builder has it. It may have bytes already. */
int cache_partial_open(struct cache *cache, const struct digest *digest, struct cache_partial *partial,
		       struct error *e) MUST_CHECK;
/* The content is whole and has the digest: the caller hashed it. The lock ends. */
int cache_partial_commit(struct cache *cache, struct cache_partial *partial, struct error *e) MUST_CHECK;
/* Give the lock back; the bytes stay for the next try, unless there are none or KEEP is false. */
void cache_partial_release(struct cache *cache, struct cache_partial *partial, bool keep);

int cache_store_begin(struct cache *cache, struct file_pending *pending, struct error *e) MUST_CHECK;
int cache_store_commit(struct cache *cache, struct file_pending *pending, const struct digest *digest,
		       struct error *e) MUST_CHECK;

/* An answer of a server, with what it takes to ask whether it changed. */
struct cache_answer {
	char *data; /* owned */
	size_t len;
	struct digest from; /* of the address that answered, after mirror rules */
	char *etag;         /* owned; NULL: none */
	char *modified;     /* owned; NULL: none */
};

#define CACHE_ANSWER_INIT ((struct cache_answer) { .data = NULL })
#define auto_answer       AUTO(cache_answer_release)

/* 1, or 0 when there is none (or a damaged one). */
int cache_answer_read(struct cache *cache, const char *address, uint64_t max_bytes,
		      struct cache_answer *answer, struct error *e) MUST_CHECK;
int cache_answer_write(struct cache *cache, const char *address, const struct cache_answer *answer,
		       struct error *e) MUST_CHECK;
void cache_answer_remove(struct cache *cache, const char *address);
void cache_answer_release(struct cache_answer *answer);

#endif
