/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP keys of a recipe: given as text, or read from files beside it. */
#ifndef RECIPE_KEY_H
#define RECIPE_KEY_H

#include "recipe/problem.h"

/*
 * Fill in the keys of `source`, those of its keyrings behind them, and of the repositories; names of files may be
 * templates. A file that is missing or holds no public key is a mistake at the key's place.
 */
int recipe_read_keys(struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

/* Whether TEXT, given as a key, names a file: it is neither a key itself nor a fingerprint. */
bool key_is_file(const char *text);

#endif
