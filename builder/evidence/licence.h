/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Licences as Debian's copyright files name them → expressions of SPDX.
 *
 * What such a file says in one `License` field ("GPL-2+ or Artistic, and Expat") becomes a list of parts that all hold
 * at once; the parts of all its fields are put together, sorted, each once. A name that SPDX does not know becomes a
 * LicenseRef of its own, so that nothing is said that the file does not say.
 */
#ifndef EVIDENCE_LICENCE_H
#define EVIDENCE_LICENCE_H

#include "base/alloc.h"
#include "base/text.h"

/* The SPDX expression for one short name ("GPL-2+", "Expat"), of ARENA or lasting; NULL: SPDX has none. */
const char *licence_of_name(struct text name, struct arena *arena);
/* The id of the SPDX exception that stands behind "with" ("Autoconf exception"); NULL: there is none. */
const char *licence_of_exception(struct text words);

/* What a name that SPDX does not know is to be called: "LicenseRef-…", of the caller's choice. */
typedef const char *(*licence_ref_fn)(void *context, struct text name);

struct licence_parts {
	const char **items; /* sorted bytewise, each once, from licence_parts_end() on */
	size_t count;
};

/* Add what SYNOPSIS, the first line of a License field, says. Everything is kept in ARENA. */
void licence_parts_add(struct licence_parts *parts, struct text synopsis, licence_ref_fn ref, void *context,
		       struct arena *arena);
/* All of them as one expression; NULL when there are none. */
const char *licence_parts_end(struct licence_parts *parts, struct arena *arena);

#endif
