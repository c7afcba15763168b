/* SPDX-License-Identifier: Apache-2.0 */
/* Packages into a root: what comes out, who wins where two meet, and what hostile ones can not do. */
#include "unit/unit.h"

#include "unit/deb_maker.h"

#include <sys/xattr.h>

static void every_codec(void **state)
{
	static const char *const suffixes[] = { "", ".gz", ".xz", ".zst", ".bz2", ".lzma" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		struct scene scene;
		struct made_deb made = {
			.name = "hello",
			.suffix = suffixes[i],
			.old_dialect = i % 2,
			.files = { { '5', "./", 0755 },
				   { '5', "./usr/", 0755 },
				   { '0', "./usr/hello", 0644, "hello, world\n" } },
		};

		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		assert_text(&scene, "/usr/hello", "hello, world\n");
		assert_text(&scene, "/var/lib/dpkg/info/hello.list", "/.\n/usr\n/usr/hello\n");
		assert_text(&scene, "/var/lib/dpkg/info/hello.md5sums",
			    "22c3683b094136c3398391ae71b20f04  usr/hello\n");
		scene_close(&scene);
	}
}

static void attributes(void **state)
{
	struct scene scene;
	unsigned me = geteuid();
	unsigned group = getegid();
	struct made_deb made = {
		.name = "all-kinds",
		.files = {
			{ '5', "./d/", 01777, .uid = me, .gid = group, .mtime_s = 1100000000 },
			{ '0', "./d/secret", 0600, "s", .uid = me, .gid = group },
			{ '0', "./d/setuid", 04755, "s", .uid = me, .gid = group },
			{ '0', "./d/open", 0666, "s", .uid = me, .gid = group, .mtime_s = 1 },
			{ '1', "./d/again", 0666, "./d/open", .uid = me, .gid = group },
			{ '2', "./d/link", 0777, "../nowhere", .uid = me, .gid = group },
			{ '1', "./d/link-again", 0777, "d/link", .uid = me, .gid = group },
			{ '6', "./d/pipe", 0622, .uid = me, .gid = group },
			{ '0', "./d/empty", 0, .uid = me, .gid = group },
		},
	};
	mode_t mask = umask(077);
	struct stat st;
	char text[32] = "";

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_int_equal(umask(mask), 077);
	st = scene_stat(&scene, "/d");
	assert_int_equal(st.st_mode, S_IFDIR | 01777);
	assert_int_equal(st.st_mtime, 1100000000);
	assert_int_equal(scene_stat(&scene, "/d/secret").st_mode, S_IFREG | 0600);
	assert_int_equal(scene_stat(&scene, "/d/setuid").st_mode, S_IFREG | 04755);
	assert_int_equal(scene_stat(&scene, "/d/open").st_mode, S_IFREG | 0666);
	assert_int_equal(scene_stat(&scene, "/d/open").st_mtime, 1);
	assert_int_equal(scene_stat(&scene, "/d/open").st_ino, scene_stat(&scene, "/d/again").st_ino);
	assert_int_equal(scene_stat(&scene, "/d/link").st_ino, scene_stat(&scene, "/d/link-again").st_ino);
	assert_int_equal(scene_stat(&scene, "/d/link").st_mtime, 1000000000);
	assert_int_equal(readlinkat(scene.root_fd, "d/link", text, sizeof text), 10);
	assert_string_equal(text, "../nowhere");
	assert_int_equal(scene_stat(&scene, "/d/pipe").st_mode, S_IFIFO | 0622);
	assert_int_equal(scene_stat(&scene, "/d/empty").st_mode, S_IFREG);
	assert_int_equal(scene_stat(&scene, "/var/lib/dpkg/info/all-kinds.list").st_mode, S_IFREG | 0644);
	scene_close(&scene);
}

static ssize_t attribute(struct scene *scene, const char *path, const char *name, char value[64])
{
	auto_free char *whole = xasprintf("%s/%s", scene->folder, path);

	return lgetxattr(whole, name, value, 64);
}

static void attributes_of_root(void **state)
{
	/* Version 2, effective; CAP_NET_RAW is number 13. */
	static const char caps[20] = { 1, 0, 0, 2, 0, 0x20 };
	static const char acl[] = "user::rw-,user:x:r--:7,group::r--,mask::r--,other::---";
	struct scene scene;
	struct made_deb made = {
		.name = "all-kinds",
		.files = {
			{ '5', "./d/", 02775, .gid = 50 },
			{ '0', "./d/theirs", 0640, "s", .uid = 1000, .gid = 8 },
			{ '0', "./d/setgid", 02755, "s", .uid = 7, .gid = 8 },
			{ '2', "./d/link", 0777, "x", .uid = 9, .gid = 9 },
			{ '3', "./d/null", 0666 },
			{ '0', "./d/caps", 0755, "s", .uid = 3, .pax_key = "SCHILY.xattr.security.capability",
			  .pax_value = caps, .pax_len = sizeof caps },
			{ '0', "./d/acl", 0640, "s", .pax_key = "SCHILY.acl.access", .pax_value = acl },
			{ '0', "./d/label", 0640, "s", .pax_key = "SCHILY.xattr.trusted.overlay.opaque",
			  .pax_value = "y" },
			{ '0', "./d/utf", 0640, "s", .pax_key = "path", .pax_value = "./d/\303\244\303\266" },
			{ '0', "./d/raw-\344", 0640, "s" },
		},
	};
	char value[64];

	(void)state;
	if (geteuid() != 0)
		skip();
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_int_equal(scene_stat(&scene, "/d").st_mode, S_IFDIR | 02775);
	assert_int_equal(scene_stat(&scene, "/d").st_gid, 50);
	assert_int_equal(scene_stat(&scene, "/d/theirs").st_uid, 1000);
	assert_int_equal(scene_stat(&scene, "/d/theirs").st_gid, 8);
	assert_int_equal(scene_stat(&scene, "/d/setgid").st_mode, S_IFREG | 02755);
	assert_int_equal(scene_stat(&scene, "/d/link").st_uid, 9);
	assert_int_equal(scene_stat(&scene, "/d/null").st_rdev, 0x103);
	assert_int_equal(scene_stat(&scene, "/d/acl").st_gid, 0);
	assert_int_equal(attribute(&scene, "d/caps", "security.capability", value), sizeof caps);
	assert_memory_equal(value, caps, sizeof caps);
	assert_int_equal(attribute(&scene, "d/acl", "system.posix_acl_access", value), 4 + 5 * 8);
	assert_int_equal(value[4 + 8], 2);
	assert_int_equal(value[4 + 8 + 4], 7);
	assert_int_equal(attribute(&scene, "d/label", "trusted.overlay.opaque", value), -1);
	/* Names are bytes, whatever the locale and whatever they mean. */
	assert_true(scene_has(&scene, "/d/\303\244\303\266"));
	assert_true(scene_has(&scene, "/d/raw-\344"));
	scene_close(&scene);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec),
		cmocka_unit_test(attributes),
		cmocka_unit_test(attributes_of_root),
	};

	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
