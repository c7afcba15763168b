/* SPDX-License-Identifier: Apache-2.0 */
/* Between render.c, which walks the tags, and evaluate.c, which works values out. */
#ifndef PONGO_RENDER_H
#define PONGO_RENDER_H

#include "pongo/syntax.h"
#include "pongo/value.h"

struct variable {
	struct text name;
	struct pongo_value value;
	struct variable *next;
};

/*
 * The names that tags have set. A tag with names of its own puts one in front of the others; what is set in there
 * does not show outside.
 */
struct scope {
	const struct scope *parent;
	struct variable *variables;
	bool escapes;
};

struct macro {
	const struct node *node;
	struct scope *scope; /* where it was defined: what it sees beside its parameters */
};

/* What a tag remembers between two visits. */
struct slot {
	size_t turn;                /* of cycle */
	struct pongo_value *values; /* of ifchanged with arguments; else one, the text */
};

struct renderer {
	const struct pongo_template *template;
	const struct pongo_scope *caller;
	struct arena arena; /* intermediate texts */
	struct buffer *out;
	struct slot *slots;
	unsigned depth;
	uint64_t steps;
	uint64_t handled; /* bytes of text that names and filters have given */
	struct pongo_position *where;
};

int render_evaluate(struct renderer *renderer, struct scope *scope, const struct expression *expression,
		    struct pongo_value *value, struct error *e) MUST_CHECK;
int render_nodes(struct renderer *renderer, struct scope *scope, const struct node *node, struct error *e)
	MUST_CHECK;
/* Call MACRO with COUNT arguments, each of which is a copy. */
int render_macro(struct renderer *renderer, const struct macro *macro, const struct pongo_value *arguments,
		 size_t count, struct pongo_position position, struct pongo_value *value, struct error *e)
	MUST_CHECK;

/* Apply CALL's filter to *value. */
int render_filter(struct renderer *renderer, struct scope *scope, const struct filter_call *call,
		  struct pongo_value *value, struct error *e) MUST_CHECK;
/* Whether |safe is among the filters of EXPRESSION, in all its operands. */
bool expression_is_safe(const struct expression *expression);
/* One more step, one level deeper; leave with renderer->depth--. */
int render_enter(struct renderer *renderer, struct pongo_position position, struct error *e) MUST_CHECK;
/* Text that is never put out costs memory too: bounds what a template can make names and filters give. */
int render_account(struct renderer *renderer, struct pongo_position position, uint64_t bytes, struct error *e)
	MUST_CHECK;
/* Set the place of an error that is set already. Returns -1. */
int render_fail_at(struct renderer *renderer, struct pongo_position position);

struct variable *scope_find(const struct scope *scope, struct text name);
void scope_set(struct arena *arena, struct scope *scope, struct text name, const struct pongo_value *value);

#endif
