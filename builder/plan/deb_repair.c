/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second half of apt's resolver. What is broken after the walk is looked at from the highest score to the
 * lowest: whoever has the lower score gives way to the one it quarrels with. A new package gives way by not
 * being installed, an installed one by being removed.
 */
#include "plan/deb_resolve.h"

enum { ROUNDS_MAX = 20 };
enum { SCORE_ESSENTIAL = 100, SCORE_ADD_ESSENTIAL = 5000, SCORE_ADD_REQUEST = 10000 };

struct kill {
	struct deb_package *package;
	const struct deb_relation_part *because; /* the last part of the group that is violated */
};

/* One broken package under repair. */
struct work {
	struct deb_resolver *resolver;
	struct deb_package *package;
	struct deb_state *state;
	int round;
	bool several;  /* inside of alternatives that are not satisfied yet */
	bool can_keep; /* leaving the package as it was would help */
	bool changed;
	struct kill *kills; /* what would have to go */
	size_t kill_count;
};

static void work_release(struct work *work)
{
	free(work->kills);
}

static int priority_score(enum deb_priority priority)
{
	static const int scores[] = {
		[PRIORITY_UNKNOWN] = 0,  [PRIORITY_REQUIRED] = 3,  [PRIORITY_IMPORTANT] = 2,
		[PRIORITY_STANDARD] = 1, [PRIORITY_OPTIONAL] = -1, [PRIORITY_EXTRA] = -2,
	};

	return scores[priority];
}

static int kind_score(enum deb_kind kind)
{
	if (kind == KIND_SUGGESTS)
		return 0;
	return deb_is_negative(kind) ? -1 : 1;
}

/* Add POINTS to every package that will be installed and provides the target of PROVIDES; each once. */
static void score_providers(struct deb_resolver *resolver, const struct deb_package *package,
			    const struct deb_relation_part *part, const struct deb_provide *provides,
			    int points)
{
	const struct deb_provide *start = provides;

	for (const struct deb_provide *p = provides; p; p = p->next) {
		struct deb_state *state = deb_state_of(resolver, p->owner->package);
		bool seen = false;

		if (state->install != p->owner)
			continue;
		if (part && (!deb_concerns(package, part, p->owner->package) ||
			     !deb_version_satisfies(p->version, part->relation, part->version)))
			continue;
		for (const struct deb_provide *q = start; q != p && !seen; q = q->next)
			seen = q->owner == p->owner;
		if (!seen)
			state->score += points;
	}
}

static void score_relations(struct deb_resolver *resolver, struct deb_package *package,
			    struct deb_version *install)
{
	size_t count;
	const struct deb_relation_part *parts = deb_version_parts(resolver->index, install, &count);

	for (size_t i = 0; i < count; i++) {
		const struct deb_relation_part *part = &parts[i];
		struct deb_state *target = deb_state_of(resolver, part->target);
		int points = kind_score(part->kind);

		if (points == 0)
			continue;
		if (deb_concerns(package, part, part->target)) {
			if (part->relation != RELATION_NONE &&
			    (!target->install ||
			     !deb_version_satisfies(target->install->version, part->relation, part->version)))
				continue;
			target->score += points;
		}
		score_providers(resolver, package, part, part->target->provides, points);
	}
}

static void score_package(struct deb_resolver *resolver, struct deb_package *package)
{
	struct deb_state *state = deb_state_of(resolver, package);

	if (!state->install)
		return;
	if (package->essential || package->important)
		state->score += SCORE_ESSENTIAL;
	state->score += priority_score((enum deb_priority)state->install->priority);
	if (state->current && state->candidate)
		state->score++;
	score_relations(resolver, package, state->install);
}

/* What important packages depend on is important too: one level of inheritance. */
static void inherit(struct deb_resolver *resolver, const struct deb_package *package)
{
	size_t count;
	const struct deb_relation_part *parts;

	if (!package->state->install || package->state->place_score <= 0)
		return;
	parts = deb_version_parts(resolver->index, package->state->install, &count);
	for (size_t i = 0; i < count; i++) {
		struct deb_state *target = deb_state_of(resolver, parts[i].target);

		if (target->install && !deb_is_negative(parts[i].kind) && parts[i].kind != KIND_SUGGESTS)
			target->score += package->state->place_score;
	}
}

static bool ends_in_any(struct text name)
{
	return name.len > 4 && memcmp(name.ptr + name.len - 4, ":any", 4) == 0;
}

static void make_scores(struct deb_resolver *resolver)
{
	for (size_t i = 0; i < resolver->known_count; i++)
		resolver->known[i]->state->score = 0;
	for (size_t i = 0; i < resolver->known_count; i++)
		score_package(resolver, resolver->known[i]);
	for (size_t i = 0; i < resolver->known_count; i++)
		resolver->known[i]->state->place_score = resolver->known[i]->state->score;
	for (size_t i = 0; i < resolver->known_count; i++)
		inherit(resolver, resolver->known[i]);
	for (size_t i = 0; i < resolver->known_count; i++) {
		const struct deb_package *package = resolver->known[i];
		int gained = abs(package->state->score - package->state->place_score);

		if (gained && !ends_in_any(package->name))
			score_providers(resolver, package, NULL, package->provides, gained);
	}
	for (size_t i = 0; i < resolver->known_count; i++) {
		const struct deb_package *package = resolver->known[i];
		struct deb_state *state = package->state;

		if (state->asked || state->unwanted)
			state->score += SCORE_ADD_REQUEST;
		if (package->essential || package->important)
			state->score += SCORE_ADD_ESSENTIAL;
		state->place_score = state->score;
	}
}

static int by_place(const void *a, const void *b)
{
	const struct deb_package *left = *(struct deb_package *const *)a;
	const struct deb_package *right = *(struct deb_package *const *)b;

	if (left->state->place_score != right->state->place_score)
		return left->state->place_score > right->state->place_score ? -1 : 1;
	if (left->state->bucket != right->state->bucket)
		return left->state->bucket < right->state->bucket ? -1 : 1;
	return text_compare(left->name, right->name);
}

/* The target of PART, or when that is only provided, the provider that apt comes upon first. */
static struct deb_package *obvious_target(const struct deb_package *package,
					  const struct deb_relation_part *part)
{
	if (part->target->versions)
		return part->target;
	for (const struct deb_provide *p = part->target->provides; p; p = p->next)
		if (p->owner->package != package)
			return p->owner->package;
	return part->target;
}

/* Whether the candidate of PACKAGE could be installed without touching much else; then it is. */
static bool reinstate(struct deb_resolver *resolver, struct deb_package *package, unsigned depth)
{
	struct deb_state *state = deb_state_of(resolver, package);
	bool was_kept = state->mode == MODE_KEEP;
	bool failed = false;
	struct deb_group group;
	size_t position = 0;

	if (state->reinstated || !state->candidate || state->candidate == state->current || state->asked ||
	    state->unwanted || depth > 100)
		return false;
	state->reinstated = true;
	if (!deb_mark_install(resolver, package, false, 0, false) || !state->install)
		return false;
	while (!failed && deb_group_next(resolver, state->install, &position, &group)) {
		if (!deb_is_critical(group.parts[0].kind))
			continue;
		for (size_t i = 0; i < group.count; i++) {
			const struct deb_relation_part *part = &group.parts[i];
			struct deb_package *target;

			if (deb_group_holds(resolver, package, group, DEB_AFTER))
				break;
			failed = true;
			target = obvious_target(package, part);
			if (deb_state_of(resolver, target)->fixed)
				continue;
			if (deb_part_holds(resolver, package, part, DEB_CANDIDATE))
				failed = !reinstate(resolver, target, depth + 1);
			else if (deb_is_negative(part->kind))
				failed = false; /* left to the rounds of the repair */
			if (!failed)
				break;
		}
	}
	if (!failed)
		return true;
	if (was_kept)
		deb_mark_keep(resolver, package, 0, false);
	else
		deb_mark_delete(resolver, package, 0, false);
	return false;
}

/* Give WORK's package up to what PART says about OTHER: not to be installed, else removed. */
static void give_way(struct work *work, const struct deb_relation_part *part, const struct deb_state *other)
{
	struct deb_resolver *resolver = work->resolver;
	bool was_new = work->state->mode == MODE_INSTALL;
	struct deb_state *target = deb_state_of(resolver, part->target);
	size_t broken;

	deb_mark_keep(resolver, work->package, 0, false);
	if (!deb_is_broken(resolver, work->package)) {
		work->can_keep = true;
		if (work->several && was_new)
			deb_mark_install(resolver, work->package, false, 0, false);
		return;
	}
	if (reinstate(resolver, work->package, 0))
		return;
	if (!work->several || work->state->garbage) {
		deb_mark_delete(resolver, work->package, 0, false);
		if (work->round > 1 && other->score > work->state->score)
			work->state->score = other->score;
		return;
	}
	if (target->current || target->mode == MODE_DELETE || target->unwanted || !target->candidate)
		return;
	broken = deb_broken_count(resolver);
	deb_mark_install(resolver, part->target, true, 1, false);
	if (deb_is_broken(resolver, part->target) || deb_broken_count(resolver) > broken)
		deb_mark_delete(resolver, part->target, 1, false);
}

static bool matches(const struct work *work, const struct deb_relation_part *part, struct deb_package *owner,
		    struct text version)
{
	return deb_concerns(work->package, part, owner) &&
	       deb_version_satisfies(version, part->relation, part->version);
}

/* Every version of any package that PART is about, whether it is a candidate or not. */
static struct deb_version **targets_of(const struct work *work, const struct deb_relation_part *part,
				       size_t *count)
{
	struct deb_version **versions = NULL;

	*count = 0;
	for (struct deb_version *v = part->target->versions; v; v = v->next)
		if (matches(work, part, part->target, v->version))
			PUSH(versions, *count, v);
	for (struct deb_provide *p = part->target->provides; p; p = p->next)
		if (matches(work, part, p->owner->package, p->version))
			PUSH(versions, *count, p->owner);
	return versions;
}

enum verdict { VERDICT_NEXT, VERDICT_STOP, VERDICT_DONE };

/* VERSION, which matches PART of the broken package, against that package. */
static enum verdict weigh(struct work *work, struct deb_group group, const struct deb_relation_part *part,
			  const struct deb_version *version)
{
	struct deb_resolver *resolver = work->resolver;
	struct deb_state *other = deb_state_of(resolver, version->package);
	const struct deb_relation_part *last = &group.parts[group.count - 1];
	bool negative = deb_is_negative(part->kind);

	if (negative && other->install != version)
		return VERDICT_NEXT;
	if (work->state->score <= other->score ||
	    (!negative && !deb_part_holds(resolver, work->package, part, DEB_NOW))) {
		if (!work->state->fixed) {
			give_way(work, part, other);
			work->changed = true;
			return VERDICT_DONE;
		}
		if (!reinstate(resolver, version->package, 0))
			return VERDICT_NEXT;
		if (other->score > work->state->score)
			other->score = work->state->score;
		return VERDICT_STOP;
	}
	if (part->kind == KIND_BREAKS && deb_part_holds(resolver, work->package, last, DEB_CANDIDATE)) {
		deb_mark_install(resolver, version->package, false, 0, false);
		return VERDICT_NEXT;
	}
	if (other->fixed && other->mode != MODE_DELETE)
		return VERDICT_NEXT;
	PUSH(work->kills, work->kill_count, ((struct kill) { version->package, last }));
	return negative ? VERDICT_NEXT : VERDICT_STOP;
}

/* Nothing anywhere could satisfy PART. */
static void give_up_part(struct work *work)
{
	bool was_new = work->state->mode == MODE_INSTALL;

	deb_mark_keep(work->resolver, work->package, 0, true);
	if (!deb_is_broken(work->resolver, work->package)) {
		work->can_keep = true;
		if (work->several && was_new)
			deb_mark_install(work->resolver, work->package, false, 0, false);
	} else if (!work->several) {
		deb_mark_delete(work->resolver, work->package, 0, false);
	}
	work->changed = true;
}

static bool was_broken(struct deb_resolver *resolver, struct deb_package *package)
{
	struct deb_version *current = deb_state_of(resolver, package)->current;
	struct deb_group group;
	size_t position = 0;

	while (current && deb_group_next(resolver, current, &position, &group))
		if (deb_is_critical(group.parts[0].kind) &&
		    !deb_group_holds(resolver, package, group, DEB_NOW))
			return true;
	return false;
}

static enum verdict repair_part(struct work *work, struct deb_group group,
				const struct deb_relation_part *part)
{
	size_t count;
	auto_free struct deb_version **versions = targets_of(work, part, &count);
	enum verdict verdict = VERDICT_NEXT;
	bool hopeless = count == 0 && !work->state->fixed && !deb_is_negative(part->kind);

	if (hopeless && !was_broken(work->resolver, work->package)) {
		if (work->several)
			return VERDICT_NEXT;
		work->changed = true;
		deb_mark_keep(work->resolver, work->package, 0, false);
		return VERDICT_DONE;
	}
	for (size_t i = 0; i < count && verdict == VERDICT_NEXT; i++)
		verdict = weigh(work, group, part, versions[i]);
	if (hopeless) {
		give_up_part(work);
		verdict = VERDICT_DONE;
	}
	return verdict;
}

/* False when the rest of the package's relations need not be looked at. */
static bool repair_group(struct work *work, struct deb_group group)
{
	size_t kills = work->kill_count;

	work->several = group.count > 1;
	work->can_keep = false;
	for (size_t i = 0; i < group.count; i++) {
		enum verdict verdict;

		if (deb_group_holds(work->resolver, work->package, group, DEB_AFTER)) {
			work->several = false;
			continue;
		}
		verdict = repair_part(work, group, &group.parts[i]);
		if (!work->several && verdict == VERDICT_DONE)
			return false;
	}
	if (!work->several || work->kill_count != kills)
		return true;
	if (work->can_keep) {
		deb_mark_keep(work->resolver, work->package, 0, false);
		work->changed = true;
	} else if (!work->state->fixed) {
		deb_mark_delete(work->resolver, work->package, 0, false);
		work->changed = true;
	}
	return true;
}

static void carry_out(struct work *work, const struct kill *kill)
{
	struct deb_resolver *resolver = work->resolver;
	struct deb_state *victim = deb_state_of(resolver, kill->package);
	bool done = false;

	if (!deb_part_holds(resolver, work->package, kill->because, DEB_NOW))
		done = deb_is_negative(kill->because->kind) &&
		       deb_mark_delete(resolver, kill->package, 0, false);
	else
		done = deb_mark_keep(resolver, kill->package, 0, false);
	if ((!done || work->round > 1) && work->state->score > victim->score) {
		victim->score = work->state->score;
		work->changed = true;
	}
	work->changed |= done;
}

static bool repair_package(struct deb_resolver *resolver, struct deb_package *package, int round)
{
	struct work AUTO(work_release) work = {
		.resolver = resolver,
		.package = package,
		.state = deb_state_of(resolver, package),
		.round = round,
	};
	struct deb_version *version = work.state->install;
	struct deb_group group;
	size_t position = 0;

	while (deb_group_next(resolver, version, &position, &group))
		if (deb_is_critical(group.parts[0].kind) && !repair_group(&work, group))
			break;
	for (size_t i = 0; i < work.kill_count && work.state->install; i++)
		carry_out(&work, &work.kills[i]);
	return work.changed;
}

static bool repair_round(struct deb_resolver *resolver, int round)
{
	auto_free struct deb_package **order = NULL;
	size_t count = resolver->known_count;
	bool changed = false;

	order = xcalloc(count, sizeof(struct deb_package *));
	memcpy(order, resolver->known, count * sizeof(struct deb_package *));
	qsort(order, count, sizeof(struct deb_package *), by_place);
	for (size_t i = 0; i < count; i++)
		if (deb_is_broken(resolver, order[i]))
			changed |= repair_package(resolver, order[i], round);
	return changed;
}

void deb_repair(struct deb_resolver *resolver)
{
	if (deb_broken_count(resolver) == 0)
		return;
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_state *state = resolver->known[i]->state;

		state->before_repair = state->mode == MODE_INSTALL;
		state->reinstated = false;
	}
	make_scores(resolver);
	for (int round = 0; round < ROUNDS_MAX; round++)
		if (!repair_round(resolver, round))
			break;
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_state *state = resolver->known[i]->state;

		if (state->mode == MODE_INSTALL && !state->current && !state->before_repair)
			state->automatic = true;
	}
}
