/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fetch/ know of a fetcher. */
#ifndef FETCH_FETCHER_H
#define FETCH_FETCHER_H

#include "fetch/apt.h"
#include "fetch/auth.h"
#include "fetch/cache.h"
#include "fetch/fetch.h"
#include "fetch/http.h"
#include "fetch/mirror.h"

#include <stdatomic.h>

struct fetcher {
	struct cache cache;
	struct http *http;    /* owned */
	struct apt_route apt; /* this and the next: what HTTP borrows */
	struct auth auth;
	const struct mirrors *mirrors; /* borrowed; may be NULL */
	struct log *log;               /* borrowed */
	bool offline;
	pthread_mutex_t transfer; /* held by whoever uses HTTP for files */
	uint64_t payload_max_bytes;
	int cache_fd;              /* CACHE: where the build makes mounts, its path leads elsewhere */
	atomic_int payload_fd;     /* CACHE/payload, or -1 while there is none */
	atomic_bool payload_off;   /* a file could not be kept, and no other is tried */
	atomic_bool payload_grown; /* a file was added */
};

enum { FETCHER_URL_MAX = 12 }; /* of one file: the addresses of a request, each at several mirrors */

/* URL after the mirror rules, credentials and all, in the order to try: at most MAX, malloc'ed. Returns how many. */
size_t fetcher_urls(const struct fetcher *fetcher, const char *url, char **out, size_t max);

/* Find what is derived already; and, when something was added, keep within the bound on all of it. */
int derived_open_store(struct fetcher *fetcher, struct error *e) MUST_CHECK;
void derived_close_store(struct fetcher *fetcher);

#endif
