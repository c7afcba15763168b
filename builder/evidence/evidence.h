/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 9. What lies beside an image, so that whoever gets it can tell what is in it and where it came from:
 *
 *	NAME.manifest         package, version and architecture, a line each
 *	NAME.spdx.json        bill of materials, SPDX 2.3
 *	NAME.cdx.json         the same, CycloneDX 1.6
 *	NAME.provenance.json  in-toto statement with the SLSA predicate: from what, by whom, with which parameters
 *	NAME.log              what the build did, step by step; has clocks in it, so two builds differ in it
 *
 * All but the log depend on the image, its inputs and kiln alone: the same build gives the same bytes, also when its
 * steps came from layers.
 */
#ifndef EVIDENCE_EVIDENCE_H
#define EVIDENCE_EVIDENCE_H

#include "pack/pack.h"

struct delivery;
struct family;
struct index_set;
struct inputs;
struct journal;
struct lock;
struct plan;

enum evidence_kind {
	EVIDENCE_MANIFEST = 1 << 0,
	EVIDENCE_SPDX = 1 << 1,
	EVIDENCE_CYCLONEDX = 1 << 2,
	EVIDENCE_PROVENANCE = 1 << 3,
	EVIDENCE_LOG = 1 << 4,
};

/* All borrowed. */
struct evidence_options {
	unsigned kinds;   /* enum evidence_kind, or-ed */
	const char *name; /* that the image's files begin with */
	const struct family *family;
	const struct recipe *recipe;
	const struct index_set *indexes;
	const struct plan *plan;
	const struct inputs *inputs;
	const struct lock *lock; /* its path is NULL when there is none */
	const struct artefacts *artefacts;
	int64_t epoch_s;
	int root_fd;               /* of the image */
	struct delivery *delivery; /* receives the files */
	const char *builder_id;    /* address that stands for who builds; NULL: nobody in particular */
	struct log *log;
	struct meter *meter; /* may be NULL */
};

struct evidence_file {
	const char *kind; /* "manifest" */
	struct artefact_file file;
};

struct evidence {
	struct evidence_file *files; /* owned; without the log, in the order of enum evidence_kind */
	size_t count;
};

#define EVIDENCE_INIT ((struct evidence) { NULL, 0 })
#define auto_evidence AUTO(evidence_release)

/* Write all but the log; what an earlier build has left under the same names goes when they are delivered. */
int evidence_write(const struct evidence_options *options, struct evidence *evidence, struct error *e)
	MUST_CHECK;
void evidence_release(struct evidence *evidence);

/* "manifest,sbom,log" → kinds; "sbom" is both, "all" and "none" stand alone. ERROR_USAGE names what is possible. */
int evidence_parse(const char *words, unsigned *kinds, struct error *e) MUST_CHECK;
/* The name of a file of KIND: malloc'ed. */
char *evidence_file_name(const char *name, enum evidence_kind kind);

/* JOURNAL as lines of JSON; malloc'ed. NAME of the image, NULL: it never got one. */
char *evidence_log(const struct journal *journal, const char *name);

#endif
