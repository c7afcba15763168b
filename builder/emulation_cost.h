/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of an image for another processor cost: seconds in which an interpreter ran them, by whose they
 * were. Read out of the journal, so that all that ran is in it and nothing else.
 */
#ifndef EMULATION_COST_H
#define EMULATION_COST_H

#include "base/alloc.h"
#include "base/log.h"

#include <stddef.h>

struct emulation_part {
	const char *kind; /* "package", "action", "program" */
	const char *name; /* "libc6", "debian.yaml:12", "dpkg --configure" */
	size_t run_count; /* of its scripts; of dpkg itself: how often it was started */
	double seconds;   /* of dpkg: without the scripts that it ran */
};

struct emulation_cost {
	struct arena arena;           /* holds all texts */
	struct emulation_part *parts; /* the longest first */
	size_t count;
	double total_s;
};

#define EMULATION_COST_INIT ((struct emulation_cost) { .parts = NULL })
#define auto_emulation_cost AUTO(emulation_cost_release)

/* Nothing when JOURNAL is NULL, or nothing was emulated. */
void emulation_cost_read(const struct journal *journal, struct emulation_cost *cost);
/* One line for the end of a build, if there is something to say: the sum, and what is most of it. */
void emulation_cost_say(const struct emulation_cost *cost, const char *interpreter, struct log *log);
/* All of it, for who asked: a line for each part. */
void emulation_cost_print(const struct emulation_cost *cost, const char *interpreter, struct log *log);
void emulation_cost_release(struct emulation_cost *cost);

#endif
