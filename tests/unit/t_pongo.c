/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/limits.h"
#include "pongo/pongo.h"

/* What the templates of these tests see: a few names, one undefined ("nothing"), one that fails ("broken"). */
static int look_up(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		   struct error *e)
{
	static const struct text items[] = { { "first", 5 }, { "second", 6 } };
	static const struct pongo_list list = { items, ARRAY_LEN(items) };
	static const struct {
		const char *name;
		struct pongo_value value;
	} rows[] = {
		{ "image", { .kind = PONGO_SECTION } },
		{ "image.release", { .kind = PONGO_TEXT, .text = { "sid", 3 } } },
		{ "image.version", { .kind = PONGO_TEXT, .text = { "12", 2 } } },
		{ "image.fraction", { .kind = PONGO_TEXT, .text = { "3.18", 4 } } },
		{ "empty", { .kind = PONGO_TEXT, .text = { "", 0 } } },
		{ "yes", { .kind = PONGO_FLAG, .flag = true } },
		{ "no", { .kind = PONGO_FLAG, .flag = false } },
		{ "twelve", { .kind = PONGO_INTEGER, .integer = 12 } },
		{ "umlaut", { .kind = PONGO_TEXT, .text = { "\xc3\xa4zz", 4 } } },
		{ "list", { .kind = PONGO_LIST, .list = &list } },
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

	if (pongo_parse(&arena, text, PONGO_4, &template, where, e) < 0)
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
		{ "{{\timage.release\r}}", "sid" },
		{ "{{ nothing }}|{{ nothing.at.all }}|", "||" },
		{ "{{ list.0 }}{{ list.1 }}{{ list.2 }}{{ list|length }}", "firstsecond2" },
		{ "{{ yes }} {{ no }} {{ true }} {{ false }}", "True False True False" },
		{ "{{ 12 }} {{ -3 }} {{ 1.5 }} {{ -0.25 }}", "12 -3 1.500000 -0.250000" },
		{ "{{ \"a\" }}{{ 'b' }}{{ \"a\\\"b\\\\'\" }}", "aba\"b\\'" },
		{ "a{# note #}b{##}c", "abc" },
		{ "{{ \"}}\" }}{{ '%}' }}", "}}%}" },
		{ "\xc3\xa4 {{ umlaut }}", "\xc3\xa4 \xc3\xa4zz" },
		{ "line\n{{ image.release }}\n\n  end\n", "line\nsid\n\n  end\n" },
		{ "{{ image.release|upper|lower|capfirst }} {{ umlaut|upper }}", "Sid \xc3\x84ZZ" },
		{ "{{ nothing|default:\"x\" }} {{ empty|default:image.release }}", "x sid" },
		{ "{% set image = \"hidden\" %}{{ image }}", "hidden" },
		{ "{% for x in list %}{{ x }}{% if not forloop.Last %}, {% endif %}{% endfor %}",
		  "first, second" },
		{ "{% now \"2006\" fake %}", "2014" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static void conditions(void **state)
{
	static const struct expected rows[] = {
		{ "{% if yes %}a{% endif %}b", "ab" },
		{ "{% if no %}a{% elif yes %}b{% elif yes %}c{% else %}d{% endif %}", "b" },
		{ "{%if image.release == \"sid\"%}a{%endif%}", "a" },
		{ "{% if image.release != \"sid\" and image.release != \"x\" %}a{% else %}b{% endif %}",
		  "b" },
		{ "{% if not nothing && !empty %}a{% endif %}", "a" },
		/* As pongo2 groups; Django would give "a" each time. */
		{ "{% if no and no or yes %}a{% else %}b{% endif %}", "b" },
		{ "{% if not image.release == 'x' %}a{% else %}b{% endif %}", "b" },
		{ "{% if not image.release != 'x' %}a{% endif %}", "a" },
		{ "{% if (no and no) or yes %}a{% else %}b{% endif %}", "a" },
		{ "{% if image.version == 12 %}a{% else %}b{% endif %}", "b" },
		{ "{% if twelve == 12 and twelve == 12.0 %}a{% else %}b{% endif %}", "b" },
		{ "{% if image.version >= 12 and image.version < 13 and 9 < image.version %}a{% endif %}",
		  "a" },
		{ "{% if image.fraction > 3.17 and image.fraction <= 3.18 %}a{% endif %}", "a" },
		{ "{% if image.release < 3 %}a{% endif %}", "a" },
		/* The operand that decides is the last that is looked at. */
		{ "{% if no and broken %}{% else %}b{% endif %}{% if yes or broken %}a{% endif %}", "ba" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static void white_space(void **state)
{
	static const struct expected rows[] = {
		{ "a \n{{- image.release }} b", "asid b" },
		{ "a {{ image.release -}} \n\t b", "a sidb" },
		{ "a {# hides #}{{- 1 }}", "a1" },
		{ "a {# hides #} {{- 1 }}", "a 1" },
		{ "a\n{%- if yes -%}\n b \n{%- endif -%}\n c", "abc" },
		{ "{% if yes %}\na\n{% endif %}\nb\n", "\na\n\nb\n" },
		{ "a -{{ 1 }}- b", "a -1- b" },
	};

	(void)state;
	assert_outputs(rows, ARRAY_LEN(rows));
}

static const struct {
	const char *template;
	unsigned line;
	unsigned column;
	const char *text;
} broken_templates[] = {
	{ "a\n {{ b", 2, 2, "the '{{' here is never closed by '}}'" },
	{ "a\n {{ b\n}}", 2, 2, "the '{{' here is not closed on its line" },
	{ "a {% if b\n %}", 1, 3, "the '{%' here is not closed on its line" },
	{ "{% if yes", 1, 1, "the '{%' here is never closed by '%}'" },
	{ "{{", 1, 1, "the '{{' here is never closed by '}}'" },
	{ "{%", 1, 1, "the '{%' here is never closed by '%}'" },
	{ "a{# b\n#}", 1, 2, "the comment '{#' has no '#}' on its line" },
	{ "a{# b", 1, 2, "the comment '{#' has no '#}' on its line" },
	{ "{{ 'abc }}", 1, 4, "a string has no closing quote on its line" },
	{ "{{ 'a\\q' }}", 1, 4, "a string has an unknown escape (known: \\\" and \\\\)" },
	{ "{{ \"a\\n\" }}", 1, 4, "a string has an unknown escape (known: \\\" and \\\\)" },
	{ "{{ \"a\\", 1, 4, "a string has an unknown escape (known: \\\" and \\\\)" },
	{ "a\1", 1, 2, "a template must not hold the byte 0x01" },
	{ "x{", 1, 2, "a template must not end in '{' (put a line end behind it)" },
	{ "{{ }}", 1, 4, "a value is missing before '}}'" },
	{ "{{ a b }}", 1, 6, "unexpected 'b' in a template" },
	{ "{{ a == }}", 1, 9, "a value is missing before '}}'" },
	{ "{{ a. }}", 1, 7, "a name after '.' is missing before '}}'" },
	{ "{{ a.in }}", 1, 6, "a name after '.' is wanted here, not 'in'" },
	{ "{{ and }}", 1, 4, "a value is wanted here, not 'and'" },
	{ "{{ not not a }}", 1, 8, "a value is wanted here, not 'not'" },
	{ "{{ (a }}", 1, 7, "')' is missing before '}}'" },
	{ "{{ (a)|upper }}", 1, 7, "unexpected '|' in a template" },
	{ "{{ a $ }}", 1, 6, "unexpected '$' in a template" },
	{ "{{ \xc3\xa4 }}", 1, 4, "unexpected byte 0xc3 in a template" },
	{ "{% if \xc3\xa4 %}{% endif %}", 1, 7, "unexpected byte 0xc3 in a template" },
	{ "{{ a|uper }}", 1, 6, "unknown filter 'uper' (did you mean 'upper'?)" },
	{ "{{ a|nosuchthing }}", 1, 6, "unknown filter 'nosuchthing'" },
	{ "{% filter uper %}{% endfilter %}", 1, 11, "unknown filter 'uper' (did you mean 'upper'?)" },
	{ "{{ a|e }}", 1, 6, "the filter 'e' is known to Incus alone, not to LXD and not in recipes" },
	{ "{{ a|date:\"x\" }}", 1, 6, "the filter 'date' always fails: no value is a time" },
	{ "{{ a| }}", 1, 7, "the name of a filter is missing before '}}'" },
	{ "{{ a|upper: }}", 1, 13, "a value is missing before '}}'" },
	{ "{{ a|add:-1 }}", 1, 10, "a value is wanted here, not '-'" },
	{ "{{ a[0] }}", 1, 5,
	  "'[': an index in brackets is known to Incus alone, not to LXD and not in recipes" },
	{ "{{ f(a b) }}", 1, 8, "',' or ')' is wanted here, not 'b'" },
	{ "{{ f(a }}", 1, 8, "',' or ')' is missing before '}}'" },
	{ "{{ 99999999999999999999 }}", 1, 4, "the number '99999999999999999999' is too large" },
	{ "{{ 1. }}", 1, 7, "a digit is missing before '}}'" },
	{ "x\n\n  {% if yes %}\n{{ yes }}", 3, 3, "the '{% if %}' here has no '{% endif %}'" },
	{ "{% for x in y %}", 1, 1, "the '{% for %}' here has no '{% endfor %}'" },
	{ "{% with a=1 %}{% if yes %}{% endwith %}", 1, 30, "'endwith' without '{% with %}'" },
	{ "{% comment %}", 1, 1, "the '{% comment %}' here has no '{% endcomment %}'" },
	{ "{% comment %}{% endcomment x %}", 1, 28, "'endcomment' takes no argument" },
	{ "{% comment x %}{% endcomment %}", 1, 12, "unexpected 'x' in a template" },
	{ "a{% verbatim %}b", 1, 2,
	  "the '{% verbatim %}' here has no '{% endverbatim %}' with something in front of it" },
	{ "{%- verbatim %}b{% endverbatim %}", 1, 5,
	  "'verbatim' is to be written '{% verbatim %}' and '{% endverbatim %}', just so" },
	{ "{% raw %}", 1, 4, "'raw' is to be written '{% verbatim %}' and '{% endverbatim %}', just so" },
	{ "{% endif %}", 1, 4, "'endif' without '{% if %}'" },
	{ "{% empty %}", 1, 4, "'empty' without '{% for %}'" },
	{ "{% if a %}{% else %}{% elif b %}{% endif %}", 1, 24, "'elif' without '{% if %}'" },
	{ "{% if %}{% endif %}", 1, 7, "a value is missing before '%}'" },
	{ "{% if a b %}{% endif %}", 1, 9, "unexpected 'b' in a template" },
	{ "{% if a %}{% endif a %}", 1, 20, "unexpected 'a' in a template" },
	{ "{% %}", 1, 4, "the name of a tag is missing before '%}'" },
	{ "{% 1 %}", 1, 4, "the name of a tag is wanted here, not '1'" },
	{ "{% fi a %}", 1, 4, "unknown tag 'fi'" },
	{ "{% includ 'a' %}", 1, 4, "unknown tag 'includ' (did you mean 'include'?)" },
	{ "{% for in y %}", 1, 8, "a name is wanted here, not 'in'" },
	{ "{% for x y %}{% endfor %}", 1, 10, "'in' is wanted here, not 'y'" },
	{ "{% for x in y sorted reversed %}{% endfor %}", 1, 22, "unexpected 'reversed' in a template" },
	{ "{% for x, in y %}", 1, 11, "a name is wanted here, not 'in'" },
	{ "{% set = 1 %}", 1, 8, "a name is wanted here, not '='" },
	{ "{% set a 1 %}", 1, 10, "'=' is wanted here, not '1'" },
	{ "{% with %}{% endwith %}", 1, 9, "a name is missing before '%}'" },
	{ "{% with a %}{% endwith %}", 1, 11, "'=' is missing before '%}'" },
	{ "{% with 1 as a b %}{% endwith %}", 1, 18, "'as' is missing before '%}'" },
	{ "{% macro %}", 1, 10, "the name of the macro is missing before '%}'" },
	{ "{% macro m %}", 1, 12, "'(' is missing before '%}'" },
	{ "{% macro m(a b) %}", 1, 14, "',' or ')' is wanted here, not 'b'" },
	{ "{% cycle %}", 1, 10, "a value is missing before '%}'" },
	{ "{% cycle a as %}", 1, 15, "a name is missing before '%}'" },
	{ "{% now 2006 %}", 1, 8, "a format, in quotes, is wanted here, not '2006'" },
	{ "{% templatetag x %}", 1, 16,
	  "openblock, closeblock, openvariable, closevariable, openbrace, closebrace, opencomment or "
	  "closecomment is "
	  "wanted here, not 'x'" },
	{ "{% autoescape %}{% endautoescape %}", 1, 15, "'on' or 'off' is missing before '%}'" },
	{ "{% block a %}{% endblock b %}", 1, 26, "'endblock b' ends the block 'a'" },
	{ "{% ifequal a %}{% endifequal %}", 1, 14, "a value is missing before '%}'" },
	{ "{% widthratio 1 2 %}", 1, 19, "a value is missing before '%}'" },
	{ "ab {{ broken }}", 1, 7, "no such name" },
	{ "\xc3\xa4\xc3\xb6 {{ broken }}", 1, 7, "no such name" },
	{ "{{ image }}", 1, 4, "'image' is a section, not a value" },
	{ "{{ twelve.x }}", 1, 4, "'.x' is asked of a number, which has no members" },
	{ "{{ twelve.0 }}", 1, 4, "an index is asked of a number, which has no elements" },
	{ "{{ twelve() }}", 1, 4, "what is called here is no function" },
	{ "{{ 1 / 0 }}", 1, 6, "division by zero" },
	{ "{{ 1 % nothing }}", 1, 6, "division by zero" },
	{ "{{ -empty }}", 1, 4, "a sign in front of what is no number" },
	{ "{% macro m() %}{% endmacro %}\n{{ m(1) }}", 2, 4,
	  "the macro 'm' takes at most 0 arguments, not 1" },
	{ "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 1, 16,
	  "the template calls its macros too deeply" },
	{ "{{ 'a'|ljust:99999999 }}", 1, 8, "the filter gives more than the limit of 4194304 bytes" },
	{ "{{ 'a'|stringformat:\"%9999999d\" }}", 1, 8,
	  "'stringformat' with a width or precision beyond a million is not supported" },
	{ "{{ 0.5|floatformat:5000000 }}", 1, 8, "'floatformat' takes a smaller number of decimals" },
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
		    where.column != broken_templates[i].column || e.kind == ERROR_NONE)
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
		{ "{{ ", "(" },   { "{{ a", " or a" },        { "{{ a", " == a" },      { "{{ 2", "^2" },
		{ "{{ a", "+1" }, { "", "{% if yes %}" },     { "{{ a", "|upper" },     { "{{ ", "a(" },
		{ "{{ ", "-(" },  { "", "{% for x in a %}" }, { "{{ a", " and not a" },
	};
	char text[64];

	(void)state;
	snprintf(text, sizeof text, "the template nests deeper than %d levels", PONGO_DEPTH_MAX);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		auto_buffer struct buffer template = BUFFER_INIT;

		buffer_adds(&template, parts[i][0]);
		repeat(&template, parts[i][1], 100000);
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
		"{% for x in y %}{{ broken }}{% endfor %}",
		"{% for x in y %}{% empty %}{{ broken }}{% endfor %}",
		"{% macro m(a=broken) %}{% endmacro %}",
		"{% macro m() %}{{ broken }}{% endmacro %}",
		"{% with a=broken %}{% endwith %}",
		"{% set a = broken %}",
		"{% filter default:broken %}{% endfilter %}",
		"{{ f(broken) }}",
		"{% cycle broken %}",
		"{% firstof a broken %}",
		"{% for broken in y %}{% endfor %}{{ broken }}",
	};
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	const struct pongo_template *template = NULL;
	struct pongo_position where = { 0, 0 };
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		error_clear(&e);
		assert_int_equal(pongo_parse(&arena, text_of(bad[i]), PONGO_4, &template, &where, &e), 0);
		assert_int_equal(pongo_check(template, &scope, &where, &e), -1);
		assert_string_equal(e.text, "no such name");
	}
	/* What a tag gives is not asked for. */
	assert_int_equal(
		pongo_parse(&arena,
			    TEXT("{% for broken in y %}{{ broken }}{{ forloop.Counter }}{% endfor %}"
				 "{% set broken = 1 %}{{ broken }}{% macro broken(a) %}{{ a }}{% endmacro %}"
				 "{% cycle 1 as broken %}{{ broken.x }}"),
			    PONGO_4, &template, &where, &e),
		0);
	assert_int_equal(pongo_check(template, &scope, &where, &e), 0);
}

/* A recipe gives the same image whenever it is built. */
static void clock_and_chance(void **state)
{
	static const char *const templates[] = { "{% now \"2006\" %}", "{{ \"abc\"|random }}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
		struct pongo_scope live = scope;
		AUTO(arena_release) struct arena arena = ARENA_INIT;
		auto_buffer struct buffer out = BUFFER_INIT;
		const struct pongo_template *template = NULL;
		struct pongo_position where = { 0, 0 };
		struct error e = ERROR_INIT;

		live.is_live = true;
		assert_int_equal(pongo_parse(&arena, text_of(templates[i]), PONGO_4, &template, &where, &e),
				 0);
		assert_int_equal(pongo_render(template, &scope, &out, &where, &e), -1);
		assert_int_equal(e.kind, ERROR_UNSUPPORTED);
		assert_int_equal(pongo_render(template, &live, &out, &where, &e), 0);
		assert_true(out.len == 4 || (out.len == 1 && strchr("abc", out.data[0])));
	}
}

/* Loops in loops end before anybody waits for them. */
static void work_limit(void **state)
{
	auto_buffer struct buffer template = BUFFER_INIT;

	(void)state;
	buffer_adds(&template, "{% set a = \"0123456789\" %}");
	repeat(&template, "{% for x in a %}", 9);
	buffer_adds(&template, "{{ 1|add:1|divisibleby:2|yesno:\",,\" }}");
	repeat(&template, "{% endfor %}", 9);
	assert_fails(&template, "the template takes too many steps");
	buffer_reset(&template);
	buffer_adds(&template, "{% set a = \"0123456789\" %}");
	repeat(&template, "{% set a = a|add:a %}", 30);
	assert_fails(&template, "the filter gives more than the limit of 4194304 bytes");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(conditions),
		cmocka_unit_test(white_space),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(depth),
		cmocka_unit_test(many_in_a_row),
		cmocka_unit_test(output_limit),
		cmocka_unit_test(silent_limit),
		cmocka_unit_test(work_limit),
		cmocka_unit_test(check_sees_all_branches),
		cmocka_unit_test(clock_and_chance),
	};

	return cmocka_run_group_tests_name("pongo", tests, NULL, NULL);
}
