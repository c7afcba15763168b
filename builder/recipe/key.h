/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP keys of a recipe: given as text, or read from files beside it. */
#ifndef RECIPE_KEY_H
#define RECIPE_KEY_H

#include "recipe/problem.h"

/*
 * Fill in the keys of `source` and of the repositories; file names may be templates.
 * A file that is missing or holds no public key is a mistake at the key's place.
 */
int recipe_read_keys(struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

#endif
