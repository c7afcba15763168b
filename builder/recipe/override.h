/* SPDX-License-Identifier: Apache-2.0 */
/* -o image.release=trixie: sets one scalar in the tree of a recipe, before the schema looks at it. */
#ifndef RECIPE_OVERRIDE_H
#define RECIPE_OVERRIDE_H

#include "recipe/yaml.h"

/*
 * Set what OPTION ("KEY=VALUE") says in the tree *root, which belongs to ARENA. KEY is a dotted path; entries
 * of lists are numbers from 0 ("packages.sets.0.action", or "sets[0]"), the number behind the last one
 * appends. Mappings that are missing are made. VALUE is all behind the first '='.
 * Errors: ERROR_USAGE when OPTION has another form; ERROR_RECIPE when the recipe has no such place.
 */
int override_apply(struct arena *arena, const char *option, struct node **root, struct error *e) MUST_CHECK;

/* The same for KEY and VALUE that are said at PLACE. */
int override_set(struct arena *arena, const char *key, const char *value, const struct place *place,
		 struct node **root, struct error *e) MUST_CHECK;

/* Whether OPTION may decide which image a recipe is about, so that it comes before what the matrix sets for it. */
bool override_is_early(const char *option);

#endif
