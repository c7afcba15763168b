/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "cmd/cmd.h"
#include "pipeline.h"

static int parse(const char *command_name, const char *const *words, struct settings *settings,
		 struct error *e)
{
	const struct command *command = command_find(command_name, e);
	char *argv[16] = { (char *)(uintptr_t)command_name };
	int argc = 1;
	int result;

	assert_non_null(command);
	*settings = (struct settings) { .log = NULL };
	for (; *words; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	result = settings_parse(command, argc, argv, settings, e);
	if (result < 0)
		settings_release(settings);
	return result;
}

static void options_are_stored(void **state)
{
	static const char *const words[] = { "-o",           "a=b",      "x",         "-oc=d=e", "--json",
					     "--output=dir", "--mirror", "http://m/", NULL };
	struct settings settings;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(parse("build", words, &settings, &e), 0);
	assert_int_equal(settings.overrides.count, 2);
	assert_string_equal(settings.overrides.items[0], "a=b");
	assert_string_equal(settings.overrides.items[1], "c=d=e");
	assert_int_equal(settings.arguments.count, 1);
	assert_string_equal(settings.arguments.items[0], "x");
	assert_string_equal(settings.output, "dir");
	assert_int_equal(settings.mirrors.count, 1);
	assert_true(settings.json);
	assert_false(settings.quiet);
	settings_release(&settings);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *command;
		const char *words[3];
		const char *text;
	} cases[] = {
		{ "build", { "x", "--ofline" }, "unknown option '--ofline' (did you mean '--offline'?)" },
		{ "build", { "x", "--zzzzzzzz" }, "unknown option '--zzzzzzzz' (see kiln --help)" },
		{ "build", { "x", "--cache" }, "option '--cache' needs a value" },
		{ "build", { NULL }, "usage: kiln build RECIPE [OPTION]..." },
		{ "build", { "x", "y" }, "kiln build: unexpected argument 'y'" },
		{ "build", { "x", "-q", "-v" }, "--quiet and --verbose exclude each other" },
		{ "plan", { "x", "--output", "d" }, "kiln plan has no option '--output'" },
		{ "list", { "-o", "a=b" }, "kiln list has no option '--option'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *words[ARRAY_LEN(cases[i].words) + 1] = { NULL };
		struct settings settings;
		struct error e = ERROR_INIT;

		memcpy(words, cases[i].words, sizeof cases[i].words);
		assert_int_equal(parse(cases[i].command, words, &settings, &e), -1);
		assert_int_equal(e.kind, ERROR_USAGE);
		assert_string_equal(e.text, cases[i].text);
	}
}

static void commands_and_stages(void **state)
{
	struct error e = ERROR_INIT;
	enum stage stage;

	(void)state;
	assert_null(command_find("biuld", &e));
	assert_string_equal(e.text, "unknown command 'biuld' (did you mean 'build'?)");
	for (int i = 0; i < STAGE_COUNT; i++) {
		assert_int_equal(stage_parse(stage_name((enum stage)i), &stage, &e), 0);
		assert_int_equal(stage, i);
	}
	assert_int_equal(stage_parse("bake", &stage, &e), -1);
	assert_true(strstr(e.text, "unknown stage 'bake'") != NULL);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (int kind = 0; kind <= ERROR_PRIVILEGE; kind++)
		assert_non_null(error_kind_name((enum error_kind)kind));
	assert_non_null(error_kind_name(ERROR_INTERRUPTED));
	assert_null(error_kind_name((enum error_kind)99));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_stored),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(commands_and_stages),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests_name("cmd", tests, NULL, NULL);
}
