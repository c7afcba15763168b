/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which package owns which path, while several packages are unpacked at once. A path is known by the folder
 * it is in (device and inode) and its name there, so /bin/x and /usr/bin/x are one when /bin is a link.
 *
 * Packages have numbers in the order in which dpkg would have unpacked them, and every decision goes by these
 * numbers and by Replaces, never by who comes first: the outcome does not depend on timing.
 *
 *	deb_paths_claim(…, &claim, &verdict, e)     decide; others wait for this path from here
 *	… create the file, when the verdict says so …
 *	deb_paths_settle(paths, claim)              others may go on
 */
#ifndef UNPACK_DEB_PATHS_H
#define UNPACK_DEB_PATHS_H

#include "unpack/deb_database.h"
#include "unpack/place.h"

#include <pthread.h>

/* A package that owns paths; its number is its place in deb_paths.owners. */
struct deb_owner {
	const char *name;
	const char *version;
	const char *info_name;
	struct text replaces;
	bool multi_arch_same;
};

enum deb_claim_kind {
	CLAIM_FILE,      /* anything but a folder */
	CLAIM_DIRECTORY, /* made in this run */
	CLAIM_KEPT,      /* a folder, or a link to one, that was there before */
	CLAIM_LISTED,    /* of an installed package: the disk knows what it is */
};

struct deb_claim {
	const char *path; /* as OWNER has it */
	size_t owner;     /* for a folder: the first of its owners */
	enum deb_claim_kind kind;
	bool busy;
	const struct entry *attributes; /* what OWNER's archive says of a CLAIM_DIRECTORY; no path in it */
};

enum deb_verdict {
	VERDICT_CREATE,  /* nobody has it: the caller creates it */
	VERDICT_REPLACE, /* the caller takes it from its present owner */
	VERDICT_LEAVE,   /* there already: a folder, or a file of a package that replaces the caller's */
	VERDICT_COMPARE, /* of another instance of the same package: must be the same */
};

/* A path that OWNER has lost to TAKER, which replaces it. */
struct deb_loss {
	size_t owner;
	size_t taker;
	const char *path;
};

struct deb_paths {
	int root_fd;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t settled;
	struct arena arena;
	struct map claims;
	struct deb_claim **directories; /* every CLAIM_DIRECTORY, in no order */
	size_t directory_count;
	struct map entered;   /* every folder in which something was to be created: its device and inode */
	const char **folders; /* their paths, in no order */
	size_t folder_count;
	struct deb_owner *owners; /* first the installed packages, then those of this run */
	size_t owner_count;
	size_t installed_count;
	struct deb_loss *losses;
	size_t loss_count;
};

#define auto_deb_paths AUTO(deb_paths_release)

/* NEW_COUNT packages will come beside those that STATUS has; their owners are filled in by deb_paths_announce(). */
int deb_paths_init(struct deb_paths *paths, int root_fd, const struct deb_status *status, size_t new_count,
		   struct error *e) MUST_CHECK;
void deb_paths_release(struct deb_paths *paths);

/* Say who OWNER is; before its first claim. CONTROL must live as long as PATHS. */
void deb_paths_announce(struct deb_paths *paths, size_t owner, const struct deb_control *control);

/*
 * OWNER ships PATH, which is NAME in DIR, as ENTRY. *claim is the path's, and must be settled when the verdict
 * is CREATE, REPLACE or COMPARE. Errors: ERROR_FORMAT when it belongs to another package.
 */
int deb_paths_claim(struct deb_paths *paths, const struct place_dir *dir, const char *name, const char *path,
		    size_t owner, const struct entry *entry, struct deb_claim **claim,
		    enum deb_verdict *verdict, struct error *e) MUST_CHECK;
/* FOUND: the folder was there before; for a claim on a folder whose creation was the verdict. */
void deb_paths_settle_directory(struct deb_paths *paths, struct deb_claim *claim, bool found);
void deb_paths_settle(struct deb_paths *paths, struct deb_claim *claim);

/* Whether CLAIM's path belongs into OWNER's list. */
bool deb_paths_is_listed(const struct deb_paths *paths, const struct deb_claim *claim, size_t owner);

#endif
