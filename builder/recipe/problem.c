/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/problem.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdarg.h>

static bool is_fault_of_recipe(enum error_kind kind)
{
	return kind == ERROR_RECIPE || kind == ERROR_UNSUPPORTED;
}

static size_t rank_of(const struct problems *problems, const char *file)
{
	size_t next = 0;

	for (size_t i = 0; i < problems->count; i++) {
		if (strcmp(problems->items[i].file, file) == 0)
			return problems->items[i].file_rank;
		if (problems->items[i].file_rank >= next)
			next = problems->items[i].file_rank + 1;
	}
	return next;
}

static void add(struct problems *problems, struct problem problem, struct text file, const char *message)
{
	problem.file = arena_strndup(&problems->arena, file.ptr, file.len);
	problem.message = arena_strdup(&problems->arena, message);
	problem.file_rank = rank_of(problems, problem.file);
	ARENA_PUSH(&problems->arena, problems->items, problems->count, problem);
}

static int say_too_many(struct error *e)
{
	auto_free char *file = xstrndup(e->text, e->file_len);

	error_set(e, ERROR_RECIPE, "%s: more than %d problems", file, LIMIT_RECIPE_PROBLEMS);
	return error_place(e, strlen(file), 0, 0);
}

int problems_take(struct problems *problems, struct error *e)
{
	struct problem problem = { .kind = e->kind, .line = e->line, .column = e->column };

	if (!is_fault_of_recipe(e->kind))
		return -1;
	if (problems->count == LIMIT_RECIPE_PROBLEMS)
		return say_too_many(e);
	problem.level = e->kind == ERROR_RECIPE ? PROBLEM_MISTAKE : PROBLEM_UNSUPPORTED;
	add(problems, problem, (struct text) { e->text, e->file_len }, error_message(e));
	error_clear(e);
	return 0;
}

void problems_note(struct problems *problems, const struct place *place, const char *fmt, ...)
{
	struct problem problem = { .level = PROBLEM_NOTE, .line = place->line, .column = place->column };
	struct error text = ERROR_INIT;
	va_list args;

	if (problems->count == LIMIT_RECIPE_PROBLEMS)
		return;
	va_start(args, fmt);
	vsnprintf(text.text, sizeof text.text, fmt, args);
	va_end(args);
	text_make_printable(text.text);
	add(problems, problem, text_of(place->file), text.text);
}

/* By place; what has none, such as an option, comes first. Two at one place keep a fixed order, too. */
static int compare(const void *a, const void *b)
{
	const struct problem *left = a;
	const struct problem *right = b;

	if (left->file_rank != right->file_rank)
		return left->file_rank < right->file_rank ? -1 : 1;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	if (left->column != right->column)
		return left->column < right->column ? -1 : 1;
	return strcmp(left->message, right->message);
}

void problems_sort(struct problems *problems)
{
	size_t kept = 0;

	if (problems->count == 0)
		return;
	qsort(problems->items, problems->count, sizeof *problems->items, compare);
	for (size_t i = 0; i < problems->count; i++)
		if (kept == 0 || compare(&problems->items[kept - 1], &problems->items[i]) != 0)
			problems->items[kept++] = problems->items[i];
	problems->count = kept;
}

size_t problems_count(const struct problems *problems, enum problem_level level)
{
	size_t count = 0;

	for (size_t i = 0; i < problems->count; i++)
		count += problems->items[i].level == level;
	return count;
}

static int fail_with(const struct problem *problem, size_t others, struct error *e)
{
	const struct place place = { .file = problem->file,
				     .line = problem->line,
				     .column = problem->column };
	auto_free char *more = others ? xasprintf(" (and %zu more: kiln check shows all)", others) : NULL;

	if (!problem->file[0])
		return error_set(e, problem->kind, "%s%s", problem->message, more ? more : "");
	return error_at(e, problem->kind, &place, "%s%s", problem->message, more ? more : "");
}

int problems_result(const struct problems *problems, struct error *e)
{
	static const enum problem_level stopping[] = { PROBLEM_MISTAKE, PROBLEM_UNSUPPORTED };
	size_t count = problems->count - problems_count(problems, PROBLEM_NOTE);

	for (size_t level = 0; level < ARRAY_LEN(stopping); level++)
		for (size_t i = 0; i < problems->count; i++)
			if (problems->items[i].level == stopping[level])
				return fail_with(&problems->items[i], count - 1, e);
	return 0;
}

void problems_release(struct problems *problems)
{
	arena_release(&problems->arena);
	*problems = PROBLEMS_INIT;
}
