/* SPDX-License-Identifier: Apache-2.0 */
/* Files of packages that a recipe goes without: as dpkg does it, and where it has no say. */
#include "unit/unit.h"

#include "unit/deb_maker.h"
#include "unit/trees.h"

#include "base/process.h"
#include "recipe/recipe.h"
#include "unpack/deb_excludes.h"

static const struct made_deb made = {
	.name = "pkg",
	.members = { MADE('0', "./conffiles", 0644, "/etc/pkg/left-out\n/etc/pkg/kept\n") },
	.files = { MADE('5', "./", 0755, NULL), MADE('5', "./etc/", 0755, NULL),
		   MADE('5', "./etc/pkg/", 0755, NULL), MADE('0', "./etc/pkg/left-out", 0644, "A"),
		   MADE('0', "./etc/pkg/kept", 0644, "B"), MADE('5', "./usr/", 0755, NULL),
		   MADE('5', "./usr/doc/", 0755, NULL), MADE('5', "./usr/doc/pkg/", 0755, NULL),
		   MADE('0', "./usr/doc/pkg/README", 0644, "read"),
		   MADE('0', "./usr/doc/pkg/copyright", 0600, "mine"),
		   MADE('2', "./usr/doc/link", 0777, "pkg"), MADE('5', "./usr/man/", 0755, NULL),
		   MADE('5', "./usr/man/de/", 0750, NULL), MADE('0', "./usr/man/de/x.1", 0644, "x"),
		   MADE('2', "./usr/man/de/y.1", 0777, "x.1"),
		   MADE('1', "./usr/man/de/z.1", 0644, "./usr/man/de/x.1"),
		   MADE('5', "./usr/bin/", 0755, NULL), MADE('0', "./usr/bin/x", 0755, "x") },
};

enum { RULES_MAX = 5 };

/* An empty rule ends each. */
static const struct recipe_exclude sets[][RULES_MAX + 1] = {
	{ { .exclude = "/usr/doc/*" },
	  { .include = "/usr/doc/*/copyright", .keep = true },
	  { .exclude = "/usr/man/*/*" },
	  { .exclude = "/etc/pkg/left*" },
	  { .exclude = "/usr/bin/[!x]" } },
	{ { .exclude = "/usr/*" }, { .include = "/usr/doc/*/copyright" } },
	{ { .exclude = "/usr/*" }, { .include = "/usr/do*/pkg/README" } },
	{ { .exclude = "/*" }, { .include = "/*README" } },
	{ { .include = "/usr/*" }, { .exclude = "/usr/man" } },
	{ { .exclude = "/usr/man/*" }, { .include = "/usr/man/de" } },
	{ { .exclude = "/usr/doc/*" }, { .include = "/usr/doc/*" }, { .exclude = "/usr/doc/pkg/?opyright" } },
	{ { .exclude = "/usr/\\doc/[p]kg/*" } },
};

static size_t count_of(const struct recipe_exclude *set)
{
	size_t count = 0;

	while (set[count].exclude || set[count].include || set[count].pattern)
		count++;
	return count;
}

static struct recipe with_rules(const struct recipe_exclude *from, size_t count)
{
	struct recipe recipe = RECIPE_INIT;

	recipe.path = "x.yaml";
	for (size_t i = 0; i < count; i++)
		ARENA_PUSH(&recipe.arena, recipe.setup.excludes, recipe.setup.exclude_count, from[i]);
	return recipe;
}

static void run_dpkg(struct scene *theirs, const struct buffer *deb, const struct recipe_exclude *set)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	auto_free char *root = xasprintf("--root=%s", theirs->folder);
	auto_free char *file = xasprintf("%s/x.deb", theirs->folder);
	char options_text[RULES_MAX][64];
	const char *argv[16] = { "dpkg", root, "--force-all", "--no-triggers" };
	struct process_options options = { .argv = argv, .output_max_bytes = 1 << 20, .timeout_ms = 60000 };
	size_t count = 4;

	for (size_t i = 0; i < count_of(set); i++) {
		snprintf(options_text[i], sizeof options_text[i], "--path-%s=%s",
			 set[i].include ? "include" : "exclude",
			 set[i].include ? set[i].include : set[i].exclude);
		argv[count++] = options_text[i];
	}
	argv[count++] = "--unpack";
	argv[count++] = file;
	assert_int_equal(root_write(theirs->root_fd, "x.deb", deb->data, deb->len, 0644, 0, 0, &theirs->e),
			 0);
	if (process_run(&options, &result, &theirs->e) < 0)
		fail_msg("%s", theirs->e.text);
	if (result.status)
		fail_msg("dpkg: %s", result.errors.data);
}

static void compare_with_dpkg(const struct recipe_exclude *set)
{
	static const char *const folders[] = { "usr", "etc" };
	static const char *const files[] = { "/var/lib/dpkg/info/pkg.list", "/var/lib/dpkg/info/pkg.md5sums",
					     "/var/lib/dpkg/status" };
	struct recipe recipe = with_rules(set, count_of(set));
	struct scene ours;
	struct scene theirs;

	scene_open(&ours);
	scene_open(&theirs);
	scene_prepare(&ours);
	scene_prepare(&theirs);
	scene_add(&ours, &made);
	ours.site.recipe = &recipe;
	if (scene_unpack(&ours, 0, DEB_CONFFILES_NEW) < 0)
		fail_msg("%s", ours.e.text);
	run_dpkg(&theirs, &ours.fetcher.debs[0], set);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		auto_close int a = openat(theirs.root_fd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_close int b = openat(ours.root_fd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(a < 0, b < 0);
		if (a >= 0)
			trees_compare(a, b);
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_free char *text = scene_text(&theirs, files[i]);

		assert_text(&ours, files[i], text);
	}
	scene_close(&ours);
	scene_close(&theirs);
	recipe_release(&recipe);
}

static void as_dpkg_does(void **state)
{
	(void)state;
	need_rights();
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		compare_with_dpkg(sets[i]);
}

/* Into the base system, where conffiles go to their places at once; and by regular expressions. */
static void by_pattern(void **state)
{
	static const struct recipe_exclude patterns[] = {
		{ .pattern = "^/usr/(doc|man/(?!fr))" },
		{ .include = "/usr/man/de/x*" },
		{ .pattern = "^/etc/pkg/left" },
	};
	struct recipe recipe = with_rules(patterns, ARRAY_LEN(patterns));
	struct scene scene;
	auto_free char *status = NULL;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	scene.site.recipe = &recipe;
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	assert_false(scene_has(&scene, "/usr/doc"));
	assert_true(scene_has(&scene, "/usr/man/de/x.1"));
	assert_false(scene_has(&scene, "/usr/man/de/z.1"));
	assert_int_equal(scene_stat(&scene, "/usr/man/de").st_mode & 07777, 0750);
	assert_false(scene_has(&scene, "/etc/pkg/left-out"));
	assert_text(&scene, "/etc/pkg/kept", "B");
	status = scene_text(&scene, "/var/lib/dpkg/status");
	assert_non_null(strstr(status, " /etc/pkg/left-out newconffile\n"));
	scene_close(&scene);
	recipe_release(&recipe);
}

/* A folder that one package lost is there for the next one, which has files in it. */
static void later_packages(void **state)
{
	static const struct recipe_exclude only[] = { { .pattern = "^/usr/doc/pkg(/README)?$" } };
	struct recipe recipe = with_rules(only, 1);
	struct made_deb second = { .name = "second",
				   .files = { MADE('5', "./usr/", 0755, NULL),
					      MADE('5', "./usr/doc/", 0755, NULL),
					      MADE('5', "./usr/doc/pkg/", 0755, NULL),
					      MADE('0', "./usr/doc/pkg/README", 0644, "2"),
					      MADE('0', "./usr/doc/pkg/more", 0644, "2") } };
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	scene.site.recipe = &recipe;
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
	scene_add(&scene, &second);
	if (scene_unpack(&scene, 1, DEB_CONFFILES_NEW) < 0)
		fail_msg("%s", scene.e.text);
	assert_text(&scene, "/usr/doc/pkg/more", "2");
	assert_false(scene_has(&scene, "/usr/doc/pkg/README"));
	scene_close(&scene);
	recipe_release(&recipe);
}

static void half_of_a_hard_link(void **state)
{
	static const struct recipe_exclude only[] = { { .exclude = "/usr/man/de/x.1" } };
	struct recipe recipe = with_rules(only, 1);
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	scene.site.recipe = &recipe;
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene.e.kind, ERROR_RECIPE);
	assert_non_null(strstr(scene.e.text, "'exclude_paths' leaves out '/usr/man/de/x.1'"));
	scene_close(&scene);
	recipe_release(&recipe);
}

static void configuration_of_dpkg(void **state)
{
	struct recipe recipe = with_rules(sets[0], count_of(sets[0]));
	struct recipe none = with_rules(sets[0], 0);
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene.site.recipe = &none;
	assert_int_equal(deb_excludes_configure(&scene.site, &scene.e), 0);
	assert_false(scene_has(&scene, "/etc"));
	scene.site.recipe = &recipe;
	assert_int_equal(deb_excludes_configure(&scene.site, &scene.e), 0);
	assert_text(&scene, "/etc/dpkg/dpkg.cfg.d/image-paths",
		    "# Files that this image goes without.\npath-include=/usr/doc/*/copyright\n");
	assert_text(
		&scene, "/etc/dpkg/dpkg.cfg.d/image-paths-build",
		"# While the image is built.\npath-exclude=/usr/doc/*\npath-include=/usr/doc/*/copyright\n"
		"path-exclude=/usr/man/*/*\npath-exclude=/etc/pkg/left*\npath-exclude=/usr/bin/[!x]\n");
	scene_close(&scene);
	recipe_release(&recipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_dpkg_does),          cmocka_unit_test(by_pattern),
		cmocka_unit_test(later_packages),        cmocka_unit_test(half_of_a_hard_link),
		cmocka_unit_test(configuration_of_dpkg),
	};

	return cmocka_run_group_tests_name("unpack: excludes", tests, NULL, NULL);
}
