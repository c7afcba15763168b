/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packages apt would install: the same choices in the same order as `apt-get install NAME…`, so that
 * an image built by kiln has what a user would get with apt.
 *
 * apt's way, in short. Everything that was asked for is marked first and protected from being dropped again.
 * Then each of those is walked depth first: what conflicts with it is ruled out, then each dependency
 * that nothing marked so far satisfies is tried from left to right, a real package before its
 * providers, until one can be installed with all that it needs in turn; a choice that fails is taken back
 * and the next one tried. What is broken after that is repaired by scores: packages that much depends on
 * stay, others give way. Last, what nothing needs any more is dropped.
 *
 *	deb_resolver_init(&resolver, &index);
 *	deb_resolver_run(&resolver, requests, count, 0, e);      // decides; the states hold the result
 *	deb_resolver_commit(&resolver);                       // what was decided is now installed
 *	… and so on for further runs
 *
 * The files: deb_resolve.c walks, deb_release.c chooses versions by archive, deb_repair.c repairs, deb_sweep.c drops,
 * deb_explain.c finds words for failures. deb_state.c has the questions that all of them ask.
 */
#ifndef PLAN_DEB_RESOLVE_H
#define PLAN_DEB_RESOLVE_H

#include "plan/deb_index.h"

enum deb_mode { MODE_KEEP, MODE_INSTALL, MODE_DELETE };

/* What the resolver knows about one package. */
struct deb_state {
	struct deb_version *candidate; /* what would be installed; NULL: ruled out, or there is none */
	struct deb_version *current;   /* installed by earlier runs */
	struct deb_version *install;   /* what will be installed after this run */
	struct deb_version *former;    /* the candidate before it was ruled out, */
	uint64_t former_until;         /* and when that was; see deb_candidate_seen() */
	uint64_t refreshed;            /* when relations that aim at this package were last looked at */
	enum deb_mode mode;
	bool fixed;     /* only the user may change the mode */
	bool automatic; /* apt's mark */
	bool held;      /* not to be installed */
	bool needed;    /* by the sweep */
	bool explored;
	bool garbage;
	bool asked; /* by a request of this run */
	bool unwanted;
	bool before_repair; /* was marked for installation when the repair began */
	bool reinstated;    /* was tried once by this repair */
	int score;
	int place_score; /* the score at the beginning of the repair; gives the order of the work */
	uint32_t bucket; /* where apt's hash table has the package */
};

/* "vim/bookworm-backports": VERSION, and what it needs in the same versions as far as that must be. */
struct deb_switch {
	struct deb_version *version;
	const char *release; /* see deb_release.h */
};

struct deb_resolver {
	struct deb_index *index;
	bool recommends;                   /* install them like dependencies */
	const struct deb_switch *switches; /* borrowed; for the next run, in the order of the wishes */
	size_t switch_count;
	uint64_t clock;
	struct deb_package **known; /* those that have a state */
	size_t known_count;
};

#define DEB_RESOLVER_INIT ((struct deb_resolver) { .index = NULL })
#define auto_deb_resolver AUTO(deb_resolver_release)

struct deb_request {
	struct deb_package *package;
	struct deb_version *version; /* this one; NULL: the candidate */
	bool remove;
};

enum deb_run_flags {
	DEB_SWEEP = 1 << 0, /* also remove installed packages that nothing needs any more: --auto-remove */
};

void deb_resolver_init(struct deb_resolver *resolver, struct deb_index *index);
void deb_resolver_release(struct deb_resolver *resolver);

/*
 * Decide. Afterwards the states of resolver->known tell what is installed (state->install) and what was
 * before (state->current). Errors: ERROR_PLAN with the chain that shows why, beginning with the package that
 * cannot be installed; *culprit receives the one of REQUESTS that this is, or NULL.
 */
int deb_resolver_run(struct deb_resolver *resolver, const struct deb_request *requests, size_t count,
		     unsigned flags, const struct deb_request **culprit, struct error *e) MUST_CHECK;
/* Take what was decided as installed. */
void deb_resolver_commit(struct deb_resolver *resolver);
/* Forget what was decided since the last commit. */
void deb_resolver_rollback(struct deb_resolver *resolver);

/* The version of PACKAGE that apt's policy prefers: the highest pin, then the highest version. */
struct deb_version *deb_candidate(const struct deb_package *package);

/* --- shared by the files of the resolver --- */

enum deb_when { DEB_NOW, DEB_AFTER, DEB_CANDIDATE };

/* One dependency: alternatives COUNT of PARTS. */
struct deb_group {
	const struct deb_relation_part *parts;
	size_t count;
};

struct deb_state *deb_state_of(struct deb_resolver *resolver, struct deb_package *package);
bool deb_is_negative(enum deb_kind kind);
/* Without it the package cannot work (as opposed to Recommends and Suggests). */
bool deb_is_critical(enum deb_kind kind);
/* To be followed when installing. */
bool deb_is_followed(const struct deb_resolver *resolver, enum deb_kind kind);
/* The group that starts at *position of VERSION's relations, *position moves behind it; false at the end. */
bool deb_group_next(struct deb_resolver *resolver, struct deb_version *version, size_t *position,
		    struct deb_group *group);
/* Whether PART of a relation of PACKAGE holds; one that is negative holds while nothing matches it. */
bool deb_part_holds(struct deb_resolver *resolver, const struct deb_package *package,
		    const struct deb_relation_part *part, enum deb_when when);
bool deb_group_holds(struct deb_resolver *resolver, const struct deb_package *package, struct deb_group group,
		     enum deb_when when);
/* Whether PART may be about TARGET at all, or about PROVIDE: nothing conflicts with itself. */
bool deb_concerns(const struct deb_package *package, const struct deb_relation_part *part,
		  const struct deb_package *target);
/* The version that will be installed lacks a dependency, or meets a conflict. */
bool deb_is_broken(struct deb_resolver *resolver, struct deb_package *package);
size_t deb_broken_count(struct deb_resolver *resolver);
/* Nothing is broken, and all that is followed when installing holds, too. */
bool deb_is_all_there(struct deb_resolver *resolver);

/* The candidate as the relations that aim at TARGET know it. */
struct deb_version *deb_candidate_seen(struct deb_resolver *resolver, struct deb_package *package,
				       struct deb_package *target);
/* Relations that aim at PACKAGE, or at what it provides, are looked at anew. */
void deb_refresh(struct deb_resolver *resolver, struct deb_package *package);
void deb_rule_out(struct deb_resolver *resolver, struct deb_package *package);

/* A change that must ask: DEPTH bounds recursion. All return whether PACKAGE is now in the mode asked for. */
bool deb_mark_install(struct deb_resolver *resolver, struct deb_package *package, bool follow, unsigned depth,
		      bool by_user);
bool deb_mark_keep(struct deb_resolver *resolver, struct deb_package *package, unsigned depth, bool by_user);
bool deb_mark_delete(struct deb_resolver *resolver, struct deb_package *package, unsigned depth,
		     bool by_user);
bool deb_may_delete(struct deb_resolver *resolver, struct deb_package *package, unsigned depth);

void deb_repair(struct deb_resolver *resolver);
/* Find what nothing needs: state->garbage. */
void deb_find_garbage(struct deb_resolver *resolver);
void deb_sweep(struct deb_resolver *resolver, unsigned flags);
/* Set *e to the chain from VERSION, which was to be installed, to what is missing. Returns -1. */
int deb_explain(struct deb_resolver *resolver, struct deb_version *version, struct error *e);
/* The one of COUNT requests that PACKAGE, which is broken, was to be installed for; NULL if it is none's. */
const struct deb_request *deb_find_culprit(struct deb_resolver *resolver, const struct deb_request *requests,
					   size_t count, const struct deb_package *package);
/* The version that satisfies GROUP of a relation of PACKAGE after this run; NULL when it is not satisfied. */
struct deb_version *deb_satisfier(struct deb_resolver *resolver, struct deb_group group);

#endif
