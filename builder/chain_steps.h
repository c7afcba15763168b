/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of steps: what each does to the root, and what it reads. For chain.c, which carries them out. */
#ifndef CHAIN_STEPS_H
#define CHAIN_STEPS_H

#include "chain.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "customize/customize.h"
#include "sandbox/calls.h"
#include "sandbox/workspace.h"

struct layer_key;
struct layer_store;
struct plan_step;
struct recipe_action;

struct step {
	enum chain_part part;
	const char *kind;
	const char *title; /* for people */
	int (*run)(struct chain *, const struct step *, struct error *);
	/* Put into KEY what run() reads beside the root. */
	int (*describe)(const struct chain *, const struct step *, struct layer_key *, struct error *);
	const struct plan_step *plan_step;  /* of an installation or removal */
	const struct recipe_action *action; /* of an action */
	enum customize_setup words;         /* of what the recipe says in words */
	bool kept;                          /* as a layer; else the layer of the next step covers it */
	bool gives_templates;               /* which are kept beside its layer */
	struct digest key;
};

struct chain {
	struct chain_options options;
	struct arena arena;
	struct step *steps;
	size_t count;
	size_t done; /* steps carried out, or spared by layers */
	size_t saved_count;
	char **environment;
	struct workspace workspace;
	struct layer_store *store; /* NULL: without layers */
	struct image_templates templates;
	struct calls script_calls;
	struct calls action_calls;
};

/*
 * All steps of this recipe and plan. The order is that of the definition format: repositories, actions, sets, actions,
 * files, actions; and in between, as early as it can be said, what the format lacks.
 */
void chain_add_steps(struct chain *chain);

#endif
