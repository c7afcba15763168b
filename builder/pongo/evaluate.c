/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/number.h"
#include "pongo/render.h"

#include "base/limits.h"

enum { HANDLED_TEMPLATES_MAX = 16 };

int render_fail_at(struct renderer *renderer, struct pongo_position position)
{
	*renderer->where = position;
	return -1;
}

static int fail(struct renderer *renderer, struct pongo_position position, struct error *e, const char *text)
{
	error_set(e, ERROR_RECIPE, "%s", text);
	return render_fail_at(renderer, position);
}

int render_enter(struct renderer *renderer, struct pongo_position position, struct error *e)
{
	if (++renderer->steps > PONGO_STEPS_MAX)
		return fail(renderer, position, e, "the template takes too many steps");
	if (++renderer->depth > PONGO_CALL_DEPTH_MAX)
		return fail(renderer, position, e, "the template calls its macros too deeply");
	return 0;
}

int render_account(struct renderer *renderer, struct pongo_position position, uint64_t bytes, struct error *e)
{
	renderer->handled += bytes;
	if (renderer->handled <= HANDLED_TEMPLATES_MAX * LIMIT_TEMPLATE_BYTES)
		return 0;
	error_set(e, ERROR_RECIPE, "the names and filters of the template handle more than %llu bytes",
		  HANDLED_TEMPLATES_MAX * LIMIT_TEMPLATE_BYTES);
	return render_fail_at(renderer, position);
}

static uint64_t weight(const struct pongo_value *value)
{
	if (value->kind == PONGO_TEXT)
		return value->text.len;
	return value->kind == PONGO_LIST ? value->list->count * sizeof(struct text) : 0;
}

struct variable *scope_find(const struct scope *scope, struct text name)
{
	for (; scope; scope = scope->parent)
		for (struct variable *variable = scope->variables; variable; variable = variable->next)
			if (text_equal(variable->name, name))
				return variable;
	return NULL;
}

void scope_set(struct arena *arena, struct scope *scope, struct text name, const struct pongo_value *value)
{
	struct variable *variable = scope->variables;

	while (variable && !text_equal(variable->name, name))
		variable = variable->next;
	if (!variable) {
		variable = arena_alloc(arena, sizeof *variable);
		variable->name = name;
		variable->next = scope->variables;
		scope->variables = variable;
	}
	variable->value = *value;
}

bool expression_is_safe(const struct expression *expression)
{
	switch (expression->operation) {
	case OPERATION_VALUE:
	case OPERATION_NAME:
		return false;
	case OPERATION_FILTER:
		return strcmp(expression->filter->name, "safe") == 0 || expression_is_safe(expression->left);
	default:
		return expression_is_safe(expression->left) &&
		       (!expression->right || expression_is_safe(expression->right));
	}
}

static const char *go_kind(const struct pongo_value *value)
{
	switch (value->kind) {
	case PONGO_FLAG:
		return "yes or no";
	case PONGO_INTEGER:
	case PONGO_NUMBER:
		return "a number";
	case PONGO_TEXT:
		return "a text";
	case PONGO_LIST:
		return "a list";
	case PONGO_MAP:
		return "a map";
	default:
		return "that";
	}
}

/* The devices' map has methods in Go, which are found before its keys. */
static bool is_method(const struct pongo_value *value, struct text name)
{
	static const char *const methods[] = { "Clone",  "CloneNative", "Contains", "Reversed",
					       "Sorted", "Update",      "Validate" };

	if (value->kind != PONGO_MAP || !is_prefix(value->map->type, "config."))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (text_is(name, methods[i]))
			return true;
	return false;
}

/* value.NAME */
static int take_member(struct renderer *renderer, const struct expression *expression,
		       const struct name_part *part, struct pongo_value *value, struct error *e)
{
	const struct pongo_value *entry;

	switch (value->kind) {
	case PONGO_MAP:
		if (is_method(value, part->name)) {
			error_set(e, ERROR_UNSUPPORTED,
				  "'%.*s' is a method of the daemon, which kiln does not have",
				  TEXT_ARG(part->name));
			return render_fail_at(renderer, expression->position);
		}
		entry = pongo_map_get(value->map, part->name);
		*value = entry ? *entry : (struct pongo_value) { .kind = PONGO_NONE };
		return 0;
	case PONGO_LOOP:
		*value = loop_member(value->object, part->name);
		return 0;
	case PONGO_BLOCK:
		/* Without {% extends %} no block has a parent. */
		if (text_is(part->name, "ctx") || text_is(part->name, "wrappers"))
			return fail(renderer, expression->position, e, "a block has no such member");
		*value = text_is(part->name, "Super") ? value_of_text(TEXT(""))
						      : (struct pongo_value) { .kind = PONGO_NONE };
		return 0;
	case PONGO_CYCLE:
		if (text_is(part->name, "String")) {
			*value = value_of_text(value_text(&renderer->arena, value));
			return 0;
		}
		if (text_is(part->name, "node") || text_is(part->name, "value"))
			return fail(renderer, expression->position, e, "a cycle has no such member");
		*value = (struct pongo_value) { .kind = PONGO_NONE };
		return 0;
	default:
		error_set(e, ERROR_RECIPE, "'.%.*s' is asked of %s, which has no members",
			  TEXT_ARG(part->name), go_kind(value));
		return render_fail_at(renderer, expression->position);
	}
}

/* value.0, or value[0]: of a text the byte there, as a number. */
static int take_index(struct renderer *renderer, const struct expression *expression, int64_t index,
		      struct pongo_value *value, struct error *e)
{
	if (!value_has_elements(value)) {
		error_set(e, ERROR_RECIPE, "an index is asked of %s, which has no elements", go_kind(value));
		return render_fail_at(renderer, expression->position);
	}
	if (value->kind == PONGO_TEXT && index >= 0 && (uint64_t)index < value->text.len) {
		*value = value_of_integer((unsigned char)value->text.ptr[index]);
		value->is_byte = true;
	} else if (value->kind == PONGO_LIST && index >= 0 && (uint64_t)index < value->list->count) {
		*value = value_of_text(value->list->items[index]);
	} else {
		*value = (struct pongo_value) { .kind = PONGO_NONE };
	}
	return 0;
}

/* value[EXPRESSION], of Incus. */
static int take_subscript(struct renderer *renderer, struct scope *scope, const struct expression *expression,
			  const struct name_part *part, struct pongo_value *value, struct error *e)
{
	struct pongo_value key = { .kind = PONGO_NONE };
	const struct pongo_value *entry;

	if (render_evaluate(renderer, scope, part->subscript, &key, e) < 0)
		return -1;
	if (value->kind == PONGO_LOOP || value->kind == PONGO_BLOCK || value->kind == PONGO_CYCLE) {
		struct name_part member = { .name = value_text(&renderer->arena, &key) };

		return take_member(renderer, expression, &member, value, e);
	}
	if (value->kind != PONGO_MAP)
		return take_index(renderer, expression, value_integer(&key), value, e);
	if (key.kind == PONGO_NONE)
		return fail(renderer, part->subscript->position, e, "an undefined value is the key of a map");
	entry = key.kind == PONGO_TEXT && !key.type ? pongo_map_get(value->map, key.text) : NULL;
	*value = entry ? *entry : (struct pongo_value) { .kind = PONGO_NONE };
	return 0;
}

static int call(struct renderer *renderer, struct scope *scope, const struct expression *expression,
		const struct name_part *part, struct pongo_value *value, struct error *e)
{
	size_t count = part->arguments.count;
	struct pongo_value *arguments = arena_alloc(&renderer->arena, (count + 1) * sizeof *arguments);
	const struct pongo_function *function = value->function;

	if (value->kind != PONGO_FUNCTION && value->kind != PONGO_MACRO)
		return fail(renderer, expression->position, e, "what is called here is no function");
	if (value->kind == PONGO_FUNCTION && count != function->argument_count) {
		error_set(e, ERROR_RECIPE, "the function takes %zu arguments, not %zu",
			  function->argument_count, count);
		return render_fail_at(renderer, expression->position);
	}
	for (size_t i = 0; i < count; i++)
		if (render_evaluate(renderer, scope, part->arguments.items[i], &arguments[i], e) < 0)
			return -1;
	if (value->kind == PONGO_MACRO)
		return render_macro(renderer, value->object, arguments, count, expression->position, value,
				    e);
	if (function->call(function->data, &renderer->arena, arguments, value, e) < 0)
		return render_fail_at(renderer, expression->position);
	return 0;
}

/* The error of a name that the caller does not know, with all its parts: "imag.name" is nearer to what was meant. */
static int fail_unknown(const struct pongo_scope *caller, const struct name_part *part, struct arena *arena,
			struct error *e)
{
	auto_buffer struct buffer whole = BUFFER_INIT;
	struct pongo_value unused = { .kind = PONGO_NONE };
	struct error better = ERROR_INIT;

	for (; part && part->name.len; part = part->next)
		buffer_addf(&whole, "%s%.*s", whole.len ? "." : "", TEXT_ARG(part->name));
	if (caller->lookup(caller->data, (struct text) { whole.data, whole.len }, arena, &unused, &better) <
	    0)
		*e = better;
	return -1;
}

int scope_look_up(const struct pongo_scope *caller, const struct name_part **part, struct arena *arena,
		  struct pongo_value *value, struct error *e)
{
	const struct name_part *first = *part;
	struct text name = first->name;

	for (;;) {
		const struct name_part *next = (*part)->next;
		int found = caller->lookup(caller->data, name, arena, value, e);

		if (found < 0)
			return *part == first && next ? fail_unknown(caller, first, arena, e) : -1;
		if (found == 0)
			*value = (struct pongo_value) { .kind = PONGO_NONE };
		if (value->kind != PONGO_SECTION)
			return 0;
		if (!next || !next->name.len || (*part)->is_call)
			return error_set(e, ERROR_RECIPE, "'%.*s' is a section, not a value", TEXT_ARG(name));
		name = text_of(arena_printf(arena, "%.*s.%.*s", TEXT_ARG(name), TEXT_ARG(next->name)));
		*part = next;
	}
}

static int take_part(struct renderer *renderer, struct scope *scope, const struct expression *expression,
		     const struct name_part *part, struct pongo_value *value, struct error *e)
{
	if (part->subscript)
		return take_subscript(renderer, scope, expression, part, value, e);
	if (part->name.len)
		return take_member(renderer, expression, part, value, e);
	return take_index(renderer, expression, part->index, value, e);
}

/* A name that stands for nothing ends the walk: what follows it is not even looked at. */
static int evaluate_name(struct renderer *renderer, struct scope *scope, const struct expression *expression,
			 struct pongo_value *value, struct error *e)
{
	const struct name_part *part = expression->parts;
	const struct variable *variable = scope_find(scope, part->name);
	bool safe;

	if (variable) {
		*value = variable->value;
		value_refresh(value);
		if (value->kind == PONGO_NONE && part->is_call)
			return fail(renderer, expression->position, e, "what is called here is no function");
	} else if (scope_look_up(renderer->caller, &part, &renderer->arena, value, e) < 0) {
		return render_fail_at(renderer, expression->position);
	}
	safe = value->safe;
	while (value->kind != PONGO_NONE) {
		if (part->is_call || value->kind == PONGO_FUNCTION || value->kind == PONGO_MACRO) {
			if (call(renderer, scope, expression, part, value, e) < 0)
				return -1;
			safe = value->safe;
		}
		part = part->next;
		if (!part || value->kind == PONGO_NONE)
			break;
		if (take_part(renderer, scope, expression, part, value, e) < 0)
			return -1;
	}
	value->safe = safe && value->kind != PONGO_NONE;
	return render_account(renderer, expression->position, weight(value), e);
}

int render_filter(struct renderer *renderer, struct scope *scope, const struct filter_call *call,
		  struct pongo_value *value, struct error *e)
{
	struct pongo_value argument = { .kind = PONGO_NONE };
	struct filter_work work = {
		.arena = &renderer->arena,
		.version = renderer->template->version,
		.is_live = renderer->caller->is_live,
		.value = value,
		.argument = &argument,
		.e = e,
	};
	uint64_t before = weight(value);

	if (call->argument && render_evaluate(renderer, scope, call->argument, &argument, e) < 0)
		return -1;
	if (call->filter->apply(&work) < 0)
		return render_fail_at(renderer, call->position);
	return render_account(renderer, call->position, before + weight(value), e);
}

static int evaluate_filter(struct renderer *renderer, struct scope *scope,
			   const struct expression *expression, struct pongo_value *value, struct error *e)
{
	struct filter_call call = { expression->filter, expression->right, expression->position };

	if (render_evaluate(renderer, scope, expression->left, value, e) < 0)
		return -1;
	return render_filter(renderer, scope, &call, value, e);
}

static int evaluate_order(const struct expression *expression, const struct pongo_value *left,
			  const struct pongo_value *right, struct pongo_value *value)
{
	bool with_fractions = left->kind == PONGO_NUMBER || right->kind == PONGO_NUMBER;
	double a = value_number(left);
	double b = value_number(right);
	int64_t c = value_integer(left);
	int64_t d = value_integer(right);

	switch (expression->operation) {
	case OPERATION_LESS:
		*value = value_of_flag(with_fractions ? a < b : c < d);
		return 0;
	case OPERATION_LESS_EQUAL:
		*value = value_of_flag(with_fractions ? a <= b : c <= d);
		return 0;
	case OPERATION_GREATER:
		*value = value_of_flag(with_fractions ? a > b : c > d);
		return 0;
	default:
		*value = value_of_flag(with_fractions ? a >= b : c >= d);
		return 0;
	}
}

static int add_texts(struct renderer *renderer, const struct pongo_value *left,
		     const struct pongo_value *right, struct pongo_value *value)
{
	struct text a = value_text(&renderer->arena, left);
	struct text b = value_text(&renderer->arena, right);
	auto_buffer struct buffer sum = BUFFER_INIT;

	buffer_add(&sum, a.ptr, a.len);
	buffer_add(&sum, b.ptr, b.len);
	*value = value_of_text((struct text) {
		arena_strndup(&renderer->arena, sum.data ? sum.data : "", sum.len), sum.len });
	return 0;
}

static struct pongo_value compute_fractions(enum operation operation, double a, double b)
{
	switch (operation) {
	case OPERATION_ADD:
		return value_of_number(a + b);
	case OPERATION_SUBTRACT:
		return value_of_number(a - b);
	case OPERATION_MULTIPLY:
		return value_of_number(a * b);
	default:
		return value_of_number(a / b);
	}
}

static struct pongo_value compute_integers(enum operation operation, int64_t a, int64_t b)
{
	switch (operation) {
	case OPERATION_ADD:
		return value_of_integer(integer_add(a, b));
	case OPERATION_SUBTRACT:
		return value_of_integer(integer_add(a, integer_negate(b)));
	case OPERATION_MULTIPLY:
		return value_of_integer(integer_multiply(a, b));
	case OPERATION_DIVIDE:
		return value_of_integer(integer_divide(a, b));
	default:
		return value_of_integer(integer_modulo(a, b));
	}
}

static int evaluate_arithmetic(struct renderer *renderer, const struct expression *expression,
			       const struct pongo_value *left, const struct pongo_value *right,
			       struct pongo_value *value, struct error *e)
{
	enum operation operation = expression->operation;
	bool with_fractions = left->kind == PONGO_NUMBER || right->kind == PONGO_NUMBER;
	bool divides = operation == OPERATION_DIVIDE || operation == OPERATION_MODULO;

	if (operation == OPERATION_POWER) {
		*value = value_of_number(number_power(value_number(left), value_number(right)));
		return 0;
	}
	if (operation == OPERATION_ADD && renderer->template->version == PONGO_6 &&
	    (left->kind == PONGO_TEXT || right->kind == PONGO_TEXT))
		return render_account(renderer, expression->position, weight(left) + weight(right), e) < 0
			       ? -1
			       : add_texts(renderer, left, right, value);
	if (with_fractions && operation != OPERATION_MODULO) {
		*value = compute_fractions(operation, value_number(left), value_number(right));
		return 0;
	}
	if (divides && value_integer(right) == 0)
		return fail(renderer, expression->position, e, "division by zero");
	*value = compute_integers(operation, value_integer(left), value_integer(right));
	return 0;
}

static int evaluate_comparison(struct renderer *renderer, const struct expression *expression,
			       const struct pongo_value *left, const struct pongo_value *right,
			       struct pongo_value *value, struct error *e)
{
	bool result = false;
	int r;

	if (expression->operation == OPERATION_IN)
		r = value_contains(&renderer->arena, right, left, &result, e);
	else
		r = value_equal(left, right, &result, e);
	if (r < 0)
		return render_fail_at(renderer, expression->position);
	*value = value_of_flag(expression->operation == OPERATION_UNEQUAL ? !result : result);
	return render_account(renderer, expression->position, weight(left) + weight(right), e);
}

static int evaluate_binary(struct renderer *renderer, struct scope *scope,
			   const struct expression *expression, struct pongo_value *value, struct error *e)
{
	struct pongo_value left = { .kind = PONGO_NONE };
	struct pongo_value right = { .kind = PONGO_NONE };
	bool is_junction = expression->operation == OPERATION_AND || expression->operation == OPERATION_OR;

	if (render_evaluate(renderer, scope, expression->left, &left, e) < 0)
		return -1;
	if (is_junction && value_is_true(&left) == (expression->operation == OPERATION_OR)) {
		*value = value_of_flag(value_is_true(&left));
		return 0;
	}
	if (render_evaluate(renderer, scope, expression->right, &right, e) < 0)
		return -1;
	switch (expression->operation) {
	case OPERATION_AND:
	case OPERATION_OR:
		*value = value_of_flag(value_is_true(&right));
		return 0;
	case OPERATION_EQUAL:
	case OPERATION_UNEQUAL:
	case OPERATION_IN:
		return evaluate_comparison(renderer, expression, &left, &right, value, e);
	case OPERATION_LESS:
	case OPERATION_LESS_EQUAL:
	case OPERATION_GREATER:
	case OPERATION_GREATER_EQUAL:
		return evaluate_order(expression, &left, &right, value);
	default:
		return evaluate_arithmetic(renderer, expression, &left, &right, value, e);
	}
}

static int evaluate_negative(struct renderer *renderer, const struct expression *expression,
			     struct pongo_value *value, struct error *e)
{
	if (value->kind == PONGO_NUMBER)
		*value = value_of_number(-1 * value->number);
	else if (value->kind == PONGO_INTEGER)
		*value = value_of_integer(integer_negate(value->integer));
	else
		return fail(renderer, expression->position, e, "a sign in front of what is no number");
	return 0;
}

static int evaluate(struct renderer *renderer, struct scope *scope, const struct expression *expression,
		    struct pongo_value *value, struct error *e)
{
	switch (expression->operation) {
	case OPERATION_VALUE:
		*value = expression->value;
		return 0;
	case OPERATION_NAME:
		return evaluate_name(renderer, scope, expression, value, e);
	case OPERATION_FILTER:
		return evaluate_filter(renderer, scope, expression, value, e);
	case OPERATION_NOT:
		if (render_evaluate(renderer, scope, expression->left, value, e) < 0)
			return -1;
		*value = value_inverted(value);
		return 0;
	case OPERATION_NEGATIVE:
		if (render_evaluate(renderer, scope, expression->left, value, e) < 0)
			return -1;
		return evaluate_negative(renderer, expression, value, e);
	default:
		return evaluate_binary(renderer, scope, expression, value, e);
	}
}

int render_evaluate(struct renderer *renderer, struct scope *scope, const struct expression *expression,
		    struct pongo_value *value, struct error *e)
{
	int r;

	if (render_enter(renderer, expression->position, e) < 0)
		return -1;
	r = evaluate(renderer, scope, expression, value, e);
	renderer->depth--;
	return r;
}
