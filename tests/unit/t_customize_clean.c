/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ground.h"

static const char machine_id[] = "0123456789abcdef0123456789abcdef\n";

/* What one path holds before cleaning and must hold after it; NULL: it is gone. */
struct fate {
	const char *path;
	const char *before;
	const char *after;
};

/* One for every row of the table, and neighbours that look alike and stay. */
static const struct fate fates[] = {
	{ "/etc/.resolv.conf.systemd-resolved.bak", "nameserver 192.0.2.1\n", NULL },
	{ "/etc/resolv.conf", "nameserver 192.0.2.77\n", "nameserver 192.0.2.77\n" },
	{ "/etc/hostname", "not-the-name-of-any-host.invalid\n", "not-the-name-of-any-host.invalid\n" },
	{ "/etc/machine-id", machine_id, "" },
	{ "/var/lib/dbus/machine-id", machine_id, NULL },
	{ "/etc/ssh/ssh_host_ed25519_key", "secret", NULL },
	{ "/etc/ssh/ssh_host_ed25519_key.pub", "public", NULL },
	{ "/etc/ssh/ssh_config", "Host *\n", "Host *\n" },
	{ "/etc/ssh/ssh_host_key_notes", "x", "x" },
	{ "/var/lib/systemd/random-seed", "r", NULL },
	{ "/var/lib/systemd/credential.secret", "r", NULL },
	{ "/var/lib/systemd/catalog/database", "c", "c" },
	{ "/var/lib/urandom/random-seed", "r", NULL },
	{ "/var/cache/apt/archives/vim_9.deb", "deb", NULL },
	{ "/var/cache/apt/archives/lock", "", NULL },
	{ "/var/cache/apt/archives/partial/x_1.deb", "deb", NULL },
	{ "/var/cache/apt/pkgcache.bin", "b", NULL },
	{ "/var/cache/apt/srcpkgcache.bin", "b", NULL },
	{ "/var/lib/apt/extended_states", "Package: x\n", "Package: x\n" },
	{ "/var/lib/apt/periodic/update-stamp", "", NULL },
	{ "/var/lib/dpkg/status", "Package: x\n", "Package: x\n" },
	{ "/var/lib/dpkg/status-old", "Package: x\n", NULL },
	{ "/var/lib/dpkg/lock", "", NULL },
	{ "/var/lib/dpkg/lock-frontend", "", NULL },
	{ "/var/lib/dpkg/triggers/Lock", "", NULL },
	{ "/var/lib/dpkg/triggers/File", "/x y\n", "/x y\n" },
	{ "/var/lib/dpkg/tmp.ci/control", "x", NULL },
	{ "/var/lib/dpkg/info/lockfile.list", "/.\n", "/.\n" },
	{ "/var/lib/dpkg/updates/0001", "x", "x" },
	{ "/var/cache/debconf/config.dat", "x", "x" },
	{ "/var/cache/debconf/config.dat-old", "x", NULL },
	{ "/etc/passwd", "root:x:0:0::/:\n", "root:x:0:0::/:\n" },
	{ "/etc/passwd-", "root:x:0:0::/:\n", NULL },
	{ "/etc/dir-/file", "x", "x" },
	{ "/etc/.pwd.lock", "", NULL },
	{ "/etc/shadow", "root:*:19999:0:99999:7:::\na:!:30000::::::\nb:!::::::\nnobody:*:99\nx\n",
	  "root:*:19999:0:99999:7:::\na:!:20000::::::\nb:!::::::\nnobody:*:99\nx\n" },
	{ "/var/cache/ldconfig/aux-cache", "x", NULL },
	{ "/var/log/alternatives.log", "x", NULL },
	{ "/var/log/apt/history.log", "x", NULL },
	{ "/var/log/bootstrap.log", "x", NULL },
	{ "/var/log/dpkg.log", "x", NULL },
	{ "/var/log/fontconfig.log", "x", NULL },
	{ "/var/log/wtmp", "record", "" },
	{ "/var/log/postgresql/server/main.log", "x", "" },
	{ "/root/.bash_history", "rm -rf\n", NULL },
	{ "/root/.lesshst", "x", NULL },
	{ "/root/.viminfo", "x", NULL },
	{ "/root/.wget-hsts", "x", NULL },
	{ "/root/.profile", "x", "x" },
	{ "/tmp/a/b", "x", NULL },
	{ "/tmp/.X11-unix/x", "x", NULL },
	{ "/var/tmp/c", "x", NULL },
	{ "/run/a/b", "x", NULL },
	{ "/run/lock/subsys/x", "x", NULL },
	{ "/dev/null", "a file that a script made", NULL },
	{ "/usr/share/python/__pycache__/x.pyc", "x", "x" },
	{ "/usr/lib/x-", "x", "x" },
};

/* These wait for packages.cleanup. */
static const char *const lists[] = {
	"/var/lib/apt/lists/lock",
	"/var/lib/apt/lists/deb.example_dists_x_InRelease",
	"/var/lib/apt/lists/partial/deb.example_dists_x_main.xz",
	"/var/lib/apt/lists/auxfiles/x",
};

static void clean(struct ground *ground)
{
	struct error e = ERROR_INIT;

	ground->site.epoch_s = 20000 * 86400LL + 5;
	if (customize_clean(&ground->site, &e) < 0)
		fail_msg("%s", e.text);
}

static void each_row_acts(void **state)
{
	struct ground *ground = ground_of(state);

	for (size_t i = 0; i < ARRAY_LEN(fates); i++)
		ground_put(ground, fates[i].path, fates[i].before);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		ground_put(ground, lists[i], "x");
	clean(ground);
	for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
		if (fates[i].after)
			ground_expect(ground, fates[i].path, fates[i].after);
		else if (ground_has(ground, fates[i].path))
			fail_msg("%s is still there", fates[i].path);
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		assert_true(ground_has(ground, lists[i]));
	ground->recipe.packages.cleanup = true;
	clean(ground);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		assert_false(ground_has(ground, lists[i]));
	/* Folders that packages ship stay. */
	assert_true(ground_has(ground, "/var/lib/apt/lists/partial"));
	assert_true(ground_has(ground, "/var/cache/apt/archives/partial"));
	assert_true(ground_has(ground, "/var/log/apt"));
	assert_false(ground_has(ground, "/var/lib/apt/lists/auxfiles"));
	assert_false(ground_has(ground, "/run/lock"));
	assert_false(ground_has(ground, "/run/a"));
	assert_false(ground_has(ground, "/tmp/a"));
	assert_true(ground_has(ground, "/tmp"));
	assert_true(ground_has(ground, "/dev"));
}

static void access_survives(void **state)
{
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;
	struct stat st;

	ground_put(ground, "/var/log/x", "");
	ground_put(ground, "/etc/x", "");
	assert_int_equal(root_write(ground->root_fd, "/var/log/btmp", "r", 1, 0660, 0, 43, &e), 0);
	assert_int_equal(root_write(ground->root_fd, "/etc/shadow", "a:*:30000:\n", 11, 0640, 0, 42, &e), 0);
	clean(ground);
	st = ground_stat(ground, "/var/log/btmp");
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, 43);
	st = ground_stat(ground, "/etc/shadow");
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_gid, 42);
}

static void var_lock_leads_somewhere(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/var/lib/x", "x");
	ground_put(ground, "/run/lock/subsys/x", "x");
	assert_int_equal(symlinkat("/run/lock", ground->root_fd, "var/lock"), 0);
	clean(ground);
	assert_false(ground_has(ground, "/run/lock/subsys"));
	assert_int_equal(ground_stat(ground, "/run/lock").st_mode, S_IFDIR | 01777);
}

static void without_a_date_shadow_stays(void **state)
{
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;

	ground_put(ground, "/etc/shadow", "a:*:30000:\n");
	assert_int_equal(customize_clean(&ground->site, &e), 0);
	ground_expect(ground, "/etc/shadow", "a:*:30000:\n");
}

static void recipe_has_its_way(void **state)
{
	struct ground *ground = ground_of(state);
	struct recipe_file files[] = {
		{ .generator = GENERATOR_DUMP, .path = "/etc//machine-id" },
		{ .generator = GENERATOR_COPY, .path = "/var/lib/dbus/machine-id", .source = "x" },
	};

	ground_put(ground, "/etc/machine-id", machine_id);
	ground_put(ground, "/var/lib/dbus/machine-id", machine_id);
	ground->recipe.files = files;
	ground->recipe.file_count = ARRAY_LEN(files);
	clean(ground);
	ground_expect(ground, "/etc/machine-id", machine_id);
	ground_expect(ground, "/var/lib/dbus/machine-id", machine_id);
}

static void uninitialized_stays(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/etc/machine-id", "uninitialized\n");
	assert_int_equal(root_make_dirs(ground->root_fd, "/var/lib/dbus", 0755, &(struct error) { 0 }), 0);
	assert_int_equal(symlinkat("/etc/machine-id", ground->root_fd, "var/lib/dbus/machine-id"), 0);
	clean(ground);
	ground_expect(ground, "/etc/machine-id", "uninitialized\n");
	assert_true(S_ISLNK(ground_stat(ground, "/var/lib/dbus/machine-id").st_mode));
}

/* The same file as on the machine that runs the tests, and then as the recipe's own. */
static void expect_host_file_goes(struct ground *ground, const char *path)
{
	struct recipe_file own = { .generator = GENERATOR_DUMP, .path = path };
	struct error e = ERROR_INIT;
	auto_free char *host = NULL;
	size_t len = 0;

	if (file_read(AT_FDCWD, path, 65536, &host, &len, &e) < 0 || text_trim(text_of(host)).len == 0)
		skip();
	ground_put(ground, path, host);
	ground->recipe.file_count = 0;
	clean(ground);
	assert_false(ground_has(ground, path));
	ground_put(ground, path, host);
	ground->recipe.files = &own;
	ground->recipe.file_count = 1;
	clean(ground);
	ground_expect(ground, path, host);
}

static void host_resolv_conf_goes(void **state)
{
	expect_host_file_goes(ground_of(state), "/etc/resolv.conf");
}

static void host_name_goes(void **state)
{
	expect_host_file_goes(ground_of(state), "/etc/hostname");
}

static void hostile_root(void **state)
{
	struct ground *ground = ground_of(state);
	auto_free char *witness = xasprintf("%s/witness", ground->outside);

	ground_put(ground, "/bin/tool", "x");
	ground_put(ground, "/var/lib/x", "x");
	/* Folders replaced by links: outward, upward and to others of the root. */
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "tmp"), 0);
	assert_int_equal(symlinkat("../../../../../../..", ground->root_fd, "dev"), 0);
	assert_int_equal(symlinkat("/bin", ground->root_fd, "run"), 0);
	assert_int_equal(symlinkat("../bin", ground->root_fd, "var/log"), 0);
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "var/tmp"), 0);
	assert_int_equal(symlinkat("cache", ground->root_fd, "var/cache"), 0);
	assert_int_equal(mkdirat(ground->root_fd, "etc", 0755), 0);
	assert_int_equal(symlinkat(witness, ground->root_fd, "etc/machine-id"), 0);
	assert_int_equal(symlinkat(witness, ground->root_fd, "etc/shadow"), 0);
	assert_int_equal(symlinkat(witness, ground->root_fd, "etc/passwd-"), 0);
	clean(ground);
	ground_outside_is_untouched(ground);
	ground_expect(ground, "/bin/tool", "x");
	assert_false(ground_has(ground, "/etc/passwd-"));
}

static void log_with_two_names(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/bin/tool", "x");
	ground_put(ground, "/var/log/x", "x");
	assert_int_equal(linkat(ground->root_fd, "bin/tool", ground->root_fd, "var/log/tool", 0), 0);
	clean(ground);
	ground_expect(ground, "/bin/tool", "x");
	ground_expect(ground, "/var/log/tool", "");
}

/* A package brings a binary format: the unit that would register it has to leave that to the host. */
static void formats_of_the_kernel(void **state)
{
	static const char added[] = "/etc/systemd/system/systemd-binfmt.service.d/container.conf";
	struct ground *ground = ground_of(state);

	ground_put(ground, "/lib/systemd/system/systemd-binfmt.service", "[Unit]\n");
	clean(ground);
	assert_false(ground_has(ground, added)); /* nobody needs it, and no image changes for it */
	ground_put(ground, "/usr/lib/binfmt.d/python3.11.conf", ":python3.11:M::\\x00:::\n");
	clean(ground);
	ground_expect(ground, added, "[Unit]\nConditionVirtualization=!container\n");
	ground_put(ground, added, "of the recipe\n");
	clean(ground);
	ground_expect(ground, added, "of the recipe\n");
}

static void formats_without_systemd(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/usr/lib/binfmt.d/python3.11.conf", "x");
	clean(ground);
	assert_false(ground_has(ground, "/etc/systemd"));
}

#define GROUND_TEST(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GROUND_TEST(each_row_acts),         GROUND_TEST(access_survives),
		GROUND_TEST(recipe_has_its_way),    GROUND_TEST(without_a_date_shadow_stays),
		GROUND_TEST(uninitialized_stays),   GROUND_TEST(host_name_goes),
		GROUND_TEST(host_resolv_conf_goes), GROUND_TEST(hostile_root),
		GROUND_TEST(log_with_two_names),    GROUND_TEST(var_lock_leads_somewhere),
		GROUND_TEST(formats_of_the_kernel), GROUND_TEST(formats_without_systemd),
	};

	return cmocka_run_group_tests_name("customize clean", tests, NULL, NULL);
}
