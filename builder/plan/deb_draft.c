/* SPDX-License-Identifier: Apache-2.0 */
/* From what the resolver decided to a struct plan. */
#include "plan/deb_plan.h"

#include "base/limits.h"
#include "base/root.h"
#include "index/index.h"

static struct deb_draft *draft_of(struct deb_drafts *drafts, struct deb_version *version)
{
	if (!version->draft) {
		version->draft = xcalloc(1, sizeof *version->draft);
		version->draft->version = version;
		PUSH(drafts->drafts, drafts->count, version->draft);
	}
	return version->draft;
}

static void push_unique(struct deb_version ***list, size_t *count, struct deb_version *version)
{
	for (size_t i = 0; i < *count; i++)
		if ((*list)[i] == version)
			return;
	*list = grow(*list, *count, sizeof **list);
	(*list)[(*count)++] = version;
}

static void record_depends(struct deb_resolver *resolver, struct deb_draft *draft)
{
	struct deb_group group;
	size_t position = 0;

	draft->depend_count = 0;
	draft->pre_depend_count = 0;
	while (deb_group_next(resolver, draft->version, &position, &group)) {
		enum deb_kind kind = group.parts[0].kind;
		struct deb_version *by;

		if (kind != KIND_DEPENDS && kind != KIND_PRE_DEPENDS)
			continue;
		by = deb_satisfier(resolver, group);
		if (!by || by == draft->version)
			continue;
		push_unique(&draft->depends, &draft->depend_count, by);
		if (kind == KIND_PRE_DEPENDS)
			push_unique(&draft->pre_depends, &draft->pre_depend_count, by);
	}
}

/* A walk from what was wished for, breadth first, so that each package gets its shortest reason. */
struct reasons {
	struct deb_resolver *resolver;
	struct deb_version **queue;
	size_t count;
	struct map seen;
};

static void reach(struct reasons *reasons, struct deb_version *version, enum plan_why why,
		  const struct deb_package *because)
{
	if (map_get(&reasons->seen, version->package->name))
		return;
	map_put(&reasons->seen, version->package->name, version);
	PUSH(reasons->queue, reasons->count, version);
	if (version->draft && !deb_state_of(reasons->resolver, version->package)->current) {
		version->draft->why = why;
		version->draft->why_package = because;
	}
}

static void follow(struct reasons *reasons, struct deb_version *version, bool weak)
{
	static const enum plan_why whys[] = {
		[KIND_PRE_DEPENDS] = WHY_PRE_DEPENDS,
		[KIND_DEPENDS] = WHY_DEPENDS,
		[KIND_RECOMMENDS] = WHY_RECOMMENDS,
		[KIND_SUGGESTS] = WHY_RECOMMENDS,
	};
	struct deb_group group;
	size_t position = 0;

	while (deb_group_next(reasons->resolver, version, &position, &group)) {
		enum deb_kind kind = group.parts[0].kind;
		struct deb_version *by;

		if (deb_is_negative(kind) || deb_is_critical(kind) == weak)
			continue;
		by = deb_satisfier(reasons->resolver, group);
		if (by)
			reach(reasons, by, whys[kind], version->package);
	}
}

static void find_reasons(struct deb_resolver *resolver, const struct deb_wishes *wishes)
{
	struct reasons reasons = { .resolver = resolver };
	auto_free struct deb_version **queue = NULL;

	for (size_t i = 0; i < wishes->count; i++) {
		struct deb_version *version = deb_state_of(resolver, wishes->requests[i].package)->install;

		if (version && !wishes->requests[i].remove)
			reach(&reasons, version, wishes->whys[i], NULL);
	}
	for (size_t i = 0; i < reasons.count; i++)
		follow(&reasons, reasons.queue[i], false);
	/* Whatever is left came, or came back, by weaker relations. */
	for (size_t i = 0; i < resolver->known_count; i++)
		if (resolver->known[i]->state->current && resolver->known[i]->state->install)
			reach(&reasons, resolver->known[i]->state->install, WHY_DEPENDS, NULL);
	for (size_t i = 0; i < reasons.count; i++) {
		follow(&reasons, reasons.queue[i], false);
		follow(&reasons, reasons.queue[i], true);
	}
	queue = reasons.queue;
	map_release(&reasons.seen);
}

static void mark_base(struct deb_resolver *resolver, struct deb_version *root)
{
	struct deb_version **stack = NULL;
	size_t count = 0;

	PUSH(stack, count, root);
	while (count) {
		struct deb_draft *draft = stack[--count]->draft;

		if (!draft || draft->base)
			continue;
		draft->base = true;
		draft->automatic = false;
		deb_state_of(resolver, draft->version->package)->automatic = false;
		for (size_t i = 0; i < draft->depend_count; i++)
			PUSH(stack, count, draft->depends[i]);
	}
	free(stack);
}

static struct deb_draft_step *add_step(struct deb_drafts *drafts, enum plan_step_kind kind,
				       enum plan_phase phase)
{
	struct deb_draft_step step = { .kind = kind, .phase = phase };

	PUSH(drafts->steps, drafts->step_count, step);
	return &drafts->steps[drafts->step_count - 1];
}

/* A step of those in VERSIONS that belong to the base, or do not; none if there are none. */
static void add_install_step(struct deb_drafts *drafts, struct deb_version *const *versions, size_t count,
			     bool base, enum plan_phase phase)
{
	struct deb_draft_step *step = NULL;

	for (size_t i = 0; i < count; i++) {
		if (versions[i]->draft->base != base)
			continue;
		if (!step)
			step = add_step(drafts, base ? STEP_BASE : STEP_INSTALL, phase);
		PUSH(step->versions, step->count, versions[i]);
	}
}

static void record_removals(struct deb_drafts *drafts, struct deb_resolver *resolver, enum plan_phase phase)
{
	struct deb_draft_step *step = NULL;

	for (size_t i = 0; i < resolver->known_count; i++) {
		const struct deb_state *state = resolver->known[i]->state;

		if (!state->current || state->install == state->current)
			continue;
		if (!step)
			step = add_step(drafts, STEP_REMOVE, phase);
		PUSH(step->versions, step->count, state->current);
	}
}

void deb_drafts_record(struct deb_drafts *drafts, struct deb_resolver *resolver,
		       const struct deb_wishes *wishes, enum plan_phase phase)
{
	bool first = drafts->step_count == 0;
	auto_free struct deb_version **fresh = NULL;
	size_t count = 0;

	for (size_t i = 0; i < resolver->known_count; i++) {
		struct deb_version *version = resolver->known[i]->state->install;

		if (version && version != resolver->known[i]->state->current) {
			draft_of(drafts, version)->automatic = resolver->known[i]->state->automatic;
			PUSH(fresh, count, version);
		}
	}
	for (size_t i = 0; i < count; i++)
		record_depends(resolver, fresh[i]->draft);
	find_reasons(resolver, wishes);
	for (size_t i = 0; first && i < count; i++)
		if (fresh[i]->draft->why == WHY_ESSENTIAL)
			mark_base(resolver, fresh[i]);
	record_removals(drafts, resolver, phase);
	add_install_step(drafts, fresh, count, true, phase);
	add_install_step(drafts, fresh, count, false, phase);
}

static int by_name(const void *a, const void *b)
{
	const struct deb_draft *const *left = a;
	const struct deb_draft *const *right = b;
	int order = text_compare((*left)->version->package->name, (*right)->version->package->name);

	/* Two versions of one package: when an early one was removed and another chosen later. */
	return order ? order : deb_version_compare((*left)->version->version, (*right)->version->version);
}

static int by_number(const void *a, const void *b)
{
	const size_t *left = a;
	const size_t *right = b;

	return (*left > *right) - (*left < *right);
}

static size_t *positions_of(struct plan *plan, struct deb_version *const *versions, size_t count)
{
	size_t *positions = arena_alloc(&plan->arena, count * sizeof *positions);

	for (size_t i = 0; i < count; i++)
		positions[i] = versions[i]->draft->position;
	if (count)
		qsort(positions, count, sizeof *positions, by_number);
	return positions;
}

static const char *keep(struct plan *plan, struct text text)
{
	return arena_strndup(&plan->arena, text.ptr ? text.ptr : "", text.len);
}

/* What is needed to fetch the package; the digest is the only thing that later proves what was fetched. */
static int fill_origin(struct plan *plan, const struct deb_version *version, struct plan_package *out,
		       struct error *e)
{
	static const char *const names[] = { "Filename", "Size", "SHA256", "Installed-Size", "Source" };
	struct text values[ARRAY_LEN(names)];
	struct text source;

	deb_stanza_fields(version->stanza, names, ARRAY_LEN(names), values);
	if (values[0].len == 0)
		return deb_version_error(version, e, "no field Filename");
	if (values[0].ptr[0] == '/' || !path_is_safe(values[0]))
		return deb_version_error(version, e, "the field Filename leads out of the archive");
	if (!text_is_graphic(values[0]))
		return deb_version_error(version, e, "malformed field Filename");
	if (!text_to_u64(values[1], &out->size_bytes) || out->size_bytes == 0)
		return deb_version_error(version, e, "no usable field Size");
	if (out->size_bytes > LIMIT_PACKAGE_BYTES)
		return deb_version_error(version, e, "%llu bytes are more than the limit of %llu",
					 (unsigned long long)out->size_bytes, LIMIT_PACKAGE_BYTES);
	if (!digest_parse(values[2], &out->sha256))
		return deb_version_error(version, e, "no usable field SHA256");
	if (!text_to_u64(values[3], &out->installed_bytes) ||
	    __builtin_mul_overflow(out->installed_bytes, KIB, &out->installed_bytes))
		out->installed_bytes = 0;
	out->filename = keep(plan, values[0]);
	/* "openssl (3.0.1)": its version where that is another one. */
	source = text_word(&values[4]);
	out->source = source.len && text_is_graphic(source) ? keep(plan, source) : out->name;
	return 0;
}

static int fill_package(const struct deb_draft *draft, const struct deb_index *index, struct plan *plan,
			struct error *e)
{
	struct plan_package *out = &plan->packages[draft->position];
	const struct deb_version *version = draft->version;

	*out = (struct plan_package) {
		.name = keep(plan, version->package->name),
		.version = keep(plan, version->version),
		.architecture =
			arena_strdup(&plan->arena, version->architecture_all ? "all" : index->architecture),
		.archive = version->file->archive,
		.component = version->file->component,
		.why = draft->why,
		.essential = version->essential,
		.automatic = draft->automatic,
		.depends = positions_of(plan, draft->depends, draft->depend_count),
		.depend_count = draft->depend_count,
		.pre_depends = positions_of(plan, draft->pre_depends, draft->pre_depend_count),
		.pre_depend_count = draft->pre_depend_count,
	};
	if (draft->why_package)
		out->why_package = keep(plan, draft->why_package->name);
	return fill_origin(plan, version, out, e);
}

int deb_drafts_finish(const struct deb_drafts *drafts, const struct deb_index *index, struct plan *plan,
		      struct error *e)
{
	if (drafts->count)
		qsort(drafts->drafts, drafts->count, sizeof *drafts->drafts, by_name);
	for (size_t i = 0; i < drafts->count; i++)
		drafts->drafts[i]->position = i;
	plan->packages = arena_alloc(&plan->arena, drafts->count * sizeof *plan->packages);
	plan->package_count = drafts->count;
	for (size_t i = 0; i < drafts->count; i++)
		if (fill_package(drafts->drafts[i], index, plan, e) < 0)
			return -1;
	plan->steps = arena_alloc(&plan->arena, drafts->step_count * sizeof *plan->steps);
	plan->step_count = drafts->step_count;
	for (size_t i = 0; i < drafts->step_count; i++) {
		const struct deb_draft_step *step = &drafts->steps[i];

		plan->steps[i] = (struct plan_step) {
			.kind = step->kind,
			.phase = step->phase,
			.packages = positions_of(plan, step->versions, step->count),
			.count = step->count,
		};
		if (step->kind != STEP_REMOVE)
			deb_order(plan, plan->steps[i].packages, step->count);
	}
	return 0;
}

void deb_drafts_release(struct deb_drafts *drafts)
{
	for (size_t i = 0; i < drafts->count; i++) {
		drafts->drafts[i]->version->draft = NULL;
		free(drafts->drafts[i]->depends);
		free(drafts->drafts[i]->pre_depends);
		free(drafts->drafts[i]);
	}
	for (size_t i = 0; i < drafts->step_count; i++)
		free(drafts->steps[i].versions);
	free(drafts->drafts);
	free(drafts->steps);
	*drafts = DEB_DRAFTS_INIT;
}
