/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "customize/entry.h"
#include "layer/key.h"
#include "sandbox/output.h"
#include "sandbox/sandbox.h"

#include <sys/mman.h>
#include <sys/stat.h>

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

static int script_in_memory(const char *script, int *fd, struct error *e)
{
	auto_close int memory = memfd_create("action", MFD_CLOEXEC);

	if (memory < 0)
		return error_sys(e, "cannot create a file in memory");
	if (file_write_fd(memory, script, strlen(script), e) < 0)
		return -1;
	if (lseek(memory, 0, SEEK_SET) < 0 || fchmod(memory, 0700) < 0)
		return error_sys(e, "cannot prepare a file in memory");
	*fd = TAKE(memory, -1);
	return 0;
}

int customize_action(const struct customize_site *site, const struct recipe_action *action, struct error *e)
{
	const char *trigger = trigger_name(action->trigger);
	const char *const argv[] = { "action", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	auto_free char *lines = NULL;
	auto_free char *expanded = NULL;
	auto_close int fd = -1;
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
	if (script_in_memory(script, &fd, e) < 0 || sandbox_run(site->sandbox, argv, fd, &result, e) < 0) {
		error_wrap(e, "action (%s)", trigger);
		return error_wrap_at(e, &action->place);
	}
	if (result.status == 0) {
		meter_add(site->meter, METER_CUSTOMIZE, &(struct meter_sum) { .item_count = 1 });
		return 0;
	}
	tail = (struct text) { result.tail.data, result.tail.len };
	lines = sandbox_last_lines(tail, LAST_LINES_MAX_BYTES);
	return error_at(e, output_tells_no_space(tail) ? ERROR_SPACE : ERROR_ACTION, &action->place,
			"action (%s) failed with exit status %d%s%s", trigger, result.status,
			lines[0] ? ": " : "", lines);
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
