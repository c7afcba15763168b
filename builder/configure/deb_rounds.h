/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which rounds the packages of an install step are unpacked and configured. A preinst may only run once
 * what its package pre-depends on is configured (Debian policy 7.2); everything else is unpacked at once, so
 * that one dpkg run can configure it. Pure: looks at the plan alone.
 *
 * Most of what is pre-depended on are libraries that do nothing when they are configured: a package is silent
 * that has no postinst, no conffiles and no trigger that it waits for. No script can tell whether it has been
 * configured, so none waits for that, and dpkg need not run before the others are unpacked.
 *
 *	until all are unpacked:
 *		unpack deb_rounds_unpackable()
 *		when that was none: configure deb_rounds_needed()
 *	configure deb_rounds_first()
 *	configure the rest
 */
#ifndef CONFIGURE_DEB_ROUNDS_H
#define CONFIGURE_DEB_ROUNDS_H

#include "plan/plan.h"

enum deb_round_state { ROUND_NOT_UNPACKED, ROUND_UNPACKED, ROUND_CONFIGURED };

struct deb_rounds {
	const struct plan *plan;      /* borrowed */
	const struct plan_step *step; /* borrowed */
	enum deb_round_state *states; /* owned; by position in the plan */
	bool *has_preinst;            /* owned; by position in the plan */
	bool *silent;                 /* owned; by position in the plan */
};

#define auto_deb_rounds AUTO(deb_rounds_release)

/* All packages not unpacked, without preinst and not silent: the caller enters what it knows. */
void deb_rounds_init(struct deb_rounds *rounds, const struct plan *plan, const struct plan_step *step);

/*
 * Positions of the step, in its order, that can be unpacked now: without a preinst, or with all that they
 * pre-depend on configured, or unpacked and silent. malloc'ed; *count 0 when there is none.
 */
size_t *deb_rounds_unpackable(const struct deb_rounds *rounds, size_t *count);

/*
 * Positions to configure so that more can be unpacked: unpacked packages on which others' preinst scripts wait, and
 * those that unpacked packages pre-depend on, which apt would have configured before; all with their dependencies.
 * malloc'ed, ascending; *count 0 when no amount of configuring would help.
 */
size_t *deb_rounds_needed(const struct deb_rounds *rounds, size_t *count);

/*
 * When all are unpacked: those that other packages of the step pre-depend on, with their dependencies. apt has
 * to configure them before the rest, which shows in what scripts number and append to: the users of passwd(5).
 * None when all of them are silent.
 */
size_t *deb_rounds_first(const struct deb_rounds *rounds, size_t *count);

/* How many packages of the step are not unpacked. */
size_t deb_rounds_left(const struct deb_rounds *rounds);
void deb_rounds_release(struct deb_rounds *rounds);

#endif
