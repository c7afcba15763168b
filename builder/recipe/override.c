/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/override.h"

#include "base/limits.h"

struct override {
	struct arena *arena;
	struct place place; /* "-o image.release" */
	struct text rest;   /* of the key */
	const char *value;
	bool option; /* of the command line */
};

static struct node *make_node(const struct override *override, enum node_kind kind)
{
	struct node *node = arena_alloc(override->arena, sizeof *node);

	*node = (struct node) {
		.kind = kind,
		.place = override->place,
		.text_place = override->place,
		.size = 1,
		.height = 1,
	};
	return node;
}

/*
 * The next part of the key: up to a dot, or the number in brackets. False when the key is no path: a part
 * is empty or a bracket is open.
 */
static bool next_part(struct override *override, const char **part)
{
	struct text rest = override->rest;
	bool bracket = text_starts(rest, "[");
	struct text word;
	size_t len = 0;

	rest.ptr += bracket;
	rest.len -= bracket;
	while (len < rest.len && !strchr(bracket ? "]" : ".[", rest.ptr[len]))
		len++;
	word = (struct text) { rest.ptr, len };
	rest.ptr += len;
	rest.len -= len;
	if (word.len == 0 || (bracket && rest.len == 0))
		return false;
	if (bracket) {
		rest.ptr++;
		rest.len--;
	}
	if (rest.len && rest.ptr[0] == '.') {
		rest.ptr++;
		rest.len--;
		if (rest.len == 0)
			return false;
	}
	override->rest = rest;
	*part = arena_strndup(override->arena, word.ptr, word.len);
	return true;
}

/* Nodes may be shared through aliases: what is on the way to the value is copied first. */
static struct node *copy_node(const struct override *override, const struct node *node)
{
	struct node *copy = arena_alloc(override->arena, sizeof *copy);

	*copy = *node;
	if (node->kind == NODE_MAP) {
		copy->pairs = NULL;
		copy->count = 0;
		for (size_t i = 0; i < node->count; i++)
			ARENA_PUSH(override->arena, copy->pairs, copy->count, node->pairs[i]);
	} else if (node->kind == NODE_LIST) {
		copy->items = NULL;
		copy->count = 0;
		for (size_t i = 0; i < node->count; i++)
			ARENA_PUSH(override->arena, copy->items, copy->count, node->items[i]);
	}
	return copy;
}

static struct node **find_in_map(const struct override *override, struct node *map, const char *key)
{
	struct node_pair *pair = node_find(map, key);

	if (!pair) {
		const struct node_pair made = { .key = key, .place = override->place };

		ARENA_PUSH(override->arena, map->pairs, map->count, made);
		pair = &map->pairs[map->count - 1];
	}
	return &pair->value;
}

static int find_in_list(const struct override *override, struct node *list, const char *part,
			struct node ***slot, struct error *e)
{
	uint64_t index;

	if (!text_to_u64(text_of(part), &index))
		return error_at(e, ERROR_RECIPE, &override->place,
				"'%s' must be the number of an entry: there is a list here", part);
	if (index > list->count)
		return error_at(e, ERROR_RECIPE, &override->place, "there is no entry %s: the list has %zu",
				part, list->count);
	if (index == list->count)
		ARENA_PUSH(override->arena, list->items, list->count, NULL);
	*slot = &list->items[index];
	return 0;
}

/* Where PART is kept below *slot, which is copied or made on the way. */
static int descend(const struct override *override, struct node **slot, const char *part,
		   struct node ***below, struct error *e)
{
	struct node *node = *slot;

	if (!node || node->null)
		node = make_node(override, strcmp(part, "0") == 0 ? NODE_LIST : NODE_MAP);
	else
		node = copy_node(override, node);
	*slot = node;
	if (node->kind == NODE_LIST)
		return find_in_list(override, node, part, below, e);
	if (node->kind == NODE_MAP) {
		*below = find_in_map(override, node, part);
		return 0;
	}
	return error_at(e, ERROR_RECIPE, &override->place, "there is text where '%s' is looked for", part);
}

static int set_value(struct override *override, const char *option, struct node **root, struct error *e)
{
	struct node **slot = root;
	unsigned depth = 0;

	while (override->rest.len) {
		const char *part = NULL;

		if (!next_part(override, &part) || ++depth > LIMIT_RECIPE_DEPTH)
			return error_set(e, ERROR_USAGE,
					 "option '-o %s': the key must be names and numbers between dots, "
					 "such as packages.sets.0.action",
					 option);
		if (descend(override, slot, part, &slot, e) < 0)
			return -1;
	}
	*slot = make_node(override, NODE_SCALAR);
	(*slot)->plain = true;
	(*slot)->option = override->option;
	(*slot)->text = override->value;
	return 0;
}

int override_apply(struct arena *arena, const char *option, struct node **root, struct error *e)
{
	const char *equals = strchr(option, '=');
	struct override override = { .arena = arena, .option = true };

	if (!equals || equals == option)
		return error_set(e, ERROR_USAGE,
				 "option '-o %s': must be KEY=VALUE, such as image.release=trixie", option);
	override.rest = (struct text) { option, (size_t)(equals - option) };
	override.value = arena_strdup(arena, equals + 1);
	override.place.file = arena_printf(arena, "-o %.*s", TEXT_ARG(override.rest));
	return set_value(&override, option, root, e);
}

int override_set(struct arena *arena, const char *key, const char *value, const struct place *place,
		 struct node **root, struct error *e)
{
	struct override override = { .arena = arena, .place = *place, .rest = text_of(key), .value = value };

	return set_value(&override, key, root, e);
}

bool override_is_early(const char *option)
{
	static const char *const keys[] = { "image.", "mappings.", "matrix.", "source.downloader=" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (is_prefix(option, keys[i]))
			return true;
	return false;
}
