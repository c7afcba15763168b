/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 6. Run the maintainer scripts of unpacked packages inside the root, in an order that the family's own
 * tool would accept, until every package of the step is installed.
 */
#ifndef CONFIGURE_CONFIGURE_H
#define CONFIGURE_CONFIGURE_H

#include "unpack/unpack.h"

struct plan;
struct sandbox;

/*
 * Whether this host's kernel can run what PLAN installs, before anything is fetched for it. Errors: ERROR_UNSUPPORTED
 * says what the kernel lacks and which boot parameter brings it.
 */
int deb_check_host(const struct plan *plan, struct error *e) MUST_CHECK;

/*
 * A package of STEP of which it is known without its file that programs have to run for it, or NULL: there may be none.
 */
const char *deb_scripted(const struct plan *plan, const struct plan_step *step);

/*
 * Bring STEP, of which deb_unpack_step() has done what it could, to its end: for an installation every package
 * installed and configured; for a removal every package removed.
 * Errors: ERROR_SCRIPT with package, script, exit status and last lines of output.
 */
int deb_configure_step(const struct unpack_site *site, const struct sandbox *sandbox,
		       const struct plan_step *step, struct error *e) MUST_CHECK;

#endif
