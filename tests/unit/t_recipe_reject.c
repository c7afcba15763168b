/* SPDX-License-Identifier: Apache-2.0 */
/* Every recipe in tests/reject/recipe is refused, and with the message that stands beside it. */
#include "unit/unit.h"

#include "base/file.h"
#include "base/limits.h"
#include "recipe/recipe.h"

#include <fcntl.h>

/* One option a line. */
static size_t split_lines(char *text, const char *lines[8])
{
	size_t count = 0;

	while (text && *text && count < 8) {
		char *end = strchr(text, '\n');

		lines[count++] = text;
		if (!end)
			break;
		*end = '\0';
		text = end + 1;
	}
	return count;
}

static char *read_sibling(const char *name, const char *suffix, bool optional)
{
	auto_free char *path = xasprintf("%.*s%s", (int)(strlen(name) - strlen(".yaml")), name, suffix);
	char *text = NULL;
	struct error e = ERROR_INIT;

	if (file_read(AT_FDCWD, path, MIB, &text, NULL, &e) < 0 && !optional)
		fail_msg("%s", e.text);
	return text;
}

/*
 * NAME.yaml, loaded with the options in NAME.options and selected, must fail with what NAME.expect has: the
 * kind of the error on its first line, the text on the second.
 */
static void rejected(void **state)
{
	const char *name = *state;
	auto_free char *expected = read_sibling(name, ".expect", false);
	auto_free char *option_text = read_sibling(name, ".options", true);
	auto_free char *got = NULL;
	const char *lines[8];
	const struct recipe_options all = {
		.path = name,
		.overrides = lines,
		.override_count = split_lines(option_text, lines),
	};
	auto_recipe struct recipe r = RECIPE_INIT;
	struct error e = ERROR_INIT;

	if (recipe_load(&all, &r, &e) == 0 && recipe_select(&r, &e) == 0)
		fail_msg("%s is accepted", name);
	got = xasprintf("%s\n%s\n", error_kind_name(e.kind), e.text);
	assert_string_equal(got, expected);
}

int main(void)
{
	auto_close int folder_fd = -1;
	struct CMUnitTest *tests = NULL;
	struct error e = ERROR_INIT;
	char **names = NULL;
	size_t name_count = 0;
	size_t count = 0;
	int failed = 1;

	/* So that messages name the file alone. */
	if (dir_open(AT_FDCWD, "tests/reject/recipe", &folder_fd, &e) < 0 || fchdir(folder_fd) < 0 ||
	    dir_list(folder_fd, &names, &name_count, &e) < 0) {
		fprintf(stderr, "start this in the top folder: %s\n", e.text);
		return 1;
	}
	for (size_t i = 0; i < name_count; i++)
		if (is_suffix(names[i], ".yaml"))
			PUSH(tests, count,
			     ((struct CMUnitTest) { names[i], rejected, NULL, NULL, names[i] }));
	if (count)
		failed = _cmocka_run_group_tests("rejected recipes", tests, count, NULL, NULL);
	free(tests);
	names_free(names, name_count);
	return failed;
}
