/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the person who watches: what happens now, warnings, progress. They go to stderr; data goes
 * to stdout and never through here. Errors do not either: they are returned (error.h) and main() prints
 * them once. Safe to call from several threads.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"
#include "base/journal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE };

struct log {
	enum log_level level;
	FILE *out;               /* borrowed */
	bool terminal;           /* OUT is one: draw a progress bar; otherwise plain lines */
	bool bar_shown;          /* the last line on the terminal is a bar and not yet ended */
	int64_t bar_ms;          /* monotonic time of the last drawing */
	struct journal *journal; /* borrowed; learns of warnings, and of what others add; NULL: nobody */
	pthread_mutex_t lock;
};

void log_init(struct log *log, enum log_level level, FILE *out);
void log_release(struct log *log);

/* A line "WHAT" unless quiet. */
void log_say(struct log *log, const char *fmt, ...) PRINTF(2, 3);
/* A line shown with --verbose only. */
void log_detail(struct log *log, const char *fmt, ...) PRINTF(2, 3);
/* A line that was asked for by an option of its own: shown always. */
void log_asked(struct log *log, const char *fmt, ...) PRINTF(2, 3);
/* "kiln: warning: …", shown always, also with --quiet. */
void log_warn(struct log *log, const char *fmt, ...) PRINTF(2, 3);

enum log_unit { LOG_ITEMS, LOG_BYTES };

/*
 * DONE of TOTAL. On a terminal a bar that is redrawn at most ten times a second; elsewhere nothing until
 * log_progress_end(), which erases the bar and says one summary line (NULL: none).
 */
void log_progress(struct log *log, const char *what, uint64_t done, uint64_t total, enum log_unit unit);
void log_progress_end(struct log *log, const char *summary_fmt, ...) PRINTF(2, 3);

/* A size for people: "61.2 MiB". */
struct human_size {
	char text[32];
} human_size(uint64_t bytes);

#endif
