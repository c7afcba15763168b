/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a package makes while it is installed and every instance must have of its own: keys, identities, databases
 * with an identity. It goes out of the image, and a unit of systemd makes it anew at an instance's first start, with
 * the package's own program.
 */
#ifndef CUSTOMIZE_RENEW_H
#define CUSTOMIZE_RENEW_H

#include "customize/customize.h"

/* The table in renew.c says what. What the recipe wrote, or a database that was started, stays. */
int customize_renew(const struct customize_site *site, struct error *e) MUST_CHECK;

#endif
