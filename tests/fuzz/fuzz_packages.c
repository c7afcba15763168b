/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Packages file of any bytes, and a plan from it: its essential packages and one called "app", which is
 * removed again. What is planned must be closed and in order.
 */
#include "family.h"
#include "fuzz/fuzz.h"
#include "index/index.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

#include <assert.h>

int deb_plan_make(const struct recipe *recipe, const struct index_set *indexes, struct plan *plan,
		  struct error *e) MUST_CHECK;

static void check_package(const struct plan *plan, const struct plan_package *package)
{
	assert(package->name[0] && package->version[0] && package->filename[0] &&
	       package->filename[0] != '/');
	assert(package->size_bytes > 0 && package->depend_count >= package->pre_depend_count);
	for (size_t i = 0; i < package->depend_count; i++)
		assert(package->depends[i] < plan->package_count &&
		       (i == 0 || package->depends[i - 1] < package->depends[i]));
	for (size_t i = 0; i < package->pre_depend_count; i++)
		assert(package->pre_depends[i] < plan->package_count);
}

/* Each step installs what is not there, or removes what is. */
static void check_steps(const struct plan *plan)
{
	auto_free bool *there = xcalloc(plan->package_count, sizeof *there);

	for (size_t i = 0; i < plan->step_count; i++)
		for (size_t k = 0; k < plan->steps[i].count; k++) {
			size_t position = plan->steps[i].packages[k];

			assert(position < plan->package_count);
			assert(there[position] == (plan->steps[i].kind == STEP_REMOVE));
			there[position] = !there[position];
		}
}

/* Unless something was removed later, what a package depends on is there too. */
static void check_closed(const struct plan *plan)
{
	auto_free size_t *result = NULL;
	auto_free bool *there = xcalloc(plan->package_count, sizeof *there);
	size_t count;

	result = plan_result(plan, &count);
	for (size_t i = 0; i < count; i++)
		there[result[i]] = true;
	for (size_t i = 0; i < count && plan->step_count <= 2; i++)
		for (size_t k = 0; k < plan->packages[result[i]].depend_count; k++)
			assert(there[plan->packages[result[i]].depends[k]]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipe_name app = { .text = "app", .place = { "r.yaml", 1, 1 } };
	struct package_set sets[] = {
		{ .action = SET_INSTALL, .names = &app, .name_count = 1, .place = { "r.yaml", 1, 1 } },
		{ .action = SET_REMOVE, .names = &app, .name_count = 1, .place = { "r.yaml", 2, 1 } },
	};
	struct recipe recipe = { .architecture_debian = "amd64", .source = { .variant = "minbase" } };
	struct index_archive archive = { .uri = "http://example.org/", .suite = "stable" };
	struct index_archive *archives[] = { &archive };
	auto_free char *copy = xmalloc(size);
	struct index_file file = {
		.archive = &archive, .component = "main", .architecture = "amd64", .data = copy, .len = size
	};
	struct index_set set = { .archives = archives, .archive_count = 1, .files = &file, .file_count = 1 };

	if (size)
		memcpy(copy, data, size);
	for (size_t set_count = 0; set_count <= 2; set_count++) {
		auto_plan struct plan plan = PLAN_INIT;
		auto_buffer struct buffer out = BUFFER_INIT;
		struct error e = ERROR_INIT;

		recipe.packages.sets = sets;
		recipe.packages.set_count = set_count;
		if (deb_plan_make(&recipe, &set, &plan, &e) < 0) {
			assert(e.kind == ERROR_FORMAT || e.kind == ERROR_PLAN);
			assert(e.text[0] && !strchr(e.text, '\n'));
			continue;
		}
		for (size_t i = 0; i < plan.package_count; i++)
			check_package(&plan, &plan.packages[i]);
		check_steps(&plan);
		check_closed(&plan);
		plan_print(&plan, &out);
		plan_print_json(&plan, &out);
	}
	return 0;
}
