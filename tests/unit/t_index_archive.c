/* SPDX-License-Identifier: Apache-2.0 */
/* Whole archives, signed by a key made for the occasion (tests/make_archive.py), from a server of our own. */
#include "unit/unit.h"

#include "unit/server.h"

#include "base/epoch.h"
#include "base/file.h"
#include "fetch/fetch.h"
#include "fetch/mirror.h"
#include "index/archive.h"

#include <fcntl.h>

enum { DAY_S = 24 * 3600, ARGUMENTS_MAX = 32 };

struct site {
	struct server server;
	bool usable;
	char *key; /* its text */
	char *other_key;
	char *www;
	char *key_folder;
	char *other_key_folder;
	char *debs;
	/* For each test: */
	char *cache;
	struct fetcher *fetcher;
	struct mirrors mirrors;
	struct log log;
	FILE *log_file;
	char *log_text;
	size_t log_len;
};

/* tests/make_archive.py with the words of COMMAND, which must have no blanks inside. */
static bool make(const char *command)
{
	auto_free char *printed = NULL;
	const char *argv[ARGUMENTS_MAX] = { "python3", "tests/make_archive.py" };
	struct arena arena = ARENA_INIT;
	struct text rest = text_of(command);
	size_t count = 2;

	for (struct text word = text_word(&rest); word.len; word = text_word(&rest)) {
		assert_true(count + 1 < ARGUMENTS_MAX);
		argv[count++] = arena_strndup(&arena, word.ptr, word.len);
	}
	printed = run_program(argv);
	arena_release(&arena);
	return printed != NULL;
}

/* One suite below /debian, signed by our key, of the package 'hello', with further options. */
static void archive(const struct site *site, const char *options)
{
	auto_free char *command = xasprintf("archive %s/debian --debs %s --key %s %s", site->www, site->debs,
					    site->key_folder, options);

	if (!make(command))
		fail_msg("cannot make an archive with '%s'", options);
}

static char *read_key(const char *folder)
{
	auto_free char *path = xasprintf("%s/public.asc", folder);
	struct error e = ERROR_INIT;
	char *text = NULL;

	if (file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &e) < 0)
		print_message("%s\n", e.text);
	return text;
}

static bool make_keys(struct site *site)
{
	auto_free char *key = xasprintf("key %s", site->key_folder);
	auto_free char *other = xasprintf("key %s", site->other_key_folder);
	auto_free char *deb = xasprintf("deb %s --name hello --arch amd64", site->debs);
	auto_free char *all = xasprintf("deb %s --name hello-data --arch all", site->debs);

	return make(key) && make(other) && make(deb) && make(all) &&
	       (site->key = read_key(site->key_folder)) &&
	       (site->other_key = read_key(site->other_key_folder));
}

static int open_site(void **state)
{
	struct site *site = xcalloc(1, sizeof *site);
	bool served = server_start(&site->server);

	site->www = xasprintf("%s/www", site->server.folder);
	site->key_folder = xasprintf("%s/key", site->server.folder);
	site->other_key_folder = xasprintf("%s/other", site->server.folder);
	site->debs = xasprintf("%s/debs", site->server.folder);
	site->usable = served && make_keys(site);
	*state = site;
	return 0;
}

static int close_site(void **state)
{
	struct site *site = *state;

	server_stop(&site->server);
	free(site->key);
	free(site->other_key);
	free(site->www);
	free(site->key_folder);
	free(site->other_key_folder);
	free(site->debs);
	free(site);
	return 0;
}

static void reopen(struct site *site, bool offline)
{
	struct fetch_options options = { .cache_dir = site->cache,
					 .mirrors = &site->mirrors,
					 .offline = offline,
					 .retry_max = 1,
					 .backoff_ms = 10,
					 .log = &site->log };
	struct error e = ERROR_INIT;

	fetcher_close(site->fetcher);
	if (fetcher_open(&options, &site->fetcher, &e) < 0)
		fail_msg("%s", e.text);
}

static int open_cache(void **state)
{
	struct site *site = *state;

	site->cache = make_folder();
	site->log_file = open_memstream(&site->log_text, &site->log_len);
	log_init(&site->log, LOG_VERBOSE, site->log_file);
	reopen(site, false);
	if (site->usable)
		server_forget_log(&site->server);
	return 0;
}

static int close_cache(void **state)
{
	struct site *site = *state;
	auto_free char *debian = xasprintf("%s/debian", site->www);

	fetcher_close(TAKE(site->fetcher, NULL));
	mirrors_release(&site->mirrors);
	log_release(&site->log);
	fclose(site->log_file);
	free(site->log_text);
	remove_tree(site->cache);
	free(site->cache);
	remove_tree(debian);
	return 0;
}

static struct site *site_of(void **state)
{
	struct site *site = *state;

	if (!site->usable) {
		print_message("skipped: needs python3, gpg, gpgv and dpkg-deb\n");
		skip();
	}
	return site;
}

/* What a test asks for; zero is: suite bookworm, component main, amd64, our key, now. */
struct asked {
	const char *modes; /* of the server: "@cut=10" */
	const char *suite;
	const char *component;
	const char *key;
	bool no_key;
	bool any_age;
	bool accept_sha1;
	int64_t later_s;
};

static int refresh(struct site *site, const struct asked *asked, struct index_set *set, struct error *e)
{
	auto_free char *uri = xasprintf("%s/%s%sdebian", site->server.base, asked->modes ? asked->modes : "",
					asked->modes ? "/" : "");
	const char *key = asked->key ? asked->key : site->key;
	const struct key_text keys[] = { { key, strlen(key), "x.yaml:1:2" } };
	const char *const components[] = { asked->component ? asked->component : "main" };
	const struct archive_wish wish = { .uri = uri,
					   .suite = asked->suite ? asked->suite : "bookworm",
					   .components = components,
					   .component_count = 1,
					   .keys = keys,
					   .key_count = asked->no_key ? 0 : 1,
					   .any_age = asked->any_age,
					   .accept_sha1 = asked->accept_sha1 };
	const struct archive_options options = { .architecture = "amd64",
						 .now_s = epoch_now() + asked->later_s,
						 .fetcher = site->fetcher,
						 .log = &site->log };

	*e = ERROR_INIT;
	return archives_refresh(&wish, 1, &options, set, e);
}

static void assert_refused(struct site *site, const struct asked *asked, enum error_kind kind,
			   const char *words)
{
	auto_index_set struct index_set set = INDEX_SET_INIT;
	struct error e;

	if (refresh(site, asked, &set, &e) == 0)
		fail_msg("passes, but should fail with '%s'", words);
	if (e.kind != kind || !strstr(e.text, words))
		fail_msg("kind %d, %s", e.kind, e.text);
}

static void assert_hello(struct site *site, const struct asked *asked)
{
	auto_index_set struct index_set set = INDEX_SET_INIT;
	struct error e;

	if (refresh(site, asked, &set, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(set.file_count, 1);
	assert_non_null(memmem(set.files[0].data, set.files[0].len, "Package: hello\n", 15));
	assert_string_equal(set.files[0].architecture, "amd64");
}

static void whole_archive(void **state)
{
	struct site *site = site_of(state);
	auto_index_set struct index_set set = INDEX_SET_INIT;
	auto_free char *log = NULL;
	struct digest digest;
	struct error e;

	archive(site, "--codename codename --origin O --label L --date 1000000000 "
		      "--field NotAutomatic:yes --field ButAutomaticUpgrades:yes");
	if (refresh(site, &(struct asked) { .suite = "codename/" }, &set, &e) == 0)
		fail_msg("a folder of another name");
	if (refresh(site, &(struct asked) { .suite = NULL }, &set, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(set.archive_count, 1);
	assert_string_equal(set.archives[0]->suite, "bookworm");
	assert_string_equal(set.archives[0]->codename, "codename");
	assert_string_equal(set.archives[0]->release_suite, "bookworm");
	assert_string_equal(set.archives[0]->origin, "O");
	assert_string_equal(set.archives[0]->label, "L");
	assert_true(set.archives[0]->not_automatic && set.archives[0]->but_automatic_upgrades);
	assert_int_equal(set.newest_date_s, 1000000000);
	assert_true(is_suffix(set.archives[0]->uri, "/debian/"));
	assert_string_equal(set.files[0].component, "main");
	assert_non_null(memmem(set.files[0].data, set.files[0].len, "Package: hello-data\n", 20));
	digest = sha256_of(set.files[0].data, set.files[0].len);
	assert_true(digest_equal(&digest, &set.files[0].sha256));
	assert_true(digest_is_set(&set.archives[0]->release_sha256));
	log = server_log(&site->server);
	assert_non_null(strstr(log, "main/binary-amd64/by-hash/SHA256/"));
	assert_null(strstr(log, "Packages.xz"));
}

static void again_and_offline(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;

	archive(site, "");
	assert_hello(site, &(struct asked) { .suite = NULL });
	server_forget_log(&site->server);
	reopen(site, false);
	assert_hello(site, &(struct asked) { .suite = NULL });
	log = server_log(&site->server);
	assert_int_equal(count_of(log, "GET"), 1);
	assert_int_equal(count_of(log, " 304 "), 1);
	server_forget_log(&site->server);
	reopen(site, true);
	assert_hello(site, &(struct asked) { .suite = NULL });
	free(TAKE(log, server_log(&site->server)));
	assert_string_equal(log, "");
	assert_refused(site, &(struct asked) { .suite = "sid" }, ERROR_FETCH, "is not in the cache");
}

static void older_form(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;

	archive(site, "--sign detached --no-by-hash --index gz,bz2 --hide-plain");
	assert_hello(site, &(struct asked) { .suite = NULL });
	log = server_log(&site->server);
	assert_non_null(strstr(log, "/main/binary-amd64/Packages.gz 200"));
	archive(site, "--sign inline --no-by-hash --index plain");
	assert_hello(site, &(struct asked) { .suite = NULL });
}

/* Signed for the last time before 2016: a recipe may say so, and then nothing else is let through. */
static void signed_long_ago(void **state)
{
	struct site *site = site_of(state);
	auto_free char *folder = xasprintf("%s/debian/dists/bookworm", site->www);
	auto_free char *release = xasprintf("%s/Release", folder);
	auto_close int folder_fd = -1;
	struct error e = ERROR_INIT;
	auto_free char *text = NULL;
	size_t len;

	archive(site, "--sign detached --digest SHA1 --no-by-hash --index bz2 --hide-plain");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "'source.accept_sha1: true'");
	assert_hello(site, &(struct asked) { .accept_sha1 = true });
	assert_refused(site, &(struct asked) { .accept_sha1 = true, .key = site->other_key }, ERROR_TRUST,
		       "keys that the recipe does not have");
	assert_int_equal(file_read(AT_FDCWD, release, 1 << 20, &text, &len, &e), 0);
	text[len - 2] ^= 1;
	assert_int_equal(dir_open(AT_FDCWD, folder, &folder_fd, &e), 0);
	assert_int_equal(file_replace(folder_fd, "Release", text, len, 0644, &e), 0);
	assert_refused(site, &(struct asked) { .accept_sha1 = true }, ERROR_TRUST, "bad signature");
}

static void by_hash_falls_back(void **state)
{
	struct site *site = site_of(state);
	auto_free char *folder = xasprintf("%s/debian/dists/bookworm/main/binary-amd64/by-hash", site->www);

	archive(site, "");
	remove_tree(folder);
	assert_hello(site, &(struct asked) { .suite = NULL });
}

static void signatures(void **state)
{
	struct site *site = site_of(state);
	auto_free char *two = xasprintf("--key %s", site->other_key_folder);

	archive(site, "--sign none");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "is not signed");
	archive(site, "");
	assert_refused(site, &(struct asked) { .key = site->other_key }, ERROR_TRUST,
		       "is signed by keys that the recipe does not have: 0x");
	assert_refused(site, &(struct asked) { .no_key = true }, ERROR_TRUST, "'source.keys'");
	assert_refused(site, &(struct asked) { .key = "no key" }, ERROR_TRUST,
		       "key at x.yaml:1:2: is no OpenPGP");
	archive(site, "--sign detached");
	assert_refused(site, &(struct asked) { .key = site->other_key }, ERROR_TRUST,
		       "file 'Release': is signed by");
	archive(site, "--digest SHA1");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST,
		       "a digest that no longer counts");
	archive(site, two);
	assert_hello(site, &(struct asked) { .key = site->other_key });
	assert_hello(site, &(struct asked) { .suite = NULL });
}

static void overwrite(const struct site *site, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/debian/dists/bookworm/%s", site->www, name);
	auto_close int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	struct error e = ERROR_INIT;

	assert_int_equal(file_write_fd(fd, text, strlen(text), &e), 0);
}

/* Change one word of a file below dists/bookworm. */
static void tamper(const struct site *site, const char *name, const char *from, const char *to)
{
	auto_free char *path = xasprintf("%s/debian/dists/bookworm/%s", site->www, name);
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;
	char *at;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &e), 0);
	at = strstr(text, from);
	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
	overwrite(site, name, text);
}

static void tampering(void **state)
{
	struct site *site = site_of(state);

	archive(site, "");
	tamper(site, "InRelease", "Origin: Test", "Origin: Evil");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "has a bad signature");
	tamper(site, "InRelease", "Origin: Evil", "Origin: Test");
	assert_hello(site, &(struct asked) { .suite = NULL });
	tamper(site, "InRelease", "-----BEGIN PGP SIGNED", "-----BEGIN XXX SIGNED");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "is no clear-signed text");
	archive(site, "--sign detached");
	tamper(site, "Release", "Origin: Test", "Origin: Evil");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "has a bad signature");
}

static void login_page_is_forgotten(void **state)
{
	struct site *site = site_of(state);
	auto_free char *from = xasprintf("%s/debian/", site->server.base);
	auto_free char *page = xasprintf("%s/@text=login/", site->server.base);
	struct error e = ERROR_INIT;

	archive(site, "");
	assert_int_equal(mirrors_add(&site->mirrors, from, page, &e), 0);
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "login page");
	mirrors_release(&site->mirrors);
	reopen(site, true);
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_FETCH, "is not in the cache");
	reopen(site, false);
	assert_hello(site, &(struct asked) { .suite = NULL });
}

static void validity(void **state)
{
	struct site *site = site_of(state);
	auto_free char *options = xasprintf("--valid-until %lld", (long long)epoch_now() + 7 * DAY_S);

	archive(site, options);
	assert_hello(site, &(struct asked) { .later_s = 6 * DAY_S });
	assert_refused(site, &(struct asked) { .later_s = 10 * DAY_S }, ERROR_EXPIRED, "expired 3 days ago");
	assert_refused(site, &(struct asked) { .later_s = 8 * DAY_S + 5 }, ERROR_EXPIRED,
		       "expired 1 day ago");
	assert_hello(site, &(struct asked) { .later_s = 10 * DAY_S, .any_age = true });
	fflush(site->log_file);
	assert_non_null(strstr(site->log_text, "kiln: warning: suite 'bookworm' at 'http://127.0.0.1:"));
	assert_refused(site, &(struct asked) { .later_s = -DAY_S, .any_age = true }, ERROR_EXPIRED,
		       "is not valid yet");
}

static void what_is_not_there(void **state)
{
	struct site *site = site_of(state);

	archive(site, "");
	assert_refused(site, &(struct asked) { .suite = "bookwrom" }, ERROR_FETCH,
		       "no such suite 'bookwrom' at 'http");
	assert_refused(site, &(struct asked) { .component = "mian" }, ERROR_FETCH,
		       "has no component 'mian', but: main");
	archive(site, "--arch arm64,riscv64");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_FETCH,
		       "no packages for architecture 'amd64', but for: all arm64 riscv64");
	archive(site, "--field Suite:trixie --field Codename:trixie");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_TRUST, "is of suite 'trixie'");
	assert_refused(site, &(struct asked) { .modes = "@status=500" }, ERROR_FETCH, "HTTP 500");
}

static void wrong_indexes(void **state)
{
	struct site *site = site_of(state);

	archive(site, "--no-by-hash --index xz");
	overwrite(site, "main/binary-amd64/Packages.xz", "not what was promised");
	assert_refused(site, &(struct asked) { .suite = NULL }, ERROR_DIGEST,
		       "index 'main/binary-amd64/Packages.xz'");
	archive(site, "--index xz --empty --field Suite:bookworm");
	assert_hello(site, &(struct asked) { .suite = NULL });
}

static void separate_all(void **state)
{
	struct site *site = site_of(state);
	auto_index_set struct index_set set = INDEX_SET_INIT;
	struct error e;

	archive(site, "--separate-all");
	if (refresh(site, &(struct asked) { .suite = NULL }, &set, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(set.file_count, 2);
	assert_string_equal(set.files[0].architecture, "amd64");
	assert_string_equal(set.files[1].architecture, "all");
	assert_null(memmem(set.files[0].data, set.files[0].len, "hello-data", 10));
	assert_non_null(memmem(set.files[1].data, set.files[1].len, "hello-data", 10));
}

static void empty_index(void **state)
{
	struct site *site = site_of(state);
	auto_index_set struct index_set set = INDEX_SET_INIT;
	auto_free char *command =
		xasprintf("archive %s/debian --empty --key %s", site->www, site->key_folder);
	struct error e;

	assert_true(make(command));
	if (refresh(site, &(struct asked) { .suite = NULL }, &set, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(set.file_count, 1);
	assert_int_equal(set.files[0].len, 0);
	assert_non_null(set.files[0].data);
}

/* The same archive under three addresses, two of which a mirror rule makes the same. */
static void merged(void **state)
{
	struct site *site = site_of(state);
	auto_index_set struct index_set set = INDEX_SET_INIT;
	auto_free char *real = xasprintf("%s/debian/", site->server.base);
	const struct key_text keys[] = { { site->other_key, strlen(site->other_key), "a" },
					 { site->key, strlen(site->key), "b" } };
	const char *const main_only[] = { "main" };
	const struct archive_wish wishes[] = {
		{ "http://ftp.example.org/debian", "bookworm", main_only, 1, &keys[0], 1, true, false, false,
		  0 },
		{ "https://deb.example.org/debian/", "bookworm/", main_only, 1, &keys[1], 1, true, false,
		  false, 0 },
		{ real, "bookworm", main_only, 1, NULL, 0, true, false, false, 0 },
		{ real, "second", main_only, 1, &keys[1], 1, true, false, false, 0 },
	};
	const struct archive_options options = {
		.architecture = "amd64", .now_s = epoch_now(), .fetcher = site->fetcher, .log = &site->log
	};
	struct error e = ERROR_INIT;
	auto_free char *log = NULL;

	archive(site, "--date 1000");
	archive(site, "--suite second --date 2000");
	assert_int_equal(mirrors_add(&site->mirrors, "http://ftp.example.org/debian", real, &e), 0);
	assert_int_equal(mirrors_add(&site->mirrors, "https://deb.example.org/debian", real, &e), 0);
	if (archives_refresh(wishes, ARRAY_LEN(wishes), &options, &set, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(set.archive_count, 2);
	assert_int_equal(set.file_count, 2);
	assert_string_equal(set.archives[0]->uri, "http://ftp.example.org/debian/");
	assert_string_equal(set.archives[1]->suite, "second");
	assert_int_equal(set.newest_date_s, 2000);
	assert_ptr_equal(set.files[1].archive, set.archives[1]);
	log = server_log(&site->server);
	assert_int_equal(count_of(log, "InRelease"), 2);
}

static void bad_servers(void **state)
{
	struct site *site = site_of(state);

	archive(site, "");
	assert_hello(site, &(struct asked) { .modes = "@fail=1" });
	assert_refused(site, &(struct asked) { .modes = "@short=100,novalidator" }, ERROR_TRUST, "InRelease");
	assert_refused(site, &(struct asked) { .modes = "@loop" }, ERROR_FETCH, "redirect");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_cache, close_cache)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(whole_archive),      TEST(again_and_offline),
		TEST(older_form),         TEST(signed_long_ago),
		TEST(by_hash_falls_back), TEST(signatures),
		TEST(tampering),          TEST(login_page_is_forgotten),
		TEST(validity),           TEST(what_is_not_there),
		TEST(wrong_indexes),      TEST(separate_all),
		TEST(empty_index),        TEST(merged),
		TEST(bad_servers),
	};

	setenv("no_proxy", "127.0.0.1", 1);
	return cmocka_run_group_tests_name("index archive", tests, open_site, close_site);
}
