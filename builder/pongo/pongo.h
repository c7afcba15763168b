/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates in the syntax of pongo2, the Go form of Django's, as LXD, Incus and this field's recipes use it:
 *
 *	text {{ image.release|capfirst }} {# remark #} {%- if a == "x" or not b %} … {% else %} … {% endif %}
 *	{% for name, device in devices sorted %}{{ forloop.Counter }} … {% empty %} … {% endfor %}
 *
 * Text, then tokens (lex.c), then a tree in an arena (parse.c, tags.c, expression.c), then output (render.c,
 * evaluate.c). What the names in a template stand for is the caller's business: it gives a lookup function;
 * instance.h is that of the daemons. Nothing is escaped but below {% autoescape on %}: LXD, Incus and distrobuilder
 * put every template between {% autoescape off %} and {% endautoescape %}.
 *
 * The same bytes as pongo2 gives, or an error where it refuses, panics, hangs or prints an error into the file.
 * What surprises those who know Django is pongo2's: `not` binds more tightly than a comparison, "a and b or c" is
 * "a and (b or c)", a parenthesis takes no filter, the members of `forloop` have capitals, a number is never equal to
 * a text nor to a fraction, strings know the escapes \" and \\ alone, and a tag ends on its line.
 *
 * Versions. LXD has pongo2 4.0 up to this day (a commit of September 2020; Debian's package: 4.0.2), distrobuilder
 * 4.0.2, Incus 6. A template says at parsing whose it is:
 *
 *	            PONGO_4 (LXD, recipes)               PONGO_6 (Incus)
 *	x[y]        an error                             an element; nothing may follow but filters
 *	"a" + "b"   0: the sum of two numbers            "ab"
 *	|e          an error                             |escape
 *	|slice      "1:" and ":2" only from the left     also "-2:", and "0:" is everything
 *	nil         an undefined name                    an error
 *
 * Where kiln differs on purpose: maps are walked in the order of their keys (Go's order changes from one time to the
 * next); {% else %} ends an `if`; tags that read files (include, import, extends, ssi) are refused, as the daemons
 * do; `lorem` is not there. And there are limits: on nesting, on work, on output.
 *
 *	AUTO(arena_release) struct arena arena = ARENA_INIT;
 *	if (pongo_parse(&arena, text, PONGO_4, &template, &where, e) < 0 ||
 *	    pongo_render(template, &scope, &buffer, &where, e) < 0)
 *		...                                     // *where says line and column in the template
 */
#ifndef PONGO_PONGO_H
#define PONGO_PONGO_H

#include "base/alloc.h"
#include "base/text.h"

/* The deepest nesting of tags, parentheses and operators; and of calls of macros, with all that they nest. */
enum { PONGO_DEPTH_MAX = 100, PONGO_CALL_DEPTH_MAX = 1000 };
/* How many tags, names, operators and filters one rendering carries out. */
enum { PONGO_STEPS_MAX = 2000000 };

enum pongo_version { PONGO_4, PONGO_6 };

enum pongo_kind {
	PONGO_NONE, /* what an undefined name is: false, and empty as text */
	PONGO_FLAG,
	PONGO_INTEGER,
	PONGO_NUMBER,
	PONGO_TEXT,
	PONGO_LIST,
	PONGO_MAP,
	PONGO_SECTION,  /* only for names below it: the lookup is asked again, for "image.release" */
	PONGO_FUNCTION, /* called where it is named */
	/* What tags make: */
	PONGO_LOOP,  /* forloop */
	PONGO_CYCLE, /* {% cycle … as name %} */
	PONGO_BLOCK,
	PONGO_MACRO,
};

struct pongo_value {
	enum pongo_kind kind;
	bool flag;
	bool is_byte; /* an integer of 8 bits: prints as any other, and is no key */
	bool safe;    /* not escaped, also below {% autoescape on %} */
	int64_t integer;
	double number;
	struct text text;
	/* The Go type of a text that has one of its own, so that it equals no literal; else NULL. */
	const char *type;
	const struct pongo_list *list;
	const struct pongo_map *map;
	const struct pongo_function *function;
	void *object; /* of the kinds that tags make */
};

struct pongo_list {
	const struct text *items;
	size_t count;
};

struct pongo_entry {
	struct text key;
	struct pongo_value value;
};

struct pongo_map {
	const char *type; /* the Go type, which is what printing a map gives: "map[string]string" */
	const struct pongo_entry *entries; /* in ascending order of keys */
	size_t count;
};

struct pongo_function {
	size_t argument_count;
	/* As of lookup() below: text in *result is borrowed, or in ARENA. */
	int (*call)(void *data, struct arena *arena, const struct pongo_value *arguments,
		    struct pongo_value *result, struct error *e);
	void *data;
};

/* Where in the template, both from 1; columns count characters. */
struct pongo_position {
	unsigned line;
	unsigned column;
};

struct pongo_scope {
	/*
	 * Find what NAME ("image", and where that is a section "image.release") stands for: 1 and *value, 0 when it
	 * is undefined, -1 and *e. Text in *value is borrowed and stays valid until the rendering ends; ARENA lives
	 * that long.
	 */
	int (*lookup)(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		      struct error *e);
	void *data;
	/* Where {% now %} and |random may look at clock and chance; else they are refused. */
	bool is_live;
};

struct pongo_template;

/*
 * Parse TEXT, which is borrowed, into *template, which belongs to ARENA.
 * Errors: ERROR_RECIPE for a mistake, also where it would not show before the tag is reached; ERROR_UNSUPPORTED for
 * what is refused although pongo2 has it. *where is set then.
 */
int pongo_parse(struct arena *arena, struct text text, enum pongo_version version,
		const struct pongo_template **template, struct pongo_position *where, struct error *e)
	MUST_CHECK;

/* Append what TEMPLATE gives to OUT, at most LIMIT_TEMPLATE_BYTES. On an error *where is set and OUT is as before. */
int pongo_render(const struct pongo_template *template, const struct pongo_scope *scope, struct buffer *out,
		 struct pongo_position *where, struct error *e) MUST_CHECK;

/* Look up every name in TEMPLATE, in all branches, and give nothing: finds misspelt names before a build does. */
int pongo_check(const struct pongo_template *template, const struct pongo_scope *scope,
		struct pongo_position *where, struct error *e) MUST_CHECK;

/* The entry for KEY, or NULL. */
const struct pongo_value *pongo_map_get(const struct pongo_map *map, struct text key);
/* COUNT entries in any order, of which the last of one key counts, as a map that belongs to ARENA. */
const struct pongo_map *pongo_map_make(struct arena *arena, const char *type,
				       const struct pongo_entry *entries, size_t count);

#endif
