/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host's systemd makes of the units of a folder, where there is one of both. It only reads them; but another
 * systemd than the image's does not know the same settings, so what it does not know is no finding.
 */
#include "check/lint_site.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"

enum { UNITS_MAX = 500, NAME_MAX_BYTES = 255, TIMEOUT_MS = 30000 };

/* Names come from the root: none is an option, or leads elsewhere. */
static bool is_plain(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@:_.\\-");

	return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0' && name[0] != '-' && name[0] != '.';
}

/* Of programs that are missing lint_units.c tells itself: it also knows conditions. */
static bool is_known_better(struct text line)
{
	return memmem(line.ptr, line.len, "is not executable", 17) ||
	       memmem(line.ptr, line.len, "Unknown key", 11) ||
	       memmem(line.ptr, line.len, "Unknown section", 15) ||
	       memmem(line.ptr, line.len, "Unknown lvalue", 14);
}

/* "/FOLDER/etc/x.service:3: MESSAGE" or "x.service: MESSAGE". */
static void take_line(struct lint_site *site, const char *folder, struct text line)
{
	size_t len = strlen(folder);
	auto_free char *path = NULL;
	struct text rest = line;

	if (line.len == 0 || is_known_better(line))
		return;
	if (line.len > len + 1 && memcmp(line.ptr, folder, len) == 0 && line.ptr[len] == '/') {
		struct text where = { line.ptr + len + 1, line.len - len - 1 };

		where = text_cut(where, ':', &rest);
		path = xstrndup(where.ptr, where.len);
		if (!rest.ptr)
			rest = TEXT("");
	}
	lint_say(site, RULE_UNIT_VERIFY, path, "%.*s", TEXT_ARG(rest));
}

void lint_systemd(struct lint_site *site, const char *const *names, size_t count)
{
	const char *folder = site->options->folder;
	auto_free char *root = folder ? xasprintf("--root=%s", folder) : NULL;
	auto_free const char **argv = xcalloc(count + 5, sizeof *argv);
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct process_options options = { .argv = argv, .output_max_bytes = MIB, .timeout_ms = TIMEOUT_MS };
	struct error why = ERROR_INIT;
	struct text rest;
	struct text line;
	size_t argc = 0;

	if (!folder || count == 0)
		return;
	argv[argc++] = "systemd-analyze";
	argv[argc++] = "verify";
	argv[argc++] = "--man=no";
	argv[argc++] = root;
	for (size_t i = 0; i < count && i < UNITS_MAX; i++)
		if (is_plain(names[i]))
			argv[argc++] = names[i];
	if (process_run(&options, &result, &why) < 0) {
		if (site->options->log)
			log_detail(site->options->log, "units are not shown to systemd-analyze: %s",
				   why.text);
		return;
	}
	rest = (struct text) { result.errors.data, result.errors.len };
	while (lint_line(&rest, &line))
		take_line(site, folder, line);
}
