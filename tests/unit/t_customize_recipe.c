/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe that is shipped, as far as customize is concerned: for every image that it is meant for. */
#include "unit/ground.h"

/* Load the recipe for RELEASE and ARCHITECTURE; the test runs at the top of the source. */
static void load(struct ground *ground, const char *release, const char *architecture)
{
	auto_free char *first = xasprintf("image.release=%s", release);
	auto_free char *second = xasprintf("image.architecture=%s", architecture);
	const char *overrides[] = { first, second };
	struct recipe_options options = { .path = "recipes/debian-bookworm.yaml",
					  .overrides = overrides,
					  .override_count = 2 };
	struct error e = ERROR_INIT;

	if (recipe_load(&options, &ground->recipe, &e) < 0 || recipe_select(&ground->recipe, &e) < 0)
		fail_msg("%s", e.text);
	recipe_set_date(&ground->recipe, 1700000000);
}

static void expect_image(struct ground *ground, const char *release, const char *architecture)
{
	struct error e = ERROR_INIT;
	auto_free char *expected =
		xasprintf("deb http://ftp.debian.org/debian %s main\n"
			  "deb http://ftp.debian.org/debian %s-updates main\n"
			  "deb http://security.debian.org/debian-security %s-security main\n",
			  release, release, release);

	load(ground, release, architecture);
	if (deb_customize_repositories(&ground->site, &e) < 0 ||
	    customize_files(&ground->site, &ground->templates, &e) < 0 ||
	    customize_setup(&ground->site, CUSTOMIZE_IDENTITY, &e) < 0 ||
	    customize_clean(&ground->site, &e) < 0)
		fail_msg("%s", e.text);
	ground_expect(ground, "/etc/apt/sources.list", expected);
	ground_expect(ground, "/etc/machine-id", "uninitialized\n");
	assert_true(ground_has(ground, "/etc/systemd/network/eth0.network"));
	assert_int_equal(ground->templates.count, 2);
	assert_string_equal(ground->templates.items[0].path, "/etc/hostname");
	assert_string_equal(ground->templates.items[0].content, "{{ container.name }}\n");
	assert_string_equal(ground->templates.items[1].name, "hosts.tpl");
	assert_non_null(strstr(ground->templates.items[1].content, "127.0.1.1\t{{ container.name }}\n"));
	assert_int_equal(ground->recipe.source.key_count, 6);
	for (size_t i = 0; i < ground->recipe.source.key_count; i++)
		assert_true(ground->recipe.source.keys[i].len > 400);
	recipe_release(&ground->recipe);
}

static void bookworm(void **state)
{
	struct ground *ground = ground_of(state);

	expect_image(ground, "bookworm", "amd64");
	assert_false(ground_has(ground, "/etc/systemd/system/service.d/container-mounts.conf"));
}

static void trixie_for_arm(void **state)
{
	struct ground *ground = ground_of(state);

	expect_image(ground, "trixie", "arm64");
	assert_true(ground_has(ground, "/etc/systemd/system/service.d/container-mounts.conf"));
}

#define GROUND_TEST(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GROUND_TEST(bookworm),
		GROUND_TEST(trixie_for_arm),
	};

	return cmocka_run_group_tests_name("customize recipe", tests, NULL, NULL);
}
