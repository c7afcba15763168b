/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/syntax.h"

#include <stdarg.h>

int parser_fail(struct parser *parser, struct pongo_position position, struct error *e, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	*parser->where = position;
	return error_set(e, ERROR_RECIPE, "%s", text);
}

bool parser_is_done(const struct parser *parser)
{
	return parser->at >= parser->end;
}

static bool is(const struct parser *parser, enum token_kind kind, const char *text)
{
	return !parser_is_done(parser) && parser->at->kind == kind && text_is(parser->at->text, text);
}

bool parser_is_symbol(const struct parser *parser, const char *symbol)
{
	return is(parser, TOKEN_SYMBOL, symbol);
}

bool parser_is_keyword(const struct parser *parser, const char *word)
{
	return is(parser, TOKEN_KEYWORD, word);
}

bool parser_is_name(const struct parser *parser, const char *name)
{
	return is(parser, TOKEN_NAME, name);
}

static bool take(struct parser *parser, enum token_kind kind, const char *text)
{
	bool there = is(parser, kind, text);

	parser->at += there;
	return there;
}

bool parser_take_symbol(struct parser *parser, const char *symbol)
{
	return take(parser, TOKEN_SYMBOL, symbol);
}

bool parser_take_keyword(struct parser *parser, const char *word)
{
	return take(parser, TOKEN_KEYWORD, word);
}

bool parser_take_name(struct parser *parser, const char *name)
{
	return take(parser, TOKEN_NAME, name);
}

/* Text inside of braces begins with a character that is no part of a tag. */
static int fail_character(struct parser *parser, const struct token *token, struct error *e)
{
	unsigned char c = (unsigned char)token->text.ptr[0];

	if ((c == '[' || c == ']') && parser->version == PONGO_4)
		return parser_fail(
			parser, token->position, e,
			"'%c': an index in brackets is known to Incus alone, not to LXD and not in recipes",
			c);
	if (c > ' ' && c < 0x7F)
		return parser_fail(parser, token->position, e, "unexpected '%c' in a template", c);
	return parser_fail(parser, token->position, e, "unexpected byte 0x%02x in a template", c);
}

int parser_fail_here(struct parser *parser, const char *wanted, struct error *e)
{
	const struct token *token = parser_is_done(parser) ? parser->end : parser->at;

	if (token->kind == TOKEN_TEXT)
		return fail_character(parser, token, e);
	if (token->kind == TOKEN_END)
		return parser_fail(parser, token->position, e, "%s is missing at the end of the template",
				   wanted);
	if (text_is(token->text, "}}") || text_is(token->text, "%}"))
		return parser_fail(parser, token->position, e, "%s is missing before '%.*s'", wanted,
				   TEXT_ARG(token->text));
	return parser_fail(parser, token->position, e, "%s is wanted here, not '%.*s'", wanted,
			   (int)(token->text.len < 100 ? token->text.len : 100), token->text.ptr);
}

int parser_name(struct parser *parser, const char *wanted, struct text *name, struct error *e)
{
	if (parser_is_done(parser) || parser->at->kind != TOKEN_NAME)
		return parser_fail_here(parser, wanted, e);
	*name = parser->at++->text;
	return 0;
}

int parser_enter(struct parser *parser, struct error *e)
{
	const struct token *token = parser_is_done(parser) ? parser->end : parser->at;

	if (++parser->depth > PONGO_DEPTH_MAX)
		return parser_fail(parser, token->position, e, "the template nests deeper than %d levels",
				   PONGO_DEPTH_MAX);
	return 0;
}

int parser_finish(struct parser *parser, struct error *e)
{
	if (parser_is_done(parser))
		return 0;
	if (parser->at->kind == TOKEN_TEXT)
		return fail_character(parser, parser->at, e);
	return parser_fail(parser, parser->at->position, e, "unexpected '%.*s' in a template",
			   (int)(parser->at->text.len < 100 ? parser->at->text.len : 100),
			   parser->at->text.ptr);
}

/*
 * From the "{%" at parser->at: *name is the tag's name; parser->at is behind it, and parser->end at the "%}" that
 * ends the tag.
 */
static int open_tag(struct parser *parser, const struct token **name, struct error *e)
{
	const struct token *opened = parser->at++;
	const struct token *close = parser->at;

	parser->end = parser->last;
	while (close < parser->last && !(close->kind == TOKEN_SYMBOL && text_is(close->text, "%}")))
		close++;
	*name = parser->at;
	if (parser->at < parser->last && parser->at->kind != TOKEN_NAME)
		return parser_fail_here(parser, "the name of a tag", e);
	if (close == parser->last) {
		for (const struct token *token = opened; token < close; token++)
			if (token->kind == TOKEN_TEXT)
				return fail_character(parser, token, e);
		return parser_fail(parser, opened->position, e, "the '{%%' here is never closed by '%%}'");
	}
	parser->end = close;
	parser->at++;
	return 0;
}

/* Behind the "%}" at which parser->end is. */
static void close_tag(struct parser *parser)
{
	parser->at = parser->end + 1;
	parser->end = parser->last;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Braces with a dash take the blanks from the piece of text next to them; a remark between them hides it. */
static struct text trimmed_text(const struct parser *parser)
{
	const struct token *token = parser->at;
	struct text text = token->text;

	if (token > parser->first && token[-1].trims)
		while (text.len && is_space(text.ptr[0])) {
			text.ptr++;
			text.len--;
		}
	if (token[1].trims)
		while (text.len && is_space(text.ptr[text.len - 1]))
			text.len--;
	return text;
}

static int parse_value(struct parser *parser, struct node *node, struct error *e)
{
	struct pongo_position opened = parser->at++->position;

	node->kind = NODE_VALUE;
	if (parser->at == parser->last)
		return parser_fail(parser, opened, e, "the '{{' here is never closed by '}}'");
	if (parse_expression(parser, &node->value, e) < 0)
		return -1;
	if (parser_take_symbol(parser, "}}"))
		return 0;
	if (parser->at == parser->last)
		return parser_fail(parser, opened, e, "the '{{' here is never closed by '}}'");
	return parser_finish(parser, e);
}

static bool is_one_of(struct text name, const char *const *words)
{
	for (; words && *words; words++)
		if (text_is(name, *words))
			return true;
	return false;
}

/* 1 when the tag is one of ENDS; 0 when it was parsed into NODE. */
static int parse_tag(struct parser *parser, const char *const *ends, struct node *node, struct end_tag *end,
		     struct error *e)
{
	struct pongo_position opened = parser->at->position;
	const struct token *name;
	tag_parser parse;

	if (open_tag(parser, &name, e) < 0)
		return -1;
	if (is_one_of(name->text, ends)) {
		*end = (struct end_tag) { name->text, name->position };
		return 1;
	}
	parse = tag_find(parser, name, e);
	node->position = opened;
	if (!parse || parser_enter(parser, e) < 0 || parse(parser, name->text, node, e) < 0)
		return -1;
	parser->depth--;
	close_tag(parser);
	return 0;
}

/* 1 when one of ENDS has come, 0 at the end of the template. */
static int parse_nodes(struct parser *parser, const char *const *ends, const struct node **out,
		       struct end_tag *end, struct error *e)
{
	const struct node **slot = out;

	while (parser->at < parser->last) {
		struct node *node = arena_alloc(parser->arena, sizeof *node);
		int r = 0;

		node->position = parser->at->position;
		if (parser->at->kind == TOKEN_TEXT) {
			node->kind = NODE_TEXT;
			node->text = trimmed_text(parser);
			parser->at++;
		} else if (parser_is_symbol(parser, "{{")) {
			r = parse_value(parser, node, e);
		} else if (parser_is_symbol(parser, "{%")) {
			r = parse_tag(parser, ends, node, end, e);
		} else {
			r = parser_finish(parser, e);
		}
		if (r != 0)
			return r;
		*slot = node;
		slot = &node->next;
	}
	return 0;
}

int parser_body(struct parser *parser, struct text name, struct pongo_position opened,
		const char *const *ends, const struct node **body, struct end_tag *end, struct error *e)
{
	const char *const *last = ends;
	int r;

	close_tag(parser);
	r = parse_nodes(parser, ends, body, end, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	while (last[1])
		last++;
	return parser_fail(parser, opened, e, "the '{%% %.*s %%}' here has no '{%% %s %%}'", TEXT_ARG(name),
			   *last);
}

/* What the daemons and distrobuilder put behind every template, "{% endautoescape %}", would begin with "{{" then. */
static int check_end(struct parser *parser, struct text text, struct error *e)
{
	struct pongo_position position = parser->last->position;

	if (!text.len || text.ptr[text.len - 1] != '{')
		return 0;
	position.column--;
	return parser_fail(parser, position, e, "a template must not end in '{' (put a line end behind it)");
}

int pongo_parse(struct arena *arena, struct text text, enum pongo_version version,
		const struct pongo_template **template, struct pongo_position *where, struct error *e)
{
	struct pongo_template *made = arena_alloc(arena, sizeof *made);
	struct parser parser = { .arena = arena, .version = version, .where = where };
	struct end_tag unused;
	size_t count = 0;

	if (lex(arena, text, version, &parser.first, &count, where, e) < 0)
		return -1;
	parser.at = parser.first;
	parser.last = parser.first + count - 1;
	parser.end = parser.last;
	if (parse_nodes(&parser, NULL, &made->nodes, &unused, e) < 0 || check_end(&parser, text, e) < 0)
		return -1;
	made->version = version;
	made->slot_count = parser.slot_count;
	*template = made;
	return 0;
}
