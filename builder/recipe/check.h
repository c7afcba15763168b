/* SPDX-License-Identifier: Apache-2.0 */
/* What the schema cannot say: rules between the keys of a recipe, and what follows from its values. */
#ifndef RECIPE_CHECK_H
#define RECIPE_CHECK_H

#include "recipe/recipe.h"

/* Check RECIPE as the schema left it. Errors: ERROR_RECIPE with the place. */
int recipe_check(const struct recipe *recipe, struct error *e) MUST_CHECK;

/* Put in what the recipe does not say: defaults, seconds of the expiry, names of the architecture. */
int recipe_complete(struct recipe *recipe, struct error *e) MUST_CHECK;

/* The path of NAME, which the recipe gives; a relative one starts at the recipe's folder, wherever kiln is started. */
const char *recipe_beside(struct recipe *recipe, const char *name);

#endif
