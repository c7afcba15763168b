/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates in the syntax of pongo2, the Go form of Django's, as LXD, Incus and this field's recipes use it:
 *
 *	text {{ image.release }} {{ image.distribution|capfirst }} {# remark #}
 *	{% if image.release == "sid" or not image.variant %} … {% elif … %} … {% else %} … {% endif %}
 *
 * Text, then tokens (lex.c), then a tree in an arena (parse.c), then output (render.c). What the names in a
 * template stand for is the caller's business: it gives a lookup function. Nothing is escaped.
 *
 * What differs from Django follows pongo2: `and` and `or` bind alike and group to the right, so
 * "a and b or c" is "a and (b or c)"; both give true or false, not an operand. `not` binds weaker than a
 * comparison in both. Letters beyond ASCII keep their case in the filters.
 *
 *	AUTO(arena_release) struct arena arena = ARENA_INIT;
 *	if (pongo_parse(&arena, text, &template, &where, e) < 0 ||
 *	    pongo_render(template, &scope, &buffer, &where, e) < 0)
 *		...                                     // *where says line and column in the template
 */
#ifndef PONGO_PONGO_H
#define PONGO_PONGO_H

#include "base/alloc.h"
#include "base/text.h"

/* The deepest nesting of tags, parentheses and operators. */
enum { PONGO_DEPTH_MAX = 100 };

enum pongo_kind {
	PONGO_NONE, /* what an undefined name is: false, and empty as text */
	PONGO_FLAG,
	PONGO_INTEGER,
	PONGO_NUMBER,
	PONGO_TEXT,
};

struct pongo_value {
	enum pongo_kind kind;
	bool flag;
	int64_t integer;
	double number;
	struct text text;
};

/* Where in the template, both from 1; columns count characters. */
struct pongo_position {
	unsigned line;
	unsigned column;
};

struct pongo_scope {
	/*
	 * Find what NAME ("image.release") stands for: 1 and *value, 0 when it is undefined, -1 and *e.
	 * Text in *value is borrowed and stays valid until the rendering ends; ARENA lives that long.
	 */
	int (*lookup)(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		      struct error *e);
	void *data;
};

struct pongo_template;

/*
 * Parse TEXT, which is borrowed, into *template, which belongs to ARENA.
 * Errors: ERROR_RECIPE for a mistake; ERROR_UNSUPPORTED for a tag, filter or operator that pongo2 has and
 * this version has not. *where is set then.
 */
int pongo_parse(struct arena *arena, struct text text, const struct pongo_template **template,
		struct pongo_position *where, struct error *e) MUST_CHECK;

/* Append what TEMPLATE gives to OUT, at most LIMIT_TEMPLATE_BYTES. On an error *where is set and OUT is as before. */
int pongo_render(const struct pongo_template *template, const struct pongo_scope *scope, struct buffer *out,
		 struct pongo_position *where, struct error *e) MUST_CHECK;

/* Look up every name in TEMPLATE, in all branches, and give nothing: finds misspelt names before a build does. */
int pongo_check(const struct pongo_template *template, const struct pongo_scope *scope,
		struct pongo_position *where, struct error *e) MUST_CHECK;

#endif
