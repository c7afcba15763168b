/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of deb_index_refresh() below the recipe: a list of archives → verified indexes. What time it is
 * comes from the caller.
 */
#ifndef INDEX_ARCHIVE_H
#define INDEX_ARCHIVE_H

#include "index/index.h"
#include "index/release.h"

struct key_text {
	const char *data; /* armoured or binary */
	size_t len;
	const char *name; /* for messages: "recipes/x.yaml:12:5" */
};

/* One suite at one address, wanted by the recipe. All borrowed. */
struct archive_wish {
	const char *uri;
	const char *suite;
	const char *const *components;
	size_t component_count;
	const struct key_text *keys; /* that may sign it */
	size_t key_count;
	bool any_age;     /* an expired Valid-Until is only warned of */
	bool accept_sha1; /* a signature with SHA-1 will do */
	int64_t as_of_s;  /* it is the archive as it was then; 0: as it is now */
};

struct archive_options {
	const char *architecture; /* "amd64" */
	bool releases_alone;      /* no Packages files */
	int64_t now_s;
	struct fetcher *fetcher;
	struct log *log;
};

/* One archive while it is being refreshed: what several wishes have in common. In the set's arena. */
struct archive {
	struct index_archive *product;
	const char *identity; /* address after mirror rules, and suite: the same for the same archive */
	const char *shown;    /* address for messages */
	const char *dists;    /* address of the suite's folder, ends in '/' */
	const char **components;
	size_t component_count;
	const struct key_text **keys;
	size_t key_count;
	bool any_age;
	int64_t as_of_s; /* 0: now */
	bool accept_sha1;
	bool lacks_key; /* for now: the keys that the wishes give do not verify it */
	char *text;     /* owned; the signed text, which RELEASE views */
	size_t text_len;
	struct release release;
};

/* The Packages files of ARCHIVES → set->files, in that order. */
int packages_refresh(const struct archive *archives, size_t count, const struct archive_options *options,
		     struct index_set *set, struct error *e) MUST_CHECK;

/*
 * Fetch and verify WISHES into SET. Those that are one archive after mirror rules are merged: fetched once,
 * with the components and keys of all. Errors as deb_index_refresh().
 */
int archives_refresh(const struct archive_wish *wishes, size_t count, const struct archive_options *options,
		     struct index_set *set, struct error *e) MUST_CHECK;

#endif
