/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of steps that makes the root: base system, repositories, package sets, each action, files, cleaning, in
 * the order of the definition format; and of the root the image files. It owns the root.
 *
 * Each step has a key, a digest over all that it reads (layer/key.h) and over the key of the step before. After
 * a step its changes are kept as a layer of that key, and a later build whose keys are the same up to some step
 * begins with the layers and carries out the rest. Without layers (`--no-layers`, or where overlayfs is not to be
 * had) the same steps write into one plain folder; the bytes are the same either way.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "base/log.h"
#include "base/meter.h"
#include "sandbox/isolation.h"

#include <stdbool.h>

struct artefacts;
struct chain;
struct family;
struct emulation;
struct fetcher;
struct index_set;
struct limits;
struct lint_gate;
struct pack_options;
struct plan;
struct recipe;

/* The stages that a step may belong to, in their order. */
enum chain_part { CHAIN_UNPACK, CHAIN_CONFIGURE, CHAIN_CUSTOMIZE };

/* All borrowed until chain_close(). */
struct chain_options {
	const struct recipe *recipe;
	const struct family *family;
	const struct index_set *indexes;
	const struct plan *plan;
	struct fetcher *fetcher;
	const struct emulation *emulation; /* how programs of the image run; NULL: as the host's */
	int64_t epoch_s;                   /* the date of everything in the image */
	const char *cache_dir;
	const char *work_dir; /* NULL: see workspace.h */
	unsigned sharers;     /* builds at once; see workspace.h */
	enum isolation isolation;
	bool layers;                  /* use layers, and keep new ones */
	bool network;                 /* for actions */
	struct limits *limits;        /* of all programs of the root; may be NULL */
	const struct lint_gate *gate; /* what the root must pass to be packed */
	struct log *log;
	struct meter *meter; /* may be NULL */
};

/*
 * Make the place for the root, and begin it with the layers that there are. Before anything is fetched for it, and
 * while kiln has one thread.
 */
int chain_open(const struct chain_options *options, struct chain **out, struct error *e) MUST_CHECK;
void chain_close(struct chain *chain); /* NULL is fine */

/* The root; after the last step, or its layer, that of the image. The chain's. */
int chain_root_fd(const struct chain *chain);

/* Whether the package at POSITION of the plan is installed by a step that is still to be carried out. */
bool chain_needs_package(const struct chain *chain, size_t position);

/*
 * Whether the steps that are still to be carried out can be, where programs of the image do not run: as far as that is
 * known before packages are fetched. Errors: ERROR_UNSUPPORTED.
 */
int chain_check_programs(const struct chain *chain, struct error *e) MUST_CHECK;

/* Carry out the steps of PART; those of the parts before it have been. */
int chain_run(struct chain *chain, enum chain_part part, struct error *e) MUST_CHECK;
/* In the end: wait until all layers are kept, and make room for them where there are too many. */
int chain_keep_layers(struct chain *chain, struct error *e) MUST_CHECK;

/*
 * The last link, after CHAIN_CUSTOMIZE: root → image files, in the delivery of OPTIONS. They are taken from a
 * layer when an earlier build has made the same, and kept as one else. OPTIONS says all but what the chain knows:
 * the root, its metadata, the date.
 */
int chain_pack(struct chain *chain, const struct pack_options *options, struct artefacts *artefacts,
	       struct error *e) MUST_CHECK;

#endif
