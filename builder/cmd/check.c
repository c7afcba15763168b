/* SPDX-License-Identifier: Apache-2.0 */
/* kiln check: everything that is wrong with recipes, one line each; or the schema of the format, for editors. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/file.h"
#include "check/lint_pack.h"
#include "customize/customize.h"
#include "recipe/problem.h"

#include <jansson.h>

/* What was found in all files so far. */
struct findings {
	struct buffer text;
	json_t *list; /* owned */
	size_t file_count;
	size_t mistake_count;
	size_t unsupported_count;
	size_t wrong_file_count; /* with a mistake */
};

static void findings_release(struct findings *findings)
{
	buffer_release(&findings->text);
	json_decref(findings->list);
}

static const char *const level_words[] = {
	[PROBLEM_MISTAKE] = "mistake",
	[PROBLEM_UNSUPPORTED] = "unsupported",
	[PROBLEM_NOTE] = "note",
};

static void add_problem(struct findings *findings, const struct problem *problem)
{
	json_t *item = json_pack("{s:s, s:i, s:i, s:s, s:s}", "file", problem->file, "line",
				 (int)problem->line, "column", (int)problem->column, "level",
				 level_words[problem->level], "message", problem->message);

	json_array_append_new(findings->list, item);
	buffer_adds(&findings->text, problem->file);
	if (problem->line)
		buffer_addf(&findings->text, ":%u", problem->line);
	if (problem->line && problem->column)
		buffer_addf(&findings->text, ":%u", problem->column);
	buffer_addf(&findings->text, ": %s%s\n", problem->level == PROBLEM_NOTE ? "note: " : "",
		    problem->message);
}

static int take_template(void *context, bool is_doubtful, const struct place *place,
			 const struct error *message, struct error *e)
{
	struct error found = *message;

	if (is_doubtful) {
		problems_note(context, place, "%s", message->text);
		return 0;
	}
	error_wrap_at(&found, place);
	if (problems_take(context, &found) == 0)
		return 0;
	*e = found;
	return -1;
}

/* Of a recipe that is right as such, for whatever image. */
static int check_templates(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	if (customize_check_templates(recipe, take_template, problems, e) < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	problems_sort(problems);
	return 0;
}

/* Names of rules in lint.allow. */
static int check_allowed(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	auto_lint_allows struct lint_allows allows = LINT_ALLOWS_INIT;

	if (lint_allow_recipe(recipe, &allows, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	return 0;
}

static int check_file(const struct settings *settings, const char *recipe, struct findings *findings,
		      struct error *e)
{
	auto_problems struct problems problems = PROBLEMS_INIT;
	auto_recipe struct recipe described = RECIPE_INIT;
	auto_free char *path = NULL;
	struct recipe_options options = { .overrides = settings->overrides.items,
					  .override_count = settings->overrides.count };
	size_t mistakes;

	if (recipe_find(recipe, &path, e) < 0)
		return -1;
	options.path = path;
	if (recipe_examine(&options, &problems, &described, e) < 0)
		return -1;
	if (problems_count(&problems, PROBLEM_MISTAKE) == 0 &&
	    (check_allowed(&described, &problems, e) < 0 || check_templates(&described, &problems, e) < 0))
		return -1;
	for (size_t i = 0; i < problems.count; i++)
		add_problem(findings, &problems.items[i]);
	mistakes = problems_count(&problems, PROBLEM_MISTAKE);
	findings->file_count++;
	findings->wrong_file_count += mistakes > 0;
	findings->mistake_count += mistakes;
	findings->unsupported_count += problems_count(&problems, PROBLEM_UNSUPPORTED);
	return 0;
}

/* Without an argument: all recipes there are. */
static int check_folder(const struct settings *settings, struct findings *findings, struct error *e)
{
	auto_free char *folder = NULL;
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (recipe_names(&folder, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_free char *path = xasprintf("%s/%s.yaml", folder, names[i]);

		result = check_file(settings, path, findings, e);
	}
	names_free(names, count);
	return result;
}

static int print_findings(const struct settings *settings, const struct findings *findings, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *dumped = NULL;

	if (!settings->json)
		return print_data(findings->text.data, findings->text.len, e);
	dumped = json_dumps(findings->list, JSON_INDENT(2));
	buffer_addf(&out, "%s\n", dumped ? dumped : "[]");
	return print_data(out.data, out.len, e);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* The one line of the command itself. */
static int conclude(const struct settings *settings, const struct findings *findings, struct error *e)
{
	if (findings->mistake_count)
		return error_set(e, ERROR_RECIPE, "%zu mistake%s in %zu of %zu recipe%s",
				 findings->mistake_count, plural(findings->mistake_count),
				 findings->wrong_file_count, findings->file_count,
				 plural(findings->file_count));
	if (findings->unsupported_count)
		return error_set(e, ERROR_UNSUPPORTED,
				 "no mistake, but %zu thing%s that this version does not run",
				 findings->unsupported_count, plural(findings->unsupported_count));
	log_say(settings->log, "%zu recipe%s, no mistake", findings->file_count,
		plural(findings->file_count));
	return 0;
}

static int print_schema(const struct settings *settings, struct error *e)
{
	auto_free char *text = NULL;

	if (settings->arguments.count)
		return error_set(e, ERROR_USAGE, "kiln check --schema takes no recipe");
	text = schema_text();
	return print_data(text, strlen(text), e);
}

int cmd_check(const struct settings *settings, struct error *e)
{
	AUTO(findings_release) struct findings findings = { .list = json_array() };

	if (settings->schema)
		return print_schema(settings, e);
	for (size_t i = 0; i < settings->arguments.count; i++)
		if (check_file(settings, settings->arguments.items[i], &findings, e) < 0)
			return -1;
	if (settings->arguments.count == 0 && check_folder(settings, &findings, e) < 0)
		return -1;
	if (print_findings(settings, &findings, e) < 0)
		return -1;
	return conclude(settings, &findings, e);
}
