/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of what a recipe says in words: each file's own parts() are applied to the ground's root. */
#ifndef TESTS_UNIT_SETUP_CASES_H
#define TESTS_UNIT_SETUP_CASES_H

#include "unit/ground.h"
#include "unit/recipe.h"

/* What a file is about. */
static int parts(const struct customize_site *site, struct error *e);

/* Apply a recipe with the sections TEXT. */
static inline int apply_with(struct ground *ground, const char *text, struct error *e)
{
	auto_free char *all = xasprintf("%s%s", LEAST, text);
	struct recipe recipe = selected(all);
	int r;

	ground->site.recipe = &recipe;
	r = parts(&ground->site, e);
	ground->site.recipe = &ground->recipe;
	recipe_release(&recipe);
	return r;
}

static inline void apply(struct ground *ground, const char *text)
{
	struct error e = ERROR_INIT;

	if (apply_with(ground, text, &e) < 0)
		fail_msg("%s", e.text);
	ground_outside_is_untouched(ground);
}

static inline void refuse(struct ground *ground, const char *text, const char *expected)
{
	struct error e = ERROR_INIT;

	assert_int_equal(apply_with(ground, text, &e), -1);
	if (!strstr(e.text, expected))
		fail_msg("'%s' is not in: %s", expected, e.text);
	ground_outside_is_untouched(ground);
}

#endif
