/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a distribution's releases, whose code names do not tell it. */
#ifndef RECIPE_RELEASE_H
#define RECIPE_RELEASE_H

#include <stdbool.h>

/*
 * Compare two releases of DISTRIBUTION, each a number ("12", "24.04", "9-Stream") or a code name: *order is
 * negative, 0 or positive. What rolls on ("sid", "edge") is later than any number. False when one of them is a name
 * that is not known.
 */
bool release_compare(const char *distribution, const char *a, const char *b, int *order);
/* Whether it can be compared. */
bool release_is_known(const char *distribution, const char *release);
/* The name of one of DISTRIBUTION's releases that is nearest to NAME, or NULL. */
const char *release_nearest(const char *distribution, const char *name);

#endif
