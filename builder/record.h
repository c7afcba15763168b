/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.json: the record that lies beside an image: what it is, its files and fingerprints, its packages,
 * and how long each stage took.
 */
#ifndef RECORD_H
#define RECORD_H

#include "pack/pack.h"

#include <stdint.h>

struct plan;
struct recipe;

struct stage_seconds {
	const char *stage;
	double seconds;
};

/* The text of image.json: malloc'ed, ends in a line end. */
int record_make(const struct recipe *recipe, const struct plan *plan, const struct artefacts *artefacts,
		int64_t creation_s, const struct stage_seconds *seconds, size_t second_count, char **text,
		struct error *e) MUST_CHECK;

#endif
