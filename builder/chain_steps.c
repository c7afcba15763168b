/* SPDX-License-Identifier: Apache-2.0 */
#include "chain_steps.h"

#include "base/version.h"
#include "configure/configure.h"
#include "family.h"
#include "index/index.h"
#include "layer/key.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "sandbox/sandbox.h"
#include "unpack/unpack.h"

static struct unpack_site unpack_site(const struct chain *chain)
{
	return (struct unpack_site) {
		.root_fd = chain->workspace.root_fd,
		.fetcher = chain->options.fetcher,
		.plan = chain->options.plan,
		.recipe = chain->options.recipe,
		.log = chain->options.log,
		.meter = chain->options.meter,
	};
}

static struct sandbox sandbox(const struct chain *chain, bool network)
{
	return (struct sandbox) {
		.root_fd = chain->workspace.root_fd,
		.environment = (const char *const *)chain->environment,
		.network = network,
		.isolation = chain->options.isolation,
		.log = chain->options.log,
		.meter = chain->options.meter,
	};
}

static struct customize_site customize_site(const struct chain *chain)
{
	return (struct customize_site) {
		.root_fd = chain->workspace.root_fd,
		.recipe = chain->options.recipe,
		.plan = chain->options.plan,
		.epoch_s = chain->options.epoch_s,
		.log = chain->options.log,
		.meter = chain->options.meter,
	};
}

static void describe_environment(const struct chain *chain, struct layer_key *key)
{
	for (char **variable = chain->environment; *variable; variable++)
		key_text(key, "environment", *variable);
}

static int run_base(struct chain *chain, const struct step *step, struct error *e)
{
	struct unpack_site site = unpack_site(chain);

	if (chain->options.family->unpack_prepare(&site, e) < 0)
		return -1;
	return chain->options.family->unpack_step(&site, step->plan_step, e);
}

/* The first step: what holds for the whole chain is described here. */
static int describe_base(const struct chain *chain, const struct step *step, struct layer_key *key,
			 struct error *e)
{
	const void *id;
	size_t len = program_build_id(&id);

	(void)e;
	key_bytes(key, "kiln", id, len);
	key_text(key, "family", chain->options.family->name);
	key_text(key, "architecture", chain->options.recipe->architecture_mapped);
	key_number(key, "epoch", chain->options.epoch_s);
	recipe_describe_section(chain->options.recipe, "exclude_paths", key);
	index_describe(chain->options.indexes, key);
	plan_describe_step(chain->options.plan, step->plan_step, key);
	return 0;
}

static int run_configure(struct chain *chain, const struct step *step, struct error *e)
{
	struct unpack_site site = unpack_site(chain);
	struct sandbox quiet = sandbox(chain, false);

	return chain->options.family->configure_step(&site, &quiet, step->plan_step, e);
}

static int describe_configure(const struct chain *chain, const struct step *step, struct layer_key *key,
			      struct error *e)
{
	(void)step;
	(void)e;
	describe_environment(chain, key);
	return 0;
}

static int run_packages(struct chain *chain, const struct step *step, struct error *e)
{
	struct unpack_site site = unpack_site(chain);

	if (chain->options.family->unpack_step(&site, step->plan_step, e) < 0)
		return -1;
	return run_configure(chain, step, e);
}

static int describe_packages(const struct chain *chain, const struct step *step, struct layer_key *key,
			     struct error *e)
{
	(void)e;
	describe_environment(chain, key);
	plan_describe_step(chain->options.plan, step->plan_step, key);
	return 0;
}

static int run_repositories(struct chain *chain, const struct step *step, struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)step;
	return chain->options.family->repositories(&site, e);
}

static int describe_repositories(const struct chain *chain, const struct step *step, struct layer_key *key,
				 struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)step;
	return chain->options.family->describe_repositories(&site, key, e);
}

static int run_action(struct chain *chain, const struct step *step, struct error *e)
{
	struct sandbox connected = sandbox(chain, true);
	struct customize_site site = customize_site(chain);

	connected.mounts = true;
	site.sandbox = &connected;
	return customize_action(&site, step->action, e);
}

static int describe_action(const struct chain *chain, const struct step *step, struct layer_key *key,
			   struct error *e)
{
	struct customize_site site = customize_site(chain);

	describe_environment(chain, key);
	return customize_describe_action(&site, step->action, key, e);
}

static int run_files(struct chain *chain, const struct step *step, struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)step;
	return customize_files(&site, &chain->templates, e);
}

static int describe_files(const struct chain *chain, const struct step *step, struct layer_key *key,
			  struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)step;
	return customize_describe_files(&site, key, e);
}

static int run_words(struct chain *chain, const struct step *step, struct error *e)
{
	struct sandbox quiet = sandbox(chain, false);
	struct customize_site site = customize_site(chain);

	site.sandbox = &quiet;
	return customize_setup(&site, step->words, e);
}

static int describe_words(const struct chain *chain, const struct step *step, struct layer_key *key,
			  struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)e;
	if (step->words == CUSTOMIZE_LOCALES)
		describe_environment(chain, key);
	customize_describe_setup(&site, step->words, key);
	return 0;
}

static int run_clean(struct chain *chain, const struct step *step, struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)step;
	return customize_clean(&site, e);
}

static int describe_clean(const struct chain *chain, const struct step *step, struct layer_key *key,
			  struct error *e)
{
	struct customize_site site = customize_site(chain);

	(void)step;
	return customize_describe_clean(&site, key, e);
}

static void add_step(struct chain *chain, struct step step)
{
	ARENA_PUSH(&chain->arena, chain->steps, chain->count, step);
}

static void add_base(struct chain *chain)
{
	const struct plan_step *base = &chain->options.plan->steps[0];

	add_step(chain, (struct step) { .part = CHAIN_UNPACK,
					.kind = "base unpacked",
					.title = "base system, unpacked",
					.run = run_base,
					.describe = describe_base,
					.plan_step = base });
	add_step(chain, (struct step) { .part = CHAIN_CONFIGURE,
					.kind = "base",
					.title = "base system",
					.run = run_configure,
					.describe = describe_configure,
					.plan_step = base,
					.kept = true });
}

/* The first step of a plan is its base. */
static void add_packages(struct chain *chain, enum plan_phase phase, enum chain_part part)
{
	const struct plan *plan = chain->options.plan;

	for (size_t i = 1; i < plan->step_count; i++)
		if (plan->steps[i].phase == phase)
			add_step(chain,
				 (struct step) { .part = part,
						 .kind = "packages",
						 .title = arena_printf(&chain->arena, "%zu packages %s",
								       plan->steps[i].count,
								       plan->steps[i].kind == STEP_REMOVE
									       ? "removed"
									       : "installed"),
						 .run = run_packages,
						 .describe = describe_packages,
						 .plan_step = &plan->steps[i],
						 .kept = true });
}

static void add_actions(struct chain *chain, enum trigger trigger)
{
	const struct recipe *recipe = chain->options.recipe;

	for (size_t i = 0; i < recipe->action_count; i++)
		if (recipe->actions[i].trigger == trigger)
			add_step(chain,
				 (struct step) { .part = CHAIN_CUSTOMIZE,
						 .kind = "action",
						 .title = arena_printf(&chain->arena, "action (%s), line %u",
								       trigger_name(trigger),
								       recipe->actions[i].place.line),
						 .run = run_action,
						 .describe = describe_action,
						 .action = &recipe->actions[i],
						 .kept = true });
}

/*
 * Recipes without such sections have no such step, and keep the layers that they have. Locales take seconds, and what
 * is behind the files is what is changed most often; the others are covered by the layer of the next step.
 */
static void add_words(struct chain *chain, enum customize_setup words)
{
	static const char *const names[] = { "accounts", "locales", "system", "identity" };

	if (customize_has_setup(chain->options.recipe, words))
		add_step(chain,
			 (struct step) { .part = CHAIN_CUSTOMIZE,
					 .kind = names[words],
					 .title = names[words],
					 .run = run_words,
					 .describe = describe_words,
					 .words = words,
					 .kept = words == CUSTOMIZE_LOCALES || words == CUSTOMIZE_SYSTEM });
}

void chain_add_steps(struct chain *chain)
{
	add_base(chain);
	add_packages(chain, PHASE_BASE, CHAIN_CONFIGURE);
	add_step(chain, (struct step) { .part = CHAIN_CUSTOMIZE,
					.kind = "repositories",
					.title = "repositories",
					.run = run_repositories,
					.describe = describe_repositories });
	add_actions(chain, TRIGGER_POST_UNPACK);
	add_actions(chain, TRIGGER_POST_UPDATE);
	add_packages(chain, PHASE_SETS, CHAIN_CUSTOMIZE);
	add_words(chain, CUSTOMIZE_ACCOUNTS);
	add_words(chain, CUSTOMIZE_LOCALES);
	add_actions(chain, TRIGGER_POST_PACKAGES);
	add_step(chain, (struct step) { .part = CHAIN_CUSTOMIZE,
					.kind = "files",
					.title = "files",
					.run = run_files,
					.describe = describe_files,
					.kept = true,
					.gives_templates = true });
	add_words(chain, CUSTOMIZE_SYSTEM);
	add_actions(chain, TRIGGER_POST_FILES);
	add_words(chain, CUSTOMIZE_IDENTITY);
	add_step(chain, (struct step) { .part = CHAIN_CUSTOMIZE,
					.kind = "clean",
					.title = "cleaning",
					.run = run_clean,
					.describe = describe_clean,
					.kept = true });
}
