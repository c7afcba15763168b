/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/epoch.h"
#include "base/map.h"
#include "base/root.h"

#include <fcntl.h>

static void error_keeps_cause(void **state)
{
	struct error e = ERROR_INIT;
	char longest[4096];

	(void)state;
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(error_set(&e, ERROR_FETCH, "no route"), -1);
	assert_int_equal(error_wrap(&e, "cannot fetch '%s'", "u"), -1);
	assert_string_equal(e.text, "cannot fetch 'u': no route");
	error_wrap(&e, "%s", longest);
	assert_true(is_suffix(e.text, ": cannot fetch 'u': no route"));
	errno = ENOSPC;
	error_sys(&e, "cannot write");
	assert_int_equal(e.kind, ERROR_SPACE);
	errno = EINTR;
	error_sys(&e, "cannot write");
	assert_int_equal(e.kind, ERROR_INTERRUPTED);
}

static void text_parts(void **state)
{
	struct text rest = TEXT("  one two\tthree ");
	uint64_t value = 0;

	(void)state;
	assert_true(text_is(text_word(&rest), "one"));
	assert_true(text_is(text_word(&rest), "two"));
	assert_true(text_is(text_word(&rest), "three"));
	assert_int_equal(text_word(&rest).len, 0);
	assert_true(text_is(text_cut(TEXT("a:b"), ':', &rest), "a"));
	assert_true(text_is(rest, "b"));
	text_cut(TEXT("a"), ':', &rest);
	assert_null(rest.ptr);
	assert_true(text_to_u64(TEXT("18446744073709551615"), &value));
	assert_false(text_to_u64(TEXT("18446744073709551616"), &value));
	assert_false(text_to_u64(TEXT("-1"), &value));
	assert_true(text_compare(TEXT("a"), TEXT("ab")) < 0);
}

static void nearest_word(void **state)
{
	static const char *const names[] = { "packages", "action", "early" };

	(void)state;
	assert_string_equal(text_nearest("pakages", names, ARRAY_LEN(names)), "packages");
	assert_null(text_nearest("zzz", names, ARRAY_LEN(names)));
}

static void printable_text(void **state)
{
	char text[] = "a\nb\tc\033[31m\xC2\x9B\xC3\xA9\x7F";

	(void)state;
	text_make_printable(text);
	assert_string_equal(text, "a?b c?[31m??\xC3\xA9?");
}

static void map_many(void **state)
{
	auto_map struct map map = MAP_INIT;
	char keys[2000][16];
	int values[2000];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(keys[i], sizeof keys[i], "k%d", i);
		assert_null(map_put(&map, text_of(keys[i]), &values[i]));
	}
	for (int i = 0; i < 2000; i++)
		assert_ptr_equal(map_get(&map, text_of(keys[i])), &values[i]);
	assert_null(map_get(&map, TEXT("k2000")));
	assert_ptr_equal(map_put(&map, TEXT("k7"), &values[0]), &values[7]);
	assert_int_equal(map.count, 2000);
}

static void dates(void **state)
{
	int64_t epoch_s = 0;

	(void)state;
	assert_true(epoch_parse_rfc5322(TEXT("Sat, 21 Nov 2026 08:15:42 UTC"), &epoch_s));
	assert_int_equal(epoch_s, 1795248942);
	assert_true(epoch_parse_rfc5322(TEXT("Sat, 21 Nov 2026 10:15:42 +0200"), &epoch_s));
	assert_int_equal(epoch_s, 1795248942);
	assert_false(epoch_parse_rfc5322(TEXT("Sat, 21 Nox 2026 08:15:42 UTC"), &epoch_s));
	assert_false(epoch_parse_rfc5322(TEXT("Sat, 21 Nov 2026 08:15:42 UTC x"), &epoch_s));
	assert_string_equal(epoch_serial(1795248942).text, "20261121_0815");
	assert_string_equal(epoch_stamp(1795248942).text, "20261121T081542Z");
	assert_string_equal(epoch_date(1795248942).text, "2026-11-21T08:15:42Z");
	assert_string_equal(epoch_date(INT64_MAX).text, "9999-12-31T23:59:59Z");
	assert_true(epoch_parse_date(TEXT("2026-11-21T08:15:42Z"), &epoch_s));
	assert_int_equal(epoch_s, 1795248942);
	assert_false(epoch_parse_date(TEXT("2026-11-21 08:15:42Z"), &epoch_s));
	assert_false(epoch_parse_date(TEXT("2026-02-30T08:15:42Z"), &epoch_s));
	assert_false(epoch_parse_date(TEXT("2026-11-21T08:15:42"), &epoch_s));
}

static void stamps(void **state)
{
	static const char *const none[] = { "20260230T000000Z", "20250229T000000Z", "20261301T000000Z",
					    "20260001T000000Z", "20260100T000000Z", "20260101T240000Z",
					    "20260101T006000Z", "20260101T000060Z", "19690101T000000Z",
					    "20260101T000000",  "20260101 000000Z", "20260101T000000z",
					    "2026-01-01T0000Z", "20260101T+10000Z", "" };
	int64_t epoch_s = 0;

	(void)state;
	assert_true(epoch_parse_stamp("20261121T081542Z", &epoch_s));
	assert_int_equal(epoch_s, 1795248942);
	assert_true(epoch_parse_stamp("20240229T235959Z", &epoch_s));
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (epoch_parse_stamp(none[i], &epoch_s))
			fail_msg("'%s' is no stamp", none[i]);
}

static void digests(void **state)
{
	struct digest digest = sha256_of("abc", 3);
	struct digest parsed;

	(void)state;
	assert_string_equal(digest_hex(&digest).text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_parse(text_of(digest_hex(&digest).text), &parsed));
	assert_true(digest_equal(&digest, &parsed));
	assert_false(digest_parse(TEXT("ba78"), &parsed));
}

static void root_confines(void **state)
{
	char folder[] = "/tmp/kiln-unit-XXXXXX";
	auto_close int root_fd = -1;
	auto_close int fd = -1;
	auto_free char *data = NULL;
	struct error e = ERROR_INIT;
	struct stat st;
	size_t len;

	(void)state;
	need_rights(); /* what is written belongs to root */
	assert_non_null(mkdtemp(folder));
	root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(symlinkat("/etc", root_fd, "escape"), 0);
	assert_int_equal(symlinkat("usr/bin", root_fd, "bin"), 0);
	assert_int_equal(root_try_open(root_fd, "/escape/passwd", O_RDONLY, &fd, &e), 0);
	assert_int_equal(root_try_open(root_fd, "../../../etc/passwd", O_RDONLY, &fd, &e), 0);
	assert_int_equal(root_make_dirs(root_fd, "/usr/bin/x/y", 0755, &e), 0);
	assert_int_equal(root_write_text(root_fd, "/bin/x/file", "hello", &e), 0);
	assert_int_equal(root_read(root_fd, "usr/bin/x/file", &data, &len, &e), 1);
	assert_string_equal(data, "hello");
	assert_int_equal(root_lstat(root_fd, "/bin", &st, &e), 1);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(root_lstat(root_fd, "/none/none", &st, &e), 0);
	assert_int_equal(root_remove(root_fd, "/usr/bin/x", &e), 0);
	assert_int_equal(root_lstat(root_fd, "/usr/bin/x", &st, &e), 0);
	assert_int_equal(root_remove(root_fd, "/usr", &e), 0);
	assert_int_equal(root_remove(root_fd, "/bin", &e), 0);
	assert_int_equal(root_remove(root_fd, "/escape", &e), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_true(path_is_safe(TEXT("./usr/bin")));
	assert_false(path_is_safe(TEXT("usr/../../etc")));
	assert_false(path_is_safe(TEXT("")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_keeps_cause),
		cmocka_unit_test(text_parts),
		cmocka_unit_test(nearest_word),
		cmocka_unit_test(printable_text),
		cmocka_unit_test(map_many),
		cmocka_unit_test(dates),
		cmocka_unit_test(stamps),
		cmocka_unit_test(digests),
		cmocka_unit_test(root_confines),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
