/* SPDX-License-Identifier: Apache-2.0 */
/* A tree → YAML for people, which yaml_read() reads back as the same tree, with origins behind the values. */
#ifndef RECIPE_EMIT_H
#define RECIPE_EMIT_H

#include "recipe/yaml.h"

/*
 * The tree of RECIPE as one file in its folder would say it: names of files that start at the folder of another file
 * are put right. In the recipe's arena.
 */
const struct node *recipe_single_tree(struct recipe *recipe);

/* Append the mapping ROOT to OUT; behind each value a comment names the file and line that it comes from. */
void yaml_emit(const struct node *root, struct buffer *out);

/* TEXT as a scalar on the line that it begins: with quotes where it could be taken for something else, or QUOTED. */
void yaml_emit_text(const char *text, bool quoted, struct buffer *out);

#endif
