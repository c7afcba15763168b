/* SPDX-License-Identifier: Apache-2.0 */
/* What several stages must know of Debian's formats: versions, relations, stanzas. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/file.h"
#include "deb/dependency.h"
#include "deb/stanza.h"
#include "deb/version.h"

#include <fcntl.h>

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void versions_in_order(void **state)
{
	auto_free char *table = NULL;
	struct error e = ERROR_INIT;
	struct text rest;
	size_t facts = 0;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, "tests/table/deb_versions.txt", 1 << 16, &table, NULL, &e), 0);
	rest = text_of(table);
	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text a = text_word(&line);
		struct text relation = text_word(&line);
		struct text b = text_word(&line);
		int expected = relation.len ? (relation.ptr[0] == '>') - (relation.ptr[0] == '<') : 0;

		if (a.len == 0 || a.ptr[0] == '#')
			continue;
		if (sign(deb_version_compare(a, b)) != expected ||
		    sign(deb_version_compare(b, a)) != -expected)
			fail_msg("not so: %.*s %.*s %.*s", TEXT_ARG(a), TEXT_ARG(relation), TEXT_ARG(b));
		assert_true(deb_version_is_valid(a) && deb_version_is_valid(b));
		facts++;
	}
	assert_true(facts >= 60);
}

static void versions_malformed(void **state)
{
	static const char *const bad[] = { "",    ":1",     "a:1",  "1:",    "1-",   "1 2",     "1_2",
					   "1/2", "1:2-3_", "-1:2", "1.0\n", "1(2)", "\xc3\xa4" };
	char longest[2000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (deb_version_is_valid(text_of(bad[i])))
			fail_msg("taken for a version: '%s'", bad[i]);
	memset(longest, '1', sizeof longest);
	assert_false(deb_version_is_valid((struct text) { longest, sizeof longest }));
}

static void versions_satisfy(void **state)
{
	static const struct {
		enum deb_relation relation;
		bool lower;
		bool same;
		bool higher;
	} rows[] = {
		{ RELATION_NONE, true, true, true },           { RELATION_EARLIER, true, false, false },
		{ RELATION_EARLIER_EQUAL, true, true, false }, { RELATION_EQUAL, false, true, false },
		{ RELATION_LATER_EQUAL, false, true, true },   { RELATION_LATER, false, false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(deb_version_satisfies(TEXT("1"), rows[i].relation, TEXT("2")),
				 rows[i].lower);
		assert_int_equal(deb_version_satisfies(TEXT("2.0"), rows[i].relation, TEXT("2.00")),
				 rows[i].same);
		assert_int_equal(deb_version_satisfies(TEXT("10"), rows[i].relation, TEXT("2")),
				 rows[i].higher);
	}
	/* A name that is provided without a version satisfies no relation that has one. */
	assert_false(deb_version_satisfies((struct text) { NULL, 0 }, RELATION_EARLIER, TEXT("2")));
	assert_true(
		deb_version_satisfies((struct text) { NULL, 0 }, RELATION_NONE, (struct text) { NULL, 0 }));
}

/* FIELD as one word per part: "name:qualifier>=version|", "!" where it is malformed. */
static char *parts_of(const char *field)
{
	struct buffer out = BUFFER_INIT;
	struct text rest = text_of(field);
	struct deb_part part;
	int r;

	while ((r = deb_dependency_next(&rest, &part)) > 0) {
		buffer_addf(&out, "%s%.*s", out.len ? " " : "", TEXT_ARG(part.name));
		if (part.qualifier.len)
			buffer_addf(&out, ":%.*s", TEXT_ARG(part.qualifier));
		buffer_addf(&out, "%s%.*s%s", deb_relation_sign(part.relation), TEXT_ARG(part.version),
			    part.or_next ? "|" : "");
	}
	if (r < 0)
		buffer_adds(&out, out.len ? " !" : "!");
	return buffer_take(&out);
}

static void dependency_syntax(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "a1", "a1" },
		{ "a1, b2", "a1 b2" },
		{ "a1 ,b2,\n c3", "a1 b2 c3" },
		{ "a1 | b2, c3", "a1| b2 c3" },
		{ "a1|b2|c3", "a1| b2| c3" },
		{ "a1 (>= 1.2-3)", "a1>=1.2-3" },
		{ "a1(<<1),b2 (<= 2 ) , c3 (= 1:3~4), d4 ( >> 5)", "a1<<1 b2<=2 c3=1:3~4 d4>>5" },
		{ "a1 (> 1), b2 (< 1), c3 (1)", "a1>=1 b2<=1 c3=1" },
		{ "a1:any (>= 3)", "a1:any>=3" },
		{ "a1:amd64 | b2:native", "a1:amd64| b2:native" },
		{ "a1 [amd64 i386], b2 (>= 1) [!arm64] <!nocheck> <stage1>", "a1 b2>=1" },
		{ "a1,,b2,", "a1 b2" },
		{ "lib+x.y-z, Mixed", "lib+x.y-z Mixed" },
		{ "a1 b2", "!" },
		{ "a1 |", "!" },
		{ "a1 | , b2", "!" },
		{ "| a1", "!" },
		{ "a1 (>= )", "!" },
		{ "a1 (>= 1", "!" },
		{ "a1 ()", "!" },
		{ "a1 (>= 1 2)", "!" },
		{ "a1 (~ 1)", "!" },
		{ "a1:", "!" },
		{ "a1 [amd64", "!" },
		{ "b2, (>= 1)", "b2 !" },
		{ "a1 (>> 1) (<< 2)", "!" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *got = parts_of(rows[i][0]);

		if (strcmp(got, rows[i][1]) != 0)
			fail_msg("'%s' is '%s', not '%s'", rows[i][0], got, rows[i][1]);
	}
}

/* TEXT as "LINE name=value" with a line per field, a blank line between stanzas, "!LINE error" at a mistake. */
static char *shown(struct text text, bool comments)
{
	struct deb_stanzas stanzas = deb_stanzas_of(text);
	struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;
	int r = 0;

	stanzas.comments = comments;
	while (r == 0 && deb_stanza_next(&stanzas)) {
		struct deb_field field;

		buffer_adds(&out, out.len ? "\n" : "");
		while ((r = deb_field_next(&stanzas, &field, &e)) > 0)
			buffer_addf(&out, "%u %.*s=%.*s\n", stanzas.line, TEXT_ARG(field.name),
				    TEXT_ARG(field.value));
	}
	if (r < 0) {
		assert_int_equal(e.kind, ERROR_FORMAT);
		buffer_addf(&out, "!%u %s\n", stanzas.line, e.text);
	}
	return buffer_take(&out);
}

static void assert_shown(struct text text, bool comments, const char *expected)
{
	auto_free char *got = shown(text, comments);

	if (strcmp(got, expected) != 0)
		fail_msg("'%.*s' is\n%s\nnot\n%s", TEXT_ARG(text), got, expected);
}

static void stanzas_read(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "\n \n\t\r\n", "" },
		{ "A: b\n", "1 A=b\n" },
		{ "A: b", "1 A=b\n" },
		{ "A:b", "1 A=b\n" },
		{ "A:", "1 A=\n" },
		{ "A:\nB: \t\nC: c\n", "1 A=\n2 B=\n3 C=c\n" },
		{ "A \t: b\n", "1 A=b\n" },
		{ "A:  b: c  \n", "1 A=b: c\n" },
		{ "\n\nA: b\n\n\nC: d\n\n", "3 A=b\n\n6 C=d\n" },
		{ "A: b\n \t \nC: d\n", "1 A=b\n\n3 C=d\n" },
		{ "A: b\n c\n\td \nE: f\n", "1 A=b\n c\n\td\n4 E=f\n" },
		{ "A:\n b\n .\n c\n", "1 A=\n b\n .\n c\n" },
		{ "A: b\n c", "1 A=b\n c\n" },
		{ "A: b\r\nC: d\r\n e\r\n\r\nF: g\r\n", "1 A=b\n2 C=d\r\n e\n\n5 F=g\n" },
		{ "A: b\nA: c\na: d\n", "1 A=b\n2 A=c\n3 a=d\n" },
		{ "X-!\"$%&/()=?~: b\n", "1 X-!\"$%&/()=?~=b\n" },
		{ "A#b: c\n", "1 A#b=c\n" },
		{ "A: \xc3\xa4\n", "1 A=\xc3\xa4\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_shown(text_of(rows[i][0]), false, rows[i][1]);
		assert_shown(text_of(rows[i][0]), true, rows[i][1]);
	}
	assert_shown((struct text) { NULL, 0 }, false, "");
}

static void stanzas_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "A: b\nnonsense\n", "1 A=b\n!2 line 'nonsense' is no field\n" },
		{ "A: b\n c\nA\n", "1 A=b\n c\n!3 line 'A' is no field\n" },
		{ "A", "!1 line 'A' is no field\n" },
		{ "A\n: b\n", "!1 line 'A' is no field\n" },
		{ ": b\n", "!1 line ': b' is no field\n" },
		{ "A b: c\n", "!1 line 'A b: c' is no field\n" },
		{ "-A: b\n", "!1 line '-A: b' is no field\n" },
		{ "-----BEGIN PGP SIGNED MESSAGE-----\n",
		  "!1 line '-----BEGIN PGP SIGNED MESSAGE-----' is no field\n" },
		{ "\xc3\xa4: b\n", "!1 a line is no field\n" },
		{ "A\x1b[0m: b\n", "!1 a line is no field\n" },
		{ " b\nA: c\n", "!1 line 'b' continues no field\n" },
		{ "A: b\n\n\tc\n", "1 A=b\n\n!3 line 'c' continues no field\n" },
		{ "A: b\n\n#C: d\n", "1 A=b\n\n!3 line '#C: d' is no field\n" },
		{ "A: b\n# c\n d\n", "1 A=b\n!2 line '# c' is no field\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_shown(text_of(rows[i][0]), false, rows[i][1]);
}

static void stanzas_with_comments(void **state)
{
	static const char *const rows[][2] = {
		{ "#\n# x", "" },
		{ "# x\n\n# y\nA: b\n#z\nC: # d\n", "4 A=b\n6 C=# d\n" },
		/* It may be in the value, but does not end it. */
		{ "A: b\n# x\n c\n# y\nD: e\n", "1 A=b\n# x\n c\n5 D=e\n" },
		{ "A: b\n# x\n\n# y\n\nC: d\n# z\n", "1 A=b\n\n6 C=d\n" },
		{ " # x\n", "!1 line '# x' continues no field\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_shown(text_of(rows[i][0]), true, rows[i][1]);
}

static void stanzas_with_nul(void **state)
{
	(void)state;
	assert_shown(TEXT("A: b\nC: d\0e\n"), false, "1 A=b\n!2 a NUL byte in the text\n");
	assert_shown(TEXT("A: b\n c\0\n"), false, "!1 a NUL byte in the text\n");
	assert_shown(TEXT("A\0: b\n"), false, "!1 a line is no field\n");
	assert_shown(TEXT("\0"), false, "!1 a line is no field\n");
	assert_shown(TEXT("A: b\n\0\n"), false, "1 A=b\n!2 a line is no field\n");
	assert_shown(TEXT("A: b\n \0\n"), false, "!1 a NUL byte in the text\n");
}

static void stanzas_with_long_lines(void **state)
{
	enum { LONG = 2 << 20 };
	auto_buffer struct buffer text = BUFFER_INIT;
	struct deb_stanzas stanzas;
	struct deb_field field;
	struct error e = ERROR_INIT;
	size_t name_len;

	(void)state;
	for (size_t i = 0; i < LONG; i++)
		buffer_addc(&text, 'n');
	name_len = text.len;
	stanzas = deb_stanzas_of((struct text) { text.data, text.len });
	assert_true(deb_stanza_next(&stanzas));
	assert_int_equal(deb_field_next(&stanzas, &field, &e), -1);
	assert_true(strlen(e.text) < 120);

	buffer_addc(&text, ':');
	for (size_t i = 0; i < LONG; i++)
		buffer_adds(&text, "\n v");
	stanzas = deb_stanzas_of((struct text) { text.data, text.len });
	assert_true(deb_stanza_next(&stanzas));
	assert_int_equal(deb_field_next(&stanzas, &field, &e), 1);
	assert_int_equal(field.name.len, name_len);
	assert_int_equal(field.value.len, 3 * (size_t)LONG);
	assert_int_equal(stanzas.line, 1);
	assert_int_equal(deb_field_next(&stanzas, &field, &e), 0);
	assert_false(deb_stanza_next(&stanzas));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_in_order),
		cmocka_unit_test(versions_malformed),
		cmocka_unit_test(versions_satisfy),
		cmocka_unit_test(dependency_syntax),
		cmocka_unit_test(stanzas_read),
		cmocka_unit_test(stanzas_malformed),
		cmocka_unit_test(stanzas_with_comments),
		cmocka_unit_test(stanzas_with_nul),
		cmocka_unit_test(stanzas_with_long_lines),
	};

	return cmocka_run_group_tests_name("deb", tests, NULL, NULL);
}
