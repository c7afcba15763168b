/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/deb_plan.h"

#include "index/index.h"
#include "recipe/recipe.h"

/* Sets that follow each other and do the same make one run of the resolver. */
struct run {
	enum plan_phase phase;
	bool remove;
	const struct package_set **sets; /* owned array */
	size_t set_count;
};

struct runs {
	struct run *items;
	size_t count;
};

static void runs_release(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		free(runs->items[i].sets);
	free(runs->items);
}

static void add_set(struct runs *runs, const struct package_set *set, enum plan_phase phase)
{
	struct run *last = &runs->items[runs->count - 1];
	bool remove = set->action == SET_REMOVE;

	if (last->phase != phase || last->remove != remove) {
		struct run run = { .phase = phase, .remove = remove };

		PUSH(runs->items, runs->count, run);
		last = &runs->items[runs->count - 1];
	}
	PUSH(last->sets, last->set_count, set);
}

/* Whether a script wants to see the base system before the sets are installed. */
static bool is_split(const struct recipe *recipe)
{
	for (size_t i = 0; i < recipe->action_count; i++)
		if (recipe->actions[i].trigger == TRIGGER_POST_UNPACK ||
		    recipe->actions[i].trigger == TRIGGER_POST_UPDATE)
			return true;
	return false;
}

/* The first run is the base system, and with it whatever need not wait. */
static void divide(const struct recipe *recipe, struct runs *runs)
{
	const struct recipe_packages *packages = &recipe->packages;
	struct run base = { .phase = PHASE_BASE };
	enum plan_phase later = is_split(recipe) ? PHASE_SETS : PHASE_BASE;

	PUSH(runs->items, runs->count, base);
	for (size_t i = 0; i < packages->set_count; i++)
		if (packages->sets[i].early)
			add_set(runs, &packages->sets[i], PHASE_BASE);
	for (size_t i = 0; i < packages->set_count; i++)
		if (!packages->sets[i].early)
			add_set(runs, &packages->sets[i], later);
}

struct maker {
	const struct recipe *recipe;
	struct deb_index *index; /* borrowed */
	struct deb_resolver resolver;
	struct deb_drafts drafts;
};

static void maker_release(struct maker *maker)
{
	deb_drafts_release(&maker->drafts);
	deb_resolver_release(&maker->resolver);
}

/* Put the wish that failed in front of the chain that says why. */
static int name_culprit(const struct maker *maker, const struct deb_wishes *wishes,
			const struct deb_request *culprit, struct error *e)
{
	const struct recipe_name *name;

	if (e->kind != ERROR_PLAN || !culprit)
		return -1;
	name = wishes->names[culprit - wishes->requests];
	if (name && name->place.file) {
		error_wrap(e, "cannot install '%s'", name->text);
		return error_wrap_at(e, &name->place);
	}
	return error_wrap(e, "cannot install '%.*s' of the base system of variant '%s'",
			  TEXT_ARG(culprit->package->name),
			  maker->recipe->source.variant ? maker->recipe->source.variant : "-");
}

static int resolve(struct maker *maker, const struct deb_wishes *wishes, unsigned flags, struct error *e)
{
	const struct deb_request *culprit;

	maker->resolver.switches = wishes->switches;
	maker->resolver.switch_count = wishes->switch_count;
	if (deb_resolver_run(&maker->resolver, wishes->requests, wishes->count, flags, &culprit, e) < 0)
		return name_culprit(maker, wishes, culprit, e);
	return 0;
}

/* The package NAME if it is new by this run, and nobody asked for it. */
static bool came_along(const struct maker *maker, const struct deb_wishes *wishes, const char *name)
{
	const struct deb_package *package = deb_index_find(maker->index, text_of(name));

	return package && package->state && package->state->install && !package->state->current &&
	       !deb_wishes_have(wishes, package);
}

/*
 * The root is made with a merged /usr, so usrmerge has nothing to do in it and would only drag perl
 * along. Where a dependency is content with usr-is-merged, that is what it gets, as by debootstrap.
 */
static int prefer_merged(struct maker *maker, struct deb_wishes *wishes, struct error *e)
{
	struct deb_package *merged = deb_index_find(maker->index, TEXT("usr-is-merged"));

	if (!merged || !merged->versions || !came_along(maker, wishes, "usrmerge"))
		return 0;
	deb_resolver_rollback(&maker->resolver);
	deb_wishes_add(wishes, (struct deb_request) { .package = merged }, WHY_VARIANT, NULL);
	return resolve(maker, wishes, 0, e);
}

/* What apt would want to hear a special word for. */
static int check_essential(const struct maker *maker, const struct run *run, struct error *e)
{
	for (size_t i = 0; i < maker->resolver.known_count; i++) {
		const struct deb_package *package = maker->resolver.known[i];

		if (!(package->essential || package->important) || !package->state->current ||
		    package->state->install)
			continue;
		return error_at(e, ERROR_PLAN, &run->sets[0]->place, "this would remove '%.*s', which is %s",
				TEXT_ARG(package->name), package->essential ? "essential" : "protected");
	}
	return 0;
}

static int name_removal(const struct run *run, struct error *e)
{
	error_wrap(e, "cannot remove these packages");
	return error_wrap_at(e, &run->sets[0]->place);
}

static int make_run(struct maker *maker, const struct run *run, bool first, struct error *e)
{
	struct deb_wishes AUTO(deb_wishes_release) wishes = DEB_WISHES_INIT;

	if (first && deb_wishes_add_variant(&wishes, maker->recipe, maker->index, e) < 0)
		return -1;
	for (size_t i = 0; i < run->set_count; i++)
		for (size_t k = 0; k < run->sets[i]->name_count; k++)
			if (deb_wishes_add_name(&wishes, &run->sets[i]->names[k], run->remove, maker->index,
						e) < 0)
				return -1;
	if (resolve(maker, &wishes, run->remove ? DEB_SWEEP : 0, e) < 0)
		return run->remove && e->kind == ERROR_PLAN ? name_removal(run, e) : -1;
	if (first && prefer_merged(maker, &wishes, e) < 0)
		return -1;
	if (run->set_count && check_essential(maker, run, e) < 0)
		return -1;
	deb_drafts_record(&maker->drafts, &maker->resolver, &wishes, run->phase);
	deb_resolver_commit(&maker->resolver);
	return 0;
}

/* Archives since Debian 9 know that /bin and its like may be links into /usr. */
static bool has_merged_usr(const struct deb_index *index)
{
	const struct deb_package *merged = deb_index_find(index, TEXT("usr-is-merged"));
	const struct deb_package *tool = deb_index_find(index, TEXT("usrmerge"));

	return (merged && (merged->versions || merged->provides)) || (tool && tool->versions);
}

int deb_plan_choose(const struct recipe *recipe, struct deb_index *index, struct plan *plan, struct error *e)
{
	struct maker AUTO(maker_release) maker = { .recipe = recipe, .index = index };
	struct runs AUTO(runs_release) runs = { NULL, 0 };
	auto_plan struct plan made = PLAN_INIT;

	deb_resolver_init(&maker.resolver, index);
	maker.resolver.recommends = recipe->packages.recommends;
	divide(recipe, &runs);
	for (size_t i = 0; i < runs.count; i++)
		if (make_run(&maker, &runs.items[i], i == 0, e) < 0)
			return -1;
	made.merged_usr = has_merged_usr(index);
	if (deb_drafts_finish(&maker.drafts, index, &made, e) < 0)
		return -1;
	*plan = TAKE(made, PLAN_INIT);
	return 0;
}

int deb_plan_make(const struct recipe *recipe, const struct index_set *indexes, struct plan *plan,
		  struct error *e)
{
	auto_deb_index struct deb_index index = DEB_INDEX_INIT;

	if (indexes->archive_count == 0)
		return error_at(e, ERROR_PLAN, &recipe->source.place, "there is no package index");
	if (deb_index_scan(&index, indexes, recipe->architecture_debian, e) < 0)
		return -1;
	return deb_plan_choose(recipe, &index, plan, e);
}
