/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions, with a sandbox of the test's own: sandbox_run() is defined here, so that the linker does not take
 * the program's. It notes the script and answers what the test wants.
 */
#include "unit/ground.h"

#include "sandbox/sandbox.h"

static const struct place here = { "recipes/x.yaml", 88, 3 };

/* Handed in as the sandbox's environment, which actions pass on untouched. */
struct answer {
	int status;
	int signal;
	bool no_space;
	const char *output;
	enum error_kind failure; /* not ERROR_NONE: it cannot be started */
	char scripts[512];       /* what ran, one after the other */
};

static struct answer *answer_of(const struct sandbox *sandbox)
{
	return (struct answer *)(uintptr_t)sandbox->environment;
}

int sandbox_run(const struct sandbox *sandbox, const char *const *argv, const char *script,
		struct sandbox_result *result, struct error *e)
{
	struct answer *answer = answer_of(sandbox);

	assert_non_null(argv[0]);
	assert_null(argv[1]);
	strncat(answer->scripts, script, sizeof answer->scripts - strlen(answer->scripts) - 1);
	if (answer->failure != ERROR_NONE)
		return error_set(e, answer->failure, "no such interpreter");
	result->status = answer->status;
	result->signal = answer->signal;
	result->no_space = answer->no_space;
	if (answer->output)
		buffer_adds(&result->tail, answer->output);
	return 0;
}

void sandbox_result_release(struct sandbox_result *result)
{
	buffer_release(&result->tail);
}

static int run_actions(struct ground *ground, struct recipe_action *actions, size_t count,
		       struct answer *answer, enum trigger trigger, struct error *e)
{
	struct sandbox sandbox = { .root_fd = ground->root_fd,
				   .environment = (const char *const *)(void *)answer };
	int r = 0;

	for (size_t i = 0; i < count; i++)
		actions[i].place = here;
	ground->recipe.actions = actions;
	ground->recipe.action_count = count;
	ground->site.sandbox = &sandbox;
	for (size_t i = 0; i < count && r == 0; i++)
		if (actions[i].trigger == trigger)
			r = customize_action(&ground->site, &actions[i], e);
	ground->site.sandbox = NULL;
	return r;
}

/* The error of one action that ends with STATUS after OUTPUT. */
static struct error failure_of(struct ground *ground, int status, const char *output)
{
	struct recipe_action action = { .trigger = TRIGGER_POST_PACKAGES, .action = "#!/bin/sh\nexit 7\n" };
	struct answer answer = { .status = status, .output = output };
	struct error e = ERROR_INIT;

	assert_int_equal(run_actions(ground, &action, 1, &answer, TRIGGER_POST_PACKAGES, &e), -1);
	assert_null(strchr(e.text, '\n'));
	return e;
}

static void order_and_trigger(void **state)
{
	struct recipe_action actions[] = {
		{ .trigger = TRIGGER_POST_FILES, .action = "#!/bin/sh\n1\n" },
		{ .trigger = TRIGGER_POST_UPDATE, .action = "#!/bin/sh\n2\n" },
		{ .trigger = TRIGGER_POST_FILES, .action = "#! /bin/sh -eu\n{{ image.release }}\n" },
		{ .trigger = TRIGGER_POST_FILES, .action = "#!/bin/sh\n{{ image.release }}", .pongo = true },
	};
	struct answer answer = { .status = 0 };
	struct error e = ERROR_INIT;

	assert_int_equal(run_actions(*state, actions, ARRAY_LEN(actions), &answer, TRIGGER_POST_FILES, &e),
			 0);
	assert_string_equal(answer.scripts, "#!/bin/sh\n1\n#! /bin/sh -eu\n{{ image.release }}\n"
					    "#!/bin/sh\nbookworm");
	answer.scripts[0] = '\0';
	assert_int_equal(run_actions(*state, actions, ARRAY_LEN(actions), &answer, TRIGGER_POST_UNPACK, &e),
			 0);
	assert_string_equal(answer.scripts, "");
}

static void failure_is_told(void **state)
{
	struct error e = failure_of(*state, 7, "first\n\n  E: it broke\\x1b[0m\r\nsecond\n\n");

	assert_int_equal(e.kind, ERROR_ACTION);
	assert_string_equal(e.text, "recipes/x.yaml:88:3: action (post-packages) failed with exit status 7: "
				    "first | E: it broke\\x1b[0m | second");
	e = failure_of(*state, 137, NULL);
	assert_string_equal(
		e.text,
		"recipes/x.yaml:88:3: action (post-packages) failed with exit status 137 (128 + SIGKILL)");
	e = failure_of(*state, 1, "\n \n");
	assert_true(is_suffix(e.text, "exit status 1"));
}

static void other_endings(void **state)
{
	struct recipe_action action = { .trigger = TRIGGER_POST_FILES, .action = "#!/bin/sh\n" };
	struct answer killed = { .status = 139, .signal = 11, .output = "x\n" };
	struct answer full = { .status = 1, .no_space = true };
	struct answer absent = { .failure = ERROR_SCRIPT };
	struct error e = ERROR_INIT;

	assert_int_equal(run_actions(*state, &action, 1, &killed, TRIGGER_POST_FILES, &e), -1);
	assert_int_equal(e.kind, ERROR_ACTION);
	assert_string_equal(e.text,
			    "recipes/x.yaml:88:3: action (post-files) was killed by signal 11 (SIGSEGV): x");
	assert_int_equal(run_actions(*state, &action, 1, &full, TRIGGER_POST_FILES, &e), -1);
	assert_int_equal(e.kind, ERROR_SPACE);
	assert_int_equal(run_actions(*state, &action, 1, &absent, TRIGGER_POST_FILES, &e), -1);
	assert_int_equal(e.kind, ERROR_ACTION);
}

static void output_is_bounded(void **state)
{
	auto_buffer struct buffer output = BUFFER_INIT;
	struct error e;

	for (int i = 0; i < 20; i++)
		buffer_addf(&output, "line %d %060d\n", i, i);
	e = failure_of(*state, 1, output.data);
	assert_null(strstr(e.text, "line 7 "));
	assert_non_null(strstr(e.text, "exit status 1: line 9 0"));
	assert_non_null(strstr(e.text, "8 | line 19 0"));
	for (int i = 0; i < 5000; i++)
		buffer_addc(&output, 'x');
	buffer_adds(&output, "END");
	e = failure_of(*state, 1, output.data);
	assert_true(strlen(e.text) < 1000);
	assert_true(is_prefix(e.text, "recipes/x.yaml:88:3: action"));
	assert_true(is_suffix(e.text, "xxxEND"));
}

static void first_failure_stops(void **state)
{
	struct recipe_action actions[] = {
		{ .trigger = TRIGGER_POST_FILES, .action = "#!/bin/sh\n1\n" },
		{ .trigger = TRIGGER_POST_FILES, .action = "#!/bin/sh\n2\n" },
	};
	struct answer answer = { .status = 3 };
	struct error e = ERROR_INIT;

	assert_int_equal(run_actions(*state, actions, 2, &answer, TRIGGER_POST_FILES, &e), -1);
	assert_string_equal(answer.scripts, "#!/bin/sh\n1\n");
}

static void no_interpreter(void **state)
{
	static const char *const scripts[] = { "echo hello\n", "#!\n", "#!sh\n", "", " #!/bin/sh\n", NULL };

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct recipe_action action = { .trigger = TRIGGER_POST_UNPACK, .action = scripts[i] };
		struct answer answer = { .status = 0 };
		struct error e = ERROR_INIT;

		assert_int_equal(run_actions(*state, &action, 1, &answer, TRIGGER_POST_UNPACK, &e), -1);
		assert_int_equal(e.kind, ERROR_RECIPE);
		assert_string_equal(e.text,
				    "recipes/x.yaml:88:3: action (post-unpack) does not begin with its "
				    "interpreter, as in '#!/bin/sh'");
		assert_string_equal(answer.scripts, "");
	}
}

static void cannot_start(void **state)
{
	struct recipe_action action = { .trigger = TRIGGER_POST_FILES, .action = "#!/bin/none\n" };
	struct answer answer = { .failure = ERROR_INTERRUPTED };
	struct error e = ERROR_INIT;

	assert_int_equal(run_actions(*state, &action, 1, &answer, TRIGGER_POST_FILES, &e), -1);
	assert_int_equal(e.kind, ERROR_INTERRUPTED);
	assert_string_equal(e.text, "recipes/x.yaml:88:3: action (post-files): no such interpreter");
}

#define GROUND_TEST(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GROUND_TEST(order_and_trigger), GROUND_TEST(failure_is_told),
		GROUND_TEST(output_is_bounded), GROUND_TEST(first_failure_stops),
		GROUND_TEST(no_interpreter),    GROUND_TEST(cannot_start),
		GROUND_TEST(other_endings),
	};

	return cmocka_run_group_tests_name("customize actions", tests, NULL, NULL);
}
