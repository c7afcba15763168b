/* SPDX-License-Identifier: Apache-2.0 */
/* What a step reads makes its key: every value counts, and no two lists of values look alike. */
#include "unit/recipe.h"

#include "base/version.h"
#include "customize/customize.h"
#include "layer/key.h"

static struct digest key_of_texts(const char *const *texts, size_t count)
{
	auto_layer_key struct layer_key key = LAYER_KEY_INIT;

	key_start(&key, NULL, "step");
	for (size_t i = 0; i < count; i++)
		key_text(&key, "text", texts[i]);
	return key_end(&key);
}

static void test_values_do_not_run_together(void **state)
{
	static const char *const lists[][3] = {
		{ "ab", "c", "" },   { "a", "bc", "" },   { "abc", "", "" },           { "", "abc", "" },
		{ "abc", NULL, "" }, { "abc", "", NULL }, { "1t4,2:textab", "c", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
			struct digest a = key_of_texts(lists[i], 3);
			struct digest b = key_of_texts(lists[k], 3);

			assert_int_equal(digest_equal(&a, &b), i == k);
		}
	}
}

static struct digest key_above(const struct digest *below, const char *step)
{
	auto_layer_key struct layer_key key = LAYER_KEY_INIT;

	key_start(&key, below, step);
	key_number(&key, "number", 1);
	return key_end(&key);
}

static void test_a_key_depends_on_the_step_before(void **state)
{
	struct digest first = key_above(NULL, "first");
	struct digest other = key_above(NULL, "other");
	struct digest on_first = key_above(&first, "second");
	struct digest on_other = key_above(&other, "second");

	(void)state;
	assert_false(digest_equal(&first, &other));
	assert_false(digest_equal(&on_first, &on_other));
}

static void test_the_program_has_a_build_id(void **state)
{
	const void *id = NULL;

	(void)state;
	assert_true(program_build_id(&id) >= 8);
	assert_non_null(id);
}

/* The keys of the step of files and of the first action. */
static struct digest key_of_recipe(const char *text, bool files)
{
	auto_recipe struct recipe recipe = selected(text);
	auto_layer_key struct layer_key key = LAYER_KEY_INIT;
	struct customize_site site = { .recipe = &recipe, .epoch_s = 1 };
	struct error e = ERROR_INIT;

	key_start(&key, NULL, "step");
	if (files)
		assert_int_equal(customize_describe_files(&site, &key, &e), 0);
	else
		assert_int_equal(customize_describe_action(&site, &recipe.actions[0], &key, &e), 0);
	return key_end(&key);
}

#define FILE_ENTRY  "files:\n- generator: dump\n  path: /etc/motd\n"
#define ACTION      "actions:\n- trigger: post-files\n  action: |-\n    #!/bin/sh\n"
#define DESCRIPTION "mappings:\n  architectures: {a: b}\n"

static void assert_other_key(const char *one, const char *two, bool files, bool other)
{
	struct digest a = key_of_recipe(one, files);
	struct digest b = key_of_recipe(two, files);

	if (digest_equal(&a, &b) == other)
		fail_msg("the keys are %s:\n%s\n%s", other ? "equal" : "different", one, two);
}

static void test_every_value_of_a_file_counts(void **state)
{
	static const char *const more[] = {
		"",
		"  content: hello\n",
		"  content: hello \n  pongo: true\n",
		"  mode: 0600\n",
		"  mode: 0644\n",
		"  uid: 1\n",
		"  gid: 1\n",
		"  templated: true\n",
		"  template: {when: [start]}\n",
		"  template: {when: [create]}\n",
		"  template: {properties: {a: b}}\n",
		"  template: {properties: {a: c}}\n",
		"- generator: remove\n  path: /x\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		for (size_t k = 0; k < ARRAY_LEN(more); k++) {
			auto_free char *one = xasprintf("%s%s%s", LEAST, FILE_ENTRY, more[i]);
			auto_free char *two = xasprintf("%s%s%s", LEAST, FILE_ENTRY, more[k]);

			assert_other_key(one, two, true, i != k);
		}
	}
}

static void test_what_a_template_expands_to_counts(void **state)
{
	static const char text[] = FILE_ENTRY "  pongo: true\n  content: \"{{ image.release }}\"\n";
	auto_free char *one = xasprintf("%s%s", LEAST, text);
	auto_free char *two = xasprintf("%s%s", LEAST, text);

	(void)state;
	memcpy(strstr(two, "release: bookworm"), "release: trixie  ", strlen("release: bookworm"));
	assert_other_key(one, two, true, true);
}

static void test_an_action_is_its_script_alone(void **state)
{
	(void)state;
	assert_other_key(LEAST ACTION "    true\n", LEAST ACTION "    false\n", false, true);
	/* Neither where it stands in the file nor what the rest of the recipe says. */
	assert_other_key(LEAST ACTION "    true\n", LEAST FILE_ENTRY ACTION "    true\n", false, false);
	assert_other_key(LEAST ACTION "    true\n", LEAST DESCRIPTION "# x\n" ACTION "    true\n", false,
			 false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_do_not_run_together),
		cmocka_unit_test(test_a_key_depends_on_the_step_before),
		cmocka_unit_test(test_the_program_has_a_build_id),
		cmocka_unit_test(test_every_value_of_a_file_counts),
		cmocka_unit_test(test_what_a_template_expands_to_counts),
		cmocka_unit_test(test_an_action_is_its_script_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
