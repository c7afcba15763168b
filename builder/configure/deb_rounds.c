/* SPDX-License-Identifier: Apache-2.0 */
#include "configure/deb_rounds.h"

void deb_rounds_init(struct deb_rounds *rounds, const struct plan *plan, const struct plan_step *step)
{
	*rounds = (struct deb_rounds) { .plan = plan, .step = step };
	rounds->states = xcalloc(plan->package_count, sizeof *rounds->states);
	rounds->has_preinst = xcalloc(plan->package_count, sizeof *rounds->has_preinst);
	rounds->silent = xcalloc(plan->package_count, sizeof *rounds->silent);
}

/*
 * Mark in VISITED what has to be configured before POSITION's preinst can run, with all that dpkg wants
 * configured for it. False when something of it is not even unpacked.
 */
static bool visit_needed(const struct deb_rounds *rounds, size_t position, bool *visited)
{
	const struct plan_package *waiting = &rounds->plan->packages[position];
	auto_free size_t *queue = NULL;
	size_t count = 0;

	for (size_t i = 0; i < waiting->pre_depend_count; i++)
		PUSH(queue, count, waiting->pre_depends[i]);
	while (count > 0) {
		size_t next = queue[--count];
		const struct plan_package *package = &rounds->plan->packages[next];

		if (visited[next] || rounds->states[next] == ROUND_CONFIGURED)
			continue;
		if (rounds->states[next] == ROUND_NOT_UNPACKED)
			return false;
		visited[next] = true;
		for (size_t i = 0; i < package->depend_count; i++)
			PUSH(queue, count, package->depends[i]);
	}
	return true;
}

/* Whether nothing that runs a script has to be configured before the preinst of POSITION. */
static bool may_run_preinst(const struct deb_rounds *rounds, size_t position)
{
	size_t total = rounds->plan->package_count;
	auto_free bool *visited = xcalloc(total, sizeof *visited);

	if (!visit_needed(rounds, position, visited))
		return false;
	for (size_t i = 0; i < total; i++)
		if (visited[i] && !rounds->silent[i])
			return false;
	return true;
}

size_t *deb_rounds_unpackable(const struct deb_rounds *rounds, size_t *count)
{
	size_t *positions = NULL;

	*count = 0;
	for (size_t i = 0; i < rounds->step->count; i++) {
		size_t position = rounds->step->packages[i];

		if (rounds->states[position] == ROUND_NOT_UNPACKED &&
		    (!rounds->has_preinst[position] || may_run_preinst(rounds, position)))
			PUSH(positions, *count, position);
	}
	return positions;
}

/* What has to be configured before the packages of the step whose state is one of STATES, bits, could be unpacked. */
static size_t *needed_by(const struct deb_rounds *rounds, unsigned states, size_t *count)
{
	size_t total = rounds->plan->package_count;
	auto_free bool *needed = xcalloc(total, sizeof *needed);
	auto_free bool *visited = xcalloc(total, sizeof *visited);
	size_t *positions = NULL;

	for (size_t i = 0; i < rounds->step->count; i++) {
		size_t position = rounds->step->packages[i];

		if (!(states & 1U << rounds->states[position]))
			continue;
		memset(visited, 0, total * sizeof *visited);
		if (!visit_needed(rounds, position, visited))
			continue;
		for (size_t k = 0; k < total; k++)
			needed[k] = needed[k] || visited[k];
	}
	*count = 0;
	for (size_t k = 0; k < total; k++)
		if (needed[k])
			PUSH(positions, *count, k);
	return positions;
}

size_t *deb_rounds_needed(const struct deb_rounds *rounds, size_t *count)
{
	size_t *positions = needed_by(rounds, 1U << ROUND_NOT_UNPACKED, count);

	if (*count == 0)
		return positions;
	free(positions);
	return needed_by(rounds, 1U << ROUND_NOT_UNPACKED | 1U << ROUND_UNPACKED, count);
}

size_t *deb_rounds_first(const struct deb_rounds *rounds, size_t *count)
{
	size_t *positions = needed_by(rounds, 1U << ROUND_UNPACKED, count);
	bool silent = true;

	for (size_t i = 0; i < *count; i++)
		silent = silent && rounds->silent[positions[i]];
	if (silent)
		*count = 0;
	return positions;
}

size_t deb_rounds_left(const struct deb_rounds *rounds)
{
	size_t left = 0;

	for (size_t i = 0; i < rounds->step->count; i++)
		if (rounds->states[rounds->step->packages[i]] == ROUND_NOT_UNPACKED)
			left++;
	return left;
}

void deb_rounds_release(struct deb_rounds *rounds)
{
	free(TAKE(rounds->states, NULL));
	free(TAKE(rounds->has_preinst, NULL));
	free(TAKE(rounds->silent, NULL));
}
