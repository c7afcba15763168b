/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes as text, for the tests that need one. */
#ifndef TESTS_UNIT_RECIPE_H
#define TESTS_UNIT_RECIPE_H

#include "unit/unit.h"

#include "recipe/recipe.h"

/* The least that a recipe has; tests append to it, at the level of 'packages'. */
#define LEAST \
	"image:\n" \
	"  distribution: debian\n" \
	"  release: bookworm\n" \
	"  architecture: x86_64\n" \
	"source:\n" \
	"  downloader: debootstrap\n" \
	"  url: https://deb.example.org/debian\n" \
	"packages:\n" \
	"  manager: apt\n"

static inline int parse_with(const char *text, const char *const *options, size_t count,
			     struct recipe *recipe, struct error *e)
{
	const struct recipe_options all = { .path = "dir/x.yaml",
					    .overrides = options,
					    .override_count = count };

	return recipe_parse(text, strlen(text), &all, recipe, e);
}

static inline struct recipe parsed(const char *text)
{
	struct recipe recipe = RECIPE_INIT;
	struct error e = ERROR_INIT;

	if (parse_with(text, NULL, 0, &recipe, &e) < 0)
		fail_msg("%s", e.text);
	return recipe;
}

static inline struct recipe selected(const char *text)
{
	struct recipe recipe = parsed(text);
	struct error e = ERROR_INIT;

	if (recipe_select(&recipe, &e) < 0)
		fail_msg("%s", e.text);
	return recipe;
}

#endif
