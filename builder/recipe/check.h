/* SPDX-License-Identifier: Apache-2.0 */
/* What the schema cannot say: rules between the keys of a recipe, and what follows from its values. */
#ifndef RECIPE_CHECK_H
#define RECIPE_CHECK_H

#include "recipe/recipe.h"

/* Check RECIPE as the schema left it. Errors: ERROR_RECIPE with the place. */
int recipe_check(const struct recipe *recipe, struct error *e) MUST_CHECK;

/* Put in what the recipe does not say: defaults, seconds of the expiry, names of the architecture. */
int recipe_complete(struct recipe *recipe, struct error *e) MUST_CHECK;

/*
 * What IMAGE.ARCHITECTURE, found at PLACE, is called by everybody: fills in the names that recipe.h says are worked
 * out. Errors: ERROR_RECIPE for one that nobody knows.
 */
int recipe_name_architecture(struct recipe *recipe, const char *written, const struct place *place,
			     struct error *e) MUST_CHECK;

#endif
