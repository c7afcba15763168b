/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `dpkg --configure` does when it has nothing to run: it writes another word into its database. Where that is all,
 * kiln writes it, and starts no program of the root; so packages without scripts need no processor that runs them.
 */
#ifndef CONFIGURE_DEB_SETTLE_H
#define CONFIGURE_DEB_SETTLE_H

#include "unpack/unpack.h"

/*
 * Have the COUNT packages at POSITIONS of the plan, which are unpacked, installed; with POSITIONS NULL all that are.
 * 1; 0: nothing was changed, as dpkg has something to do: a postinst, a conffile, a trigger.
 */
int deb_settle(const struct unpack_site *site, const size_t *positions, size_t count, struct error *e)
	MUST_CHECK;

#endif
