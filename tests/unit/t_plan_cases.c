/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver against the cases of tests/plan; the README there says how they are written. */
#include "unit/unit.h"

#include "base/file.h"
#include "family.h"
#include "index/index.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

#include <ctype.h>
#include <fcntl.h>

int deb_plan_make(const struct recipe *recipe, const struct index_set *indexes, struct plan *plan,
		  struct error *e) MUST_CHECK;

enum { LINES_MAX = 64, ARCHIVES_MAX = 4, SETS_MAX = 8, NAMES_MAX = 16 };

struct archive_text {
	struct index_archive archive;
	struct buffer text;
};

/* One case as it stands in the file. */
struct test {
	const char *file;
	size_t line;
	char *title;
	struct archive_text archives[ARCHIVES_MAX];
	size_t archive_count;
	struct package_set sets[SETS_MAX];
	struct recipe_name names[SETS_MAX][NAMES_MAX];
	size_t set_count;
	char *variant;
	bool split;
	bool recommends;
	char *checks[LINES_MAX]; /* expect, version, …: looked at when the plan is there */
	size_t check_count;
	bool in_stanza;
	bool has_version;
	bool has_architecture;
};

static void fail_case(const struct test *test, const char *what, const char *detail)
{
	fail_msg("%s:%zu: '%s': %s: %s", test->file, test->line, test->title, what, detail);
}

static char *word(char **rest)
{
	char *start = *rest + strspn(*rest, " ");
	size_t len = strcspn(start, " ");

	*rest = start + len;
	if (**rest)
		*(*rest)++ = '\0';
	return start;
}

static struct archive_text *last_archive(struct test *test)
{
	if (test->archive_count == 0)
		test->archives[test->archive_count++].archive = (struct index_archive) {
			.suite = "stable",
			.codename = "stable",
		};
	return &test->archives[test->archive_count - 1];
}

static void end_stanza(struct test *test)
{
	struct buffer *text;

	if (!test->in_stanza)
		return;
	text = &last_archive(test)->text;
	if (!test->has_version)
		buffer_adds(text, "Version: 1\n");
	if (!test->has_architecture)
		buffer_adds(text, "Architecture: all\n");
	/* The digest depends on where it stands, so that no two stanzas are the same package file. */
	buffer_addf(text, "Filename: pool/%zu.deb\nSize: 100\nInstalled-Size: 1\nSHA256: %064zx\n\n",
		    text->len, text->len);
	test->in_stanza = test->has_version = test->has_architecture = false;
}

static void add_field(struct test *test, const char *line)
{
	test->in_stanza = true;
	test->has_version |= is_prefix(line, "Version:");
	test->has_architecture |= is_prefix(line, "Architecture:");
	buffer_addf(&last_archive(test)->text, "%s\n", line);
}

static void add_archive(struct test *test, char *rest)
{
	struct archive_text *added = &test->archives[test->archive_count++];

	assert_true(test->archive_count <= ARCHIVES_MAX);
	added->archive.codename = word(&rest);
	added->archive.suite = added->archive.codename;
	while (*rest) {
		const char *flag = word(&rest);

		added->archive.not_automatic |= strcmp(flag, "not-automatic") == 0;
		added->archive.but_automatic_upgrades |= strcmp(flag, "but-automatic-upgrades") == 0;
	}
}

static void add_set(struct test *test, char *rest, enum set_action action, bool early)
{
	struct package_set *set = &test->sets[test->set_count];
	struct recipe_name *names = test->names[test->set_count++];

	assert_true(test->set_count <= SETS_MAX);
	*set = (struct package_set) { .action = action, .early = early, .names = names };
	set->place = (struct place) { "r.yaml", (unsigned)test->set_count, 1 };
	while (*rest) {
		assert_true(set->name_count < NAMES_MAX);
		names[set->name_count].text = word(&rest);
		names[set->name_count].place =
			(struct place) { "r.yaml", (unsigned)test->set_count, (unsigned)set->name_count + 1 };
		set->name_count++;
	}
}

static void add_line(struct test *test, char *line)
{
	static const char *const checks[] = { "expect", "version", "before", "automatic",
					      "why",    "merged",  "error",  "not-merged" };
	char *rest = line;
	auto_free char *copy = xstrdup(line);
	const char *key;

	if (isupper((unsigned char)line[0])) {
		add_field(test, line);
		return;
	}
	end_stanza(test);
	key = word(&rest);
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (strcmp(key, checks[i]) == 0) {
			assert_true(test->check_count < LINES_MAX);
			test->checks[test->check_count++] = TAKE(copy, NULL);
			return;
		}
	if (strcmp(key, "archive") == 0)
		add_archive(test, rest);
	else if (strcmp(key, "install") == 0)
		add_set(test, rest, SET_INSTALL, false);
	else if (strcmp(key, "remove") == 0)
		add_set(test, rest, SET_REMOVE, false);
	else if (strcmp(key, "early") == 0 && strcmp(word(&rest), "install") == 0)
		add_set(test, rest, SET_INSTALL, true);
	else if (strcmp(key, "split") == 0)
		test->split = true;
	else if (strcmp(key, "recommends") == 0)
		test->recommends = true;
	else if (strcmp(key, "variant") == 0)
		test->variant = word(&rest);
	else
		fail_case(test, "unknown word", key);
}

static const char *step_word(enum plan_step_kind kind)
{
	return kind == STEP_BASE ? "base" : kind == STEP_INSTALL ? "install" : "remove";
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "expect base a b" as the test writes it, with the names sorted. */
static char *step_line(const struct plan *plan, const struct plan_step *step)
{
	auto_free const char **names = xcalloc(step->count + 1, sizeof *names);
	struct buffer line = BUFFER_INIT;

	for (size_t i = 0; i < step->count; i++)
		names[i] = plan->packages[step->packages[i]].name;
	qsort(names, step->count, sizeof *names, by_text);
	buffer_addf(&line, "expect %s%s", step->phase == PHASE_SETS ? "sets " : "", step_word(step->kind));
	for (size_t i = 0; i < step->count; i++)
		buffer_addf(&line, " %s", names[i]);
	return buffer_take(&line);
}

static void check_steps(const struct test *test, const struct plan *plan)
{
	auto_buffer struct buffer expected = BUFFER_INIT;
	auto_buffer struct buffer got = BUFFER_INIT;
	bool base = false;

	for (size_t i = 0; i < test->check_count; i++)
		base |= is_prefix(test->checks[i], "expect base");
	if (!base)
		buffer_adds(&expected, "expect base base\n");
	for (size_t i = 0; i < test->check_count; i++)
		if (is_prefix(test->checks[i], "expect "))
			buffer_addf(&expected, "%s\n", test->checks[i]);
	for (size_t i = 0; i < plan->step_count; i++) {
		auto_free char *line = step_line(plan, &plan->steps[i]);

		buffer_addf(&got, "%s\n", line);
	}
	if (strcmp(expected.data, got.data) != 0)
		fail_case(test, "other steps", got.data);
}

static const struct plan_package *package_of(const struct test *test, const struct plan *plan,
					     const char *name)
{
	static const struct plan_package none;

	for (size_t i = 0; i < plan->package_count; i++)
		if (strcmp(plan->packages[i].name, name) == 0)
			return &plan->packages[i];
	fail_case(test, "not in the plan", name);
	return &none;
}

/* Where NAME stands among all that is unpacked. */
static size_t rank_of(const struct plan *plan, const char *name)
{
	size_t rank = 0;

	for (size_t i = 0; i < plan->step_count; i++)
		for (size_t k = 0; k < plan->steps[i].count; k++, rank++)
			if (strcmp(plan->packages[plan->steps[i].packages[k]].name, name) == 0)
				return rank;
	return rank;
}

static void check_automatic(const struct test *test, const struct plan *plan, const char *line)
{
	auto_buffer struct buffer got = BUFFER_INIT;

	buffer_adds(&got, "automatic");
	for (size_t i = 0; i < plan->package_count; i++)
		if (plan->packages[i].automatic)
			buffer_addf(&got, " %s", plan->packages[i].name);
	if (strcmp(got.data, line) != 0)
		fail_case(test, line, got.data);
}

static void check_line(const struct test *test, const struct plan *plan, const char *line)
{
	auto_free char *copy = xstrdup(line);
	char *rest = copy;
	const char *key = word(&rest);
	const char *name = strcmp(key, "merged") == 0 || strcmp(key, "not-merged") == 0 ? "" : word(&rest);

	if (strcmp(key, "version") == 0 && strcmp(package_of(test, plan, name)->version, rest) != 0)
		fail_case(test, line, package_of(test, plan, name)->version);
	if (strcmp(key, "before") == 0 && rank_of(plan, name) >= rank_of(plan, rest))
		fail_case(test, line, "is not so");
	if (strcmp(key, "automatic") == 0)
		check_automatic(test, plan, line);
	if (strcmp(key, "why") == 0) {
		auto_buffer struct buffer why = BUFFER_INIT;

		plan_why_text(package_of(test, plan, name), &why);
		if (strcmp(why.data, rest) != 0)
			fail_case(test, line, why.data);
	}
	if ((strcmp(key, "merged") == 0 && !plan->merged_usr) ||
	    (strcmp(key, "not-merged") == 0 && plan->merged_usr))
		fail_case(test, line, "is not so");
}

static const char *expected_error(const struct test *test)
{
	for (size_t i = 0; i < test->check_count; i++)
		if (is_prefix(test->checks[i], "error "))
			return test->checks[i] + strlen("error ");
	return NULL;
}

static void check(const struct test *test, const struct recipe *recipe, const struct index_set *set)
{
	auto_plan struct plan plan = PLAN_INIT;
	struct error e = ERROR_INIT;
	const char *message = expected_error(test);
	int r = deb_plan_make(recipe, set, &plan, &e);

	if (message) {
		if (r == 0 || !strstr(e.text, message))
			fail_case(test, "another error", r == 0 ? "none" : e.text);
		assert_null(strchr(e.text, '\n'));
		return;
	}
	if (r < 0)
		fail_case(test, "an error", e.text);
	check_steps(test, &plan);
	for (size_t i = 0; i < test->check_count; i++)
		check_line(test, &plan, test->checks[i]);
}

static void run_case(struct test *test)
{
	static const char base[] = "Package: base\nEssential: yes\nVersion: 1\nArchitecture: all\n"
				   "Filename: pool/base.deb\nSize: 100\nSHA256: "
				   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n\n";
	struct recipe_action action = { .trigger = TRIGGER_POST_UNPACK };
	struct recipe recipe = { .architecture_debian = "amd64" };
	struct index_archive *archives[ARCHIVES_MAX];
	struct index_file files[ARCHIVES_MAX];
	struct index_set set = { .archives = archives, .files = files };

	end_stanza(test);
	last_archive(test);
	buffer_adds(&test->archives[0].text, base);
	for (size_t i = 0; i < test->archive_count; i++) {
		struct archive_text *archive = &test->archives[i];

		archive->archive.uri = "http://example.org/";
		archives[set.archive_count++] = &archive->archive;
		files[set.file_count++] = (struct index_file) { .archive = &archive->archive,
								.component = "main",
								.architecture = "amd64",
								.data = archive->text.data,
								.len = archive->text.len };
	}
	recipe.source.variant = test->variant ? test->variant : "minbase";
	recipe.packages.sets = test->sets;
	recipe.packages.recommends = test->recommends;
	recipe.packages.set_count = test->set_count;
	recipe.actions = &action;
	recipe.action_count = test->split;
	check(test, &recipe, &set);
}

static void end_test(struct test *test)
{
	if (test->title)
		run_case(test);
	for (size_t i = 0; i < test->archive_count; i++)
		buffer_release(&test->archives[i].text);
	for (size_t i = 0; i < test->check_count; i++)
		free(test->checks[i]);
	*test = (struct test) { .title = NULL };
}

/* The number of cases in FILE. */
static size_t run_file(int dir_fd, const char *file)
{
	static struct test test;
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;
	size_t count = 0;
	size_t number = 0;

	test = (struct test) { .title = NULL }; /* a failure may have left something there */
	if (file_read(dir_fd, file, 1 << 20, &text, NULL, &e) < 0)
		fail_msg("%s", e.text);
	for (char *line = text; line;) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		number++;
		if (is_prefix(line, "== ")) {
			end_test(&test);
			test.file = file;
			test.line = number;
			test.title = line + 3;
			count++;
		} else if (*line == '\0') {
			end_stanza(&test);
		} else if (*line != '#') {
			add_line(&test, line);
		}
		line = end ? end + 1 : NULL;
	}
	end_test(&test);
	return count;
}

static void cases(void **state)
{
	const char *only = *state;
	auto_close int dir_fd = -1;
	struct error e = ERROR_INIT;

	if (dir_open(AT_FDCWD, "tests/plan", &dir_fd, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(run_file(dir_fd, only) > 0);
}

#define CASES(topic) \
	{ \
		.name = topic, .test_func = cases, .initial_state = (void *)(uintptr_t)topic ".test" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASES("alternatives"), CASES("virtual"), CASES("conflicts"),  CASES("multiarch"),
		CASES("order"),        CASES("base"),    CASES("steps"),      CASES("remove"),
		CASES("archives"),     CASES("errors"),  CASES("recommends"), CASES("releases"),
	};

	return cmocka_run_group_tests_name("plan_cases", tests, NULL, NULL);
}
