/* SPDX-License-Identifier: Apache-2.0 */
/* Where an image came from: an in-toto statement (v1) with SLSA's provenance predicate (v1). */
#ifndef EVIDENCE_PROVENANCE_H
#define EVIDENCE_PROVENANCE_H

#include "evidence/bom.h"
#include "evidence/evidence.h"

/*
 * What is built by these rules: the parameters, and what each dependency is, as kiln(1) says under EVIDENCE. Whoever
 * changes their meaning changes the number.
 */
#define PROVENANCE_BUILD_TYPE "urn:kiln:build:1"
#define PROVENANCE_BUILDER    "urn:kiln:builder"

/* The text, malloc'ed; OTHERS are the files of evidence that were made before. Errors: ERROR_RECIPE: no UTF-8. */
int provenance_make(const struct evidence_options *options, const struct bom *bom,
		    const struct evidence *others, char **text, struct error *e) MUST_CHECK;

#endif
