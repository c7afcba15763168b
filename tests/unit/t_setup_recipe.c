/* SPDX-License-Identifier: Apache-2.0 */
/* The setup of an image in recipes: all that can be wrong with it, and what filters keep. */
#include "unit/recipe.h"

#include "base/text.h"
#include "recipe/problem.h"

static void expect_problems(const char *path, const char *const *expected, size_t count)
{
	const struct recipe_options options = { .path = path };
	auto_problems struct problems problems = PROBLEMS_INIT;
	struct error e = ERROR_INIT;

	if (recipe_examine(&options, &problems, NULL, &e) < 0)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < problems.count && i < count; i++) {
		auto_free char *got = xasprintf("%u:%u: %s", problems.items[i].line, problems.items[i].column,
						problems.items[i].message);

		if (!is_prefix(got, expected[i]))
			fail_msg("problem %zu should begin with '%s', and is '%s'", i, expected[i], got);
	}
	assert_int_equal(problems.count, count);
}

static void every_mistake_is_told(void **state)
{
	static const char *const expected[] = {
		"11:3: 'services[0]' has none of the keys",
		"12:12: 'a/b' is no name of a service",
		"14:9: 'users[0].name' must be letters",
		"15:3: 'users[1].password' must be a hash",
		"17:3: 'users[2].sudo' must be one line",
		"17:3: an entry of 'users[2].authorized_keys' must be one line",
		"21:9: 'locales[0].name' must be a name such as",
		"22:11: 'timezone' must be a name such as",
		"23:14: unknown word 'stubb' in 'resolv_conf'",
		"24:13: unknown word 'none' in 'machine_id'",
		"26:3: 'links[0].path' must be an absolute path",
		"29:3: 'lines[0].path' must be an absolute path",
		"31:3: missing key 'pattern' in 'lines[1]'",
		"36:12: pattern 'a(b' is malformed behind character 3",
		"39:9: 'permissions[0].mode' must be octal digits",
		"40:3: 'permissions[1]' has none of the keys",
		"42:3: 'exclude_paths[0]' needs one of the keys",
		"44:12: pattern '^/(' is malformed behind character 3",
		"45:3: 'exclude_paths[2].keep' goes with",
	};

	(void)state;
	expect_problems("tests/reject/recipe/bad-setup.yaml", expected, ARRAY_LEN(expected));
}

static void metadata(void **state)
{
	static const char *const expected[] = {
		"6:5: 'image.properties': 'a b' is no name of a property",
		"6:5: 'image.properties': 'release' follows from the other keys",
		"6:5: 'image.properties': 'requirements.nesting' belongs to 'image.requirements'",
		"6:8: unknown name 'image.releese'",
		"10:26: 'a:b' is no name for an image",
		"12:5: 'image.requirements.secureboot' must be true or false, not 'no'",
		"12:5: unknown key 'nestin' in 'image.requirements' (did you mean 'nesting'?)",
	};

	(void)state;
	expect_problems("tests/reject/recipe/bad-image-metadata.yaml", expected, ARRAY_LEN(expected));
}

/* Each list has filters. */
static void filters(void **state)
{
	struct recipe recipe = selected(
		LEAST "services:\n- {enable: [a], releases: [sid]}\n- {enable: [b], types: [container]}\n"
		      "groups:\n- {name: a, releases: [sid]}\n- {name: b}\n"
		      "users:\n- {name: a, variants: [cloud]}\n- {name: b}\n"
		      "locales:\n- {name: a, releases: [\"!bookworm\"]}\n- {name: b}\n"
		      "links:\n- {path: /a, target: x, architectures: [arm64]}\n- {path: /b, target: x}\n"
		      "directories:\n- {path: /a, releases: [sid]}\n- {path: /b}\n"
		      "permissions:\n- {path: /a, mode: \"0\", releases: [sid]}\n- {path: /b, mode: \"0\"}\n"
		      "lines:\n- {path: /a, line: x, releases: [sid]}\n- {path: /b, line: x}\n"
		      "exclude_paths:\n- {exclude: /a, types: [vm]}\n- {exclude: /b}\n");
	const struct recipe_setup *setup = &recipe.setup;

	(void)state;
	assert_int_equal(setup->service_count, 1);
	assert_string_equal(setup->services[0].enable[0].text, "b");
	assert_int_equal(setup->group_count, 1);
	assert_string_equal(setup->groups[0].name, "b");
	assert_int_equal(setup->user_count, 1);
	assert_string_equal(setup->users[0].name, "b");
	assert_int_equal(setup->locale_count, 1);
	assert_string_equal(setup->locales[0].name, "b");
	assert_int_equal(setup->link_count, 1);
	assert_string_equal(setup->links[0].path, "/b");
	assert_int_equal(setup->directory_count, 1);
	assert_string_equal(setup->directories[0].path, "/b");
	assert_int_equal(setup->permission_count, 1);
	assert_string_equal(setup->permissions[0].path, "/b");
	assert_int_equal(setup->line_count, 1);
	assert_string_equal(setup->lines[0].path, "/b");
	assert_int_equal(setup->exclude_count, 1);
	assert_string_equal(setup->excludes[0].exclude, "/b");
	recipe_release(&recipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_told),
		cmocka_unit_test(metadata),
		cmocka_unit_test(filters),
	};

	return cmocka_run_group_tests_name("setup: recipe", tests, NULL, NULL);
}
