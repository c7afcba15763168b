/* SPDX-License-Identifier: Apache-2.0 */
/* Release files and lists of archives: text in, values out. */
#include "unit/unit.h"

#include "index/release.h"
#include "index/sources.h"

#define HEX_A   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DATE    "Date: Sat, 11 Jul 2026 10:16:37 UTC\n"
#define ENTRIES "SHA256:\n " HEX_B " 20 main/b\n " HEX_A "   10 main/a\n"

static int parse(const char *text, struct arena *arena, struct release *release, struct error *e)
{
	*e = ERROR_INIT;
	return release_parse(text_of(text), arena, release, e);
}

static void release_fields(void **state)
{
	struct arena arena = ARENA_INIT;
	struct release release;
	struct error e;

	(void)state;
	assert_int_equal(parse("Origin: Debian\nlabel:  L  \nSuite: oldstable\nCodename: bookworm\n" DATE
			       "Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n"
			       "No-Support-for-Architecture-all: Packages\nArchitectures: all amd64\n"
			       "Components: main contrib\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n"
			       "Description: more\n than one line\nMD5Sum:\n x 1 y\n" ENTRIES "SHA512:\n z\n",
			       &arena, &release, &e),
			 0);
	assert_true(text_is(release.origin, "Debian"));
	assert_true(text_is(release.label, "L"));
	assert_int_equal(release.date_s, 1783764997);
	assert_int_equal(release.valid_until_s, 1783764997 + 7 * 86400);
	assert_true(release.acquire_by_hash && release.no_all_packages);
	assert_true(release.not_automatic && release.but_automatic_upgrades);
	assert_true(release_has_word(release.components, TEXT("contrib")));
	assert_false(release_has_word(release.components, TEXT("cont")));
	assert_int_equal(release.entry_count, 2);
	assert_int_equal(release_find(&release, "main/a")->size_bytes, 10);
	assert_int_equal(release_find(&release, "main/b")->size_bytes, 20);
	assert_null(release_find(&release, "main/c"));
	arena_release(&arena);
}

static void release_line_ends(void **state)
{
	struct arena arena = ARENA_INIT;
	struct release release;
	struct error e;

	(void)state;
	assert_int_equal(parse("Suite: s\r\nDate: Sat, 11 Jul 2026 10:16:37 UTC\r\nSHA256:\r\n " HEX_A
			       " 1 p\r\n\r\n\n",
			       &arena, &release, &e),
			 0);
	assert_true(text_is(release.suite, "s"));
	assert_int_equal(release.entry_count, 1);
	assert_int_equal(parse(DATE "SHA256:\n " HEX_A " 1 p", &arena, &release, &e), 0);
	assert_int_equal(release.entry_count, 1);
	arena_release(&arena);
}

static void release_malformed(void **state)
{
	static const struct {
		const char *text;
		enum error_kind kind;
		const char *words;
	} cases[] = {
		{ "", ERROR_FORMAT, "lacks the field 'Date'" },
		{ ENTRIES, ERROR_FORMAT, "lacks the field 'Date'" },
		{ DATE, ERROR_TRUST, "no SHA-256 digests" },
		{ DATE "SHA256:\n", ERROR_TRUST, "no SHA-256 digests" },
		{ DATE "MD5Sum:\n x 1 y\n", ERROR_TRUST, "no SHA-256 digests" },
		{ "Date: yesterday\n" ENTRIES, ERROR_FORMAT, "malformed date 'yesterday'" },
		{ DATE "Valid-Until: never\n" ENTRIES, ERROR_FORMAT, "malformed date 'never'" },
		{ DATE DATE ENTRIES, ERROR_FORMAT, "stands twice" },
		{ DATE ENTRIES ENTRIES, ERROR_FORMAT, "stands twice" },
		{ DATE "Suite: a\nSuite: b\n" ENTRIES, ERROR_FORMAT, "stands twice" },
		{ DATE ENTRIES "\n" DATE, ERROR_FORMAT, "more than one stanza" },
		{ DATE "garbage\n" ENTRIES, ERROR_FORMAT, "line 'garbage' is no field" },
		{ " continued\n" DATE ENTRIES, ERROR_FORMAT, "line 'continued' continues no field" },
		{ ": x\n" DATE ENTRIES, ERROR_FORMAT, "line ': x' is no field" },
		{ DATE "SHA256:\n abc 1 p\n", ERROR_FORMAT, "malformed line in the field 'SHA256'" },
		{ DATE "SHA256:\n " HEX_A " -1 p\n", ERROR_FORMAT, "malformed line" },
		{ DATE "SHA256:\n " HEX_A " 99999999999999999999 p\n", ERROR_FORMAT, "malformed line" },
		{ DATE "SHA256:\n " HEX_A " 1\n", ERROR_FORMAT, "malformed path" },
		{ DATE "SHA256:\n " HEX_A " 1 ../../etc\n", ERROR_FORMAT, "malformed path" },
		{ DATE "SHA256:\n " HEX_A " 1 a b\n", ERROR_FORMAT, "malformed path" },
	};
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct release release;
		struct error e;

		if (parse(cases[i].text, &arena, &release, &e) == 0)
			fail_msg("%zu passes", i);
		if (e.kind != cases[i].kind || !strstr(e.text, cases[i].words))
			fail_msg("%zu: kind %d, %s", i, e.kind, e.text);
	}
	arena_release(&arena);
}

static void release_with_nul(void **state)
{
	static const char text[] = DATE "Suite: a\0b\n" ENTRIES;
	struct arena arena = ARENA_INIT;
	struct release release;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(release_parse((struct text) { text, sizeof text - 1 }, &arena, &release, &e), -1);
	assert_string_equal(e.text, "a NUL byte in the text");
	arena_release(&arena);
}

static bool is_for(const char *suite_field, const char *codename, const char *suite)
{
	struct release release = { .suite = text_of(suite_field), .codename = text_of(codename) };

	return release_is_for(&release, text_of(suite));
}

static void release_suites(void **state)
{
	(void)state;
	assert_true(is_for("oldstable", "bookworm", "bookworm"));
	assert_true(is_for("oldstable", "bookworm", "oldstable"));
	assert_false(is_for("oldstable", "bookworm", "stable"));
	assert_true(is_for("oldstable-security", "bookworm-security", "bookworm-security"));
	assert_false(is_for("oldstable", "bookworm", "bookworm-security"));
	assert_true(is_for("oldoldstable", "buster", "buster/updates"));
	assert_true(is_for("oldoldstable", "buster/updates", "buster/updates"));
	assert_false(is_for("oldoldstable", "buster", "bullseye/updates"));
	assert_true(is_for("", "", "anything"));
	assert_false(is_for("x", "", "/"));
}

static void release_dates(void **state)
{
	struct release release = {
		.date = TEXT("D"), .date_s = 1000, .valid_until = TEXT("V"), .valid_until_s = 2000
	};
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(release_check_date(&release, 990, &e), 0);
	assert_int_equal(release_check_date(&release, 989, &e), -1);
	assert_int_equal(e.kind, ERROR_EXPIRED);
	assert_int_equal(release_check_valid_until(&release, 2000, &e), 0);
	assert_int_equal(release_check_valid_until(&release, 2001, &e), -1);
	assert_int_equal(e.kind, ERROR_EXPIRED);
	release.valid_until_s = 0;
	assert_int_equal(release_check_valid_until(&release, INT64_MAX, &e), 0);
}

static void one_line_sources(void **state)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "deb http://a/debian bookworm main contrib # more words\n"
				   "deb-src http://a/debian bookworm main\n"
				   "  deb\t[ arch=amd64,arm64 signed-by=/k.gpg ]  http://b/   sid\tmain\n"
				   "deb [arch=i386] http://c/ sid main\n"
				   "deb [arch-=amd64] http://d/ sid main\n"
				   "deb [arch+=i386 check-valid-until=no trusted=no] file:/srv x/y main\r\n"
				   "deb [lang=none allow-weak=yes] https://f/ s main";
	struct arena arena = ARENA_INIT;
	struct source_list list = { NULL, 0 };
	struct error e = ERROR_INIT;
	unsigned line = 0;

	(void)state;
	if (sources_parse_lines(text_of(text), "amd64", &arena, &list, &line, &e) < 0)
		fail_msg("%u: %s", line, e.text);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[0].uri, "http://a/debian");
	assert_string_equal(list.items[0].suite, "bookworm");
	assert_int_equal(list.items[0].component_count, 2);
	assert_string_equal(list.items[0].components[1], "contrib");
	assert_int_equal(list.items[0].line, 3);
	assert_string_equal(list.items[1].uri, "http://b/");
	assert_string_equal(list.items[2].uri, "file:///srv");
	assert_string_equal(list.items[2].suite, "x/y");
	assert_true(list.items[2].any_age && !list.items[0].any_age);
	assert_string_equal(list.items[3].uri, "https://f/");
	assert_true(list.items[3].accept_sha1 && !list.items[2].accept_sha1);
	arena_release(&arena);
}

static void deb822_sources(void **state)
{
	static const char text[] =
		"# Debian\n"
		"Types: deb deb-src\n"
		"URIs: http://a/debian http://b/debian\n"
		"Suites: trixie\n"
		"# in between\n"
		" trixie-updates\n"
		"components: main\n"
		"Signed-By:\n"
		" -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
		" .\n"
		" xgNh\n"
		" -----END PGP PUBLIC KEY BLOCK-----\n"
		"\n\n"
		"Types: deb-src\nURIs: http://c/\nSuites: x\nComponents: main\n\n"
		"Types: deb\nURIs: http://d/\nSuites: x\nComponents: main\nEnabled: no\n\n"
		"Types: deb\nURIs: http://e/\nSuites: x\nComponents: main\nArchitectures: arm64 i386\n\n"
		"Types: deb\nURIs: http://f/\nSuites: x\nComponents: a\n b\nSigned-By: /k.gpg";
	struct arena arena = ARENA_INIT;
	struct source_list list = { NULL, 0 };
	struct error e = ERROR_INIT;
	unsigned line = 0;

	(void)state;
	if (sources_parse_deb822(text_of(text), "amd64", &arena, &list, &line, &e) < 0)
		fail_msg("%u: %s", line, e.text);
	assert_int_equal(list.count, 5);
	assert_string_equal(list.items[1].uri, "http://a/debian");
	assert_string_equal(list.items[1].suite, "trixie-updates");
	assert_string_equal(list.items[2].uri, "http://b/debian");
	assert_string_equal(
		list.items[0].signed_by,
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxgNh\n-----END PGP PUBLIC KEY BLOCK-----\n");
	assert_string_equal(list.items[4].uri, "http://f/");
	assert_int_equal(list.items[4].component_count, 2);
	assert_null(list.items[4].signed_by);
	arena_release(&arena);
}

static void bad_sources(void **state)
{
	static const struct {
		bool deb822;
		const char *text;
		enum error_kind kind;
		unsigned line;
		const char *words;
	} cases[] = {
		{ false, "dep http://a/ s main", ERROR_RECIPE, 1, "'dep' where 'deb'" },
		{ false, "\n\ndeb http://a/", ERROR_RECIPE, 3, "needs an address and a suite" },
		{ false, "deb http://a/ s", ERROR_RECIPE, 1, "at least one component" },
		{ false, "deb http://a/ ./", ERROR_UNSUPPORTED, 1, "flat repositories" },
		{ false, "deb http://a/ / ", ERROR_UNSUPPORTED, 1, "flat repositories" },
		{ false, "deb http://a/ ../x main", ERROR_RECIPE, 1, "malformed suite" },
		{ false, "deb http://a/ /x main", ERROR_RECIPE, 1, "malformed suite" },
		{ false, "deb cdrom:[x]/ s main", ERROR_UNSUPPORTED, 1, "only http://" },
		{ false, "deb mirror://a/ s main", ERROR_UNSUPPORTED, 1, "only http://" },
		{ false, "deb ftp://me:secret@a/ s main", ERROR_UNSUPPORTED, 1, "address 'ftp://a/'" },
		{ false, "deb http:// s main", ERROR_RECIPE, 1, "malformed address" },
		{ false, "deb http://a/$(ARCH) s main", ERROR_UNSUPPORTED, 1, "$(…)" },
		{ false, "deb [arch=amd64 http://a/ s main", ERROR_RECIPE, 1, "']' is missing" },
		{ false, "deb [arch] http://a/ s main", ERROR_RECIPE, 1, "lacks its value" },
		{ false, "deb [arch=amd64", ERROR_RECIPE, 1, "']' is missing" },
		{ false, "deb [trusted=yes] http://a/ s main", ERROR_UNSUPPORTED, 1, "must be signed" },
		{ false, "deb [allow-insecure=yes] http://a/ s main", ERROR_UNSUPPORTED, 1,
		  "must be signed" },
		{ false, "deb [inrelease-path=x] http://a/ s main", ERROR_UNSUPPORTED, 1,
		  "not supported yet" },
		{ false, "deb [arhc=x] http://a/ s main", ERROR_RECIPE, 1, "unknown option 'arhc'" },
		{ false, "deb [=x] http://a/ s main", ERROR_RECIPE, 1, "unknown option ''" },
		{ true, "Types: deb\nURIs: http://a/", ERROR_RECIPE, 1, "needs the fields" },
		{ true, "\nTypes: deb\nURIs: http://a/\nSuites: s\nComponents: main\nTrusted: yes\n",
		  ERROR_UNSUPPORTED, 6, "must be signed" },
		{ true, "Types: deb\nbroken\n", ERROR_RECIPE, 2, "'broken' is no field" },
		{ true, "Typos: deb\n", ERROR_RECIPE, 1, "unknown field 'Typos'" },
	};
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source_list list = { NULL, 0 };
		struct error e = ERROR_INIT;
		unsigned line = 0;
		struct text text = text_of(cases[i].text);
		int result = cases[i].deb822 ? sources_parse_deb822(text, "amd64", &arena, &list, &line, &e)
					     : sources_parse_lines(text, "amd64", &arena, &list, &line, &e);

		if (result == 0 || e.kind != cases[i].kind || line != cases[i].line ||
		    !strstr(e.text, cases[i].words))
			fail_msg("%zu: %d, kind %d, line %u, %s", i, result, e.kind, line, e.text);
	}
	arena_release(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(release_fields),    cmocka_unit_test(release_line_ends),
		cmocka_unit_test(release_malformed), cmocka_unit_test(release_with_nul),
		cmocka_unit_test(release_suites),    cmocka_unit_test(release_dates),
		cmocka_unit_test(one_line_sources),  cmocka_unit_test(deb822_sources),
		cmocka_unit_test(bad_sources),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
