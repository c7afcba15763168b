/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/merge.h"

#include "base/limits.h"
#include "base/map.h"

#include <assert.h>

/* Removing and replacing looks at every entry beneath: bounds for what that may cost. */
enum { ORDERS_MAX = 1000, PATTERN_NODES_MAX = 100 };

static int merge_node(struct merger *merger, struct node *below, struct node *above, struct node **out,
		      struct error *e);

/* After a mistake that was set in *e: whether to go on without what is wrong. */
static int go_on(const struct merger *merger, struct error *e)
{
	return merger->problems ? problems_take(merger->problems, e) : -1;
}

static struct node *make_like(const struct merger *merger, const struct node *node)
{
	struct node *made = arena_alloc(merger->arena, sizeof *made);

	*made = *node;
	made->items = NULL;
	made->pairs = NULL;
	made->count = 0;
	made->size = 1;
	made->height = 1;
	made->order = ORDER_MERGE;
	made->ordered = false;
	return made;
}

static void count_in(struct node *node, const struct node *child)
{
	assert(child); /* clang's analyzer would not believe it */
	node->size += child->size;
	node->ordered |= child->ordered;
	if (child->height >= node->height)
		node->height = child->height + 1;
}

static void add_item(const struct merger *merger, struct node *list, struct node *item)
{
	ARENA_PUSH(merger->arena, list->items, list->count, item);
	count_in(list, item);
}

static void add_pair(const struct merger *merger, struct node *map, const struct node_pair *pair,
		     struct node *value)
{
	struct node_pair added = *pair;

	added.value = value;
	ARENA_PUSH(merger->arena, map->pairs, map->count, added);
	count_in(map, value);
}

/* The position of each key of NODE, plus one. */
static void index_keys(const struct node *node, struct map *keys)
{
	map_reserve(keys, node->count);
	for (size_t i = 0; i < node->count; i++)
		map_put(keys, text_of(node->pairs[i].key), (void *)(i + 1));
}

/* Whether PATTERN, what is to be removed, is like NODE: a mapping may leave keys out. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the recipe */
static bool is_like(const struct node *pattern, const struct node *node)
{
	if (pattern->kind != node->kind)
		return false;
	switch (pattern->kind) {
	case NODE_SCALAR:
		return pattern->null == node->null && strcmp(pattern->text, node->text) == 0;
	case NODE_LIST:
		for (size_t i = 0; i < pattern->count && pattern->count == node->count; i++)
			if (!is_like(pattern->items[i], node->items[i]))
				return false;
		return pattern->count == node->count;
	case NODE_MAP:
		break;
	}
	for (size_t i = 0; i < pattern->count; i++) {
		const struct node_pair *pair = node_find(node, pattern->pairs[i].key);

		if (!pair || !is_like(pattern->pairs[i].value, pair->value))
			return false;
	}
	return true;
}

/* What tells the entries of a list apart: *any says whether ENTRY has one of these keys. */
static bool has_names_of(const struct node *entry, const struct node *node, bool *any)
{
	static const char *const names[] = { "name", "path", "key" };

	*any = false;
	for (size_t i = 0; i < ARRAY_LEN(names) && entry->kind == NODE_MAP; i++) {
		const struct node_pair *wanted = node_find(entry, names[i]);
		const struct node_pair *found;

		if (!wanted || wanted->value->kind != NODE_SCALAR || wanted->value->null)
			continue;
		*any = true;
		found = node && node->kind == NODE_MAP ? node_find(node, names[i]) : NULL;
		if (!found || !is_like(wanted->value, found->value))
			return false;
	}
	return *any;
}

static int check_order(struct merger *merger, const struct node *entry, struct error *e)
{
	bool named = false;

	if (++merger->orders > ORDERS_MAX)
		return error_at(e, ERROR_RECIPE, &entry->place,
				"more than %d entries of lists are to be replaced or removed", ORDERS_MAX);
	if (entry->order == ORDER_REMOVE && entry->null)
		return error_at(e, ERROR_RECIPE, &entry->place,
				"'!remove' in a list needs what the entry to be removed is like");
	if (entry->order == ORDER_REMOVE && entry->size > PATTERN_NODES_MAX)
		return error_at(e, ERROR_RECIPE, &entry->place,
				"'!remove' needs no more than what tells the entry from others (%d values at "
				"most)",
				PATTERN_NODES_MAX);
	if (entry->order == ORDER_REPLACE)
		has_names_of(entry, NULL, &named);
	if (entry->order == ORDER_REPLACE && !named)
		return error_at(e, ERROR_RECIPE, &entry->place,
				"'!replace' in a list is for entries that have a 'name', 'path' or 'key' "
				"('!remove' takes any away)");
	return 0;
}

/* Carry out ENTRY, a removal or replacement, on the entries of LIST, which come from beneath. */
static int apply_order(struct merger *merger, struct node *list, struct node *entry, struct error *e)
{
	bool remove = entry->order == ORDER_REMOVE;
	struct node *instead = NULL;
	size_t kept = 0;
	size_t found = 0;
	bool named;

	if (check_order(merger, entry, e) < 0 ||
	    (!remove && merge_node(merger, NULL, entry, &instead, e) < 0))
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		struct node *item = list->items[i];

		if (!(remove ? is_like(entry, item) : has_names_of(entry, item, &named)))
			list->items[kept++] = item;
		else if (!remove && found++ == 0)
			list->items[kept++] = instead;
		else
			found++;
	}
	list->count = kept;
	if (found)
		return 0;
	return error_at(e, ERROR_RECIPE, &entry->place, "no entry beneath is there to be %s: none %s",
			remove ? "removed" : "replaced",
			remove ? "is like this one" : "has the same 'name', 'path' and 'key'");
}

static int merge_lists(struct merger *merger, const struct node *below, const struct node *above,
		       struct node **out, struct error *e)
{
	struct node *merged = make_like(merger, above);
	struct node *beneath = make_like(merger, above);

	for (size_t i = 0; below && i < below->count; i++)
		add_item(merger, beneath, below->items[i]);
	for (size_t i = 0; i < above->count; i++)
		if (above->items[i]->order != ORDER_MERGE &&
		    apply_order(merger, beneath, above->items[i], e) < 0 && go_on(merger, e) < 0)
			return -1;
	for (size_t i = 0; i < beneath->count; i++)
		add_item(merger, merged, beneath->items[i]);
	for (size_t i = 0; i < above->count; i++) {
		struct node *item = NULL;

		if (above->items[i]->order != ORDER_MERGE)
			continue;
		if (merge_node(merger, NULL, above->items[i], &item, e) < 0)
			return -1;
		add_item(merger, merged, item);
	}
	*out = merged;
	return 0;
}

static int check_removal(const struct node_pair *pair, bool there, struct error *e)
{
	const struct node *value = pair->value;

	if (!value->null)
		return error_at(e, ERROR_RECIPE, &value->place,
				"'%s: !remove' takes no value: it takes the key away ('!replace' sets one)",
				pair->key);
	if (!there)
		return error_at(e, ERROR_RECIPE, &value->place, "there is no '%s' beneath to be removed",
				pair->key);
	return 0;
}

/* The value of PAIR over the one at BELOW, which may be NULL. */
static int merge_pair(struct merger *merger, struct node *below, const struct node_pair *pair,
		      struct node **out, struct error *e)
{
	bool outside = !merger->keeping;
	int result;

	/* What is to be laid over the recipe later keeps its tags until then. */
	if (!outside && strcmp(pair->key, "set") == 0) {
		*out = pair->value;
		return 0;
	}
	merger->keeping = !outside || (merger->depth == 1 && strcmp(pair->key, "matrix") == 0);
	result = merge_node(merger, below, pair->value, out, e);
	merger->keeping = !outside;
	return result;
}

static int merge_maps(struct merger *merger, const struct node *below, const struct node *above,
		      struct node **out, struct error *e)
{
	auto_map struct map above_keys = MAP_INIT;
	auto_map struct map below_keys = MAP_INIT;
	struct node *merged = make_like(merger, above);

	index_keys(above, &above_keys);
	if (below)
		index_keys(below, &below_keys);
	for (size_t i = 0; below && i < below->count; i++) {
		const struct node_pair *pair = &below->pairs[i];
		size_t position = (size_t)map_get(&above_keys, text_of(pair->key));
		const struct node_pair *over = position ? &above->pairs[position - 1] : NULL;
		struct node *value = pair->value;

		if (over && over->value->order == ORDER_REMOVE) {
			if (check_removal(over, true, e) < 0 && go_on(merger, e) < 0)
				return -1;
			continue;
		}
		if (over && merge_pair(merger, pair->value, over, &value, e) < 0)
			return -1;
		add_pair(merger, merged, over && value != pair->value ? over : pair, value);
	}
	for (size_t i = 0; i < above->count; i++) {
		const struct node_pair *pair = &above->pairs[i];
		struct node *value = NULL;

		if (map_get(&below_keys, text_of(pair->key)))
			continue;
		if (pair->value->order == ORDER_REMOVE) {
			if (check_removal(pair, false, e) < 0 && go_on(merger, e) < 0)
				return -1;
			continue;
		}
		if (merge_pair(merger, NULL, pair, &value, e) < 0)
			return -1;
		add_pair(merger, merged, pair, value);
	}
	*out = merged;
	return 0;
}

static int fail_kinds(const struct node *below, const struct node *above, struct error *e)
{
	return error_at(e, ERROR_RECIPE, &above->place,
			"%s cannot be merged with %s from %s:%u ('!replace' takes this one instead)",
			node_kind_name(above), node_kind_name(below), below->place.file, below->place.line);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the recipe, which yaml.c bounds */
static int merge_node(struct merger *merger, struct node *below, struct node *above, struct node **out,
		      struct error *e)
{
	if (above->order == ORDER_REPLACE)
		below = NULL;
	if (below && above->null) {
		*out = below;
		return 0;
	}
	if (above->broken) {
		*out = above;
		return 0;
	}
	if (below && (below->null || below->broken))
		below = NULL;
	if (!below && !above->ordered) {
		*out = above;
		return 0;
	}
	if (below && below->kind != above->kind) {
		fail_kinds(below, above, e);
		*out = below;
		return go_on(merger, e);
	}
	if (above->kind == NODE_LIST)
		return merge_lists(merger, below, above, out, e);
	if (above->kind == NODE_MAP) {
		int result;

		merger->depth++;
		result = merge_maps(merger, below, above, out, e);
		merger->depth--;
		return result;
	}
	*out = make_like(merger, above);
	return 0;
}

int merge_over(struct merger *merger, struct node *below, struct node *above, struct node **out,
	       struct error *e)
{
	if (above->order != ORDER_MERGE)
		return error_at(e, ERROR_RECIPE, &above->place,
				"'!%s' is for what a file says, not for the file as a whole",
				above->order == ORDER_REMOVE ? "remove" : "replace");
	return merge_node(merger, below, above, out, e);
}
