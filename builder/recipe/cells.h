/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images that a recipe speaks of: every combination of the releases, architectures, variants and types that its
 * filters name, beside those that it has itself. What is set on the command line has just that value.
 */
#ifndef RECIPE_CELLS_H
#define RECIPE_CELLS_H

#include "recipe/recipe.h"

/* One image, as options of recipe_load() that come behind those of the command line. */
struct cell {
	const char *overrides[3]; /* "image.release=trixie"; as many as there are */
	size_t override_count;
	const char *type; /* "container" or "vm" */
};

struct cells {
	struct arena arena;
	struct cell *items; /* releases vary slowest, types fastest; each in the order in which it is named */
	size_t count;
};

#define CELLS_INIT ((struct cells) { .items = NULL })
#define auto_cells AUTO(cells_release)

/*
 * RECIPE is as recipe_load() left it, with the overrides of OPTIONS. Errors: ERROR_RECIPE for more than
 * LIMIT_RECIPE_CELLS of them.
 */
int cells_of(const struct recipe *recipe, const struct recipe_options *options, struct cells *cells,
	     struct error *e) MUST_CHECK;
void cells_release(struct cells *cells);

#endif
