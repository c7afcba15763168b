/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_plan.h"

/* Tarjan's strongly connected components, without recursion: a chain of packages may be long. */
struct node {
	size_t number; /* of the visit, from 1; 0: not visited */
	size_t low;
	size_t next_edge;
	bool inside; /* of the step */
	bool open;   /* on the stack of components */
	bool placed;
};

struct order {
	const struct plan *plan;
	struct node *nodes;
	size_t *open; /* packages whose component is not complete */
	size_t open_count;
	size_t *path;
	size_t path_count;
	size_t visits;
	size_t *result;
	size_t result_count;
};

static void order_release(struct order *order)
{
	free(order->nodes);
	free(order->open);
	free(order->path);
}

static size_t count_unplaced(const struct order *order, const size_t *positions, size_t count)
{
	size_t unplaced = 0;

	for (size_t i = 0; i < count; i++)
		unplaced += order->nodes[positions[i]].inside && !order->nodes[positions[i]].placed;
	return unplaced;
}

/* Of a circle, the one to go next: with the fewest Pre-Depends open, then Depends; then by position. */
static size_t pick(const struct order *order, const size_t *members, size_t count)
{
	size_t best = SIZE_MAX;
	size_t best_pre = SIZE_MAX;
	size_t best_all = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		const struct plan_package *package = &order->plan->packages[members[i]];
		size_t pre;
		size_t all;

		if (order->nodes[members[i]].placed)
			continue;
		pre = count_unplaced(order, package->pre_depends, package->pre_depend_count);
		all = count_unplaced(order, package->depends, package->depend_count);
		if (pre > best_pre || (pre == best_pre && all > best_all) ||
		    (pre == best_pre && all == best_all && members[i] > best))
			continue;
		best = members[i];
		best_pre = pre;
		best_all = all;
	}
	return best;
}

static void place_component(struct order *order, size_t root)
{
	size_t start = order->open_count;
	size_t count;

	while (order->open[--start] != root)
		order->nodes[order->open[start]].open = false;
	order->nodes[root].open = false;
	count = order->open_count - start;
	for (size_t i = 0; i < count; i++) {
		size_t next = pick(order, order->open + start, count);

		order->nodes[next].placed = true;
		order->result[order->result_count++] = next;
	}
	order->open_count = start;
}

static void enter(struct order *order, size_t position)
{
	struct node *node = &order->nodes[position];

	node->number = ++order->visits;
	node->low = node->number;
	node->open = true;
	order->open[order->open_count++] = position;
	order->path[order->path_count++] = position;
}

/* Go on with the last package of the path: to one that it depends on, or back. */
static void advance(struct order *order)
{
	size_t position = order->path[order->path_count - 1];
	struct node *node = &order->nodes[position];
	const struct plan_package *package = &order->plan->packages[position];

	while (node->next_edge < package->depend_count) {
		size_t target = package->depends[node->next_edge++];
		const struct node *other = &order->nodes[target];

		if (!other->inside)
			continue;
		if (other->number == 0) {
			enter(order, target);
			return;
		}
		if (other->open && other->number < node->low)
			node->low = other->number;
	}
	if (node->low == node->number)
		place_component(order, position);
	order->path_count--;
	if (order->path_count) {
		struct node *parent = &order->nodes[order->path[order->path_count - 1]];

		if (node->low < parent->low)
			parent->low = node->low;
	}
}

static int by_number(const void *a, const void *b)
{
	const size_t *left = a;
	const size_t *right = b;

	return (*left > *right) - (*left < *right);
}

void deb_order(const struct plan *plan, size_t *positions, size_t count)
{
	struct order AUTO(order_release) order = { .plan = plan };
	auto_free size_t *start = NULL;

	if (count == 0)
		return;
	order.nodes = xcalloc(plan->package_count, sizeof *order.nodes);
	order.open = xcalloc(count, sizeof *order.open);
	order.path = xcalloc(count, sizeof *order.path);
	order.result = positions;
	start = xcalloc(count, sizeof *start);
	memcpy(start, positions, count * sizeof *start);
	qsort(start, count, sizeof *start, by_number);
	for (size_t i = 0; i < count; i++)
		order.nodes[start[i]].inside = true;
	for (size_t i = 0; i < count; i++) {
		if (order.nodes[start[i]].number)
			continue;
		enter(&order, start[i]);
		while (order.path_count)
			advance(&order);
	}
}
