/* SPDX-License-Identifier: Apache-2.0 */
/* "packages" and "steps" of a lock → the plan as it was. */
#include "lock/parts.h"

#include "base/limits.h"
#include "deb/version.h"
#include "recipe/recipe.h"
#include "recipe/yaml.h"

#define INSTALLED_BYTES_MAX (1024 * GIB)

/* The archive of that suite which has URL: the most special one. */
static int find_archive(const struct node *node, const char *suite, const char *url, struct lock *lock,
			struct plan_package *package, struct error *e)
{
	size_t best = 0;

	for (size_t i = 0; i < lock->indexes.archive_count; i++) {
		const struct index_archive *archive = lock->indexes.archives[i];
		size_t len = strlen(archive->uri);
		const char *filename;

		if (strcmp(archive->suite, suite) != 0 || len <= best)
			continue;
		filename = path_below(archive->uri, url, &lock->plan.arena);
		if (!filename)
			continue;
		package->archive = archive;
		package->filename = filename;
		best = len;
	}
	if (best)
		return 0;
	return error_at(e, ERROR_FORMAT, fields_place(node, "url"),
			"'url' must lead to a file below the archive of suite '%s'", suite);
}

static int check_numbers(const struct node *node, const struct plan_package *package, struct error *e)
{
	if (package->size_bytes == 0 || package->size_bytes > LIMIT_PACKAGE_BYTES)
		return error_at(e, ERROR_FORMAT, fields_place(node, "size"),
				"'size' must be between 1 and %llu", LIMIT_PACKAGE_BYTES);
	if (package->installed_bytes > INSTALLED_BYTES_MAX)
		return error_at(e, ERROR_FORMAT, fields_place(node, "installed_size"),
				"'installed_size' must be at most %llu", INSTALLED_BYTES_MAX);
	return 0;
}

static int read_package(const struct node *node, struct lock *lock, struct plan_package *package,
			struct error *e)
{
	const struct node *depends = NULL;
	const struct node *pre_depends = NULL;
	const char *why = NULL;
	const char *suite = NULL;
	const char *url = NULL;
	const struct field fields[] = {
		{ "name", FIELD_PACKAGE, true, &package->name },
		{ "version", FIELD_VERSION, true, &package->version },
		{ "architecture", FIELD_WORD, true, &package->architecture },
		{ "source", FIELD_TEXT, false, &package->source },
		{ "suite", FIELD_WORD, true, &suite },
		{ "component", FIELD_WORD, true, &package->component },
		{ "url", FIELD_URL, true, &url },
		{ "size", FIELD_SIZE, true, &package->size_bytes },
		{ "sha256", FIELD_DIGEST, true, &package->sha256 },
		{ "installed_size", FIELD_SIZE, true, &package->installed_bytes },
		{ "why", FIELD_TEXT, true, &why },
		{ "because_of", FIELD_PACKAGE, false, &package->why_package },
		{ "essential", FIELD_FLAG, false, &package->essential },
		{ "automatic", FIELD_FLAG, false, &package->automatic },
		{ "depends", FIELD_TEXTS, false, &depends },
		{ "pre_depends", FIELD_TEXTS, false, &pre_depends },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), &lock->plan.arena, e) < 0)
		return -1;
	if (!package->source)
		package->source = package->name;
	if (strcmp(package->architecture, "all") != 0 &&
	    strcmp(package->architecture, lock->inputs.architecture) != 0)
		return error_at(e, ERROR_FORMAT, fields_place(node, "architecture"), "the image is for '%s'",
				lock->inputs.architecture);
	if (!plan_why_parse(why, &package->why))
		return error_at(e, ERROR_FORMAT, fields_place(node, "why"), "unknown reason '%.80s'", why);
	if (check_numbers(node, package, e) < 0)
		return -1;
	return find_archive(node, suite, url, lock, package, e);
}

/* Before 0: A comes first. */
static int compare(const struct plan_package *a, const struct plan_package *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order : deb_version_compare(text_of(a->version), text_of(b->version));
}

static int read_packages(const struct node *list, struct lock *lock, struct error *e)
{
	struct plan *plan = &lock->plan;

	plan->packages = arena_alloc(&plan->arena, (list->count + 1) * sizeof *plan->packages);
	lock->lines = xcalloc(list->count + 1, sizeof *lock->lines);
	for (size_t i = 0; i < list->count; i++) {
		if (read_package(list->items[i], lock, &plan->packages[i], e) < 0)
			return -1;
		if (i && compare(&plan->packages[i - 1], &plan->packages[i]) >= 0)
			return error_at(e, ERROR_FORMAT, &list->items[i]->place,
					"'packages' must be sorted by name and version, each once");
		lock->lines[i] = list->items[i]->place.line;
		plan->package_count++;
	}
	return 0;
}

/* The first package named NAME, or where it would be. */
static size_t first_named(const struct plan *plan, struct text name)
{
	size_t low = 0;
	size_t high = plan->package_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (text_compare(text_of(plan->packages[middle].name), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool find_package(const struct plan *plan, const char *reference, size_t *position)
{
	struct text version;
	struct text name = text_cut(text_of(reference), '=', &version);

	for (size_t i = first_named(plan, name);
	     i < plan->package_count && text_is(name, plan->packages[i].name); i++) {
		if (version.ptr && !text_is(version, plan->packages[i].version))
			continue;
		*position = i;
		return true;
	}
	return false;
}

static int read_positions(const struct node *list, struct plan *plan, size_t **positions, size_t *count,
			  struct error *e)
{
	*count = 0;
	if (!list)
		return 0;
	*positions = arena_alloc(&plan->arena, (list->count + 1) * sizeof **positions);
	for (size_t i = 0; i < list->count; i++) {
		const struct node *item = list->items[i];

		if (!find_package(plan, item->text, &(*positions)[i]))
			return error_at(e, ERROR_FORMAT, &item->place, "'%.80s' is not among 'packages'",
					item->text);
	}
	*count = list->count;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const size_t *left = a;
	const size_t *right = b;

	return (*left > *right) - (*left < *right);
}

/* The value of KEY in NODE, which was found to be a list of texts, or NULL. */
static const struct node *list_of(const struct node *node, const char *key)
{
	const struct node_pair *pair = node_find(node, key);

	return pair ? pair->value : NULL;
}

static int read_needs(const struct node *node, struct plan *plan, size_t position, struct error *e)
{
	struct plan_package *package = &plan->packages[position];

	if (read_positions(list_of(node, "depends"), plan, &package->depends, &package->depend_count, e) <
		    0 ||
	    read_positions(list_of(node, "pre_depends"), plan, &package->pre_depends,
			   &package->pre_depend_count, e) < 0)
		return -1;
	if (package->depend_count)
		qsort(package->depends, package->depend_count, sizeof *package->depends, by_number);
	if (package->pre_depend_count)
		qsort(package->pre_depends, package->pre_depend_count, sizeof *package->pre_depends,
		      by_number);
	return 0;
}

/* A step installs what is not there, and removes what is. */
static int carry_out(const struct node *list, const struct plan *plan, const struct plan_step *step,
		     bool *installed, struct error *e)
{
	bool wanted = step->kind != STEP_REMOVE;

	for (size_t i = 0; i < step->count; i++) {
		size_t position = step->packages[i];

		if (installed[position] == wanted)
			return error_at(e, ERROR_FORMAT, &list->items[i]->place, "'%s' is %s already",
					plan->packages[position].name, wanted ? "installed" : "gone");
		installed[position] = wanted;
	}
	return 0;
}

static int read_step(const struct node *node, struct plan *plan, bool *installed, struct error *e)
{
	struct plan_step step = { .count = 0 };
	const struct node *packages = NULL;
	const char *kind = NULL;
	const char *phase = NULL;
	const struct field fields[] = {
		{ "kind", FIELD_TEXT, true, &kind },
		{ "phase", FIELD_TEXT, true, &phase },
		{ "packages", FIELD_TEXTS, true, &packages },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), &plan->arena, e) < 0)
		return -1;
	if (!plan_step_parse(kind, &step.kind) || (step.kind == STEP_BASE) != (plan->step_count == 0))
		return error_at(e, ERROR_FORMAT, fields_place(node, "kind"),
				"'kind' must be base for the first step, and install or remove for others");
	if (!plan_phase_parse(phase, &step.phase) || (step.kind == STEP_BASE && step.phase != PHASE_BASE))
		return error_at(e, ERROR_FORMAT, fields_place(node, "phase"),
				"'phase' must be base or sets, and base for the first step");
	if (read_positions(packages, plan, &step.packages, &step.count, e) < 0 ||
	    carry_out(packages, plan, &step, installed, e) < 0)
		return -1;
	ARENA_PUSH(&plan->arena, plan->steps, plan->step_count, step);
	return 0;
}

/* Every package is there for a step. */
static int check_use(const struct node *packages, const struct plan *plan, struct error *e)
{
	auto_free bool *used = xcalloc(plan->package_count + 1, sizeof *used);

	for (size_t i = 0; i < plan->step_count; i++)
		for (size_t k = 0; k < plan->steps[i].count; k++)
			used[plan->steps[i].packages[k]] = true;
	for (size_t i = 0; i < plan->package_count; i++)
		if (!used[i])
			return error_at(e, ERROR_FORMAT, &packages->items[i]->place,
					"package '%s' is in no step", plan->packages[i].name);
	return 0;
}

int read_plan(const struct node *packages, const struct node *steps, struct lock *lock, struct error *e)
{
	struct plan *plan = &lock->plan;
	auto_free bool *installed = xcalloc(packages->count + 1, sizeof *installed);

	if (read_packages(packages, lock, e) < 0)
		return -1;
	for (size_t i = 0; i < packages->count; i++)
		if (read_needs(packages->items[i], plan, i, e) < 0)
			return -1;
	for (size_t i = 0; i < steps->count; i++)
		if (read_step(steps->items[i], plan, installed, e) < 0)
			return -1;
	if (plan->step_count == 0 || plan->steps[0].count == 0)
		return error_at(e, ERROR_FORMAT, &steps->place, "'steps' has no base system");
	return check_use(packages, plan, e);
}
