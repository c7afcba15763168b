/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 2. Repositories of the recipe → verified package indexes: for every archive the image will use,
 * its signed Release file, and the indexes of the wanted components and architecture with the digests
 * that it promises. Nothing here chooses packages.
 *
 * Everything belongs to the set and lives until index_set_release().
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/log.h"

struct fetcher;
struct layer_key;
struct recipe;

/* What the command line says of archives. All borrowed. */
struct index_options {
	bool skip_verification;   /* --insecure-skip-verification: use them also without a good signature */
	const char *const *older; /* --accept-older: suites, or addresses, that may be older than they were */
	size_t older_count;
	bool releases_alone; /* no indexes: whether the archives answer with Release files that stand the test */
};

/* One suite at one address. */
struct index_archive {
	const char *uri;    /* as the image will use it; ends in '/' */
	const char *suite;  /* as the recipe writes it: "bookworm-updates" */
	const char *origin; /* Release fields; "" when absent */
	const char *label;
	const char *codename;
	const char *release_suite; /* the field Suite: "oldstable" */
	const char *version;       /* "12.11" */
	int64_t date_s;
	bool not_automatic;           /* NotAutomatic: yes → apt's priority 1 */
	bool but_automatic_upgrades;  /* with the former → 100 */
	struct digest release_sha256; /* of the signed text */
	int64_t valid_until_s;        /* 0: no end */
	const char *file;             /* that was fetched: "InRelease" or "Release" */
	struct digest file_sha256;
	uint64_t file_bytes;
	bool unverified; /* without a good signature, as the command line allowed */
};

/* One Packages file, verified and decompressed. */
struct index_file {
	const struct index_archive *archive;
	const char *component;
	const char *architecture; /* "amd64", "all" */
	const char *data;         /* mapped, read-only; not NUL-terminated; "" once it is unmapped */
	size_t len;
	struct digest sha256; /* of DATA */
	const char *path;     /* of the file as the archive has it: "main/binary-amd64/Packages.xz" */
	struct digest packed_sha256;
	uint64_t packed_bytes;
};

/* A further file that was fetched: a package with keys. */
struct index_download {
	const char *name;
	const struct index_archive *archive;
	const char *filename; /* below the archive's uri */
	struct digest sha256;
	uint64_t size_bytes;
};

struct index_set {
	struct arena arena;
	struct index_archive **archives; /* in the order of the sources */
	size_t archive_count;
	struct index_file *files; /* in the order of the sources, then components */
	size_t file_count;
	struct index_download *downloads;
	size_t download_count;
	int64_t newest_date_s; /* of all archives */
};

#define INDEX_SET_INIT ((struct index_set) { .archives = NULL })
#define auto_index_set AUTO(index_set_release)

/*
 * Fetch and verify. The archives are source.url with its suite and components first, then what
 * packages.repositories name; one that is named twice counts once.
 * Errors: ERROR_TRUST (unsigned, wrong key), ERROR_EXPIRED (Valid-Until, Date in the future, or before the newest
 * that was seen), ERROR_FETCH (no such suite), ERROR_DIGEST, ERROR_FORMAT.
 */
int deb_index_refresh(const struct recipe *recipe, const struct index_options *options,
		      struct fetcher *fetcher, struct log *log, struct index_set *set, struct error *e)
	MUST_CHECK;
/* Whether an archive in SET is unverified. */
bool index_is_unverified(const struct index_set *set);
/* Give back the memory of the index files, of which a plan keeps nothing; what they were stays. */
void index_set_unmap(struct index_set *set);
void index_set_release(struct index_set *set);
/* Which indexes these are, for the key of a layer: whoever installs later, too, would find others in others. */
void index_describe(const struct index_set *set, struct layer_key *key);

/*
 * The addresses of all archives that RECIPE uses, as the image will see them: malloc'ed array of
 * malloc'ed strings, released with names_free(). For the mirror rules.
 */
int deb_index_addresses(const struct recipe *recipe, char ***addresses, size_t *count, struct error *e)
	MUST_CHECK;

#endif
