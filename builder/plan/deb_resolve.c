/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_resolve.h"

#include "plan/deb_release.h"
#include "plan/deb_solutions.h"

enum { DEPTH_MAX = 3000 }; /* apt's: deeper than any real chain, shallower than the stack */

static bool may_change(struct deb_resolver *resolver, struct deb_package *package, enum deb_mode mode,
		       unsigned depth, bool by_user)
{
	const struct deb_state *state = deb_state_of(resolver, package);

	if (depth > DEPTH_MAX || !package->versions)
		return false;
	if (by_user || state->mode == mode)
		return true;
	if (state->fixed || (mode != MODE_KEEP && state->held))
		return false;
	return mode != MODE_DELETE || !(package->essential || package->important);
}

bool deb_mark_keep(struct deb_resolver *resolver, struct deb_package *package, unsigned depth, bool by_user)
{
	struct deb_state *state = deb_state_of(resolver, package);

	if (!may_change(resolver, package, MODE_KEEP, depth, by_user))
		return false;
	if (state->mode == MODE_KEEP)
		return true;
	state->mode = MODE_KEEP;
	state->install = state->current;
	deb_refresh(resolver, package);
	return true;
}

/* What was asked for in this run is not taken away again by anything but the user. */
static bool is_request(const struct deb_state *state)
{
	return !state->current && state->install && !state->automatic;
}

bool deb_may_delete(struct deb_resolver *resolver, struct deb_package *package, unsigned depth)
{
	return may_change(resolver, package, MODE_DELETE, depth, false) &&
	       !is_request(deb_state_of(resolver, package));
}

/*
 * A metapackage that goes, other than by the user's word, leaves what it depended on behind as chosen: the
 * loss of one browser shall not take the desktop along (apt's Never-MarkAuto-Sections).
 */
static void keep_parts_of_metapackage(struct deb_resolver *resolver, struct deb_version *version)
{
	struct text section = deb_stanza_field(version->stanza, "Section");
	struct text sub;
	struct deb_group group;
	size_t position = 0;

	text_cut(section, '/', &sub);
	if (!text_is(sub.ptr ? sub : section, "metapackages"))
		return;
	while (deb_group_next(resolver, version, &position, &group)) {
		const struct deb_relation_part *part = group.parts;

		for (size_t i = 0; i < group.count; i++, part++) {
			struct deb_solutions solutions = DEB_SOLUTIONS_INIT;

			if (deb_is_negative(part->kind) || !deb_is_followed(resolver, part->kind))
				break;
			deb_solutions_add(resolver, version->package, part, DEB_NOW, &solutions);
			for (size_t k = 0; k < solutions.count; k++)
				deb_state_of(resolver, solutions.versions[k]->package)->automatic = false;
			deb_solutions_release(&solutions);
		}
	}
}

bool deb_mark_delete(struct deb_resolver *resolver, struct deb_package *package, unsigned depth, bool by_user)
{
	struct deb_state *state = deb_state_of(resolver, package);

	if (!may_change(resolver, package, MODE_DELETE, depth, by_user))
		return false;
	if (state->mode == MODE_DELETE || !state->install)
		return true;
	if (!by_user && is_request(state))
		return false;
	if (!by_user)
		keep_parts_of_metapackage(resolver, state->install);
	state->mode = state->current ? MODE_DELETE : MODE_KEEP;
	state->install = NULL;
	deb_refresh(resolver, package);
	return true;
}

/* Everything about one package that is being marked for installation. */
struct choice {
	struct deb_resolver *resolver;
	struct deb_package *package;
	struct deb_state *state;
	struct deb_version *version;
	unsigned depth;
	bool by_user;
	bool fixed;                /* was so before: hand that on to whatever is the only way to satisfy it */
	bool fail_soon;            /* the first failure is the end of this choice */
	struct deb_group *missing; /* dependencies to be satisfied */
	size_t missing_count;
	const struct deb_relation_part **conflicts;
	size_t conflict_count;
	struct deb_package **doomed; /* installed ones that must go, once the rest has worked */
	size_t doomed_count;
};

static void choice_release(struct choice *choice)
{
	free(choice->missing);
	free(choice->conflicts);
	free(choice->doomed);
}

/* Whether all critical dependencies have someone who could satisfy them, as far as one can tell from here. */
static bool looks_possible(const struct choice *choice)
{
	struct deb_group group;
	size_t position = 0;

	if (choice->version == choice->state->current)
		return true;
	while (deb_group_next(choice->resolver, choice->version, &position, &group)) {
		enum deb_kind kind = group.parts[0].kind;

		if (!deb_is_critical(kind) || deb_is_negative(kind) ||
		    deb_group_holds(choice->resolver, choice->package, group, DEB_AFTER) ||
		    deb_group_holds(choice->resolver, choice->package, group, DEB_CANDIDATE))
			continue;
		if (!choice->state->fixed) {
			/* Rule it out for good, or the repair would stumble over it. */
			choice->state->former = choice->state->candidate;
			choice->state->former_until = ++choice->resolver->clock;
			choice->state->candidate = choice->state->current;
			if (choice->state->mode != MODE_DELETE)
				choice->state->mode = MODE_KEEP;
		}
		return false;
	}
	return true;
}

static void take_candidate(struct choice *choice)
{
	struct deb_state *state = choice->state;

	if (state->fixed && state->install == state->candidate)
		return;
	state->mode = state->candidate == state->current ? MODE_KEEP : MODE_INSTALL;
	state->install = state->candidate;
	if (choice->by_user)
		state->automatic = false;
	else if (!state->current)
		state->automatic = true;
	deb_refresh(choice->resolver, choice->package);
}

/* The opposite: this choice has failed. */
static bool give_back(struct choice *choice)
{
	struct deb_state *state = choice->state;

	if (state->mode == MODE_KEEP && state->install == state->candidate &&
	    state->candidate == state->current)
		return false;
	state->install = state->current;
	state->mode = MODE_KEEP;
	deb_refresh(choice->resolver, choice->package);
	deb_rule_out(choice->resolver, choice->package);
	return false;
}

static void collect(struct choice *choice)
{
	struct deb_group group;
	size_t position = 0;

	while (deb_group_next(choice->resolver, choice->version, &position, &group)) {
		enum deb_kind kind = group.parts[0].kind;

		if (!deb_is_followed(choice->resolver, kind))
			continue;
		if (!choice->fixed && deb_group_holds(choice->resolver, choice->package, group, DEB_AFTER))
			continue;
		if (deb_is_negative(kind))
			PUSH(choice->conflicts, choice->conflict_count, group.parts);
		else
			PUSH(choice->missing, choice->missing_count, group);
	}
}

/* PACKAGE is installed and in the way of CHOICE. */
static bool doom(struct choice *choice, struct deb_package *package)
{
	struct deb_state *state = deb_state_of(choice->resolver, package);

	if (!choice->fixed) {
		if (state->mode == MODE_DELETE)
			return true;
		if (!deb_may_delete(choice->resolver, package, choice->depth))
			return false;
		PUSH(choice->doomed, choice->doomed_count, package);
		return true;
	}
	if (state->mode != MODE_DELETE &&
	    !deb_mark_delete(choice->resolver, package, choice->depth + 1, false))
		return false;
	deb_rule_out(choice->resolver, package);
	state->fixed = true;
	return true;
}

/* VERSION, not installed so far, is in the way of CHOICE. */
static bool forbid(struct choice *choice, struct deb_version *version)
{
	struct deb_state *state = deb_state_of(choice->resolver, version->package);

	if (state->mode == MODE_INSTALL &&
	    !deb_mark_keep(choice->resolver, version->package, choice->depth, false))
		return false;
	if (choice->fixed) {
		deb_rule_out(choice->resolver, version->package);
		if (!state->current)
			state->fixed = true;
	}
	return true;
}

/* Make room: false when something that CHOICE conflicts with has to stay. */
static bool clear_conflict(struct choice *choice, const struct deb_relation_part *part)
{
	struct deb_solutions found = DEB_SOLUTIONS_INIT;
	bool cleared = true;

	deb_solutions_find(choice->resolver, choice->package, (struct deb_group) { part, 1 }, DEB_CANDIDATE,
			   &found);
	for (size_t i = 0; i < found.count && (cleared || !choice->fail_soon); i++) {
		struct deb_version *version = found.versions[i];
		struct deb_state *state = deb_state_of(choice->resolver, version->package);

		if (state->candidate != version)
			continue;
		cleared &=
			state->current != version ? forbid(choice, version) : doom(choice, version->package);
	}
	deb_solutions_release(&found);
	if (!cleared && choice->fail_soon)
		return false;
	deb_solutions_find(choice->resolver, choice->package, (struct deb_group) { part, 1 }, DEB_NOW,
			   &found);
	for (size_t i = 0; i < found.count && (cleared || !choice->fail_soon); i++) {
		struct deb_package *package = found.versions[i]->package;
		const struct deb_state *state = deb_state_of(choice->resolver, package);

		if (state->candidate != state->current)
			cleared &= doom(choice, package);
	}
	deb_solutions_release(&found);
	return cleared;
}

static bool clear_conflicts(struct choice *choice)
{
	bool cleared = true;

	for (size_t i = 0; i < choice->conflict_count && (cleared || !choice->fail_soon); i++)
		cleared &= clear_conflict(choice, choice->conflicts[i]);
	return cleared;
}

/* GROUP is satisfied; if there is only one way to satisfy it, that way is to stay open. */
static bool fix_only_solution(struct choice *choice, struct deb_group group)
{
	struct deb_package *only;

	if (!deb_is_critical(group.parts[0].kind))
		return true;
	only = deb_solutions_only(choice->resolver, choice->package, group);
	if (!only || deb_state_of(choice->resolver, only)->fixed)
		return true;
	deb_state_of(choice->resolver, only)->fixed = true;
	return deb_mark_install(choice->resolver, only, true, choice->depth + 1, false);
}

static bool try_solution(struct choice *choice, struct deb_group group, struct deb_version *version,
			 bool only)
{
	struct deb_resolver *resolver = choice->resolver;
	struct deb_package *package = version->package;

	if (deb_state_of(resolver, package)->candidate != version)
		return false;
	if (choice->fixed && only && deb_is_critical(group.parts[0].kind)) {
		if (!deb_mark_install(resolver, package, false, choice->depth + 1, false))
			return false;
		deb_state_of(resolver, package)->fixed = true;
	}
	return deb_mark_install(resolver, package, true, choice->depth + 1, false);
}

/* The alternatives of GROUP from left to right. */
static bool satisfy(struct choice *choice, struct deb_group group)
{
	struct deb_solutions solutions = DEB_SOLUTIONS_INIT;
	bool done = false;

	if (deb_group_holds(choice->resolver, choice->package, group, DEB_AFTER))
		return !choice->fixed || fix_only_solution(choice, group);
	/* A recommendation that an installed package did without is not caught up on. */
	if (choice->state->current && !deb_is_critical(group.parts[0].kind) &&
	    !deb_group_holds(choice->resolver, choice->package, group, DEB_NOW))
		return true;
	deb_solutions_find(choice->resolver, choice->package, group, DEB_CANDIDATE, &solutions);
	for (size_t i = 0; i < solutions.count && !done; i++) {
		deb_solutions_settle(choice->resolver, &solutions, i);
		done = try_solution(choice, group, solutions.versions[i], solutions.count == 1);
	}
	deb_solutions_release(&solutions);
	return done || !deb_is_critical(group.parts[0].kind);
}

static bool satisfy_all(struct choice *choice)
{
	bool done = true;

	for (size_t i = 0; i < choice->missing_count && (done || !choice->fail_soon); i++)
		done &= satisfy(choice, choice->missing[i]);
	return done;
}

static bool delete_doomed(struct choice *choice)
{
	bool done = true;

	for (size_t i = 0; i < choice->doomed_count && (done || !choice->fail_soon); i++)
		done &= deb_mark_delete(choice->resolver, choice->doomed[i], choice->depth, false);
	return done;
}

static bool follow_relations(struct choice *choice)
{
	bool cleared;
	bool satisfied;

	collect(choice);
	cleared = clear_conflicts(choice);
	if (!cleared && choice->fail_soon)
		return false;
	if (!choice->by_user)
		take_candidate(choice);
	/* While its dependencies are looked for, nothing may take the package itself away again. */
	choice->state->fixed = true;
	satisfied = satisfy_all(choice);
	if (satisfied || !choice->fail_soon)
		satisfied &= delete_doomed(choice);
	if (!satisfied && choice->fail_soon)
		give_back(choice);
	if (!choice->fixed)
		choice->state->fixed = false;
	return cleared && satisfied;
}

/* Nothing is left to be done for PACKAGE. */
static bool is_settled(struct deb_resolver *resolver, struct deb_package *package)
{
	const struct deb_state *state = deb_state_of(resolver, package);
	struct deb_group group;
	size_t position = 0;

	if (state->fixed || (state->candidate != state->current && state->mode != MODE_INSTALL))
		return false;
	while (state->install && deb_group_next(resolver, state->install, &position, &group))
		if (deb_is_followed(resolver, group.parts[0].kind) &&
		    !deb_group_holds(resolver, package, group, DEB_AFTER))
			return false;
	return true;
}

bool deb_mark_install(struct deb_resolver *resolver, struct deb_package *package, bool follow, unsigned depth,
		      bool by_user)
{
	struct deb_state *state = deb_state_of(resolver, package);
	struct choice AUTO(choice_release) choice = {
		.resolver = resolver,
		.package = package,
		.state = state,
		.version = state->candidate,
		.depth = depth,
		.by_user = by_user,
		.fixed = state->fixed,
		.fail_soon = !state->fixed && !by_user,
	};
	bool only_hand_on = state->fixed && state->mode == MODE_KEEP && state->candidate &&
			    state->candidate == state->current;

	if (!only_hand_on && !may_change(resolver, package, MODE_INSTALL, depth, by_user))
		return false;
	if (!state->candidate || depth > DEPTH_MAX)
		return false;
	if (is_settled(resolver, package))
		return state->install || deb_mark_keep(resolver, package, depth + 1, by_user);
	if (follow && !looks_possible(&choice))
		return false;
	if (by_user || !follow)
		take_candidate(&choice);
	return !follow || follow_relations(&choice);
}

/* What cannot be done is found out at the end, by what is then broken. */
static void mark_requests(struct deb_resolver *resolver, const struct deb_request *requests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct deb_state *state = deb_state_of(resolver, requests[i].package);

		if (!requests[i].remove)
			continue;
		state->fixed = true;
		state->unwanted = true;
		if (state->current)
			deb_mark_delete(resolver, requests[i].package, 0, true);
		else
			state->held = true;
	}
	for (size_t i = 0; i < count; i++) {
		struct deb_state *state = deb_state_of(resolver, requests[i].package);

		if (requests[i].remove)
			continue;
		if (requests[i].version)
			state->candidate = requests[i].version;
		state->asked = true;
		state->fixed = true;
		deb_mark_install(resolver, requests[i].package, false, 0, true);
		state->automatic = false;
	}
	deb_release_switch(resolver, resolver->switches, resolver->switch_count);
	for (size_t i = 0; i < count; i++)
		if (!requests[i].remove)
			deb_mark_install(resolver, requests[i].package, true, 0, true);
}

static int refuse_request(struct deb_resolver *resolver, const struct deb_request *request, struct error *e)
{
	struct deb_version *version = deb_state_of(resolver, request->package)->install;

	if (!version)
		version = request->version ? request->version : deb_candidate(request->package);
	if (!version)
		return error_set(e, ERROR_PLAN, "no archive has a package '%.*s'",
				 TEXT_ARG(request->package->name));
	return deb_explain(resolver, version, e);
}

static int check_requests(struct deb_resolver *resolver, const struct deb_request *requests, size_t count,
			  const struct deb_request **culprit, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		struct deb_package *package = requests[i].package;

		if (requests[i].remove ||
		    (deb_state_of(resolver, package)->install && !deb_is_broken(resolver, package)))
			continue;
		*culprit = &requests[i];
		return refuse_request(resolver, *culprit, e);
	}
	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_package *broken = resolver->known[i];

		if (!deb_is_broken(resolver, broken))
			continue;
		*culprit = deb_find_culprit(resolver, requests, count, broken);
		return *culprit ? refuse_request(resolver, *culprit, e)
				: deb_explain(resolver, broken->state->install, e);
	}
	return 0;
}

int deb_resolver_run(struct deb_resolver *resolver, const struct deb_request *requests, size_t count,
		     unsigned flags, const struct deb_request **culprit, struct error *e)
{
	*culprit = NULL;
	mark_requests(resolver, requests, count);
	deb_find_garbage(resolver);
	deb_repair(resolver);
	if (resolver->index->error.kind != ERROR_NONE) {
		*e = resolver->index->error;
		return -1;
	}
	if (check_requests(resolver, requests, count, culprit, e) < 0)
		return -1;
	deb_sweep(resolver, flags);
	return check_requests(resolver, requests, count, culprit, e);
}
