/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_solutions.h"

static void append(struct deb_solutions *out, struct deb_version *version,
		   const struct deb_relation_part *part)
{
	if (out->count && out->versions[out->count - 1] == version)
		return;
	out->versions = grow(out->versions, out->count, sizeof(struct deb_version *));
	out->parts = grow(out->parts, out->count, sizeof(const struct deb_relation_part *));
	out->versions[out->count] = version;
	out->parts[out->count++] = part;
}

void deb_solutions_add(struct deb_resolver *resolver, struct deb_package *package,
		       const struct deb_relation_part *part, enum deb_when when, struct deb_solutions *out)
{
	struct deb_package *target = part->target;
	const struct deb_state *state = deb_state_of(resolver, target);
	struct deb_version *version = when == DEB_NOW ? state->current : state->candidate;

	if (version && deb_concerns(package, part, target) &&
	    deb_version_satisfies(version->version, part->relation, part->version))
		append(out, version, part);
	for (struct deb_provide *p = target->provides; p; p = p->next) {
		state = deb_state_of(resolver, p->owner->package);
		version = when == DEB_NOW ? state->current : state->candidate;
		if (version == p->owner && deb_concerns(package, part, version->package) &&
		    deb_version_satisfies(p->version, part->relation, part->version))
			append(out, version, part);
	}
}

/* Negative: A is to be tried before B; 0: only the order of mention can tell. */
static int compare(struct deb_resolver *resolver, const struct deb_relation_part *part,
		   const struct deb_version *a, const struct deb_version *b)
{
	const struct deb_state *left = deb_state_of(resolver, a->package);
	const struct deb_state *right = deb_state_of(resolver, b->package);
	bool left_same = a->multi_arch_same && left->current;
	bool right_same = b->multi_arch_same && right->current;

	if (left->fixed != right->fixed)
		return left->fixed ? -1 : 1;
	if (left_same != right_same)
		return left_same ? -1 : 1;
	if (!left->current != !right->current)
		return left->current ? -1 : 1;
	if (a->package == b->package)
		return 0;
	if (a->package == part->target || b->package == part->target)
		return a->package == part->target ? -1 : 1;
	if (a->package->essential != b->package->essential)
		return a->package->essential ? -1 : 1;
	if (a->package->important != b->package->important)
		return a->package->important ? -1 : 1;
	return (int)a->priority - (int)b->priority;
}

/* Stable, so that what compares equal stays together in the order of the providers. */
static void sort(struct deb_resolver *resolver, struct deb_version **versions, size_t count,
		 const struct deb_relation_part *part)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && compare(resolver, part, versions[k], versions[k - 1]) < 0; k--) {
			struct deb_version *swap = versions[k];

			versions[k] = versions[k - 1];
			versions[k - 1] = swap;
		}
}

/* A package that provides a name twice is one solution. */
static void drop_repetitions(struct deb_version **versions, size_t *count)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		bool seen = false;

		for (size_t k = 0; k < kept && !seen; k++)
			seen = versions[k] == versions[i];
		if (!seen)
			versions[kept++] = versions[i];
	}
	*count = kept;
}

/* Not to be installed, by the user's word or because that would break what is fixed. */
static bool is_barred(const struct deb_state *state)
{
	return state->fixed && (state->mode == MODE_DELETE || (state->mode == MODE_KEEP && !state->current));
}

void deb_solutions_find(struct deb_resolver *resolver, struct deb_package *package, struct deb_group group,
			enum deb_when when, struct deb_solutions *out)
{
	struct deb_solutions fresh = DEB_SOLUTIONS_INIT;
	bool negative = deb_is_negative(group.parts[0].kind);

	for (size_t i = 0; i < group.count; i++) {
		struct deb_solutions part = DEB_SOLUTIONS_INIT;

		deb_solutions_add(resolver, package, &group.parts[i], when, &part);
		drop_repetitions(part.versions, &part.count);
		sort(resolver, part.versions, part.count, &group.parts[i]);
		for (size_t k = 0; k < part.count; k++) {
			const struct deb_state *state = deb_state_of(resolver, part.versions[k]->package);

			if (!negative && is_barred(state))
				continue;
			append(state->current ? out : &fresh, part.versions[k], &group.parts[i]);
		}
		deb_solutions_release(&part);
	}
	for (size_t i = 0; i < fresh.count; i++)
		append(out, fresh.versions[i], fresh.parts[i]);
	deb_solutions_release(&fresh);
}

static int by_mention(const void *a, const void *b)
{
	const struct deb_version *const *left = a;
	const struct deb_version *const *right = b;
	uint64_t x = (*left)->package->mention;
	uint64_t y = (*right)->package->mention;

	return (x < y) - (x > y); /* the last one first */
}

void deb_solutions_settle(struct deb_resolver *resolver, struct deb_solutions *solutions, size_t position)
{
	struct deb_version **first = solutions->versions + position;
	const struct deb_relation_part *part = solutions->parts[position];
	auto_free struct deb_package **tied = NULL;
	size_t end = position + 1;
	size_t count = 0;

	while (end < solutions->count && solutions->parts[end] == part &&
	       compare(resolver, part, *first, solutions->versions[end]) == 0)
		end++;
	if (end == position + 1)
		return;
	for (size_t i = position; i < end; i++)
		PUSH(tied, count, solutions->versions[i]->package);
	deb_index_rank(resolver->index, tied, count);
	qsort(first, count, sizeof(struct deb_version *), by_mention);
}

struct deb_package *deb_solutions_only(struct deb_resolver *resolver, struct deb_package *package,
				       struct deb_group group)
{
	struct deb_solutions all = DEB_SOLUTIONS_INIT;
	struct deb_package *only = NULL;

	for (size_t i = 0; i < group.count; i++) {
		deb_solutions_add(resolver, package, &group.parts[i], DEB_CANDIDATE, &all);
		deb_solutions_add(resolver, package, &group.parts[i], DEB_NOW, &all);
	}
	for (size_t i = 0; i < all.count; i++) {
		if (is_barred(deb_state_of(resolver, all.versions[i]->package)))
			continue;
		if (only && only != all.versions[i]->package) {
			only = NULL;
			break;
		}
		only = all.versions[i]->package;
	}
	deb_solutions_release(&all);
	return only;
}

void deb_solutions_release(struct deb_solutions *solutions)
{
	free(solutions->versions);
	free(solutions->parts);
	*solutions = DEB_SOLUTIONS_INIT;
}
