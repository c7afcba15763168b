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
			.files = { MADE('5', "./", 0755, NULL), MADE('5', "./usr/", 0755, NULL),
				   MADE('0', "./usr/hello", 0644, "hello, world\n") },
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
	need_rights(); /* by which the test gets other ids */

	struct scene scene;
	unsigned me = geteuid();
	unsigned group = getegid();
	struct made_deb made = {
		.name = "all-kinds",
		.files = {
			MADE('5', "./d/", 01777, NULL, .uid = me, .gid = group, .mtime_s = 1100000000),
			MADE('0', "./d/secret", 0600, "s", .uid = me, .gid = group),
			MADE('0', "./d/setuid", 04755, "s", .uid = me, .gid = group),
			MADE('0', "./d/open", 0666, "s", .uid = me, .gid = group, .mtime_s = 1),
			MADE('1', "./d/again", 0666, "./d/open", .uid = me, .gid = group),
			MADE('2', "./d/link", 0777, "../nowhere", .uid = me, .gid = group),
			MADE('1', "./d/link-again", 0777, "d/link", .uid = me, .gid = group),
			MADE('6', "./d/pipe", 0622, NULL, .uid = me, .gid = group),
			MADE('0', "./d/empty", 0, NULL, .uid = me, .gid = group),
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
	need_host_root(); /* device nodes */

	/* Version 2, effective; CAP_NET_RAW is number 13. */
	static const char caps[20] = { 1, 0, 0, 2, 0, 0x20 };
	static const char acl[] = "user::rw-,user:x:r--:7,group::r--,mask::r--,other::---";
	struct scene scene;
	struct made_deb made = {
		.name = "all-kinds",
		.files = {
			MADE('5', "./d/", 02775, NULL, .gid = 50),
			MADE('0', "./d/theirs", 0640, "s", .uid = 1000, .gid = 8),
			MADE('0', "./d/setgid", 02755, "s", .uid = 7, .gid = 8),
			MADE('2', "./d/link", 0777, "x", .uid = 9, .gid = 9),
			MADE('3', "./d/null", 0666, NULL),
			MADE('0', "./d/caps", 0755, "s", .uid = 3,
			     .pax_key = "SCHILY.xattr.security.capability", .pax_value = caps,
			     .pax_len = sizeof caps),
			MADE('0', "./d/acl", 0640, "s", .pax_key = "SCHILY.acl.access", .pax_value = acl),
			MADE('0', "./d/label", 0640, "s",
			     .pax_key = "SCHILY.xattr.trusted.overlay.opaque", .pax_value = "y"),
			MADE('0', "./d/utf", 0640, "s", .pax_key = "path", .pax_value = "./d/\303\244\303\266"),
			MADE('0', "./d/raw-\344", 0640, "s"),
		},
	};
	char value[64];

	(void)state;
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

static void same_path_twice(void **state)
{
	struct scene scene;
	struct made_deb a = { .name = "aa",
			      .files = { MADE('5', "./usr/", 0755, NULL), MADE('5', "./usr/bin/", 0755, NULL),
					 MADE('0', "./usr/bin/x", 0755, "a") } };
	struct made_deb b = { .name = "bb",
			      .files = { MADE('5', "./bin/", 0755, NULL), MADE('0', "./bin/x", 0755, "b") } };

	(void)state;
	/* B is the larger one and so begun first; that must not show. */
	b.claimed_bytes = 1 << 30;
	scene_open(&scene);
	scene.plan.merged_usr = true;
	scene_prepare(&scene);
	scene_add(&scene, &a);
	scene_add(&scene, &b);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene.e.kind, ERROR_FORMAT);
	assert_non_null(strstr(scene.e.text, "package 'bb' tries to overwrite '"));
	assert_true(is_suffix(scene.e.text, "bin/x', which is also in package 'aa'"));
	scene_close(&scene);
}

/* Of two packages with one path, one replaces the other; in both orders, begun in both orders. */
static void replaced_path(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 8; turn++) {
		struct scene scene;
		struct made_deb winner = { .name = "winner",
					   .fields = "Replaces: other (>= 7), loser (<< 2)\n",
					   .files = { MADE('5', "./d/", 0755, NULL),
						      MADE('0', "./d/x", 0644, "won") } };
		struct made_deb loser = { .name = "loser",
					  .files = { MADE('5', "./d/", 0755, NULL),
						     MADE('0', "./d/x", 0644, "lost"),
						     MADE('0', "./d/y", 0644, "") } };
		const struct made_deb *order[2] = { &winner, &loser };

		if (turn & 1)
			order[0] = &loser, order[1] = &winner;
		(turn & 2 ? &winner : &loser)->claimed_bytes = 1 << 30;
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, order[0]);
		/* At once, or one in an earlier round. */
		if (turn & 4)
			assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		scene_add(&scene, order[1]);
		assert_int_equal(scene_unpack(&scene, turn & 4 ? 1 : 0, DEB_CONFFILES_DIRECT), 0);
		assert_text(&scene, "/d/x", "won");
		assert_text(&scene, "/var/lib/dpkg/info/winner.list", "/d\n/d/x\n");
		assert_text(&scene, "/var/lib/dpkg/info/loser.list", "/d\n/d/y\n");
		scene_close(&scene);
	}
}

static void replaced_in_another_version(void **state)
{
	struct scene scene;
	struct made_deb a = { .name = "aa", .version = "2.0", .files = { MADE('0', "./x", 0644, "a") } };
	struct made_deb b = { .name = "bb",
			      .fields = "Replaces: aa (<< 2)\n",
			      .files = { MADE('0', "./x", 0644, "b") } };

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &a);
	scene_add(&scene, &b);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene.e.kind, ERROR_FORMAT);
	scene_close(&scene);
}

static void folder_against_file(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 4; turn++) {
		struct scene scene;
		struct made_deb a = { .name = "aa", .files = { MADE('5', "./x/", 0755, NULL) } };
		struct made_deb b = { .name = "bb", .files = { MADE('0', "./x", 0644, "b") } };

		(turn & 1 ? &a : &b)->claimed_bytes = 1 << 30;
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &a);
		if (turn & 2)
			assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		scene_add(&scene, &b);
		assert_int_equal(scene_unpack(&scene, turn & 2 ? 1 : 0, DEB_CONFFILES_DIRECT), -1);
		assert_true(is_suffix(scene.e.text,
				      "package 'bb' tries to overwrite '/x', which is also in package 'aa'"));
		scene_close(&scene);
	}
}

/* A folder of several packages is as the first of them has it, whoever came first in time. */
static void shared_folder(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 3; turn++) {
		struct scene scene;
		struct made_deb a = { .name = "aa", .files = { MADE('0', "./d/deep/file", 0644, "") } };
		struct made_deb b = { .name = "bb",
				      .files = { MADE('5', "./d/", 0700, NULL, .mtime_s = 5),
						 MADE('5', "./d/deep/", 0711, NULL, .mtime_s = 6) } };
		struct made_deb c = { .name = "cc",
				      .files = { MADE('5', "./d/", 0755, NULL),
						 MADE('5', "./d/deep/", 0777, NULL) } };
		struct made_deb *debs[3] = { &a, &b, &c };

		debs[turn]->claimed_bytes = 1 << 30;
		scene_open(&scene);
		scene_prepare(&scene);
		for (size_t i = 0; i < 3; i++)
			scene_add(&scene, debs[i]);
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		assert_int_equal(scene_stat(&scene, "/d").st_mode, S_IFDIR | 0700);
		assert_int_equal(scene_stat(&scene, "/d").st_mtime, 5);
		assert_int_equal(scene_stat(&scene, "/d/deep").st_mode, S_IFDIR | 0711);
		assert_text(&scene, "/var/lib/dpkg/info/aa.list", "/d/deep/file\n");
		scene_close(&scene);
	}
}

static void folder_stays_in_later_round(void **state)
{
	struct scene scene;
	struct made_deb a = { .name = "aa", .files = { MADE('5', "./d/", 0711, NULL) } };
	struct made_deb b = { .name = "bb",
			      .files = { MADE('5', "./d/", 0755, NULL), MADE('2', "./l", 0777, "d") } };
	struct made_deb c = { .name = "cc",
			      .files = { MADE('5', "./l/", 0700, NULL), MADE('0', "./l/f", 0644, "f") } };

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	for (size_t i = 0; i < 3; i++) {
		scene_add(&scene, i == 0 ? &a : i == 1 ? &b : &c);
		assert_int_equal(scene_unpack(&scene, i, DEB_CONFFILES_NEW), 0);
	}
	assert_int_equal(scene_stat(&scene, "/d").st_mode, S_IFDIR | 0711);
	assert_true(S_ISLNK(scene_stat(&scene, "/l").st_mode));
	assert_text(&scene, "/d/f", "f");
	assert_text(&scene, "/var/lib/dpkg/info/bb.list", "/d\n/l\n");
	assert_text(&scene, "/var/lib/dpkg/info/cc.list", "/l\n/l/f\n");
	scene_close(&scene);
}

/* One package has a link where another has a folder: who is first in the plan says what it becomes. */
static void link_against_folder(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 4; turn++) {
		struct scene scene;
		struct made_deb link = {
			.name = "link",
			.files = { MADE('5', "./real/", 0755, NULL), MADE('0', "./real/own", 0644, ""),
				   MADE('5', "./real/sub/", 0755, NULL), MADE('2', "./x", 0777, "real") }
		};
		struct made_deb folder = {
			.name = "folder",
			.files = { MADE('5', "./x/", 0755, NULL), MADE('0', "./x/f", 0644, "f"),
				   MADE('5', "./x/sub/", 0755, NULL), MADE('0', "./x/sub/g", 0644, "g") }
		};
		bool link_first = turn & 1;

		(turn & 2 ? &link : &folder)->claimed_bytes = 1 << 30;
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, link_first ? &link : &folder);
		scene_add(&scene, link_first ? &folder : &link);
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		assert_int_equal(S_ISLNK(scene_stat(&scene, "/x").st_mode), link_first);
		assert_text(&scene, "/x/f", "f");
		assert_text(&scene, "/x/sub/g", "g");
		assert_int_equal(scene_has(&scene, "/real/f"), link_first);
		assert_text(&scene, "/var/lib/dpkg/info/folder.list", "/x\n/x/f\n/x/sub\n/x/sub/g\n");
		assert_text(&scene, "/var/lib/dpkg/info/link.list", "/real\n/real/own\n/real/sub\n/x\n");
		scene_close(&scene);
	}
}

static void existing_files_give_way(void **state)
{
	struct scene scene;
	struct made_deb a = {
		.name = "aa",
		.files = { MADE('0', "./file", 0644, "new"), MADE('0', "./was-link", 0644, "new"),
			   MADE('0', "./was-folder", 0644, "new"), MADE('5', "./was-file/", 0755, NULL),
			   MADE('2', "./kept/", 0777, "file"), MADE('2', "./was-wrong-link", 0777, "file") }
	};

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	assert_int_equal(root_write_text(scene.root_fd, "/file", "old", &scene.e), 0);
	assert_int_equal(root_write_text(scene.root_fd, "/target", "old", &scene.e), 0);
	assert_int_equal(symlinkat("target", scene.root_fd, "was-link"), 0);
	assert_int_equal(symlinkat("nowhere", scene.root_fd, "was-wrong-link"), 0);
	assert_int_equal(root_make_dirs(scene.root_fd, "/was-folder/deep", 0755, &scene.e), 0);
	assert_int_equal(root_make_dirs(scene.root_fd, "/kept", 0755, &scene.e), 0);
	assert_int_equal(root_write_text(scene.root_fd, "/was-file", "old", &scene.e), 0);
	scene_add(&scene, &a);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_text(&scene, "/file", "new");
	assert_text(&scene, "/was-link", "new");
	assert_text(&scene, "/was-folder", "new");
	assert_text(&scene, "/target", "old");
	assert_text(&scene, "/was-wrong-link", "new");
	assert_true(S_ISDIR(scene_stat(&scene, "/was-file").st_mode));
	assert_true(S_ISDIR(scene_stat(&scene, "/kept").st_mode));
	scene_close(&scene);
}

static void two_architectures(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 4; turn++) {
		struct scene scene;
		struct made_deb amd64 = { .name = "lib",
					  .architecture = "amd64",
					  .fields = "Multi-Arch: same\n",
					  .files = { MADE('0', "./doc", 0644, "same"),
						     MADE('2', "./link", 0777, "doc") } };
		struct made_deb i386 = amd64;
		bool differ = turn & 1;

		i386.architecture = "i386";
		if (differ)
			i386.files[turn & 2 ? 0 : 1].text = "else";
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &amd64);
		scene_add(&scene, &i386);
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), differ ? -1 : 0);
		if (differ)
			assert_non_null(strstr(scene.e.text, "different from other instances"));
		else
			assert_text(&scene, "/var/lib/dpkg/info/lib:i386.list", "/doc\n/link\n");
		scene_close(&scene);
	}
}

static void diverted(void **state)
{
	struct scene scene;
	struct made_deb a = { .name = "aa",
			      .files = { MADE('0', "./bin-x", 0755, "a"), MADE('2', "./bin-l", 0777, "bin-x"),
					 MADE('1', "./bin-h", 0755, "./bin-x") } };
	struct made_deb b = { .name = "bb", .files = { MADE('0', "./bin-x", 0755, "b") } };
	struct made_deb c = { .name = "cc", .files = { MADE('0', "./bin-x.aside", 0755, "c") } };

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	assert_int_equal(root_write_text(scene.root_fd, "/var/lib/dpkg/diversions",
					 "/bin-x\n/bin-x.aside\nbb\n/bin-l\n/bin-m\n:\n", &scene.e),
			 0);
	assert_int_equal(root_write_text(scene.root_fd, "/etc-less", "", &scene.e), 0);
	scene_add(&scene, &a);
	scene_add(&scene, &b);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_text(&scene, "/bin-x", "b");
	assert_text(&scene, "/bin-x.aside", "a");
	assert_text(&scene, "/bin-h", "a");
	assert_true(scene_has(&scene, "/bin-m"));
	assert_false(scene_has(&scene, "/bin-l"));
	assert_text(&scene, "/var/lib/dpkg/info/aa.list", "/bin-x\n/bin-h\n/bin-l\n");
	scene_add(&scene, &c);
	assert_int_equal(scene_unpack(&scene, 2, DEB_CONFFILES_DIRECT), -1);
	assert_non_null(strstr(scene.e.text, "'/bin-x.aside' is where '/bin-x' was diverted to by bb"));
	scene_close(&scene);
}

static void overridden(void **state)
{
	struct scene scene;
	struct made_deb a = { .name = "aa",
			      .files = { MADE('0', "./x", 0755, "a"), MADE('5', "./d/", 0755, NULL),
					 MADE('0', "./named", 0644, "", .gid = 5, .owner = "us") } };

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	assert_int_equal(root_make_dirs(scene.root_fd, "/etc", 0755, &scene.e), 0);
	assert_int_equal(
		root_write_text(scene.root_fd, "/etc/passwd", "root:x:0:0::/:\nme:x:77:1::/:\n", &scene.e),
		0);
	assert_int_equal(root_write_text(scene.root_fd, "/etc/group", "root:x:0:\nus:x:78:\n", &scene.e), 0);
	assert_int_equal(root_write_text(scene.root_fd, "/var/lib/dpkg/statoverride",
					 "me us 4750 /x\n#5 root 1777 /d\n", &scene.e),
			 0);
	scene_add(&scene, &a);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	/* A name that the root knows is worth more than a number. */
	assert_int_equal(scene_stat(&scene, "/named").st_uid, 0);
	assert_int_equal(scene_stat(&scene, "/named").st_gid, 78);
	assert_int_equal(scene_stat(&scene, "/x").st_uid, 77);
	assert_int_equal(scene_stat(&scene, "/x").st_gid, 78);
	assert_int_equal(scene_stat(&scene, "/x").st_mode, S_IFREG | 04750);
	assert_int_equal(scene_stat(&scene, "/d").st_uid, 5);
	assert_int_equal(scene_stat(&scene, "/d").st_mode, S_IFDIR | 01777);
	assert_int_equal(
		root_write_text(scene.root_fd, "/var/lib/dpkg/statoverride", "who us 4750 /x\n", &scene.e),
		0);
	scene_add(&scene, &(struct made_deb) { .name = "bb" });
	assert_int_equal(scene_unpack(&scene, 1, DEB_CONFFILES_DIRECT), -1);
	assert_non_null(strstr(scene.e.text, "user 'who' or group 'us' is not known"));
	scene_close(&scene);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec),
		cmocka_unit_test(attributes),
		cmocka_unit_test(attributes_of_root),
		cmocka_unit_test(same_path_twice),
		cmocka_unit_test(replaced_path),
		cmocka_unit_test(replaced_in_another_version),
		cmocka_unit_test(folder_against_file),
		cmocka_unit_test(shared_folder),
		cmocka_unit_test(folder_stays_in_later_round),
		cmocka_unit_test(link_against_folder),
		cmocka_unit_test(existing_files_give_way),
		cmocka_unit_test(two_architectures),
		cmocka_unit_test(diverted),
		cmocka_unit_test(overridden),
	};

	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
