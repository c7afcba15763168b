/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the tree of one file is laid over that of the files beneath it:
 *
 *	mapping over mapping	each key by itself; keys that only one of them has stay
 *	list over list		the entries of both, those beneath first
 *	text over text		the upper one
 *	nothing over anything	what is beneath: a key without a value says nothing
 *
 * Anything else is an error, unless it has a tag: `!replace` takes the value as it is, `!remove` takes away the key,
 * or, as an entry of a list, the entries beneath that are like it. `!replace` at an entry of a list puts it where the
 * entries beneath stand that have the same `name`, `path` and `key`, as far as it has these itself.
 */
#ifndef RECIPE_MERGE_H
#define RECIPE_MERGE_H

#include "recipe/yaml.h"

struct merger {
	struct arena *arena; /* borrowed; of all trees */
	struct problems
		*problems; /* what is wrong goes there, and is left out; NULL: the first is an error */
	unsigned orders;   /* entries of lists that were replaced or removed so far */
	unsigned depth;    /* of the mappings that it is in */
	bool keeping;      /* inside the section `matrix`, where parts of recipes wait for their turn */
};

/*
 * Lay ABOVE over BELOW, which may be NULL: nothing, so that there is nothing to replace or remove. Neither is
 * changed; *out shares with both.
 * Errors: ERROR_RECIPE with the place in ABOVE.
 */
int merge_over(struct merger *merger, struct node *below, struct node *above, struct node **out,
	       struct error *e) MUST_CHECK;

#endif
