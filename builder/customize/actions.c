/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/entry.h"
#include "layer/key.h"
#include "sandbox/sandbox.h"

enum { LAST_LINES_MAX_BYTES = 800 };

/* The kernel starts a script through its first line; without one it refuses (ENOEXEC). */
static int check_interpreter(const char *script, const struct recipe_action *action, struct error *e)
{
	struct text line;
	struct text rest;

	if (is_prefix(script, "#!")) {
		line = text_trim(text_cut(text_of(script + 2), '\n', &rest));
		if (line.len && line.ptr[0] == '/')
			return 0;
	}
	return error_at(e, ERROR_RECIPE, &action->place,
			"action (%s) does not begin with its interpreter, as in '#!/bin/sh'",
			trigger_name(action->trigger));
}

int customize_action(const struct customize_site *site, const struct recipe_action *action, struct error *e)
{
	const char *trigger = trigger_name(action->trigger);
	const char *const argv[] = { "action", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	auto_free char *lines = NULL;
	auto_free char *ending = NULL;
	auto_free char *expanded = NULL;
	auto_free char *place = NULL;
	struct sandbox labelled;
	const char *script = action->action ? action->action : "";
	struct text tail;

	if (action->pongo) {
		if (recipe_expand(site->recipe, script, &action->place, &expanded, e) < 0)
			return -1;
		script = expanded;
	}
	log_detail(site->log, "action (%s) of line %u", trigger, action->place.line);
	if (check_interpreter(script, action, e) < 0)
		return -1;
	labelled = *site->sandbox;
	place = xasprintf("%s:%u", action->place.file, action->place.line);
	labelled.label.kind = "action";
	labelled.label.name = trigger;
	labelled.label.subject = place;
	if (sandbox_run(&labelled, argv, script, &result, e) < 0) {
		if (e->kind == ERROR_SCRIPT)
			e->kind = ERROR_ACTION;
		error_wrap(e, "action (%s)", trigger);
		return error_wrap_at(e, &action->place);
	}
	if (result.status == 0) {
		meter_add(site->meter, METER_CUSTOMIZE, &(struct meter_sum) { .item_count = 1 });
		return 0;
	}
	tail = (struct text) { result.tail.data, result.tail.len };
	lines = sandbox_last_lines(tail, LAST_LINES_MAX_BYTES);
	ending = sandbox_result_ending(&result);
	return error_at(e, sandbox_result_kind(&result, ERROR_ACTION), &action->place, "action (%s) %s%s%s",
			trigger, ending, lines[0] ? ": " : "", lines);
}

int customize_describe_action(const struct customize_site *site, const struct recipe_action *action,
			      struct layer_key *key, struct error *e)
{
	auto_free char *expanded = NULL;

	recipe_describe_action(action, key);
	if (action->pongo && recipe_expand(site->recipe, action->action ? action->action : "", &action->place,
					   &expanded, e) < 0)
		return -1;
	key_text(key, "script", expanded);
	return 0;
}
