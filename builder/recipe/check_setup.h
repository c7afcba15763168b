/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for the sections of struct recipe_setup, and for what of the image's metadata the recipe gives. */
#ifndef RECIPE_CHECK_SETUP_H
#define RECIPE_CHECK_SETUP_H

#include "recipe/problem.h"
#include "recipe/schema.h"

/* As the schema calls them. */
schema_check_fn recipe_check_image;
schema_check_fn recipe_check_service;
schema_check_fn recipe_check_user;
schema_check_fn recipe_check_link;
schema_check_fn recipe_check_directory;
schema_check_fn recipe_check_permission;
schema_check_fn recipe_check_line;
schema_check_fn recipe_check_exclude;

/* What is no section of its own: a word of `resolv_conf`, templates of the image's metadata. */
int recipe_check_setup(const struct recipe *recipe, struct problems *problems, struct error *e) MUST_CHECK;

#endif
