/* SPDX-License-Identifier: Apache-2.0 */
/* What the cache keeps of an unpacked package: used when it is whole, and made again when it is not. */
#include "unit/unit.h"

#include "unit/deb_bytes.h"
#include "unit/server.h"

#include "base/epoch.h"
#include "base/limits.h"
#include "base/root.h"
#include "fetch/fetch.h"
#include "fetch/inventory.h"
#include "index/index.h"
#include "plan/plan.h"
#include "stream/quick.h"
#include "unpack/deb.h"

#include <fcntl.h>
#include <sys/file.h>

/* A cache with one package in it, and a root. */
struct place {
	char *cache;
	char *root;
	int root_fd;
	struct fetcher *fetcher;
	struct index_archive archive;
	struct plan_package package;
	struct plan plan;
	struct log log;
	char *log_text;
	size_t log_len;
	FILE *log_file;
	struct unpack_site site;
	struct error e;
};

static void reopen(struct place *place, uint64_t payload_max_bytes)
{
	struct fetch_options options = { .cache_dir = place->cache,
					 .offline = true,
					 .payload_max_bytes = payload_max_bytes,
					 .log = &place->log };

	fetcher_close(place->fetcher);
	place->fetcher = NULL;
	assert_int_equal(fetcher_open(&options, &place->fetcher, &place->e), 0);
	place->site.fetcher = place->fetcher;
}

static struct digest put_deb(struct place *place, const struct made_deb *made)
{
	auto_buffer struct buffer deb = BUFFER_INIT;
	auto_pending struct file_pending pending = FILE_PENDING_INIT;
	struct digest digest;

	make_deb(&deb, made);
	digest = sha256_of(deb.data, deb.len);
	assert_int_equal(fetch_store_begin(place->fetcher, &pending, &place->e), 0);
	assert_int_equal(file_write_fd(pending.fd, deb.data, deb.len, &place->e), 0);
	assert_int_equal(fetch_store_commit(place->fetcher, &pending, &digest, &place->e), 0);
	return digest;
}

static int open_place(void **state)
{
	static const struct made_deb made = {
		.name = "hello",
		.suffix = ".xz",
		.members = { MADE('0', "./preinst", 0755, "#!/bin/sh\n") },
		.files = { MADE('5', "./usr/", 0755, NULL), MADE('0', "./usr/hello", 0644, "hello, world\n"),
			   MADE('2', "./usr/link", 0777, "hello") },
	};
	struct place *place = xcalloc(1, sizeof *place);

	place->cache = make_folder();
	place->root = make_folder();
	place->root_fd = open(place->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place->log_file = open_memstream(&place->log_text, &place->log_len);
	log_init(&place->log, LOG_VERBOSE, place->log_file);
	reopen(place, GIB);
	place->archive.uri = "http://archive.invalid/";
	place->package = (struct plan_package) { .archive = &place->archive,
						 .filename = "hello.deb",
						 .name = "hello",
						 .version = "1.0",
						 .architecture = "all",
						 .sha256 = put_deb(place, &made) };
	place->plan = (struct plan) { .packages = &place->package, .package_count = 1 };
	place->site = (struct unpack_site) {
		.root_fd = place->root_fd,
		.fetcher = place->fetcher,
		.plan = &place->plan,
		.log = &place->log,
	};
	*state = place;
	return 0;
}

static int close_place(void **state)
{
	struct place *place = *state;

	fetcher_close(place->fetcher);
	close(place->root_fd);
	remove_tree(place->cache);
	remove_tree(place->root);
	free(place->cache);
	free(place->root);
	log_release(&place->log);
	fclose(place->log_file);
	free(place->log_text);
	free(place);
	return 0;
}

static struct place *place_of(void **state)
{
	need_rights();
	return *state;
}

static char *path_of(const struct place *place, const char *folder)
{
	struct digest_hex hex = digest_hex(&place->package.sha256);

	return xasprintf("%s/%s/%.2s/%s", place->cache, folder, hex.text, hex.text);
}

/* Unpack into an empty root: 0, or -1 and place->e. */
static int unpack(struct place *place)
{
	size_t position = 0;

	error_clear(&place->e);
	assert_int_equal(root_empty_dir(place->root_fd, "/", &place->e), 0);
	assert_int_equal(deb_unpack_prepare(&place->site, &place->e), 0);
	return deb_unpack_packages(&place->site, &position, 1, DEB_CONFFILES_DIRECT, NULL, &place->e);
}

static void assert_text(struct place *place, const char *path, const char *expected)
{
	auto_free char *data = NULL;

	assert_int_equal(root_read(place->root_fd, path, &data, NULL, &place->e), 1);
	assert_string_equal(data, expected);
}

static void assert_unpacked(struct place *place)
{
	if (unpack(place) < 0)
		fail_msg("%s", place->e.text);
	assert_text(place, "/usr/hello", "hello, world\n");
	assert_text(place, "/usr/link", "hello, world\n");
	assert_text(place, "/var/lib/dpkg/info/hello.list", "/usr\n/usr/hello\n/usr/link\n");
	assert_text(place, "/var/lib/dpkg/info/hello.preinst", "#!/bin/sh\n");
	assert_text(place, "/var/lib/dpkg/info/hello.md5sums",
		    "22c3683b094136c3398391ae71b20f04  usr/hello\n");
}

static void without_the_package(void **state)
{
	struct place *place = place_of(state);
	auto_free char *deb = path_of(place, "sha256");
	auto_free char *payload = path_of(place, "payload");
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;

	assert_int_equal(access(payload, F_OK), -1);
	assert_unpacked(place);
	assert_int_equal(access(payload, F_OK), 0);
	assert_int_equal(unlink(deb), 0);
	assert_unpacked(place);
	assert_int_equal(deb_read_control(&place->site, 0, &control, &place->e), 0);
	assert_true(control.has_preinst);
	/* Another build, whose plan has the same file as another package. */
	reopen(place, GIB);
	place->package.name = "other";
	assert_int_equal(unpack(place), -1);
	assert_int_equal(place->e.kind, ERROR_FORMAT);
	assert_non_null(strstr(place->e.text, "control data is of package 'hello'"));
	place->package.name = "hello";
	assert_unpacked(place);
}

/* The file as bytes; malloc'ed. */
static char *read_payload(const char *path, size_t *len)
{
	struct error e = ERROR_INIT;
	char *data = NULL;

	assert_int_equal(file_read(AT_FDCWD, path, MIB, &data, len, &e), 0);
	return data;
}

static void write_payload(const char *path, const char *data, size_t len)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct error e = ERROR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, data, len, &e), 0);
}

/* Every byte of it matters: whichever is wrong, the package is unpacked, and the payload is whole again. */
static void any_damage(void **state)
{
	struct place *place = place_of(state);
	auto_free char *path = path_of(place, "payload");
	auto_free char *good = NULL;
	size_t len = 0;

	assert_unpacked(place);
	good = read_payload(path, &len);
	assert_true(len > 300);
	for (size_t i = 0; i < len; i += i < 300 ? 1 : 7) {
		auto_free char *bad = xmalloc(len);
		auto_free char *now = NULL;
		size_t now_len = 0;

		memcpy(bad, good, len);
		/* In the head a case of hexadecimal digits would be no damage. */
		bad[i] = (char)(bad[i] ^ 0x81);
		write_payload(path, bad, len);
		assert_unpacked(place);
		now = read_payload(path, &now_len);
		assert_int_equal(now_len, len);
		assert_memory_equal(now, good, len);
	}
	for (size_t cut = 0; cut < len; cut += 13) {
		write_payload(path, good, cut);
		assert_unpacked(place);
	}
	free(good);
	good = read_payload(path, &len);
	good = xrealloc(good, len + 1);
	good[len] = 'x';
	write_payload(path, good, len + 1);
	assert_unpacked(place);
}

/* Damaged, and nothing there to make it from. */
static void damaged_beyond_repair(void **state)
{
	struct place *place = place_of(state);
	auto_free char *deb = path_of(place, "sha256");
	auto_free char *payload = path_of(place, "payload");
	auto_free char *data = NULL;
	size_t len = 0;

	assert_unpacked(place);
	data = read_payload(payload, &len);
	data[len - 1] = (char)(data[len - 1] ^ 1);
	write_payload(payload, data, len);
	assert_int_equal(unlink(deb), 0);
	assert_int_equal(unpack(place), -1);
	assert_int_equal(place->e.kind, ERROR_FETCH);
	assert_non_null(strstr(place->e.text, "package 'hello'"));
	assert_non_null(strstr(place->e.text, "--offline"));
	assert_int_equal(access(payload, F_OK), -1);
}

/* What somebody else could have written is not used, however right it looks. */
static void not_ours(void **state)
{
	struct place *place = place_of(state);
	auto_free char *deb = path_of(place, "sha256");
	auto_free char *payload = path_of(place, "payload");
	auto_free char *aside = xasprintf("%s/aside", place->cache);

	assert_unpacked(place);
	assert_int_equal(unlink(deb), 0);
	assert_int_equal(chown(payload, 1000, 1000), 0);
	assert_int_equal(unpack(place), -1);
	assert_int_equal(place->e.kind, ERROR_FETCH);
	assert_int_equal(chown(payload, 0, 0), 0);
	assert_int_equal(chmod(payload, 0664), 0);
	assert_int_equal(unpack(place), -1);
	assert_int_equal(chmod(payload, 0644), 0);
	assert_unpacked(place);
	assert_int_equal(rename(payload, aside), 0);
	assert_int_equal(symlink(aside, payload), 0);
	assert_int_equal(unpack(place), -1);
	assert_int_equal(unlink(payload), 0);
	assert_int_equal(mkdir(payload, 0755), 0);
	assert_int_equal(unpack(place), -1);
	assert_int_equal(rmdir(payload), 0);
	assert_int_equal(mkfifo(payload, 0644), 0);
	assert_int_equal(unpack(place), -1);
	assert_int_equal(unlink(payload), 0);
	assert_int_equal(rename(aside, payload), 0);
	assert_unpacked(place);
}

static mode_t mode_of_folder(const char *path, size_t parts)
{
	auto_free char *folder = xstrdup(path);
	struct stat st;

	while (parts--)
		*strrchr(folder, '/') = '\0';
	assert_int_equal(stat(folder, &st), 0);
	return st.st_mode & 07777;
}

/* Packages are unpacked with no umask; what other users could write to would let them take files away. */
static void folders_of_ours(void **state)
{
	struct place *place = place_of(state);
	auto_free char *payload = path_of(place, "payload");
	auto_free char *folder = xstrdup(payload);

	assert_unpacked(place);
	assert_int_equal(mode_of_folder(payload, 1), 0755);
	assert_int_equal(mode_of_folder(payload, 2), 0755);
	for (size_t i = 0; i < 2; i++) {
		*strrchr(folder, '/') = '\0';
		assert_int_equal(chmod(folder, 0777), 0);
	}
	reopen(place, GIB);
	assert_int_equal(mode_of_folder(payload, 1), 0755);
	assert_int_equal(mode_of_folder(payload, 2), 0755);
}

static void of_another_package(void **state)
{
	static const struct made_deb other = { .name = "hello",
					       .suffix = ".gz",
					       .files = { MADE('0', "./evil", 0644, "evil") } };
	struct place *place = place_of(state);
	auto_free char *mine = path_of(place, "payload");
	auto_free char *theirs = NULL;
	struct digest digest = place->package.sha256;

	assert_unpacked(place);
	place->package.sha256 = put_deb(place, &other);
	assert_int_equal(unpack(place), 0);
	theirs = path_of(place, "payload");
	assert_int_equal(rename(theirs, mine), 0);
	place->package.sha256 = digest;
	assert_unpacked(place);
}

/* Only of what takes long to decompress. */
static void worth_keeping(void **state)
{
	static const struct {
		const char *suffix;
		int kept;
	} cases[] = { { "", -1 }, { ".zst", -1 }, { ".gz", 0 }, { ".bz2", 0 }, { ".lzma", 0 } };
	struct place *place = place_of(state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made_deb made = { .name = "hello", .suffix = cases[i].suffix };
		auto_free char *payload = NULL;

		place->package.sha256 = put_deb(place, &made);
		payload = path_of(place, "payload");
		assert_int_equal(unpack(place), 0);
		assert_int_equal(access(payload, F_OK), cases[i].kept);
	}
}

/* A package that is malformed leaves no payload, and neither do builds that are to keep none. */
static void nothing_kept(void **state)
{
	static const struct made_deb bad = { .name = "hello",
					     .suffix = ".xz",
					     .files = { MADE('0', "./../evil", 0644, "evil") } };
	struct place *place = place_of(state);
	auto_free char *payload = path_of(place, "payload");
	auto_free char *theirs = NULL;
	auto_free char *folder = xasprintf("%s/payload", place->cache);

	reopen(place, 0);
	assert_unpacked(place);
	assert_int_equal(access(folder, F_OK), -1);
	reopen(place, GIB);
	assert_unpacked(place);
	assert_int_equal(access(payload, F_OK), 0);
	place->package.sha256 = put_deb(place, &bad);
	assert_int_equal(unpack(place), -1);
	theirs = path_of(place, "payload");
	assert_int_equal(access(theirs, F_OK), -1);
}

/* Where the payload cannot be written the package is unpacked all the same, and one warning says so. */
static void no_place_for_it(void **state)
{
	struct place *place = place_of(state);
	auto_free char *folder = xasprintf("%s/payload", place->cache);
	const char *warning;

	write_payload(folder, "a file", 6);
	assert_unpacked(place);
	assert_unpacked(place);
	fflush(place->log_file);
	warning = strstr(place->log_text, "warning: the cache keeps no unpacked packages");
	assert_non_null(warning);
	assert_null(strstr(warning + 1, "warning"));
}

/* The build that adds one keeps within the bound: those used longest ago go, one that is locked stays. */
static void bounded(void **state)
{
	struct place *place = place_of(state);
	auto_free char *payload = path_of(place, "payload");
	auto_free char *folder = xasprintf("%s/payload/zz", place->cache);
	auto_free char *data = xcalloc(1, 64 * 1024);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000 } };
	auto_close int locked = -1;

	assert_unpacked(place);
	assert_int_equal(mkdir(folder, 0755), 0);
	for (unsigned i = 0; i < 4; i++) {
		auto_free char *path = xasprintf("%s/%u", folder, i);

		write_payload(path, data, 64 * 1024);
		times[1].tv_sec++;
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
		if (i == 1)
			locked = open(path, O_RDONLY | O_CLOEXEC);
	}
	assert_int_equal(flock(locked, LOCK_SH), 0);
	/* Nothing was added: nothing is looked at. */
	reopen(place, 128 * 1024);
	assert_unpacked(place);
	reopen(place, 128 * 1024);
	for (unsigned i = 0; i < 4; i++) {
		auto_free char *path = xasprintf("%s/%u", folder, i);

		assert_int_equal(access(path, F_OK), 0);
	}
	assert_int_equal(unlink(payload), 0);
	assert_unpacked(place);
	reopen(place, 128 * 1024);
	assert_int_equal(access(payload, F_OK), 0);
	for (unsigned i = 0; i < 4; i++) {
		auto_free char *path = xasprintf("%s/%u", folder, i);

		assert_int_equal(access(path, F_OK), i == 1 || i == 3 ? 0 : -1);
	}
}

static void add_item(struct cache_items *items, const char *path, uint64_t size_bytes, int64_t used_s)
{
	struct cache_item item = { .kind = CACHE_PACKAGES, .path = xstrdup(path) };

	item.size_bytes = size_bytes;
	item.used_s = used_s;
	PUSH(items->items, items->count, item);
}

static void choice(void **state)
{
	static const struct {
		uint64_t keep_bytes;
		int64_t oldest_s;
		const char *going;
	} cases[] = {
		{ UINT64_MAX, INT64_MIN, "" }, { 0, INT64_MIN, "dbca" },  { 60, INT64_MIN, "" },
		{ 59, INT64_MIN, "a" },        { 30, INT64_MIN, "bca" },  { 29, INT64_MIN, "dbca" },
		{ UINT64_MAX, 20, "a" },       { UINT64_MAX, 21, "bca" }, { 29, INT64_MAX, "dbca" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_cache_items struct cache_items items = CACHE_ITEMS_INIT;
		char going[8] = "";
		size_t len = 0;

		add_item(&items, "a", 10, 10);
		add_item(&items, "c", 15, 20);
		add_item(&items, "d", 30, 30);
		add_item(&items, "b", 5, 20);
		cache_items_choose(&items, cases[i].keep_bytes, cases[i].oldest_s);
		for (size_t k = 0; k < items.count; k++)
			if (items.items[k].goes)
				going[len++] = items.items[k].path[0];
		assert_string_equal(going, cases[i].going);
	}
}

/* Write LEN bytes of DATA through the codec into FD, and return how many came out. */
static uint64_t encode(int fd, const char *data, size_t len)
{
	struct error e = ERROR_INIT;
	auto_sink struct sink *out = sink_quick(sink_fd(fd));

	for (size_t done = 0; done < len;) {
		size_t part = len - done < 100000 ? len - done : 100000;

		assert_int_equal(sink_write(out, data + done, part, &e), 0);
		done += part;
	}
	assert_int_equal(sink_finish(out, &e), 0);
	return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

/* What comes back, or -1. */
static int decode(int fd, uint64_t offset, uint64_t size_bytes, struct buffer *out, struct error *e)
{
	auto_quick struct quick *quick = NULL;
	const void *data;
	size_t len;
	int r;

	quick_open(fd, offset, size_bytes, &quick);
	while ((r = quick_next(quick, &data, &len, e)) > 0)
		buffer_add(out, data, len);
	return r;
}

static void codec(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1, 3000000 };

	(void)state;
	for (unsigned random = 0; random < 2; random++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			auto_close int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
			auto_free char *data = xcalloc(1, sizes[i] + 1);
			auto_buffer struct buffer out = BUFFER_INIT;
			auto_buffer struct buffer cut = BUFFER_INIT;
			struct error e = ERROR_INIT;
			uint32_t seed = 7;
			uint64_t size;

			for (size_t k = 0; random && k < sizes[i]; k++)
				data[k] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
			assert_int_equal(write(fd, "head", 4), 4);
			size = encode(fd, data, sizes[i]) - 4;
			assert_int_equal(write(fd, "behind", 6), 6);
			assert_int_equal(decode(fd, 4, size, &out, &e), 0);
			assert_int_equal(out.len, sizes[i]);
			assert_memory_equal(out.data ? out.data : "", data, sizes[i]);
			assert_int_equal(decode(fd, 4, size - 1, &cut, &e), -1);
			assert_int_equal(e.kind, ERROR_FORMAT);
			assert_int_equal(decode(fd, 4, size + 6, &cut, &e), -1);
			assert_int_equal(decode(fd, 4, size + 100, &cut, &e), -1);
			assert_int_equal(decode(fd, 4, 0, &cut, &e), -1);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_the_package, open_place, close_place),
		cmocka_unit_test_setup_teardown(any_damage, open_place, close_place),
		cmocka_unit_test_setup_teardown(damaged_beyond_repair, open_place, close_place),
		cmocka_unit_test_setup_teardown(not_ours, open_place, close_place),
		cmocka_unit_test_setup_teardown(folders_of_ours, open_place, close_place),
		cmocka_unit_test_setup_teardown(of_another_package, open_place, close_place),
		cmocka_unit_test_setup_teardown(worth_keeping, open_place, close_place),
		cmocka_unit_test_setup_teardown(nothing_kept, open_place, close_place),
		cmocka_unit_test_setup_teardown(no_place_for_it, open_place, close_place),
		cmocka_unit_test_setup_teardown(bounded, open_place, close_place),
		cmocka_unit_test(choice),
		cmocka_unit_test(codec),
	};

	return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
