/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packages that a set of indexes offers, for one architecture: every version, every provided name, and,
 * as they are asked for, the relations of a version.
 *
 * A package here is a name: one that stanzas bear, one that is only provided ("mail-transport-agent"), or
 * one that is only mentioned. "python3:any" is a name of its own, provided by python3 if that is
 * Multi-Arch: allowed; this is how apt models it.
 *
 * An archive has 60,000 packages and a plan looks at a few hundred. So the scanner reads only what it needs to
 * find packages, all texts stay views into the index files (which must outlive this), and relations are
 * parsed at first use.
 */
#ifndef PLAN_DEB_INDEX_H
#define PLAN_DEB_INDEX_H

#include "base/alloc.h"
#include "base/map.h"
#include "deb/dependency.h"

struct deb_draft;
struct deb_state;
struct index_file;
struct index_set;

/* As the field Priority says; the numbers are apt's, whose tie-breaking prefers the lower one. */
enum deb_priority {
	PRIORITY_UNKNOWN,
	PRIORITY_REQUIRED,
	PRIORITY_IMPORTANT,
	PRIORITY_STANDARD,
	PRIORITY_OPTIONAL,
	PRIORITY_EXTRA,
};

/* In the order in which apt looks at the fields. */
enum deb_kind {
	KIND_PRE_DEPENDS,
	KIND_DEPENDS,
	KIND_CONFLICTS,
	KIND_BREAKS,
	KIND_RECOMMENDS,
	KIND_SUGGESTS,
};

struct deb_relation_part {
	struct deb_package *target;
	struct text version;
	enum deb_kind kind : 8;
	enum deb_relation relation : 8;
	bool or_next; /* the next part is an alternative */
};

struct deb_provide {
	struct deb_version *owner;
	struct deb_package *target;
	struct text version;          /* empty: provided without one */
	struct deb_provide *next;     /* of the same target; the last read comes first, as in apt */
	struct deb_provide *next_own; /* of the same owner */
};

/* A further file that has a version. */
struct deb_copy {
	const struct index_file *file;
	struct deb_copy *next;
};

struct deb_version {
	struct deb_package *package;
	struct text version;
	struct text stanza;
	const struct index_file *file; /* the first that has it: where it is fetched from */
	struct deb_copy *copies;       /* the others, in no order */
	struct deb_version *next;      /* the next lower one */
	struct deb_provide *provides;
	struct deb_relation_part *parts; /* by deb_version_parts() */
	size_t part_count;
	struct deb_draft *draft; /* the plan's, once it is planned to be installed */
	uint32_t order;          /* of its stanza among all that were read */
	int16_t pin;             /* apt's priority of the best archive that has it: 500, 100, 1 */
	uint8_t priority;        /* enum deb_priority */
	bool architecture_all;
	bool multi_arch_same;
	bool essential;
	bool parsed; /* PARTS are there */
};

struct deb_package {
	struct text name;
	struct deb_version *versions; /* highest first */
	struct deb_provide *provides; /* by whom it is provided */
	bool essential;
	bool important;          /* Important or Protected: not to be removed unless asked for */
	uint64_t mention;        /* by deb_index_rank(); 0: not looked for yet */
	struct deb_state *state; /* the resolver's */
};

struct deb_index {
	struct arena arena;
	struct map names; /* → struct deb_package */
	struct deb_package **packages;
	size_t package_count;
	struct deb_version **versions; /* all, in the order in which they were read */
	size_t version_count;
	const struct index_set *set;
	const char *architecture;
	uint32_t stanza_count;
	struct error error; /* the first malformed relation that deb_version_parts() met */
};

#define DEB_INDEX_INIT ((struct deb_index) { .packages = NULL })
#define auto_deb_index AUTO(deb_index_release)

/*
 * Read all files of SET that are for ARCHITECTURE or for all. Foreign stanzas are passed over.
 * Errors: ERROR_FORMAT, naming the index and the package or the offset.
 */
int deb_index_scan(struct deb_index *index, const struct index_set *set, const char *architecture,
		   struct error *e) MUST_CHECK;
void deb_index_release(struct deb_index *index);

/* NULL when nothing offers, provides or (so far) mentions NAME. */
struct deb_package *deb_index_find(const struct deb_index *index, struct text name);
/* The same, made if need be. NAME is borrowed. */
struct deb_package *deb_index_package(struct deb_index *index, struct text name);

/*
 * The relations of VERSION in apt's order. A malformed one is recorded in index->error and ends the list:
 * whoever has finished asking must look there.
 */
const struct deb_relation_part *deb_version_parts(struct deb_index *index, struct deb_version *version,
						  size_t *count);

/* The field NAME of a stanza, trimmed; empty with a NULL ptr when there is none. */
struct text deb_stanza_field(struct text stanza, const char *name);
/* COUNT fields in one walk; VALUES receives what deb_stanza_field() would return for each of NAMES. */
void deb_stanza_fields(struct text stanza, const char *const *names, size_t count, struct text *values);

/* Set *e to "index 'URI SUITE COMPONENT': package 'NAME': …". Returns -1. */
int deb_version_error(const struct deb_version *version, struct error *e, const char *fmt, ...) PRINTF(3, 4);

/*
 * Give PACKAGES their place in the order in which the indexes first mention them, in whatever field, as
 * package->mention: apt's last resort to tell providers apart (it takes the one mentioned last).
 */
void deb_index_rank(struct deb_index *index, struct deb_package *const *packages, size_t count);

#endif
