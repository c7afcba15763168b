/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images an entry of a list applies to: `releases: ["!buster", ">=12"]`. A word is a name, a pattern as of
 * the shell (* ? […]), a bound (>= > <= <, releases only), or any of them behind a '!'. An image is admitted when
 *
 *	one of the names and patterns fits, or all bounds hold, or there are neither; and
 *	nothing behind a '!' fits.
 *
 * Between the four lists of an entry it is AND; an empty list admits all.
 */
#ifndef RECIPE_FILTER_H
#define RECIPE_FILTER_H

#include "recipe/problem.h"

/* What a list of a filter is about. */
enum filter_axis { FILTER_NONE, FILTER_RELEASES, FILTER_ARCHITECTURES, FILTER_VARIANTS, FILTER_TYPES };

/* What is wrong with WORD in a list of that axis ("'>=' needs a version"), or NULL. */
const char *filter_word_mistake(const char *word, enum filter_axis axis);
/* WORD without its '!'. */
const char *filter_word_name(const char *word);
/* Whether WORD stands for just one value, and for an image that has it. */
bool filter_word_is_name(const char *word);

/*
 * 1 when the image that RECIPE describes is admitted by FILTER, else 0.
 * Errors: ERROR_RECIPE at the filter's place when its release cannot be compared with a bound.
 */
int filter_admits(const struct filter *filter, const struct recipe *recipe, struct error *e) MUST_CHECK;
/* Whether FILTER admits an image of that type, all else being equal. */
bool filter_admits_type(const struct filter *filter, const char *type);

/* Each filter of RECIPE, whatever section it stands in. */
typedef int filter_visit_fn(void *context, const struct filter *filter, struct error *e);
int filter_each(const struct recipe *recipe, filter_visit_fn *visit, void *context, struct error *e)
	MUST_CHECK;

/* Bounds that no release could be compared with are mistakes, and architectures that there are not are notes. */
int filter_check(const struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

#endif
