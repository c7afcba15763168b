/* SPDX-License-Identifier: Apache-2.0 */
/* Services of four inits in small roots. */
#include "unit/setup_cases.h"

#define UNITS  "/usr/lib/systemd/system/"
#define CONFIG "/etc/systemd/system/"

static int parts(const struct customize_site *site, struct error *e)
{
	return customize_setup(site, CUSTOMIZE_SYSTEM, e);
}

static void expect_link(struct ground *ground, const char *path, const char *target)
{
	char text[4096] = "";

	if (readlinkat(ground->root_fd, path + 1, text, sizeof text - 1) < 0)
		fail_msg("no link %s", path);
	assert_string_equal(text, target);
}

static struct ground *with_systemd(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/usr/lib/systemd/systemd", "");
	return ground;
}

static void put_link(struct ground *ground, const char *path, const char *target)
{
	auto_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	struct error e = ERROR_INIT;

	assert_int_equal(root_make_dirs(ground->root_fd, parent, 0755, &e), 0);
	assert_int_equal(symlinkat(target, ground->root_fd, path + 1), 0);
}

static void install_section(void **state)
{
	struct ground *ground = with_systemd(state);

	ground_put(ground, UNITS "a.service",
		   "[Unit]\nWantedBy=not.target\n[Install]\n; comment\nWantedBy=one.target \\\n# between\n  "
		   "two.target\n"
		   "WantedBy=three.target\nRequiredBy=four.service\nAlias=x-%N.service "
		   "%%.service\nAlso=b.socket gone.timer\n"
		   "[X-Other]\nWantedBy=no.target\n");
	ground_put(ground, UNITS "b.socket", "[Install]\nWantedBy=sockets.target\nAlso=a.service\n");
	ground_put(ground, CONFIG "a.service.d/more.conf", "[Install]\nRequiredBy=\nUpheldBy=five.target\n");
	apply(ground, "services:\n"
		      "- enable: [a]\n");
	expect_link(ground, CONFIG "one.target.wants/a.service", UNITS "a.service");
	expect_link(ground, CONFIG "two.target.wants/a.service", UNITS "a.service");
	expect_link(ground, CONFIG "three.target.wants/a.service", UNITS "a.service");
	expect_link(ground, CONFIG "five.target.upholds/a.service", UNITS "a.service");
	expect_link(ground, CONFIG "x-a.service", UNITS "a.service");
	expect_link(ground, CONFIG "%.service", UNITS "a.service");
	expect_link(ground, CONFIG "sockets.target.wants/b.socket", UNITS "b.socket");
	assert_false(ground_has(ground, CONFIG "four.service.requires"));
	assert_false(ground_has(ground, CONFIG "no.target.wants"));
	assert_false(ground_has(ground, CONFIG "not.target.wants"));

	apply(ground, "services:\n"
		      "- disable: [a.service]\n");
	assert_false(ground_has(ground, CONFIG "one.target.wants"));
	assert_false(ground_has(ground, CONFIG "five.target.upholds"));
	assert_false(ground_has(ground, CONFIG "x-a.service"));
	assert_false(ground_has(ground, CONFIG "sockets.target.wants"));
	assert_true(ground_has(ground, CONFIG "a.service.d/more.conf"));
}

static void templates(void **state)
{
	struct ground *ground = with_systemd(state);

	ground_put(ground, UNITS "t@.service", "[Install]\nWantedBy=t-%i.target\nDefaultInstance=std\n");
	ground_put(ground, UNITS "u@.service", "[Install]\nWantedBy=u.target\n");
	apply(ground, "services:\n"
		      "- enable: [t@one, t@]\n");
	expect_link(ground, CONFIG "t-one.target.wants/t@one.service", UNITS "t@.service");
	refuse(ground,
	       "services:\n"
	       "- enable: [u@.service]\n",
	       "is a template: name an instance, as in 'u@x.service'");
	apply(ground, "services:\n"
		      "- mask: [u@.service]\n- disable: [t@one]\n");
	expect_link(ground, CONFIG "u@.service", "/dev/null");
	assert_false(ground_has(ground, CONFIG "t-one.target.wants"));
}

/* "t@" without a suffix is t@.service, whose instance the unit itself names. */
static void default_instance(void **state)
{
	struct ground *ground = with_systemd(state);

	ground_put(ground, UNITS "t@.service", "[Install]\nWantedBy=t.target\nDefaultInstance=std\n");
	apply(ground, "services:\n"
		      "- enable: [t@.service]\n");
	expect_link(ground, CONFIG "t.target.wants/t@std.service", UNITS "t@.service");
}

static void folders_and_aliases(void **state)
{
	struct ground *ground = with_systemd(state);

	put_link(ground, "/lib", "usr/lib");
	put_link(ground, "/sbin/init", "/lib/systemd/systemd");
	ground_put(ground, UNITS "real.service", "[Install]\nWantedBy=a.target\n");
	put_link(ground, UNITS "other.service", "real.service");
	apply(ground, "services:\n"
		      "- enable: [other]\n");
	expect_link(ground, CONFIG "a.target.wants/real.service", "/lib/systemd/system/real.service");
	/* What an administrator puts there wins. */
	ground_put(ground, CONFIG "real.service", "[Install]\nWantedBy=b.target\n");
	apply(ground, "services:\n"
		      "- enable: [real]\n");
	expect_link(ground, CONFIG "b.target.wants/real.service", CONFIG "real.service");
}

static void masks(void **state)
{
	struct ground *ground = with_systemd(state);

	ground_put(ground, UNITS "a.service", "[Install]\nWantedBy=a.target\n");
	apply(ground, "services:\n"
		      "- mask: [a, unknown.mount]\n");
	expect_link(ground, CONFIG "a.service", "/dev/null");
	expect_link(ground, CONFIG "unknown.mount", "/dev/null");
	refuse(ground,
	       "services:\n"
	       "- enable: [a]\n",
	       "x.yaml:11:12: unit 'a.service' is masked");
	apply(ground, "services:\n"
		      "- disable: [a]\n");
	expect_link(ground, CONFIG "a.service", "/dev/null");
	ground_put(ground, CONFIG "own.service", "[Service]\n");
	refuse(ground,
	       "services:\n"
	       "- mask: [own]\n",
	       "cannot be masked");
}

static void presets(void **state)
{
	struct ground *ground = with_systemd(state);

	ground_put(ground, UNITS "a.service", "[Install]\nWantedBy=a.target\n");
	ground_put(ground, UNITS "b.service", "[Install]\nWantedBy=a.target\n");
	ground_put(ground, UNITS "c.service", "[Service]\n");
	ground_put(ground, "/usr/lib/systemd/system-preset/90-x.preset", "# all\nenable c*\ndisable b.*\n");
	apply(ground, "services:\n"
		      "- enable: [a, b]\n- disable: [c]\n");
	ground_expect(ground, "/etc/systemd/system-preset/00-image.preset",
		      "# What the image's recipe says of services, for the first start.\nenable b.service\n");
	apply(ground, "services:\n"
		      "- disable: [a, b]\n");
	ground_expect(ground, "/etc/systemd/system-preset/00-image.preset",
		      "# What the image's recipe says of services, for the first start.\ndisable a.service\n"
		      "disable b.service\n");
}

static void hostile_units(void **state)
{
	struct ground *ground = with_systemd(state);
	auto_free char *outside = xasprintf("%s/witness", ground->outside);

	ground_put(ground, UNITS "up.service", "[Install]\nWantedBy=../../../outside\n");
	refuse(ground,
	       "services:\n"
	       "- enable: [up]\n",
	       "names '../../../outside' in [Install]");
	ground_put(ground, UNITS "al.service", "[Install]\nAlias=../../x.service\n");
	refuse(ground,
	       "services:\n"
	       "- enable: [al]\n",
	       "in [Install]");
	put_link(ground, UNITS "one.service", "two.service");
	put_link(ground, UNITS "two.service", "one.service");
	refuse(ground,
	       "services:\n"
	       "- enable: [one]\n",
	       "is a link to a link");
	/* Units that name each other, and themselves. */
	ground_put(ground, UNITS "r.service", "[Install]\nWantedBy=a.target\nAlso=r.service s.service\n");
	ground_put(ground, UNITS "s.service", "[Install]\nWantedBy=a.target\nAlso=r.service s.service\n");
	apply(ground, "services:\n"
		      "- enable: [r]\n- disable: [r]\n");
	/* A folder of links that leads out of the root leads to somewhere inside it. */
	put_link(ground, CONFIG "a.target.wants", ground->outside);
	ground_put(ground, UNITS "w.service", "[Install]\nWantedBy=a.target\n");
	refuse(ground,
	       "services:\n"
	       "- enable: [w]\n",
	       "a.target.wants");
	assert_int_equal(unlinkat(ground->root_fd, "etc/systemd/system/a.target.wants", 0), 0);
	put_link(ground, UNITS "leak.service", outside);
	refuse(ground,
	       "services:\n"
	       "- enable: [leak]\n",
	       "there is no service 'leak'");
}

static void sysv(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(
		ground, "/etc/init.d/d",
		"#!/bin/sh\n# Default-Start: 1\n### BEGIN INIT INFO\n# Provides: d\n# Default-Start:  2 3\n"
		"# Default-Stop: 0\n### END INIT INFO\n# Default-Start: 4\n");
	for (const char *level = "02345S"; *level; level++) {
		auto_free char *path = xasprintf("/etc/rc%c.d/README", *level);

		ground_put(ground, path, "");
	}
	apply(ground, "services:\n"
		      "- enable: [d]\n");
	expect_link(ground, "/etc/rc2.d/S20d", "../init.d/d");
	expect_link(ground, "/etc/rc3.d/S20d", "../init.d/d");
	expect_link(ground, "/etc/rc0.d/K01d", "../init.d/d");
	assert_false(ground_has(ground, "/etc/rc4.d/S20d"));
	apply(ground, "services:\n"
		      "- disable: [d.service]\n");
	expect_link(ground, "/etc/rc2.d/K80d", "../init.d/d");
	assert_false(ground_has(ground, "/etc/rc2.d/S20d"));
	apply(ground, "services:\n"
		      "- enable: [d]\n");
	expect_link(ground, "/etc/rc2.d/S20d", "../init.d/d");
	assert_false(ground_has(ground, "/etc/rc2.d/K80d"));
	refuse(ground,
	       "services:\n"
	       "- enable: [d.socket]\n",
	       "there is no service 'd.socket' in the image");
	refuse(ground,
	       "services:\n"
	       "- mask: [other]\n",
	       "there is no service 'other' in the image");
}

static void openrc(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/etc/init.d/d", "#!/sbin/openrc-run\n");
	ground_put(ground, "/etc/runlevels/boot/x", "");
	ground_put(ground, "/etc/runlevels/default/x", "");
	apply(ground, "services:\n"
		      "- {enable: [d], runlevel: boot}\n- enable: [d]\n");
	expect_link(ground, "/etc/runlevels/boot/d", "/etc/init.d/d");
	expect_link(ground, "/etc/runlevels/default/d", "/etc/init.d/d");
	apply(ground, "services:\n"
		      "- {disable: [d], runlevel: boot}\n");
	assert_false(ground_has(ground, "/etc/runlevels/boot/d"));
	assert_true(ground_has(ground, "/etc/runlevels/default/d"));
	apply(ground, "services:\n"
		      "- mask: [d]\n");
	assert_false(ground_has(ground, "/etc/runlevels/default/d"));
}

static void upstart(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/sbin/initctl", "");
	ground_put(ground, "/etc/init/d.conf", "start on startup\n");
	ground_put(ground, "/etc/init/e.conf", "start on startup\n");
	ground_put(ground, "/etc/init/e.override", "env A=b");
	apply(ground, "services:\n"
		      "- disable: [d, e]\n");
	ground_expect(ground, "/etc/init/d.override", "manual\n");
	ground_expect(ground, "/etc/init/e.override", "env A=b\nmanual\n");
	apply(ground, "services:\n"
		      "- enable: [d, e]\n");
	assert_false(ground_has(ground, "/etc/init/d.override"));
	ground_expect(ground, "/etc/init/e.override", "env A=b\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
	const struct CMUnitTest tests[] = {
		TEST(install_section), TEST(templates), TEST(default_instance), TEST(folders_and_aliases),
		TEST(masks),           TEST(presets),   TEST(hostile_units),    TEST(sysv),
		TEST(openrc),          TEST(upstart),
	};

	return cmocka_run_group_tests_name("setup: services", tests, NULL, NULL);
}
