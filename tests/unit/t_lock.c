/* SPDX-License-Identifier: Apache-2.0 */
/* Locks: written as they are read, refused where they are wrong, and compared. */
#include "unit/unit.h"

#include "unit/lock_text.h"

#include "lock/lock.h"

static int parse(const char *text, struct lock *lock, struct error *e)
{
	*e = ERROR_INIT;
	return lock_parse("x.lock", text, strlen(text), lock, e);
}

static struct lock parsed(const char *text)
{
	struct lock lock = LOCK_INIT;
	struct error e;

	if (parse(text, &lock, &e) < 0)
		fail_msg("%s", e.text);
	return lock;
}

/* LOCK_TEXT with the first OLD after AFTER replaced. */
static char *changed(const char *after, const char *old, const char *new)
{
	static const char text[] = LOCK_TEXT;
	const char *from = strstr(text, after);
	const char *at = from ? strstr(from, old) : NULL;

	if (!at)
		fail_msg("there is no '%s' behind '%s'", old, after);
	return xasprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

/* LOCK_TEXT with every OLD replaced. */
static char *everywhere(const char *old, const char *new)
{
	struct buffer out = BUFFER_INIT;
	const char *at = LOCK_TEXT;

	for (const char *found; (found = strstr(at, old)); at = found + strlen(old)) {
		buffer_add(&out, at, (size_t)(found - at));
		buffer_adds(&out, new);
	}
	buffer_adds(&out, at);
	return buffer_take(&out);
}

static void is_written_as_read(void **state)
{
	auto_lock struct lock lock = parsed(LOCK_TEXT);
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(lock_write(&lock.inputs, &lock.indexes, &lock.plan, &text, &e), 0);
	assert_string_equal(text, LOCK_TEXT);
}

static void has_what_it_says(void **state)
{
	auto_lock struct lock lock = parsed(LOCK_TEXT);
	const struct plan_package *app = &lock.plan.packages[0];

	(void)state;
	assert_int_equal(lock.plan.package_count, 4);
	assert_string_equal(app->filename, "pool/main/a/app_1%3a1.0_all.deb");
	assert_ptr_equal(app->archive, lock.indexes.archives[0]);
	assert_string_equal(app->source, "app");
	assert_int_equal(app->depend_count, 2);
	assert_int_equal(app->depends[0], 1);
	assert_int_equal(app->depends[1], 2);
	assert_int_equal(app->pre_depends[0], 1);
	assert_true(lock.plan.packages[1].essential && lock.plan.packages[2].automatic);
	assert_int_equal(lock.plan.step_count, 4);
	assert_int_equal(lock.plan.steps[3].packages[0], 3);
	assert_int_equal(lock.plan.steps[2].phase, PHASE_SETS);
	assert_true(lock.plan.merged_usr);
	assert_int_equal(lock.inputs.epoch_s, 1769860800);
	assert_int_equal(lock.indexes.newest_date_s, 1769860800);
	assert_string_equal(lock.indexes.files[0].path, "main/binary-amd64/Packages.xz");
	assert_string_equal(lock.inputs.overrides[1], "image.name=a: b");
	assert_int_equal(lock.lines[0], 50);
}

/* As in image.json: YAML reads JSON. */
static void is_read_from_a_record(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_lock struct lock lock = LOCK_INIT;
	struct text rest = text_of(strstr(LOCK_TEXT, "kiln:"));
	struct error e;

	(void)state;
	buffer_adds(&text, "timing: {}\nname: \"x\\ty\"\ninputs:\n");
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		buffer_addf(&text, "  %.*s\n", TEXT_ARG(line));
	}
	assert_int_equal(parse(text.data, &lock, &e), 0);
	assert_int_equal(lock.plan.package_count, 4);
}

static void wrong_ones_are_refused(void **state)
{
	static const struct {
		const char *after;
		const char *old;
		const char *new;
		const char *message; /* begins with line and column */
	} cases[] = {
		{ "", "lock: 1", "lock: 2", "2:1: a lock of another format; this version knows 1" },
		{ "", "lock: 1", "lock: [1]", "2:1: a lock of another format; this version knows 1" },
		{ "", "lock: 1\n", "",
		  " this is no lock: neither has it the key 'lock', nor 'inputs' as image.json" },
		{ "", "lock: 1\n", "lock: 1\nmore: x\n", "3:1: unknown key 'more'" },
		{ "", "date:", "dat:", "22:1: unknown key 'dat'" },
		{ "", "date: \"2026-01-31T12:00:00Z\"\n", "", "2:1: 'date' is missing" },
		{ "", "2026-01-31", "2026-02-31",
		  "22:7: 'date' is '2026-02-31T12:00:00Z', but must be a date like 2026-01-31T12:00:00Z" },
		{ "", "2026-01-31T12", "2026-01-31 12",
		  "22:7: 'date' is '2026-01-31 12:00:00Z', but must be a date like 2026-01-31T12:00:00Z" },
		{ "", "name: t.yaml", "name: \"a\\eb\"", "*must be a text on one line" },
		{ "", "path: t.yaml", "path: a.yaml", "13:5: 'files' must be sorted by path, each once" },
		{ "", "path: t.yaml", "path: key/public.asc",
		  "13:5: 'files' must be sorted by path, each once" },
		{ "", "size: 400", "size: -1", "11:11: 'size' is '-1', but must be a number" },
		{ "", "size: 400", "size: 99999999999999999999", "*must be a number" },
		{ "", "size: 400", "size: [4]", "11:11: 'size' must be a number, not a list" },
		{ "", "1111", "111", "*must be 64 hexadecimal digits" },
		{ "", "1111", "xyz1", "*must be 64 hexadecimal digits" },
		{ "", "1111111111111111111111111111111111111111111111111111111111111111",
		  "0000000000000000000000000000000000000000000000000000000000000000",
		  "*must be 64 hexadecimal digits" },
		{ "", "[image.serial=1, ", "[[image.serial=1], ",
		  "*'overrides' must be a list of texts, not a list" },
		{ "archives", "url: http", "url: ftp",
		  "*must be an address (http, https or file) without a password" },
		{ "archives", "http://a", "http://me:secret@a", "*without a password" },
		{ "archives", "/debian/\n", "/debian\n", "24:8: 'url' of an archive must end in '/'" },
		{ "archives", "suite: bookworm", "suite: ../bookworm",
		  "*must be a word without blanks that leads nowhere" },
		{ "release:", "dists/bookworm/InRelease", "dists/bookworm/%2e%2e/%2e%2e/InRelease",
		  "*'url' must lead to a file below 'http://a.example/debian/dists/bookworm/'" },
		{ "indexes", "http://a.example/", "http://b.example/",
		  "*'url' must lead to a file below 'http://a.example/debian/dists/bookworm/'" },
		{ "downloads", "http://a.example/", "http://b.example/",
		  "46:8: 'url' must lead to a file below one of 'archives'" },
		{ "packages", "name: app", "name: ../app", "*must be the name of a package" },
		{ "packages", "name: app", "name: \"\"", "*must be the name of a package" },
		{ "packages", "name: app", "name: zap",
		  "62:3: 'packages' must be sorted by name and version, each once" },
		{ "packages", "1:1.0", "x y", "*must be a version" },
		{ "packages", "1.10", "1.0", "*'packages' must be sorted by name and version, each once" },
		{ "packages", "architecture: all", "architecture: arm64", "52:17: the image is for 'amd64'" },
		{ "packages", "suite: bookworm", "suite: trixie",
		  "55:8: 'url' must lead to a file below the archive of suite 'trixie'" },
		{ "packages", "pool/main/a/", "pool/%2E./../", "*below the archive of suite 'bookworm'" },
		{ "packages", "pool/main/a/", "/etc/", "*below the archive of suite 'bookworm'" },
		{ "packages", "pool/main/a/", "pool%00/", "*below the archive of suite 'bookworm'" },
		{ "packages", "pool/main/a/", "pool%zz", "*below the archive of suite 'bookworm'" },
		{ "packages", "pool/main/a/", "pool%0a/", "*below the archive of suite 'bookworm'" },
		{ "packages", "size: 728", "size: 0", "56:9: 'size' must be between 1 and 8589934592" },
		{ "packages", "size: 728", "size: 8589934593",
		  "56:9: 'size' must be between 1 and 8589934592" },
		{ "packages", "installed_size: 2048", "installed_size: 9223372036854775807",
		  "58:19: 'installed_size' must be at most 1099511627776" },
		{ "packages", "why: recipe", "why: because", "59:8: unknown reason 'because'" },
		{ "packages", "depends: [base", "depends: [basis", "60:13: 'basis' is not among 'packages'" },
		{ "packages", "lib=1.0", "lib=1.1", "60:19: 'lib=1.1' is not among 'packages'" },
		{ "packages", "essential: true", "essential: yes", "*must be true or false" },
		{ "steps", "kind: base", "kind: install",
		  "99:9: 'kind' must be base for the first step, and install or remove for others" },
		{ "steps", "kind: install", "kind: base",
		  "102:9: 'kind' must be base for the first step, and install or remove for others" },
		{ "steps", "phase: base", "phase: sets",
		  "100:10: 'phase' must be base or sets, and base for the first step" },
		{ "steps", "[base]", "[]", "*'steps' has no base system" },
		{ "steps", "[base]", "[base, base]", "101:20: 'base' is installed already" },
		{ "steps", "[app, ", "[lib=1.10, app, ", "107:14: 'lib' is gone already" },
		{ "steps", "packages: [lib=1.10]", "packages: []", "86:3: package 'lib' is in no step" },
		{ "steps", "packages: [base]", "packages: {}",
		  "*'packages' must be a list of texts, not a mapping" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = changed(cases[i].after, cases[i].old, cases[i].new);
		const char *wanted = cases[i].message;
		auto_lock struct lock lock = LOCK_INIT;
		struct error e;

		if (parse(text, &lock, &e) == 0)
			fail_msg("'%s' is accepted", cases[i].new);
		assert_true(e.kind == ERROR_FORMAT || e.kind == ERROR_UNSUPPORTED);
		if (*wanted == '*' ? !is_suffix(e.text, wanted + 1)
				   : !is_prefix(e.text, "x.lock:") || strcmp(e.text + 7, wanted) != 0)
			fail_msg("'%s': '%s' instead of '%s'", cases[i].new, e.text, wanted);
	}
}

/* Whatever is cut off: at best a shorter lock, of which nothing is missing. */
static void cut_ones_are_refused(void **state)
{
	static const char text[] = LOCK_TEXT;

	(void)state;
	for (size_t len = 0; len + 1 < sizeof text; len++) {
		auto_free char *cut = xstrndup(text, len);
		auto_lock struct lock lock = LOCK_INIT;
		struct error e;

		/* The last line end, and before it nothing, can go. */
		if (parse(cut, &lock, &e) == 0)
			assert_int_equal(len, sizeof text - 2);
	}
}

static char *changes_text(const char *before_text, const char *now_text, bool *same)
{
	auto_lock struct lock before = parsed(before_text);
	auto_lock struct lock now = parsed(now_text);
	auto_lock_changes struct lock_changes changes = LOCK_CHANGES_INIT;
	struct buffer out = BUFFER_INIT;

	lock_compare(&before, &now, &changes);
	*same = lock_is_same(&changes);
	lock_changes_print(&changes, &out);
	return buffer_take(&out);
}

/* Takes TEXT. */
static void assert_changes(char *now_text, const char *expected)
{
	auto_free char *text = now_text;
	auto_free char *got = NULL;
	bool same;

	got = changes_text(LOCK_TEXT, text, &same);
	assert_string_equal(got, expected);
	assert_int_equal(same, !*expected || is_prefix(expected, "* archive:"));
}

static void changes_are_told(void **state)
{
	(void)state;
	assert_changes(changed("", "lock: 1", "lock: 1"), "");
	assert_changes(everywhere("1.10", "1.11"), "* upgraded: lib-src 1.10 → 1.11 (lib)\n");
	assert_changes(everywhere("1.10", "1.9"), "* downgraded: lib-src 1.10 → 1.9 (lib)\n");
	assert_changes(changed("base_2.0", "2222", "2223"), "* rebuilt: base 2.0, with other bytes\n");
	/* What is gone in the end does not count. */
	assert_changes(changed("packages", "1:1.0", "1:2.0"), "");
	assert_changes(changed("", "path: key/public.asc", "path: key/public.gpg"),
		       "* recipe: key/public.asc removed\n* recipe: key/public.gpg added\n");
	assert_changes(changed("path: t.yaml", "2222", "3333"), "* recipe: t.yaml changed\n");
	assert_changes(changed("", "image.serial=1", "image.serial=2"), "* options: others than before\n");
	assert_changes(changed("", "\"0.1.0\"", "\"0.2.0\""), "* kiln: 0.1.0 → 0.2.0\n");
	assert_changes(changed("signed", "bbbb", "bbba"),
		       "* archive: bookworm of http://a.example/debian/ 2026-01-31T12:00:00Z → "
		       "2026-01-31T12:00:00Z\n");
}

/* The whole of a point release: the version of the archive, and what is for security first. */
static void releases_are_told(void **state)
{
	auto_free char *archive = changed("archives", "12.11", "12.12");
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *got = NULL;
	char *at;
	bool same;

	(void)state;
	at = strstr(archive, "date: \"2026-01-31T12:00:00Z\"\n  valid");
	memcpy(at, "date: \"2026-02-01", strlen("date: \"2026-02-01"));
	memcpy(strstr(archive, "signed_sha256: \"b") + strlen("signed_sha256: \""), "d", 1);
	memcpy(strstr(archive, "label: Debian"), "label: secURI", strlen("label: secURI"));
	at = strstr(archive, "lib_1.10");
	at = strstr(at, "bbbb");
	memcpy(at, "dddd", 4);
	buffer_adds(&text, archive);
	got = changes_text(LOCK_TEXT, text.data, &same);
	assert_false(same);
	assert_string_equal(got,
			    "* rebuilt: lib-src 1.10, with other bytes (lib)\n"
			    "* archive: bookworm of http://a.example/debian/ 12.11 of 2026-01-31 → 12.12 of "
			    "2026-02-01\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_written_as_read),    cmocka_unit_test(has_what_it_says),
		cmocka_unit_test(is_read_from_a_record), cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(cut_ones_are_refused),  cmocka_unit_test(changes_are_told),
		cmocka_unit_test(releases_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
