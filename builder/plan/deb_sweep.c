/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nothing needs any more: apt's auto-remove. Packages that someone chose are needed, and whatever a needed
 * one may make use of: for keeping, a suggestion counts as much as a dependency.
 */
#include "plan/deb_resolve.h"

enum { DEPTH_MAX = 3000 };

/* Neither installed now nor after this run, or on its way out. */
static bool is_away(const struct deb_state *state)
{
	return state->current ? state->mode == MODE_DELETE : state->mode == MODE_KEEP;
}

static struct deb_version *version_after(const struct deb_state *state)
{
	return state->mode == MODE_INSTALL ? state->install : state->current;
}

/* Kernels and their firmware are nobody's dependency and stay (apt's NeverAutoRemove in Debian). */
static bool is_never_removed(struct text name)
{
	return text_starts(name, "linux-image-") || text_starts(name, "firmware-linux") ||
	       text_is(name, "linux-firmware");
}

static bool is_root(const struct deb_package *package)
{
	const struct deb_state *state = package->state;

	return !state->automatic || package->essential || package->important || state->fixed || state->held ||
	       (state->current && state->current->priority == PRIORITY_REQUIRED) ||
	       is_never_removed(package->name);
}

/* The packages that are needed and whose relations are still to be followed. */
struct pending {
	struct deb_package **packages;
	size_t count;
};

static void need(struct deb_resolver *resolver, struct deb_package *package, struct pending *pending)
{
	struct deb_state *state = deb_state_of(resolver, package);

	if (state->needed || is_away(state))
		return;
	state->needed = true;
	PUSH(pending->packages, pending->count, package);
}

static bool satisfies(const struct deb_relation_part *part, struct text version)
{
	return deb_version_satisfies(version, part->relation, part->version);
}

/* What will be there and satisfies a relation. */
struct choice {
	struct deb_version *version;
	struct text source;         /* the name of the source package that it was built from, */
	struct text source_version; /* and that one's version */
};

struct choices {
	struct choice *items; /* owned */
	size_t count;
};

/* "Source: NAME (VERSION)"; what is not said there is the package's own (Debian Policy 5.6.1). */
static void find_source(struct choice *choice)
{
	const struct deb_version *version = choice->version;
	struct text rest;
	struct text name = text_cut(deb_stanza_field(version->stanza, "Source"), ' ', &rest);

	choice->source = name.len ? name : version->package->name;
	choice->source_version = version->version;
	rest = text_trim(rest);
	if (rest.len < 3 || rest.ptr[0] != '(' || rest.ptr[rest.len - 1] != ')')
		return;
	rest = (struct text) { rest.ptr + 1, rest.len - 2 };
	if (deb_version_is_valid(rest))
		choice->source_version = rest;
}

/* Whether another of CHOICES comes from a later version of the same source package. */
static bool is_outdated(const struct choices *choices, const struct choice *choice)
{
	for (size_t i = 0; i < choices->count; i++)
		if (text_equal(choices->items[i].source, choice->source) &&
		    deb_version_compare(choices->items[i].source_version, choice->source_version) > 0)
			return true;
	return false;
}

static bool are_of_one_source(const struct choices *choices)
{
	for (size_t i = 1; i < choices->count; i++)
		if (!text_equal(choices->items[i].source, choices->items[0].source))
			return false;
	return true;
}

/*
 * Where several can do the same, all are kept, but of one source package only those of its latest version; and what
 * is new to the root only where nothing that was there before can do it.
 */
static void need_choices(struct deb_resolver *resolver, struct choices *choices, struct pending *pending)
{
	bool installed = false;

	for (size_t i = 0; i < choices->count; i++)
		find_source(&choices->items[i]);
	if (!are_of_one_source(choices))
		for (size_t i = 0; i < choices->count; i++)
			installed |= !is_outdated(choices, &choices->items[i]) &&
				     choices->items[i].version->package->state->current;
	for (size_t i = 0; i < choices->count; i++) {
		struct deb_package *package = choices->items[i].version->package;

		if (!is_outdated(choices, &choices->items[i]) && (!installed || package->state->current))
			need(resolver, package, pending);
	}
}

static void need_target(struct deb_resolver *resolver, const struct deb_relation_part *part,
			struct pending *pending)
{
	const struct deb_state *state = deb_state_of(resolver, part->target);
	struct deb_version *version = version_after(state);
	struct choices choices = { NULL, 0 };
	auto_free struct choice *items = NULL;

	if (version && !is_away(state) && satisfies(part, version->version))
		PUSH(choices.items, choices.count, ((struct choice) { .version = version }));
	for (struct deb_provide *p = part->target->provides; p; p = p->next) {
		state = deb_state_of(resolver, p->owner->package);
		if (!is_away(state) && version_after(state) == p->owner && satisfies(part, p->version))
			PUSH(choices.items, choices.count, ((struct choice) { .version = p->owner }));
	}
	items = choices.items;
	if (choices.count == 1)
		need(resolver, items[0].version->package, pending);
	else if (choices.count)
		need_choices(resolver, &choices, pending);
}

void deb_find_garbage(struct deb_resolver *resolver)
{
	auto_free struct deb_package **stack = NULL;
	struct pending pending = { NULL, 0 };

	for (size_t i = 0; i < resolver->known_count; i++)
		resolver->known[i]->state->needed = false;
	for (size_t i = 0; i < resolver->known_count; i++)
		if (is_root(resolver->known[i]))
			need(resolver, resolver->known[i], &pending);
	while (pending.count) {
		struct deb_version *version = version_after(pending.packages[--pending.count]->state);
		size_t count = 0;
		const struct deb_relation_part *parts = NULL;

		if (version)
			parts = deb_version_parts(resolver->index, version, &count);
		for (size_t i = 0; i < count; i++)
			if (!deb_is_negative(parts[i].kind))
				need_target(resolver, &parts[i], &pending);
	}
	stack = pending.packages;
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_state *state = resolver->known[i]->state;

		state->garbage = !state->needed && (state->current || state->mode == MODE_INSTALL) &&
				 !(state->current && state->current->priority == PRIORITY_REQUIRED);
	}
}

static bool provides_to(const struct deb_version *version, const struct deb_relation_part *part)
{
	if (part->target == version->package)
		return true;
	for (const struct deb_provide *p = version->provides; p; p = p->next_own)
		if (p->target == part->target)
			return true;
	return false;
}

/* Whether some package that stays has a relation to VERSION that is followed when installing. */
static bool is_used(struct deb_resolver *resolver, const struct deb_version *version)
{
	for (size_t i = 0; i < resolver->known_count; i++) {
		const struct deb_state *state = resolver->known[i]->state;
		struct deb_version *user = is_away(state) ? NULL : version_after(state);
		size_t count = 0;
		const struct deb_relation_part *parts = NULL;

		if (user && user->package != version->package)
			parts = deb_version_parts(resolver->index, user, &count);
		for (size_t k = 0; k < count; k++)
			if (!deb_is_negative(parts[k].kind) && deb_is_followed(resolver, parts[k].kind) &&
			    provides_to(version, &parts[k]))
				return true;
	}
	return false;
}

/*
 * Not installing garbage may have broken something that would have been removed with it: then it comes back.
 * So apt says, which asks that once, and takes a recommendation that cannot be followed for broken, too.
 */
static void bring_back(struct deb_resolver *resolver, struct deb_package **dropped, size_t count)
{
	bool changed = count > 0 && !deb_is_all_there(resolver);

	while (changed) {
		changed = false;
		for (size_t i = 0; i < count && !changed; i++) {
			struct deb_state *state = dropped[i] ? dropped[i]->state : NULL;

			if (!state || !state->candidate || !is_used(resolver, state->candidate))
				continue;
			deb_mark_install(resolver, dropped[i], false, 0, false);
			dropped[i] = NULL;
			changed = true;
		}
	}
}

void deb_sweep(struct deb_resolver *resolver, unsigned flags)
{
	auto_free struct deb_package **dropped = NULL;
	size_t count = 0;

	deb_find_garbage(resolver);
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_package *package = resolver->known[i];
		const struct deb_state *state = package->state;

		if (!state->garbage)
			continue;
		if (!state->current) {
			deb_mark_delete(resolver, package, 0, false);
			PUSH(dropped, count, package);
		} else if (flags & DEB_SWEEP) {
			deb_mark_delete(resolver, package, 0, false);
		}
	}
	bring_back(resolver, dropped, count);
}
