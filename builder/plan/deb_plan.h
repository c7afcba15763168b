/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that deb_plan_make() is made of: wishes (what the variant and the recipe name), and a draft that
 * collects what each run of the resolver decided until it becomes a struct plan.
 */
#ifndef PLAN_DEB_PLAN_H
#define PLAN_DEB_PLAN_H

#include "plan/deb_resolve.h"
#include "plan/plan.h"

struct recipe_name;

/* The requests of one run, each with its reason. */
struct deb_wishes {
	struct deb_request *requests;
	enum plan_why *whys;
	const struct recipe_name **names; /* where the recipe says so; NULL for those of the variant */
	size_t count;
	struct deb_version **mentions; /* every version that was asked for, once */
	size_t mention_count;
	struct deb_switch *switches;
	size_t switch_count;
};

#define DEB_WISHES_INIT ((struct deb_wishes) { .requests = NULL })
#define auto_deb_wishes AUTO(deb_wishes_release)

/* Add what the recipe's source.variant stands for. Errors: ERROR_UNSUPPORTED for an unknown variant. */
int deb_wishes_add_variant(struct deb_wishes *wishes, const struct recipe *recipe,
			   const struct deb_index *index, struct error *e) MUST_CHECK;
/*
 * Add NAME, to be installed or removed: "vim", "vim=2:9.0", "vim/bookworm-backports", "vim-" (not to be
 * installed). Errors: ERROR_PLAN for one that no archive has or that several provide; ERROR_UNSUPPORTED for
 * other forms that apt knows.
 */
int deb_wishes_add_name(struct deb_wishes *wishes, const struct recipe_name *name, bool remove,
			struct deb_index *index, struct error *e) MUST_CHECK;
/* Add PACKAGE, unless it is there. */
void deb_wishes_add(struct deb_wishes *wishes, struct deb_request request, enum plan_why why,
		    const struct recipe_name *name);
bool deb_wishes_have(const struct deb_wishes *wishes, const struct deb_package *package);
void deb_wishes_release(struct deb_wishes *wishes);

/* Names of INDEX like NAME, for "(near: 'a', 'b')"; appended to OUT, nothing when none is like it. */
void deb_near_names(const struct deb_index *index, struct text name, struct buffer *out);

/* One package that some step installs. */
struct deb_draft {
	struct deb_version *version;
	size_t position; /* in the finished plan */
	enum plan_why why;
	const struct deb_package *why_package;
	bool automatic;
	bool base;                    /* of the base step */
	struct deb_version **depends; /* with Pre-Depends; owned */
	size_t depend_count;
	struct deb_version **pre_depends; /* owned */
	size_t pre_depend_count;
};

struct deb_draft_step {
	enum plan_step_kind kind;
	enum plan_phase phase;
	struct deb_version **versions; /* owned */
	size_t count;
};

struct deb_drafts {
	struct deb_draft **drafts; /* owned, each and all */
	size_t count;
	struct deb_draft_step *steps;
	size_t step_count;
};

#define DEB_DRAFTS_INIT ((struct deb_drafts) { .drafts = NULL })
#define auto_deb_drafts AUTO(deb_drafts_release)

/* Note down as steps what RESOLVER has decided since the last commit, and why. */
void deb_drafts_record(struct deb_drafts *drafts, struct deb_resolver *resolver,
		       const struct deb_wishes *wishes, enum plan_phase phase);
/* Make it a plan. Errors: ERROR_FORMAT for a stanza without what is needed to fetch the package. */
int deb_drafts_finish(const struct deb_drafts *drafts, const struct deb_index *index, struct plan *plan,
		      struct error *e) MUST_CHECK;
void deb_drafts_release(struct deb_drafts *drafts);

/* deb_plan_make() of an index that was scanned already, which keeps what the resolver noted down in it. */
int deb_plan_choose(const struct recipe *recipe, struct deb_index *index, struct plan *plan, struct error *e)
	MUST_CHECK;

/*
 * Put POSITIONS, packages of one step, in an order in which dpkg could unpack them: what a package pre-depends
 * on before it, then what it depends on; circles are cut where that breaks the least.
 */
void deb_order(const struct plan *plan, size_t *positions, size_t count);

#endif
