/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dates/ of the cache: of each archive the newest Date that a Release file with a good signature has had. Whoever can
 * answer in the place of a server can answer with what it said years ago, signature and all; this is what tells.
 *
 * One small file for each archive, named by the digest of what stands for it; written beside and renamed, by one
 * builder at a time. There are at most 10 000, those that were used last.
 */
#ifndef FETCH_DATES_H
#define FETCH_DATES_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct fetcher;

/* What is known of one archive. */
struct fetch_date {
	int64_t date_s;  /* the newest Date */
	int64_t seen_ms; /* when it was seen first */
};

/*
 * An archive was found with DATE_S, and BEGIN_MS was when asking for it began. 1: that is as new as any before, or
 * MAY_GO_BACK, and it is written down where it is not yet. 0: *newest is what was seen before. What another builder has
 * seen since BEGIN_MS is no reason to refuse: the archive changed in between. A damaged file is warned of, and begun
 * anew. Errors: ERROR_SYSTEM when it cannot be written.
 */
int fetch_date_note(struct fetcher *fetcher, const char *archive, int64_t date_s, int64_t begin_ms,
		    bool may_go_back, struct fetch_date *newest, struct error *e) MUST_CHECK;

#endif
