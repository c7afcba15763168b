/* SPDX-License-Identifier: Apache-2.0 */
/* Findings in words, as JSON, and as SARIF 2.1.0 (OASIS), which code hosts show beside a change. */
#include "check/lint.h"

#include "base/log.h"
#include "base/version.h"

#include <ctype.h>
#include <jansson.h>

enum {
	SHOWN_MAX = 20,  /* of one rule, unless more is asked for */
	LOGGED_MAX = 30, /* of a build */
};

#define SARIF_SCHEMA \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* PATH without what would move a terminal's cursor; malloc'ed. */
static char *shown_path(const char *path)
{
	char *shown = xstrdup(path);

	text_make_printable(shown);
	return shown;
}

/* "2 errors, 1 warning, 4 notes; 1 allowed"; malloc'ed. */
static char *summary(const struct lint_report *report)
{
	return xasprintf("%zu error%s, %zu warning%s, %zu note%s; %zu allowed", report->counts[LINT_ERROR],
			 plural(report->counts[LINT_ERROR]), report->counts[LINT_WARNING],
			 plural(report->counts[LINT_WARNING]), report->counts[LINT_NOTE],
			 plural(report->counts[LINT_NOTE]), report->allowed_count);
}

static void print_finding(const struct lint_finding *finding, struct buffer *out)
{
	auto_free char *path = shown_path(finding->path);

	buffer_addf(out, "%s: %s%s%s [%s]\n", lint_severity_name(finding->rule->severity), path,
		    *path ? ": " : "", finding->message, finding->rule->id);
}

/*
 * Each finding a line, and under the last of a rule why and what to do. What is allowed is shown when all is asked
 * for.
 */
void lint_print(const struct lint_report *report, const char *name, bool verbose, struct buffer *out)
{
	auto_free char *counts = summary(report);
	size_t shown = 0;
	size_t hidden = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *finding = &report->items[i];
		bool is_last = i + 1 == report->count || report->items[i + 1].rule != finding->rule;

		if (finding->allowed) {
			if (verbose)
				buffer_adds(out, "allowed: "), print_finding(finding, out);
		} else if (verbose || shown < SHOWN_MAX) {
			print_finding(finding, out);
			shown++;
		} else {
			hidden++;
		}
		if (!is_last)
			continue;
		if (hidden)
			buffer_addf(out, "  … and %zu more (--verbose shows them)\n", hidden);
		if (shown)
			buffer_addf(out, "  why: %s\n  fix: %s\n", finding->rule->reason, finding->rule->fix);
		shown = hidden = 0;
	}
	if (report->left_out)
		buffer_addf(out, "%zu further findings of the same kinds are only counted\n",
			    report->left_out);
	buffer_addf(out, "%s: %s\n", name, counts);
}

/* How many bytes the UTF-8 character at TEXT has; 0 when it is none. jansson takes no others. */
static size_t utf8_length(const unsigned char *text)
{
	size_t len = text[0] < 0x80         ? 1
		     : (text[0] >> 5) == 6  ? 2
		     : (text[0] >> 4) == 14 ? 3
		     : (text[0] >> 3) == 30 ? 4
					    : 0;
	uint32_t value = len > 1 ? text[0] & (0x7F >> len) : text[0];
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3F);
	}
	if (len > 1 && (value < least[len] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)))
		return 0;
	return len;
}

/* TEXT as a JSON string: a byte that is no part of UTF-8 becomes "\xNN". */
static json_t *string_of(const char *text)
{
	auto_buffer struct buffer clean = BUFFER_INIT;

	while (*text) {
		size_t len = utf8_length((const unsigned char *)text);

		if (len)
			buffer_add(&clean, text, len);
		else
			buffer_addf(&clean, "\\x%02x", (unsigned char)*text);
		text += len ? len : 1;
	}
	return json_stringn(clean.data ? clean.data : "", clean.len);
}

static void dump(json_t *value, struct buffer *out)
{
	auto_free char *text = json_dumps(value, JSON_INDENT(2));

	json_decref(value);
	buffer_addf(out, "%s\n", text ? text : "{}");
}

static json_t *counts_of(const struct lint_report *report)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "errors", (json_int_t)report->counts[LINT_ERROR],
			 "warnings", (json_int_t)report->counts[LINT_WARNING], "notes",
			 (json_int_t)report->counts[LINT_NOTE], "allowed", (json_int_t)report->allowed_count,
			 "left_out", (json_int_t)report->left_out);
}

void lint_print_json(const struct lint_report *report, const char *name, struct buffer *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *finding = &report->items[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:b}", "rule", finding->rule->id,
					"severity", lint_severity_name(finding->rule->severity), "path",
					string_of(finding->path), "message", string_of(finding->message),
					"reason", finding->rule->reason, "fix", finding->rule->fix, "allowed",
					finding->allowed));
	}
	dump(json_pack("{s:o, s:o, s:o}", "image", string_of(name), "counts", counts_of(report), "findings",
		       list),
	     out);
}

/* A URI below the image's root: what RFC 3986 reserves, and all that is no ASCII, in percent form. */
static json_t *uri_of(const char *path)
{
	auto_buffer struct buffer uri = BUFFER_INIT;

	for (path += path[0] == '/'; *path; path++)
		if (isalnum((unsigned char)*path) || strchr("-._~/", *path))
			buffer_addc(&uri, *path);
		else
			buffer_addf(&uri, "%%%02X", (unsigned char)*path);
	return json_stringn(uri.data ? uri.data : "", uri.len);
}

static json_t *sarif_rules(void)
{
	size_t count;
	const struct lint_rule *rules = lint_rules(&count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", rules[i].id,
						      "shortDescription", "text", rules[i].reason, "help",
						      "text", rules[i].fix, "defaultConfiguration", "level",
						      lint_severity_name(rules[i].severity)));
	return list;
}

static json_t *sarif_result(const struct lint_finding *finding)
{
	size_t count;
	json_t *result = json_pack("{s:s, s:i, s:s, s:{s:o}}", "ruleId", finding->rule->id, "ruleIndex",
				   (int)(finding->rule - lint_rules(&count)), "level",
				   lint_severity_name(finding->rule->severity), "message", "text",
				   string_of(finding->message));

	/* Code hosts want a place; that of what is about the whole is the root. */
	json_object_set_new(result, "locations",
			    json_pack("[{s:{s:{s:o, s:s}}}]", "physicalLocation", "artifactLocation", "uri",
				      uri_of(*finding->path ? finding->path : "."), "uriBaseId", "ROOT"));
	if (finding->allowed)
		json_object_set_new(result, "suppressions", json_pack("[{s:s}]", "kind", "external"));
	return result;
}

void lint_print_sarif(const struct lint_report *report, const char *name, struct buffer *out)
{
	json_t *results = json_array();
	json_t *run;

	for (size_t i = 0; i < report->count; i++)
		json_array_append_new(results, sarif_result(&report->items[i]));
	run = json_pack("{s:{s:{s:s, s:s, s:o}}, s:o, s:s, s:{s:{s:{s:o}}}}", "tool", "driver", "name",
			"kiln", "version", KILN_VERSION, "rules", sarif_rules(), "results", results,
			"columnKind", "utf16CodeUnits", "originalUriBaseIds", "ROOT", "description", "text",
			string_of(name));
	dump(json_pack("{s:s, s:s, s:[o]}", "$schema", SARIF_SCHEMA, "version", "2.1.0", "runs", run), out);
}

void lint_print_rules(bool json, struct buffer *out)
{
	size_t count;
	const struct lint_rule *rules = lint_rules(&count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const char *severity = lint_severity_name(rules[i].severity);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "id", rules[i].id, "severity",
						severity, "reason", rules[i].reason, "fix", rules[i].fix));
		if (!json)
			buffer_addf(out, "%-18s %-8s %s\n%-27s fix: %s\n", rules[i].id, severity,
				    rules[i].reason, "", rules[i].fix);
	}
	if (json)
		dump(list, out);
	else
		json_decref(list);
}

void lint_log(const struct lint_report *report, struct log *log)
{
	auto_free char *counts = summary(report);
	size_t logged = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *finding = &report->items[i];
		auto_free char *path = shown_path(finding->path);
		const char *colon = *path ? ": " : "";

		const char *severity = lint_severity_name(finding->rule->severity);

		if (finding->allowed || finding->rule->severity == LINT_NOTE)
			log_detail(log, "lint: %s%s%s [%s, %s]%s", path, colon, finding->message,
				   finding->rule->id, severity, finding->allowed ? ", allowed" : "");
		else if (logged++ < LOGGED_MAX)
			log_warn(log, "lint: %s%s%s [%s, %s]", path, colon, finding->message,
				 finding->rule->id, severity);
	}
	if (report->counts[LINT_ERROR] || report->counts[LINT_WARNING])
		log_say(log, "lint: %s (kiln lint shows what to do)", counts);
	else
		log_detail(log, "lint: %s", counts);
}
