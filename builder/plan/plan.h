/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 3. Recipe and indexes → plan: one closed, ordered list of packages for the whole image. Pure: no
 * clock, no disk, no network; the same input gives the same plan.
 *
 * A plan is a list of steps. Each step's packages are unpacked and configured before the next step begins:
 *	the base step: what must be there before any script can run (Essential and what it needs)
 *	install steps: everything else; as few as the recipe's actions allow, usually one
 *	remove steps:  packages of `action: remove`, and what nothing needs any more
 * Steps of PHASE_BASE run before the post-unpack actions, those of PHASE_SETS after the post-update ones.
 * Where no action runs in between, all installation is one closure in PHASE_BASE.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/log.h"

struct index_archive;
struct index_set;
struct layer_key;
struct recipe;

enum plan_why {
	WHY_ESSENTIAL,   /* Essential: yes */
	WHY_PRIORITY,    /* of the variant: required, important */
	WHY_VARIANT,     /* named by the variant: apt, build-essential */
	WHY_RECIPE,      /* named in a set of the recipe */
	WHY_PRE_DEPENDS, /* Pre-Depends of WHY_PACKAGE */
	WHY_DEPENDS,     /* Depends of WHY_PACKAGE */
	WHY_RECOMMENDS,  /* Recommends of WHY_PACKAGE */
};

/* A package of the plan; packages refer to each other by their position in plan.packages. */
struct plan_package {
	const char *name;
	const char *version;
	const char *architecture;            /* "amd64", "all" */
	const char *source;                  /* name of the source package that it was made from */
	const char *filename;                /* below the archive's uri */
	const struct index_archive *archive; /* borrowed from the index set */
	const char *component;
	struct digest sha256;
	uint64_t size_bytes; /* of the package file */
	uint64_t installed_bytes;
	enum plan_why why;
	const char *why_package; /* name, or NULL */
	bool essential;
	bool automatic;  /* apt's mark: installed only as a dependency of something chosen */
	size_t *depends; /* positions that satisfy its Depends and Pre-Depends; ascending */
	size_t depend_count;
	size_t *pre_depends; /* positions that satisfy its Pre-Depends; ascending */
	size_t pre_depend_count;
};

enum plan_step_kind { STEP_BASE, STEP_INSTALL, STEP_REMOVE };
enum plan_phase { PHASE_BASE, PHASE_SETS };

struct plan_step {
	enum plan_step_kind kind;
	enum plan_phase phase;
	size_t *packages; /* positions; for an installation in an order that dpkg could unpack them in */
	size_t count;
};

struct plan {
	struct arena arena;
	struct plan_package *packages; /* all that any step installs, each once */
	size_t package_count;
	struct plan_step *steps;
	size_t step_count;
	bool merged_usr; /* /bin, /sbin, /lib* are links into /usr from the beginning */
};

#define PLAN_INIT ((struct plan) { .packages = NULL })
#define auto_plan AUTO(plan_release)

/*
 * Choose packages. Errors: ERROR_PLAN: a name that no archive has (with near names and its place in the
 * recipe), or packages that cannot be installed together (with the chain that shows why).
 */
int deb_plan_make(const struct recipe *recipe, const struct index_set *indexes, struct plan *plan,
		  struct error *e) MUST_CHECK;
void plan_release(struct plan *plan);

/* What is left installed after all steps: positions in ascending order of name; malloc'ed. */
size_t *plan_result(const struct plan *plan, size_t *count);

/* What an installation or removal of STEP's packages reads, for the key of a layer. */
void plan_describe_step(const struct plan *plan, const struct plan_step *step, struct layer_key *key);

/* The words for these in JSON: "pre-depends", "base"; and back, false for a word that is none. */
const char *plan_why_name(enum plan_why why);
const char *plan_step_name(enum plan_step_kind kind);
const char *plan_phase_name(enum plan_phase phase);
bool plan_why_parse(const char *word, enum plan_why *why);
bool plan_step_parse(const char *word, enum plan_step_kind *kind);
bool plan_phase_parse(const char *word, enum plan_phase *phase);

/* "depends of systemd", "named in the recipe" … into BUFFER. */
void plan_why_text(const struct plan_package *package, struct buffer *buffer);

/* For people, and for machines (JSON, stable order, one trailing line end). */
void plan_print(const struct plan *plan, struct buffer *out);
void plan_print_json(const struct plan *plan, struct buffer *out);

#endif
