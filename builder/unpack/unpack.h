/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 5. Cached packages → files in the root, and the package database as the family's own tool would
 * have left it after unpacking. Executes nothing.
 *
 * For Debian (unpack/deb*.c) a package is control data and a file tree (deb(5)); what dpkg records on unpack
 * (status, info files, conffiles, triggers) is written here, see deb_database.h.
 */
#ifndef UNPACK_UNPACK_H
#define UNPACK_UNPACK_H

#include "base/alloc.h"
#include "base/log.h"
#include "base/meter.h"
#include "fetch/fetch.h"

struct plan;
struct plan_package;
struct plan_step;
struct recipe;

/* Where things are put, and from where they come: the same for all steps of one build. */
struct unpack_site {
	int root_fd;
	struct fetcher *fetcher;
	const struct plan *plan;
	const struct recipe *recipe; /* for its exclude_paths; NULL: unpack all */
	struct log *log;
	struct meter *meter; /* borrowed; may be NULL */
};

/* What the fetcher is asked for to have PACKAGE at hand, for fetch_files(); its text is from ARENA. */
struct fetch_request unpack_request(const struct plan_package *package, struct arena *arena);

/*
 * What must be in a root before its first package: folders, the links of a merged /usr, an empty package
 * database.
 */
int deb_unpack_prepare(const struct unpack_site *site, struct error *e) MUST_CHECK;

/*
 * Unpack everything of STEP that needs no script to have run before; how far that goes is the family's
 * business, and deb_configure_step() does the rest.
 */
int deb_unpack_step(const struct unpack_site *site, const struct plan_step *step, struct error *e) MUST_CHECK;

#endif
