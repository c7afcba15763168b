/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.json: the record that lies beside an image: what it is, its files and fingerprints, its packages,
 * and what each kind of work cost.
 */
#ifndef RECORD_H
#define RECORD_H

#include "base/meter.h"
#include "pack/pack.h"
#include "sandbox/isolation.h"

#include <stdbool.h>
#include <stdint.h>

struct index_set;
struct inputs;
struct evidence;
struct plan;
struct recipe;

/* What a record is made of. All borrowed. */
struct record_parts {
	const struct recipe *recipe;
	const struct plan *plan;     /* NULL: there is none yet */
	const struct inputs *inputs; /* with the next; NULL as long as there is no plan */
	const struct index_set *indexes;
	const struct artefacts *artefacts;
	const struct evidence *evidence;
	const char *log_name;          /* of the file with the build's log; NULL: there is none */
	const char *const *signatures; /* of SHA256SUMS: names of files */
	size_t signature_count;
	bool dated; /* CREATION_S, and with it the image's serial and name, are known */
	int64_t creation_s;
	enum isolation isolation; /* ISOLATION_AUTO: no root was made */
	const char *until;        /* the stage that a build stopped behind; NULL: it came to its end */
	const struct meter_report *spent;
};

/* The text of image.json: malloc'ed, ends in a line end. Of a build that stopped early it has what there is. */
int record_make(const struct record_parts *parts, char **text, struct error *e) MUST_CHECK;

/* Of it the list of files and fingerprints alone, for who only packs; malloc'ed. */
char *record_artefacts(const struct artefacts *artefacts);

#endif
