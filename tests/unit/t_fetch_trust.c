/* SPDX-License-Identifier: Apache-2.0 */
/* What tells an old answer, a foreign text and another's password: dates.c, openpgp.c, auth.c. */
#include "unit/unit.h"

#include "unit/server.h"

#include "base/epoch.h"
#include "base/file.h"
#include "fetch/auth.h"
#include "fetch/dates.h"
#include "fetch/fetch.h"
#include "fetch/mirror.h"
#include "fetch/openpgp.h"
#include "fetch/url.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

struct ground {
	char *cache;
	struct fetcher *fetcher;
	struct log log;
	FILE *log_file;
	char *log_text;
	size_t log_len;
};

static int open_ground(void **state)
{
	struct ground *ground = xcalloc(1, sizeof *ground);
	struct fetch_options options = { .offline = true, .log = &ground->log };
	struct error e = ERROR_INIT;

	ground->cache = make_folder();
	ground->log_file = open_memstream(&ground->log_text, &ground->log_len);
	log_init(&ground->log, LOG_QUIET, ground->log_file);
	options.cache_dir = ground->cache;
	if (fetcher_open(&options, &ground->fetcher, &e) < 0)
		fail_msg("%s", e.text);
	*state = ground;
	return 0;
}

static int close_ground(void **state)
{
	struct ground *ground = *state;

	fetcher_close(ground->fetcher);
	log_release(&ground->log);
	fclose(ground->log_file);
	free(ground->log_text);
	remove_tree(ground->cache);
	free(ground->cache);
	free(ground);
	return 0;
}

/* What fetch_date_note() returns for the archive "a". */
static int note(struct ground *ground, int64_t date_s, int64_t begin_ms, bool may_go_back)
{
	struct error e = ERROR_INIT;
	struct fetch_date newest;
	int r = fetch_date_note(ground->fetcher, "a", date_s, begin_ms, may_go_back, &newest, &e);

	if (r < 0)
		fail_msg("%s", e.text);
	return r;
}

static void dates_go_on(void **state)
{
	struct ground *ground = *state;
	struct fetch_date newest;
	struct error e = ERROR_INIT;
	int64_t later_ms = epoch_now_ms() + 1000 * 1000;

	assert_int_equal(note(ground, 1000, later_ms, false), 1);
	assert_int_equal(note(ground, 1000, later_ms, false), 1);
	assert_int_equal(note(ground, 999, later_ms, false), 0);
	assert_int_equal(note(ground, 2000, later_ms, false), 1);
	assert_int_equal(note(ground, 1000, later_ms, false), 0);
	assert_int_equal(fetch_date_note(ground->fetcher, "a", 1999, later_ms, false, &newest, &e), 0);
	assert_int_equal(newest.date_s, 2000);
	assert_true(newest.seen_ms <= epoch_now_ms());
	/* Another archive has a date of its own. */
	assert_int_equal(fetch_date_note(ground->fetcher, "b", 5, later_ms, false, &newest, &e), 1);
	/* Back on request, and from there on. */
	assert_int_equal(note(ground, 1000, later_ms, true), 1);
	assert_int_equal(note(ground, 1500, later_ms, false), 1);
	assert_int_equal(note(ground, 1000, later_ms, false), 0);
}

/* What came between the begin of one build and its end is no attack on it; what is said to come is. */
static void dates_of_builds_at_once(void **state)
{
	struct ground *ground = *state;
	int64_t begin_ms = epoch_now_ms() - 1000;
	auto_free char *folder = xasprintf("%s/dates", ground->cache);
	char **names = NULL;
	size_t count = 0;
	struct error e = ERROR_INIT;
	auto_close int fd = -1;

	assert_int_equal(note(ground, 2000, begin_ms, false), 1);
	assert_int_equal(note(ground, 1000, begin_ms, false), 1);
	assert_int_equal(note(ground, 1000, epoch_now_ms() + 1000, false), 0);
	assert_int_equal(dir_open(AT_FDCWD, folder, &fd, &e), 0);
	assert_int_equal(dir_list(fd, &names, &count, &e), 0);
	assert_int_equal(count, 2); /* the lock, too; and nothing temporary */
	names_free(names, count);
}

/* The only file that is not the lock; malloc'ed. */
static char *date_path(const struct ground *ground)
{
	auto_free char *folder = xasprintf("%s/dates", ground->cache);
	auto_close int fd = -1;
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t count = 0;
	char *path = NULL;

	assert_int_equal(dir_open(AT_FDCWD, folder, &fd, &e), 0);
	assert_int_equal(dir_list(fd, &names, &count, &e), 0);
	for (size_t i = 0; i < count; i++)
		if (names[i][0] != '.')
			path = xasprintf("%s/%s", folder, names[i]);
	names_free(names, count);
	return path;
}

/* A wrong byte is seen, and said; what comes next is taken. */
static void damaged_dates(void **state)
{
	struct ground *ground = *state;
	int64_t later_ms = epoch_now_ms() + 1000 * 1000;
	auto_free char *good = NULL;
	auto_free char *path = NULL;
	struct error e = ERROR_INIT;
	size_t len;

	assert_int_equal(note(ground, 2000, later_ms, false), 1);
	path = date_path(ground);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 16, &good, &len, &e), 0);
	for (size_t i = 0; i <= len; i += i + 5 < len ? 5 : 1) {
		int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		size_t before;

		good[i] ^= i < len ? 1 : 0;
		assert_int_equal(file_write_fd(fd, good, i < len ? len : len / 2, &e), 0);
		close(fd);
		good[i] ^= i < len ? 1 : 0;
		before = ground->log_len;
		assert_int_equal(note(ground, 1000, later_ms, false), 1);
		assert_int_equal(note(ground, 999, later_ms, false), 0);
		fflush(ground->log_file);
		assert_non_null(strstr(ground->log_text + before,
				       "warning: the newest Date seen of 'a' cannot be read"));
	}
	/* A link is no file of ours, whatever it leads to. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(note(ground, 1000, later_ms, false), 1);
}

/* Older ones that nothing asks for make room; a lock that somebody keeps is waited for only when there is need. */
static void dates_are_bounded(void **state)
{
	struct ground *ground = *state;
	int64_t later_ms = epoch_now_ms() + 1000 * 1000;
	auto_free char *first = NULL;
	auto_free char *folder = xasprintf("%s/dates", ground->cache);
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	auto_close int fd = -1;
	auto_close int lock_fd = -1;
	struct error e = ERROR_INIT;
	struct fetch_date newest;

	assert_int_equal(note(ground, 1000, later_ms, false), 1);
	first = date_path(ground);
	assert_int_equal(utimensat(AT_FDCWD, first, old, 0), 0);
	assert_int_equal(dir_open(AT_FDCWD, folder, &fd, &e), 0);
	for (int i = 0; i < 10000; i++) {
		char name[16];
		int made;

		snprintf(name, sizeof name, "%d", i);
		made = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		assert_true(made >= 0);
		close(made);
	}
	assert_int_equal(fetch_date_note(ground->fetcher, "b", 5, later_ms, false, &newest, &e), 1);
	assert_int_equal(access(first, F_OK), -1);
	lock_fd = openat(fd, ".lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock_fd, LOCK_EX), 0);
	assert_int_equal(fetch_date_note(ground->fetcher, "b", 5, later_ms, false, &newest, &e), 1);
	assert_int_equal(fetch_date_note(ground->fetcher, "b", 4, later_ms, false, &newest, &e), 0);
}

static void identities(void **state)
{
	static const char *const same[][2] = {
		{ "http://ftp.debian.org/debian", "https://ftp.de.debian.org/debian/" },
		{ "http://archive.ubuntu.com/ubuntu/", "http://de.archive.ubuntu.com/ubuntu" },
		{ "http://a.example/x", "https://a.example/x/" },
		{ "http://a.example/x", "http://me:word@A.example:80/x" },
	};
	static const char *const different[][2] = {
		{ "http://ftp.debian.org/debian", "http://ftp.debian.org/debian-security" },
		{ "http://ftp.debian.org/debian", "http://ftp.example.org/debian" },
		{ "http://ftp.debian.org/debian",
		  "http://snapshot.debian.org/archive/debian/20260101T000000Z/" },
		{ "http://archive.ubuntu.com/ubuntu/", "http://old-releases.ubuntu.com/ubuntu/" },
		{ "http://archive.ubuntu.com/ubuntu/", "http://ports.ubuntu.com/ubuntu-ports/" },
		{ "http://a.example/x", "http://a.example/y" },
		{ "http://a.example/x", "http://a.example:81/x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		auto_free char *one = mirror_identity(same[i][0]);
		auto_free char *other = mirror_identity(same[i][1]);

		assert_string_equal(one, other);
		assert_null(strstr(other, "word"));
	}
	for (size_t i = 0; i < ARRAY_LEN(different); i++) {
		auto_free char *one = mirror_identity(different[i][0]);
		auto_free char *other = mirror_identity(different[i][1]);

		assert_string_not_equal(one, other);
	}
}

/* ---- signatures and nothing else */

#define HEAD              "-----BEGIN PGP SIGNED MESSAGE-----\n"
#define SIGNATURE(base64) "-----BEGIN PGP SIGNATURE-----\n\n" base64 "\n-----END PGP SIGNATURE-----\n"
/* Packets: an empty signature in the old form; in the new one; a literal; a signature that is cut. */
#define OLD     "iAA="
#define NEW     "wgA="
#define LITERAL "ywA="
#define CUT     "iAU="
#define PARTS   "wuAA"
#define BOTH    "iADLAA=="
#define TWO     "iADCAA=="

static void framing(void **state)
{
	static const struct {
		const char *text;
		const char *message; /* NULL: not clear-signed */
	} cases[] = {
		{ HEAD "Hash: SHA512\n\na\nb\n" SIGNATURE(OLD), "a\nb\n" },
		{ HEAD "\na\n" SIGNATURE(NEW), "a\n" },
		{ HEAD "Hash: SHA1\nHash: SHA512\n\na\n" SIGNATURE(TWO) "\n", "a\n" },
		{ HEAD "\n- -a\n- From\n" SIGNATURE(OLD), "-a\nFrom\n" },
		{ HEAD "\r\na\r\n" SIGNATURE(OLD), "a\r\n" },
		{ "-----BEGIN PGP SIGNED MESSAGE----- \t\n\na\n" SIGNATURE(OLD), "a\n" },
		{ " " HEAD "\na\n" SIGNATURE(OLD), NULL },
		{ HEAD "Comment: x\n\na\n" SIGNATURE(OLD), NULL },
		{ HEAD "a\n" SIGNATURE(OLD), NULL },
		{ HEAD "\n-a\n" SIGNATURE(OLD), NULL },
		{ HEAD "\na\n-----BEGIN PGP MESSAGE-----\nb\n" SIGNATURE(OLD), NULL },
		{ HEAD "\na\n" SIGNATURE(LITERAL), NULL },
		{ HEAD "\na\n" SIGNATURE(BOTH), NULL },
		{ HEAD "\na\n" SIGNATURE(CUT), NULL },
		{ HEAD "\na\n" SIGNATURE(PARTS), NULL },
		{ HEAD "\na\n" SIGNATURE(OLD) "b\n", NULL },
		{ HEAD "\na\n-----BEGIN PGP SIGNATURE-----\n\n" OLD "\n", NULL },
		{ HEAD "\na\n-----BEGIN PGP SIGNATURE-----\nOrigin: x\n" OLD "\nOrigin: y\n-----END PGP "
		       "SIGNATURE-----\n",
		  NULL },
		{ HEAD, NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buffer struct buffer out = BUFFER_INIT;
		bool is = openpgp_clear_text(text_of(cases[i].text), &out);

		if (is != (cases[i].message != NULL) || (is && strcmp(out.data, cases[i].message) != 0))
			fail_msg("%zu: %d '%s'", i, is, out.data ? out.data : "");
		assert_int_equal(openpgp_is_clearsigned(text_of(cases[i].text)), is);
	}
}

static void signature_files(void **state)
{
	static const char *const good[] = { SIGNATURE(OLD), SIGNATURE(TWO),
					    SIGNATURE(OLD) "\n" SIGNATURE(NEW), "\n" SIGNATURE(OLD) "\n \n" };
	static const char *const bad[] = { "",
					   "\n",
					   SIGNATURE(LITERAL),
					   SIGNATURE(OLD) SIGNATURE(BOTH),
					   "x\n" SIGNATURE(OLD),
					   SIGNATURE(OLD) "x\n",
					   HEAD "\na\n" SIGNATURE(OLD) };
	/* Lengths of one, two, four and (new) five octets; and one that is cut. */
	static const unsigned char binary[] = { 0x88, 1,    0, 0x89, 0,    1,   0, 0x8a, 0, 0, 0, 1,
						0,    0xc2, 1, 0,    0xc2, 255, 0, 0,    0, 1, 0 };
	unsigned char long_one[3 + 192] = { 0xc2, 192, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!openpgp_is_signature(text_of(good[i])))
			fail_msg("good %zu", i);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (openpgp_is_signature(text_of(bad[i])))
			fail_msg("bad %zu", i);
	assert_true(openpgp_is_signature((struct text) { (const char *)binary, sizeof binary }));
	assert_false(openpgp_is_signature((struct text) { (const char *)binary, sizeof binary - 1 }));
	assert_true(openpgp_is_signature((struct text) { (const char *)long_one, sizeof long_one }));
	assert_false(openpgp_is_signature((struct text) { (const char *)long_one, sizeof long_one - 1 }));
	assert_false(openpgp_is_signature((struct text) { "\x8b", 1 })); /* of no certain length */
}

/* ---- passwords */

static void passwords_in_texts(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "a://b", "a://b" },
		{ "source.url=http://me:word@h/x", "source.url=http://h/x" },
		{ "deb [arch=amd64] https://token@h:8/x s main\ndeb ftp://a:b@c/ s\n",
		  "deb [arch=amd64] https://h:8/x s main\ndeb ftp://c/ s\n" },
		{ "http://a:p@ss@h/@b", "http://h/@b" },
		{ "git clone ssh://git@h/x", "git clone ssh://git@h/x" },
		{ "'http://a:b@h' http://c", "'http://h' http://c" },
		{ "http://", "http://" },
		{ "http://@", "http://" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *shown = url_hide_credentials(cases[i][0]);

		assert_string_equal(shown, cases[i][1]);
	}
}

static void passwords(void **state)
{
	static const char text[] =
		"# a comment with machine words\n"
		"machine a.example login one password 1\n"
		"machine http://b.example:8080/debian/ login two\n"
		"\tpassword 2\n"
		"machine https://c.example/x login three password 3 machine c.example login "
		"four password 4\n";
	static const char *const cases[][2] = {
		{ "https://a.example/debian", "one" },
		{ "https://A.EXAMPLE:443/", "one" },
		{ "http://a.example/debian", NULL },
		{ "https://a.example:444/", NULL },
		{ "https://me:own@a.example/", NULL },
		{ "https://b.example/debian/", NULL },
		{ "http://b.example:8080/debian/x", "two" },
		{ "http://b.example:8080/debian-security/x", NULL },
		{ "http://b.example:8080/", NULL },
		{ "https://c.example/x", "three" },
		{ "https://c.example/x/y", "three" },
		{ "https://c.example/xy", "four" },
		{ "https://a.example.evil/", NULL },
		{ "https://evil/a.example", NULL },
		{ "no address", NULL },
	};
	static const char *const bad[] = { "login x password y\n",     "machine\n",
					   "machine a password\n",     "machine a word x\n",
					   "machine a:b@c/x\n",        "machine a login x y\n",
					   "machine ftp://a login x\n" };
	struct auth auth = AUTH_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(auth_parse(&auth, TEXT(text), &e), 0);
	assert_int_equal(auth.count, 4);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct auth_entry *entry = auth_find(&auth, cases[i][0]);

		if ((entry == NULL) != (cases[i][1] == NULL) ||
		    (entry && strcmp(entry->login, cases[i][1]) != 0))
			fail_msg("%s: %s", cases[i][0], entry ? entry->login : "none");
	}
	auth_release(&auth);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e = ERROR_INIT;
		if (auth_parse(&auth, text_of(bad[i]), &e) == 0 || e.kind != ERROR_FORMAT)
			fail_msg("%s: passes", bad[i]);
		auth_release(&auth);
	}
	/* What is wrong is not repeated: it may be the password. */
	e = ERROR_INIT;
	assert_int_equal(auth_parse(&auth, TEXT("machine a login x password y SECRET SECRET\n"), &e), -1);
	assert_null(strstr(e.text, "SECRET"));
	auth_release(&auth);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_ground, close_ground)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(dates_go_on),
		TEST(dates_of_builds_at_once),
		TEST(damaged_dates),
		TEST(dates_are_bounded),
		cmocka_unit_test(identities),
		cmocka_unit_test(framing),
		cmocka_unit_test(signature_files),
		cmocka_unit_test(passwords),
		cmocka_unit_test(passwords_in_texts),
	};

	return cmocka_run_group_tests_name("fetch trust", tests, NULL, NULL);
}
