/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recipe of several files: `extends` names one file, `include` one or more, that lie beneath. They are read in
 * this order: what a file extends, what it includes, the file itself; and each is laid over all before it by the
 * rule of merge.h. A file that is named twice is read once, where it is named first.
 *
 * Names start at the folder of the file that names them and do not leave it, also not through symbolic links.
 */
#ifndef RECIPE_INCLUDE_H
#define RECIPE_INCLUDE_H

#include "recipe/yaml.h"

/* The text of the recipe itself. */
struct include_start {
	struct text text;
	bool alone; /* it is no file: naming others is an error */
	uint64_t
		device_id; /* of the file, with INODE, so that it is found when it includes itself; 0: not known */
	uint64_t inode_id;
};

/*
 * Read START and all that it names into RECIPE, whose path and folder are set; its list of files is filled, nearest
 * last. *tree has neither `extends` nor `include`; it is NULL when a file is missing or cannot be read as YAML, as
 * what else would be found then would be wrong. What is wrong goes to PROBLEMS; -1 is for what is no fault of theirs.
 */
int include_read(struct recipe *recipe, const struct include_start *start, struct problems *problems,
		 struct node **tree, struct error *e) MUST_CHECK;

/* "recipes" of "recipes/x.yaml", "." of "x.yaml". */
const char *recipe_folder_of(struct arena *arena, const char *path);

#endif
