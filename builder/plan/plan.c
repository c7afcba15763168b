/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include "layer/key.h"

void plan_release(struct plan *plan)
{
	arena_release(&plan->arena);
	*plan = PLAN_INIT;
}

size_t *plan_result(const struct plan *plan, size_t *count)
{
	auto_free bool *installed = xcalloc(plan->package_count, sizeof *installed);
	size_t *result = NULL;

	*count = 0;
	for (size_t i = 0; i < plan->step_count; i++)
		for (size_t k = 0; k < plan->steps[i].count; k++)
			installed[plan->steps[i].packages[k]] = plan->steps[i].kind != STEP_REMOVE;
	for (size_t i = 0; i < plan->package_count; i++)
		if (installed[i]) /* packages stand in the order of their names */
			PUSH(result, *count, i);
	return result ? result : xcalloc(1, sizeof *result);
}

void plan_describe_step(const struct plan *plan, const struct plan_step *step, struct layer_key *key)
{
	key_number(key, "kind", step->kind);
	key_number(key, "phase", step->phase);
	key_number(key, "merged usr", plan->merged_usr);
	key_number(key, "packages", (int64_t)step->count);
	for (size_t i = 0; i < step->count; i++) {
		const struct plan_package *package = &plan->packages[step->packages[i]];

		key_text(key, "name", package->name);
		key_text(key, "version", package->version);
		key_text(key, "architecture", package->architecture);
		key_digest(key, "sha256", &package->sha256);
		key_number(key, "automatic", package->automatic);
	}
}

void plan_why_text(const struct plan_package *package, struct buffer *buffer)
{
	static const char *const texts[] = {
		[WHY_ESSENTIAL] = "essential",           [WHY_PRIORITY] = "priority of the variant",
		[WHY_VARIANT] = "named by the variant",  [WHY_RECIPE] = "named in the recipe",
		[WHY_PRE_DEPENDS] = "pre-dependency of", [WHY_DEPENDS] = "dependency of",
		[WHY_RECOMMENDS] = "recommended by",
	};

	buffer_adds(buffer, texts[package->why]);
	if (package->why_package)
		buffer_addf(buffer, " %s", package->why_package);
}
