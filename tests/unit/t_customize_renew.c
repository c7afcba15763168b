/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ground.h"

#include "base/digest.h"
#include "customize/keystore.h"

#define UNITS "/etc/systemd/system/"

enum { OLD_S = 1600000000, EPOCH_S = 1700000000 };

static void clean(struct ground *ground)
{
	struct error e = ERROR_INIT;

	assert_int_equal(customize_clean(&ground->site, &e), 0);
}

static void has_unit(struct ground *ground, const char *name, const char *words)
{
	auto_free char *path = xasprintf(UNITS "%s.service", name);
	auto_free char *link = xasprintf(UNITS "basic.target.wants/%s.service", name);
	auto_free char *target = NULL;
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;

	assert_int_equal(root_read(ground->root_fd, path, &text, NULL, &e), 1);
	assert_non_null(strstr(text, words));
	assert_int_equal(root_read_link(ground->root_fd, link, &target, &e), 1);
	assert_string_equal(target, path);
}

static void put_certificate(struct ground *ground)
{
	struct error e = ERROR_INIT;
	auto_close int fd = -1;

	ground_put(ground, "/usr/sbin/make-ssl-cert", "#!/bin/bash\n");
	ground_put(ground, "/etc/ssl/private/ssl-cert-snakeoil.key", "secret");
	ground_put(ground, "/etc/ssl/certs/ssl-cert-snakeoil.pem", "public");
	ground_put(ground, "/etc/ssl/certs/other.pem", "other");
	assert_int_equal(root_open(ground->root_fd, "/etc/ssl/certs", O_RDONLY | O_DIRECTORY, 0, &fd, &e), 0);
	assert_int_equal(symlinkat("ssl-cert-snakeoil.pem", fd, "ce275665.0"), 0);
	assert_int_equal(symlinkat("other.pem", fd, "00000000.0"), 0);
}

static void certificate(void **state)
{
	struct ground *ground = ground_of(state);

	put_certificate(ground);
	clean(ground); /* nobody would make it again */
	ground_expect(ground, "/etc/ssl/private/ssl-cert-snakeoil.key", "secret");
	ground_put(ground, "/lib/systemd/systemd", "");
	clean(ground);
	assert_false(ground_has(ground, "/etc/ssl/private/ssl-cert-snakeoil.key"));
	assert_false(ground_has(ground, "/etc/ssl/certs/ssl-cert-snakeoil.pem"));
	assert_false(ground_has(ground, "/etc/ssl/certs/ce275665.0"));
	assert_true(ground_has(ground, "/etc/ssl/certs/00000000.0"));
	has_unit(ground, "renew-ssl-cert",
		 "ConditionPathExistsGlob=!/etc/ssl/private/ssl-cert-snakeoil.key\n");
}

static void certificate_of_the_recipe(void **state)
{
	struct ground *ground = ground_of(state);
	struct recipe_file file = { .generator = GENERATOR_DUMP,
				    .path = "/etc/ssl/private/ssl-cert-snakeoil.key" };

	ground->recipe.files = &file;
	ground->recipe.file_count = 1;
	ground_put(ground, "/lib/systemd/systemd", "");
	put_certificate(ground);
	clean(ground);
	ground_expect(ground, "/etc/ssl/private/ssl-cert-snakeoil.key", "secret");
	assert_false(ground_has(ground, "/etc/systemd"));
}

static void host_keys(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/lib/systemd/systemd", "");
	ground_put(ground, "/usr/bin/ssh-keygen", "");
	clean(ground); /* a client alone */
	assert_false(ground_has(ground, "/etc/systemd"));
	ground_put(ground, "/usr/sbin/sshd", "");
	clean(ground);
	has_unit(ground, "renew-ssh-host-keys", "ExecStart=/usr/bin/ssh-keygen -A\n");
}

static void host_keys_of_the_package(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/lib/systemd/systemd", "");
	ground_put(ground, "/lib/systemd/system/sshd-keygen.service", "");
	ground_put(ground, "/usr/bin/ssh-keygen", "");
	ground_put(ground, "/usr/sbin/sshd", "");
	clean(ground);
	assert_false(ground_has(ground, "/etc/systemd"));
}

static void clusters(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/lib/systemd/systemd", "");
	ground_put(ground, "/usr/bin/pg_createcluster", "");
	ground_put(ground, "/var/lib/postgresql/15/used/PG_VERSION", "15\n");
	ground_put(ground, "/var/lib/postgresql/15/used/postmaster.opts", "postgres\n");
	clean(ground);
	assert_true(ground_has(ground, "/var/lib/postgresql/15/used/PG_VERSION"));
	assert_false(ground_has(ground, "/etc/systemd"));
	ground_put(ground, "/var/lib/postgresql/15/main/PG_VERSION", "15\n");
	ground_put(ground, "/var/lib/postgresql/15/main/global/pg_control", "x");
	clean(ground);
	assert_true(ground_has(ground, "/var/lib/postgresql/15/used/PG_VERSION"));
	assert_true(ground_has(ground, "/var/lib/postgresql/15/main"));
	assert_false(ground_has(ground, "/var/lib/postgresql/15/main/PG_VERSION"));
	assert_false(ground_has(ground, "/var/lib/postgresql/15/main/global"));
	has_unit(ground, "renew-postgresql", "n=$${n%%/postgresql.conf}");
}

static void databases(void **state)
{
	static const char *const used[] = { "/var/lib/mysql/shop/db.opt",
					    "/var/lib/mysql/multi-master.info" };
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;

	ground_put(ground, "/lib/systemd/systemd", "");
	ground_put(ground, "/usr/bin/mariadb-install-db", "");
	ground_put(ground, "/var/lib/mysql/mysql/user.frm", "x");
	ground_put(ground, "/var/lib/mysql/ibdata1", "x");
	ground_put(ground, "/var/lib/mysql/debian-10.11.flag", "");
	for (size_t i = 0; i < ARRAY_LEN(used); i++) {
		ground_put(ground, used[i], "");
		clean(ground);
		assert_true(ground_has(ground, "/var/lib/mysql/ibdata1"));
		assert_int_equal(root_remove(ground->root_fd, i ? used[i] : "/var/lib/mysql/shop", &e), 0);
	}
	clean(ground);
	assert_false(ground_has(ground, "/var/lib/mysql/mysql"));
	assert_false(ground_has(ground, "/var/lib/mysql/ibdata1"));
	assert_true(ground_has(ground, "/var/lib/mysql/debian-10.11.flag"));
	has_unit(ground, "renew-mariadb", "ConditionPathExistsGlob=!/var/lib/mysql/mysql\n");
}

/* A store with one certificate of TIME_S. */
static void make_store(struct buffer *store, int64_t time_s)
{
	static const char head[] = "\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\2\0\1a";
	static const char tail[] = "\0\5X.509\0\0\0\3abc";
	auto_hash struct hash hash = HASH_INIT;
	unsigned char digest[SHA1_BYTES];

	buffer_add(store, head, sizeof head - 1);
	for (int shift = 56; shift >= 0; shift -= 8)
		buffer_addc(store, (char)(time_s * 1000 >> shift));
	buffer_add(store, tail, sizeof tail - 1);
	hash_start_sha1(&hash);
	hash_add(&hash, "\0c\0h\0a\0n\0g\0e\0i\0tMighty Aphrodite", 32);
	hash_add(&hash, store->data, store->len);
	hash_end_sha1(&hash, digest);
	buffer_add(store, digest, sizeof digest);
}

static void key_store(void **state)
{
	static const char path[] = "/etc/ssl/certs/java/cacerts";
	struct ground *ground = ground_of(state);
	auto_buffer struct buffer late = BUFFER_INIT;
	auto_buffer struct buffer wanted = BUFFER_INIT;
	auto_free char *data = NULL;
	struct error e = ERROR_INIT;
	size_t len;

	make_store(&late, EPOCH_S + 1);
	make_store(&wanted, EPOCH_S);
	ground_put(ground, path, "");
	assert_int_equal(root_write(ground->root_fd, path, late.data, late.len, 0644, 0, 0, &e), 0);
	ground->site.epoch_s = EPOCH_S;
	clean(ground);
	assert_int_equal(root_read(ground->root_fd, path, &data, &len, &e), 1);
	assert_int_equal(len, wanted.len);
	assert_memory_equal(data, wanted.data, len);
}

/* What is cut, or has another byte anywhere, stays as it is; an earlier time does, too. */
static void doubtful_key_stores(void **state)
{
	auto_buffer struct buffer store = BUFFER_INIT;
	auto_buffer struct buffer early = BUFFER_INIT;

	(void)state;
	make_store(&store, EPOCH_S + 1);
	make_store(&early, OLD_S);
	for (size_t len = 0; len < store.len; len++) {
		auto_free unsigned char *copy = xmalloc(len + 1);

		memcpy(copy, store.data, len);
		assert_false(keystore_clamp_times(copy, len, EPOCH_S));
		assert_memory_equal(copy, store.data, len);
	}
	for (size_t i = 0; i < store.len; i++) {
		auto_free unsigned char *copy = xmalloc(store.len);

		memcpy(copy, store.data, store.len);
		copy[i] ^= 0x41;
		assert_false(keystore_clamp_times(copy, store.len, EPOCH_S));
		copy[i] ^= 0x41;
		assert_memory_equal(copy, store.data, store.len);
	}
	auto_free unsigned char *copy = xmalloc(early.len);

	memcpy(copy, early.data, early.len);
	assert_true(keystore_clamp_times(copy, early.len, EPOCH_S));
	assert_memory_equal(copy, early.data, early.len);
}

#define GROUND_TEST(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GROUND_TEST(certificate), GROUND_TEST(certificate_of_the_recipe),
		GROUND_TEST(host_keys),   GROUND_TEST(host_keys_of_the_package),
		GROUND_TEST(clusters),    GROUND_TEST(databases),
		GROUND_TEST(key_store),   cmocka_unit_test(doubtful_key_stores),
	};

	return cmocka_run_group_tests_name("customize renew", tests, NULL, NULL);
}
