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
	bool any_date;    /* one that is older than it was is only warned of */
	int64_t as_of_s;  /* it is the archive as it was then; 0: as it is now */
};

struct archive_options {
	struct index_options said;
	const char *architecture; /* "amd64" */
	int64_t now_s;
	int64_t begin_ms; /* now, too, as other builders see it */
	struct fetcher *fetcher;
	struct log *log;
};

struct fetch_answer;

/* What answers for one archive: InRelease, or Release with Release.gpg. Borrowed. */
struct archive_answers {
	const struct fetch_answer *inrelease;
	const struct fetch_answer *release;
	const struct fetch_answer *signature;
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
	bool any_date;
	bool lacks_key; /* for now: the keys that the wishes give do not verify it */
	char *why_not; /* owned; why its signature does not count, when it is used in spite of that; else NULL */
	char *text;    /* owned; the signed text, which RELEASE views */
	size_t text_len;
	struct release release;
};

/*
 * The signature of ARCHIVE by its own keys and those in MORE, binary → archive->text, the signed text alone; or,
 * where SKIP_VERIFICATION says so and it does not count, what is there, and archive->why_not. Errors: ERROR_TRUST.
 */
int archive_verify(struct archive *archive, const struct archive_answers *answers, struct text more,
		   bool skip_verification, struct error *e) MUST_CHECK;

/*
 * Whether the parsed Release file of ARCHIVE is of a time that counts: it is no older than any that was seen before,
 * its Date is not to come, its Valid-Until has not passed, and its snapshot is none of later. Errors: ERROR_EXPIRED;
 * ERROR_TRUST for the snapshot.
 */
int archive_check_time(const struct archive *archive, const struct archive_options *options, struct error *e)
	MUST_CHECK;

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
