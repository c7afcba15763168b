/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers and the cache, against a server that misbehaves (tests/server.py says how). */
#include "unit/unit.h"

#include "unit/server.h"

#include "base/interrupt.h"
#include "base/limits.h"
#include "fetch/fetch.h"
#include "fetch/mirror.h"

#include <sys/file.h>

enum { DATA_BYTES = 1500 * 1000, RETRY_MAX = 2 };

/* A server with the file "f", and an empty cache for each test. */
struct site {
	struct server server;
	bool has_server;
	char *data;
	struct digest sha256;
	char *cache;
	struct fetcher *fetcher;
	struct log log;
	char *log_text;
	size_t log_len;
	FILE *log_file;
};

static int open_site(void **state)
{
	struct site *site = xcalloc(1, sizeof *site);
	uint32_t random = 1;

	interrupt_install();
	site->data = xmalloc(DATA_BYTES);
	for (size_t i = 0; i < DATA_BYTES; i++) {
		random = random * 1664525 + 1013904223;
		site->data[i] = (char)(random >> 24);
	}
	site->sha256 = sha256_of(site->data, DATA_BYTES);
	site->has_server = server_start(&site->server);
	if (site->has_server)
		server_put(&site->server, "f", site->data, DATA_BYTES);
	*state = site;
	return 0;
}

static int close_site(void **state)
{
	struct site *site = *state;

	server_stop(&site->server);
	free(site->data);
	free(site);
	return 0;
}

static struct fetch_options options_of(struct site *site)
{
	return (struct fetch_options) { .cache_dir = site->cache,
					.retry_max = RETRY_MAX,
					.backoff_ms = 10,
					.stall_timeout_ms = 1000,
					.connect_timeout_ms = 1000,
					.log = &site->log };
}

static void reopen(struct site *site, bool offline)
{
	struct fetch_options options = options_of(site);
	struct error e = ERROR_INIT;

	options.offline = offline;
	fetcher_close(site->fetcher);
	site->fetcher = NULL;
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
	if (site->has_server)
		server_forget_log(&site->server);
	return 0;
}

static int close_cache(void **state)
{
	struct site *site = *state;

	fetcher_close(site->fetcher);
	site->fetcher = NULL;
	remove_tree(site->cache);
	free(site->cache);
	log_release(&site->log);
	fclose(site->log_file);
	free(site->log_text);
	return 0;
}

static struct site *site_of(void **state)
{
	struct site *site = *state;

	if (!site->has_server) {
		print_message("skipped: no python3 to run tests/server.py\n");
		skip();
	}
	return site;
}

/* Fetch "f" from an address with MODES ("" for none), and OTHER as a second address unless NULL. */
static int fetch_f(struct site *site, const char *modes, const char *other, struct error *e)
{
	auto_free char *url = xasprintf("%s/%s%sf", site->server.base, modes, *modes ? "/" : "");
	auto_free char *second =
		xasprintf("%s/%s%sf", site->server.base, other ? other : "", other && *other ? "/" : "");
	struct fetch_request request = { .urls = { url, second },
					 .url_count = other ? 2 : 1,
					 .label = "file 'f'",
					 .sha256 = site->sha256,
					 .size_bytes = DATA_BYTES };

	*e = ERROR_INIT;
	return fetch_files(site->fetcher, &request, 1, "file", "files", e);
}

static void assert_cached(struct site *site)
{
	auto_close int fd = -1;
	auto_free char *data = NULL;
	struct error e = ERROR_INIT;
	size_t len;

	assert_int_equal(fetch_open_cached(site->fetcher, &site->sha256, &fd, &e), 1);
	assert_int_equal(file_read_fd(fd, DATA_BYTES, &data, &len, &e), 0);
	assert_int_equal(len, DATA_BYTES);
	assert_memory_equal(data, site->data, DATA_BYTES);
}

static size_t files_in(const struct site *site, const char *folder)
{
	auto_free char *path = xasprintf("%s/%s", site->cache, folder);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t count = 0;

	assert_int_equal(dir_list(fd, &names, &count, &e), 0);
	names_free(names, count);
	return count;
}

static char *cached_path(const struct site *site, const char *folder)
{
	struct digest_hex hex = digest_hex(&site->sha256);

	return strcmp(folder, "sha256") == 0 ? xasprintf("%s/sha256/%.2s/%s", site->cache, hex.text, hex.text)
					     : xasprintf("%s/%s/%s", site->cache, folder, hex.text);
}

static void assert_fails(struct site *site, const char *modes, enum error_kind kind, const char *words)
{
	struct error e = ERROR_INIT;

	assert_int_equal(fetch_f(site, modes, NULL, &e), -1);
	if (e.kind != kind || !strstr(e.text, words))
		fail_msg("'%s': kind %d, %s", modes, e.kind, e.text);
	assert_true(is_prefix(e.text, "file 'f': "));
	assert_int_equal(files_in(site, "sha256"), 0);
}

static void whole_file(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;
	struct error e;

	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	log = server_log(&site->server);
	assert_int_equal(count_of(log, "GET"), 1);
	assert_int_equal(files_in(site, "partial"), 0);
}

static void cut_connections_are_continued(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;
	struct error e;

	assert_int_equal(fetch_f(site, "@cut=400000", NULL, &e), 0);
	assert_cached(site);
	log = server_log(&site->server);
	assert_int_equal(count_of(log, " 206 "), 3);
	assert_non_null(strstr(log, "bytes=1200000- 300000"));
}

static void servers_without_ranges(void **state)
{
	struct site *site = site_of(state);
	struct error e;

	assert_fails(site, "@cut=1000000,norange", ERROR_FETCH, "/f': ");
	/* What is there does not help a server that always sends all, but must not spoil it either. */
	assert_int_equal(files_in(site, "partial"), 1);
	assert_int_equal(fetch_f(site, "@norange", NULL, &e), 0);
	assert_cached(site);
}

static void wrong_ranges(void **state)
{
	struct site *site = site_of(state);
	auto_free char *path = cached_path(site, "partial");
	struct error e;

	assert_int_equal(fetch_f(site, "@stall=50000", NULL, &e), -1);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(fetch_f(site, "@wrongrange", NULL, &e), 0);
	assert_cached(site);
}

static void errors_that_pass(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;
	struct error e;

	assert_fails(site, "@fail=9", ERROR_FETCH, "HTTP 503");
	log = server_log(&site->server);
	assert_int_equal(count_of(log, " 503 "), 1 + RETRY_MAX);
	assert_int_equal(fetch_f(site, "@fail=2", NULL, &e), 0);
	assert_cached(site);
}

static void errors_that_stay(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;

	assert_fails(site, "@status=404", ERROR_FETCH, "HTTP 404");
	assert_fails(site, "@status=403", ERROR_FETCH, "HTTP 403");
	assert_fails(site, "@status=204", ERROR_FETCH, "HTTP 204");
	log = server_log(&site->server);
	assert_int_equal(count_of(log, "GET"), 3);
	assert_int_equal(files_in(site, "partial"), 0);
}

static void retry_after_is_kept(void **state)
{
	struct site *site = site_of(state);
	struct timespec begin;
	struct timespec end;
	struct error e;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(fetch_f(site, "@fail=1,retry=1", NULL, &e), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >= 950);
}

static void second_address(void **state)
{
	struct site *site = site_of(state);
	struct error e;

	assert_int_equal(fetch_f(site, "@status=404", "", &e), 0);
	assert_cached(site);
}

static void wrong_bytes(void **state)
{
	struct site *site = site_of(state);
	struct error e;

	assert_fails(site, "@flip=1400000", ERROR_DIGEST, "has SHA-256 ");
	assert_fails(site, "@short=1000", ERROR_DIGEST, "has 1000 bytes, but its index promises 1500000");
	assert_fails(site, "@long=5", ERROR_DIGEST, "has more than the 1500000 bytes");
	assert_fails(site, "@text=login", ERROR_DIGEST, "has 5 bytes");
	assert_int_equal(files_in(site, "partial"), 0);
	assert_int_equal(fetch_f(site, "@flip=7", "@status=404", &e), -1);
	assert_int_equal(e.kind, ERROR_DIGEST);
	assert_int_equal(fetch_f(site, "@flip=7", "", &e), 0);
	assert_cached(site);
}

static void announced_too_much(void **state)
{
	struct site *site = site_of(state);
	struct error e;

	assert_int_equal(fetch_f(site, "@claim=10", NULL, &e), 0);
	assert_cached(site);
}

static void redirects(void **state)
{
	struct site *site = site_of(state);
	struct error e;

	assert_fails(site, "@loop", ERROR_FETCH, "redirects");
	assert_fails(site, "@tofile", ERROR_FETCH, "file");
	assert_fails(site, "@toscheme=ftp", ERROR_FETCH, "ftp");
	assert_int_equal(fetch_f(site, "@redirect", NULL, &e), 0);
	assert_cached(site);
}

static void stalls(void **state)
{
	struct site *site = site_of(state);
	struct fetch_options options = options_of(site);
	struct error e = ERROR_INIT;

	fetcher_close(site->fetcher);
	options.retry_max = 1;
	assert_int_equal(fetcher_open(&options, &site->fetcher, &e), 0);
	assert_fails(site, "@stall=1000", ERROR_FETCH, "no byte came for");
	assert_fails(site, "@silent", ERROR_FETCH, "no byte came for");
}

static void refused_connection(void **state)
{
	struct site *site = site_of(state);
	const struct fetch_request request = { .urls = { "http://user:secret@127.0.0.1:1/f" },
					       .url_count = 1,
					       .label = "file 'f'",
					       .sha256 = site->sha256,
					       .size_bytes = 1 };
	struct error e = ERROR_INIT;

	assert_int_equal(fetch_files(site->fetcher, &request, 1, "file", "files", &e), -1);
	assert_int_equal(e.kind, ERROR_FETCH);
	assert_true(is_prefix(e.text, "file 'f': cannot fetch 'http://127.0.0.1:1/f': "));
	assert_null(strstr(e.text, "secret"));
}

static void credentials(void **state)
{
	struct site *site = site_of(state);
	auto_free char *from = xasprintf("%s/", site->server.base);
	auto_free char *to =
		xasprintf("http://me:s3cret@%s/@auth=me:s3cret/", site->server.base + strlen("http://"));
	auto_free char *bad =
		xasprintf("http://me:wrong@%s/@auth=me:s3cret/", site->server.base + strlen("http://"));
	auto_free char *shown = NULL;
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	struct fetch_options options = options_of(site);
	struct error e = ERROR_INIT;

	assert_int_equal(mirrors_add(&mirrors, from, bad, &e), 0);
	options.mirrors = &mirrors;
	fetcher_close(site->fetcher);
	assert_int_equal(fetcher_open(&options, &site->fetcher, &e), 0);
	assert_int_equal(fetch_f(site, "", NULL, &e), -1);
	assert_non_null(strstr(e.text, "HTTP 401"));
	assert_null(strstr(e.text, "wrong"));
	mirrors_release(&mirrors);
	assert_int_equal(mirrors_add(&mirrors, from, to, &e), 0);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
	shown = fetch_shown_url(site->fetcher, from);
	assert_null(strstr(shown, "me:s3cret@"));
	fflush(site->log_file);
	assert_null(strstr(site->log_text, "s3cret"));
}

static void put_file(const char *path, const void *data, size_t len)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	struct error e = ERROR_INIT;

	assert_int_equal(file_write_fd(fd, data, len, &e), 0);
}

static void work_of_the_dead_is_continued(void **state)
{
	struct site *site = site_of(state);
	auto_free char *path = cached_path(site, "partial");
	auto_free char *log = NULL;
	auto_free char *later = NULL;
	struct error e;

	put_file(path, site->data, 1000000);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
	log = server_log(&site->server);
	assert_non_null(strstr(log, "206 bytes=1000000- 500000"));
	assert_int_equal(count_of(log, "GET"), 1);

	/* It may have died between the last byte and the rename. */
	unlink(later = cached_path(site, "sha256"));
	put_file(path, site->data, DATA_BYTES);
	server_forget_log(&site->server);
	reopen(site, false);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
	free(TAKE(log, server_log(&site->server)));
	assert_int_equal(count_of(log, "GET"), 0);
}

static void rubbish_of_the_dead_is_replaced(void **state)
{
	struct site *site = site_of(state);
	auto_free char *path = cached_path(site, "partial");
	auto_free char *rubbish = xcalloc(1, DATA_BYTES + 1);
	static const size_t sizes[] = { 1000, DATA_BYTES, DATA_BYTES + 1 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		auto_free char *done = cached_path(site, "sha256");
		struct error e;

		put_file(path, rubbish, sizes[i]);
		if (fetch_f(site, "", NULL, &e) < 0)
			fail_msg("%zu: %s", sizes[i], e.text);
		assert_cached(site);
		unlink(done);
	}
}

static void damaged_cache(void **state)
{
	struct site *site = site_of(state);
	auto_free char *path = cached_path(site, "sha256");
	auto_close int fd = -1;
	struct error e = ERROR_INIT;
	int file;

	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\0\1\2", 3, 5000), 3);
	assert_int_equal(fetch_open_cached(site->fetcher, &site->sha256, &file, &e), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
}

static void leftovers_are_swept(void **state)
{
	struct site *site = site_of(state);
	auto_free char *dead = xasprintf("%s/partial/.store.00000001", site->cache);
	auto_free char *alive = xasprintf("%s/partial/.store.00000002", site->cache);
	auto_free char *empty = xasprintf("%s/partial/%064d", site->cache, 0);
	auto_free char *old = xasprintf("%s/partial/%064d", site->cache, 1);
	auto_free char *young = xasprintf("%s/partial/%064d", site->cache, 2);
	const struct timespec long_ago[2] = { { 1000, 0 }, { 1000, 0 } };
	auto_close int fd = -1;

	put_file(dead, "x", 1);
	put_file(alive, "x", 1);
	put_file(empty, "", 0);
	put_file(old, "x", 1);
	put_file(young, "x", 1);
	assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
	fd = open(alive, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	reopen(site, false);
	assert_int_equal(access(dead, F_OK), -1);
	assert_int_equal(access(empty, F_OK), -1);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(alive, F_OK), 0);
	assert_int_equal(access(young, F_OK), 0);
}

static void own_files(void **state)
{
	struct site *site = *state;
	struct digest digest = sha256_of("text", 4);
	auto_pending struct file_pending pending = FILE_PENDING_INIT;
	auto_pending struct file_pending given_up = FILE_PENDING_INIT;
	auto_close int fd = -1;
	struct error e = ERROR_INIT;

	assert_int_equal(fetch_store_begin(site->fetcher, &given_up, &e), 0);
	assert_int_equal(fetch_store_begin(site->fetcher, &pending, &e), 0);
	assert_int_equal(file_write_fd(pending.fd, "text", 4, &e), 0);
	assert_int_equal(fetch_open_cached(site->fetcher, &digest, &fd, &e), 0);
	assert_int_equal(fetch_store_commit(site->fetcher, &pending, &digest, &e), 0);
	assert_int_equal(fetch_open_cached(site->fetcher, &digest, &fd, &e), 1);
	file_pending_release(&given_up);
	assert_int_equal(files_in(site, "partial"), 0);
}

static int ask(struct site *site, const char *url, const char *expected)
{
	auto_free char *data = NULL;
	struct error e = ERROR_INIT;
	size_t len = 0;
	int got = fetch_volatile(site->fetcher, url, 1000, &data, &len, &e);

	if (got < 0)
		fail_msg("%s", e.text);
	if (got > 0) {
		assert_int_equal(len, strlen(expected));
		assert_string_equal(data, expected);
	}
	return got;
}

static void answers(void **state)
{
	struct site *site = site_of(state);
	auto_free char *url = xasprintf("%s/v", site->server.base);
	auto_free char *log = NULL;

	server_put(&site->server, "v", "one", 3);
	assert_int_equal(ask(site, url, "one"), 1);
	assert_int_equal(ask(site, url, "one"), 1);
	reopen(site, false);
	assert_int_equal(ask(site, url, "one"), 1);
	log = server_log(&site->server);
	assert_int_equal(count_of(log, " 200 "), 1);
	assert_int_equal(count_of(log, " 304 "), 2);
	server_put(&site->server, "v", "two!", 4);
	assert_int_equal(ask(site, url, "two!"), 1);
	fetch_forget(site->fetcher, url);
	server_forget_log(&site->server);
	assert_int_equal(ask(site, url, "two!"), 1);
	free(TAKE(log, server_log(&site->server)));
	assert_int_equal(count_of(log, " 200 "), 1);
	reopen(site, true);
	assert_int_equal(ask(site, url, "two!"), 1);
}

static void answers_that_are_none(void **state)
{
	struct site *site = site_of(state);
	auto_free char *none = xasprintf("%s/none", site->server.base);
	auto_free char *gone = xasprintf("%s/@status=410/f", site->server.base);
	auto_free char *large = xasprintf("%s/f", site->server.base);
	auto_free char *broken = xasprintf("%s/@status=500/f", site->server.base);
	auto_free char *data = NULL;
	struct error e = ERROR_INIT;
	size_t len;

	assert_int_equal(ask(site, none, ""), 0);
	assert_int_equal(ask(site, gone, ""), 0);
	assert_int_equal(fetch_volatile(site->fetcher, large, 1000, &data, &len, &e), -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	assert_int_equal(fetch_volatile(site->fetcher, broken, 1000, &data, &len, &e), -1);
	assert_int_equal(e.kind, ERROR_FETCH);
	reopen(site, true);
	assert_int_equal(ask(site, large, ""), 0);
	assert_int_equal(files_in(site, "partial"), 0);
}

static void damaged_answer(void **state)
{
	struct site *site = site_of(state);
	auto_free char *url = xasprintf("%s/v", site->server.base);
	struct digest digest = sha256_of(url, strlen(url));
	auto_free char *path = xasprintf("%s/volatile/%s", site->cache, digest_hex(&digest).text);
	struct stat st;

	server_put(&site->server, "v", "one", 3);
	assert_int_equal(ask(site, url, "one"), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_int_equal(ask(site, url, "one"), 1);
	assert_int_equal(truncate(path, 1 << 20), 0);
	assert_int_equal(ask(site, url, "one"), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(ask(site, url, "one"), 1);
	put_file(path, "", 0);
	reopen(site, true);
	assert_int_equal(ask(site, url, "one"), 0);
}

static void offline(void **state)
{
	struct site *site = site_of(state);
	struct error e;

	reopen(site, true);
	assert_fails(site, "", ERROR_FETCH, "not in the cache, and --offline forbids");
	reopen(site, false);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	reopen(site, true);
	server_forget_log(&site->server);
	assert_int_equal(fetch_f(site, "", NULL, &e), 0);
	assert_cached(site);
}

static void local_mirror(void **state)
{
	struct site *site = site_of(state);
	auto_free char *url = xasprintf("file://%s/www/f", site->server.folder);
	auto_free char *none = xasprintf("file://%s/www/none", site->server.folder);
	struct fetch_request request = { .urls = { none, url },
					 .url_count = 2,
					 .label = "f",
					 .sha256 = site->sha256,
					 .size_bytes = DATA_BYTES };
	struct error e = ERROR_INIT;

	if (fetch_files(site->fetcher, &request, 1, "file", "files", &e) < 0)
		fail_msg("%s", e.text);
	assert_cached(site);
	assert_int_equal(ask(site, none, ""), 0);
}

/* The server takes whole addresses too, so it can play the proxy. */
static void proxy(void **state)
{
	struct site *site = site_of(state);
	const struct fetch_request request = { .urls = { "http://nowhere.example.org/f" },
					       .url_count = 1,
					       .label = "f",
					       .sha256 = site->sha256,
					       .size_bytes = DATA_BYTES };
	auto_free char *log = NULL;
	struct error e = ERROR_INIT;
	int result;

	setenv("http_proxy", site->server.base, 1);
	result = fetch_files(site->fetcher, &request, 1, "file", "files", &e);
	unsetenv("http_proxy");
	if (result < 0)
		fail_msg("%s", e.text);
	assert_cached(site);
	log = server_log(&site->server);
	assert_true(is_prefix(log, "GET http://nowhere.example.org/f 200 "));
}

/* Small files, and requests for all of them; the second half asks for the first once more. */
enum { MANY = 30 };

struct many {
	struct arena arena;
	struct fetch_request requests[2 * MANY];
};

static void make_many(const struct site *site, const char *modes, struct many *many)
{
	*many = (struct many) { .arena = ARENA_INIT };
	for (size_t i = 0; i < MANY; i++) {
		auto_free char *text = xasprintf("%zu and more of it", i);
		auto_free char *name = xasprintf("many%zu", i);
		struct fetch_request request = { .urls = { arena_printf(&many->arena, "%s%s/%s",
									site->server.base, modes, name) },
						 .url_count = 1,
						 .label = name,
						 .sha256 = sha256_of(text, strlen(text)),
						 .size_bytes = strlen(text) };

		request.label = arena_strdup(&many->arena, name);
		server_put(&site->server, name, text, strlen(text));
		many->requests[i] = request;
		many->requests[MANY + i] = request;
	}
}

static void many_files(void **state)
{
	struct site *site = site_of(state);
	struct error e = ERROR_INIT;
	auto_free char *log = NULL;
	struct many many;

	make_many(site, "/@fail=1", &many);
	if (fetch_files(site->fetcher, many.requests, 2 * MANY, "file", "files", &e) < 0)
		fail_msg("%s", e.text);
	log = server_log(&site->server);
	assert_int_equal(count_of(log, " 200 "), MANY);
	for (size_t i = 0; i < MANY; i++) {
		auto_close int fd = -1;

		assert_int_equal(fetch_open_cached(site->fetcher, &many.requests[i].sha256, &fd, &e), 1);
	}
	fflush(site->log_file);
	assert_non_null(strstr(site->log_text, "fetched 30 files, "));
	arena_release(&many.arena);
}

static void two_builders(void **state)
{
	struct site *site = site_of(state);
	auto_free char *log = NULL;
	struct many many;
	pid_t children[3];

	make_many(site, "/@slow=50", &many);
	fetcher_close(TAKE(site->fetcher, NULL));
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct error e = ERROR_INIT;

			reopen(site, false);
			_exit(fetch_files(site->fetcher, many.requests, MANY, "file", "files", &e) < 0);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	log = server_log(&site->server);
	assert_int_equal(count_of(log, "GET"), MANY);
	assert_int_equal(files_in(site, "partial"), 0);
	arena_release(&many.arena);
}

static void unusable_cache(void **state)
{
	struct site *site = *state;
	auto_free char *path = xasprintf("%s/file/cache", site->cache);
	auto_free char *file = xasprintf("%s/file", site->cache);
	struct fetch_options options = options_of(site);
	struct fetcher *fetcher = NULL;
	struct error e = ERROR_INIT;

	put_file(file, "x", 1);
	options.cache_dir = path;
	assert_int_equal(fetcher_open(&options, &fetcher, &e), -1);
	assert_int_equal(e.kind, ERROR_SYSTEM);
	assert_non_null(strstr(e.text, "--cache DIR names another): cannot create folder"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_cache, close_cache)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(whole_file),
		TEST(cut_connections_are_continued),
		TEST(servers_without_ranges),
		TEST(wrong_ranges),
		TEST(errors_that_pass),
		TEST(errors_that_stay),
		TEST(retry_after_is_kept),
		TEST(second_address),
		TEST(wrong_bytes),
		TEST(announced_too_much),
		TEST(redirects),
		TEST(stalls),
		TEST(refused_connection),
		TEST(credentials),
		TEST(work_of_the_dead_is_continued),
		TEST(rubbish_of_the_dead_is_replaced),
		TEST(damaged_cache),
		TEST(leftovers_are_swept),
		TEST(own_files),
		TEST(answers),
		TEST(answers_that_are_none),
		TEST(damaged_answer),
		TEST(offline),
		TEST(local_mirror),
		TEST(proxy),
		TEST(many_files),
		TEST(two_builders),
		TEST(unusable_cache),
	};

	/* A proxy of the environment has nothing to do with the loopback interface. */
	setenv("no_proxy", "127.0.0.1", 1);
	return cmocka_run_group_tests_name("fetch", tests, open_site, close_site);
}
