/* SPDX-License-Identifier: Apache-2.0 */
/* The section `matrix`: the images that one recipe is for. recipe_cells() itself is in recipe.h. */
#ifndef RECIPE_MATRIX_H
#define RECIPE_MATRIX_H

#include "recipe/yaml.h"

/*
 * Decide which image RECIPE, decoded and with a matrix, describes: the cell of OPTIONS, or where there is none what
 * `image` and the options say, and the first value of its axis where they do not (for the architecture that of the
 * host, if it is there). *tree, the merged files, receives the image's values and what matrix.overrides sets for it; with a cell it
 * has no matrix any more.
 */
int matrix_choose(struct recipe *recipe, const struct recipe_options *options, struct node **tree,
		  struct error *e) MUST_CHECK;

#endif
