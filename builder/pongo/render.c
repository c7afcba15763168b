/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/render.h"

#include "base/limits.h"
#include "pongo/clock.h"
#include "pongo/filter.h"
#include "pongo/letters.h"
#include "pongo/number.h"

#include <math.h>

static int fail(struct renderer *renderer, struct pongo_position position, struct error *e, const char *text)
{
	error_set(e, ERROR_RECIPE, "%s", text);
	return render_fail_at(renderer, position);
}

static int emit(struct renderer *renderer, struct text text, struct pongo_position position, struct error *e)
{
	if (text.len > LIMIT_TEMPLATE_BYTES - renderer->out->len) {
		error_set(e, ERROR_RECIPE, "the template gives more than the limit of %llu bytes",
			  LIMIT_TEMPLATE_BYTES);
		return render_fail_at(renderer, position);
	}
	buffer_add(renderer->out, text.ptr, text.len);
	return 0;
}

static int emit_value(struct renderer *renderer, const struct pongo_value *value,
		      struct pongo_position position, struct error *e)
{
	return emit(renderer, value_text(&renderer->arena, value), position, e);
}

static int emit_escaped(struct renderer *renderer, const struct pongo_value *value,
			struct pongo_position position, struct error *e)
{
	auto_buffer struct buffer escaped = BUFFER_INIT;

	html_escape(&escaped, value_text(&renderer->arena, value));
	return emit(renderer, (struct text) { escaped.data, escaped.len }, position, e);
}

/* What NODE and its neighbours give, as text in the arena. */
static int capture(struct renderer *renderer, struct scope *scope, const struct node *node,
		   struct pongo_position position, struct text *text, struct error *e)
{
	auto_buffer struct buffer captured = BUFFER_INIT;
	struct buffer *out = renderer->out;
	int r;

	renderer->out = &captured;
	r = render_nodes(renderer, scope, node, e);
	renderer->out = out;
	if (r < 0 || render_account(renderer, position, captured.len, e) < 0)
		return -1;
	*text = (struct text) { arena_strndup(&renderer->arena, captured.data ? captured.data : "",
					      captured.len),
				captured.len };
	return 0;
}

static int render_value(struct renderer *renderer, struct scope *scope, const struct node *node,
			struct error *e)
{
	struct pongo_value value = { .kind = PONGO_NONE };

	if (render_evaluate(renderer, scope, node->value, &value, e) < 0)
		return -1;
	if (scope->escapes && value.kind == PONGO_TEXT && !value.safe && !expression_is_safe(node->value))
		return emit_escaped(renderer, &value, node->position, e);
	return emit_value(renderer, &value, node->position, e);
}

static int render_autoescape(struct renderer *renderer, struct scope *scope, const struct node *node,
			     struct error *e)
{
	bool before = scope->escapes;

	scope->escapes = node->flag;
	if (render_nodes(renderer, scope, node->body, e) < 0)
		return -1;
	scope->escapes = before;
	return 0;
}

static int render_block(struct renderer *renderer, struct scope *scope, const struct node *node,
			struct error *e)
{
	struct pongo_value block = { .kind = PONGO_BLOCK };

	scope_set(&renderer->arena, scope, TEXT("block"), &block);
	return render_nodes(renderer, scope, node->body, e);
}

static const struct expression *next_in_turn(struct renderer *renderer, const struct node *node)
{
	struct slot *slot = &renderer->slots[node->slot];

	return node->arguments.items[slot->turn++ % node->arguments.count];
}

/* {% cycle name %} turns the cycle on that was given that name. */
static int render_cycle(struct renderer *renderer, struct scope *scope, const struct node *node,
			struct error *e)
{
	const struct node *shown = node;
	struct pongo_value value = { .kind = PONGO_NONE };
	struct cycle_value *cycle;

	if (render_evaluate(renderer, scope, next_in_turn(renderer, node), &value, e) < 0)
		return -1;
	if (value.kind == PONGO_CYCLE) {
		cycle = value.object;
		shown = cycle->node;
		if (render_evaluate(renderer, scope, next_in_turn(renderer, shown), &value, e) < 0)
			return -1;
		/* A cycle of cycles would print itself for ever. */
		if (value.kind == PONGO_CYCLE)
			return fail(renderer, node->position, e, "a cycle stands for a cycle");
		cycle->value = value;
	} else if (node->name.len) {
		struct pongo_value named = { .kind = PONGO_CYCLE };

		cycle = arena_alloc(&renderer->arena, sizeof *cycle);
		*cycle = (struct cycle_value) { node, value };
		named.object = cycle;
		scope_set(&renderer->arena, scope, node->name, &named);
	}
	return shown->flag ? 0 : emit_value(renderer, &value, node->position, e);
}

static int render_filter_tag(struct renderer *renderer, struct scope *scope, const struct node *node,
			     struct error *e)
{
	struct pongo_value value = { .kind = PONGO_TEXT };

	if (capture(renderer, scope, node->body, node->position, &value.text, e) < 0)
		return -1;
	for (size_t i = 0; i < node->filter_count; i++)
		if (render_filter(renderer, scope, &node->filters[i], &value, e) < 0)
			return -1;
	return emit_value(renderer, &value, node->position, e);
}

static int render_firstof(struct renderer *renderer, struct scope *scope, const struct node *node,
			  struct error *e)
{
	for (size_t i = 0; i < node->arguments.count; i++) {
		struct pongo_value value = { .kind = PONGO_NONE };

		if (render_evaluate(renderer, scope, node->arguments.items[i], &value, e) < 0)
			return -1;
		if (!value_is_true(&value))
			continue;
		if (scope->escapes && !expression_is_safe(node->arguments.items[i]))
			return emit_escaped(renderer, &value, node->position, e);
		return emit_value(renderer, &value, node->position, e);
	}
	return 0;
}

/* One round for ITEM, the INDEX-th of COUNT. */
static int render_round(struct renderer *renderer, struct scope *scope, const struct node *node,
			struct loop_value *loop, size_t index, size_t count, const struct pongo_value *item,
			const struct pongo_value *second, struct error *e)
{
	scope_set(&renderer->arena, scope, node->name, item);
	if (second && node->second_name.len)
		scope_set(&renderer->arena, scope, node->second_name, second);
	loop->counter = (int64_t)index + 1;
	loop->counter0 = (int64_t)index;
	loop->revcounter = (int64_t)(count - index);
	loop->revcounter0 = (int64_t)(count - index) - 1;
	/* pongo2 asks for the second item, not for the first: a text that is walked in reverse has many firsts. */
	loop->is_first = loop->is_first && index != 1;
	loop->is_last = loop->is_last || index + 1 == count;
	return render_nodes(renderer, scope, node->body, e);
}

static int compare_texts(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static int render_list(struct renderer *renderer, struct scope *scope, const struct node *node,
		       struct loop_value *loop, const struct pongo_list *list, struct error *e)
{
	struct text *items = arena_alloc(&renderer->arena, (list->count + 1) * sizeof *items);

	if (list->count)
		memcpy(items, list->items, list->count * sizeof *items);
	if (node->is_sorted && list->count)
		qsort(items, list->count, sizeof *items, compare_texts);
	for (size_t i = 0; i < list->count; i++) {
		struct pongo_value item = value_of_text(items[node->flag ? list->count - 1 - i : i]);

		if (render_round(renderer, scope, node, loop, i, list->count, &item, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* In the order of the keys, sorted or not; in reverse only when sorted, as in pongo2. */
static int render_map(struct renderer *renderer, struct scope *scope, const struct node *node,
		      struct loop_value *loop, const struct pongo_map *map, struct error *e)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct pongo_entry *entry =
			&map->entries[node->flag && node->is_sorted ? map->count - 1 - i : i];
		struct pongo_value key = value_of_text(entry->key);

		if (render_round(renderer, scope, node, loop, i, map->count, &key, &entry->value, e) < 0)
			return -1;
	}
	return 0;
}

/* Byte by byte. In reverse the counter goes down, too. */
static int render_bytes(struct renderer *renderer, struct scope *scope, const struct node *node,
			struct loop_value *loop, struct text text, struct error *e)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t index = node->flag ? text.len - 1 - i : i;
		struct pongo_value byte = value_of_text((struct text) { text.ptr + index, 1 });

		if (render_round(renderer, scope, node, loop, index, text.len, &byte, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int render_for(struct renderer *renderer, struct scope *outer, const struct node *node,
		      struct error *e)
{
	struct scope scope = { .parent = outer, .escapes = outer->escapes };
	const struct variable *parent = scope_find(outer, TEXT("forloop"));
	struct loop_value *loop = arena_alloc(&renderer->arena, sizeof *loop);
	struct pongo_value value = { .kind = PONGO_LOOP, .object = loop };

	if (parent && parent->value.kind != PONGO_LOOP)
		return fail(renderer, node->position, e,
			    "'forloop' is no longer that of the loop around this one");
	*loop = (struct loop_value) { .is_first = true, .parent = parent ? parent->value.object : NULL };
	scope_set(&renderer->arena, &scope, TEXT("forloop"), &value);
	value = (struct pongo_value) { .kind = PONGO_NONE };
	if (render_evaluate(renderer, &scope, node->value, &value, e) < 0)
		return -1;
	if (value.kind == PONGO_TEXT && node->is_sorted)
		return fail(renderer, node->position, e, "a text cannot be sorted");
	if (value_length(&value) == 0)
		return render_nodes(renderer, &scope, node->other, e);
	if (value.kind == PONGO_LIST)
		return render_list(renderer, &scope, node, loop, value.list, e);
	if (value.kind == PONGO_MAP)
		return render_map(renderer, &scope, node, loop, value.map, e);
	return render_bytes(renderer, &scope, node, loop, value.text, e);
}

static int render_if(struct renderer *renderer, struct scope *scope, const struct node *node, struct error *e)
{
	for (const struct branch *branch = node->branches; branch; branch = branch->next) {
		struct pongo_value value = { .kind = PONGO_FLAG, .flag = true };

		if (branch->condition && render_evaluate(renderer, scope, branch->condition, &value, e) < 0)
			return -1;
		if (value_is_true(&value))
			return render_nodes(renderer, scope, branch->body, e);
	}
	return 0;
}

/* Without arguments: whether its own text has changed; there is no "else" then. */
static int render_if_text_changed(struct renderer *renderer, struct scope *scope, const struct node *node,
				  struct error *e)
{
	struct slot *slot = &renderer->slots[node->slot];
	struct pongo_value now = { .kind = PONGO_TEXT };

	if (capture(renderer, scope, node->body, node->position, &now.text, e) < 0)
		return -1;
	if (!slot->values)
		slot->values = arena_alloc(&renderer->arena, sizeof *slot->values);
	if (text_equal(slot->values->text, now.text))
		return 0;
	*slot->values = now;
	return emit(renderer, now.text, node->position, e);
}

static int render_ifchanged(struct renderer *renderer, struct scope *scope, const struct node *node,
			    struct error *e)
{
	struct slot *slot = &renderer->slots[node->slot];
	size_t count = node->arguments.count;
	struct pongo_value *now = arena_alloc(&renderer->arena, (count + 1) * sizeof *now);
	bool changed;

	if (count == 0)
		return render_if_text_changed(renderer, scope, node, e);
	for (size_t i = 0; i < count; i++)
		if (render_evaluate(renderer, scope, node->arguments.items[i], &now[i], e) < 0)
			return -1;
	changed = !slot->values;
	for (size_t i = 0; i < count && slot->values && !changed; i++) {
		bool equal;

		value_refresh(&slot->values[i]);
		if (value_equal(&slot->values[i], &now[i], &equal, e) < 0)
			return render_fail_at(renderer, node->position);
		changed = !equal;
	}
	slot->values = now;
	if (changed)
		return render_nodes(renderer, scope, node->body, e);
	if (!node->has_other)
		return fail(renderer, node->position, e,
			    "'ifchanged' with arguments fails without '{% else %}' when nothing has changed");
	return render_nodes(renderer, scope, node->other, e);
}

static int render_ifequal(struct renderer *renderer, struct scope *scope, const struct node *node,
			  struct error *e)
{
	struct pongo_value left = { .kind = PONGO_NONE };
	struct pongo_value right = { .kind = PONGO_NONE };
	bool equal;

	if (render_evaluate(renderer, scope, node->arguments.items[0], &left, e) < 0 ||
	    render_evaluate(renderer, scope, node->arguments.items[1], &right, e) < 0)
		return -1;
	if (value_equal(&left, &right, &equal, e) < 0)
		return render_fail_at(renderer, node->position);
	return render_nodes(renderer, scope, equal != node->flag ? node->body : node->other, e);
}

static int define_macro(struct renderer *renderer, struct scope *scope, const struct node *node)
{
	struct macro *macro = arena_alloc(&renderer->arena, sizeof *macro);
	struct pongo_value value = { .kind = PONGO_MACRO, .object = macro };

	*macro = (struct macro) { node, scope };
	scope_set(&renderer->arena, scope, node->name, &value);
	return 0;
}

int render_macro(struct renderer *renderer, const struct macro *macro, const struct pongo_value *arguments,
		 size_t count, struct pongo_position position, struct pongo_value *value, struct error *e)
{
	const struct node *node = macro->node;
	struct scope scope = { .parent = macro->scope, .escapes = macro->scope->escapes };
	struct pongo_value made = { .kind = PONGO_TEXT, .safe = true };

	/* pongo2 4 writes what is wrong into the text instead, 6 fails. */
	if (count > node->binding_count) {
		error_set(e, ERROR_RECIPE, "the macro '%.*s' takes at most %zu arguments, not %zu",
			  TEXT_ARG(node->name), node->binding_count, count);
		return render_fail_at(renderer, position);
	}
	for (size_t i = 0; i < node->binding_count; i++) {
		const struct binding *parameter = &node->bindings[i];
		struct pongo_value argument = { .kind = PONGO_NONE };

		if (parameter->value &&
		    render_evaluate(renderer, macro->scope, parameter->value, &argument, e) < 0)
			return -1;
		if (i < count) {
			argument = arguments[i];
			argument.safe = false;
		}
		scope_set(&renderer->arena, &scope, parameter->name, &argument);
	}
	if (capture(renderer, &scope, node->body, node->position, &made.text, e) < 0)
		return -1;
	*value = made;
	return 0;
}

static int render_now(struct renderer *renderer, const struct node *node, struct error *e)
{
	/* What pongo2 takes for its own tests: February 5, 2014, 18:31:45 UTC. */
	static const int64_t fake_s = 1391625105;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct timespec now = { .tv_sec = fake_s };
	struct tm when;

	if (!node->flag && !renderer->caller->is_live) {
		error_set(e, ERROR_UNSUPPORTED,
			  "'now' is refused here: the same recipe has to give the same image");
		return render_fail_at(renderer, node->position);
	}
	if (node->flag) {
		gmtime_r(&now.tv_sec, &when);
		when.tm_zone = "UTC";
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &when);
	}
	clock_format(&text, &when, now.tv_nsec, node->text);
	return emit(renderer, (struct text) { text.data, text.len }, node->position, e);
}

static int render_set(struct renderer *renderer, struct scope *scope, const struct node *node,
		      struct error *e)
{
	struct pongo_value value = { .kind = PONGO_NONE };

	if (render_evaluate(renderer, scope, node->value, &value, e) < 0)
		return -1;
	scope_set(&renderer->arena, scope, node->name, &value);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where on the line that begins at AT a tag ends behind which blanks and a further tag come; *next is that tag. */
static size_t find_gap(struct text text, size_t at, size_t *next)
{
	for (; at < text.len && text.ptr[at] != '\n'; at++) {
		size_t after = at + 1;

		if (text.ptr[at] != '>')
			continue;
		while (after < text.len && is_blank(text.ptr[after]))
			after++;
		if (after == at + 1 || after == text.len || text.ptr[after] != '<')
			continue;
		*next = after;
		for (; after < text.len && text.ptr[after] != '\n'; after++)
			if (text.ptr[after] == '>')
				return at;
	}
	return SIZE_MAX;
}

/* One pass: from each tag on to the next gap on its line, which goes; then on behind the tag that follows it. */
static bool remove_gaps(struct buffer *out, struct text text)
{
	bool changed = false;
	size_t gap = 0;
	size_t next = 0;
	size_t dead = 0; /* no gap begins before it */

	for (size_t at = 0; at < text.len;) {
		const char *end;

		gap = text.ptr[at] == '<' && at >= dead ? find_gap(text, at + 1, &next) : SIZE_MAX;
		if (gap == SIZE_MAX) {
			if (text.ptr[at] == '<' && at >= dead) {
				end = memchr(text.ptr + at, '\n', text.len - at);
				dead = end ? (size_t)(end - text.ptr) : text.len;
			}
			buffer_addc(out, text.ptr[at++]);
			continue;
		}
		buffer_add(out, text.ptr + at, gap + 1 - at);
		end = memchr(text.ptr + next, '>', text.len - next);
		at = (size_t)(end - text.ptr) + 1;
		buffer_add(out, text.ptr + next, at - next);
		changed = true;
	}
	return changed;
}

static int render_spaceless(struct renderer *renderer, struct scope *scope, const struct node *node,
			    struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	struct text body;
	bool changed = true;

	if (capture(renderer, scope, node->body, node->position, &body, e) < 0)
		return -1;
	buffer_add(&text, body.ptr, body.len);
	while (changed) {
		auto_buffer struct buffer once = BUFFER_INIT;

		if (render_account(renderer, node->position, text.len, e) < 0)
			return -1;
		changed = remove_gaps(&once, (struct text) { text.data, text.len });
		buffer_release(&text);
		text = TAKE(once, BUFFER_INIT);
	}
	return emit(renderer, (struct text) { text.data, text.len }, node->position, e);
}

static int render_widthratio(struct renderer *renderer, struct scope *scope, const struct node *node,
			     struct error *e)
{
	double parts[3];
	struct pongo_value value;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		value = (struct pongo_value) { .kind = PONGO_NONE };
		if (render_evaluate(renderer, scope, node->arguments.items[i], &value, e) < 0)
			return -1;
		parts[i] = value_number(&value);
	}
	/* Half, and then up: one more than what is meant for a whole number, as pongo2 has it. */
	value = value_of_integer(number_to_integer(ceil(parts[0] / parts[1] * parts[2] + 0.5)));
	if (!node->name.len)
		return emit_value(renderer, &value, node->position, e);
	scope_set(&renderer->arena, scope, node->name, &value);
	return 0;
}

static int render_with(struct renderer *renderer, struct scope *outer, const struct node *node,
		       struct error *e)
{
	struct scope scope = { .parent = outer, .escapes = outer->escapes };

	for (size_t i = 0; i < node->binding_count; i++) {
		struct pongo_value value = { .kind = PONGO_NONE };

		if (render_evaluate(renderer, outer, node->bindings[i].value, &value, e) < 0)
			return -1;
		scope_set(&renderer->arena, &scope, node->bindings[i].name, &value);
	}
	return render_nodes(renderer, &scope, node->body, e);
}

static int render_node(struct renderer *renderer, struct scope *scope, const struct node *node,
		       struct error *e)
{
	switch (node->kind) {
	case NODE_TEXT:
		return emit(renderer, node->text, node->position, e);
	case NODE_VALUE:
		return render_value(renderer, scope, node, e);
	case NODE_AUTOESCAPE:
		return render_autoescape(renderer, scope, node, e);
	case NODE_BLOCK:
		return render_block(renderer, scope, node, e);
	case NODE_CYCLE:
		return render_cycle(renderer, scope, node, e);
	case NODE_FILTER:
		return render_filter_tag(renderer, scope, node, e);
	case NODE_FIRSTOF:
		return render_firstof(renderer, scope, node, e);
	case NODE_FOR:
		return render_for(renderer, scope, node, e);
	case NODE_IF:
		return render_if(renderer, scope, node, e);
	case NODE_IFCHANGED:
		return render_ifchanged(renderer, scope, node, e);
	case NODE_IFEQUAL:
		return render_ifequal(renderer, scope, node, e);
	case NODE_MACRO:
		return define_macro(renderer, scope, node);
	case NODE_NOTHING:
		return 0;
	case NODE_NOW:
		return render_now(renderer, node, e);
	case NODE_SET:
		return render_set(renderer, scope, node, e);
	case NODE_SPACELESS:
		return render_spaceless(renderer, scope, node, e);
	case NODE_WIDTHRATIO:
		return render_widthratio(renderer, scope, node, e);
	case NODE_WITH:
		return render_with(renderer, scope, node, e);
	}
	return 0;
}

int render_nodes(struct renderer *renderer, struct scope *scope, const struct node *node, struct error *e)
{
	for (; node; node = node->next) {
		if (render_enter(renderer, node->position, e) < 0 ||
		    render_node(renderer, scope, node, e) < 0)
			return -1;
		renderer->depth--;
	}
	return 0;
}

/* "pongo2" is the one name that the engine itself gives. */
static void set_version(struct renderer *renderer, struct scope *scope)
{
	const struct pongo_entry entry = {
		TEXT("version"),
		value_of_text(renderer->template->version == PONGO_4 ? TEXT("4.0.2") : TEXT("6.0.0")),
	};
	struct pongo_value value = {
		.kind = PONGO_MAP,
		.map = pongo_map_make(&renderer->arena, "pongo2.Context", &entry, 1),
	};

	scope_set(&renderer->arena, scope, TEXT("pongo2"), &value);
}

int pongo_render(const struct pongo_template *template, const struct pongo_scope *caller, struct buffer *out,
		 struct pongo_position *where, struct error *e)
{
	auto_buffer struct buffer made = BUFFER_INIT;
	struct renderer renderer = {
		.template = template, .caller = caller, .arena = ARENA_INIT, .out = &made, .where = where
	};
	struct scope scope = { .parent = NULL };
	int r;

	renderer.slots = arena_alloc(&renderer.arena, (template->slot_count + 1) * sizeof *renderer.slots);
	set_version(&renderer, &scope);
	r = render_nodes(&renderer, &scope, template->nodes, e);
	arena_release(&renderer.arena);
	if (r < 0)
		return -1;
	buffer_add(out, made.data, made.len);
	return 0;
}
