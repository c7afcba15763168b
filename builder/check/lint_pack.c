/* SPDX-License-Identifier: Apache-2.0 */
#include "check/lint_pack.h"

#include "customize/customize.h"
#include "layer/key.h"
#include "pack/pack.h"
#include "recipe/recipe.h"

int lint_allow_recipe(const struct recipe *recipe, struct lint_allows *allows, struct error *e)
{
	for (size_t i = 0; i < recipe->lint_allowed_count; i++)
		if (lint_allow_add(allows, recipe->lint_allowed[i].text, ERROR_RECIPE, e) < 0) {
			error_wrap(e, "lint.allow");
			return error_wrap_at(e, &recipe->lint_allowed[i].place);
		}
	return 0;
}

void lint_gate_release(struct lint_gate *gate)
{
	lint_allows_release(&gate->allows);
}

void lint_gate_describe(const struct lint_gate *gate, struct layer_key *key)
{
	key_number(key, "lint", gate->open ? -1 : (int64_t)gate->fail_on);
	for (size_t i = 0; !gate->open && i < gate->allows.count; i++) {
		key_text(key, "allow", gate->allows.items[i].rule->id);
		key_text(key, "paths", gate->allows.items[i].paths);
	}
}

int lint_pack(const struct lint_gate *gate, const struct image_templates *templates,
	      const struct pack_options *given, struct artefacts *artefacts, struct error *e)
{
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	auto_free const char **replaced = NULL;
	/* Time stamps are cut when they are packed. */
	struct lint_options options = { .allows = &gate->allows, .date_s = INT64_MAX };
	struct pack_options watched = *given;
	struct lint_tap tap = lint_tap(given->root, &options, gate->fail_on, &report);
	int r;

	if (gate->open)
		return pack_image(given, artefacts, e);
	for (size_t i = 0; i < templates->count; i++)
		PUSH(replaced, options.replaced_count, templates->items[i].path);
	options.replaced = replaced;
	watched.root = &tap.source;
	r = pack_image(&watched, artefacts, e);
	lint_log(&report, given->log);
	if (r < 0 && e->kind == ERROR_LINT)
		error_set(e, ERROR_LINT,
			  "%zu finding%s of kiln lint stop%s this image: mend them (kiln lint --rules says "
			  "how), or allow "
			  "them with 'lint.allow' in the recipe or --allow",
			  lint_count(&report, gate->fail_on),
			  lint_count(&report, gate->fail_on) == 1 ? "" : "s",
			  lint_count(&report, gate->fail_on) == 1 ? "s" : "");
	return r;
}
