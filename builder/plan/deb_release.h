/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions chosen by archive: what stands behind the slash in "vim/bookworm-backports". As in apt that is a
 * pattern (fnmatch(3)) for the suite or the codename of an archive; with a digit at its beginning, the version of
 * the release; or "newest" or "candidate", whatever the archive.
 */
#ifndef PLAN_DEB_RELEASE_H
#define PLAN_DEB_RELEASE_H

#include "plan/deb_resolve.h"

/* Whether an archive that has VERSION is meant by RELEASE. */
bool deb_release_has(const struct deb_version *version, const char *release);
/* The same, but RELEASE is no pattern: it is suite or codename itself. */
bool deb_release_is(const struct deb_version *version, const char *release);
/* The highest version of PACKAGE of which that is true; NULL when there is none. */
struct deb_version *deb_release_find(const struct deb_package *package, const char *release);
/*
 * Let the versions of SWITCHES be candidates, and with them versions of the same release of what they depend
 * on, where the candidate so far would not do. Nothing is marked for installation, and what is installed
 * already stays as it is.
 */
void deb_release_switch(struct deb_resolver *resolver, const struct deb_switch *switches, size_t count);

#endif
