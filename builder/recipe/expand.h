/* SPDX-License-Identifier: Apache-2.0 */
/* Templates in a recipe: what their names stand for. recipe_expand() itself is in recipe.h. */
#ifndef RECIPE_EXPAND_H
#define RECIPE_EXPAND_H

#include "recipe/recipe.h"

/* Whether TEXT, found at PLACE, is a template that can be expanded, whatever branch of it is taken. */
int recipe_check_template(const struct recipe *recipe, const char *text, const struct place *place,
			  struct error *e) MUST_CHECK;

#endif
