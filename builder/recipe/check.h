/* SPDX-License-Identifier: Apache-2.0 */
/* What the schema cannot say: rules between the keys of a recipe, and what follows from its values. */
#ifndef RECIPE_CHECK_H
#define RECIPE_CHECK_H

#include "recipe/problem.h"

/* The rules of sections, as the schema calls them (schema_check_fn). */
int recipe_check_packages(const void *packages, const char *path, struct problems *problems, struct error *e)
	MUST_CHECK;
int recipe_check_file(const void *file, const char *path, struct problems *problems, struct error *e)
	MUST_CHECK;

/* A key that a generator cannot do without. */
struct generator_need {
	enum generator generator;
	const char *key;
	size_t offset; /* of the text in struct recipe_file */
};
extern const struct generator_need generator_needs[];
extern const size_t generator_need_count;
/* The files of cloud-init that its generator knows. */
extern const char *const cloud_init_names[4];

/*
 * What cannot be said of one section alone, in entries for whatever image: what this version does not run, templates
 * with a mistake, filters.
 */
int recipe_check_entries(const struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

/* Templates of targets that no build of this version looks at. */
int recipe_check_targets(const struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

/* Put in what the recipe does not say: defaults, seconds of the expiry, names of the architecture. */
int recipe_complete(struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

/*
 * What IMAGE.ARCHITECTURE, found at PLACE, is called by everybody: fills in the names that recipe.h says are worked
 * out. Errors: ERROR_RECIPE for one that nobody knows.
 */
int recipe_name_architecture(struct recipe *recipe, const char *written, const struct place *place,
			     struct error *e) MUST_CHECK;

#endif
