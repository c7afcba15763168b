/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline_build.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "chain.h"
#include "customize/customize.h"
#include "family.h"
#include "fetch/fetch.h"
#include "record.h"
#include "sandbox/limits.h"
#include "sandbox/privilege.h"
#include "sandbox/workspace.h"
#include "stream/stream.h"
#include "unpack/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>

static int report_template(void *context, bool is_doubtful, const struct place *place,
			   const struct error *message, struct error *e)
{
	struct error found = *message;

	error_wrap_at(&found, place);
	if (!is_doubtful) {
		*e = found;
		return -1;
	}
	log_warn(context, "%s", found.text);
	return 0;
}

/* Before anything is done for an image that could not be written in the end. */
static int make_gate(struct build *b, struct error *e)
{
	b->gate.open = b->options.no_lint;
	b->gate.fail_on = b->options.fail_on;
	for (size_t i = 0; i < b->options.allowed_count; i++)
		if (lint_allow_add(&b->gate.allows, b->options.allowed[i], ERROR_USAGE, e) < 0)
			return error_wrap(e, "--allow");
	return lint_allow_recipe(&b->recipe, &b->gate.allows, e);
}

static int run_recipe(struct build *b, struct error *e)
{
	struct recipe_options options = {
		.path = b->options.recipe_path,
		.cell = b->options.cell,
		.overrides = b->options.overrides,
		.override_count = b->options.override_count,
	};

	if (signing_check(&b->options.signing, e) < 0 || recipe_load(&options, &b->recipe, e) < 0 ||
	    recipe_select(&b->recipe, e) < 0 ||
	    customize_check_templates(&b->recipe, report_template, b->options.log, e) < 0)
		return -1;
	b->family = family_of(&b->recipe);
	if (b->options.lock_path && lock_read(b->options.lock_path, &b->lock, e) < 0)
		return -1;
	return make_gate(b, e);
}

static int run_plan(struct build *b, struct error *e)
{
	uint64_t download_bytes = 0;
	uint64_t installed_bytes = 0;

	if (b->lock.path)
		b->plan = TAKE(b->lock.plan, PLAN_INIT);
	else if (b->family->plan(&b->recipe, &b->indexes, &b->plan, e) < 0)
		return -1;
	index_set_unmap(&b->indexes);
	/* An interpreter has its own answers to what the host's processor and kernel have of old. */
	if (b->options.until >= STAGE_UNPACK && !b->emulation.emulated &&
	    b->family->check_host(&b->plan, e) < 0)
		return -1;
	for (size_t i = 0; i < b->plan.package_count; i++) {
		download_bytes += b->plan.packages[i].size_bytes;
		installed_bytes += b->plan.packages[i].installed_bytes;
	}
	meter_add(&b->meter, METER_PLAN, &(struct meter_sum) { .item_count = b->plan.package_count });
	log_say(b->options.log, "%s %s %s: %zu package%s, %s, %s installed", b->recipe.image.distribution,
		b->recipe.image.release, b->recipe.architecture_mapped, b->plan.package_count,
		b->plan.package_count == 1 ? "" : "s", human_size(download_bytes).text,
		human_size(installed_bytes).text);
	return 0;
}

static struct fetch_request request_package(const struct build *b, size_t position, struct arena *arena)
{
	/* With a snapshot of the recipe's own, that is where all comes from already. */
	return b->lock.path ? lock_request(&b->lock, &b->plan, position, !b->recipe.source.snapshot_s, arena)
			    : unpack_request(&b->plan.packages[position], arena);
}

static int fetch_packages(struct build *b, struct error *e)
{
	struct arena arena = ARENA_INIT;
	struct fetch_request *requests = NULL;
	size_t count = 0;
	struct meter_sum spent = { .item_count = 0 };
	int result;

	for (size_t i = 0; i < b->plan.package_count; i++) {
		if (b->chain && !chain_needs_package(b->chain, i))
			continue;
		ARENA_PUSH(&arena, requests, count, request_package(b, i, &arena));
		spent.out_bytes += b->plan.packages[i].size_bytes;
	}
	spent.item_count = count;
	meter_add(&b->meter, METER_FETCH, &spent);
	result = fetch_files(b->fetcher, requests, count, "package", "packages", e);
	arena_release(&arena);
	return result < 0 && b->lock.path ? lock_remedy(b->options.offline, e) : result;
}

/* What the recipe says, and where it says nothing a default. */
static uint64_t limit_of(uint64_t given, uint64_t standard)
{
	if (given == RECIPE_NO_LIMIT)
		return 0;
	return given ? given : standard;
}

static struct limits *make_limits(struct build *b)
{
	const struct recipe_limits *given = &b->recipe.sandbox.limits;
	struct limits_options options = {
		.wanted = { .memory_bytes = limit_of(given->memory_bytes, 0),
			    .processes = limit_of(given->process_count, LIMITS_PROCESSES),
			    .time_s = limit_of(given->time_s, LIMITS_TIME_S),
			    .disk_bytes = limit_of(given->disk_bytes, 0) },
		.words = { [LIMIT_MEMORY] = given->memory_bytes ? given->memory : NULL,
			   [LIMIT_PROCESSES] = given->process_count ? given->processes : NULL,
			   [LIMIT_TIME] = given->time_s ? given->time : NULL,
			   [LIMIT_DISK] = given->disk_bytes ? given->disk : NULL },
		.sharers = b->options.sharers,
		/* A container lends its group to everything in it. */
		.no_groups = b->isolation == ISOLATION_CHROOT,
		.log = b->options.log,
	};

	b->limits = limits_new(&options);
	return b->limits;
}

/* What layers hold needs no packages: look for them first. */
static int run_fetch(struct build *b, struct error *e)
{
	struct chain_options options = {
		.recipe = &b->recipe,
		.family = b->family,
		.indexes = &b->indexes,
		.plan = &b->plan,
		.fetcher = b->fetcher,
		.emulation = &b->emulation,
		.epoch_s = b->epoch_s,
		.cache_dir = b->cache_dir,
		.work_dir = b->options.work_dir,
		.layers = b->options.layers,
		.network = b->recipe.sandbox.network && !b->options.no_network,
		.limits = make_limits(b),
		.gate = &b->gate,
		.sharers = b->options.sharers,
		.isolation = b->isolation,
		.log = b->options.log,
		.meter = &b->meter,
	};

	if (!b->lock.path && build_collect_inputs(b, e) < 0)
		return -1;
	if (b->options.until > STAGE_FETCH &&
	    (chain_open(&options, &b->chain, e) < 0 || chain_check_programs(b->chain, e) < 0))
		return -1;
	return fetch_packages(b, e);
}

static int run_unpack(struct build *b, struct error *e)
{
	return chain_run(b->chain, CHAIN_UNPACK, e);
}

static int run_configure(struct build *b, struct error *e)
{
	return chain_run(b->chain, CHAIN_CONFIGURE, e);
}

static int run_customize(struct build *b, struct error *e)
{
	return chain_run(b->chain, CHAIN_CUSTOMIZE, e);
}

static int open_output(struct build *b, struct error *e)
{
	if (dir_make(b->options.output_dir, e) < 0)
		return -1;
	if (dir_open(AT_FDCWD, b->options.output_dir, &b->output_fd, e) < 0)
		return -1;
	b->delivery.folder_fd = b->output_fd;
	return 0;
}

/* Which disk is full. */
static int say_place(const struct build *b, struct error *e)
{
	return e->kind == ERROR_SPACE ? error_wrap(e, "output folder '%s'", b->options.output_dir) : -1;
}

static int run_pack(struct build *b, struct error *e)
{
	struct pack_options options = {
		.formats = b->options.formats,
		.log = b->options.log,
		.meter = &b->meter,
	};
	auto_free char *words = NULL;

	if (open_output(b, e) < 0)
		return -1;
	options.output_fd = b->output_fd;
	options.delivery = &b->delivery;
	memcpy(options.compression, b->options.compression, sizeof options.compression);
	pack_warn(&options);
	if (chain_pack(b->chain, &options, &b->artefacts, e) < 0)
		return say_place(b, e);
	for (size_t i = 0; i < b->artefacts.count; i++)
		ARENA_PUSH(&b->inputs.arena, b->inputs.formats, b->inputs.format_count,
			   b->artefacts.items[i].format);
	words = pack_compression_print(options.formats, options.compression);
	b->inputs.compression = arena_strdup(&b->inputs.arena, words);
	return 0;
}

static int run_evidence(struct build *b, struct error *e)
{
	struct evidence_options options = {
		.kinds = b->options.evidence,
		.name = b->name,
		.family = b->family,
		.recipe = &b->recipe,
		.indexes = &b->indexes,
		.plan = &b->plan,
		.inputs = &b->inputs,
		.lock = &b->lock,
		.artefacts = &b->artefacts,
		.epoch_s = b->epoch_s,
		.root_fd = chain_root_fd(b->chain),
		.delivery = &b->delivery,
		.builder_id = b->options.builder_id,
		.log = b->options.log,
		.meter = &b->meter,
	};

	return evidence_write(&options, &b->evidence, e) < 0 ? say_place(b, e) : 0;
}

static const struct {
	enum meter_kind kind;
	int (*run)(struct build *, struct error *);
	const char *summary;
} stages[STAGE_COUNT] = {
	[STAGE_RECIPE] = { METER_RECIPE, run_recipe, "read and check the recipe" },
	[STAGE_INDEX] = { METER_INDEX, build_run_index, "fetch and verify the package indexes" },
	[STAGE_PLAN] = { METER_PLAN, run_plan, "choose packages, versions and order" },
	[STAGE_FETCH] = { METER_FETCH, run_fetch, "download and verify the packages" },
	[STAGE_UNPACK] = { METER_UNPACK, run_unpack, "unpack the base system" },
	[STAGE_CONFIGURE] = { METER_CONFIGURE, run_configure,
			      "run maintainer scripts, unpack and configure the rest" },
	[STAGE_CUSTOMIZE] = { METER_CUSTOMIZE, run_customize, "repositories, actions, files, cleaning" },
	[STAGE_PACK] = { METER_PACK, run_pack, "write the image files" },
	[STAGE_EVIDENCE] = { METER_EVIDENCE, run_evidence, "tell what is in it and where it is from" },
};

const char *stage_name(enum stage stage)
{
	return stage < STAGE_COUNT ? meter_words(stages[stage].kind)->name : NULL;
}

int stage_parse(const char *word, enum stage *stage, struct error *e)
{
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		if (strcmp(stage_name((enum stage)i), word) == 0) {
			*stage = (enum stage)i;
			return 0;
		}
	}
	return error_set(e, ERROR_USAGE,
			 "unknown stage '%s' (possible: recipe, index, plan, fetch, unpack, configure, "
			 "customize, pack, evidence)",
			 word);
}

struct build *build_open(const struct build_options *options)
{
	struct build *b = xcalloc(1, sizeof *b);

	b->options = *options;
	meter_init(&b->meter);
	b->recipe = RECIPE_INIT;
	b->emulation = EMULATION_INIT;
	b->emulated = EMULATION_COST_INIT;
	b->mirrors = MIRRORS_INIT;
	b->indexes = INDEX_SET_INIT;
	b->plan = PLAN_INIT;
	b->inputs = INPUTS_INIT;
	b->lock = LOCK_INIT;
	b->output_fd = -1;
	b->delivery = DELIVERY_INIT;
	b->artefacts = ARTEFACTS_INIT;
	b->gate = LINT_GATE_INIT;
	b->evidence = EVIDENCE_INIT;
	journal_init(&b->journal);
	b->options.log->journal = &b->journal;
	return b;
}

/* The log of a build that goes to its end; malloc'ed, or NULL. */
static char *log_name(const struct build *b)
{
	if (!b->name || b->options.until < STAGE_EVIDENCE || !(b->options.evidence & EVIDENCE_LOG))
		return NULL;
	return evidence_file_name(b->name, EVIDENCE_LOG);
}

static int make_record(const struct build *b, char **text, struct error *e)
{
	enum stage until = b->options.until;
	auto_free char *log = log_name(b);
	struct record_parts parts = {
		.recipe = &b->recipe,
		.plan = until >= STAGE_PLAN ? &b->plan : NULL,
		.inputs = until >= STAGE_FETCH ? &b->inputs : NULL,
		.indexes = &b->indexes,
		.artefacts = &b->artefacts,
		.evidence = &b->evidence,
		.limits = b->limits,
		.log_name = log,
		.signatures = b->signatures,
		.signature_count = b->signature_count,
		.dated = until >= STAGE_INDEX,
		.creation_s = b->epoch_s,
		.isolation = b->isolation,
		.until = until < STAGE_PACK ? stage_name(until) : NULL,
		.spent = &b->spent,
		.interpreter = b->emulation.emulated ? b->emulation.interpreter : NULL,
		.emulated = &b->emulated,
	};

	return record_make(&parts, text, e);
}

/* The sums of all that two builds would make alike. */
static int add_sums(struct build *b, struct error *e)
{
	auto_free const struct artefact_file **files = NULL;
	auto_buffer struct buffer sums = BUFFER_INIT;
	size_t count = 0;
	bool same;

	artefacts_add_files(&b->artefacts, &files, &count);
	for (size_t i = 0; i < b->evidence.count; i++)
		PUSH(files, count, &b->evidence.files[i].file);
	if (delivery_lock(&b->delivery, e) < 0 ||
	    pack_make_sums(b->output_fd, files, count, &sums, &same, e) < 0 ||
	    delivery_add_text(&b->delivery, "SHA256SUMS", sums.data, sums.len, e) < 0)
		return -1;
	return signing_run(&b->options.signing, &b->delivery, same, b->options.log, b->signatures,
			   &b->signature_count, e);
}

/* How the build ended, as the log tells it: malloc'ed. */
static char *make_log(struct build *b, const struct error *ended)
{
	struct journal_event event = { .kind = "build", .name = b->name, .begin_s = b->journal.begin_s };

	event.result = ended ? JOURNAL_FAILED : JOURNAL_DONE;
	event.has_status = true;
	event.status = ended ? (int)ended->kind : 0;
	event.text = ended ? ended->text : NULL;
	journal_add(&b->journal, &event);
	return evidence_log(&b->journal, b->name);
}

/*
 * Everything that lies beside the image is written before the first file appears, so that a full disk or a signal
 * leaves all of it or nothing. The record comes last: whoever finds image.json finds everything it names.
 */
static int deliver(struct build *b, struct error *e)
{
	auto_free char *name = log_name(b);
	auto_free char *log = NULL;

	if (add_sums(b, e) < 0 || make_record(b, &b->record, e) < 0)
		return -1;
	if (name) {
		log = make_log(b, NULL);
		if (delivery_add_text(&b->delivery, name, log, strlen(log), e) < 0)
			return -1;
	}
	if (delivery_add_text(&b->delivery, "image.json", b->record, strlen(b->record), e) < 0)
		return -1;
	return delivery_commit(&b->delivery, e);
}

static int run_stage(struct build *b, enum stage stage, struct error *e)
{
	auto_meter_visit struct meter_visit visit = meter_enter(&b->meter, stages[stage].kind);
	double start = monotonic_seconds();
	struct journal_event event = { .kind = "stage", .name = stage_name(stage), .begin_s = start };
	bool failed = interrupt_check(e) < 0 || stages[stage].run(b, e) < 0;

	event.result = failed ? JOURNAL_FAILED : JOURNAL_DONE;
	journal_add(&b->journal, &event);
	if (failed)
		return -1;
	log_say(b->options.log, "%-10s %6.1f s  %s", stage_name(stage), monotonic_seconds() - start,
		stages[stage].summary);
	return 0;
}

static int run_stages(struct build *b, struct error *e)
{
	for (size_t i = 0; i <= b->options.until; i++)
		if (run_stage(b, (enum stage)i, e) < 0)
			return -1;
	if (b->options.until >= STAGE_PACK && b->chain && chain_keep_layers(b->chain, e) < 0)
		return -1;
	meter_read(&b->meter, &b->spent);
	emulation_cost_read(&b->journal, &b->emulated);
	emulation_cost_say(&b->emulated, b->emulation.interpreter, b->options.log);
	if (b->options.until >= STAGE_PACK && deliver(b, e) < 0)
		return say_place(b, e);
	return 0;
}

/*
 * The log is written also when the build has failed, as it says how, and then also into a folder that would have been
 * made later. Before the image has a name nothing was done that the error does not say.
 */
static void write_failed_log(struct build *b, const struct error *ended)
{
	struct error ignored = ERROR_INIT;
	auto_free char *name = log_name(b);
	auto_free char *text = NULL;

	if (!name)
		return;
	text = make_log(b, ended);
	/* Why the build has failed is the better thing to tell. */
	if ((b->output_fd < 0 && open_output(b, &ignored) < 0) ||
	    file_replace(b->output_fd, name, text, strlen(text), 0644, &ignored) < 0)
		error_clear(&ignored);
}

int build_run(struct build *b, struct error *e)
{
	if (run_stages(b, e) == 0)
		return 0;
	delivery_release(&b->delivery);
	write_failed_log(b, e);
	return -1;
}

int build_lock(struct build *b, char **text, struct error *e)
{
	if (build_collect_inputs(b, e) < 0)
		return -1;
	return lock_write(&b->inputs, &b->indexes, &b->plan, text, e);
}

const struct plan *build_plan(const struct build *b)
{
	return &b->plan;
}

int build_record(const struct build *b, char **text, struct error *e)
{
	if (!b->record)
		return make_record(b, text, e);
	*text = xstrdup(b->record);
	return 0;
}

void build_result(const struct build *b, struct build_result *result)
{
	result->artefacts = &b->artefacts;
	result->spent = &b->spent;
	result->emulated = &b->emulated;
	result->interpreter = b->emulation.interpreter;
}

void build_close(struct build *b)
{
	if (!b)
		return;
	b->options.log->journal = NULL;
	journal_release(&b->journal);
	free(b->record);
	free(b->name);
	evidence_release(&b->evidence);
	artefacts_release(&b->artefacts);
	delivery_release(&b->delivery);
	auto_close_(&b->output_fd);
	chain_close(b->chain);
	limits_free(b->limits);
	lock_release(&b->lock);
	inputs_release(&b->inputs);
	lint_gate_release(&b->gate);
	plan_release(&b->plan);
	index_set_release(&b->indexes);
	fetcher_close(b->fetcher);
	mirrors_release(&b->mirrors);
	emulation_release(&b->emulation);
	emulation_cost_release(&b->emulated);
	recipe_release(&b->recipe);
	free(b->cache_dir);
	meter_release(&b->meter);
	free(b);
}
