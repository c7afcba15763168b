/* SPDX-License-Identifier: Apache-2.0 */
#include "chain_steps.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/interrupt.h"
#include "base/version.h"
#include "check/lint_pack.h"
#include "customize/customize.h"
#include "family.h"
#include "image/delivery.h"
#include "layer/key.h"
#include "layer/layer.h"
#include "pack/pack.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "sandbox/emulation.h"
#include "sandbox/limits.h"
#include "sandbox/workspace.h"
#include "stream/memo.h"
#include "tree/walk.h"

/* Images whose blocks are looked at: those of a few recipes, or of a matrix. */
enum { IMAGES_REMEMBERED = 32 };

/* The key of step number INDEX, above that of the step before it. */
static int make_key(const struct chain *chain, size_t index, struct digest *digest, struct error *e)
{
	const struct step *step = &chain->steps[index];
	auto_layer_key struct layer_key key = LAYER_KEY_INIT;

	key_start(&key, index ? &chain->steps[index - 1].key : NULL, step->kind);
	if (step->describe(chain, step, &key, e) < 0)
		return -1;
	*digest = key_end(&key);
	return 0;
}

static int make_keys(struct chain *chain, struct error *e)
{
	for (size_t i = 0; i < chain->count; i++)
		if (make_key(chain, i, &chain->steps[i].key, e) < 0)
			return -1;
	return 0;
}

static void stop_using_layers(struct chain *chain, const char *why)
{
	log_detail(chain->options.log, "without layers: %s", why);
	layer_store_close(TAKE(chain->store, NULL));
}

/* Open the layers of the steps from the first one on, as far as they are there. */
static int find_layers(struct chain *chain, int **fds, size_t *count, struct error *e)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct step *step = &chain->steps[i];
		auto_free char *product = NULL;
		size_t len = 0;
		int fd;
		int r = step->kept ? layer_find(chain->store, &step->key, &fd, &product, &len, e) : 0;

		if (r < 0)
			return -1;
		if (step->kept && r == 0)
			return 0;
		if (!step->kept)
			continue;
		if (step->gives_templates && image_templates_read(product, len, &chain->templates, e) < 0) {
			error_clear(e); /* the step will write it anew */
			return 0;
		}
		PUSH(*fds, *count, fd);
		chain->done = i + 1;
	}
	return 0;
}

static void note_spared(const struct chain *chain, const char *kind, const char *title)
{
	journal_add(chain->options.log->journal,
		    &(struct journal_event) {
			    .kind = "step", .name = kind, .subject = title, .result = JOURNAL_SPARED });
}

static int begin_with_layers(struct chain *chain, struct error *e)
{
	auto_meter_visit struct meter_visit visit = meter_enter(chain->options.meter, METER_LAYERS);
	auto_free int *fds = NULL;
	size_t count = 0;
	int r;

	if (layer_store_open(chain->options.cache_dir, chain->options.log, &chain->store, e) < 0 ||
	    make_keys(chain, e) < 0 || find_layers(chain, &fds, &count, e) < 0)
		return -1;
	if (count == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		limits_add_layer(chain->options.limits, fds[i]);
	r = chain->done == chain->count ? workspace_show(&chain->workspace, fds, count, e)
					: workspace_stack(&chain->workspace, fds, count, e);
	if (r < 0)
		return -1;
	if (r > 0) {
		meter_add(chain->options.meter, METER_LAYERS,
			  &(struct meter_sum) { .item_count = chain->done });
		log_say(chain->options.log, "%zu of %zu steps from layers, up to: %s", chain->done,
			chain->count, chain->steps[chain->done - 1].title);
		for (size_t i = 0; i < chain->done; i++)
			note_spared(chain, chain->steps[i].kind, chain->steps[i].title);
		return 0;
	}
	chain->done = 0;
	image_templates_release(&chain->templates);
	stop_using_layers(chain, "overlayfs is not to be had here");
	return 0;
}

static int open_workspace(struct chain *chain, struct error *e)
{
	const struct plan *plan = chain->options.plan;
	struct workspace_options options = {
		.cache_dir = chain->options.cache_dir,
		.work_dir = chain->options.work_dir,
		.sharers = chain->options.sharers,
		.isolation = chain->options.isolation,
		.log = chain->options.log,
	};

	for (size_t i = 0; i < plan->package_count; i++)
		options.estimate_bytes += plan->packages[i].installed_bytes;
	return workspace_open(&options, &chain->workspace, e);
}

/* The recipe may want it smaller than there is room for. */
static int bound_root(struct chain *chain, struct error *e)
{
	const struct workspace *workspace = &chain->workspace;
	uint64_t left_bytes;

	if (!chain->options.limits || chain->done == chain->count)
		return 0;
	if (limits_set_root(chain->options.limits, workspace->place, !workspace->on_disk, &left_bytes, e) < 0)
		return -1;
	return left_bytes == UINT64_MAX ? 0 : workspace_bound(workspace, left_bytes, e);
}

static int use_layers(struct chain *chain, struct error *e)
{
	const void *id;

	if (!chain->options.layers)
		return 0;
	if (program_build_id(&id) == 0) {
		log_detail(chain->options.log, "without layers: this program has no build id");
		return 0;
	}
	return begin_with_layers(chain, e);
}

static int prepare(struct chain *chain, struct error *e)
{
	chain->environment = customize_environment(chain->options.recipe, chain->options.epoch_s);
	chain_add_steps(chain);
	if (open_workspace(chain, e) < 0 || use_layers(chain, e) < 0)
		return -1;
	return bound_root(chain, e);
}

int chain_open(const struct chain_options *options, struct chain **out, struct error *e)
{
	struct chain *chain = xcalloc(1, sizeof *chain);

	chain->options = *options;
	chain->workspace = WORKSPACE_INIT;
	chain->templates = IMAGE_TEMPLATES_INIT;
	if (prepare(chain, e) < 0) {
		chain_close(chain);
		return -1;
	}
	*out = chain;
	return 0;
}

void chain_close(struct chain *chain)
{
	if (!chain)
		return;
	image_templates_release(&chain->templates);
	calls_release(&chain->script_calls);
	calls_release(&chain->action_calls);
	layer_store_close(chain->store);
	workspace_release(&chain->workspace);
	for (char **variable = chain->environment; variable && *variable; variable++)
		free(*variable);
	free(chain->environment);
	arena_release(&chain->arena);
	free(chain);
}

int chain_root_fd(const struct chain *chain)
{
	return chain->workspace.root_fd;
}

bool chain_needs_package(const struct chain *chain, size_t position)
{
	for (size_t i = chain->done; i < chain->count; i++) {
		const struct plan_step *step = chain->steps[i].plan_step;

		for (size_t k = 0; step && step->kind != STEP_REMOVE && k < step->count; k++)
			if (step->packages[k] == position)
				return true;
	}
	return false;
}

/* What a step certainly runs, for a message, malloc'ed; NULL: perhaps nothing. */
static char *program_of(const struct chain *chain, const struct step *step)
{
	const char *package = step->plan_step
				      ? chain->options.family->scripted(chain->options.plan, step->plan_step)
				      : NULL;

	if (step->action)
		return xstrdup(step->title);
	return package ? xasprintf("package '%s'", package) : NULL;
}

int chain_check_programs(const struct chain *chain, struct error *e)
{
	for (size_t i = chain->done; i < chain->count; i++) {
		auto_free char *what = program_of(chain, &chain->steps[i]);

		if (what && emulation_check(chain->options.emulation, what, e) < 0)
			return -1;
	}
	return 0;
}

/* What a layer is, for a person; malloc'ed. */
static char *make_title(const struct chain *chain, const char *what)
{
	return xasprintf("%s %s %s: %s", chain->options.recipe->image.distribution,
			 chain->options.recipe->image.release, chain->options.recipe->architecture_mapped,
			 what);
}

/* Keep what the step number INDEX, just carried out, has changed. */
static int keep(struct chain *chain, size_t index, struct error *e)
{
	auto_meter_visit struct meter_visit visit = meter_enter(chain->options.meter, METER_LAYERS);
	const struct step *step = &chain->steps[index];
	auto_free char *title = NULL;
	auto_free char *product = NULL;
	struct digest key;
	int upper_fd;
	int r;

	/* A file of the host that was changed while it was copied would make a layer that is not what its key says. */
	if (make_key(chain, index, &key, e) < 0)
		return -1;
	if (!digest_equal(&key, &step->key)) {
		stop_using_layers(chain, "what a step reads has changed while it was carried out");
		return 0;
	}
	if (step->gives_templates && image_templates_write(&chain->templates, &product, e) < 0) {
		error_clear(e);
		stop_using_layers(chain, "a template is no UTF-8");
		return 0;
	}
	r = workspace_seal(&chain->workspace, &upper_fd, e);
	if (r < 0)
		return -1;
	if (r == 0) {
		stop_using_layers(chain, "overlayfs is not to be had here");
		return 0;
	}
	title = make_title(chain, step->title);
	chain->saved_count++;
	return layer_save(chain->store, &step->key, title, product, upper_fd, e);
}

static int run_step(struct chain *chain, const struct step *step, struct error *e)
{
	struct journal_event event = {
		.kind = "step", .name = step->kind, .subject = step->title, .begin_s = monotonic_seconds()
	};
	int r = step->run(chain, step, e);

	if (r < 0)
		limits_explain(chain->options.limits, e);
	event.result = r < 0 ? JOURNAL_FAILED : JOURNAL_DONE;
	journal_add(chain->options.log->journal, &event);
	return r;
}

/* Which disk is full, and what to do. */
static int say_place(const struct chain *chain, struct error *e)
{
	if (e->kind != ERROR_SPACE)
		return -1;
	if (chain->workspace.on_disk)
		return error_wrap(e, "no room for the root in '%s' (--work DIR names another folder)",
				  chain->workspace.place);
	return error_wrap(e, "no room for the root in memory (--work DIR has it on a disk)");
}

/*
 * RESULT is what carrying out steps on layers, or packing them, has come to; it counts if they are still what they were
 * when they were found. Else that is what went wrong, and nothing of it is kept.
 */
static int settle(struct chain *chain, int result, struct error *e)
{
	struct error changed = ERROR_INIT;

	if (!chain->store || (result < 0 && e->kind == ERROR_INTERRUPTED) ||
	    layer_check_held(chain->store, &changed) == 0)
		return result;
	*e = changed;
	if (changed.kind != ERROR_INTERRUPTED)
		layer_forget_made(chain->store);
	return -1;
}

int chain_run(struct chain *chain, enum chain_part part, struct error *e)
{
	while (chain->done < chain->count && chain->steps[chain->done].part <= part) {
		const struct step *step = &chain->steps[chain->done];

		if (interrupt_check(e) < 0 || run_step(chain, step, e) < 0 ||
		    (chain->store && step->kept && keep(chain, chain->done, e) < 0))
			return settle(chain, say_place(chain, e), e);
		chain->done++;
	}
	return 0;
}

int chain_keep_layers(struct chain *chain, struct error *e)
{
	auto_meter_visit struct meter_visit visit = meter_enter(chain->options.meter, METER_LAYERS);
	struct error why = ERROR_INIT;
	uint64_t removed_bytes;

	if (!chain->store || chain->saved_count == 0)
		return 0;
	if (layer_save_wait(chain->store, e) < 0)
		return -1;
	if (layer_trim(chain->options.cache_dir, LAYER_KEEP_BYTES, epoch_now() - LAYER_KEEP_S, &removed_bytes,
		       &why) < 0)
		log_warn(chain->options.log, "cannot make room among the layers: %s", why.text);
	else if (removed_bytes)
		log_say(chain->options.log, "removed old layers: %s", human_size(removed_bytes).text);
	return 0;
}

/* Formats may share a file. */
static bool has_name(const struct layer_file *files, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(files[i].name, name) == 0)
			return true;
	return false;
}

/* For a build in which nothing will have changed. The copying goes on while all that lies beside them is written. */
static int keep_image(struct chain *chain, const struct digest *key, const struct pack_options *options,
		      const struct artefacts *artefacts, struct error *e)
{
	auto_free char *product = artefacts_print(artefacts, options->memo);
	auto_free char *title = make_title(chain, "image files");
	auto_free struct layer_file *files = NULL;
	size_t count = 0;

	for (size_t i = 0; i < artefacts->count; i++)
		for (size_t k = 0; k < artefacts->items[i].file_count; k++) {
			const char *name = artefacts->items[i].files[k].name;
			struct layer_file file = { name, delivery_fd(options->delivery, name) };

			if (!artefacts->items[i].files[k].is_folder && !has_name(files, count, name))
				PUSH(files, count, file);
		}
	chain->saved_count++;
	return layer_save_files(chain->store, key, title, product, files, count, e);
}

static struct digest describe_image(const struct chain *chain, const struct pack_options *options)
{
	auto_layer_key struct layer_key key = LAYER_KEY_INIT;

	key_start(&key, &chain->steps[chain->count - 1].key, "image");
	pack_describe(options, &key);
	lint_gate_describe(chain->options.gate, &key);
	return key_end(&key);
}

/* 1 when an earlier build has made the same files. */
static int take_image(struct chain *chain, const struct digest *key, const struct pack_options *options,
		      struct artefacts *artefacts, struct error *e)
{
	auto_free char *product = NULL;
	size_t len;
	int files_fd;
	int r = layer_find(chain->store, key, &files_fd, &product, &len, e);

	if (r <= 0)
		return r;
	r = pack_kept(options, files_fd, product ? product : "", artefacts, e);
	if (r == 0)
		layer_discard(chain->store, key, files_fd);
	if (r > 0) {
		log_say(chain->options.log, "image files from layers");
		note_spared(chain, "image", "image files");
	}
	return r;
}

/* What images of any recipe have in common need not be compressed again. */
static int pack_anew(struct chain *chain, const struct digest *key, struct pack_options *options,
		     struct artefacts *artefacts, struct error *e)
{
	auto_memo struct memo *memo = memo_new();
	struct layer_files *files = NULL;
	size_t file_count = 0;
	int r = layer_files_recent(chain->store, IMAGES_REMEMBERED, &files, &file_count, e);

	for (size_t i = 0; r == 0 && i < file_count; i++)
		pack_learn(memo, files[i].folder_fd, files[i].product);
	options->memo = memo;
	if (r == 0)
		r = settle(chain, lint_pack(chain->options.gate, &chain->templates, options, artefacts, e),
			   e);
	/* Before layers are trimmed: these may have to go. */
	for (size_t i = 0; i < file_count; i++)
		layer_files_release(&files[i]);
	free(files);
	return r == 0 ? keep_image(chain, key, options, artefacts, e) : -1;
}

int chain_pack(struct chain *chain, const struct pack_options *given, struct artefacts *artefacts,
	       struct error *e)
{
	auto_pack_metadata struct pack_metadata metadata = PACK_METADATA_INIT;
	struct tree_folder root = tree_folder(chain->workspace.root_fd, given->log);
	struct pack_options options = *given;
	struct digest key;
	int r = 0;

	options.root = &root.source;
	options.metadata = &metadata;
	options.epoch_s = chain->options.epoch_s;
	if (pack_metadata_make(chain->options.recipe, &chain->templates, options.epoch_s, &metadata, e) < 0)
		return -1;
	if ((options.formats & PACK_LXC) &&
	    pack_lxc_make(chain->options.recipe, &chain->templates, options.epoch_s, &metadata, e) < 0)
		return -1;
	/* Folders are not kept. */
	if (!chain->store || options.formats == PACK_DIR)
		return lint_pack(chain->options.gate, &chain->templates, &options, artefacts, e);
	key = describe_image(chain, &options);
	r = take_image(chain, &key, &options, artefacts, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return pack_anew(chain, &key, &options, artefacts, e);
}
