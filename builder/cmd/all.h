/* SPDX-License-Identifier: Apache-2.0 */
/* kiln build --all: every image of a matrix, several at a time. */
#ifndef CMD_ALL_H
#define CMD_ALL_H

#include "cmd/cells.h"
#include "pipeline.h"

/* What the command line says of one build; of CHOSEN the first cell, if it has any. Borrows from both. */
int build_options_from(const struct settings *settings, enum stage until, const struct chosen *chosen,
		       struct build_options *options, struct error *e) MUST_CHECK;

/*
 * Build all that --cell leaves of the matrix, each image in a process of its own and into a folder of its name,
 * print a table, and fail as the first that failed.
 */
int build_all(const struct settings *settings, struct error *e) MUST_CHECK;

#endif
