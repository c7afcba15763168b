/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/root.h"
#include "base/temporary.h"
#include "doctor/rows.h"
#include "pipeline.h"

#include <stdarg.h>

static const char scratch_prefix[] = "kiln-doctor.";

/* A folder below the one for temporary files, for as long as kiln examines. */
struct scratch {
	char *folder; /* where it is made */
	char *path;
	int lock_fd;
};

static void scratch_release(struct scratch *scratch)
{
	struct error ignored = ERROR_INIT;

	if (scratch->path) {
		(void)!root_empty_dir(scratch->lock_fd, ".", &ignored);
		rmdir(scratch->path);
	}
	auto_close_(&scratch->lock_fd);
	free(scratch->path);
	free(scratch->folder);
}

static void words_close(FILE **words)
{
	if (*words)
		fclose(*words);
}

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[] = { "ok", "warning", "missing" };

	return names[state];
}

static void add(struct doctor *doctor, struct subject subject, enum doctor_state state, enum error_kind kind,
		const char *found, const char *remedy)
{
	struct doctor_report *report = doctor->report;
	struct doctor_row row = { .name = subject.name,
				  .purpose = subject.purpose,
				  .state = state,
				  .found = found,
				  .remedy = remedy,
				  .kind = kind };

	ARENA_PUSH(&report->arena, report->rows, report->count, row);
}

static void PRINTF(3, 0)
	add_ok(struct doctor *doctor, struct subject subject, const char *fmt, va_list arguments)
{
	auto_free char *text = NULL;

	if (vasprintf(&text, fmt, arguments) < 0)
		abort();
	add(doctor, subject, DOCTOR_OK, ERROR_NONE, arena_strdup(&doctor->report->arena, text), NULL);
}

void row_ok(struct doctor *doctor, struct subject subject, const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	add_ok(doctor, subject, fmt, arguments);
	va_end(arguments);
}

void row_failed(struct doctor *doctor, struct subject subject, enum doctor_state state,
		const struct error *failure)
{
	struct arena *arena = &doctor->report->arena;
	const char *cut = strstr(failure->text, "; ");
	size_t len = cut ? (size_t)(cut - failure->text) : strlen(failure->text);
	char *found = arena_strndup(arena, failure->text, len);
	char *remedy = cut ? arena_strdup(arena, cut + strlen("; ")) : NULL;

	text_make_printable(found);
	if (remedy)
		text_make_printable(remedy);
	add(doctor, subject, state, failure->kind, found, remedy);
}

void row_remedy(struct error *failure, const char *remedy)
{
	const struct error bare = *failure;

	error_set(failure, bare.kind, "%s; %s", bare.text, remedy);
}

void row_tried(struct doctor *doctor, struct subject subject, enum doctor_state otherwise, int result,
	       const struct error *failure, const char *fmt, ...)
{
	va_list arguments;

	if (result < 0) {
		row_failed(doctor, subject, otherwise, failure);
		return;
	}
	va_start(arguments, fmt);
	add_ok(doctor, subject, fmt, arguments);
	va_end(arguments);
}

/* The recipe as a build reads it; a row only when it is wrong. */
static struct build *read_recipe(struct doctor *doctor)
{
	static const struct subject subject = { "recipe", "the default image" };
	struct build_options options = {
		.recipe_path = doctor->options->recipe_path,
		.mirrors = doctor->options->mirrors,
		.mirror_count = doctor->options->mirror_count,
		.until = STAGE_RECIPE,
		.log = doctor->quiet,
	};
	auto_build struct build *build = build_open(&options);
	struct error failure = doctor->options->recipe_error;

	if (failure.kind != ERROR_NONE)
		row_remedy(&failure, "run kiln in its checkout, or where make install has put it");
	else if (build_run(build, &failure) == 0)
		return TAKE(build, NULL);
	row_failed(doctor, subject, DOCTOR_MISSING, &failure);
	return NULL;
}

int doctor_examine(const struct doctor_options *options, struct doctor_report *report, struct error *e)
{
	AUTO(scratch_release) struct scratch scratch = { NULL, NULL, -1 };
	auto_build struct build *build = NULL;
	const char *base = getenv("TMPDIR");
	struct doctor doctor = { .options = options, .report = report };
	AUTO(words_close) FILE *nowhere = NULL;
	struct log quiet;

	scratch.folder = xstrdup(base && *base == '/' ? base : "/tmp");
	if (temporary_make(scratch.folder, scratch_prefix, &scratch.path, &scratch.lock_fd, e) < 0)
		return -1;
	nowhere = fopen("/dev/null", "we");
	if (!nowhere)
		return error_sys(e, "cannot open '/dev/null'");
	log_init(&quiet, LOG_QUIET, nowhere);
	doctor.scratch = scratch.path;
	doctor.quiet = &quiet;
	rows_of_rights(&doctor);
	rows_of_roots(&doctor);
	rows_of_machine(&doctor);
	rows_of_programs(&doctor);
	rows_of_space(&doctor);
	build = read_recipe(&doctor);
	if (build && !options->offline)
		rows_of_archives(&doctor, build);
	log_release(&quiet);
	return 0;
}

void doctor_report_release(struct doctor_report *report)
{
	arena_release(&report->arena);
	*report = DOCTOR_REPORT_INIT;
}
