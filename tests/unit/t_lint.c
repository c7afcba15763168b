/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "check/lint.h"
#include "check/lint_apt.h"
#include "unit/lint_cases.h"

#include <jansson.h>

enum { DATE_S = 2000000000 };

/* A tree that is a list. */
struct listed {
	struct tree_source source;
	const struct case_file **files; /* owned */
	size_t count;
};

struct listed_content {
	struct tree_content content;
	const struct case_file *file;
	uint64_t at;
};

static void listed_release(struct listed *listed)
{
	free(listed->files);
}

static uint64_t size_of(const struct case_file *file)
{
	if (file->size_bytes)
		return file->size_bytes;
	return file->text ? strlen(file->text) : 0;
}

/* In small pieces, so that nobody counts on getting all at once. */
static int read_listed(struct tree_content *content, void *data, size_t room, size_t *len, struct error *e)
{
	struct listed_content *listed = (struct listed_content *)content;
	uint64_t left = size_of(listed->file) - listed->at;

	(void)e;
	*len = left < room ? (size_t)left : room;
	*len = *len < 1000 ? *len : 1000;
	if (listed->file->text)
		memcpy(data, listed->file->text + listed->at, *len);
	else
		memset(data, 'x', *len);
	listed->at += *len;
	return 0;
}

static int visit_listed(const struct tree_source *source, tree_fn *visit, void *context, struct error *e)
{
	const struct listed *listed = (const struct listed *)source;

	for (size_t i = 0; i < listed->count; i++) {
		const struct case_file *file = listed->files[i];
		char name[64];
		struct xattr xattr = { name, name, 1 };
		struct xattrs xattrs = { &xattr, file->xattr ? 1 : 0 };
		struct listed_content content = { { .read = read_listed }, file, 0 };
		struct tree_entry entry = { .path = file->path, .xattrs = &xattrs };

		snprintf(name, sizeof name, "%s", file->xattr ? file->xattr : "");
		entry.st.st_mode = file->mode ? file->mode : S_IFREG | 0644;
		entry.st.st_uid = file->uid;
		entry.st.st_gid = file->gid;
		entry.st.st_rdev = 0x103;
		entry.st.st_mtim.tv_sec = file->mtime_s;
		if (S_ISLNK(entry.st.st_mode))
			entry.link = file->text;
		if (S_ISREG(entry.st.st_mode)) {
			entry.st.st_size = (off_t)size_of(file);
			entry.content = &content.content;
		}
		if (visit(context, &entry, e) < 0)
			return -1;
	}
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp((*(const struct case_file *const *)a)->path,
		      (*(const struct case_file *const *)b)->path);
}

/* The clean root with FILES in it, in sorted order. */
static struct listed listed_of(const struct case_file *files, size_t count)
{
	struct listed listed = { .source.visit = visit_listed };

	for (size_t i = 0; i < ARRAY_LEN(clean_root); i++) {
		bool replaced = false;

		for (size_t k = 0; k < count; k++)
			replaced |= files[k].path && strcmp(files[k].path, clean_root[i].path) == 0;
		if (!replaced)
			PUSH(listed.files, listed.count, &clean_root[i]);
	}
	for (size_t k = 0; k < count; k++)
		if (files[k].path && !files[k].gone)
			PUSH(listed.files, listed.count, &files[k]);
	qsort(listed.files, listed.count, sizeof *listed.files, compare_files);
	return listed;
}

static void lint_files(const struct case_file *files, size_t count, const struct lint_allows *allows,
		       struct lint_report *report)
{
	AUTO(listed_release) struct listed listed = listed_of(files, count);
	struct lint_options options = { .allows = allows, .date_s = DATE_S };
	struct error e = ERROR_INIT;

	if (lint_tree(&listed.source, &options, report, &e) < 0)
		fail_msg("%s", e.text);
}

/* Every row gives its rule and no other. */
static void rules_find_what_they_are_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lint_cases); i++) {
		auto_lint_report struct lint_report report = LINT_REPORT_INIT;
		const struct lint_case *row = &lint_cases[i];

		lint_files(row->files, CASE_FILES, NULL, &report);
		if (row->rule && report.count == 0)
			fail_msg("row %zu ('%s'): '%s' finds nothing", i, row->files[0].path, row->rule);
		for (size_t k = 0; k < report.count; k++)
			if (!row->rule || strcmp(report.items[k].rule->id, row->rule) != 0)
				fail_msg("row %zu ('%s'): '%s' finds %s: %s", i, row->files[0].path,
					 report.items[k].rule->id, report.items[k].path,
					 report.items[k].message);
	}
}

/* A rule without a row would be one that nobody has seen work. Of one of them a program of the host does the work. */
static void every_rule_has_a_row(void **state)
{
	size_t count;
	const struct lint_rule *rules = lint_rules(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		bool found = strcmp(rules[i].id, "unit-verify") == 0;

		for (size_t k = 0; k < ARRAY_LEN(lint_cases); k++)
			found |= lint_cases[k].rule && strcmp(lint_cases[k].rule, rules[i].id) == 0;
		if (!found)
			fail_msg("no row for '%s'", rules[i].id);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rules[i].id, rules[k].id);
		assert_true(rules[i].reason[0] && rules[i].fix[0]);
		assert_int_equal(strspn(rules[i].id, "abcdefghijklmnopqrstuvwxyz-"), strlen(rules[i].id));
	}
}

static const struct case_file two_keys[] = { { "root/a.pem", .text = PEM_KEY },
					     { "opt/b.pem", .text = PEM_KEY } };

static void what_is_allowed_is_no_error(void **state)
{
	static const struct {
		const char *word;
		size_t errors;
	} rows[] = {
		{ "private-key", 0 },          { "private-key=/opt/*", 1 },      { "private-key=/*.pem", 0 },
		{ "private-key=/opt/b.p", 2 }, { "private-key=/root/?.pem", 1 }, { "machine-id", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_lint_report struct lint_report report = LINT_REPORT_INIT;
		auto_lint_allows struct lint_allows allows = LINT_ALLOWS_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(lint_allow_add(&allows, rows[i].word, ERROR_USAGE, &e), 0);
		lint_files(two_keys, 2, &allows, &report);
		assert_int_equal(report.counts[LINT_ERROR], rows[i].errors);
		assert_int_equal(report.allowed_count, 2 - rows[i].errors);
		assert_int_equal(lint_judge(&report, LINT_ERROR, &e), rows[i].errors ? -1 : 0);
		assert_int_equal(e.kind, rows[i].errors ? ERROR_LINT : ERROR_NONE);
	}
}

static void unknown_rules_are_named(void **state)
{
	auto_lint_allows struct lint_allows allows = LINT_ALLOWS_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(lint_allow_add(&allows, "privat-key", ERROR_RECIPE, &e), -1);
	assert_int_equal(e.kind, ERROR_RECIPE);
	assert_string_equal(e.text, "unknown rule 'privat-key' (did you mean 'private-key'?)");
	assert_int_equal(lint_allow_add(&allows, "private-key=opt", ERROR_USAGE, &e), -1);
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_int_equal(allows.count, 0);
}

static void severities_are_a_threshold(void **state)
{
	static const struct case_file files[] = { { "etc/hostname", .text = "builder7\n" } };
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	enum lint_severity severity;
	struct error e = ERROR_INIT;

	(void)state;
	lint_files(files, 1, NULL, &report);
	assert_int_equal(report.counts[LINT_WARNING], 1);
	assert_int_equal(lint_judge(&report, LINT_ERROR, &e), 0);
	assert_int_equal(lint_judge(&report, LINT_WARNING, &e), -1);
	assert_int_equal(lint_judge(&report, LINT_NOTE, &e), -1);
	assert_int_equal(lint_severity_parse("warning", &severity, &e), 0);
	assert_int_equal(severity, LINT_WARNING);
	assert_int_equal(lint_severity_parse("bad", &severity, &e), -1);
}

/* What the daemon writes into instances may be anything before. */
static void templates_replace_names(void **state)
{
	static const struct case_file files[] = { { "etc/hostname", .text = "builder7\n" },
						  { "etc/hosts", .text = "10.0.0.1 x\n" },
						  { "etc/resolv.conf", .text = "nameserver 10.0.0.1\n" } };
	static const char *const replaced[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
	AUTO(listed_release) struct listed listed = listed_of(files, ARRAY_LEN(files));
	struct lint_options options = { .date_s = DATE_S };
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(lint_tree(&listed.source, &options, &report, &e), 0);
	assert_int_equal(report.count, 3);
	options.replaced = replaced;
	options.replaced_count = ARRAY_LEN(replaced);
	assert_int_equal(lint_tree(&listed.source, &options, &report, &e), 0);
	assert_int_equal(report.count, 0);
}

struct reader {
	uint64_t bytes;
	size_t entries;
	uint64_t most; /* of each file */
};

static int read_some(void *context, const struct tree_entry *entry, struct error *e)
{
	struct reader *reader = context;
	uint64_t left = reader->most;
	char data[300];
	size_t got = 1;

	reader->entries++;
	while (entry->content && left && got) {
		if (entry->content->read(entry->content, data, left < sizeof data ? left : sizeof data, &got,
					 e) < 0)
			return -1;
		reader->bytes += got;
		left -= got;
	}
	return 0;
}

/* Whoever reads through the tap gets all that there is, and the rules see the same whatever was read. */
static void a_tap_hides_nothing(void **state)
{
	static const uint64_t most[] = { 0, 1, 700, UINT64_MAX };
	AUTO(listed_release) struct listed listed = listed_of(two_keys, 2);
	struct lint_options options = { .date_s = DATE_S };
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		auto_lint_report struct lint_report report = LINT_REPORT_INIT;
		struct lint_tap tap = lint_tap(&listed.source, &options, LINT_ERROR, &report);
		struct reader through = { .most = most[i] };
		struct reader direct = { .most = most[i] };

		assert_int_equal(tree_visit(&tap.source, read_some, &through, &e), -1);
		assert_int_equal(e.kind, ERROR_LINT);
		assert_int_equal(tree_visit(&listed.source, read_some, &direct, &e), 0);
		assert_int_equal(through.entries, direct.entries);
		assert_int_equal(through.bytes, direct.bytes);
		assert_int_equal(report.counts[LINT_ERROR], 2);
	}
}

static void very_many_findings_are_counted(void **state)
{
	enum { MANY = 3000 };
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	auto_free struct case_file *files = xcalloc(MANY, sizeof *files);
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		files[i] = (struct case_file) { .path = arena_printf(&arena, "srv/%zu", i),
						.text = "x",
						.mode = S_IFREG | 0666 };
	lint_files(files, MANY, NULL, &report);
	assert_int_equal(report.counts[LINT_ERROR], MANY);
	assert_true(report.count < MANY && report.count + report.left_out == MANY);
	arena_release(&arena);
}

/* 60 links, each to the one before and twice through it: 2 to the power of 60 steps for who follows them all. */
static void links_that_multiply_are_given_up(void **state)
{
	enum { LINKS = 60 };
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	struct case_file files[LINKS + 1] = { { "opt/l0", FOLDER(0755) } };
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 1; i <= LINKS; i++)
		files[i] = (struct case_file) { .path = arena_printf(&arena, "opt/l%zu", i),
						.mode = S_IFLNK | 0777,
						.text = arena_printf(&arena, "l%zu/../l%zu", i - 1, i - 1) };
	lint_files(files, LINKS + 1, NULL, &report);
	assert_true(report.counts[LINT_WARNING] > 0);
	arena_release(&arena);
}

static void names_that_are_no_text_are_printed(void **state)
{
	static const struct case_file files[] = { { "srv/\xff\x1b[2Jx\n y", .text = "x",
						    .mode = S_IFREG | 0666 } };
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_buffer struct buffer sarif = BUFFER_INIT;
	auto_buffer struct buffer json = BUFFER_INIT;
	json_t *root;

	(void)state;
	lint_files(files, 1, NULL, &report);
	lint_print(&report, "image", false, &text);
	assert_null(strchr(text.data, '\x1b'));
	lint_print_json(&report, "image", &json);
	root = json_loads(json.data, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(root, "findings"), 0), "path")),
			    "/srv/\\xff\x1b[2Jx\n y");
	json_decref(root);
	lint_print_sarif(&report, "image", &sarif);
	assert_non_null(strstr(sarif.data, "\"uri\": \"srv/%FF%1B%5B2Jx%0A%20y\""));
}

/* The form of SARIF that code hosts rely on. */
static void sarif_has_its_form(void **state)
{
	auto_lint_allows struct lint_allows allows = LINT_ALLOWS_INIT;
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct error e = ERROR_INIT;
	size_t count;
	json_t *root;
	json_t *run;
	json_t *rules;
	json_t *result;
	size_t i;

	(void)state;
	lint_rules(&count);
	assert_int_equal(lint_allow_add(&allows, "private-key=/opt/*", ERROR_USAGE, &e), 0);
	lint_files(two_keys, 2, &allows, &report);
	lint_print_sarif(&report, "image", &text);
	root = json_loads(text.data, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(root, "version")), "2.1.0");
	run = json_array_get(json_object_get(root, "runs"), 0);
	rules = json_object_get(json_object_get(json_object_get(run, "tool"), "driver"), "rules");
	assert_int_equal(json_array_size(rules), count);
	assert_int_equal(json_array_size(json_object_get(run, "results")), 2);
	json_array_foreach (json_object_get(run, "results"), i, result) {
		json_t *rule = json_array_get(
			rules, (size_t)json_integer_value(json_object_get(result, "ruleIndex")));

		assert_string_equal(json_string_value(json_object_get(result, "ruleId")),
				    json_string_value(json_object_get(rule, "id")));
		assert_non_null(json_object_get(json_object_get(result, "message"), "text"));
		assert_int_equal(json_object_get(result, "suppressions") != NULL, i == 0);
	}
	json_decref(root);
}

static void add_setting(void *context, struct text name, struct text value)
{
	buffer_addf(context, "%.*s=%.*s;", TEXT_ARG(name), TEXT_ARG(value));
}

static void settings_of_apt_are_read(void **state)
{
	static const char *const rows[][2] = {
		{ "A::B \"x\";", "A::B=x;" },
		{ "A { B { C \"x\"; D \"y\"; }; E \"z\"; };F \"w\";", "A::B::C=x;A::B::D=y;A::E=z;F=w;" },
		{ "A:: \"x\"; // B \"y\";\n# C \"z\";\n/* D \"v\"; */ E \"w\";", "A::=x;E=w;" },
		{ "A x;", "A=x;" },
		{ "};};A \"x", "A=x;" },
		{ "A", "" },
		{ "/* A \"x\";", "" },
		{ "\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buffer struct buffer out = BUFFER_INIT;

		lint_apt_settings(text_of(rows[i][0]), add_setting, &out);
		assert_string_equal(out.data ? out.data : "", rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_find_what_they_are_for),
		cmocka_unit_test(every_rule_has_a_row),
		cmocka_unit_test(what_is_allowed_is_no_error),
		cmocka_unit_test(unknown_rules_are_named),
		cmocka_unit_test(severities_are_a_threshold),
		cmocka_unit_test(templates_replace_names),
		cmocka_unit_test(a_tap_hides_nothing),
		cmocka_unit_test(very_many_findings_are_counted),
		cmocka_unit_test(links_that_multiply_are_given_up),
		cmocka_unit_test(names_that_are_no_text_are_printed),
		cmocka_unit_test(sarif_has_its_form),
		cmocka_unit_test(settings_of_apt_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
