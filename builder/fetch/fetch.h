/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses → verified files. One fetcher serves the indexes and the packages of a build: it rewrites
 * addresses by the mirror rules, downloads in parallel, checks size and digest while the bytes pass, and
 * keeps everything in a content-addressed cache that several builders may share at once.
 *
 *	fetcher_open()                    the cache folder, mirrors and limits
 *	fetch_files(requests)             everything is in the cache, or one error says what is not
 *	fetch_open_cached(digest)         a verified descriptor, also hours later
 *
 * Nothing leaves this module before its digest has been checked, fetch_volatile() apart: what that returns
 * must be verified by its signature. Rewritten addresses never leave it either.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/meter.h"

struct fetcher;
struct mirrors;

enum { FETCH_RETRY_NONE = 1 << 30 };

struct fetch_options {
	const char *cache_dir;         /* created when missing */
	const struct mirrors *mirrors; /* borrowed; may be NULL */
	bool offline;                  /* use the cache alone */
	uint64_t payload_max_bytes;    /* of derived files (derived.h) that stay; 0: none is made */
	unsigned parallel_max;         /* transfers at once; 0: default */
	unsigned retry_max;            /* further tries of one address; 0: default; or FETCH_RETRY_NONE */
	int connect_timeout_ms;        /* 0: default */
	int stall_timeout_ms;          /* (nearly) no byte for so long is a failure; 0: default */
	unsigned backoff_ms;           /* wait before the first further try, doubled each time; 0: default */
	struct log *log;               /* borrowed */
	struct meter *meter;           /* borrowed; may be NULL: learns of bytes that came, and of waiting */
};

int fetcher_open(const struct fetch_options *options, struct fetcher **out, struct error *e) MUST_CHECK;
void fetcher_close(struct fetcher *fetcher); /* NULL is fine */
static inline void auto_fetcher_(struct fetcher **fetcher)
{
	fetcher_close(*fetcher);
}
#define auto_fetcher AUTO(auto_fetcher_)

enum { FETCH_URL_MAX = 4 };

struct fetch_request {
	const char *urls[FETCH_URL_MAX]; /* borrowed; tried in this order, before mirror rules */
	size_t url_count;
	const char *label;    /* borrowed; in messages: "package 'vim'" */
	struct digest sha256; /* promised by a signed index */
	const char *promise;  /* borrowed; who promises, in messages; NULL: "its index" */
	uint64_t size_bytes;  /* likewise */
	bool derived_will_do; /* not needed when the cache has what was derived of it (derived.h) */
};

/*
 * Bring every request into the cache; those that are there already cost nothing. ONE and MANY name them
 * in the progress ("package", "packages"). From several threads it is safe, but one waits for the other.
 * Errors: ERROR_FETCH when all addresses of one failed (also: not in the cache and offline); ERROR_DIGEST when
 * size or digest differ; ERROR_SPACE; ERROR_INTERRUPTED.
 */
int fetch_files(struct fetcher *fetcher, const struct fetch_request *requests, size_t count, const char *one,
		const char *many, struct error *e) MUST_CHECK;

/*
 * Open a cached file read-only: 1, or 0 when it is not in the cache or was damaged there (then it is
 * removed). Its content is hashed, unless this fetcher did so before and the file has not changed since.
 * Safe from several threads.
 */
int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e)
	MUST_CHECK;

/*
 * A file of the caller's own making for the cache (a decompressed index). Write to the descriptor, then
 * commit; the cache hashes nothing here, DIGEST is the caller's word for what was written.
 */
int fetch_store_begin(struct fetcher *fetcher, struct file_pending *pending, struct error *e) MUST_CHECK;
int fetch_store_commit(struct fetcher *fetcher, struct file_pending *pending, const struct digest *digest,
		       struct error *e) MUST_CHECK;

/* An address whose file has no promised digest (InRelease, Release, Release.gpg), and what it answered. */
struct fetch_answer {
	const char *url; /* borrowed; before mirror rules */
	bool found;      /* false: the server says there is none (404, 410); offline: not in the cache */
	char *data;      /* malloc'ed, NUL-terminated; NULL unless found */
	size_t len;
	/* Of what the cache has not yet, for fetch_keep_answers(): */
	bool fresh;
	struct digest from; /* of the address that answered */
	char *etag;         /* owned; NULL: none */
	char *modified;     /* owned; NULL: none */
};

void fetch_answer_release(struct fetch_answer *answer);

/*
 * Fetch all of them, each of at most MAX_BYTES, asking the server whether it changed since the copy in the
 * cache. Offline: the copy in the cache. NOT VERIFIED: the caller checks the signature, and then says
 * fetch_keep_answers(), so that what anybody made up does not take the place of a good copy; or, when it is wrong,
 * fetch_forget(). On failure no answer holds data.
 */
int fetch_answers(struct fetcher *fetcher, struct fetch_answer *answers, size_t count, uint64_t max_bytes,
		  struct error *e) MUST_CHECK;

/*
 * These have stood the test: the cache takes those that it has not yet. One that is full, or read-only, does for this
 * build.
 */
void fetch_keep_answers(struct fetcher *fetcher, const struct fetch_answer *answers, size_t count);

/* Whether answers that were not found were only looked for in the cache. */
bool fetch_is_offline(const struct fetcher *fetcher);

/* The copy of URL in the cache is no good: ask for the whole next time. */
void fetch_forget(struct fetcher *fetcher, const char *url);

/* fetch_answers() for one, which is kept: 1 with malloc'ed *data, or 0 when there is none. */
int fetch_volatile(struct fetcher *fetcher, const char *url, uint64_t max_bytes, char **data, size_t *len,
		   struct error *e) MUST_CHECK;

/*
 * The address of the file PATH below the folder URI, as an index names it ("pool/main/v/vim/vim_1%3a9.deb"):
 * bytes that mean something in an address are quoted. Malloc'ed.
 */
char *fetch_join(const char *uri, const char *path);

/* Where URL would be fetched from, without credentials; malloc'ed. For messages. */
char *fetch_shown_url(const struct fetcher *fetcher, const char *url);

#endif
