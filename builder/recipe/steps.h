/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a build of a recipe does, step by step, as far as the recipe alone tells: no package is looked up. For people
 * who write recipes, and for `kiln plan --steps`.
 */
#ifndef RECIPE_STEPS_H
#define RECIPE_STEPS_H

#include "base/text.h"
#include "recipe/recipe.h"

struct recipe_step {
	const char *kind;   /* "base", "install", "post-packages", "dump" … */
	const char *detail; /* on one line */
	struct place place; /* line 0: it stands nowhere, but is the default */
};

struct recipe_steps {
	struct arena arena;
	struct recipe_step *items;
	size_t count;
};

#define RECIPE_STEPS_INIT ((struct recipe_steps) { .items = NULL })
#define auto_recipe_steps AUTO(recipe_steps_release)

/*
 * The steps for RECIPE, filtered by recipe_filter(). Consecutive sets with the same action and flags are one step.
 * Errors: ERROR_RECIPE when a template cannot be expanded.
 */
int recipe_steps(const struct recipe *recipe, struct recipe_steps *steps, struct error *e) MUST_CHECK;
void recipe_steps_release(struct recipe_steps *steps);

#endif
