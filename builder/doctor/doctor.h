/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host can do of what builds ask for. Every row comes of trying it, in processes of their own, or of asking
 * the function that a build asks: so what a row says is missing is what a build would end with, in the same words.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "base/alloc.h"
#include "base/log.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARNING, /* some builds, or some commands, will miss it */
	DOCTOR_MISSING, /* no build of the recipe will succeed */
};

/* "ok", "warning", "missing". */
const char *doctor_state_name(enum doctor_state state);

/* All in the report's arena. */
struct doctor_row {
	const char *name;
	const char *purpose; /* what it is for */
	enum doctor_state state;
	const char *found;
	const char *remedy;   /* NULL: none is needed, or known */
	enum error_kind kind; /* of what is missing: how a build would end */
};

struct doctor_report {
	struct arena arena;
	struct doctor_row *rows;
	size_t count;
};

#define DOCTOR_REPORT_INIT ((struct doctor_report) { ARENA_INIT, NULL, 0 })

struct doctor_options {
	const char *recipe_path;   /* of the image that is to be built */
	struct error recipe_error; /* why there is none; else ERROR_NONE */
	const char *cache_dir;
	const char *work_dir;       /* NULL: as a build chooses */
	const char *const *mirrors; /* --mirror */
	size_t mirror_count;
	bool offline; /* ask no archive */
	struct log *log;
};

/* Nothing is left of what it tries. An error is one of examining; what is found out is in the report. */
int doctor_examine(const struct doctor_options *options, struct doctor_report *report, struct error *e)
	MUST_CHECK;
void doctor_report_release(struct doctor_report *report);

#endif
