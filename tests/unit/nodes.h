/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of YAML, compared. */
#ifndef TESTS_UNIT_NODES_H
#define TESTS_UNIT_NODES_H

#include "recipe/yaml.h"

/* The same but for places. */
static inline bool nodes_are_equal(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->count != b->count || a->order != b->order || a->null != b->null)
		return false;
	if (a->kind == NODE_SCALAR)
		return a->null || strcmp(a->text, b->text) == 0;
	for (size_t i = 0; i < a->count; i++) {
		if (a->kind == NODE_LIST && !nodes_are_equal(a->items[i], b->items[i]))
			return false;
		if (a->kind == NODE_MAP && (strcmp(a->pairs[i].key, b->pairs[i].key) != 0 ||
					    !nodes_are_equal(a->pairs[i].value, b->pairs[i].value)))
			return false;
	}
	return true;
}

#endif
