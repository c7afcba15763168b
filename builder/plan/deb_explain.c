/* SPDX-License-Identifier: Apache-2.0 */
/* Words for what could not be done: the chain from a package to what it lacks or quarrels with. */
#include "plan/deb_resolve.h"

enum { LINKS_MAX = 50, LOOKED_MAX = 300, SHOWN_BYTES = 600 };

struct chain {
	struct deb_resolver *resolver;
	struct buffer text;
	struct map looked; /* packages that were looked at: each once */
	struct map told;   /* those of them for which a cause was found */
	size_t length;     /* of the way from the first to the one that is looked at */
};

static const char *const verbs[] = {
	[KIND_PRE_DEPENDS] = "pre-depends on", [KIND_DEPENDS] = "depends on",
	[KIND_CONFLICTS] = "conflicts with",   [KIND_BREAKS] = "breaks",
	[KIND_RECOMMENDS] = "recommends",      [KIND_SUGGESTS] = "suggests",
};

static void add_version(struct chain *chain, const struct deb_version *version)
{
	buffer_addf(&chain->text, "%s%.*s %.*s", chain->text.len ? "; " : "",
		    TEXT_ARG(version->package->name), TEXT_ARG(version->version));
}

static void add_part(struct chain *chain, const struct deb_relation_part *part)
{
	buffer_addf(&chain->text, "%.*s", TEXT_ARG(part->target->name));
	if (part->relation != RELATION_NONE)
		buffer_addf(&chain->text, " (%s %.*s)", deb_relation_sign(part->relation),
			    TEXT_ARG(part->version));
}

static void add_group(struct chain *chain, struct deb_group group)
{
	buffer_addf(&chain->text, " %s ", verbs[group.parts[0].kind]);
	for (size_t i = 0; i < group.count; i++) {
		if (i)
			buffer_adds(&chain->text, " | ");
		add_part(chain, &group.parts[i]);
	}
}

/* The version that PART of a relation of PACKAGE matches and that is to be installed; NULL if there is none. */
static struct deb_version *match_after(struct deb_resolver *resolver, const struct deb_package *package,
				       const struct deb_relation_part *part)
{
	struct deb_version *version = deb_state_of(resolver, part->target)->install;

	if (version && deb_concerns(package, part, part->target) &&
	    deb_version_satisfies(version->version, part->relation, part->version))
		return version;
	for (struct deb_provide *p = part->target->provides; p; p = p->next)
		if (deb_concerns(package, part, p->owner->package) &&
		    deb_state_of(resolver, p->owner->package)->install == p->owner &&
		    deb_version_satisfies(p->version, part->relation, part->version))
			return p->owner;
	return NULL;
}

/* VERSION against what is to be installed; true when that says it all. */
static bool explain_conflict(struct chain *chain, struct deb_version *version)
{
	struct deb_group group;
	size_t position = 0;

	while (deb_group_next(chain->resolver, version, &position, &group)) {
		const struct deb_version *other;

		if (!deb_is_negative(group.parts[0].kind))
			continue;
		other = match_after(chain->resolver, version->package, group.parts);
		if (!other)
			continue;
		add_version(chain, version);
		add_group(chain, group);
		if (other->package != group.parts[0].target)
			buffer_addf(&chain->text, ", which %.*s provides", TEXT_ARG(other->package->name));
		return true;
	}
	return false;
}

static bool aims_at(const struct deb_relation_part *part, const struct deb_version *version)
{
	if (part->target == version->package)
		return deb_version_satisfies(version->version, part->relation, part->version);
	for (const struct deb_provide *p = version->provides; p; p = p->next_own)
		if (p->target == part->target &&
		    deb_version_satisfies(p->version, part->relation, part->version))
			return true;
	return false;
}

/* What is to be installed against VERSION. */
static bool explain_refusal(struct chain *chain, struct deb_version *version)
{
	for (size_t i = 0; i < chain->resolver->known_count; i++) {
		struct deb_version *other = chain->resolver->known[i]->state->install;
		struct deb_group group;
		size_t position = 0;

		if (!other || other->package == version->package)
			continue;
		while (deb_group_next(chain->resolver, other, &position, &group)) {
			if (!deb_is_negative(group.parts[0].kind) || !aims_at(group.parts, version))
				continue;
			add_version(chain, other);
			add_group(chain, group);
			return true;
		}
	}
	return false;
}

/* The version that would be taken for PART if nothing stood against it. */
static struct deb_version *best_match(const struct deb_relation_part *part)
{
	struct deb_version *version = deb_candidate(part->target);

	if (version && deb_version_satisfies(version->version, part->relation, part->version))
		return version;
	for (struct deb_provide *p = part->target->provides; p; p = p->next)
		if (deb_candidate(p->owner->package) == p->owner &&
		    deb_version_satisfies(p->version, part->relation, part->version))
			return p->owner;
	return NULL;
}

/* No archive can satisfy PART: say what there is instead. */
static void explain_absence(struct chain *chain, const struct deb_relation_part *part)
{
	const struct deb_package *target = part->target;
	const struct deb_version *newest = target->versions;
	const struct deb_version *candidate = deb_candidate(target);

	if (candidate && candidate != newest)
		buffer_addf(&chain->text, "; %.*s %.*s is the one to be installed by priority",
			    TEXT_ARG(target->name), TEXT_ARG(candidate->version));
	else if (newest)
		buffer_addf(&chain->text, "; %.*s %.*s is the newest in any archive", TEXT_ARG(target->name),
			    TEXT_ARG(newest->version));
	else if (target->provides && part->relation != RELATION_NONE)
		buffer_addf(&chain->text, "; no archive provides that version of '%.*s'",
			    TEXT_ARG(target->name));
	else
		buffer_addf(&chain->text, "; no archive has a package '%.*s'", TEXT_ARG(target->name));
}

/*
 * Whether FROM, by what satisfies its dependencies, leads to TARGET; to anything that is broken when TARGET
 * is NULL.
 */
static bool reaches(struct deb_resolver *resolver, struct deb_package *from, const struct deb_package *target)
{
	struct map AUTO(map_release) seen = MAP_INIT;
	struct deb_package **queue = NULL;
	size_t count = 0;
	bool found = false;

	map_put(&seen, from->name, from);
	PUSH(queue, count, from);
	for (size_t i = 0; i < count && !found; i++) {
		struct deb_version *version = deb_state_of(resolver, queue[i])->install;
		struct deb_group group;
		size_t position = 0;

		found = target ? queue[i] == target : deb_is_broken(resolver, queue[i]);
		while (version && deb_group_next(resolver, version, &position, &group)) {
			struct deb_version *next = NULL;

			if (deb_is_critical(group.parts[0].kind) && !deb_is_negative(group.parts[0].kind))
				next = deb_satisfier(resolver, group);
			if (!next || map_put(&seen, next->package->name, next->package))
				continue;
			PUSH(queue, count, next->package);
		}
	}
	free(queue);
	return found;
}

static bool explain_version(struct chain *chain, struct deb_version *version);

/*
 * Why GROUP is not satisfied, each alternative in turn. What satisfies it, if anything, is itself broken: then one
 * cause is enough. Else something must stand against every one, or there is more to it than is seen here.
 */
static bool explain_alternatives(struct chain *chain, struct deb_group group,
				 const struct deb_version *satisfier)
{
	size_t causes = 0;

	for (size_t i = 0; i < group.count; i++) {
		struct deb_version *version = best_match(&group.parts[i]);

		if (!version)
			explain_absence(chain, &group.parts[i]);
		causes += !version || explain_version(chain, version);
	}
	return satisfier ? causes > 0 : causes == group.count;
}

/* What VERSION lacks; words that led to no cause are taken back. */
static bool explain_needs(struct chain *chain, struct deb_version *version)
{
	struct deb_group group;
	size_t position = 0;

	while (deb_group_next(chain->resolver, version, &position, &group)) {
		const struct deb_version *satisfier;
		size_t mark = chain->text.len;

		if (!deb_is_critical(group.parts[0].kind) || deb_is_negative(group.parts[0].kind))
			continue;
		satisfier = deb_satisfier(chain->resolver, group);
		if (satisfier && !reaches(chain->resolver, satisfier->package, NULL))
			continue;
		add_version(chain, version);
		add_group(chain, group);
		if (explain_alternatives(chain, group, satisfier))
			return true;
		buffer_cut(&chain->text, mark);
	}
	return false;
}

static bool find_cause(struct chain *chain, struct deb_version *version)
{
	if (deb_state_of(chain->resolver, version->package)->unwanted) {
		buffer_addf(&chain->text, "%s%.*s is not to be installed", chain->text.len ? "; " : "",
			    TEXT_ARG(version->package->name));
		return true;
	}
	return explain_conflict(chain, version) || explain_needs(chain, version) ||
	       explain_refusal(chain, version);
}

/* Say why VERSION cannot be there; false when nothing is seen that stands against it. */
static bool explain_version(struct chain *chain, struct deb_version *version)
{
	struct text name = version->package->name;
	bool found;

	if (map_get(&chain->looked, name))
		return map_get(&chain->told, name) != NULL;
	if (chain->length == LINKS_MAX || chain->looked.count == LOOKED_MAX)
		return false;
	map_put(&chain->looked, name, version->package);
	chain->length++;
	found = find_cause(chain, version);
	chain->length--;
	if (found)
		map_put(&chain->told, name, version->package);
	return found;
}

/* Of a long chain the beginning and the end say the most. */
static int say(const struct buffer *text, struct error *e)
{
	if (text->len <= 2 * (size_t)SHOWN_BYTES)
		return error_set(e, ERROR_PLAN, "%s", text->data);
	return error_set(e, ERROR_PLAN, "%.*s ... %s", SHOWN_BYTES, text->data,
			 text->data + text->len - SHOWN_BYTES);
}

int deb_explain(struct deb_resolver *resolver, struct deb_version *version, struct error *e)
{
	struct chain chain = { .resolver = resolver, .text = BUFFER_INIT };
	int r;

	if (!explain_version(&chain, version)) {
		add_version(&chain, version);
		buffer_adds(&chain.text, " cannot be installed together with the others");
	}
	r = say(&chain.text, e);
	map_release(&chain.looked);
	map_release(&chain.told);
	buffer_release(&chain.text);
	return r;
}

const struct deb_request *deb_find_culprit(struct deb_resolver *resolver, const struct deb_request *requests,
					   size_t count, const struct deb_package *package)
{
	for (size_t i = 0; i < count; i++)
		if (!requests[i].remove && reaches(resolver, requests[i].package, package))
			return &requests[i];
	return NULL;
}
