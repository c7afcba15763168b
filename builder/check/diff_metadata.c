/* SPDX-License-Identifier: Apache-2.0 */
#include "check/diff.h"

#include "recipe/yaml.h"

/* NODE, whose way from the top is the content of KEY, and all below it. */
static void add_node(struct diff_side *side, const struct node *node, struct buffer *key)
{
	size_t len = key->len;
	struct diff_value value = { NULL, node->text };

	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == NODE_MAP)
			buffer_addf(key, "%s%s", len ? "." : "", node->pairs[i].key);
		else
			buffer_addf(key, "[%zu]", i);
		add_node(side, node->kind == NODE_MAP ? node->pairs[i].value : node->items[i], key);
		buffer_cut(key, len);
	}
	if (node->count)
		return;
	if (node->kind != NODE_SCALAR)
		value.value = node->kind == NODE_MAP ? "{}" : "[]";
	value.key = arena_strndup(&side->arena, key->data ? key->data : "", key->len);
	PUSH(side->metadata.items, side->metadata.count, value);
}

int diff_side_add_metadata(struct diff_side *side, struct text text, struct error *e)
{
	auto_buffer struct buffer key = BUFFER_INIT;
	struct node *root;

	side->has_metadata = true;
	if (yaml_read(&side->arena, "metadata.yaml", text, &root, e) < 0) {
		/* It is no recipe, although it is read as one. */
		if (e->kind == ERROR_RECIPE)
			e->kind = ERROR_FORMAT;
		return -1;
	}
	if (root)
		add_node(side, root, &key);
	return 0;
}
