/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at every name of a template, in all branches, without working anything out. */
#include "pongo/syntax.h"

/* Names that tags give, from the inside to the outside. */
struct local {
	struct text name;
	const struct local *next;
};

struct checker {
	const struct pongo_scope *caller;
	struct arena arena;
	struct pongo_position *where;
};

static int check_expression(struct checker *checker, const struct local *locals,
			    const struct expression *expression, struct error *e);

static bool is_local(const struct local *local, struct text name)
{
	for (; local; local = local->next)
		if (text_equal(local->name, name))
			return true;
	return text_is(name, "pongo2");
}

static void add_local(struct checker *checker, const struct local **locals, struct text name)
{
	struct local *local;

	if (!name.len || is_local(*locals, name))
		return;
	local = arena_alloc(&checker->arena, sizeof *local);
	*local = (struct local) { name, *locals };
	*locals = local;
}

/* As rendering would look a name up. A member of what certainly has none is a mistake, too. */
static int look_up(struct checker *checker, const struct expression *expression, struct error *e)
{
	const struct name_part *part = expression->parts;
	struct pongo_value value = { .kind = PONGO_NONE };

	*checker->where = expression->position;
	if (scope_look_up(checker->caller, &part, &checker->arena, &value, e) < 0)
		return -1;
	if (value.kind >= PONGO_FLAG && value.kind <= PONGO_TEXT && part->next && part->next->name.len)
		return error_set(e, ERROR_RECIPE, "'%.*s' has no member '%.*s'", TEXT_ARG(part->name),
				 TEXT_ARG(part->next->name));
	return 0;
}

static int check_list(struct checker *checker, const struct local *locals, const struct expressions *list,
		      struct error *e)
{
	for (size_t i = 0; i < list->count; i++)
		if (check_expression(checker, locals, list->items[i], e) < 0)
			return -1;
	return 0;
}

static int check_name(struct checker *checker, const struct local *locals,
		      const struct expression *expression, struct error *e)
{
	if (!is_local(locals, expression->parts->name) && look_up(checker, expression, e) < 0)
		return -1;
	for (const struct name_part *part = expression->parts; part; part = part->next)
		if ((part->subscript && check_expression(checker, locals, part->subscript, e) < 0) ||
		    check_list(checker, locals, &part->arguments, e) < 0)
			return -1;
	return 0;
}

static int check_expression(struct checker *checker, const struct local *locals,
			    const struct expression *expression, struct error *e)
{
	if (expression->operation == OPERATION_VALUE)
		return 0;
	if (expression->operation == OPERATION_NAME)
		return check_name(checker, locals, expression, e);
	if (check_expression(checker, locals, expression->left, e) < 0)
		return -1;
	return expression->right ? check_expression(checker, locals, expression->right, e) : 0;
}

/* The expressions that stand in the tag itself. */
static int check_arguments(struct checker *checker, const struct local *locals, const struct node *node,
			   struct error *e)
{
	if (node->value && check_expression(checker, locals, node->value, e) < 0)
		return -1;
	for (size_t i = 0; i < node->binding_count; i++)
		if (node->bindings[i].value &&
		    check_expression(checker, locals, node->bindings[i].value, e) < 0)
			return -1;
	for (size_t i = 0; i < node->filter_count; i++)
		if (node->filters[i].argument &&
		    check_expression(checker, locals, node->filters[i].argument, e) < 0)
			return -1;
	return check_list(checker, locals, &node->arguments, e);
}

/* Whether what is set in the body of NODE is known behind it too. */
static bool shares_names(const struct node *node)
{
	return node->kind != NODE_FOR && node->kind != NODE_WITH && node->kind != NODE_MACRO;
}

static int check_nodes(struct checker *checker, const struct local **locals, const struct node *node,
		       struct error *e);

static int check_bodies(struct checker *checker, const struct local **locals, const struct node *node,
			struct error *e)
{
	for (const struct branch *branch = node->branches; branch; branch = branch->next)
		if ((branch->condition && check_expression(checker, *locals, branch->condition, e) < 0) ||
		    check_nodes(checker, locals, branch->body, e) < 0)
			return -1;
	if (check_nodes(checker, locals, node->body, e) < 0)
		return -1;
	return check_nodes(checker, locals, node->other, e);
}

static int check_node(struct checker *checker, const struct local **locals, const struct node *node,
		      struct error *e)
{
	const struct local *inner = *locals;

	if (check_arguments(checker, *locals, node, e) < 0)
		return -1;
	if (shares_names(node)) {
		if (node->kind == NODE_BLOCK)
			add_local(checker, locals, TEXT("block"));
		else
			add_local(checker, locals, node->name);
		return check_bodies(checker, locals, node, e);
	}
	if (node->kind == NODE_MACRO)
		add_local(checker, locals, node->name);
	inner = *locals;
	if (node->kind == NODE_FOR) {
		add_local(checker, &inner, TEXT("forloop"));
		add_local(checker, &inner, node->name);
		add_local(checker, &inner, node->second_name);
	}
	for (size_t i = 0; i < node->binding_count; i++)
		add_local(checker, &inner, node->bindings[i].name);
	return check_bodies(checker, &inner, node, e);
}

static int check_nodes(struct checker *checker, const struct local **locals, const struct node *node,
		       struct error *e)
{
	for (; node; node = node->next)
		if (check_node(checker, locals, node, e) < 0)
			return -1;
	return 0;
}

int pongo_check(const struct pongo_template *template, const struct pongo_scope *scope,
		struct pongo_position *where, struct error *e)
{
	struct checker checker = { .caller = scope, .arena = ARENA_INIT, .where = where };
	const struct local *locals = NULL;
	int r = check_nodes(&checker, &locals, template->nodes, e);

	arena_release(&checker.arena);
	return r;
}
