/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax of relations between packages (Debian Policy §7.1): "a (>= 1) | b:any, c". Cuts a field into
 * its parts as views; what they mean is the resolver's business.
 *
 *	while ((r = deb_dependency_next(&rest, &part)) > 0)
 */
#ifndef DEB_DEPENDENCY_H
#define DEB_DEPENDENCY_H

#include "deb/version.h"

struct deb_part {
	struct text name;
	struct text qualifier; /* after the colon: "any", "native", an architecture; usually empty */
	enum deb_relation relation;
	struct text version; /* empty for RELATION_NONE */
	bool or_next;        /* '|' follows: the next part is an alternative to this one */
};

/*
 * Take the next part off the front of *rest: 1, or 0 at the end, or -1 when the text is malformed (*rest
 * then starts where). Restrictions in brackets, "[amd64]" and "<!nocheck>", have no place in a binary
 * package; they are passed over.
 */
int deb_dependency_next(struct text *rest, struct deb_part *part) MUST_CHECK;

/* Whether TEXT can be the name of a package: two or more of a-z 0-9 + - . and no sign in front. */
bool deb_name_is_valid(struct text text);

#endif
