/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/syntax.h"

#include <stdarg.h>

struct parser {
	struct arena *arena;
	struct lexer lexer;
	struct token token; /* the one to look at */
	unsigned depth;
	struct pongo_position *where;
};

static int parse_expression(struct parser *parser, const struct expression **out, struct error *e);
static int parse_pieces(struct parser *parser, const char *const *ends, const struct piece **out,
			struct error *e);

static int PRINTF(4, 5)
	fail(struct parser *parser, struct pongo_position position, struct error *e, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	*parser->where = position;
	return error_set(e, ERROR_RECIPE, "%s", text);
}

static int fail_unsupported(struct parser *parser, struct error *e, const char *what)
{
	*parser->where = parser->token.position;
	return error_set(e, ERROR_UNSUPPORTED, "%s '%.*s' of a template is not supported yet", what,
			 TEXT_ARG(parser->token.text));
}

static int next(struct parser *parser, struct error *e)
{
	return lexer_next(&parser->lexer, &parser->token, e);
}

static bool is_symbol(const struct parser *parser, const char *symbol)
{
	return parser->token.kind == TOKEN_SYMBOL && text_is(parser->token.text, symbol);
}

static bool is_word(const struct parser *parser, const char *word)
{
	return parser->token.kind == TOKEN_NAME && text_is(parser->token.text, word);
}

static int fail_unexpected(struct parser *parser, const char *wanted, struct error *e)
{
	if (parser->token.kind == TOKEN_CLOSE)
		return fail(parser, parser->token.position, e, "%s is missing before '%.*s'", wanted,
			    TEXT_ARG(parser->token.text));
	return fail(parser, parser->token.position, e, "%s is wanted here, not '%.*s'", wanted,
		    TEXT_ARG(parser->token.text));
}

static int enter(struct parser *parser, struct error *e)
{
	if (++parser->depth > PONGO_DEPTH_MAX)
		return fail(parser, parser->token.position, e, "the template nests deeper than %d levels",
			    PONGO_DEPTH_MAX);
	return 0;
}

static void leave(struct parser *parser)
{
	parser->depth--;
}

static int make(struct parser *parser, const struct expression *expression, const struct expression **out,
		struct error *e)
{
	struct expression *made = arena_alloc(parser->arena, sizeof *made);
	unsigned left = expression->left ? expression->left->depth : 0;
	unsigned right = expression->right ? expression->right->depth : 0;

	*made = *expression;
	made->depth = (left > right ? left : right) + 1;
	if (made->depth > PONGO_DEPTH_MAX)
		return fail(parser, expression->position, e, "the template nests deeper than %d levels",
			    PONGO_DEPTH_MAX);
	*out = made;
	return 0;
}

/* Digits, and with a point after them a fraction. */
static int parse_number(struct parser *parser, bool negative, struct pongo_value *value, struct error *e)
{
	struct pongo_position position = parser->token.position;
	struct text whole = parser->token.text;
	double scale = 1;
	uint64_t number;

	if (!text_to_u64(whole, &number) || number > INT64_MAX)
		return fail(parser, position, e, "the number '%.*s' is too large", TEXT_ARG(whole));
	*value = (struct pongo_value) { .kind = PONGO_INTEGER, .integer = (int64_t)number };
	if (next(parser, e) < 0)
		return -1;
	if (is_symbol(parser, ".")) {
		if (next(parser, e) < 0)
			return -1;
		if (parser->token.kind != TOKEN_NUMBER)
			return fail_unexpected(parser, "a digit", e);
		value->kind = PONGO_NUMBER;
		value->number = (double)number;
		for (size_t i = 0; i < parser->token.text.len; i++) {
			scale /= 10;
			value->number += scale * (parser->token.text.ptr[i] - '0');
		}
		if (next(parser, e) < 0)
			return -1;
	}
	value->integer = negative ? -value->integer : value->integer;
	value->number = negative ? -value->number : value->number;
	return 0;
}

/* image.release: the parts are put together without the blanks that may stand between them. */
static int parse_name(struct parser *parser, struct text *name, struct error *e)
{
	auto_buffer struct buffer buffer = BUFFER_INIT;

	buffer_add(&buffer, parser->token.text.ptr, parser->token.text.len);
	if (next(parser, e) < 0)
		return -1;
	while (is_symbol(parser, ".")) {
		if (next(parser, e) < 0)
			return -1;
		if (parser->token.kind != TOKEN_NAME && parser->token.kind != TOKEN_NUMBER)
			return fail_unexpected(parser, "a name after '.'", e);
		buffer_addc(&buffer, '.');
		buffer_add(&buffer, parser->token.text.ptr, parser->token.text.len);
		if (next(parser, e) < 0)
			return -1;
	}
	if (is_symbol(parser, "(") || is_symbol(parser, "["))
		return fail_unsupported(parser, e, "a call or an index");
	*name = (struct text) { arena_strndup(parser->arena, buffer.data, buffer.len), buffer.len };
	return 0;
}

static bool is_keyword(const struct parser *parser)
{
	static const char *const keywords[] = { "in", "and", "or", "not", "as", "export" };

	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (is_word(parser, keywords[i]))
			return true;
	return false;
}

/* A literal or a name, as it may also stand behind the colon of a filter. */
static int parse_operand(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression operand = { .operation = OPERATION_VALUE, .position = parser->token.position };
	bool negative = is_symbol(parser, "-");

	if (negative) {
		if (next(parser, e) < 0)
			return -1;
		if (parser->token.kind != TOKEN_NUMBER)
			return fail_unexpected(parser, "a number", e);
	}
	if (parser->token.kind == TOKEN_NUMBER) {
		if (parse_number(parser, negative, &operand.value, e) < 0)
			return -1;
	} else if (parser->token.kind == TOKEN_STRING) {
		operand.value = (struct pongo_value) { .kind = PONGO_TEXT, .text = parser->token.text };
		if (next(parser, e) < 0)
			return -1;
	} else if (is_word(parser, "true") || is_word(parser, "false")) {
		operand.value = (struct pongo_value) { .kind = PONGO_FLAG, .flag = is_word(parser, "true") };
		if (next(parser, e) < 0)
			return -1;
	} else if (parser->token.kind == TOKEN_NAME && !is_keyword(parser)) {
		operand.operation = OPERATION_NAME;
		if (parse_name(parser, &operand.value.text, e) < 0)
			return -1;
	} else {
		return fail_unexpected(parser, "a value", e);
	}
	return make(parser, &operand, out, e);
}

static int parse_filter(struct parser *parser, const struct expression **value, struct error *e)
{
	struct expression applied = {
		.operation = OPERATION_FILTER,
		.position = parser->token.position,
		.left = *value,
	};
	struct text name = parser->token.text;
	const char *nearest = NULL;

	if (parser->token.kind != TOKEN_NAME)
		return fail_unexpected(parser, "the name of a filter", e);
	applied.filter = pongo_filter_find(name, &nearest);
	if (!applied.filter)
		return fail(parser, applied.position, e, "unknown filter '%.*s'%s%s%s", TEXT_ARG(name),
			    nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
	if (!applied.filter->apply)
		return fail_unsupported(parser, e, "the filter");
	if (next(parser, e) < 0)
		return -1;
	if (is_symbol(parser, ":")) {
		if (!applied.filter->takes_argument)
			return fail(parser, parser->token.position, e, "the filter '%.*s' takes no argument",
				    TEXT_ARG(name));
		if (next(parser, e) < 0 || parse_operand(parser, &applied.right, e) < 0)
			return -1;
	} else if (applied.filter->takes_argument) {
		return fail(parser, applied.position, e, "the filter '%.*s' needs an argument",
			    TEXT_ARG(name));
	}
	return make(parser, &applied, value, e);
}

static int parse_factor(struct parser *parser, const struct expression **out, struct error *e)
{
	static const char *const arithmetic[] = { "+", "-", "*", "/", "%", "^" };

	if (is_symbol(parser, "(")) {
		if (next(parser, e) < 0 || parse_expression(parser, out, e) < 0)
			return -1;
		if (!is_symbol(parser, ")"))
			return fail_unexpected(parser, "')'", e);
		if (next(parser, e) < 0)
			return -1;
	} else if (parse_operand(parser, out, e) < 0) {
		return -1;
	}
	while (is_symbol(parser, "|"))
		if (next(parser, e) < 0 || parse_filter(parser, out, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(arithmetic); i++)
		if (is_symbol(parser, arithmetic[i]))
			return fail_unsupported(parser, e, "the operator");
	return 0;
}

static bool comparison(const struct parser *parser, enum operation *operation)
{
	static const struct {
		const char *symbol;
		enum operation operation;
	} rows[] = {
		{ "==", OPERATION_EQUAL },         { "!=", OPERATION_UNEQUAL }, { "<>", OPERATION_UNEQUAL },
		{ "<=", OPERATION_LESS_EQUAL },    { "<", OPERATION_LESS },     { ">", OPERATION_GREATER },
		{ ">=", OPERATION_GREATER_EQUAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (is_symbol(parser, rows[i].symbol)) {
			*operation = rows[i].operation;
			return true;
		}
	}
	*operation = OPERATION_IN;
	return is_word(parser, "in");
}

static int parse_comparison(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression compared = { .left = NULL };

	if (parse_factor(parser, &compared.left, e) < 0)
		return -1;
	compared.position = parser->token.position;
	if (!comparison(parser, &compared.operation)) {
		*out = compared.left;
		return 0;
	}
	if (next(parser, e) < 0 || parse_factor(parser, &compared.right, e) < 0)
		return -1;
	return make(parser, &compared, out, e);
}

static int parse_negation(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression negated = { .operation = OPERATION_NOT, .position = parser->token.position };

	if (!is_word(parser, "not") && !is_symbol(parser, "!"))
		return parse_comparison(parser, out, e);
	if (enter(parser, e) < 0 || next(parser, e) < 0 || parse_negation(parser, &negated.left, e) < 0)
		return -1;
	leave(parser);
	return make(parser, &negated, out, e);
}

static int parse_expression(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression joined = { .left = NULL };
	bool is_and;

	if (enter(parser, e) < 0 || parse_negation(parser, &joined.left, e) < 0)
		return -1;
	is_and = is_word(parser, "and") || is_symbol(parser, "&&");
	joined.position = parser->token.position;
	joined.operation = is_and ? OPERATION_AND : OPERATION_OR;
	if (!is_and && !is_word(parser, "or") && !is_symbol(parser, "||"))
		*out = joined.left;
	else if (next(parser, e) < 0 || parse_expression(parser, &joined.right, e) < 0 ||
		 make(parser, &joined, out, e) < 0)
		return -1;
	leave(parser);
	return 0;
}

static int parse_close(struct parser *parser, struct error *e)
{
	if (parser->token.kind != TOKEN_CLOSE)
		return fail(parser, parser->token.position, e, "unexpected '%.*s' in a template",
			    TEXT_ARG(parser->token.text));
	return next(parser, e);
}

/* From the name of a tag that ends a body ("elif", "else", "endif") to its condition and its own body. */
static int parse_branches(struct parser *parser, struct pongo_position opened, const struct branch **out,
			  struct error *e)
{
	static const char *const all_ends[] = { "elif", "else", "endif", NULL };
	static const char *const last_ends[] = { "endif", NULL };
	const struct branch **end = out;

	for (;;) {
		struct branch *branch = arena_alloc(parser->arena, sizeof *branch);
		bool is_else = is_word(parser, "else");

		if (next(parser, e) < 0 ||
		    (!is_else && parse_expression(parser, &branch->condition, e) < 0) ||
		    parse_close(parser, e) < 0 ||
		    parse_pieces(parser, is_else ? last_ends : all_ends, &branch->body, e) < 0)
			return -1;
		*end = branch;
		end = &branch->next;
		if (parser->token.kind == TOKEN_END)
			return fail(parser, opened, e, "the '{%% if %%}' here has no '{%% endif %%}'");
		if (is_word(parser, "endif"))
			return next(parser, e) < 0 ? -1 : parse_close(parser, e);
	}
}

static int fail_tag(struct parser *parser, struct error *e)
{
	/* As pongo2 registers them; "if" is the one that is there. */
	static const char *const tags[] = {
		"if",        "autoescape", "block",       "comment",  "cycle",      "extends",
		"filter",    "firstof",    "for",         "ifequal",  "ifnotequal", "ifchanged",
		"import",    "include",    "lorem",       "macro",    "now",        "set",
		"spaceless", "ssi",        "templatetag", "verbatim", "widthratio", "with",
	};
	auto_free char *word = xstrndup(parser->token.text.ptr, parser->token.text.len);
	const char *nearest;

	for (size_t i = 1; i < ARRAY_LEN(tags); i++)
		if (strcmp(word, tags[i]) == 0)
			return fail_unsupported(parser, e, "the tag");
	if (is_word(parser, "elif") || is_word(parser, "else") || is_word(parser, "endif"))
		return fail(parser, parser->token.position, e, "'%s' without '{%% if %%}'", word);
	nearest = text_nearest(word, tags, ARRAY_LEN(tags));
	return fail(parser, parser->token.position, e, "unknown tag '%s'%s%s%s", word,
		    nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

static bool is_one_of(const struct parser *parser, const char *const *words)
{
	for (; *words; words++)
		if (is_word(parser, *words))
			return true;
	return false;
}

/* 1 when the tag is one of ENDS, whose name is then the current token; 0 when it was parsed into *piece. */
static int parse_tag(struct parser *parser, const char *const *ends, struct piece *piece, struct error *e)
{
	struct pongo_position opened = parser->token.position;

	if (next(parser, e) < 0)
		return -1;
	if (parser->token.kind != TOKEN_NAME)
		return fail_unexpected(parser, "the name of a tag", e);
	if (is_one_of(parser, ends))
		return 1;
	if (!is_word(parser, "if"))
		return fail_tag(parser, e);
	if (enter(parser, e) < 0 || parse_branches(parser, opened, &piece->branches, e) < 0)
		return -1;
	leave(parser);
	return 0;
}

/* Up to the end of the template or to one of the tags ENDS. */
static int parse_pieces(struct parser *parser, const char *const *ends, const struct piece **out,
			struct error *e)
{
	const struct piece **end = out;

	while (parser->token.kind != TOKEN_END) {
		struct piece *piece = arena_alloc(parser->arena, sizeof *piece);
		int done = 0;

		if (parser->token.kind == TOKEN_TEXT) {
			piece->text = parser->token.text;
			done = next(parser, e);
		} else if (parser->token.kind == TOKEN_OPEN_VALUE) {
			if (next(parser, e) < 0 || parse_expression(parser, &piece->value, e) < 0)
				return -1;
			done = parse_close(parser, e);
		} else {
			done = parse_tag(parser, ends, piece, e);
		}
		if (done != 0)
			return done < 0 ? -1 : 0;
		*end = piece;
		end = &piece->next;
	}
	return 0;
}

int pongo_parse(struct arena *arena, struct text text, const struct pongo_template **template,
		struct pongo_position *where, struct error *e)
{
	static const char *const no_ends[] = { NULL };
	struct pongo_template *made = arena_alloc(arena, sizeof *made);
	struct parser parser = {
		.arena = arena,
		.lexer = lexer_of(arena, text, where),
		.where = where,
	};

	if (next(&parser, e) < 0 || parse_pieces(&parser, no_ends, &made->pieces, e) < 0)
		return -1;
	*template = made;
	return 0;
}
