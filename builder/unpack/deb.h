/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian packages into the root, without dpkg but as dpkg would: deb_unpack_step() for a base step, and these
 * for configure/deb.c, which runs the rounds of an install step:
 *
 *	for each package of the round, in plan order, that has a preinst:
 *		deb_read_control()                  its scripts, without unpacking it
 *		deb_database_begin_install()        dpkg's note of it, before the script
 *		deb_database_write_ci()
 *		… run /var/lib/dpkg/tmp.ci/preinst install …
 *		deb_database_remove_ci()
 *	deb_unpack_packages(round, DEB_CONFFILES_NEW)   files and database, in parallel
 *	… dpkg --configure …
 */
#ifndef UNPACK_DEB_H
#define UNPACK_DEB_H

#include "unpack/deb_control.h"
#include "unpack/deb_database.h"
#include "unpack/unpack.h"

enum deb_conffile_mode {
	DEB_CONFFILES_DIRECT, /* conffiles at their own names, digests in status: nothing left to decide */
	DEB_CONFFILES_NEW,    /* PATH.dpkg-new and "newconffile" in status: dpkg --configure installs them */
};

/*
 * Read control.tar of the cached package at plan POSITION. Errors: ERROR_FORMAT (also when name, version or
 * architecture differ from the plan's); ERROR_FETCH when it is not in the cache.
 */
int deb_read_control(const struct unpack_site *site, size_t position, struct deb_control *control,
		     struct error *e) MUST_CHECK;

/*
 * Unpack the packages at POSITIONS, several at once, and record them as "install ok unpacked". The result
 * does not depend on timing: it is as if they had been unpacked one after the other in that order.
 * Diversions that stand in the root now are respected. So are OVERRIDES, the text of dpkg's file statoverride: dpkg
 * reads it when it starts, not between scripts. NULL: as it is now. Status is written once, at the end.
 * Errors: ERROR_FORMAT: malformed packages, or two that ship one path; ERROR_SPACE; ERROR_SYSTEM.
 */
int deb_unpack_packages(const struct unpack_site *site, const size_t *positions, size_t count,
			enum deb_conffile_mode mode, const char *overrides, struct error *e) MUST_CHECK;

/* The architecture of the image: that of `dpkg`, or of the first package that is not for all of them; or NULL. */
const char *deb_native_architecture(const struct plan *plan);

#endif
