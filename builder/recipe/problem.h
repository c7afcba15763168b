/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a recipe, all of it: a list that the parts of checking add to and go on. Whoever finds
 * something fails with an error that names its place (error_at()); who called it gives that to problems_take().
 *
 *	if (check_file(file, e) < 0 && problems_take(problems, e) < 0)
 *		return -1;
 */
#ifndef RECIPE_PROBLEM_H
#define RECIPE_PROBLEM_H

#include "recipe/recipe.h"

enum problem_level {
	PROBLEM_MISTAKE,     /* the recipe is wrong */
	PROBLEM_UNSUPPORTED, /* it is right, but this version cannot build an image from it */
	PROBLEM_NOTE,        /* worth knowing, and nothing that stops a build of a container */
};

struct problem {
	enum problem_level level;
	enum error_kind kind;
	const char *file;
	size_t file_rank; /* files in the order in which something was found in them */
	unsigned line;    /* as in struct place */
	unsigned column;
	const char *message; /* without the place */
};

struct problems {
	struct arena arena;
	struct problem *items;
	size_t count;
};

#define PROBLEMS_INIT ((struct problems) { .items = NULL })
#define auto_problems AUTO(problems_release)

/*
 * Note what *e says, and clear it: 0. What is no fault of the recipe (no memory, an interruption, the command line)
 * stays in *e, and so does one problem too many: -1.
 */
int problems_take(struct problems *problems, struct error *e) MUST_CHECK;

/* Note something that is no mistake. */
void problems_note(struct problems *problems, const struct place *place, const char *fmt, ...) PRINTF(3, 4);

/* In the order of the file; what was found twice, through an alias, is told once. */
void problems_sort(struct problems *problems);

size_t problems_count(const struct problems *problems, enum problem_level level);

/*
 * 0 when nothing stops a build; else -1 and *e is the first that was found, mistakes before what is not supported,
 * with the number of the others.
 */
int problems_result(const struct problems *problems, struct error *e) MUST_CHECK;

void problems_release(struct problems *problems);

#endif
