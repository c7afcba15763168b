/* SPDX-License-Identifier: Apache-2.0 */
/* What was found wrong with an image, with the place of each: a list of bounded length. */
#ifndef CHECK_FINDINGS_H
#define CHECK_FINDINGS_H

#include "base/alloc.h"
#include "base/text.h"

/* Beyond that they are counted only: whoever made the image decides how many there are. */
enum { FINDINGS_MAX = 500 };

enum finding_level {
	FINDING_MISTAKE, /* a daemon would refuse it, or should have */
	FINDING_NOTE,    /* worth knowing */
};

struct finding {
	enum finding_level level;
	enum error_kind kind; /* of a mistake: ERROR_FORMAT, ERROR_DIGEST or ERROR_TRUST */
	const char *file;
	const char *place; /* in FILE: "entry 'rootfs/x'", "metadata.yaml:3:1"; "" for the file as a whole */
	const char *message;
};

struct findings {
	struct arena arena;
	struct finding *items; /* as they were found; all texts are printable UTF-8 */
	size_t count;
	size_t left_out;
	size_t mistake_count; /* those left out are among them */
};

#define FINDINGS_INIT ((struct findings) { .items = NULL })

void findings_mistake(struct findings *findings, enum error_kind kind, const char *file, const char *place,
		      const char *fmt, ...) PRINTF(5, 6);
void findings_note(struct findings *findings, const char *file, const char *place, const char *fmt, ...)
	PRINTF(4, 5);
/*
 * Take *e for a mistake in FILE, and clear it: 0. What is no fault of the image (an interruption, a file that cannot be
 * read) stays: -1. A FILE in front of the text goes.
 */
int findings_take(struct findings *findings, const char *file, const char *place, struct error *e) MUST_CHECK;
/* The kind of the worst mistake: trust before digest before format; ERROR_NONE when there is none. */
enum error_kind findings_kind(const struct findings *findings);
void findings_release(struct findings *findings);

/* TEXT as one line of UTF-8, malloc'ed: bytes that are none become \xNN. */
char *printable(const char *text);

#endif
