/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of pongo/: tokens, and the tree that parse.c builds and render.c walks. */
#ifndef PONGO_SYNTAX_H
#define PONGO_SYNTAX_H

#include "pongo/pongo.h"

enum token_kind {
	TOKEN_TEXT,       /* outside of any braces */
	TOKEN_OPEN_VALUE, /* {{ */
	TOKEN_OPEN_TAG,   /* {% */
	TOKEN_CLOSE,      /* }} or %} */
	TOKEN_NAME,
	TOKEN_STRING, /* the text between the quotes, escapes resolved */
	TOKEN_NUMBER,
	TOKEN_SYMBOL,
	TOKEN_END,
};

struct token {
	enum token_kind kind;
	struct text text;
	struct pongo_position position;
};

struct lexer {
	struct arena *arena;
	struct text rest;
	struct pongo_position position; /* of REST */
	struct pongo_position opened;   /* of the braces we are in */
	const char *close;              /* "}}" or "%}" inside braces, NULL outside */
	bool trim;                      /* the braces before REST ended with "-" */
	struct pongo_position *where;   /* set on an error */
};

struct lexer lexer_of(struct arena *arena, struct text text, struct pongo_position *where);
/* The next token; TOKEN_END again and again at the end. */
int lexer_next(struct lexer *lexer, struct token *token, struct error *e) MUST_CHECK;

/* A filter as the table of filter.c has it. APPLY is NULL for one of pongo2 that is not there yet. */
struct pongo_filter {
	const char *name;
	bool takes_argument;
	void (*apply)(struct arena *arena, struct pongo_value *value, const struct pongo_value *argument);
};

/* The row for NAME; else NULL, and *nearest (may be NULL) is the name that may have been meant. */
const struct pongo_filter *pongo_filter_find(struct text name, const char **nearest);
/* VALUE as text; numbers are written into ARENA. */
struct text pongo_text(struct arena *arena, const struct pongo_value *value);
bool pongo_is_true(const struct pongo_value *value);

enum operation {
	OPERATION_VALUE, /* a literal */
	OPERATION_NAME,
	OPERATION_FILTER,
	OPERATION_NOT,
	OPERATION_AND,
	OPERATION_OR,
	OPERATION_EQUAL,
	OPERATION_UNEQUAL,
	OPERATION_LESS,
	OPERATION_LESS_EQUAL,
	OPERATION_GREATER,
	OPERATION_GREATER_EQUAL,
	OPERATION_IN,
};

struct expression {
	enum operation operation;
	unsigned depth; /* of the tree below, so that walking it is bounded */
	struct pongo_position position;
	struct pongo_value value; /* OPERATION_VALUE; the name of OPERATION_NAME is value.text */
	const struct pongo_filter *filter;
	const struct expression *left;
	const struct expression *right; /* NULL for one operand, and for a filter without argument */
};

struct branch {
	const struct expression *condition; /* NULL: else */
	const struct piece *body;
	const struct branch *next;
};

/* One piece of a template, in order: exactly one of TEXT, VALUE and BRANCHES is used. */
struct piece {
	struct text text;
	const struct expression *value;
	const struct branch *branches; /* {% if %} */
	const struct piece *next;
};

struct pongo_template {
	const struct piece *pieces;
};

#endif
