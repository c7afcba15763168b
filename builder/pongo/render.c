/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "pongo/syntax.h"

enum { HANDLED_TEMPLATES_MAX = 16 };

struct renderer {
	const struct pongo_scope *scope;
	struct arena arena; /* intermediate texts */
	struct buffer *out; /* NULL: check only */
	size_t start;       /* length of OUT before this template */
	size_t handled;     /* bytes of text that names and filters have given */
	struct pongo_position *where;
};

static int evaluate(struct renderer *renderer, const struct expression *expression, struct pongo_value *value,
		    struct error *e);

static bool is_number(const struct pongo_value *value)
{
	return value->kind == PONGO_INTEGER || value->kind == PONGO_NUMBER;
}

static double number_of(const struct pongo_value *value)
{
	return value->kind == PONGO_INTEGER ? (double)value->integer : value->number;
}

/* Values of different types are never equal ("12" is not 12), but whole and broken numbers compare. */
static bool is_equal(const struct pongo_value *a, const struct pongo_value *b)
{
	if (a->kind == PONGO_INTEGER && b->kind == PONGO_INTEGER)
		return a->integer == b->integer;
	if (is_number(a) && is_number(b))
		return !(number_of(a) < number_of(b)) && !(number_of(a) > number_of(b));
	if (a->kind != b->kind)
		return false;
	if (a->kind == PONGO_FLAG)
		return a->flag == b->flag;
	return a->kind == PONGO_NONE || text_equal(a->text, b->text);
}

/* Text made of digits, with or without a fraction, counts as its number: releases are text ("12", "3.18"). */
static bool to_number(const struct pongo_value *value, double *number)
{
	struct text fraction;
	struct text whole;
	uint64_t high;
	double scale = 1;

	if (is_number(value)) {
		*number = number_of(value);
		return true;
	}
	if (value->kind != PONGO_TEXT)
		return false;
	whole = text_cut(value->text, '.', &fraction);
	if (!text_to_u64(whole, &high) || (fraction.ptr && fraction.len == 0))
		return false;
	*number = (double)high;
	for (size_t i = 0; fraction.ptr && i < fraction.len; i++) {
		if (fraction.ptr[i] < '0' || fraction.ptr[i] > '9')
			return false;
		scale /= 10;
		*number += scale * (fraction.ptr[i] - '0');
	}
	return true;
}

static int compare_order(struct renderer *renderer, const struct expression *expression,
			 const struct pongo_value *left, const struct pongo_value *right, bool *result,
			 struct error *e)
{
	double a = 0;
	double b = 0;

	if (!to_number(left, &a) || !to_number(right, &b)) {
		const struct pongo_value *bad = to_number(left, &a) ? right : left;
		struct text text = pongo_text(&renderer->arena, bad);

		*renderer->where = expression->position;
		return error_set(e, ERROR_RECIPE, "only numbers have an order, '%.*s' is none",
				 TEXT_ARG(text));
	}
	if (expression->operation == OPERATION_LESS)
		*result = a < b;
	else if (expression->operation == OPERATION_LESS_EQUAL)
		*result = a <= b;
	else if (expression->operation == OPERATION_GREATER)
		*result = a > b;
	else
		*result = a >= b;
	return 0;
}

static bool contains(struct renderer *renderer, const struct pongo_value *part,
		     const struct pongo_value *whole)
{
	struct text needle = pongo_text(&renderer->arena, part);
	struct text text = pongo_text(&renderer->arena, whole);

	return needle.len == 0 || (text.len && memmem(text.ptr, text.len, needle.ptr, needle.len));
}

static int evaluate_binary(struct renderer *renderer, const struct expression *expression, bool *result,
			   struct error *e)
{
	struct pongo_value left = { .kind = PONGO_NONE };
	struct pongo_value right = { .kind = PONGO_NONE };

	if (evaluate(renderer, expression->left, &left, e) < 0)
		return -1;
	/* A check looks at both sides, so that no misspelt name hides behind the first. */
	if (renderer->out && expression->operation == OPERATION_AND && !pongo_is_true(&left)) {
		*result = false;
		return 0;
	}
	if (renderer->out && expression->operation == OPERATION_OR && pongo_is_true(&left)) {
		*result = true;
		return 0;
	}
	if (evaluate(renderer, expression->right, &right, e) < 0)
		return -1;
	switch (expression->operation) {
	case OPERATION_AND:
	case OPERATION_OR:
		*result = pongo_is_true(&right);
		return 0;
	case OPERATION_EQUAL:
		*result = is_equal(&left, &right);
		return 0;
	case OPERATION_UNEQUAL:
		*result = !is_equal(&left, &right);
		return 0;
	case OPERATION_IN:
		*result = contains(renderer, &left, &right);
		return 0;
	default:
		/* Values may still change before the build: a check takes any for a number. */
		*result = false;
		return renderer->out ? compare_order(renderer, expression, &left, &right, result, e) : 0;
	}
}

/* Text that is never put out costs memory too: bounds what a hostile template can make names and filters give. */
static int account(struct renderer *renderer, const struct expression *expression,
		   const struct pongo_value *value, struct error *e)
{
	if (value->kind != PONGO_TEXT)
		return 0;
	renderer->handled += value->text.len;
	if (renderer->handled <= HANDLED_TEMPLATES_MAX * LIMIT_TEMPLATE_BYTES)
		return 0;
	*renderer->where = expression->position;
	return error_set(e, ERROR_RECIPE, "the names and filters of the template handle more than %llu bytes",
			 HANDLED_TEMPLATES_MAX * LIMIT_TEMPLATE_BYTES);
}

static int evaluate_name(struct renderer *renderer, const struct expression *expression,
			 struct pongo_value *value, struct error *e)
{
	int found = renderer->scope->lookup(renderer->scope->data, expression->value.text, &renderer->arena,
					    value, e);

	if (found < 0)
		*renderer->where = expression->position;
	else if (found == 0)
		*value = (struct pongo_value) { .kind = PONGO_NONE };
	if (found < 0)
		return -1;
	return renderer->out ? account(renderer, expression, value, e) : 0;
}

static int evaluate_filter(struct renderer *renderer, const struct expression *expression,
			   struct pongo_value *value, struct error *e)
{
	struct pongo_value argument = { .kind = PONGO_NONE };

	if (evaluate(renderer, expression->left, value, e) < 0 ||
	    (expression->right && evaluate(renderer, expression->right, &argument, e) < 0))
		return -1;
	expression->filter->apply(&renderer->arena, value, &argument);
	return account(renderer, expression, value, e);
}

static int evaluate(struct renderer *renderer, const struct expression *expression, struct pongo_value *value,
		    struct error *e)
{
	bool result = false;

	switch (expression->operation) {
	case OPERATION_VALUE:
		*value = expression->value;
		return 0;
	case OPERATION_NAME:
		return evaluate_name(renderer, expression, value, e);
	case OPERATION_FILTER:
		return evaluate_filter(renderer, expression, value, e);
	case OPERATION_NOT:
		if (evaluate(renderer, expression->left, value, e) < 0)
			return -1;
		result = !pongo_is_true(value);
		break;
	default:
		if (evaluate_binary(renderer, expression, &result, e) < 0)
			return -1;
		break;
	}
	*value = (struct pongo_value) { .kind = PONGO_FLAG, .flag = result };
	return 0;
}

static int emit(struct renderer *renderer, struct text text, struct pongo_position position, struct error *e)
{
	if (!renderer->out)
		return 0;
	if (text.len > LIMIT_TEMPLATE_BYTES - (renderer->out->len - renderer->start)) {
		*renderer->where = position;
		return error_set(e, ERROR_RECIPE, "the template gives more than the limit of %llu bytes",
				 LIMIT_TEMPLATE_BYTES);
	}
	buffer_add(renderer->out, text.ptr, text.len);
	return 0;
}

static int render_pieces(struct renderer *renderer, const struct piece *piece, struct error *e);

static int render_branches(struct renderer *renderer, const struct branch *branch, struct error *e)
{
	for (; branch; branch = branch->next) {
		struct pongo_value value = { .kind = PONGO_FLAG, .flag = true };

		if (branch->condition && evaluate(renderer, branch->condition, &value, e) < 0)
			return -1;
		if (renderer->out && !pongo_is_true(&value))
			continue;
		if (render_pieces(renderer, branch->body, e) < 0)
			return -1;
		if (renderer->out)
			return 0;
	}
	return 0;
}

static int render_pieces(struct renderer *renderer, const struct piece *piece, struct error *e)
{
	for (; piece; piece = piece->next) {
		struct pongo_value value = { .kind = PONGO_NONE };

		if (piece->branches) {
			if (render_branches(renderer, piece->branches, e) < 0)
				return -1;
		} else if (piece->value) {
			if (evaluate(renderer, piece->value, &value, e) < 0 ||
			    emit(renderer, pongo_text(&renderer->arena, &value), piece->value->position, e) <
				    0)
				return -1;
		} else if (emit(renderer, piece->text, (struct pongo_position) { 1, 1 }, e) < 0) {
			return -1;
		}
	}
	return 0;
}

static int walk(const struct pongo_template *template, const struct pongo_scope *scope, struct buffer *out,
		struct pongo_position *where, struct error *e)
{
	struct renderer renderer = {
		.scope = scope,
		.arena = ARENA_INIT,
		.out = out,
		.start = out ? out->len : 0,
		.where = where,
	};
	int result = render_pieces(&renderer, template->pieces, e);

	arena_release(&renderer.arena);
	return result;
}

int pongo_render(const struct pongo_template *template, const struct pongo_scope *scope, struct buffer *out,
		 struct pongo_position *where, struct error *e)
{
	size_t before = out->len;

	if (walk(template, scope, out, where, e) == 0)
		return 0;
	out->len = before;
	if (out->data)
		out->data[before] = '\0';
	return -1;
}

int pongo_check(const struct pongo_template *template, const struct pongo_scope *scope,
		struct pongo_position *where, struct error *e)
{
	return walk(template, scope, NULL, where, e);
}
