/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is installed in an image, as its own package database has it: more than the plan knows, where actions have
 * installed packages, and less, where they have removed some. What the plan knows beyond that (digest, address) is
 * added where a package is the plan's.
 */
#ifndef EVIDENCE_INVENTORY_H
#define EVIDENCE_INVENTORY_H

#include "base/alloc.h"
#include "base/map.h"
#include "evidence/copyright.h"

struct plan;
struct plan_package;

/* Words may be anything a package says, also what is no UTF-8; what is not given is NULL. */
struct inventory_package {
	const char *name;
	const char *version;
	const char *architecture;
	const char *source_name;
	const char *source_version;
	const char *maintainer; /* "NAME <ADDRESS>" */
	const char *homepage;
	const char *summary;
	const char *licence; /* an SPDX expression; NULL: see COPYRIGHT */
	enum copyright_form copyright;
	const struct plan_package *planned; /* borrowed; NULL: an action has installed it */
	size_t *depends; /* positions of what satisfies its relations; ascending, each once */
	size_t depend_count;
};

/* A licence that SPDX does not know. */
struct inventory_licence {
	const char *id;   /* "LicenseRef-Beerware-like-1a2b3c4d" */
	const char *name; /* as the copyright file has it */
	const char *text; /* "" when the file does not give it */
};

struct inventory {
	struct arena arena;
	struct inventory_package *packages; /* by name, then architecture, then version */
	size_t count;
	struct inventory_licence **licences; /* by id */
	size_t licence_count;
	struct map ids; /* of the licences */
	size_t copyright_counts[COPYRIGHT_MALFORMED + 1];
};

#define INVENTORY_INIT ((struct inventory) { .packages = NULL })
#define auto_inventory AUTO(inventory_release)

/*
 * Read the database of the root ROOT_FD; WHOLE: licences and dependencies as well. A root without one has what PLAN
 * (may be NULL) says. Errors: ERROR_FORMAT.
 */
int deb_inventory(int root_fd, const struct plan *plan, bool whole, struct inventory *inventory,
		  struct error *e) MUST_CHECK;
void inventory_release(struct inventory *inventory);

/* For those who read packages of a family: what COPYRIGHT, of PACKAGE, comes to. */
void inventory_set_licence(struct inventory *inventory, struct inventory_package *package,
			   const struct copyright *copyright);

/* "NAME VERSION ARCHITECTURE", tabs between, a line each. */
void inventory_print(const struct inventory *inventory, struct buffer *out);

#endif
