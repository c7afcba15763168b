/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a report, by subject, and how they are written down. */
#ifndef DOCTOR_ROWS_H
#define DOCTOR_ROWS_H

#include "base/text.h"
#include "doctor/doctor.h"
#include "sandbox/isolation.h"

struct build;

struct doctor {
	const struct doctor_options *options;
	struct doctor_report *report;
	const char *scratch; /* a folder for trials */
	enum isolation isolation;
	bool has_rights;   /* those that a build needs */
	struct log *quiet; /* for what a build would say on its way */
};

/* What a row is about. */
struct subject {
	const char *name;
	const char *purpose;
};

void row_ok(struct doctor *doctor, struct subject subject, const char *fmt, ...) PRINTF(3, 4);
/* What FAILURE says; errors have their remedy behind the first "; ". */
void row_failed(struct doctor *doctor, struct subject subject, enum doctor_state state,
		const struct error *failure);
/* Give FAILURE, which has none, a remedy. */
void row_remedy(struct error *failure, const char *remedy);
/* row_ok() when RESULT is 0, else the failure. */
void row_tried(struct doctor *doctor, struct subject subject, enum doctor_state otherwise, int result,
	       const struct error *failure, const char *fmt, ...) PRINTF(6, 7);

void rows_of_rights(struct doctor *doctor);   /* root, or what stands in for it */
void rows_of_roots(struct doctor *doctor);    /* mounts, overlays, programs in the root */
void rows_of_space(struct doctor *doctor);    /* memory and disks */
void rows_of_programs(struct doctor *doctor); /* of this host */
void rows_of_archives(struct doctor *doctor, struct build *build);
void rows_of_machine(struct doctor *doctor); /* processors and old programs */

#endif
