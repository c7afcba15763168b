/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fetch/ know of a fetcher. */
#ifndef FETCH_FETCHER_H
#define FETCH_FETCHER_H

#include "fetch/cache.h"
#include "fetch/fetch.h"
#include "fetch/http.h"
#include "fetch/mirror.h"

struct fetcher {
	struct cache cache;
	struct http *http;             /* owned */
	const struct mirrors *mirrors; /* borrowed; may be NULL */
	struct log *log;               /* borrowed */
	bool offline;
};

/* URL after the mirror rules, credentials and all: malloc'ed. */
char *fetcher_url(const struct fetcher *fetcher, const char *url);

#endif
