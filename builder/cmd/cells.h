/* SPDX-License-Identifier: Apache-2.0 */
/* Which images of a recipe's matrix a command is about: --cell. */
#ifndef CMD_CELLS_H
#define CMD_CELLS_H

#include "cmd/cmd.h"
#include "recipe/recipe.h"

struct chosen {
	char *path;                /* owned; of the recipe */
	struct recipe recipe;      /* loaded without a cell; the cells are its */
	struct recipe_cell *cells; /* in the recipe's arena */
	size_t count;              /* 0: the image that the recipe itself describes */
};

#define CHOSEN_INIT ((struct chosen) { .recipe = RECIPE_INIT })

/*
 * cells_choose(): every image that one of the words of --cell fits, or all where there are none. ERROR_USAGE for a
 * word that fits none.
 * cells_choose_one(): the one that --cell fits; without the option none, and the recipe is not loaded.
 */
int cells_choose(const struct settings *settings, struct chosen *chosen, struct error *e) MUST_CHECK;
int cells_choose_one(const struct settings *settings, struct chosen *chosen, struct error *e) MUST_CHECK;
void chosen_release(struct chosen *chosen);

/* The cell as a JSON object: name, release, architecture, variant, type. */
struct json_t; /* of jansson */
struct json_t *cell_json(const struct recipe_cell *cell);

#endif
