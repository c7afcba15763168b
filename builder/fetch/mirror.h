/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that rewrite addresses at build time: where the image will say FROM, kiln fetches from TO. The
 * image never sees TO.
 */
#ifndef FETCH_MIRROR_H
#define FETCH_MIRROR_H

#include "base/log.h"
#include "base/text.h"

struct mirror_rule {
	char *from; /* owned; an address prefix that ends in '/' */
	char *to;   /* owned; likewise */
};

struct mirrors {
	struct mirror_rule *rules; /* owned; those whose FROM matches are tried in this order */
	size_t count;
	struct mirror_rule *snapshots; /* owned; looked at before the others, which then see what it made */
	size_t snapshot_count;
};

#define MIRRORS_INIT ((struct mirrors) { NULL, 0, NULL, 0 })
#define auto_mirrors AUTO(mirrors_release)

/* Add one rule. ERROR_USAGE when an address is none (http, https and file are possible). */
int mirrors_add(struct mirrors *mirrors, const char *from, const char *to, struct error *e) MUST_CHECK;

/*
 * The host's own mirrors: for each archive that the host's apt sources serve and that is one of the
 * distribution's own addresses in ADDRESSES (the recipe's), one rule behind those there are; said in one
 * line to LOG. No apt on the host is no error.
 */
int mirrors_add_host(struct mirrors *mirrors, const char *const *addresses, size_t count, struct log *log,
		     struct error *e) MUST_CHECK;

/*
 * The part of mirrors_add_host() behind apt.h: TARGETS has one "ADDRESS<tab>ORIGIN<tab>LABEL" in a line for
 * each index that the host's apt uses.
 */
void mirrors_add_targets(struct mirrors *mirrors, struct text targets, const char *const *addresses,
			 size_t count, struct log *log);

/*
 * What stands for the archive at URL wherever it is fetched from, malloc'ed: one of a distribution's own addresses for
 * all of them, else the address, without scheme and credentials.
 */
char *mirror_identity(const char *url);

/*
 * The address of the archive at URL as it was at STAMP ("20260101T000000Z"), malloc'ed; NULL where URL is not one of
 * Debian's or Ubuntu's own that has snapshots.
 */
char *mirror_snapshot(const char *url, const char *stamp);
/* Fetch from there what is at ADDRESSES, where they have snapshots. The other rules may send that elsewhere again. */
void mirrors_add_snapshots(struct mirrors *mirrors, const char *stamp, const char *const *addresses,
			   size_t count);

/* URL as it is to be fetched: malloc'ed. */
char *mirrors_rewrite(const struct mirrors *mirrors, const char *url);
/*
 * All addresses that URL may be fetched from, in the order in which to try them: at most MAX (at least 1), malloc'ed.
 * Returns how many. The address itself is one only where no rule is for it: whoever names mirrors means these.
 */
size_t mirrors_rewrite_all(const struct mirrors *mirrors, const char *url, char **out, size_t max);
void mirrors_release(struct mirrors *mirrors);

#endif
