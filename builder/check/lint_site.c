/* SPDX-License-Identifier: Apache-2.0 */
#include "check/lint_site.h"

#include "base/limits.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdarg.h>

enum {
	FINDINGS_MAX = 500, /* of one rule; the others are counted */
	MESSAGE_MAX = 1024,
	LINKS_MAX = 40, /* in a row, as the kernel has it */
};

/* A root has 20,000 links of 8 parts. */
#define STEPS_MAX (20ULL * 1000 * 1000)

void lint_site_release(struct lint_site *site)
{
	free(site->files);
	map_release(&site->by_path);
	for (size_t i = 0; i < LINT_ID_KINDS; i++)
		map_release(&site->ids[i]);
	arena_release(&site->arena);
}

static bool is_allowed(const struct lint_allows *allows, const struct lint_rule *rule, const char *path)
{
	for (size_t i = 0; allows && i < allows->count; i++)
		if (allows->items[i].rule == rule &&
		    (!allows->items[i].paths || fnmatch(allows->items[i].paths, path, 0) == 0))
			return true;
	return false;
}

void lint_say(struct lint_site *site, enum lint_rule_number rule, const char *path, const char *fmt, ...)
{
	size_t rule_count;
	struct lint_report *report = site->report;
	struct lint_finding finding = { .rule = &lint_rules(&rule_count)[rule] };
	char message[MESSAGE_MAX];
	va_list args;

	finding.path = path ? arena_printf(&report->arena, "/%s", path) : "";
	finding.allowed = is_allowed(site->options->allows, finding.rule, finding.path);
	if (finding.allowed)
		report->allowed_count++;
	else
		report->counts[finding.rule->severity]++;
	if (site->reported[rule]++ >= FINDINGS_MAX) {
		report->left_out++;
		return;
	}
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	text_make_printable(message);
	finding.message = arena_strdup(&report->arena, message);
	PUSH(report->items, report->count, finding);
}

struct lint_file *lint_find(const struct lint_site *site, struct text path)
{
	return map_get(&site->by_path, path);
}

struct text lint_text(const struct lint_site *site, const char *path)
{
	const struct lint_file *file = lint_find(site, text_of(path));

	return file && file->text.ptr ? file->text : TEXT("");
}

bool lint_is_regular(const struct lint_file *file)
{
	return S_ISREG(file->mode);
}

bool lint_line(struct text *rest, struct text *line)
{
	if (!rest->ptr || rest->len == 0)
		return false;
	*line = text_cut(*rest, '\n', rest);
	return true;
}

const char *lint_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool lint_is_replaced(const struct lint_site *site, const char *path)
{
	for (size_t i = 0; i < site->options->replaced_count; i++)
		if (strcmp(site->options->replaced[i] + (site->options->replaced[i][0] == '/'), path) == 0)
			return true;
	return false;
}

bool lint_pattern_fits(const struct lint_site *site, const struct lint_pattern *pattern,
		       const struct lint_file *file)
{
	const char *text = pattern->pattern;
	size_t plain = strcspn(text, "*?[");

	if (strncmp(file->path, text, plain) != 0)
		return false;
	if (strcmp(text + plain, "**") != 0 && fnmatch(text + plain, file->path + plain, FNM_PATHNAME) != 0)
		return false;
	if (S_ISDIR(file->mode) && !(pattern->flags & LINT_FOLDERS))
		return false;
	if ((pattern->flags & LINT_FILLED) && (!S_ISREG(file->mode) || file->size_bytes == 0))
		return false;
	return !(pattern->flags & LINT_UNOWNED) || !site->has_dpkg || !file->is_owned;
}

bool lint_apply_patterns(struct lint_site *site, const struct lint_pattern *patterns, size_t count,
			 const struct lint_file *file)
{
	for (size_t i = 0; i < count; i++)
		if (patterns[i].pattern[0] == file->path[0] && lint_pattern_fits(site, &patterns[i], file)) {
			lint_say(site, patterns[i].rule, file->path, "%s", patterns[i].what);
			return true;
		}
	return false;
}

/* A path that is being followed: DONE is known to hold no link, PENDING is still to be gone. */
struct following {
	char done[LIMIT_PATH_BYTES];
	char pending[2 * LIMIT_PATH_BYTES];
	const char *next; /* in PENDING */
};

static void go_up(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

static bool is_runtime(const char *path)
{
	static const char *const folders[] = { "dev", "proc", "run", "sys" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		size_t len = strlen(folders[i]);

		if (strncmp(path, folders[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
}

/* Put what the link TARGET says in front of what is pending. */
static bool follow(struct following *following, const char *target)
{
	auto_free char *pending = xasprintf("%s/%s", target, following->next);

	if (strlen(pending) >= sizeof following->pending)
		return false;
	memcpy(following->pending, pending, strlen(pending) + 1);
	following->next = following->pending;
	if (target[0] == '/')
		following->done[0] = '\0';
	else
		go_up(following->done);
	return true;
}

/* Take the next part of what is pending: 1, 0 at the end, -1 when it is too long. */
static int go_on(struct following *following)
{
	size_t skip = strspn(following->next, "/");
	const char *part = following->next + skip;
	size_t len = strcspn(part, "/");
	size_t done = strlen(following->done);

	following->next = part + len;
	if (len == 0)
		return 0;
	if (len == 1 && part[0] == '.')
		return 1;
	if (len == 2 && part[0] == '.' && part[1] == '.') {
		go_up(following->done);
		return 1;
	}
	if (done + 1 + len >= sizeof following->done)
		return -1;
	if (done)
		following->done[done++] = '/';
	memcpy(following->done + done, part, len);
	following->done[done + len] = '\0';
	return 1;
}

enum lint_where lint_resolve(struct lint_site *site, const char *from, const char *target,
			     const struct lint_file **found)
{
	struct following following = { .next = "" };
	unsigned links = 0;
	int r;

	*found = lint_find(site, TEXT("")); /* a damaged image may have none */
	if (strlen(from) >= sizeof following.done || strlen(target) >= sizeof following.pending)
		return LINT_NOWHERE;
	memcpy(following.done, from, strlen(from) + 1);
	if (!follow(&following, target))
		return LINT_NOWHERE;
	while ((r = go_on(&following)) > 0) {
		const struct lint_file *file;

		if (is_runtime(following.done))
			return LINT_RUNTIME;
		if (++site->steps > STEPS_MAX)
			return LINT_ENDLESS;
		file = lint_find(site, text_of(following.done));
		if (!file)
			return LINT_NOWHERE;
		if (file->target && (++links > LINKS_MAX || !follow(&following, file->target)))
			return LINT_ENDLESS;
		if (!file->target && !S_ISDIR(file->mode) && following.next[strspn(following.next, "/")])
			return LINT_NOWHERE;
		*found = file;
	}
	return r < 0 || !*found ? LINT_NOWHERE : LINT_FOUND;
}

bool lint_is_program(struct lint_site *site, const char *path)
{
	const struct lint_file *file;

	switch (lint_resolve(site, "", path + (path[0] == '/'), &file)) {
	case LINT_RUNTIME:
		return true;
	case LINT_FOUND:
		return S_ISREG(file->mode) && (file->mode & 0111);
	case LINT_NOWHERE:
	case LINT_ENDLESS:
		break;
	}
	return false;
}
