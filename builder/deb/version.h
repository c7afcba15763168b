/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version numbers of Debian packages, "[epoch:]upstream[-revision]", in the order that dpkg gives them
 * (Debian Policy §5.6.12).
 */
#ifndef DEB_VERSION_H
#define DEB_VERSION_H

#include "base/text.h"

/* The relation of a dependency, as in "(>= 1.2)"; deb_relation_sign() has the signs. */
enum deb_relation {
	RELATION_NONE, /* any version will do */
	RELATION_EARLIER,
	RELATION_EARLIER_EQUAL,
	RELATION_EQUAL,
	RELATION_LATER_EQUAL,
	RELATION_LATER,
};

/* Negative when A comes before B, positive when after it, 0 when they are the same version. */
int deb_version_compare(struct text a, struct text b);

/* Whether TEXT has the form of a version number: what deb_version_compare() may be trusted with. */
bool deb_version_is_valid(struct text text);

/*
 * Whether version HAVE satisfies "RELATION WANTED". An empty HAVE (a name provided without a version)
 * satisfies RELATION_NONE only.
 */
bool deb_version_satisfies(struct text have, enum deb_relation relation, struct text wanted);

/* ">=" and so on; "" for RELATION_NONE. */
const char *deb_relation_sign(enum deb_relation relation);

#endif
