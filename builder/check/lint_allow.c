/* SPDX-License-Identifier: Apache-2.0 */
/* What may be found, and how bad things are, in words. */
#include "check/lint.h"
#include "check/lint_rules.h"

static const char *const severities[] = { "note", "warning", "error" };

const char *lint_severity_name(enum lint_severity severity)
{
	return severities[severity];
}

int lint_severity_parse(const char *word, enum lint_severity *severity, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(severities); i++)
		if (strcmp(word, severities[i]) == 0) {
			*severity = (enum lint_severity)i;
			return 0;
		}
	return error_set(e, ERROR_USAGE, "unknown severity '%s' (possible: error, warning, note)", word);
}

static int unknown_rule(struct text id, enum error_kind kind, struct error *e)
{
	size_t count;
	const struct lint_rule *rules = lint_rules(&count);
	auto_free const char **names = xcalloc(count, sizeof *names);
	auto_free char *word = xstrndup(id.ptr, id.len);
	const char *near;

	for (size_t i = 0; i < count; i++)
		names[i] = rules[i].id;
	near = text_nearest(word, names, count);
	if (near)
		return error_set(e, kind, "unknown rule '%s' (did you mean '%s'?)", word, near);
	return error_set(e, kind, "unknown rule '%s' (kiln lint --rules shows them)", word);
}

int lint_allow_add(struct lint_allows *allows, const char *word, enum error_kind kind, struct error *e)
{
	struct text paths;
	struct text id = text_cut(text_of(word), '=', &paths);
	size_t count;
	const struct lint_rule *rules = lint_rules(&count);

	if (paths.ptr && (paths.len == 0 || paths.ptr[0] != '/'))
		return error_set(e, kind,
				 "'%s': what follows the '=' is a path of the image, or a pattern for some, "
				 "and begins with a slash",
				 word);
	for (size_t i = 0; i < count; i++)
		if (text_is(id, rules[i].id)) {
			struct lint_allow allow = { &rules[i], paths.ptr ? xstrdup(paths.ptr) : NULL };

			PUSH(allows->items, allows->count, allow);
			return 0;
		}
	return unknown_rule(id, kind, e);
}

void lint_allows_release(struct lint_allows *allows)
{
	for (size_t i = 0; i < allows->count; i++)
		free(allows->items[i].paths);
	free(allows->items);
	*allows = LINT_ALLOWS_INIT;
}
