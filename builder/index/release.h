/* SPDX-License-Identifier: Apache-2.0 */
/* The Release file of an archive's suite (Debian wiki, DebianRepository/Format), after its signature was checked. */
#ifndef INDEX_RELEASE_H
#define INDEX_RELEASE_H

#include "base/alloc.h"
#include "base/digest.h"

struct release_entry {
	struct text path; /* below the suite's folder */
	struct digest sha256;
	uint64_t size_bytes;
};

/* Views into the parsed text; arrays in the arena. */
struct release {
	struct text origin;
	struct text label;
	struct text suite;
	struct text codename;
	struct text version;
	struct text date; /* as written */
	struct text valid_until;
	int64_t date_s;
	int64_t valid_until_s;     /* 0: no end */
	struct text components;    /* words */
	struct text architectures; /* words */
	bool acquire_by_hash;
	bool not_automatic;
	bool but_automatic_upgrades;
	bool no_all_packages; /* No-Support-for-Architecture-all: Packages: each architecture's index has them */
	struct release_entry *entries; /* the field SHA256, sorted by path */
	size_t entry_count;
};

/* ERROR_FORMAT for what is malformed; ERROR_TRUST when there are no SHA-256 digests. */
int release_parse(struct text text, struct arena *arena, struct release *release, struct error *e) MUST_CHECK;
/* The entry of PATH, or NULL. */
const struct release_entry *release_find(const struct release *release, const char *path);
/* Whether WORD is among the blank-separated words of LIST. */
bool release_has_word(struct text list, struct text word);

/*
 * Whether it answers for SUITE, as apt compares: SUITE, or its part before the last '/' ("buster/updates"), is
 * the field Suite or Codename. One that has neither field answers for all.
 */
bool release_is_for(const struct release *release, struct text suite);

/* ERROR_EXPIRED when Date lies after NOW_S, or Valid-Until before it. Ten seconds of skew are fine, as for apt. */
int release_check_date(const struct release *release, int64_t now_s, struct error *e) MUST_CHECK;
int release_check_valid_until(const struct release *release, int64_t now_s, struct error *e) MUST_CHECK;

#endif
