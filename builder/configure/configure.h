/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 6. Run the maintainer scripts of unpacked packages inside the root, in an order that the family's own
 * tool would accept, until every package of the step is installed.
 */
#ifndef CONFIGURE_CONFIGURE_H
#define CONFIGURE_CONFIGURE_H

#include "unpack/unpack.h"

struct sandbox;

/*
 * Bring STEP, of which deb_unpack_step() has done what it could, to its end: for an installation every package
 * installed and configured; for a removal every package removed.
 * Errors: ERROR_SCRIPT with package, script, exit status and last lines of output.
 */
int deb_configure_step(const struct unpack_site *site, const struct sandbox *sandbox,
		       const struct plan_step *step, struct error *e) MUST_CHECK;

#endif
