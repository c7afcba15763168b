/* SPDX-License-Identifier: Apache-2.0 */
/* What every build lets pass: its root is examined while it is packed, so that nothing is read for that alone. */
#ifndef CHECK_LINT_PACK_H
#define CHECK_LINT_PACK_H

#include "check/lint.h"

struct artefacts;
struct image_templates;
struct layer_key;
struct pack_options;
struct recipe;

struct lint_gate {
	bool open; /* nothing is examined */
	enum lint_severity fail_on;
	struct lint_allows allows;
};

#define LINT_GATE_INIT ((struct lint_gate) { .fail_on = LINT_ERROR })

/* Add what the recipe allows. Errors: ERROR_RECIPE with the place. */
int lint_allow_recipe(const struct recipe *recipe, struct lint_allows *allows, struct error *e) MUST_CHECK;
void lint_gate_release(struct lint_gate *gate);

/* An image that has passed need not be examined again by the same gate: put it into the key of its layer. */
void lint_gate_describe(const struct lint_gate *gate, struct layer_key *key);

/*
 * pack_image(), which fails with ERROR_LINT, and leaves no file, when the gate does not let the root pass. Warnings go
 * to the log. TEMPLATES are those of the image: what they write into instances may be anything before.
 */
int lint_pack(const struct lint_gate *gate, const struct image_templates *templates,
	      const struct pack_options *options, struct artefacts *artefacts, struct error *e) MUST_CHECK;

#endif
