/* SPDX-License-Identifier: Apache-2.0 */
/* What one build makes, stage by stage. For pipeline.c and pipeline_index.c alone; others have pipeline.h. */
#ifndef PIPELINE_BUILD_H
#define PIPELINE_BUILD_H

#include "check/lint_pack.h"
#include "emulation_cost.h"
#include "evidence/evidence.h"
#include "fetch/mirror.h"
#include "image/delivery.h"
#include "index/index.h"
#include "lock/lock.h"
#include "pipeline.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "sandbox/emulation.h"
#include "sandbox/isolation.h"

/* Everything one build makes. Released in the reverse of the order in which it was made. */
struct build {
	struct build_options options;
	char *cache_dir;
	struct recipe recipe;
	const struct family *family;
	struct emulation emulation; /* how programs of the image run here */
	struct mirrors mirrors;
	struct fetcher *fetcher;
	struct index_set indexes;
	int64_t epoch_s; /* the date of everything in the image */
	struct plan plan;
	struct inputs inputs;     /* once they are needed */
	struct lock lock;         /* its path is NULL when there is none; the two above are taken out of it */
	enum isolation isolation; /* of the programs of the root; ISOLATION_AUTO: none has to run */
	struct limits *limits;
	struct chain *chain;
	int output_fd;            /* locked from when what lies there is looked at */
	struct delivery delivery; /* all that is to lie there in the end */
	struct lint_gate gate;
	struct artefacts artefacts;
	struct evidence evidence;
	const char *signatures[SIGNATURES_MAX];
	size_t signature_count;
	char *name; /* that its files begin with; NULL: not known yet */
	char *record;
	struct journal journal;
	struct meter meter;
	struct meter_report spent; /* when all was done */
	struct emulation_cost emulated;
};

/* Recipe, command line and libraries as inputs: when the date is known, which templates of the recipe may ask for. */
int build_collect_inputs(struct build *b, struct error *e) MUST_CHECK;
/* The stage: what the host lacks is said first, then indexes are fetched, and the date of the image is known. */
int build_run_index(struct build *b, struct error *e) MUST_CHECK;

#endif
