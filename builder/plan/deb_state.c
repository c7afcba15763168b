/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_resolve.h"

struct deb_version *deb_candidate(const struct deb_package *package)
{
	struct deb_version *best = NULL;

	for (struct deb_version *version = package->versions; version; version = version->next)
		if (!best || version->pin > best->pin)
			best = version;
	return best;
}

/* apt walks its packages in the order of this hash table; where scores are equal that order decides. */
static uint32_t bucket_of(struct text name)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < name.len; i++)
		hash = 33 * hash + (unsigned char)name.ptr[i];
	return hash % 196613;
}

struct deb_state *deb_state_of(struct deb_resolver *resolver, struct deb_package *package)
{
	struct deb_state *state = package->state;

	if (state)
		return state;
	state = arena_alloc(&resolver->index->arena, sizeof *state);
	state->candidate = deb_candidate(package);
	state->bucket = bucket_of(package->name);
	package->state = state;
	PUSH(resolver->known, resolver->known_count, package);
	return state;
}

void deb_resolver_init(struct deb_resolver *resolver, struct deb_index *index)
{
	*resolver = (struct deb_resolver) { .index = index };
}

void deb_resolver_release(struct deb_resolver *resolver)
{
	free(resolver->known);
	*resolver = DEB_RESOLVER_INIT;
}

/* The states as a new run finds them: what is installed stays at its version. */
static void start_over(struct deb_resolver *resolver)
{
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_state *state = resolver->known[i]->state;

		*state = (struct deb_state) {
			.candidate = state->current ? state->current : deb_candidate(resolver->known[i]),
			.current = state->current,
			.install = state->current,
			.automatic = state->current && state->automatic,
			.bucket = state->bucket,
		};
	}
	resolver->clock = 0;
}

void deb_resolver_commit(struct deb_resolver *resolver)
{
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_state *state = resolver->known[i]->state;

		state->current = state->install;
	}
	start_over(resolver);
}

void deb_resolver_rollback(struct deb_resolver *resolver)
{
	start_over(resolver);
}

bool deb_is_negative(enum deb_kind kind)
{
	return kind == KIND_CONFLICTS || kind == KIND_BREAKS;
}

bool deb_is_critical(enum deb_kind kind)
{
	return kind != KIND_RECOMMENDS && kind != KIND_SUGGESTS;
}

bool deb_is_followed(const struct deb_resolver *resolver, enum deb_kind kind)
{
	return deb_is_critical(kind) || (kind == KIND_RECOMMENDS && resolver->recommends);
}

bool deb_group_next(struct deb_resolver *resolver, struct deb_version *version, size_t *position,
		    struct deb_group *group)
{
	size_t count;
	const struct deb_relation_part *parts = deb_version_parts(resolver->index, version, &count);
	size_t end = *position;

	if (end >= count)
		return false;
	while (parts[end].or_next && end + 1 < count)
		end++;
	*group = (struct deb_group) { parts + *position, end + 1 - *position };
	*position = end + 1;
	return true;
}

/*
 * apt remembers for each relation whether a candidate satisfies it, and looks anew only when one of the
 * packages concerned changes; ruling a candidate out is no such change. Its checks in advance therefore still
 * count on a candidate that has just been ruled out, and we must take the same way.
 */
struct deb_version *deb_candidate_seen(struct deb_resolver *resolver, struct deb_package *package,
				       struct deb_package *target)
{
	struct deb_state *state = deb_state_of(resolver, package);

	if (state->former && state->former_until > deb_state_of(resolver, target)->refreshed)
		return state->former;
	return state->candidate;
}

static void refresh_provided(struct deb_resolver *resolver, const struct deb_version *version)
{
	for (struct deb_provide *p = version ? version->provides : NULL; p; p = p->next_own)
		deb_state_of(resolver, p->target)->refreshed = resolver->clock;
}

void deb_refresh(struct deb_resolver *resolver, struct deb_package *package)
{
	struct deb_state *state = deb_state_of(resolver, package);

	resolver->clock++;
	state->refreshed = resolver->clock;
	refresh_provided(resolver, state->current);
	if (state->candidate != state->current)
		refresh_provided(resolver, state->candidate);
}

void deb_rule_out(struct deb_resolver *resolver, struct deb_package *package)
{
	struct deb_state *state = deb_state_of(resolver, package);

	if (state->candidate == state->install)
		return;
	state->former = state->candidate;
	state->former_until = ++resolver->clock;
	state->candidate = state->install;
}

bool deb_concerns(const struct deb_package *package, const struct deb_relation_part *part,
		  const struct deb_package *target)
{
	return package != target || !deb_is_negative(part->kind);
}

static struct deb_version *version_at(struct deb_resolver *resolver, struct deb_package *package,
				      struct deb_package *target, enum deb_when when)
{
	switch (when) {
	case DEB_NOW:
		return deb_state_of(resolver, package)->current;
	case DEB_AFTER:
		return deb_state_of(resolver, package)->install;
	case DEB_CANDIDATE:
		break;
	}
	return deb_candidate_seen(resolver, package, target);
}

static bool part_matches(struct deb_resolver *resolver, const struct deb_package *package,
			 const struct deb_relation_part *part, enum deb_when when)
{
	struct deb_package *target = part->target;
	struct deb_version *version = version_at(resolver, target, target, when);

	if (version && deb_concerns(package, part, target) &&
	    deb_version_satisfies(version->version, part->relation, part->version))
		return true;
	for (struct deb_provide *p = target->provides; p; p = p->next)
		if (deb_concerns(package, part, p->owner->package) &&
		    version_at(resolver, p->owner->package, target, when) == p->owner &&
		    deb_version_satisfies(p->version, part->relation, part->version))
			return true;
	return false;
}

bool deb_part_holds(struct deb_resolver *resolver, const struct deb_package *package,
		    const struct deb_relation_part *part, enum deb_when when)
{
	return part_matches(resolver, package, part, when) != deb_is_negative(part->kind);
}

bool deb_group_holds(struct deb_resolver *resolver, const struct deb_package *package, struct deb_group group,
		     enum deb_when when)
{
	for (size_t i = 0; i < group.count; i++)
		if (deb_part_holds(resolver, package, &group.parts[i], when))
			return true;
	return false;
}

/* Whether a relation that is critical, or FOLLOWED, does not hold. */
static bool lacks(struct deb_resolver *resolver, struct deb_package *package, bool followed)
{
	struct deb_version *install = deb_state_of(resolver, package)->install;
	struct deb_group group;
	size_t position = 0;

	if (!install)
		return false;
	while (deb_group_next(resolver, install, &position, &group)) {
		enum deb_kind kind = group.parts[0].kind;

		if ((deb_is_critical(kind) || (followed && deb_is_followed(resolver, kind))) &&
		    !deb_group_holds(resolver, package, group, DEB_AFTER))
			return true;
	}
	return false;
}

bool deb_is_broken(struct deb_resolver *resolver, struct deb_package *package)
{
	return lacks(resolver, package, false);
}

bool deb_is_all_there(struct deb_resolver *resolver)
{
	for (size_t i = 0; i < resolver->known_count; i++)
		if (lacks(resolver, resolver->known[i], true))
			return false;
	return true;
}

size_t deb_broken_count(struct deb_resolver *resolver)
{
	size_t count = 0;

	for (size_t i = 0; i < resolver->known_count; i++)
		count += deb_is_broken(resolver, resolver->known[i]);
	return count;
}

struct deb_version *deb_satisfier(struct deb_resolver *resolver, struct deb_group group)
{
	for (size_t i = 0; i < group.count; i++) {
		const struct deb_relation_part *part = &group.parts[i];
		struct deb_version *version = deb_state_of(resolver, part->target)->install;

		if (version && deb_version_satisfies(version->version, part->relation, part->version))
			return version;
		for (struct deb_provide *p = part->target->provides; p; p = p->next)
			if (deb_state_of(resolver, p->owner->package)->install == p->owner &&
			    deb_version_satisfies(p->version, part->relation, part->version))
				return p->owner;
	}
	return NULL;
}
