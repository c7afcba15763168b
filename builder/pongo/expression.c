/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/filter.h"
#include "pongo/number.h"
#include "pongo/syntax.h"

static int make(struct parser *parser, const struct expression *expression, const struct expression **out,
		struct error *e)
{
	struct expression *made = arena_alloc(parser->arena, sizeof *made);
	unsigned left = expression->left ? expression->left->depth : 0;
	unsigned right = expression->right ? expression->right->depth : 0;

	*made = *expression;
	made->depth = (left > right ? left : right) + 1;
	if (made->depth > PONGO_DEPTH_MAX)
		return parser_fail(parser, expression->position, e,
				   "the template nests deeper than %d levels", PONGO_DEPTH_MAX);
	*out = made;
	return 0;
}

static int64_t number_of(struct text digits, bool *fits)
{
	uint64_t number = 0;

	*fits = text_to_u64(digits, &number) && number <= INT64_MAX;
	return *fits ? (int64_t)number : 0;
}

/* Digits, and with a point after them a fraction. */
static int parse_number(struct parser *parser, struct pongo_value *value, struct error *e)
{
	const struct token *whole = parser->at++;
	const char *text;
	bool fits;

	if (!parser_take_symbol(parser, ".")) {
		*value = (struct pongo_value) { .kind = PONGO_INTEGER,
						.integer = number_of(whole->text, &fits) };
		if (!fits)
			return parser_fail(parser, whole->position, e, "the number '%.*s' is too large",
					   TEXT_ARG(whole->text));
		return 0;
	}
	if (parser_is_done(parser) || parser->at->kind != TOKEN_NUMBER)
		return parser_fail_here(parser, "a digit", e);
	text = arena_printf(parser->arena, "%.*s.%.*s", TEXT_ARG(whole->text), TEXT_ARG(parser->at->text));
	parser->at++;
	*value = (struct pongo_value) { .kind = PONGO_NUMBER };
	if (!number_parse(text_of(text), &value->number))
		return parser_fail(parser, whole->position, e, "the number '%.40s' is too large", text);
	return 0;
}

static int parse_arguments(struct parser *parser, struct expressions *list, struct error *e)
{
	while (!parser_take_symbol(parser, ")")) {
		const struct expression *argument;

		if (parse_expression(parser, &argument, e) < 0)
			return -1;
		ARENA_PUSH(parser->arena, list->items, list->count, argument);
		if (parser_take_symbol(parser, ")"))
			break;
		if (!parser_take_symbol(parser, ","))
			return parser_fail_here(parser, "',' or ')'", e);
	}
	return 0;
}

static int parse_member(struct parser *parser, struct name_part *part, struct error *e)
{
	const struct token *token = parser->at;
	bool fits;

	if (parser_is_done(parser) || (token->kind != TOKEN_NAME && token->kind != TOKEN_NUMBER))
		return parser_fail_here(parser, "a name after '.'", e);
	if (token->kind == TOKEN_NAME) {
		part->name = token->text;
	} else {
		part->index = number_of(token->text, &fits);
		if (!fits)
			return parser_fail(parser, token->position, e, "the number '%.*s' is too large",
					   TEXT_ARG(token->text));
	}
	parser->at++;
	return 0;
}

/* image.release, list.0, config_get("a", "b"), and for Incus map["key"]. */
static int parse_name(struct parser *parser, const struct name_part **out, struct error *e)
{
	struct name_part *last = arena_alloc(parser->arena, sizeof *last);

	last->name = parser->at++->text;
	*out = last;
	for (;;) {
		struct name_part *part;
		bool is_member = parser_is_symbol(parser, ".");

		if (parser_take_symbol(parser, "(")) {
			/* As in pongo2 a second pair of parentheses goes on with the first one's arguments. */
			last->is_call = true;
			if (parse_arguments(parser, &last->arguments, e) < 0)
				return -1;
			continue;
		}
		if (!is_member && !parser_is_symbol(parser, "["))
			return 0;
		parser->at++;
		part = arena_alloc(parser->arena, sizeof *part);
		if (is_member ? parse_member(parser, part, e) < 0
			      : parse_expression(parser, &part->subscript, e) < 0)
			return -1;
		if (!is_member && !parser_take_symbol(parser, "]"))
			return parser_fail_here(parser, "']'", e);
		last->next = part;
		last = part;
		/* In pongo2 6.0 nothing follows a bracket. */
		if (!is_member)
			return 0;
	}
}

int parse_operand(struct parser *parser, const struct expression **out, struct error *e)
{
	const struct token *token = parser->at;
	struct expression operand = { .operation = OPERATION_VALUE, .position = token->position };

	if (parser_is_done(parser))
		return parser_fail_here(parser, "a value", e);
	if (token->kind == TOKEN_NUMBER) {
		if (parse_number(parser, &operand.value, e) < 0)
			return -1;
	} else if (token->kind == TOKEN_STRING) {
		operand.value = (struct pongo_value) { .kind = PONGO_TEXT, .text = token->text };
		parser->at++;
	} else if (parser_take_keyword(parser, "true") || parser_take_keyword(parser, "false")) {
		operand.value =
			(struct pongo_value) { .kind = PONGO_FLAG, .flag = text_is(token->text, "true") };
	} else if (token->kind == TOKEN_NAME) {
		operand.operation = OPERATION_NAME;
		if (parse_name(parser, &operand.parts, e) < 0)
			return -1;
	} else {
		return parser_fail_here(parser, "a value", e);
	}
	return make(parser, &operand, out, e);
}

int parse_filter(struct parser *parser, struct filter_call *call, struct error *e)
{
	const struct token *token = parser->at;
	const char *nearest = NULL;
	struct text name;

	if (parser_name(parser, "the name of a filter", &name, e) < 0)
		return -1;
	call->position = token->position;
	call->filter = filter_find(name, &nearest);
	if (!call->filter)
		return parser_fail(parser, token->position, e, "unknown filter '%.*s'%s%s%s", TEXT_ARG(name),
				   nearest ? " (did you mean '" : "", nearest ? nearest : "",
				   nearest ? "'?)" : "");
	if (call->filter->since > parser->version)
		return parser_fail(parser, token->position, e,
				   "the filter '%.*s' is known to Incus alone, not to LXD and not in recipes",
				   TEXT_ARG(name));
	if (call->filter->never)
		return parser_fail(parser, token->position, e, "the filter '%.*s' always fails: %s",
				   TEXT_ARG(name), call->filter->never);
	return parser_take_symbol(parser, ":") ? parse_operand(parser, &call->argument, e) : 0;
}

static int parse_filters(struct parser *parser, const struct expression **value, struct error *e)
{
	while (parser_take_symbol(parser, "|")) {
		struct filter_call call = { .filter = NULL };
		struct expression applied = { .operation = OPERATION_FILTER, .left = *value };

		if (parse_filter(parser, &call, e) < 0)
			return -1;
		applied.position = call.position;
		applied.filter = call.filter;
		applied.right = call.argument;
		if (make(parser, &applied, value, e) < 0)
			return -1;
	}
	return 0;
}

static int parse_factor(struct parser *parser, const struct expression **out, struct error *e)
{
	if (!parser_take_symbol(parser, "(")) {
		if (parse_operand(parser, out, e) < 0)
			return -1;
		return parse_filters(parser, out, e);
	}
	if (parse_expression(parser, out, e) < 0)
		return -1;
	return parser_take_symbol(parser, ")") ? 0 : parser_fail_here(parser, "')'", e);
}

/* To the right: 2^3^2 is 2^9. */
static int parse_power(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression power = { .operation = OPERATION_POWER };

	if (parse_factor(parser, &power.left, e) < 0)
		return -1;
	if (!parser_is_symbol(parser, "^")) {
		*out = power.left;
		return 0;
	}
	power.position = parser->at++->position;
	if (parser_enter(parser, e) < 0 || parse_power(parser, &power.right, e) < 0)
		return -1;
	parser->depth--;
	return make(parser, &power, out, e);
}

struct operator_row {
	const char *text;
	enum token_kind kind;
	enum operation operation;
};

static const struct operator_row products[] = {
	{ "*", TOKEN_SYMBOL, OPERATION_MULTIPLY },
	{ "/", TOKEN_SYMBOL, OPERATION_DIVIDE },
	{ "%", TOKEN_SYMBOL, OPERATION_MODULO },
};

static const struct operator_row sums[] = {
	{ "+", TOKEN_SYMBOL, OPERATION_ADD },
	{ "-", TOKEN_SYMBOL, OPERATION_SUBTRACT },
};

static const struct operator_row comparisons[] = {
	{ "==", TOKEN_SYMBOL, OPERATION_EQUAL },         { "!=", TOKEN_SYMBOL, OPERATION_UNEQUAL },
	{ "<>", TOKEN_SYMBOL, OPERATION_UNEQUAL },       { "<=", TOKEN_SYMBOL, OPERATION_LESS_EQUAL },
	{ "<", TOKEN_SYMBOL, OPERATION_LESS },           { ">", TOKEN_SYMBOL, OPERATION_GREATER },
	{ ">=", TOKEN_SYMBOL, OPERATION_GREATER_EQUAL }, { "in", TOKEN_KEYWORD, OPERATION_IN },
};

static const struct operator_row junctions[] = {
	{ "and", TOKEN_KEYWORD, OPERATION_AND },
	{ "&&", TOKEN_SYMBOL, OPERATION_AND },
	{ "or", TOKEN_KEYWORD, OPERATION_OR },
	{ "||", TOKEN_SYMBOL, OPERATION_OR },
};

/* Take an operator of ROWS, if one stands here. */
static bool take_operator(struct parser *parser, const struct operator_row *rows, size_t count,
			  struct expression *expression)
{
	for (size_t i = 0; i < count; i++) {
		bool is_here = rows[i].kind == TOKEN_KEYWORD ? parser_is_keyword(parser, rows[i].text)
							     : parser_is_symbol(parser, rows[i].text);

		if (is_here) {
			expression->operation = rows[i].operation;
			expression->position = parser->at++->position;
			return true;
		}
	}
	return false;
}

/* Operators of one rank, grouped to the left. */
static int parse_products(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression product = { .left = NULL };

	if (parse_power(parser, &product.left, e) < 0)
		return -1;
	while (take_operator(parser, products, ARRAY_LEN(products), &product))
		if (parse_power(parser, &product.right, e) < 0 ||
		    make(parser, &product, &product.left, e) < 0)
			return -1;
	*out = product.left;
	return 0;
}

/* A sign and a `not` in front belong to the first product alone. */
static int parse_sum(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression sum = { .left = NULL };
	struct expression negated = { .operation = OPERATION_NEGATIVE };
	struct expression inverted = { .operation = OPERATION_NOT };
	bool is_negative = parser_is_symbol(parser, "-");
	bool is_not;

	if (!parser_is_done(parser))
		negated.position = inverted.position = parser->at->position;
	if (!parser_take_symbol(parser, "-"))
		parser_take_symbol(parser, "+");
	is_not = parser_take_symbol(parser, "!") || parser_take_keyword(parser, "not");
	if (parse_products(parser, &sum.left, e) < 0)
		return -1;
	inverted.left = sum.left;
	if (is_not && make(parser, &inverted, &sum.left, e) < 0)
		return -1;
	negated.left = sum.left;
	if (is_negative && make(parser, &negated, &sum.left, e) < 0)
		return -1;
	while (take_operator(parser, sums, ARRAY_LEN(sums), &sum))
		if (parse_products(parser, &sum.right, e) < 0 || make(parser, &sum, &sum.left, e) < 0)
			return -1;
	*out = sum.left;
	return 0;
}

/* Comparisons group to the right, but nothing follows the right side of an `in`. */
static int parse_comparison(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression compared = { .left = NULL };

	if (parse_sum(parser, &compared.left, e) < 0)
		return -1;
	if (!take_operator(parser, comparisons, ARRAY_LEN(comparisons), &compared)) {
		*out = compared.left;
		return 0;
	}
	if (parser_enter(parser, e) < 0 ||
	    (compared.operation == OPERATION_IN ? parse_sum(parser, &compared.right, e)
						: parse_comparison(parser, &compared.right, e)) < 0)
		return -1;
	parser->depth--;
	return make(parser, &compared, out, e);
}

int parse_expression(struct parser *parser, const struct expression **out, struct error *e)
{
	struct expression joined = { .left = NULL };

	if (parser_enter(parser, e) < 0 || parse_comparison(parser, &joined.left, e) < 0)
		return -1;
	if (!take_operator(parser, junctions, ARRAY_LEN(junctions), &joined))
		*out = joined.left;
	else if (parse_expression(parser, &joined.right, e) < 0 || make(parser, &joined, out, e) < 0)
		return -1;
	parser->depth--;
	return 0;
}
