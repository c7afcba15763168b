/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/limits.h"
#include "pongo/pongo.h"

/* What the templates of these tests see: a few names, one undefined ("nothing"), one that fails ("broken"). */
static int look_up(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		   struct error *e)
{
	static const struct {
		const char *name;
		struct pongo_value value;
	} rows[] = {
		{ "image.release", { .kind = PONGO_TEXT, .text = { "sid", 3 } } },
		{ "image.version", { .kind = PONGO_TEXT, .text = { "12", 2 } } },
		{ "image.fraction", { .kind = PONGO_TEXT, .text = { "3.18", 4 } } },
		{ "empty", { .kind = PONGO_TEXT, .text = { "", 0 } } },
		{ "yes", { .kind = PONGO_FLAG, .flag = true } },
		{ "no", { .kind = PONGO_FLAG, .flag = false } },
		{ "twelve", { .kind = PONGO_INTEGER, .integer = 12 } },
		{ "umlaut", { .kind = PONGO_TEXT, .text = { "\xc3\xa4zz", 4 } } },
		{ "list.0", { .kind = PONGO_TEXT, .text = { "first", 5 } } },
	};

	(void)data;
	(void)arena;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (text_is(name, rows[i].name)) {
			*value = rows[i].value;
			return 1;
		}
	}
	if (text_is(name, "broken"))
		return error_set(e, ERROR_RECIPE, "no such name");
	return 0;
}

static const struct pongo_scope scope = { .lookup = look_up };

static int expand(struct text text, struct buffer *out, struct pongo_position *where, struct error *e)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	const struct pongo_template *template = NULL;

	if (pongo_parse(&arena, text, &template, where, e) < 0)
		return -1;
	return pongo_render(template, &scope, out, where, e);
}

struct expected {
	const char *template;
	const char *output;
};

static void assert_outputs(const struct expected *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		auto_buffer struct buffer out = BUFFER_INIT;
		struct pongo_position where = { 0, 0 };
		struct error e = ERROR_INIT;

		if (expand(text_of(rows[i].template), &out, &where, &e) < 0)
			fail_msg("'%s': %u:%u: %s", rows[i].template, where.line, where.column, e.text);
		if (strcmp(out.data ? out.data : "", rows[i].output) != 0)
			fail_msg("'%s' gives '%s', not '%s'", rows[i].template, out.data ? out.data : "",
				 rows[i].output);
	}
}

static void values(void **state)
{
	static const struct expected rows[] = {
		{ "", "" },
		{ "plain { text } %} }} #}", "plain { text } %} }} #}" },
		{ "a {{ image.release }} b", "a sid b" },
		{ "{{image.release}}{{ image . release }}", "sidsid" },
		{ "{{\timage.release\n}}", "sid" },
		{ "{{ nothing }}|{{ nothing.at.all }}|", "||" },
		{ "{{ list.0 }}", "first" },
		{ "{{ yes }} {{ no }} {{ true }} {{ false }}", "True False True False" },
		{ "{{ 12 }} {{ -3 }} {{ 1.5 }} {{ -0.25 }}", "12 -3 1.500000 -0.250000" },
		{ "{{ \"a\" }}{{ 'b' }}{{ \"a\\\"b\\\\\\n\\t\\'\" }}", "aba\"b\\\n\t'" },
		{ "a{# note #}b{##}c", "abc" },
		{ "{{ \"}}\" }}{{ '%}' }}", "}}%}" },
		{ "\xc3\xa4 {{ umlaut }}", "\xc3\xa4 \xc3\xa4zz" },
		{ "line\n{{ image.release }}\n\n  end\n", "line\nsid\n\n  end\n" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static void filters(void **state)
{
	static const struct expected rows[] = {
		{ "{{ image.release|capfirst }}", "Sid" },
		{ "{{ image.release|upper|lower|capfirst }}", "Sid" },
		{ "{{ image.release | upper }}", "SID" },
		{ "{{ empty|capfirst }}{{ nothing|upper }}", "" },
		{ "{{ umlaut|upper }}", "\xc3\xa4ZZ" },
		{ "{{ nothing|default:\"x\" }} {{ empty|default:image.release }}", "x sid" },
		{ "{{ image.release|default:'x' }} {{ no|default:7 }} {{ twelve|default:7 }}", "sid 7 12" },
		{ "{{ (nothing|default:'ab')|upper }}", "AB" },
		{ "{{ yes|lower }}", "true" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static void conditions(void **state)
{
	static const struct expected rows[] = {
		{ "{% if yes %}a{% endif %}b", "ab" },
		{ "{% if no %}a{% else %}b{% endif %}", "b" },
		{ "{% if no %}a{% elif yes %}b{% elif yes %}c{% else %}d{% endif %}", "b" },
		{ "{%if image.release == \"sid\"%}a{%endif%}", "a" },
		{ "{% if image.release != \"sid\" and image.release != \"x\" %}a{% else %}b{% endif %}",
		  "b" },
		{ "{% if image.release <> 'x' %}a{% endif %}", "a" },
		{ "{% if nothing or empty or no or 0 %}a{% else %}b{% endif %}", "b" },
		{ "{% if not nothing && !empty %}a{% endif %}", "a" },
		{ "{% if no || yes %}a{% endif %}", "a" },
		{ "{% if not image.release == 'x' %}a{% endif %}", "a" },
		{ "{% if not not yes %}a{% endif %}", "a" },
		/* As pongo2 groups, to the right; Django would give "a". */
		{ "{% if no and no or yes %}a{% else %}b{% endif %}", "b" },
		{ "{% if (no and no) or yes %}a{% else %}b{% endif %}", "a" },
		{ "{% if yes or no and no %}a{% endif %}", "a" },
		{ "{% if image.version == 12 %}a{% else %}b{% endif %}", "b" },
		{ "{% if image.version == \"12\" %}a{% endif %}", "a" },
		{ "{% if twelve == 12 and twelve == 12.0 and 1.5 != 1 %}a{% endif %}", "a" },
		{ "{% if image.version >= 12 and image.version < 13 and 9 < image.version %}a{% endif %}",
		  "a" },
		{ "{% if image.fraction > 3.17 and image.fraction <= 3.18 %}a{% endif %}", "a" },
		{ "{% if 'i' in image.release and not ('x' in image.release) and '' in empty %}a{% endif %}",
		  "a" },
		{ "{% if nothing == nothing2 %}a{% endif %}{% if nothing == '' %}b{% endif %}", "a" },
		{ "{% if yes == true and no != true %}a{% endif %}", "a" },
		{ "{% if yes %}{% if no %}x{% else %}{{ image.release }}{% endif %}!{% endif %}", "sid!" },
		{ "{% if image.release|upper == 'SID' %}a{% endif %}", "a" },
		{ "{{ image.release == 'sid' }} {{ yes and 'x' }}", "True True" },
		/* The operand that decides is the last that is looked at. */
		{ "{% if no and broken or broken %}{% else %}b{% endif %}{% if yes or broken %}a{% endif %}",
		  "ba" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static void white_space(void **state)
{
	static const struct expected rows[] = {
		{ "a \n{{- image.release }} b", "asid b" },
		{ "a {{ image.release -}} \n\t b", "a sidb" },
		{ "a\n{%- if yes -%}\n b \n{%- endif -%}\n c", "abc" },
		{ "{% if yes %}\na\n{% endif %}\nb\n", "\na\n\nb\n" },
		{ "a -{{ 1 }}- b", "a -1- b" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static const struct {
	const char *template;
	enum error_kind kind;
	unsigned line;
	unsigned column;
	const char *text;
} broken_templates[] = {
	{ "a\n {{ b", ERROR_RECIPE, 2, 2, "the '{{' here is never closed by '}}'" },
	{ "{% if yes", ERROR_RECIPE, 1, 1, "the '{%' here is never closed by '%}'" },
	{ "a{# b\n#}", ERROR_RECIPE, 1, 2, "the comment '{#' has no '#}' on its line" },
	{ "{{ 'abc }}", ERROR_RECIPE, 1, 4, "a string has no closing quote on its line" },
	{ "{{ 'a\\q' }}", ERROR_RECIPE, 1, 4,
	  "a string has an unknown escape (known: \\\\ \\\" \\' \\n \\t \\r)" },
	{ "{{ }}", ERROR_RECIPE, 1, 4, "a value is missing before '}}'" },
	{ "{{ a b }}", ERROR_RECIPE, 1, 6, "unexpected 'b' in a template" },
	{ "{{ a == }}", ERROR_RECIPE, 1, 9, "a value is missing before '}}'" },
	{ "{{ a. }}", ERROR_RECIPE, 1, 7, "a name after '.' is missing before '}}'" },
	{ "{{ and }}", ERROR_RECIPE, 1, 4, "a value is wanted here, not 'and'" },
	{ "{{ (a }}", ERROR_RECIPE, 1, 7, "')' is missing before '}}'" },
	{ "{{ a $ }}", ERROR_RECIPE, 1, 6, "unexpected '$' in a template" },
	{ "{{ \xc3\xa4 }}", ERROR_RECIPE, 1, 4, "unexpected byte 0xc3 in a template" },
	{ "{{ a|uper }}", ERROR_RECIPE, 1, 6, "unknown filter 'uper' (did you mean 'upper'?)" },
	{ "{{ a|title }}", ERROR_UNSUPPORTED, 1, 6, "the filter 'title' of a template is not supported yet" },
	{ "{{ a|default }}", ERROR_RECIPE, 1, 6, "the filter 'default' needs an argument" },
	{ "{{ a|upper:1 }}", ERROR_RECIPE, 1, 11, "the filter 'upper' takes no argument" },
	{ "{{ a| }}", ERROR_RECIPE, 1, 7, "the name of a filter is missing before '}}'" },
	{ "{{ a() }}", ERROR_UNSUPPORTED, 1, 5, "a call or an index '(' of a template is not supported yet" },
	{ "{{ a[0] }}", ERROR_UNSUPPORTED, 1, 5,
	  "a call or an index '[' of a template is not supported yet" },
	{ "{{ 1 + 2 }}", ERROR_UNSUPPORTED, 1, 6, "the operator '+' of a template is not supported yet" },
	{ "{{ 99999999999999999999 }}", ERROR_RECIPE, 1, 4,
	  "the number '99999999999999999999' is too large" },
	{ "{{ 1. }}", ERROR_RECIPE, 1, 7, "a digit is missing before '}}'" },
	{ "x\n\n  {% if yes %}\n{{ yes }}", ERROR_RECIPE, 3, 3, "the '{% if %}' here has no '{% endif %}'" },
	{ "{% endif %}", ERROR_RECIPE, 1, 4, "'endif' without '{% if %}'" },
	{ "{% if a %}{% else %}{% elif b %}{% endif %}", ERROR_RECIPE, 1, 24, "'elif' without '{% if %}'" },
	{ "{% if %}{% endif %}", ERROR_RECIPE, 1, 7, "a value is missing before '%}'" },
	{ "{% if a }}{% endif %}", ERROR_RECIPE, 1, 9, "unexpected '}' in a template" },
	{ "{% %}", ERROR_RECIPE, 1, 4, "the name of a tag is missing before '%}'" },
	{ "{% fi a %}", ERROR_RECIPE, 1, 4, "unknown tag 'fi'" },
	{ "{% includ 'a' %}", ERROR_RECIPE, 1, 4, "unknown tag 'includ' (did you mean 'include'?)" },
	{ "{% for x in y %}{% endfor %}", ERROR_UNSUPPORTED, 1, 4,
	  "the tag 'for' of a template is not supported yet" },
	{ "ab {{ broken }}", ERROR_RECIPE, 1, 7, "no such name" },
	{ "\xc3\xa4\xc3\xb6 {{ broken }}", ERROR_RECIPE, 1, 7, "no such name" },
	{ "{% if image.release < 3 %}{% endif %}", ERROR_RECIPE, 1, 21,
	  "only numbers have an order, 'sid' is none" },
	{ "{% if 3 > nothing %}{% endif %}", ERROR_RECIPE, 1, 9, "only numbers have an order, '' is none" },
};

static void mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken_templates); i++) {
		auto_buffer struct buffer out = BUFFER_INIT;
		struct pongo_position where = { 0, 0 };
		struct error e = ERROR_INIT;

		buffer_adds(&out, "before");
		if (expand(text_of(broken_templates[i].template), &out, &where, &e) == 0)
			fail_msg("'%s' is accepted", broken_templates[i].template);
		if (strcmp(e.text, broken_templates[i].text) != 0 || where.line != broken_templates[i].line ||
		    where.column != broken_templates[i].column || e.kind != broken_templates[i].kind)
			fail_msg("'%s': %u:%u: %s (%s)", broken_templates[i].template, where.line,
				 where.column, e.text, error_kind_name(e.kind));
		assert_string_equal(out.data, "before");
	}
}

static void assert_fails(const struct buffer *template, const char *text)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	assert_int_equal(expand((struct text) { template->data, template->len }, &out, &where, &e), -1);
	assert_string_equal(e.text, text);
}

static void repeat(struct buffer *buffer, const char *text, size_t count)
{
	while (count--)
		buffer_adds(buffer, text);
}

/* Each kind of nesting is bounded long before the stack is. */
static void depth(void **state)
{
	static const char *const parts[][2] = {
		{ "{{ ((((((((((", "" },    { "{{ not not not not not not ", "" },
		{ "{{ a or b and ", "" },   { "{% if yes %}{% if yes %}", "" },
		{ "{{ a|upper|upper", "" }, { "{{ ! ! ! !", "" },
	};
	static const char *const repeated[] = { "(", "not ", "a or ", "{% if yes %}", "|upper", "!" };
	char text[64];

	(void)state;
	snprintf(text, sizeof text, "the template nests deeper than %d levels", PONGO_DEPTH_MAX);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		auto_buffer struct buffer template = BUFFER_INIT;

		buffer_adds(&template, parts[i][0]);
		repeat(&template, repeated[i], 100000);
		assert_fails(&template, text);
	}
}

static void many_in_a_row(void **state)
{
	auto_buffer struct buffer template = BUFFER_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	(void)state;
	repeat(&template, "{% if no %}x{% elif yes %}{{ twelve }}{% endif %}", 20000);
	assert_int_equal(expand((struct text) { template.data, template.len }, &out, &where, &e), 0);
	assert_int_equal(out.len, 40000);
}

static void output_limit(void **state)
{
	auto_buffer struct buffer template = BUFFER_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	(void)state;
	repeat(&template, "0123456789abcdef", LIMIT_TEMPLATE_BYTES / 16);
	assert_int_equal(expand((struct text) { template.data, template.len }, &out, &where, &e), 0);
	assert_int_equal(out.len, LIMIT_TEMPLATE_BYTES);
	buffer_addc(&template, 'x');
	assert_fails(&template, "the template gives more than the limit of 4194304 bytes");
}

/* What is never put out is bounded as well. */
static void silent_limit(void **state)
{
	auto_buffer struct buffer template = BUFFER_INIT;

	(void)state;
	buffer_adds(&template, "{{ '");
	repeat(&template, "0123456789abcdef", 64 * 1024);
	buffer_adds(&template, "'|upper == 1 }}");
	for (int i = 0; i < 7; i++) {
		auto_buffer struct buffer twice = BUFFER_INIT;

		buffer_add(&twice, template.data, template.len);
		buffer_add(&twice, template.data, template.len);
		buffer_release(&template);
		template = TAKE(twice, BUFFER_INIT);
	}
	assert_fails(&template, "the names and filters of the template handle more than 67108864 bytes");
}

static void check_sees_all_branches(void **state)
{
	static const char *const bad[] = {
		"{% if yes %}{% else %}{{ broken }}{% endif %}",
		"{% if yes %}{% elif broken %}{% endif %}",
		"{% if yes or broken %}{% endif %}",
		"{% if no and broken %}{% endif %}",
		"{{ 'x'|default:broken }}",
		"{% if no %}{% if broken < 3 %}{% endif %}{% endif %}",
	};
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	const struct pongo_template *template = NULL;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		error_clear(&e);
		assert_int_equal(pongo_parse(&arena, text_of(bad[i]), &template, &where, &e), 0);
		assert_int_equal(pongo_check(template, &scope, &where, &e), -1);
		assert_string_equal(e.text, "no such name");
	}
	/* A value that has no order now may have one when the build knows it. */
	assert_int_equal(
		pongo_parse(&arena, TEXT("{% if empty < 3 %}{{ yes }}{% endif %}"), &template, &where, &e),
		0);
	assert_int_equal(pongo_check(template, &scope, &where, &e), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),        cmocka_unit_test(filters),
		cmocka_unit_test(conditions),    cmocka_unit_test(white_space),
		cmocka_unit_test(mistakes),      cmocka_unit_test(depth),
		cmocka_unit_test(many_in_a_row), cmocka_unit_test(output_limit),
		cmocka_unit_test(silent_limit),  cmocka_unit_test(check_sees_all_branches),
	};

	return cmocka_run_group_tests_name("pongo", tests, NULL, NULL);
}
