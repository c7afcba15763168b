/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is put into a root, and taken away again, where nothing can be mounted over it. Needs root, who makes device
 * nodes; without it every case is skipped.
 */
#include "unit/unit.h"

#include "unit/ground.h"
#include "unit/scratch.h"

#include "sandbox/mounts.h"
#include "sandbox/plain.h"
#include "sandbox/sandbox.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

enum { LONG_AGO = 1000000000 };

static const char own_daemon[] = "the root's own\n";

/* What a root may have in the folders that are moved aside. */
static const struct {
	const char *path;
	mode_t mode;
	uid_t owner;
} own_folders[] = {
	{ "proc", 0555, 0 }, { "sys", 0700, 0 }, { "dev", 0755, 2 }, { "run", 02750, 3 }, { "tmp", 01777, 0 },
};

static void set_old(struct ground *ground, const char *path)
{
	const struct timespec times[2] = { { .tv_sec = LONG_AGO }, { .tv_sec = LONG_AGO } };

	assert_int_equal(utimensat(ground->root_fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void expect_old(struct ground *ground, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(ground->root_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mtim.tv_sec, LONG_AGO);
}

static struct ground *ground_with_folders(void **state)
{
	struct ground *ground = ground_of(state);

	need_host_root();
	for (size_t i = 0; i < ARRAY_LEN(own_folders); i++) {
		auto_free char *file = xasprintf("%s/own-file", own_folders[i].path);

		ground_put(ground, file, own_folders[i].path);
		assert_int_equal(fchownat(ground->root_fd, file, 7, 8, 0), 0);
		assert_int_equal(fchownat(ground->root_fd, own_folders[i].path, own_folders[i].owner, 4, 0),
				 0);
		assert_int_equal(fchmodat(ground->root_fd, own_folders[i].path, own_folders[i].mode, 0), 0);
		set_old(ground, file);
		set_old(ground, own_folders[i].path);
	}
	set_old(ground, ".");
	return ground;
}

static void expect_folders(struct ground *ground)
{
	for (size_t i = 0; i < ARRAY_LEN(own_folders); i++) {
		auto_free char *file = xasprintf("%s/own-file", own_folders[i].path);
		auto_free char *folder = xasprintf("%s/root/%s", ground->folder, own_folders[i].path);
		struct stat st = ground_stat(ground, own_folders[i].path);

		assert_true(S_ISDIR(st.st_mode));
		assert_int_equal(st.st_mode & 07777, own_folders[i].mode);
		assert_int_equal(st.st_uid, own_folders[i].owner);
		assert_int_equal(st.st_gid, 4);
		assert_int_equal(count_entries(folder, ""), 1);
		ground_expect(ground, file, own_folders[i].path);
		st = ground_stat(ground, file);
		assert_int_equal(st.st_uid, 7);
		assert_int_equal(st.st_gid, 8);
		expect_old(ground, file);
		expect_old(ground, own_folders[i].path);
	}
}

/* Beside the root there is what the test has put there. */
static void expect_nothing_aside(struct ground *ground)
{
	assert_int_equal(count_entries(ground->folder, ""), 3);
	ground_outside_is_untouched(ground);
}

static void prepare(struct ground *ground, const struct stand_ins *stand_ins, const char *script,
		    struct plain *plain)
{
	struct error e = ERROR_INIT;

	if (plain_prepare(ground->root_fd, stand_ins, script, plain, &e) < 0) {
		print_error("%s\n", e.text);
		fail();
	}
}

static void finish(struct plain *plain)
{
	struct error e = ERROR_INIT;

	if (plain_finish(plain, &e) < 0) {
		print_error("%s\n", e.text);
		fail();
	}
}

static void expect_entries(struct ground *ground, const char *path, size_t count)
{
	auto_free char *folder = xasprintf("%s/root/%s", ground->folder, path);

	assert_int_equal(count_entries(folder, ""), count);
}

static void expect_devices(struct ground *ground)
{
	for (size_t i = 0; i < inside_device_count; i++) {
		struct stat here;
		struct stat st = ground_stat(ground, inside_devices[i]);

		assert_int_equal(stat(inside_devices[i], &here), 0);
		assert_true(S_ISCHR(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0666);
		assert_true(st.st_rdev == here.st_rdev);
	}
	/* Beside them stdin, stdout, stderr, and three folders. */
	expect_entries(ground, "dev", inside_device_count + 6);
	assert_true(S_ISLNK(ground_stat(ground, "dev/stdout").st_mode));
}

static void folders_are_exchanged(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		size_t count;
	} rows[] = { { "proc", 0555, 0 },     { "sys", 0555, 0 },    { "run", 0755, 1 },
		     { "tmp", 01777, 0 },     { "dev/fd", 0755, 0 }, { "dev/shm", 01777, 0 },
		     { "run/lock", 01777, 0 } };
	struct ground *ground = ground_with_folders(state);
	struct plain plain = PLAIN_INIT;
	mode_t mask = umask(077);

	prepare(ground, &STAND_INS_INIT, NULL, &plain);
	umask(mask);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stat st = ground_stat(ground, rows[i].path);

		assert_int_equal(st.st_mode & 07777, rows[i].mode);
		assert_int_equal(st.st_uid, 0);
		expect_entries(ground, rows[i].path, rows[i].count);
	}
	expect_devices(ground);
	expect_old(ground, ".");
	/* What a program leaves there goes. */
	ground_put(ground, "tmp/deep/below", "x");
	ground_put(ground, "run/lock/x", "x");
	ground_put(ground, "dev/shm/x", "x");
	assert_int_equal(mknodat(ground->root_fd, "dev/x", S_IFCHR | 0600, makedev(1, 3)), 0);
	finish(&plain);
	expect_folders(ground);
	expect_old(ground, ".");
	expect_nothing_aside(ground);
	/* As sandbox_run() does in any case. */
	plain_release(&plain);
	plain_release(&plain);
	expect_folders(ground);
	expect_nothing_aside(ground);
}

static void script_is_a_file(void **state)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";
	struct ground *ground = ground_with_folders(state);
	struct plain plain = PLAIN_INIT;

	prepare(ground, &STAND_INS_INIT, script, &plain);
	ground_expect(ground, INSIDE_SCRIPT_PATH, script);
	assert_int_equal(ground_stat(ground, INSIDE_SCRIPT_PATH).st_mode & 07777, 0700);
	plain_release(&plain);
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* A root with start-stop-daemon in /usr/sbin and initctl in /sbin; *stand_ins is what kiln puts into their place. */
static struct ground *ground_with_stand_ins(void **state, struct stand_ins *stand_ins)
{
	static const char *const paths[] = { "usr/sbin/start-stop-daemon", "sbin/initctl" };
	struct ground *ground = ground_with_folders(state);
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		ground_put(ground, paths[i], own_daemon);
		assert_int_equal(fchownat(ground->root_fd, paths[i], 5, 6, 0), 0);
		assert_int_equal(fchmodat(ground->root_fd, paths[i], 04711, 0), 0);
		set_old(ground, paths[i]);
	}
	set_old(ground, "sbin");
	set_old(ground, ".");
	assert_int_equal(stand_ins_prepare(ground->root_fd, false, stand_ins, &e), 0);
	assert_int_equal(stand_ins->count, 3);
	return ground;
}

static void expect_own(struct ground *ground, const char *path)
{
	struct stat st = ground_stat(ground, path);

	ground_expect(ground, path, own_daemon);
	assert_int_equal(st.st_mode & 07777, 04711);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	expect_old(ground, path);
}

static void expect_stand_in(struct ground *ground, const struct stand_ins *stand_ins, const char *path)
{
	for (size_t i = 0; i < stand_ins->count; i++) {
		if (strcmp(stand_ins->items[i].path, path) != 0)
			continue;
		ground_expect(ground, path, stand_ins->items[i].content);
		assert_int_equal(ground_stat(ground, path).st_mode & 07777, 0755);
		assert_int_equal(ground_stat(ground, path).st_uid, 0);
		return;
	}
	fail_msg("no stand-in for %s", path);
}

static void stand_ins_stand_in(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;
	ino_t number = ground_stat(ground, "sbin/initctl").st_ino;

	prepare(ground, &stand_ins, NULL, &plain);
	expect_stand_in(ground, &stand_ins, "/usr/sbin/policy-rc.d");
	expect_stand_in(ground, &stand_ins, "/usr/sbin/start-stop-daemon");
	expect_stand_in(ground, &stand_ins, "/sbin/initctl");
	expect_old(ground, "sbin");
	/* What is written to one is gone with it. */
	assert_int_equal(fchmodat(ground->root_fd, "sbin/initctl", 0600, 0), 0);
	{
		auto_close int fd = openat(ground->root_fd, "sbin/initctl", O_WRONLY | O_TRUNC | O_CLOEXEC);

		assert_int_equal(write(fd, "x", 1), 1);
	}
	finish(&plain);
	expect_own(ground, "usr/sbin/start-stop-daemon");
	expect_own(ground, "sbin/initctl");
	assert_int_equal(ground_stat(ground, "sbin/initctl").st_ino, number);
	expect_old(ground, "sbin");
	assert_false(ground_has(ground, "usr/sbin/policy-rc.d"));
	plain_release(&plain);
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* As dpkg does it, which renames a new file over the old one. */
static void replaced_stand_ins_stay(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;

	prepare(ground, &stand_ins, NULL, &plain);
	ground_put(ground, "usr/sbin/start-stop-daemon", "a new one\n");
	ground_put(ground, "usr/sbin/policy-rc.d", "a recipe's\n");
	assert_int_equal(unlinkat(ground->root_fd, "sbin/initctl", 0), 0);
	finish(&plain);
	plain_release(&plain);
	stand_ins_release(&stand_ins);
	ground_expect(ground, "usr/sbin/start-stop-daemon", "a new one\n");
	ground_expect(ground, "usr/sbin/policy-rc.d", "a recipe's\n");
	assert_false(ground_has(ground, "sbin/initctl"));
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* As dpkg-divert does it, and usrmerge: the root's own file is what has another name in the end. */
static void renamed_stand_ins_are_followed(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;
	int root_fd = ground->root_fd;

	prepare(ground, &stand_ins, NULL, &plain);
	assert_int_equal(renameat(root_fd, "sbin/initctl", root_fd, "usr/sbin/initctl.distrib"), 0);
	assert_int_equal(symlinkat("/bin/true", root_fd, "sbin/initctl"), 0);
	assert_int_equal(renameat(root_fd, "usr/sbin/start-stop-daemon", root_fd, "sbin/start-stop-daemon"),
			 0);
	assert_int_equal(renameat(root_fd, "usr/sbin/policy-rc.d", root_fd, "sbin/policy-rc.d.bak"), 0);
	finish(&plain);
	plain_release(&plain);
	stand_ins_release(&stand_ins);
	expect_own(ground, "usr/sbin/initctl.distrib");
	expect_own(ground, "sbin/start-stop-daemon");
	assert_true(S_ISLNK(ground_stat(ground, "sbin/initctl").st_mode));
	assert_false(ground_has(ground, "usr/sbin/start-stop-daemon"));
	assert_false(ground_has(ground, "usr/sbin/policy-rc.d"));
	assert_false(ground_has(ground, "sbin/policy-rc.d.bak"));
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* A stand-in below the new /run leaves the root's own alone. */
static void stand_in_in_memory(void **state)
{
	struct ground *ground = ground_with_folders(state);
	struct stand_in item = { .path = (char *)(uintptr_t) "/run/own/resolv.conf",
				 .content = "nameserver 192.0.2.1\n",
				 .len = 21,
				 .mode = 0644,
				 .in_memory = true,
				 .parent_fd = -1,
				 .placeholder_fd = -1 };
	struct stand_ins stand_ins = { &item, 1, NULL };
	struct plain plain = PLAIN_INIT;

	prepare(ground, &stand_ins, NULL, &plain);
	ground_expect(ground, "run/own/resolv.conf", item.content);
	assert_int_equal(ground_stat(ground, "run/own/resolv.conf").st_mode & 07777, 0644);
	finish(&plain);
	plain_release(&plain);
	expect_folders(ground);
	expect_nothing_aside(ground);
}

static void fails_without_a_folder(void **state)
{
	struct ground *ground = ground_with_folders(state);
	struct plain plain = PLAIN_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(renameat(ground->root_fd, "run", ground->root_fd, "away"), 0);
	assert_int_equal(plain_prepare(ground->root_fd, &STAND_INS_INIT, NULL, &plain, &e), -1);
	assert_non_null(strstr(e.text, "'/run'"));
	/* Three have been exchanged by then. */
	assert_false(ground_has(ground, "dev/own-file"));
	plain_release(&plain);
	assert_false(ground_has(ground, "run"));
	assert_int_equal(renameat(ground->root_fd, "away", ground->root_fd, "run"), 0);
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* The second of them is in a folder that there is not. */
static void fails_at_a_stand_in(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;
	struct error e = ERROR_INIT;

	assert_string_equal(stand_ins.items[2].path, "/sbin/initctl");
	assert_int_equal(renameat(ground->root_fd, "sbin", ground->root_fd, "away"), 0);
	assert_int_equal(plain_prepare(ground->root_fd, &stand_ins, NULL, &plain, &e), -1);
	assert_non_null(strstr(e.text, "cannot put a stand-in at '/sbin/initctl'"));
	expect_stand_in(ground, &stand_ins, "/usr/sbin/start-stop-daemon");
	plain_release(&plain);
	expect_own(ground, "usr/sbin/start-stop-daemon");
	expect_own(ground, "away/initctl");
	assert_false(ground_has(ground, "usr/sbin/policy-rc.d"));
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* A link that appears in a stand-in's path after that was resolved is followed inside the root, and leads nowhere. */
static void fails_at_a_link_outside(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(renameat(ground->root_fd, "sbin", ground->root_fd, "away"), 0);
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "sbin"), 0);
	assert_int_equal(plain_prepare(ground->root_fd, &stand_ins, NULL, &plain, &e), -1);
	plain_release(&plain);
	assert_int_equal(unlinkat(ground->root_fd, "sbin", 0), 0);
	assert_int_equal(symlinkat("../outside", ground->root_fd, "sbin"), 0);
	assert_int_equal(plain_prepare(ground->root_fd, &stand_ins, NULL, &plain, &e), -1);
	plain_release(&plain);
	expect_own(ground, "usr/sbin/start-stop-daemon");
	expect_own(ground, "away/initctl");
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* In a mount namespace of its own. */
static int try_read_only(struct ground *ground)
{
	auto_free char *path = xasprintf("%s/root", ground->folder);
	struct plain plain = PLAIN_INIT;
	struct error e = ERROR_INIT;
	auto_close int root_fd = -1;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, path, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 1;
	root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (plain_prepare(root_fd, &STAND_INS_INIT, NULL, &plain, &e) == 0)
		return 2;
	if (!strstr(e.text, "cannot move '/proc' out of the root"))
		return 3;
	plain_release(&plain);
	return plain.root_fd == -1 && plain.aside_fd == -1 ? 0 : 4;
}

static void fails_in_a_read_only_root(void **state)
{
	struct ground *ground = ground_with_folders(state);
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(try_read_only(ground));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* A root's own folders may be links, and a program may put links into the place of the new ones. */
static void links_are_not_followed(void **state)
{
	static const char *const names[] = { "proc", "sys", "dev", "run", "tmp" };
	struct ground *ground = ground_of(state);
	struct plain plain = PLAIN_INIT;
	int root_fd = ground->root_fd;
	char target[64];

	need_host_root();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(symlinkat(i % 2 ? ground->outside : "../outside", root_fd, names[i]), 0);
	prepare(ground, &STAND_INS_INIT, NULL, &plain);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_true(S_ISDIR(ground_stat(ground, names[i]).st_mode));
	ground_outside_is_untouched(ground);
	assert_int_equal(unlinkat(root_fd, "tmp", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("../outside", root_fd, "tmp"), 0);
	assert_int_equal(unlinkat(root_fd, "dev/shm", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat(ground->outside, root_fd, "dev/shm"), 0);
	assert_int_equal(symlinkat("../../outside/witness", root_fd, "run/witness"), 0);
	assert_int_equal(unlinkat(root_fd, "proc", AT_REMOVEDIR), 0);
	finish(&plain);
	plain_release(&plain);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ssize_t len = readlinkat(root_fd, names[i], target, sizeof target - 1);

		assert_true(len > 0);
		target[len] = '\0';
		assert_string_equal(target, i % 2 ? ground->outside : "../outside");
	}
	expect_nothing_aside(ground);
}

/* A program puts a link outside into the place of the folder that a stand-in is in: that goes back where it was. */
static void stand_in_behind_a_link(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;
	int root_fd = ground->root_fd;

	prepare(ground, &stand_ins, NULL, &plain);
	assert_int_equal(renameat(root_fd, "sbin", root_fd, "away"), 0);
	assert_int_equal(symlinkat("../outside", root_fd, "sbin"), 0);
	assert_int_equal(renameat(root_fd, "usr/sbin", root_fd, "usr/away"), 0);
	assert_int_equal(symlinkat(ground->outside, root_fd, "usr/sbin"), 0);
	finish(&plain);
	plain_release(&plain);
	expect_own(ground, "away/initctl");
	expect_own(ground, "usr/away/start-stop-daemon");
	assert_false(ground_has(ground, "usr/away/policy-rc.d"));
	expect_folders(ground);
	expect_nothing_aside(ground);
}

/* What could not be put back is kept until it can. */
static void finish_is_repeated(void **state)
{
	auto_stand_ins struct stand_ins stand_ins = STAND_INS_INIT;
	struct ground *ground = ground_with_stand_ins(state, &stand_ins);
	struct plain plain = PLAIN_INIT;
	struct error e = ERROR_INIT;

	prepare(ground, &stand_ins, NULL, &plain);
	assert_int_equal(renameat(plain.aside_fd, "stand-in.1", ground->top_fd, "hidden"), 0);
	assert_int_equal(plain_finish(&plain, &e), -1);
	assert_non_null(strstr(e.text, "cannot put '/usr/sbin/start-stop-daemon' back"));
	/* All others are in their places. */
	expect_own(ground, "sbin/initctl");
	expect_folders(ground);
	assert_int_equal(count_entries(ground->folder, "aside."), 1);
	assert_int_equal(renameat(ground->top_fd, "hidden", plain.aside_fd, "stand-in.1"), 0);
	plain_release(&plain);
	expect_own(ground, "usr/sbin/start-stop-daemon");
	expect_folders(ground);
	expect_nothing_aside(ground);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
	static const struct CMUnitTest tests[] = {
		CASE(folders_are_exchanged),
		CASE(script_is_a_file),
		CASE(stand_ins_stand_in),
		CASE(replaced_stand_ins_stay),
		CASE(renamed_stand_ins_are_followed),
		CASE(stand_in_in_memory),
		CASE(fails_without_a_folder),
		CASE(fails_at_a_stand_in),
		CASE(fails_at_a_link_outside),
		CASE(fails_in_a_read_only_root),
		CASE(links_are_not_followed),
		CASE(stand_in_behind_a_link),
		CASE(finish_is_repeated),
	};

	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
