/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.json: the record that lies beside an image: what it is, its files and fingerprints, its packages,
 * and what each kind of work cost.
 */
#ifndef RECORD_H
#define RECORD_H

#include "base/meter.h"
#include "pack/pack.h"

#include <stdint.h>

struct plan;
struct recipe;

/* The text of image.json: malloc'ed, ends in a line end. */
int record_make(const struct recipe *recipe, const struct plan *plan, const struct artefacts *artefacts,
		int64_t creation_s, const struct meter_report *spent, char **text, struct error *e)
	MUST_CHECK;

#endif
