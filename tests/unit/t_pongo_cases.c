/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/table/templates.txt: templates with what LXD gives for them, as e2e/template checks against a real one, and
 * those that it refuses with what kiln says. "=== NAME [refused]", the template, "---", the text; a backslash at the
 * end of a line takes the line end away.
 */
#include "unit/unit.h"

#include "base/file.h"
#include "pongo/instance.h"

#include <fcntl.h>

struct test_case {
	char *name;
	bool refused;
	struct buffer template;
	struct buffer expected;
};

static const struct instance_pair config[] = {
	{ NULL, "image.os", "tiny" },
	{ NULL, "user.empty", "" },
	{ NULL, "user.html", "<b>x & 'y' \"z\"</b>" },
	{ NULL, "user.lines", "one\ntwo\n\nthree" },
	{ NULL, "user.list", "b,a,c" },
	{ NULL, "user.multi", "first\nsecond\n\n" },
	{ NULL, "user.name", "web server" },
	{ NULL, "user.user-data", "#cloud-config\nusers: []\n" },
};

static const struct instance_pair devices[] = {
	{ "eth9", "type", "none" },
	{ "root", "path", "/" },
	{ "root", "pool", "default" },
	{ "root", "type", "disk" },
};

static const struct instance_pair properties[] = {
	{ NULL, "default", "#cloud-config\n{}" },
	{ NULL, "owner", "nobody" },
};

static void render(const struct test_case *test, struct buffer *out)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_free char *path = xasprintf("/out/%s", test->name);
	const struct instance instance = {
		.name = "c1",
		.type = "container",
		.architecture = "x86_64",
		.trigger = "create",
		.path = path,
		.config = { config, ARRAY_LEN(config) },
		.devices = { devices, ARRAY_LEN(devices) },
		.properties = { properties, ARRAY_LEN(properties) },
	};
	const struct pongo_scope scope = instance_scope(&arena, &instance);
	const struct text text = { test->template.data, test->template.len };
	const struct pongo_template *template = NULL;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	if (pongo_parse(&arena, text, PONGO_4, &template, &where, &e) < 0 ||
	    pongo_render(template, &scope, out, &where, &e) < 0)
		buffer_addf(out, "%u:%u: %s\n", where.line, where.column, e.text);
}

static void run_case(struct test_case *test, size_t *failures)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	render(test, &out);
	if (out.len != test->expected.len ||
	    (out.len && memcmp(out.data, test->expected.data, out.len) != 0)) {
		print_error("%s:\n%s\ngives\n%s\nshould give\n%s\n", test->name, test->template.data,
			    out.data ? out.data : "", test->expected.data ? test->expected.data : "");
		++*failures;
	}
	free(test->name);
	buffer_release(&test->template);
	buffer_release(&test->expected);
}

static void add_line(struct buffer *buffer, struct text line)
{
	bool goes_on = line.len && line.ptr[line.len - 1] == '\\';

	buffer_add(buffer, line.ptr, line.len - goes_on);
	if (!goes_on)
		buffer_addc(buffer, '\n');
}

static void all_cases(void **state)
{
	auto_free char *data = NULL;
	struct test_case test = { .name = NULL };
	struct buffer *into = NULL;
	size_t failures = 0;
	size_t counts[2] = { 0, 0 };
	size_t len = 0;
	struct error e = ERROR_INIT;
	struct text rest;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, "tests/table/templates.txt", 1 << 20, &data, &len, &e), 0);
	rest = (struct text) { data, len };
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (text_starts(line, "=== ")) {
			struct text words = { line.ptr + 4, line.len - 4 };
			struct text name = text_word(&words);

			if (test.name)
				run_case(&test, &failures);
			test = (struct test_case) { .name = xstrndup(name.ptr, name.len) };
			test.refused = text_is(text_word(&words), "refused");
			counts[test.refused]++;
			into = &test.template;
		} else if (text_is(line, "---")) {
			into = &test.expected;
		} else {
			add_line(into, line);
		}
	}
	run_case(&test, &failures);
	print_message("%zu templates rendered, %zu refused, %zu wrong\n", counts[0], counts[1], failures);
	assert_int_equal(failures, 0);
	assert_true(counts[0] >= 100 && counts[1] >= 40);
}

/* What is different in Incus. */
static void versions(void **state)
{
	static const struct {
		const char *template;
		const char *lxd; /* NULL: refused */
		const char *incus;
	} rows[] = {
		{ "{{ \"a\" + \"b\" }}{{ 1 + \"2\" }}", "03", "ab12" },
		{ "{{ \"abcd\"|slice:\"-2:\" }}", NULL, "cd" },
		{ "{{ \"abcd\"|slice:\"0:\" }}|{{ \"abcd\"|slice:\":\" }}", "|", "abcd|abcd" },
		{ "{{ \"abcd\"|slice:\":-1\" }}", "abcd", "abc" },
		{ "{{ \"<\"|e }}", NULL, "&lt;" },
		{ "{{ config[\"user.name\"] }}", NULL, "web server" },
		{ "{{ devices[\"root\"][\"path\"] }}", NULL, NULL },
		{ "{{ devices[\"root\"].path }}", NULL, NULL },
		{ "{{ instance[\"name\"] }}{{ config[\"none\"] }}", NULL, "c1" },
		{ "{% set l = \"a,b\"|split:\",\" %}{{ l[1] }}{{ l[2] }}{{ \"x\" }}", NULL, "bx" },
		{ "{% if nothing == nil %}none{% endif %}", "none", NULL },
		{ "{{ config[nothing] }}", NULL, NULL },
		{ "{{ pongo2.version }}", "4.0.2", "6.0.0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (enum pongo_version version = PONGO_4; version <= PONGO_6; version++) {
			AUTO(arena_release) struct arena arena = ARENA_INIT;
			auto_buffer struct buffer out = BUFFER_INIT;
			const struct instance instance = { .name = "c1",
							   .config = { config, ARRAY_LEN(config) },
							   .devices = { devices, ARRAY_LEN(devices) } };
			const struct pongo_scope scope = instance_scope(&arena, &instance);
			const struct pongo_template *template = NULL;
			const char *expected = version == PONGO_4 ? rows[i].lxd : rows[i].incus;
			struct pongo_position where = { 0, 0 };
			struct error e = ERROR_INIT;
			int r = pongo_parse(&arena, text_of(rows[i].template), version, &template, &where,
					    &e);

			if (r == 0)
				r = pongo_render(template, &scope, &out, &where, &e);
			if (r == 0 && !expected)
				fail_msg("'%s' is accepted", rows[i].template);
			if (r < 0 && expected)
				fail_msg("'%s': %s", rows[i].template, e.text);
			if (expected && strcmp(out.data ? out.data : "", expected) != 0)
				fail_msg("'%s' gives '%s', not '%s'", rows[i].template, out.data, expected);
		}
	}
}

/* What a build says of templates before an instance meets them. */
static void looked_through(void **state)
{
	static const struct {
		const char *template;
		int result;
		unsigned line;
		unsigned column;
		const char *text;
	} rows[] = {
		{ "{{ instance.name }}{{ config_get(\"a\", properties.default) }}\n", 0, 0, 0, "" },
		{ "{% for x in devices %}{{ forloop.Counter }}{{ x }}{% endfor %}", 0, 0, 0, "" },
		{ "a\n{% if x %}", -1, 2, 1, "the '{% if %}' here has no '{% endif %}'" },
		{ "{% include \"x\" %}", -1, 1, 4,
		  "the tag 'include' is refused: it reads files, and LXD and Incus refuse it" },
		{ "{{ config[\"x\"] }}", 1, 1, 10,
		  "LXD refuses it: '[': an index in brackets is known to Incus alone, not to LXD and not in "
		  "recipes" },
		{ "{% if path == nil %}{% endif %}", 1, 1, 15,
		  "Incus refuses it: a value is wanted here, not 'nil'" },
		{ "{{ contaner.name }}", 1, 1, 4,
		  "neither LXD nor Incus knows the name 'contaner' (did you mean 'container'?)" },
		{ "{{ instance.name.x }}", 1, 1, 4,
		  "an instance without configuration cannot start: '.x' is asked of a text, which has no "
		  "members" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct instance_pairs none = { NULL, 0 };
		struct pongo_position where = { 0, 0 };
		struct error e = ERROR_INIT;

		assert_int_equal(instance_check_template(text_of(rows[i].template), &none, &where, &e),
				 rows[i].result);
		assert_string_equal(e.text, rows[i].text);
		if (rows[i].result)
			assert_true(where.line == rows[i].line && where.column == rows[i].column);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_cases),
		cmocka_unit_test(versions),
		cmocka_unit_test(looked_through),
	};

	return cmocka_run_group_tests_name("pongo_cases", tests, NULL, NULL);
}
