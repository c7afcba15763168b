/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a build has done, event by event, for whoever wants to know afterwards: stages, steps, scripts with their exit
 * status, warnings. Kept in memory until it is asked for; who writes it as what is not known here. Events go where
 * words go: log.h carries the journal.
 *
 *	journal_add(site->log->journal, &(struct journal_event) { .kind = "script", .name = "postinst", … });
 *
 * NULL is a fine journal everywhere: nobody wants to know. Safe from several threads.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "base/alloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum journal_result {
	JOURNAL_NOTED, /* neither: a warning */
	JOURNAL_DONE,
	JOURNAL_FAILED,
	JOURNAL_SPARED, /* a layer held what it would have done */
};

/* Texts are copied. */
struct journal_event {
	const char *kind;    /* "stage", "step", "script", "action", "program", "warning" */
	const char *name;    /* "unpack", "postinst" */
	const char *subject; /* what it is about: a package, a line of the recipe; NULL: nothing else */
	enum journal_result result;
	bool has_status;
	int status;     /* exit status; 128 + signal */
	double begin_s; /* on monotonic_seconds(); 0: it took no time worth telling, and was now */
	double end_s;
	bool emulated;    /* by an interpreter, for another processor */
	const char *text; /* the last lines, the error; NULL: nothing to say */
};

struct journal {
	pthread_mutex_t lock; /* guards all below */
	struct arena arena;
	struct journal_event *events; /* in the order of their end */
	size_t count;
	size_t left_out;
	double begin_s;
	int64_t begin_epoch_s;
};

/* A desktop of 600 packages has 2,000. */
enum { JOURNAL_EVENTS_MAX = 100000, JOURNAL_TEXT_MAX_BYTES = 4000 };

/* Its clock begins to run. */
void journal_init(struct journal *journal);
void journal_release(struct journal *journal);
/* Of a text that is too long the end is kept. An event beyond JOURNAL_EVENTS_MAX is counted, and left out. */
void journal_add(struct journal *journal, const struct journal_event *event);

#endif
