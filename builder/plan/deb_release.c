/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_release.h"

#include "index/index.h"

#include <fnmatch.h>

/* Chains deeper than apt would walk, and more of them than archives have: for hostile indexes. */
enum { DEPTH_MAX = 3000, STEPS_MAX = 100000 };

static bool is_like(const char *pattern, const char *word)
{
	return word && fnmatch(pattern, word, FNM_CASEFOLD) == 0;
}

static bool is_same(const char *release, const char *word)
{
	return word && strcmp(release, word) == 0;
}

static bool archive_matches(const struct index_archive *archive, const char *release)
{
	if (*release >= '0' && *release <= '9')
		return is_like(release, archive->version);
	return *release && (is_like(release, archive->release_suite) || is_like(release, archive->codename));
}

static bool archive_is(const struct index_archive *archive, const char *release)
{
	return is_same(release, archive->release_suite) || is_same(release, archive->codename);
}

static bool any_archive(const struct deb_version *version, const char *release,
			bool (*is_meant)(const struct index_archive *archive, const char *release))
{
	bool found = is_meant(version->file->archive, release);

	for (const struct deb_copy *copy = version->copies; copy && !found; copy = copy->next)
		found = is_meant(copy->file->archive, release);
	return found;
}

bool deb_release_has(const struct deb_version *version, const char *release)
{
	return any_archive(version, release, archive_matches);
}

bool deb_release_is(const struct deb_version *version, const char *release)
{
	return any_archive(version, release, archive_is);
}

struct deb_version *deb_release_find(const struct deb_package *package, const char *release)
{
	if (strcmp(release, "newest") == 0)
		return package->versions;
	if (strcmp(release, "candidate") == 0)
		return deb_candidate(package);
	for (struct deb_version *version = package->versions; version; version = version->next)
		if (deb_release_has(version, release))
			return version;
	return NULL;
}

/* What was changed for one wish after another. */
struct switching {
	struct deb_resolver *resolver;
	const char *release;
	struct deb_version **changed;
	size_t changed_count;
	size_t steps;
};

static void set_candidate(struct deb_resolver *resolver, struct deb_version *version)
{
	struct deb_state *state = deb_state_of(resolver, version->package);

	if (state->candidate == version || state->current)
		return;
	if (state->mode == MODE_INSTALL && state->install == state->candidate)
		state->install = version;
	state->candidate = version;
	deb_refresh(resolver, version->package);
}

/* Whether nothing more would have to be installed for VERSION. */
static bool is_ready(struct deb_resolver *resolver, struct deb_version *version)
{
	struct deb_group group;
	size_t position = 0;

	while (deb_group_next(resolver, version, &position, &group))
		if (deb_is_critical(group.parts[0].kind) &&
		    !deb_group_holds(resolver, version->package, group, DEB_AFTER))
			return false;
	return true;
}

static bool satisfies(const struct deb_version *version, const struct deb_relation_part *part)
{
	return version && deb_version_satisfies(version->version, part->relation, part->version);
}

static bool has_ready_provider(struct deb_resolver *resolver, const struct deb_package *package)
{
	for (const struct deb_provide *p = package->provides; p; p = p->next)
		if (deb_state_of(resolver, p->owner->package)->candidate == p->owner &&
		    is_ready(resolver, p->owner))
			return true;
	return false;
}

/* Whether PART needs no other candidate. Where somebody provides the name, apt asks the providers alone. */
static bool is_fine(struct deb_resolver *resolver, const struct deb_relation_part *part)
{
	const struct deb_state *state = deb_state_of(resolver, part->target);

	if (satisfies(state->current, part))
		return true;
	if (part->relation == RELATION_NONE && part->target->provides)
		return has_ready_provider(resolver, part->target);
	return satisfies(state->candidate, part) && is_ready(resolver, state->candidate);
}

static bool group_is_fine(struct deb_resolver *resolver, struct deb_group group)
{
	for (size_t i = 0; i < group.count; i++)
		if (is_fine(resolver, &group.parts[i]))
			return true;
	return false;
}

static bool is_changed(const struct switching *s, const struct deb_package *package)
{
	for (size_t i = 0; i < s->changed_count; i++)
		if (s->changed[i]->package == package)
			return true;
	return false;
}

static bool follow(struct switching *s, struct deb_version *version, unsigned depth);

/* Let GROUP be satisfied by another candidate. A dependency on no certain version is none's concern here. */
static bool switch_group(struct switching *s, struct deb_group group, unsigned depth)
{
	for (size_t i = 0; i < group.count; i++) {
		const struct deb_relation_part *part = &group.parts[i];
		struct deb_version *wanted;
		struct deb_version *before;

		if (part->relation == RELATION_NONE)
			continue;
		wanted = deb_release_find(part->target, s->release);
		if (!satisfies(wanted, part))
			continue;
		before = deb_state_of(s->resolver, part->target)->candidate;
		if (wanted == before && is_changed(s, part->target))
			return true;
		PUSH(s->changed, s->changed_count, wanted);
		if (follow(s, wanted, depth + 1))
			return true;
		if (i + 1 == group.count)
			return false;
		if (before)
			set_candidate(s->resolver, before);
		s->changed_count--;
	}
	return false;
}

/*
 * VERSION, and what it depends on. When that fails, apt means to undo what it has changed on the way, but sets
 * the same candidates again; they are what it then works with, and so do we.
 */
static bool follow(struct switching *s, struct deb_version *version, unsigned depth)
{
	size_t kept = s->changed_count;
	struct deb_group group;
	size_t position = 0;

	set_candidate(s->resolver, version);
	if (strcmp(s->release, "candidate") == 0)
		return true;
	if (depth > DEPTH_MAX || s->steps++ > STEPS_MAX)
		return false;
	while (deb_group_next(s->resolver, version, &position, &group)) {
		enum deb_kind kind = group.parts[0].kind;

		if (deb_is_negative(kind) || !deb_is_followed(s->resolver, kind) ||
		    group_is_fine(s->resolver, group) || switch_group(s, group, depth) ||
		    !deb_is_critical(kind))
			continue;
		for (size_t i = kept; i < s->changed_count; i++)
			set_candidate(s->resolver, s->changed[i]);
		s->changed_count = kept;
		return false;
	}
	return true;
}

void deb_release_switch(struct deb_resolver *resolver, const struct deb_switch *switches, size_t count)
{
	struct switching s = { .resolver = resolver };

	for (size_t i = 0; i < count; i++)
		set_candidate(resolver, switches[i].version);
	for (size_t i = 0; i < count; i++) {
		s.release = switches[i].release;
		PUSH(s.changed, s.changed_count, switches[i].version);
		/* A failure shows in the end, by what is then broken. */
		(void)follow(&s, switches[i].version, 0);
	}
	free(s.changed);
}
