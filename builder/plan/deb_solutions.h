/* SPDX-License-Identifier: Apache-2.0 */
/* Who satisfies a dependency, in the order in which apt would try them. */
#ifndef PLAN_DEB_SOLUTIONS_H
#define PLAN_DEB_SOLUTIONS_H

#include "plan/deb_resolve.h"

struct deb_solutions {
	struct deb_version **versions;          /* best first */
	const struct deb_relation_part **parts; /* the alternative that each belongs to */
	size_t count;
};

#define DEB_SOLUTIONS_INIT ((struct deb_solutions) { .versions = NULL })

/* Append what matches PART of a relation of PACKAGE: the target itself, then its providers. */
void deb_solutions_add(struct deb_resolver *resolver, struct deb_package *package,
		       const struct deb_relation_part *part, enum deb_when when, struct deb_solutions *out);

/*
 * What matches GROUP: installed packages before new ones, else alternatives from left to right, and within one
 * alternative as apt compares providers. Where it would look at who was mentioned last, the order stays
 * open until deb_solutions_settle(), as finding that out is expensive and seldom needed.
 */
void deb_solutions_find(struct deb_resolver *resolver, struct deb_package *package, struct deb_group group,
			enum deb_when when, struct deb_solutions *out);
/* Make sure that the one at POSITION is the one that belongs there; those before it are settled. */
void deb_solutions_settle(struct deb_resolver *resolver, struct deb_solutions *solutions, size_t position);

/* The only package that satisfies GROUP, as candidate or as installed version; NULL if there are several. */
struct deb_package *deb_solutions_only(struct deb_resolver *resolver, struct deb_package *package,
				       struct deb_group group);
void deb_solutions_release(struct deb_solutions *solutions);

#endif
