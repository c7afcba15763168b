/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "customize/entry.h"
#include "sandbox/output.h"
#include "sandbox/sandbox.h"

#include <sys/mman.h>
#include <sys/stat.h>

enum { LAST_LINES_MAX_BYTES = 800, LAST_LINES_MAX = 8 };

/*
 * Add the last lines of OUTPUT to TEXT as "one | two | three": what explains a failure stands at the end, so
 * the beginning is what a long output loses. Control bytes (colours, bells) become blanks.
 */
static void add_last_lines(struct buffer *text, const struct buffer *output)
{
	struct text rest = { output->data, output->len };
	struct text lines[LAST_LINES_MAX];
	size_t count = 0;
	size_t bytes = 0;

	rest = text_trim(rest);
	while (rest.len && count < LAST_LINES_MAX && bytes < LAST_LINES_MAX_BYTES) {
		const char *end = memrchr(rest.ptr, '\n', rest.len);
		size_t start = end ? (size_t)(end - rest.ptr) + 1 : 0;
		struct text line = text_trim((struct text) { rest.ptr + start, rest.len - start });

		rest.len = start ? start - 1 : 0;
		if (line.len == 0)
			continue;
		if (line.len > LAST_LINES_MAX_BYTES - bytes)
			line = (struct text) { line.ptr + line.len - (LAST_LINES_MAX_BYTES - bytes),
					       LAST_LINES_MAX_BYTES - bytes };
		bytes += line.len;
		lines[count++] = line;
	}
	for (size_t i = count; i > 0; i--) {
		buffer_adds(text, i == count ? ": " : " | ");
		for (size_t j = 0; j < lines[i - 1].len; j++) {
			unsigned char c = (unsigned char)lines[i - 1].ptr[j];

			buffer_add(text, c < ' ' || c == 0x7f ? " " : &lines[i - 1].ptr[j], 1);
		}
	}
}

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

static int run(const struct customize_site *site, const struct recipe_action *action, struct error *e)
{
	const char *trigger = trigger_name(action->trigger);
	const char *const argv[] = { "action", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	auto_buffer struct buffer lines = BUFFER_INIT;
	auto_free char *expanded = NULL;
	auto_close int fd = -1;
	const char *script = action->action ? action->action : "";
	struct text tail;

	if (action->pongo) {
		if (recipe_expand(site->recipe, script, &action->place, &expanded, e) < 0)
			return -1;
		script = expanded;
	}
	if (check_interpreter(script, action, e) < 0)
		return -1;
	if (script_in_memory(script, &fd, e) < 0 || sandbox_run(site->sandbox, argv, fd, &result, e) < 0) {
		error_wrap(e, "action (%s)", trigger);
		return wrap_at(e, &action->place);
	}
	if (result.status == 0)
		return 0;
	add_last_lines(&lines, &result.tail);
	tail = (struct text) { result.tail.data, result.tail.len };
	return error_at(e, output_tells_no_space(tail) ? ERROR_SPACE : ERROR_ACTION, &action->place,
			"action (%s) failed with exit status %d%s", trigger, result.status,
			lines.data ? lines.data : "");
}

int customize_actions(const struct customize_site *site, enum trigger trigger, struct error *e)
{
	for (size_t i = 0; i < site->recipe->action_count; i++) {
		const struct recipe_action *action = &site->recipe->actions[i];

		if (action->trigger != trigger)
			continue;
		log_detail(site->log, "action (%s) of line %u", trigger_name(trigger), action->place.line);
		if (run(site, action, e) < 0)
			return -1;
	}
	return 0;
}
