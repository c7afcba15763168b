/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text → a tree of nodes with their places. Reads one document, as YAML 1.1, with anchors, aliases
 * and merge keys; what the scalars mean (a number, a boolean) is decided later, by the schema.
 *
 * The tags of kiln's own, !replace and !remove, are kept in the nodes; merge.h carries them out.
 *
 * An alias shares the nodes of its anchor, so the tree is a graph without cycles; its size with all aliases
 * written out is what LIMIT_RECIPE_NODES bounds.
 */
#ifndef RECIPE_YAML_H
#define RECIPE_YAML_H

#include "base/alloc.h"
#include "base/text.h"
#include "recipe/problem.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

/* What a value does to the one that it is laid over (merge.h): the tags !replace and !remove. */
enum node_order { ORDER_MERGE, ORDER_REPLACE, ORDER_REMOVE };

struct node;

struct node_pair {
	const char *key;
	struct place place; /* of the key */
	struct node *value;
};

struct node {
	enum node_kind kind;
	bool plain;              /* a scalar without quotes: may stand for a boolean or a number */
	bool option;             /* a scalar of the command line */
	bool null;               /* a plain scalar that says "nothing": ~, null, or no text at all */
	struct place place;      /* where the node starts */
	struct place text_place; /* where a scalar's text starts: behind a quote, below a "|" */
	const char *text;        /* of a scalar: UTF-8 without NUL */
	struct node **items;     /* of a list */
	struct node_pair *pairs; /* of a map: keys are unique, merged ones come last */
	size_t count;            /* of items or pairs */
	size_t size;             /* nodes from here down, aliases written out */
	unsigned height;         /* 1 for a scalar */
	bool open;               /* still being read: an alias to it would be a cycle */
	enum node_order order;
	bool ordered; /* it, or something below it, has another order than ORDER_MERGE */
	bool broken;  /* stands for a value with a mistake of its own that was told already */
};

/*
 * Read TEXT, which error messages call FILE. Everything in *root belongs to ARENA; FILE is borrowed.
 * Errors: ERROR_RECIPE with the place, also for what goes beyond a limit.
 */
int yaml_read(struct arena *arena, const char *file, struct text text, struct node **root, struct error *e)
	MUST_CHECK;
/*
 * The same, but mistakes behind which reading can go on (a duplicate key, an unknown alias or tag) go to PROBLEMS;
 * so does the first one behind which it cannot, and then *root is NULL. -1 is for what is no fault of the text.
 */
int yaml_read_all(struct arena *arena, const char *file, struct text text, struct problems *problems,
		  struct node **root, struct error *e) MUST_CHECK;

/* The pair of the map NODE with KEY, or NULL. */
struct node_pair *node_find(const struct node *node, const char *key);

/* "text", "a list", "a mapping" or "nothing", for messages. */
const char *node_kind_name(const struct node *node);

#endif
