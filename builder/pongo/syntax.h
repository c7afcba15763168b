/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of pongo/ that read templates: tokens, the tree, and the parser that makes it. */
#ifndef PONGO_SYNTAX_H
#define PONGO_SYNTAX_H

#include "pongo/pongo.h"

enum token_kind {
	TOKEN_TEXT,    /* outside of any braces */
	TOKEN_NAME,    /* may begin with digits */
	TOKEN_KEYWORD, /* in and or not true false as export; with PONGO_6 nil */
	TOKEN_STRING,  /* the text between the quotes, escapes resolved */
	TOKEN_NUMBER,
	TOKEN_SYMBOL, /* also {{ }} {% %} */
	TOKEN_END,
};

struct token {
	enum token_kind kind;
	bool trims; /* braces with a dash */
	struct pongo_position position;
	struct text text; /* braces without the dash */
};

/*
 * TEXT as tokens in ARENA, the last of which is TOKEN_END. As pongo2 does, a character that is none of a tag ends the
 * tag's tokens, and is text: who finds text there says so.
 */
int lex(struct arena *arena, struct text text, enum pongo_version version, const struct token **tokens,
	size_t *count, struct pongo_position *where, struct error *e) MUST_CHECK;

enum operation {
	OPERATION_VALUE, /* a literal */
	OPERATION_NAME,
	OPERATION_FILTER,
	OPERATION_NOT,
	OPERATION_NEGATIVE,
	OPERATION_AND,
	OPERATION_OR,
	OPERATION_EQUAL,
	OPERATION_UNEQUAL,
	OPERATION_LESS,
	OPERATION_LESS_EQUAL,
	OPERATION_GREATER,
	OPERATION_GREATER_EQUAL,
	OPERATION_IN,
	OPERATION_ADD,
	OPERATION_SUBTRACT,
	OPERATION_MULTIPLY,
	OPERATION_DIVIDE,
	OPERATION_MODULO,
	OPERATION_POWER,
};

struct expressions {
	const struct expression **items;
	size_t count;
};

/* One step of "a.b.0(x)[y]". */
struct name_part {
	struct text name; /* empty for an index or a subscript */
	int64_t index;
	const struct expression *subscript; /* NULL unless in brackets */
	bool is_call;
	struct expressions arguments;
	const struct name_part *next;
};

struct expression {
	enum operation operation;
	unsigned depth; /* of the tree below, so that walking it is bounded */
	struct pongo_position position;
	struct pongo_value value;      /* OPERATION_VALUE */
	const struct name_part *parts; /* OPERATION_NAME */
	const struct pongo_filter *filter;
	const struct expression *left;
	const struct expression *right; /* NULL for one operand, and for a filter without argument */
};

enum node_kind {
	NODE_TEXT,
	NODE_VALUE,
	NODE_AUTOESCAPE,
	NODE_BLOCK,
	NODE_CYCLE,
	NODE_FILTER,
	NODE_FIRSTOF,
	NODE_FOR,
	NODE_IF,
	NODE_IFCHANGED,
	NODE_IFEQUAL,
	NODE_MACRO,
	NODE_NOTHING, /* a comment */
	NODE_NOW,
	NODE_SET,
	NODE_SPACELESS,
	NODE_WIDTHRATIO,
	NODE_WITH,
};

struct branch {
	const struct expression *condition; /* NULL: else */
	const struct node *body;
	const struct branch *next;
};

/* A name and what it gets: of {% with %}, or a parameter of a macro, where the value may be missing. */
struct binding {
	struct text name;
	const struct expression *value;
};

/* One filter of {% filter a|b:c %}. */
struct filter_call {
	const struct pongo_filter *filter;
	const struct expression *argument;
	struct pongo_position position;
};

/* One piece of a template. Which members are used follows from its kind. */
struct node {
	enum node_kind kind;
	struct pongo_position position;
	struct text text;               /* NODE_TEXT; the format of now */
	struct text name;               /* of set, macro, block, cycle, widthratio; the first of for */
	struct text second_name;        /* of for */
	bool flag;                      /* autoescape on; now fake; cycle silent; for reversed; ifnotequal */
	bool is_sorted;                 /* for */
	unsigned slot;                  /* of what cycle and ifchanged remember */
	const struct expression *value; /* NODE_VALUE, set, for */
	struct expressions arguments;   /* cycle, firstof, ifchanged, ifequal, widthratio */
	struct binding *bindings;       /* with, macro */
	size_t binding_count;
	struct filter_call *filters;
	size_t filter_count;
	const struct branch *branches; /* if */
	const struct node *body;
	const struct node *other; /* empty, else */
	bool has_other;
	const struct node *next;
};

struct pongo_template {
	enum pongo_version version;
	unsigned slot_count;
	const struct node *nodes;
};

/* Where the parser is. Inside a tag END is its "%}", elsewhere the end of the template. */
struct parser {
	struct arena *arena;
	enum pongo_version version;
	const struct token *first;
	const struct token *at;
	const struct token *end;
	const struct token *last; /* TOKEN_END */
	unsigned depth;
	unsigned slot_count;
	struct text *blocks; /* the names of blocks so far */
	size_t block_count;
	struct pongo_position *where;
};

/* The token to look at: never beyond parser->end. */
bool parser_is_done(const struct parser *parser);
bool parser_is_symbol(const struct parser *parser, const char *symbol);
bool parser_is_keyword(const struct parser *parser, const char *word);
bool parser_is_name(const struct parser *parser, const char *name);
/* Go on behind the token if it is that one. */
bool parser_take_symbol(struct parser *parser, const char *symbol);
bool parser_take_keyword(struct parser *parser, const char *word);
bool parser_take_name(struct parser *parser, const char *name);
/* Go on behind a name that stands here; else an error that says that WANTED is wanted. */
int parser_name(struct parser *parser, const char *wanted, struct text *name, struct error *e) MUST_CHECK;
/* Set *e and the place. Returns -1. */
int parser_fail(struct parser *parser, struct pongo_position position, struct error *e, const char *fmt, ...)
	PRINTF(4, 5);
/* The token here is not WANTED. */
int parser_fail_here(struct parser *parser, const char *wanted, struct error *e);
/* One more level; leave with parser->depth--. */
int parser_enter(struct parser *parser, struct error *e) MUST_CHECK;
/* The tag has no argument left. */
int parser_finish(struct parser *parser, struct error *e) MUST_CHECK;

/* The tag that has ended a body: its name, and the parser is at its arguments. */
struct end_tag {
	struct text name;
	struct pongo_position position;
};

/*
 * The nodes up to one of the tags ENDS, the last of which is the one that must come: a missing one is an error at
 * OPENED, where the tag NAME began. Call it behind the arguments of the tag.
 */
int parser_body(struct parser *parser, struct text name, struct pongo_position opened,
		const char *const *ends, const struct node **body, struct end_tag *end, struct error *e)
	MUST_CHECK;

int parse_expression(struct parser *parser, const struct expression **out, struct error *e) MUST_CHECK;
/* A literal or a name without filters, as it stands behind the colon of a filter. */
int parse_operand(struct parser *parser, const struct expression **out, struct error *e) MUST_CHECK;
/* The name of a filter, and behind a colon its argument. */
int parse_filter(struct parser *parser, struct filter_call *call, struct error *e) MUST_CHECK;

/*
 * The caller's value for the name that begins at *part; that of a section is asked for again with one part more, and
 * *part is the last that was used.
 */
int scope_look_up(const struct pongo_scope *caller, const struct name_part **part, struct arena *arena,
		  struct pongo_value *value, struct error *e) MUST_CHECK;

/* Parse the arguments and the body of a tag into NODE. The parser is behind the tag's name. */
typedef int (*tag_parser)(struct parser *parser, struct text name, struct node *node, struct error *e);
/* NULL for a name that is none of a tag, or is refused: *e and the place say why. */
tag_parser tag_find(struct parser *parser, const struct token *name, struct error *e) MUST_CHECK;

#endif
