/* SPDX-License-Identifier: Apache-2.0 */
/* The tags: what arguments they take and which tag ends them. What they do is in render.c. */
#include "pongo/syntax.h"

/* The body of a tag whose end tag has no arguments, or none that anybody looks at. */
static int parse_body(struct parser *parser, struct text name, struct node *node, const char *end_name,
		      bool end_is_bare, struct error *e)
{
	const char *const ends[] = { end_name, NULL };
	struct end_tag end;

	if (parser_body(parser, name, node->position, ends, &node->body, &end, e) < 0)
		return -1;
	return end_is_bare ? parser_finish(parser, e) : 0;
}

/* The body of a tag that may have a second part behind the tag MIDDLE. */
static int parse_two_bodies(struct parser *parser, struct text name, struct node *node, const char *middle,
			    const char *last, struct error *e)
{
	const char *const both[] = { middle, last, NULL };
	const char *const one[] = { last, NULL };
	struct end_tag end;

	if (parser_body(parser, name, node->position, both, &node->body, &end, e) < 0 ||
	    parser_finish(parser, e) < 0)
		return -1;
	if (text_is(end.name, last))
		return 0;
	node->has_other = true;
	if (parser_body(parser, name, node->position, one, &node->other, &end, e) < 0)
		return -1;
	return parser_finish(parser, e);
}

/* Expressions side by side, up to the end of the tag or to `as`. */
static int parse_list(struct parser *parser, struct expressions *list, struct error *e)
{
	while (!parser_is_done(parser) && !parser_is_keyword(parser, "as")) {
		const struct expression *expression;

		if (parse_expression(parser, &expression, e) < 0)
			return -1;
		ARENA_PUSH(parser->arena, list->items, list->count, expression);
	}
	return 0;
}

static int parse_autoescape(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_AUTOESCAPE;
	node->flag = parser_take_name(parser, "on");
	if (!node->flag && !parser_take_name(parser, "off"))
		return parser_fail_here(parser, "'on' or 'off'", e);
	return parser_finish(parser, e) < 0 ? -1 : parse_body(parser, name, node, "endautoescape", false, e);
}

static int parse_block(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	const char *const ends[] = { "endblock", NULL };
	struct pongo_position position = parser_is_done(parser) ? node->position : parser->at->position;
	struct end_tag end;
	struct text again;

	node->kind = NODE_BLOCK;
	if (parser_name(parser, "the name of the block", &node->name, e) < 0 || parser_finish(parser, e) < 0)
		return -1;
	for (size_t i = 0; i < parser->block_count; i++)
		if (text_equal(parser->blocks[i], node->name))
			return parser_fail(parser, position, e, "there are two blocks '%.*s'",
					   TEXT_ARG(node->name));
	ARENA_PUSH(parser->arena, parser->blocks, parser->block_count, node->name);
	if (parser_body(parser, name, node->position, ends, &node->body, &end, e) < 0)
		return -1;
	if (parser_is_done(parser))
		return 0;
	position = parser->at->position;
	if (parser_name(parser, "the name of the block", &again, e) < 0 || parser_finish(parser, e) < 0)
		return -1;
	if (!text_equal(again, node->name))
		return parser_fail(parser, position, e, "'endblock %.*s' ends the block '%.*s'",
				   TEXT_ARG(again), TEXT_ARG(node->name));
	return 0;
}

/* What stands inside is made of tokens, but not parsed. */
static int parse_comment(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	const struct token *at = parser->end + 1;

	node->kind = NODE_NOTHING;
	if (parser_finish(parser, e) < 0)
		return -1;
	for (; at + 1 < parser->last; at++) {
		bool opens = at[0].kind == TOKEN_SYMBOL && text_is(at[0].text, "{%");

		if (!opens || at[1].kind != TOKEN_NAME || !text_is(at[1].text, "endcomment"))
			continue;
		/* pongo2 4 and 6 wait for ever where anything else stands there. */
		if (at[2].kind != TOKEN_SYMBOL || !text_is(at[2].text, "%}"))
			return parser_fail(parser, at[2].position, e, "'endcomment' takes no argument");
		parser->end = at + 2;
		parser->at = parser->end;
		return 0;
	}
	return parser_fail(parser, node->position, e, "the '{%% %.*s %%}' here has no '{%% endcomment %%}'",
			   TEXT_ARG(name));
}

static int parse_cycle(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	(void)name;
	node->kind = NODE_CYCLE;
	node->slot = parser->slot_count++;
	if (parse_list(parser, &node->arguments, e) < 0)
		return -1;
	if (node->arguments.count == 0)
		return parser_fail_here(parser, "a value", e);
	if (parser_take_keyword(parser, "as")) {
		if (parser_name(parser, "a name", &node->name, e) < 0)
			return -1;
		node->flag = parser_take_name(parser, "silent");
	}
	return parser_finish(parser, e);
}

static int parse_filter_tag(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_FILTER;
	while (!parser_is_done(parser)) {
		struct filter_call call = { .filter = NULL };

		if (parse_filter(parser, &call, e) < 0)
			return -1;
		ARENA_PUSH(parser->arena, node->filters, node->filter_count, call);
		if (!parser_take_symbol(parser, "|"))
			break;
	}
	return parser_finish(parser, e) < 0 ? -1 : parse_body(parser, name, node, "endfilter", false, e);
}

static int parse_firstof(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	(void)name;
	node->kind = NODE_FIRSTOF;
	return parse_list(parser, &node->arguments, e) < 0 ? -1 : parser_finish(parser, e);
}

/* for NAME[, NAME] in EXPRESSION [reversed] [sorted] */
static int parse_for(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_FOR;
	if (parser_name(parser, "a name", &node->name, e) < 0 ||
	    (parser_take_symbol(parser, ",") && parser_name(parser, "a name", &node->second_name, e) < 0))
		return -1;
	if (!parser_take_keyword(parser, "in"))
		return parser_fail_here(parser, "'in'", e);
	if (parse_expression(parser, &node->value, e) < 0)
		return -1;
	node->flag = parser_take_name(parser, "reversed");
	node->is_sorted = parser_take_name(parser, "sorted");
	if (parser_finish(parser, e) < 0)
		return -1;
	return parse_two_bodies(parser, name, node, "empty", "endfor", e);
}

static int parse_if(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	static const char *const all_ends[] = { "elif", "else", "endif", NULL };
	static const char *const last_ends[] = { "endif", NULL };
	const struct branch **slot = &node->branches;
	struct end_tag end = { .name = name };

	node->kind = NODE_IF;
	for (;;) {
		struct branch *branch = arena_alloc(parser->arena, sizeof *branch);
		bool is_else = text_is(end.name, "else");

		if ((!is_else && parse_expression(parser, &branch->condition, e) < 0) ||
		    parser_finish(parser, e) < 0 ||
		    parser_body(parser, name, node->position, is_else ? last_ends : all_ends, &branch->body,
				&end, e) < 0)
			return -1;
		*slot = branch;
		slot = &branch->next;
		if (text_is(end.name, "endif"))
			return parser_finish(parser, e);
	}
}

static int parse_ifchanged(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_IFCHANGED;
	node->slot = parser->slot_count++;
	if (parse_list(parser, &node->arguments, e) < 0 || parser_finish(parser, e) < 0)
		return -1;
	return parse_two_bodies(parser, name, node, "else", "endifchanged", e);
}

static int parse_ifequal(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_IFEQUAL;
	node->flag = text_is(name, "ifnotequal");
	for (int i = 0; i < 2; i++) {
		const struct expression *side;

		if (parse_expression(parser, &side, e) < 0)
			return -1;
		ARENA_PUSH(parser->arena, node->arguments.items, node->arguments.count, side);
	}
	if (parser_finish(parser, e) < 0)
		return -1;
	return parse_two_bodies(parser, name, node, "else", node->flag ? "endifnotequal" : "endifequal", e);
}

/* macro NAME(PARAMETER[=DEFAULT], …) [export] */
static int parse_macro(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_MACRO;
	if (parser_name(parser, "the name of the macro", &node->name, e) < 0)
		return -1;
	if (!parser_take_symbol(parser, "("))
		return parser_fail_here(parser, "'('", e);
	while (!parser_take_symbol(parser, ")")) {
		struct binding parameter = { .value = NULL };

		if (parser_name(parser, "the name of a parameter", &parameter.name, e) < 0 ||
		    (parser_take_symbol(parser, "=") && parse_expression(parser, &parameter.value, e) < 0))
			return -1;
		ARENA_PUSH(parser->arena, node->bindings, node->binding_count, parameter);
		if (parser_take_symbol(parser, ")"))
			break;
		if (!parser_take_symbol(parser, ","))
			return parser_fail_here(parser, "',' or ')'", e);
	}
	parser_take_keyword(parser, "export");
	return parser_finish(parser, e) < 0 ? -1 : parse_body(parser, name, node, "endmacro", true, e);
}

static int parse_now(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	(void)name;
	node->kind = NODE_NOW;
	if (parser_is_done(parser) || parser->at->kind != TOKEN_STRING)
		return parser_fail_here(parser, "a format, in quotes,", e);
	node->text = parser->at++->text;
	node->flag = parser_take_name(parser, "fake");
	return parser_finish(parser, e);
}

static int parse_set(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	(void)name;
	node->kind = NODE_SET;
	if (parser_name(parser, "a name", &node->name, e) < 0)
		return -1;
	if (!parser_take_symbol(parser, "="))
		return parser_fail_here(parser, "'='", e);
	return parse_expression(parser, &node->value, e) < 0 ? -1 : parser_finish(parser, e);
}

static int parse_spaceless(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	node->kind = NODE_SPACELESS;
	return parser_finish(parser, e) < 0 ? -1 : parse_body(parser, name, node, "endspaceless", false, e);
}

static int parse_templatetag(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	static const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{ "openblock", "{%" },     { "closeblock", "%}" },   { "openvariable", "{{" },
		{ "closevariable", "}}" }, { "openbrace", "{" },     { "closebrace", "}" },
		{ "opencomment", "{#" },   { "closecomment", "#}" },
	};

	(void)name;
	node->kind = NODE_TEXT;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (parser_take_name(parser, rows[i].name)) {
			node->text = text_of(rows[i].text);
			return parser_finish(parser, e);
		}
	}
	return parser_fail_here(parser,
				"openblock, closeblock, openvariable, closevariable, openbrace, closebrace, "
				"opencomment or closecomment",
				e);
}

static int parse_widthratio(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	(void)name;
	node->kind = NODE_WIDTHRATIO;
	for (int i = 0; i < 3; i++) {
		const struct expression *part;

		if (parse_expression(parser, &part, e) < 0)
			return -1;
		ARENA_PUSH(parser->arena, node->arguments.items, node->arguments.count, part);
	}
	if (parser_take_keyword(parser, "as") && parser_name(parser, "a name", &node->name, e) < 0)
		return -1;
	return parser_finish(parser, e);
}

/* NAME=VALUE, or where an `as` stands anywhere in the tag VALUE as NAME. */
static int parse_binding(struct parser *parser, bool has_as, struct binding *binding, struct error *e)
{
	if (!has_as) {
		if (parser_name(parser, "a name", &binding->name, e) < 0)
			return -1;
		if (!parser_take_symbol(parser, "="))
			return parser_fail_here(parser, "'='", e);
		return parse_expression(parser, &binding->value, e);
	}
	if (parse_expression(parser, &binding->value, e) < 0)
		return -1;
	if (!parser_take_keyword(parser, "as"))
		return parser_fail_here(parser, "'as'", e);
	return parser_name(parser, "a name", &binding->name, e);
}

static int parse_with(struct parser *parser, struct text name, struct node *node, struct error *e)
{
	bool has_as = false;

	node->kind = NODE_WITH;
	if (parser_is_done(parser))
		return parser_fail_here(parser, "a name", e);
	for (const struct token *token = parser->at; token < parser->end; token++)
		has_as = has_as || (token->kind == TOKEN_KEYWORD && text_is(token->text, "as"));
	while (!parser_is_done(parser)) {
		struct binding binding = { .value = NULL };

		if (parse_binding(parser, has_as, &binding, e) < 0)
			return -1;
		ARENA_PUSH(parser->arena, node->bindings, node->binding_count, binding);
	}
	return parse_body(parser, name, node, "endwith", true, e);
}

static const char reads_files[] = "it reads files, and LXD and Incus refuse it";
static const char no_use[] = "kiln does not have it";

/* As pongo2 registers them. */
static const struct {
	const char *name;
	tag_parser parse;
	const char *refused; /* why */
	const char *end;     /* the tag that ends it */
} tags[] = {
	{ "autoescape", parse_autoescape, NULL, "endautoescape" },
	{ "block", parse_block, NULL, "endblock" },
	{ "comment", parse_comment, NULL, "endcomment" },
	{ "cycle", parse_cycle, NULL, NULL },
	{ "extends", NULL, reads_files, NULL },
	{ "filter", parse_filter_tag, NULL, "endfilter" },
	{ "firstof", parse_firstof, NULL, NULL },
	{ "for", parse_for, NULL, "endfor" },
	{ "if", parse_if, NULL, "endif" },
	{ "ifchanged", parse_ifchanged, NULL, "endifchanged" },
	{ "ifequal", parse_ifequal, NULL, "endifequal" },
	{ "ifnotequal", parse_ifequal, NULL, "endifnotequal" },
	{ "import", NULL, reads_files, NULL },
	{ "include", NULL, reads_files, NULL },
	{ "lorem", NULL, no_use, NULL },
	{ "macro", parse_macro, NULL, "endmacro" },
	{ "now", parse_now, NULL, NULL },
	{ "set", parse_set, NULL, NULL },
	{ "spaceless", parse_spaceless, NULL, "endspaceless" },
	{ "ssi", NULL, reads_files, NULL },
	{ "templatetag", parse_templatetag, NULL, NULL },
	{ "widthratio", parse_widthratio, NULL, NULL },
	{ "with", parse_with, NULL, "endwith" },
};

/* Tags that belong into the middle or to the end of another one. */
static const char *owner_of(struct text name)
{
	if (text_is(name, "elif") || text_is(name, "else"))
		return "if";
	if (text_is(name, "empty"))
		return "for";
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (tags[i].end && text_is(name, tags[i].end))
			return tags[i].name;
	return NULL;
}

tag_parser tag_find(struct parser *parser, const struct token *name, struct error *e)
{
	const char *names[ARRAY_LEN(tags)];
	const char *owner = owner_of(name->text);
	const char *nearest;
	auto_free char *word = NULL;

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		names[i] = tags[i].name;
		if (!text_is(name->text, tags[i].name))
			continue;
		if (tags[i].parse)
			return tags[i].parse;
		*parser->where = name->position;
		error_set(e, ERROR_UNSUPPORTED, "the tag '%s' is refused: %s", tags[i].name, tags[i].refused);
		return NULL;
	}
	if (owner) {
		parser_fail(parser, name->position, e, "'%.*s' without '{%% %s %%}'", TEXT_ARG(name->text),
			    owner);
		return NULL;
	}
	word = xstrndup(name->text.ptr, name->text.len < 100 ? name->text.len : 100);
	/* verbatim is no tag, but one way of writing it; "raw" is Jinja's name for it. */
	if (strcmp(word, "verbatim") == 0 || strcmp(word, "endverbatim") == 0 || strcmp(word, "raw") == 0) {
		parser_fail(parser, name->position, e,
			    "'%s' is to be written '{%% verbatim %%}' and '{%% endverbatim %%}', just so",
			    word);
		return NULL;
	}
	nearest = text_nearest(word, names, ARRAY_LEN(names));
	parser_fail(parser, name->position, e, "unknown tag '%s'%s%s%s", word,
		    nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
	return NULL;
}
