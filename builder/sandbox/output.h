/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program of the sandbox prints: cut into lines, made harmless for a terminal, shown as it comes
 * with --verbose, and the last lines kept for the error message.
 */
#ifndef SANDBOX_OUTPUT_H
#define SANDBOX_OUTPUT_H

#include "sandbox/sandbox.h"

struct output {
	const struct sandbox *sandbox;   /* borrowed; its log and on_line() learn of each line */
	struct buffer line;              /* the line being read, as it came */
	char *lines[SANDBOX_TAIL_LINES]; /* owned; a ring, the oldest at `line_count % SANDBOX_TAIL_LINES` */
	size_t line_count;               /* all there were */
	bool carriage_return;            /* the last byte was one: a line end, or a line that starts over */
	bool cut;                        /* the line being read is longer than what is kept of it */
};

#define OUTPUT_INIT ((struct output) { .sandbox = NULL })
#define auto_output AUTO(output_release)

void output_add(struct output *output, const char *data, size_t len);
/* Count an unfinished last line as one, and put the kept lines, each with its line end, into TAIL. */
void output_end(struct output *output, struct buffer *tail);
void output_release(struct output *output);

/* Whether TAIL tells that a disk is full: a program that found it so has no other way to say it. */
bool output_tells_no_space(struct text tail);

/* Whether TAIL tells that somebody was not allowed to make a device node. */
bool output_tells_no_node(struct text tail);

#endif
