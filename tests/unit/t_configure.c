/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "configure/configure.h"
#include "configure/deb_host.h"
#include "configure/deb_rounds.h"
#include "configure/deb_script.h"
#include "sandbox/sandbox.h"

/* Packages of a plan for tests, by one letter: its Pre-Depends, its Depends, and whether it has a preinst. */
struct row {
	const char *pre_depends;
	const char *depends;
	char name;
	bool preinst;
};

struct world {
	struct plan plan;
	struct plan_step step;
	struct deb_rounds rounds;
};

static size_t position_of(const struct row *rows, size_t count, char name)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].name == name)
			return i;
	fail();
	return 0;
}

static void build(struct world *world, const struct row *rows, size_t count)
{
	*world = (struct world) { .plan = PLAN_INIT };
	world->plan.packages = arena_alloc(&world->plan.arena, count * sizeof *world->plan.packages);
	world->plan.package_count = count;
	for (size_t i = 0; i < count; i++) {
		struct plan_package *package = &world->plan.packages[i];

		package->name = arena_strndup(&world->plan.arena, &rows[i].name, 1);
		for (const char *c = rows[i].pre_depends; *c; c++) {
			ARENA_PUSH(&world->plan.arena, package->pre_depends, package->pre_depend_count,
				   position_of(rows, count, *c));
			ARENA_PUSH(&world->plan.arena, package->depends, package->depend_count,
				   position_of(rows, count, *c));
		}
		for (const char *c = rows[i].depends; *c; c++)
			ARENA_PUSH(&world->plan.arena, package->depends, package->depend_count,
				   position_of(rows, count, *c));
		ARENA_PUSH(&world->plan.arena, world->step.packages, world->step.count, i);
	}
	deb_rounds_init(&world->rounds, &world->plan, &world->step);
	for (size_t i = 0; i < count; i++)
		world->rounds.has_preinst[i] = rows[i].preinst;
}

static void destroy(struct world *world)
{
	deb_rounds_release(&world->rounds);
	arena_release(&world->plan.arena);
}

/* The names of POSITIONS, which are entered as being in STATE and freed. */
static const char *enter(struct world *world, size_t *positions, size_t count, enum deb_round_state state)
{
	auto_buffer struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < count; i++) {
		buffer_adds(&names, world->plan.packages[positions[i]].name);
		world->rounds.states[positions[i]] = state;
	}
	free(positions);
	return arena_strdup(&world->plan.arena, names.data ? names.data : "");
}

static const char *unpack(struct world *world)
{
	size_t count;
	size_t *positions = deb_rounds_unpackable(&world->rounds, &count);

	return enter(world, positions, count, ROUND_UNPACKED);
}

static const char *configure(struct world *world)
{
	size_t count;
	size_t *positions = deb_rounds_needed(&world->rounds, &count);

	return enter(world, positions, count, ROUND_CONFIGURED);
}

static void rounds_in_order(void **state)
{
	/* c's preinst needs b, which depends on a; d needs c; e only pre-depends, its unpacking runs nothing. */
	static const struct row rows[] = {
		{ "c", "", 'd', true }, { "b", "", 'c', true },  { "", "b", 'a', false },
		{ "", "a", 'b', true }, { "d", "", 'e', false }, { "", "", 'x', true },
	};
	struct world world;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	assert_string_equal(unpack(&world), "abex");
	assert_int_equal(deb_rounds_left(&world.rounds), 2);
	assert_string_equal(unpack(&world), "");
	/* Not e, which nobody waits for, and not x. */
	assert_string_equal(configure(&world), "ab");
	assert_string_equal(unpack(&world), "c");
	assert_string_equal(configure(&world), "c");
	assert_string_equal(unpack(&world), "d");
	assert_int_equal(deb_rounds_left(&world.rounds), 0);
	assert_string_equal(configure(&world), "");
	destroy(&world);
}

/* Nothing waits for b to be unpacked, yet c is promised it configured; and d may be any time. */
static void rounds_first(void **state)
{
	static const struct row rows[] = { { "", "", 'a', false },
					   { "", "a", 'b', false },
					   { "b", "", 'c', false },
					   { "", "c", 'd', false } };
	struct world world;
	size_t count;
	size_t *positions;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	assert_string_equal(unpack(&world), "abcd");
	assert_string_equal(configure(&world), "");
	positions = deb_rounds_first(&world.rounds, &count);
	assert_string_equal(enter(&world, positions, count, ROUND_CONFIGURED), "ab");
	positions = deb_rounds_first(&world.rounds, &count);
	assert_string_equal(enter(&world, positions, count, ROUND_CONFIGURED), "");
	destroy(&world);
}

/* c's preinst waits for a; x has none, but apt would have configured y before it unpacked x, and so before c. */
static void rounds_in_apts_order(void **state)
{
	static const struct row rows[] = { { "", "", 'a', false },
					   { "a", "", 'c', true },
					   { "y", "", 'x', false },
					   { "", "z", 'y', false },
					   { "", "", 'z', false } };
	struct world world;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	assert_string_equal(unpack(&world), "axyz");
	assert_string_equal(configure(&world), "ayz");
	assert_string_equal(unpack(&world), "c");
	destroy(&world);
}

static void rounds_one(void **state)
{
	static const struct row rows[] = { { "", "", 'a', true },
					   { "a", "c", 'b', false },
					   { "b", "", 'c', false } };
	struct world world;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	assert_string_equal(unpack(&world), "abc");
	assert_int_equal(deb_rounds_left(&world.rounds), 0);
	destroy(&world);
}

/* c waits for b, which depends on a. Of the two it depends on a alone whether dpkg has to run before. */
static void rounds_silent(void **state)
{
	static const struct row rows[] = { { "", "", 'a', false },
					   { "", "a", 'b', false },
					   { "b", "", 'c', true },
					   { "c", "", 'd', true } };
	struct world world;
	size_t count;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	world.rounds.silent[1] = true;
	assert_string_equal(unpack(&world), "ab");
	assert_string_equal(unpack(&world), "");
	assert_string_equal(configure(&world), "ab");
	destroy(&world);

	build(&world, rows, ARRAY_LEN(rows));
	world.rounds.silent[0] = true;
	world.rounds.silent[1] = true;
	assert_string_equal(unpack(&world), "ab");
	assert_string_equal(unpack(&world), "c");
	assert_string_equal(unpack(&world), "");
	assert_string_equal(configure(&world), "abc");
	assert_string_equal(unpack(&world), "d");
	destroy(&world);

	/* That all are silent also means that their order shows nowhere. */
	build(&world, rows, 3);
	world.rounds.silent[0] = true;
	world.rounds.silent[1] = true;
	assert_string_equal(unpack(&world), "ab");
	assert_string_equal(unpack(&world), "c");
	free(deb_rounds_first(&world.rounds, &count));
	assert_int_equal(count, 0);
	world.rounds.silent[0] = false;
	free(deb_rounds_first(&world.rounds, &count));
	assert_int_equal(count, 2);
	destroy(&world);
}

static void rounds_after_base(void **state)
{
	static const struct row rows[] = { { "", "", 'a', false }, { "a", "", 'b', true } };
	struct world world;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	world.rounds.states[0] = ROUND_CONFIGURED;
	assert_string_equal(unpack(&world), "b");
	destroy(&world);
}

static void rounds_stuck(void **state)
{
	/* a's preinst needs b, whose preinst needs a. f can still go on: what it needs is there. */
	static const struct row rows[] = {
		{ "b", "", 'a', true }, { "a", "", 'b', true }, { "g", "", 'f', true }, { "", "", 'g', false }
	};
	struct world world;

	(void)state;
	build(&world, rows, ARRAY_LEN(rows));
	assert_string_equal(unpack(&world), "g");
	assert_string_equal(configure(&world), "g");
	assert_string_equal(unpack(&world), "f");
	assert_string_equal(configure(&world), "");
	assert_int_equal(deb_rounds_left(&world.rounds), 2);
	destroy(&world);
}

static void explain_to(const char *tail, bool triggers, bool no_space, struct error *e)
{
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;

	result.status = 1;
	result.no_space = no_space;
	buffer_adds(&result.tail, tail);
	assert_int_equal(deb_explain_dpkg("--configure", &result, triggers, e), -1);
}

static void explain(const char *tail, const char *expected)
{
	struct error e = ERROR_INIT;

	explain_to(tail, false, false, &e);
	assert_int_equal(e.kind, ERROR_SCRIPT);
	assert_string_equal(e.text, expected);
}

static void dpkg_explained(void **state)
{
	(void)state;
	explain("Setting up other (1) ...\nnoise\nSetting up foo (1.0-1) ...\nline one\nline two\n"
		"dpkg: error processing package foo (--configure):\n"
		" installed foo package post-installation script subprocess returned error exit status 3\n"
		"dpkg: too many errors, stopping\nErrors were encountered while processing:\n foo\n",
		"package 'foo': postinst failed with exit status 3: line one | line two");
	/* dpkg 1.16 */
	explain("Setting up foo (1.0-1) ...\n"
		"dpkg: error processing foo (--configure):\n"
		" subprocess installed post-installation script returned error exit status 1\n",
		"package 'foo': postinst failed with exit status 1");
	explain("Removing foo:amd64 (1) ...\noops\ndpkg: error processing package foo:amd64 (--remove):\n"
		" installed foo:amd64 package pre-removal script subprocess returned error exit status 127\n",
		"package 'foo:amd64': prerm failed with exit status 127: oops");
	explain("dpkg: error processing package foo (--configure):\n"
		" installed foo package post-installation script subprocess was killed by signal (Killed)\n",
		"package 'foo': postinst was killed by signal 9 (SIGKILL)");
	explain("dpkg: error processing package foo (--configure):\n"
		" installed foo package post-installation script subprocess was killed by signal "
		"(Segmentation "
		"fault), core dumped\n",
		"package 'foo': postinst was killed by signal 11 (SIGSEGV)");
	explain("dpkg: error processing package foo (--configure):\n"
		" installed foo package post-installation script subprocess returned error exit status 139\n",
		"package 'foo': postinst failed with exit status 139 (128 + SIGSEGV)");
	explain("dpkg: dependency problems prevent configuration of foo:\n foo depends on bar; however:\n"
		"  Package bar is not installed.\n\ndpkg: error processing package foo (--configure):\n"
		" dependency problems - leaving unconfigured\n",
		"package 'foo': dependency problems - leaving unconfigured: dpkg: dependency problems "
		"prevent "
		"configuration of foo: | foo depends on bar; however: | Package bar is not installed.");
	explain("", "dpkg --configure failed with exit status 1");
	explain("dpkg: error processing package ", "package '': ");
	explain("dpkg: error: dpkg frontend lock was locked\n",
		"dpkg --configure failed with exit status 1: dpkg: error: dpkg frontend lock was locked");
}

/* The words of the script are the same for a trigger; that it was one is known from what dpkg announced. */
static void triggers_explained(void **state)
{
	struct error e = ERROR_INIT;

	(void)state;
	explain_to(
		"Processing triggers for foo (1.0) ...\nno\ndpkg: error processing package foo "
		"(--configure):\n"
		" installed foo package post-installation script subprocess returned error exit status 4\n",
		true, false, &e);
	assert_string_equal(e.text,
			    "package 'foo': postinst (processing triggers) failed with exit status 4: no");
}

static void full_disk(void **state)
{
	struct error e = ERROR_INIT;

	(void)state;
	explain_to(
		"Setting up foo (1) ...\ncp: x: No space left on device\n"
		"dpkg: error processing package foo (--configure):\n"
		" installed foo package post-installation script subprocess returned error exit status 1\n",
		false, true, &e);
	assert_int_equal(e.kind, ERROR_SPACE);
	assert_string_equal(
		e.text, "package 'foo': postinst failed with exit status 1: cp: x: No space left on device");
}

static void environments(void **state)
{
	static const char *const given[] = { "PATH=/bin", "DPKG_ROOT=/x", "DPKG_ROOTS=1", NULL };
	static const char *const extra[] = { "DPKG_ROOT=", "A=1", NULL };
	auto_free const char **list = deb_environment(given, extra);

	(void)state;
	assert_string_equal(list[0], "PATH=/bin");
	assert_string_equal(list[1], "DPKG_ROOTS=1");
	assert_string_equal(list[2], "DPKG_ROOT=");
	assert_string_equal(list[3], "A=1");
	assert_null(list[4]);
}

/* /proc/self/maps of x86-64 kernels booted with vsyscall=emulate, =xonly and =none. */
#define MAPS       "7ffe8cb0a000-7ffe8cb0c000 r-xp 00000000 00:00 0                          [vdso]\n"
#define EMULATE    MAPS "ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0                  [vsyscall]\n"
#define XONLY      MAPS "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"
#define OTHER_NAME MAPS "7f0000000000-7f0000001000 r--p 00000000 08:01 9     /tmp/[vsyscall] and more\n"

static void vsyscall(void **state)
{
	static const struct {
		const char *name;
		const char *version;
		const char *architecture;
		bool needs;
	} cases[] = {
		{ "libc6", "2.11.1-0ubuntu7", "amd64", true },
		{ "libc6", "2.13-38+deb7u12", "amd64", true },
		{ "libc6", "2.15-0ubuntu10.18", "amd64", true },
		{ "libc6", "2.16-0ubuntu1", "amd64", false },
		{ "libc6", "2.19-0ubuntu6", "amd64", false },
		{ "libc6", "2.36-9+deb12u13", "amd64", false },
		{ "libc6", "2.15-0ubuntu10.18", "i386", false },
		{ "libc6", "2.15-0ubuntu10.18", "armhf", false },
		{ "libc6-dev", "2.15-0ubuntu10", "amd64", false },
	};
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan_package package = { .name = cases[i].name,
						.version = cases[i].version,
						.architecture = cases[i].architecture };
		const struct plan plan = { .packages = &package, .package_count = 1 };

		e = ERROR_INIT;
		assert_int_equal(deb_check_mappings(&plan, TEXT(EMULATE), &e), 0);
		assert_int_equal(deb_check_mappings(&plan, TEXT(XONLY), &e), 0);
		assert_int_equal(deb_check_mappings(&plan, TEXT(MAPS), &e), cases[i].needs ? -1 : 0);
		if (!cases[i].needs)
			continue;
		assert_int_equal(e.kind, ERROR_UNSUPPORTED);
		assert_non_null(strstr(e.text, "boot it with vsyscall=emulate"));
		assert_non_null(strstr(e.text, cases[i].version));
		error_clear(&e);
		assert_int_equal(deb_check_mappings(&plan, TEXT(""), &e), -1);
		error_clear(&e);
		assert_int_equal(deb_check_mappings(&plan, TEXT(OTHER_NAME), &e), -1);
	}
	error_clear(&e);
	assert_int_equal(deb_check_host(&PLAN_INIT, &e), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_in_order),      cmocka_unit_test(rounds_one),
		cmocka_unit_test(rounds_in_apts_order), cmocka_unit_test(rounds_first),
		cmocka_unit_test(rounds_silent),        cmocka_unit_test(rounds_after_base),
		cmocka_unit_test(rounds_stuck),         cmocka_unit_test(dpkg_explained),
		cmocka_unit_test(triggers_explained),   cmocka_unit_test(full_disk),
		cmocka_unit_test(environments),         cmocka_unit_test(vsyscall),
	};

	return cmocka_run_group_tests_name("configure", tests, NULL, NULL);
}
