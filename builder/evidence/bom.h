/* SPDX-License-Identifier: Apache-2.0 */
/* What both bills of materials say, each in its own words. */
#ifndef EVIDENCE_BOM_H
#define EVIDENCE_BOM_H

#include "evidence/inventory.h"
#include "pack/pack.h"

struct index_set;
struct recipe;

/* All borrowed. */
struct bom {
	const char *name; /* of the image's files */
	const struct recipe *recipe;
	const struct index_set *indexes;
	const struct artefacts *artefacts;
	const struct inventory *inventory;
	int64_t epoch_s;
};

/* The documents, with a line end at their end; malloc'ed. */
char *spdx_make(const struct bom *bom);
char *cyclonedx_make(const struct bom *bom);

/* malloc'ed */
char *bom_purl(const struct bom *bom, const struct inventory_package *package);
/* Of the source package that it was built from. */
char *bom_source_purl(const struct bom *bom, const struct inventory_package *package);
/* Where the archive has the package, as the recipe names the archive; NULL when it is not the plan's. malloc'ed. */
char *bom_url(const struct inventory_package *package);

/* Who maintains a package. */
struct bom_party {
	char *name;    /* owned; NULL: nobody is named */
	char *address; /* owned; of mail; NULL: none */
	bool is_group;
};

void bom_party_parse(const char *maintainer, struct bom_party *party);
void bom_party_release(struct bom_party *party);

#endif
