/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of packages that are not unpacked (exclude_paths of the recipe), as dpkg's own path-exclude and path-include
 * leave them out: what is left out stays in the package's list, and belongs to nobody on disk.
 */
#ifndef UNPACK_DEB_EXCLUDES_H
#define UNPACK_DEB_EXCLUDES_H

#include "tree/untar.h"
#include "unpack/unpack.h"

struct pattern;

struct deb_excludes {
	const struct recipe_exclude *rules; /* borrowed */
	struct pattern **patterns;          /* of the rules that have one; owned */
	size_t count;
};

#define DEB_EXCLUDES_INIT ((struct deb_excludes) { .rules = NULL })

int deb_excludes_compile(const struct unpack_site *site, struct deb_excludes *excludes, struct error *e)
	MUST_CHECK;
void deb_excludes_release(struct deb_excludes *excludes);
/* Whether ENTRY, which is PATH, is left out: 1 or 0. For several threads at once. */
int deb_excludes_match(const struct deb_excludes *excludes, const char *path, const struct entry *entry,
		       struct error *e) MUST_CHECK;

/*
 * Tell the root's own dpkg, for packages that scripts install while the image is built, and those rules that are to be
 * kept for the image's life. Regular expressions are beyond it.
 */
int deb_excludes_configure(const struct unpack_site *site, struct error *e) MUST_CHECK;

#endif
