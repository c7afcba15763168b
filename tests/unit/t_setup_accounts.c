/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups in small roots, hostile ones among them. */
#include "unit/setup_cases.h"

#include "base/limits.h"

#define PASSWD "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
#define GROUP  "root:x:0:\ndaemon:x:1:\nsudo:x:27:\n"
#define SHADOW "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n"

static struct ground *start(void **state)
{
	struct ground *ground = ground_of(state);

	ground->site.epoch_s = 1700000000; /* day 19675 */
	ground_put(ground, "/etc/passwd", PASSWD);
	ground_put(ground, "/etc/group", GROUP);
	ground_put(ground, "/etc/shadow", SHADOW);
	return ground;
}

static int parts(const struct customize_site *site, struct error *e)
{
	return customize_setup(site, CUSTOMIZE_ACCOUNTS, e);
}

/* The last line of a file. */
static void expect_last(struct ground *ground, const char *path, const char *line)
{
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;
	auto_free char *end = xasprintf("\n%s\n", line);

	assert_int_equal(root_read(ground->root_fd, path, &data, NULL, &e), 1);
	if (!is_suffix(data, end))
		fail_msg("%s does not end in '%s': %s", path, line, data);
}

static void user_with_everything(void **state)
{
	struct ground *ground = start(state);
	struct stat st;

	ground_put(ground, "/etc/gshadow", "root:*::\ndaemon:*::\nsudo:*::\n");
	ground_put(ground, "/etc/subuid", "");
	ground_put(ground, "/etc/subgid", "someone:100000:131072\n");
	ground_put(ground, "/etc/skel/.profile", "hello\n");
	ground_put(ground, "/etc/skel/deep/file", "deep\n");
	assert_int_equal(symlinkat("/etc/passwd", ground->root_fd, "etc/skel/link"), 0);
	ground_put(ground, "/bin/zsh", "");
	ground_put(ground, "/etc/sudoers.d/README", "");
	apply(ground, "users:\n"
		      "- name: a.b\n"
		      "  uid: \"1234\"\n"
		      "  comment: A B\n"
		      "  shell: /bin/zsh\n"
		      "  password: $y$hash\n"
		      "  groups: [sudo]\n"
		      "  authorized_keys: [ssh-rsa AAAA me]\n"
		      "  sudo: ALL=(ALL) ALL\n");
	expect_last(ground, "/etc/passwd", "a.b:x:1234:1234:A B:/home/a.b:/bin/zsh");
	expect_last(ground, "/etc/shadow", "a.b:$y$hash:19675:0:99999:7:::");
	ground_expect(ground, "/etc/group", "root:x:0:\ndaemon:x:1:\nsudo:x:27:a.b\na.b:x:1234:\n");
	ground_expect(ground, "/etc/gshadow", "root:*::\ndaemon:*::\nsudo:*::a.b\na.b:!::\n");
	ground_expect(ground, "/etc/subuid", "a.b:100000:65536\n");
	expect_last(ground, "/etc/subgid", "a.b:231072:65536");
	ground_expect(ground, "/home/a.b/.profile", "hello\n");
	ground_expect(ground, "/home/a.b/deep/file", "deep\n");
	ground_expect(ground, "/home/a.b/.ssh/authorized_keys", "ssh-rsa AAAA me\n");
	ground_expect(ground, "/etc/sudoers.d/a_b", "a.b ALL=(ALL) ALL\n");
	st = ground_stat(ground, "/home/a.b/deep/file");
	assert_int_equal(st.st_uid, 1234);
	st = ground_stat(ground, "/home/a.b/link");
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(st.st_gid, 1234);
	st = ground_stat(ground, "/etc/sudoers.d/a_b");
	assert_int_equal(st.st_mode & 07777, 0440);
}

static void numbers(void **state)
{
	struct ground *ground = start(state);

	ground_put(ground, "/etc/login.defs",
		   "# UID_MIN 1\nUID_MIN\t2000\nGID_MIN 2000\nSYS_UID_MAX 499\nHOME_MODE\t0700\n");
	ground_put(ground, "/etc/passwd", PASSWD "taken:x:499:499::/:/bin/sh\nlast:x:2007:2007::/:/bin/sh\n");
	apply(ground, "users:\n- name: one\n- name: two\n- {name: three, system: true}\n");
	expect_last(ground, "/etc/passwd",
		    "one:x:2008:2008::/home/one:/bin/sh\n"
		    "two:x:2009:2009::/home/two:/bin/sh\n"
		    "three:x:498:498::/nonexistent:/usr/sbin/nologin");
	assert_int_equal(ground_stat(ground, "/home/one").st_mode & 07777, 0700);
	assert_false(ground_has(ground, "/home/three"));
	assert_false(ground_has(ground, "/nonexistent"));
	expect_last(ground, "/etc/shadow", "three:!:19675::::::");
}

/* Again and again: nothing is added twice, and who was there keeps what is not named. */
static void repeated(void **state)
{
	struct ground *ground = start(state);
	const char *text = "groups:\n- {name: makers, gid: \"50\", members: [daemon]}\n"
			   "users:\n- {name: eve, groups: [makers]}\n- {name: daemon, comment: new}\n";
	auto_free char *first = NULL;
	struct error e = ERROR_INIT;

	apply(ground, text);
	assert_int_equal(root_read(ground->root_fd, "/etc/group", &first, NULL, &e), 1);
	apply(ground, text);
	ground_expect(ground, "/etc/group", first);
	ground_expect(ground, "/etc/group", GROUP "makers:x:50:eve,daemon\neve:x:1000:\n");
	ground_expect(ground, "/etc/passwd",
		      "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:new:/usr/sbin:/usr/sbin/nologin\n"
		      "eve:x:1000:1000::/home/eve:/bin/sh\n");
}

static void passwords(void **state)
{
	struct ground *ground = start(state);

	ground_put(ground, "/etc/shadow", "root:$6$open:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n");
	apply(ground, "users:\n- {name: root, password: locked}\n- {name: daemon, password: locked}\n");
	ground_expect(ground, "/etc/shadow",
		      "root:!$6$open:19675:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n");
}

static void without_shadow(void **state)
{
	struct ground *ground = start(state);

	assert_int_equal(unlinkat(ground->root_fd, "etc/shadow", 0), 0);
	apply(ground, "users:\n- {name: eve, password: $6$x}\n- {name: bob}\n");
	expect_last(ground, "/etc/passwd",
		    "eve:$6$x:1000:1000::/home/eve:/bin/sh\nbob:!:1001:1001::/home/bob:/bin/sh");
	assert_false(ground_has(ground, "/etc/shadow"));
	assert_false(ground_has(ground, "/etc/subuid"));
}

static void mistakes(void **state)
{
	struct ground *ground = start(state);

	refuse(ground, "users:\n- {name: eve, uid: \"1\"}\n",
	       "x.yaml:11:3: user 'eve': number 1 belongs to 'daemon'");
	refuse(ground, "users:\n- {name: daemon, uid: \"7\"}\n",
	       "in the image already, with number 1, not 7");
	refuse(ground, "users:\n- {name: eve, group: nobodys}\n", "group 'nobodys' is not in the image");
	refuse(ground, "users:\n- {name: eve, groups: [nobodys]}\n", "group 'nobodys' is not in the image");
	refuse(ground, "users:\n- {name: eve, shell: /bin/zsh}\n", "shell '/bin/zsh' is not in the image");
	refuse(ground, "users:\n- {name: eve, sudo: ALL=(ALL) ALL}\n", "'sudo' needs the package sudo");
	refuse(ground, "groups:\n- {name: makers, members: [nobodys]}\n",
	       "user 'nobodys' is not in the image");
	refuse(ground, "users:\n- {name: r, system: true, authorized_keys: [ssh-rsa AAAA]}\n",
	       "needs a home folder");
	refuse(ground, "users:\n- {name: h, home: /etc/passwd}\n", "'/etc/passwd' is no folder");
	assert_int_equal(unlinkat(ground->root_fd, "etc/group", 0), 0);
	refuse(ground, "users:\n- name: eve\n", "the image has no '/etc/group'");
}

/* Links in place of the databases, whatever they lead to, and folders. */
static void links_for_databases(void **state)
{
	static const char *const paths[] = { "etc/passwd", "etc/shadow", "etc/group" };
	struct ground *ground = start(state);

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		auto_free char *outside = xasprintf("%s/witness", ground->outside);

		start(state);
		assert_int_equal(unlinkat(ground->root_fd, paths[i], 0), 0);
		assert_int_equal(symlinkat(outside, ground->root_fd, paths[i]), 0);
		refuse(ground, "users:\n- name: eve\n", "is no regular file");
		assert_int_equal(unlinkat(ground->root_fd, paths[i], 0), 0);
		assert_int_equal(mkdirat(ground->root_fd, paths[i], 0755), 0);
		refuse(ground, "users:\n- name: eve\n", "is no regular file");
		assert_int_equal(unlinkat(ground->root_fd, paths[i], AT_REMOVEDIR), 0);
	}
}

/* A home that is a link out of the root is one to somewhere inside it. */
static void links_for_homes(void **state)
{
	struct ground *ground = start(state);

	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "home"), 0);
	refuse(ground, "users:\n- name: eve\n", "home");
	assert_int_equal(unlinkat(ground->root_fd, "home", 0), 0);
	ground_put(ground, "/etc/passwd", PASSWD "eve:x:1000:1000::/../../../outside:/bin/sh\n");
	ground_put(ground, "/etc/group", GROUP "eve:x:1000:\n");
	refuse(ground, "users:\n- {name: eve, create_home: true}\n", "..");
}

static void strange_lines(void **state)
{
	struct ground *ground = start(state);
	auto_free char *long_name = xcalloc(1, 300001);
	auto_free char *text = NULL;
	auto_free char *expected = NULL;

	memset(long_name, 'x', 300000);
	text = xasprintf("%s:x:5:5::/:/bin/sh\n\n:::\nno fields\n\xff\xfe:x:6:6:\xe4\xf6:/:/bin/sh\n+::::::",
			 long_name);
	ground_put(ground, "/etc/passwd", text);
	apply(ground, "users:\n- {name: eve, shell: /etc/passwd}\n");
	expected = xasprintf("%.*seve:x:1000:1000::/home/eve:/etc/passwd\n+::::::\n",
			     (int)(strlen(text) - strlen("+::::::")), text);
	ground_expect(ground, "/etc/passwd", expected);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
	const struct CMUnitTest tests[] = {
		TEST(user_with_everything),
		TEST(numbers),
		TEST(repeated),
		TEST(passwords),
		TEST(without_shadow),
		TEST(mistakes),
		TEST(links_for_databases),
		TEST(links_for_homes),
		TEST(strange_lines),
	};

	return cmocka_run_group_tests_name("setup: accounts", tests, NULL, NULL);
}
