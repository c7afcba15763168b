/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for struct recipe_setup, and for what of the image's metadata the recipe gives. */
#ifndef RECIPE_CHECK_SETUP_H
#define RECIPE_CHECK_SETUP_H

#include "recipe/recipe.h"

/* As recipe_check(). */
int recipe_check_setup(const struct recipe *recipe, struct error *e) MUST_CHECK;
/* Templates in image.properties, aliases and requirements. */
int recipe_check_setup_templates(const struct recipe *recipe, struct error *e) MUST_CHECK;

#endif
