/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "chain.h"
#include "check/lint_pack.h"
#include "customize/customize.h"
#include "evidence/evidence.h"
#include "family.h"
#include "fetch/fetch.h"
#include "fetch/mirror.h"
#include "index/index.h"
#include "lock/lock.h"
#include "plan/plan.h"
#include "recipe/architecture.h"
#include "recipe/recipe.h"
#include "record.h"
#include "sandbox/isolation.h"
#include "sandbox/workspace.h"
#include "stream/stream.h"
#include "unpack/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { REACH_TIMEOUT_MS = 5 * 1000 };

/* Everything one build makes. Released in the reverse of the order in which it was made. */
struct build {
	struct build_options options;
	char *cache_dir;
	struct recipe recipe;
	const struct family *family;
	struct mirrors mirrors;
	struct fetcher *fetcher;
	struct index_set indexes;
	int64_t epoch_s; /* the date of everything in the image */
	struct plan plan;
	struct inputs inputs;     /* once they are needed */
	struct lock lock;         /* its path is NULL when there is none; the two above are taken out of it */
	enum isolation isolation; /* of the programs of the root; ISOLATION_AUTO: none has to run */
	struct chain *chain;
	int output_fd; /* locked from the first file's appearance to the last's */
	struct lint_gate gate;
	struct artefacts artefacts;
	struct evidence evidence;
	const char *signatures[SIGNATURES_MAX];
	size_t signature_count;
	char *name; /* that its files begin with; NULL: not known yet */
	char *record;
	struct journal journal;
	struct meter meter;
	struct meter_report spent; /* when all was done */
};

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

/* --mirror URL is for the main archive; FROM=TO for any; the word none keeps the host's mirrors out. */
static int add_mirror(struct build *b, const char *word, bool *use_host, struct error *e)
{
	const char *equals = strchr(word, '=');

	if (strcmp(word, "none") == 0) {
		*use_host = false;
		return 0;
	}
	/* Other addresses may have a '=' too. */
	if (equals && (equals[1] == '/' || strstr(equals, "://"))) {
		auto_free char *from = xstrndup(word, (size_t)(equals - word));

		return mirrors_add(&b->mirrors, from, equals + 1, e);
	} else {
		auto_free char *main_url = NULL;
		auto_free char *snapshot = NULL;

		if (recipe_expand(&b->recipe, b->recipe.source.url, &b->recipe.source.url_place, &main_url,
				  e) < 0)
			return -1;
		if (b->recipe.source.snapshot_s)
			snapshot = mirror_snapshot(main_url, b->recipe.source.snapshot);
		return mirrors_add(&b->mirrors, snapshot ? snapshot : main_url, word, e);
	}
}

/* Maintainer scripts run as they are: the host's processor must be able to. */
static int check_processor(const struct recipe *recipe, struct error *e)
{
	/* Kernels of the first run programs of the second, unless built without that. */
	static const char *const also_run[][2] = {
		{ "x86_64", "i686" },
		{ "aarch64", "armv7l" },
		{ "ppc64", "ppc" },
	};
	const struct architecture *host = architecture_of_host();

	if (!host || strcmp(host->name, recipe->architecture) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(also_run); i++)
		if (strcmp(host->name, also_run[i][0]) == 0 &&
		    strcmp(recipe->architecture, also_run[i][1]) == 0)
			return 0;
	return error_at(
		e, ERROR_UNSUPPORTED, &recipe->image.place,
		"'image.architecture: %s': this host (%s) does not run its programs, and building for "
		"other processors is not supported yet",
		recipe->architecture, host->name);
}

/* What the command line says, then KILN_MIRROR, then what this host's own apt uses. */
static int choose_mirrors(struct build *b, struct error *e)
{
	const char *variable = getenv("KILN_MIRROR");
	struct text rest = text_of(variable ? variable : "");
	char **addresses = NULL;
	size_t count = 0;
	bool use_host = true;
	int result;

	for (size_t i = 0; i < b->options.mirror_count; i++)
		if (add_mirror(b, b->options.mirrors[i], &use_host, e) < 0)
			return error_wrap(e, "--mirror");
	for (struct text word = text_word(&rest); word.len; word = text_word(&rest)) {
		auto_free char *copy = xstrndup(word.ptr, word.len);

		if (add_mirror(b, copy, &use_host, e) < 0)
			return error_wrap(e, "KILN_MIRROR");
	}
	if (!use_host && !b->recipe.source.snapshot_s)
		return 0;
	if (b->family->addresses(&b->recipe, &addresses, &count, e) < 0)
		return -1;
	if (b->recipe.source.snapshot_s)
		mirrors_add_snapshots(&b->mirrors, b->recipe.source.snapshot, (const char *const *)addresses,
				      count);
	result = use_host ? mirrors_add_host(&b->mirrors, (const char *const *)addresses, count,
					     b->options.log, e)
			  : 0;
	names_free(addresses, count);
	return result;
}

char *build_cache_dir(const char *chosen)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (chosen)
		return xstrdup(chosen);
	if (cache && *cache == '/')
		return xasprintf("%s/kiln", cache);
	if (home && *home == '/')
		return xasprintf("%s/.cache/kiln", home);
	return xstrdup("/var/cache/kiln");
}

/* When the date is known, which templates of the recipe may ask for. */
static int collect_inputs(struct build *b, struct error *e)
{
	const struct input_options options = {
		.recipe = &b->recipe,
		.cell = b->options.cell,
		.overrides = b->options.overrides,
		.override_count = b->options.override_count,
		.epoch_s = b->epoch_s,
	};

	return inputs_collect(&options, &b->inputs, e);
}

/* The indexes of a lock, in the place of those that the archives have now. */
static int take_locked_indexes(struct build *b, struct error *e)
{
	char **addresses = NULL;
	size_t count = 0;

	if (b->family->addresses(&b->recipe, &addresses, &count, e) < 0)
		return -1;
	lock_take_addresses(&b->lock, (const char *const *)addresses, count);
	names_free(addresses, count);
	log_say(b->options.log, "packages as in %s", b->lock.path);
	b->indexes = TAKE(b->lock.indexes, INDEX_SET_INIT);
	return 0;
}

static int refresh_indexes(struct build *b, struct error *e)
{
	struct meter_sum spent = { .item_count = 0 };

	if (b->lock.path)
		return take_locked_indexes(b, e);
	if (b->family->index(&b->recipe, b->fetcher, b->options.log, &b->indexes, e) < 0)
		return -1;
	for (size_t i = 0; i < b->indexes.file_count; i++)
		spent.out_bytes += b->indexes.files[i].len;
	spent.item_count = b->indexes.file_count;
	meter_add(&b->meter, METER_INDEX, &spent);
	return 0;
}

/* SOURCE_DATE_EPOCH, else what the lock says, else the newest index. */
static int choose_date(struct build *b, struct error *e)
{
	int from_environment = epoch_from_environment(&b->epoch_s, e);

	if (from_environment < 0)
		return -1;
	if (!from_environment)
		b->epoch_s = b->lock.path ? b->lock.inputs.epoch_s : b->indexes.newest_date_s;
	recipe_set_date(&b->recipe, b->epoch_s);
	return 0;
}

static int run_index(struct build *b, struct error *e)
{
	struct fetch_options options = {
		.mirrors = &b->mirrors,
		.offline = b->options.offline,
		.payload_max_bytes = b->options.payload_max_bytes,
		.log = b->options.log,
		.meter = &b->meter,
	};

	/* Say what a build cannot do without before anything is downloaded for it. */
	if (b->options.until >= STAGE_UNPACK &&
	    (isolation_obtain(b->options.isolation, b->options.log, &b->isolation, e) < 0 ||
	     check_processor(&b->recipe, e) < 0))
		return -1;
	b->cache_dir = build_cache_dir(b->options.cache_dir);
	options.cache_dir = b->cache_dir;
	if (choose_mirrors(b, e) < 0 || fetcher_open(&options, &b->fetcher, e) < 0 ||
	    refresh_indexes(b, e) < 0 || choose_date(b, e) < 0)
		return -1;
	if (b->lock.path &&
	    (collect_inputs(b, e) < 0 || lock_check(&b->lock, &b->inputs, b->options.log, e) < 0))
		return -1;
	/* Now that the serial is known, and not after all the work. */
	return pack_image_name(&b->recipe, &b->name, e);
}

int build_reach(struct build *b, const char *cache_dir, struct build_reach *reach, struct error *e)
{
	struct fetch_options options = {
		.cache_dir = cache_dir,
		.mirrors = &b->mirrors,
		.retry_max = 1,
		.connect_timeout_ms = REACH_TIMEOUT_MS,
		.stall_timeout_ms = REACH_TIMEOUT_MS,
		.backoff_ms = 1,
		.log = b->options.log,
	};
	char **addresses = NULL;
	size_t count = 0;

	if (choose_mirrors(b, e) < 0 || fetcher_open(&options, &b->fetcher, e) < 0 ||
	    b->family->addresses(&b->recipe, &addresses, &count, e) < 0)
		return -1;
	if (count)
		reach->address = fetch_shown_url(b->fetcher, addresses[0]);
	names_free(addresses, count);
	if (b->family->releases(&b->recipe, b->fetcher, b->options.log, &b->indexes, e) < 0)
		return -1;
	reach->count = b->indexes.archive_count;
	reach->newest_s = b->indexes.newest_date_s;
	return 0;
}

void build_reach_release(struct build_reach *reach)
{
	free(TAKE(reach->address, NULL));
}

int build_check_processor(const struct build *b, struct error *e)
{
	return check_processor(&b->recipe, e);
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
	if (b->options.until >= STAGE_UNPACK && b->family->check_host(&b->plan, e) < 0)
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

/* What layers hold needs no packages: look for them first. */
static int run_fetch(struct build *b, struct error *e)
{
	struct chain_options options = {
		.recipe = &b->recipe,
		.family = b->family,
		.indexes = &b->indexes,
		.plan = &b->plan,
		.fetcher = b->fetcher,
		.epoch_s = b->epoch_s,
		.cache_dir = b->cache_dir,
		.work_dir = b->options.work_dir,
		.layers = b->options.layers,
		.gate = &b->gate,
		.sharers = b->options.sharers,
		.isolation = b->isolation,
		.log = b->options.log,
		.meter = &b->meter,
	};

	if (!b->lock.path && collect_inputs(b, e) < 0)
		return -1;
	if (b->options.until > STAGE_FETCH && chain_open(&options, &b->chain, e) < 0)
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
	return dir_open(AT_FDCWD, b->options.output_dir, &b->output_fd, e);
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
	memcpy(options.compression, b->options.compression, sizeof options.compression);
	pack_warn(&options);
	if (chain_pack(b->chain, &options, &b->artefacts, e) < 0)
		return -1;
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
		.output_fd = b->output_fd,
		.builder_id = b->options.builder_id,
		.log = b->options.log,
		.meter = &b->meter,
	};

	return evidence_write(&options, &b->evidence, e);
}

static const struct {
	enum meter_kind kind;
	int (*run)(struct build *, struct error *);
	const char *summary;
} stages[STAGE_COUNT] = {
	[STAGE_RECIPE] = { METER_RECIPE, run_recipe, "read and check the recipe" },
	[STAGE_INDEX] = { METER_INDEX, run_index, "fetch and verify the package indexes" },
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
	b->mirrors = MIRRORS_INIT;
	b->indexes = INDEX_SET_INIT;
	b->plan = PLAN_INIT;
	b->inputs = INPUTS_INIT;
	b->lock = LOCK_INIT;
	b->output_fd = -1;
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
		.log_name = log,
		.signatures = b->signatures,
		.signature_count = b->signature_count,
		.dated = until >= STAGE_INDEX,
		.creation_s = b->epoch_s,
		.isolation = b->isolation,
		.until = until < STAGE_PACK ? stage_name(until) : NULL,
		.spent = &b->spent,
	};

	return record_make(&parts, text, e);
}

/* The sums of all that two builds would make alike. */
static int write_sums(struct build *b, struct error *e)
{
	auto_free const struct artefact_file **files = NULL;
	size_t count = 0;
	bool same;

	artefacts_add_files(&b->artefacts, &files, &count);
	for (size_t i = 0; i < b->evidence.count; i++)
		PUSH(files, count, &b->evidence.files[i].file);
	if (pack_write_sums(b->output_fd, files, count, &same, e) < 0)
		return -1;
	return signing_run(&b->options.signing, b->output_fd, same, b->options.log, b->signatures,
			   &b->signature_count, e);
}

/* The record and the sums come last: whoever finds image.json finds everything it names. */
static int write_record(struct build *b, struct error *e)
{
	if (write_sums(b, e) < 0 || make_record(b, &b->record, e) < 0)
		return -1;
	return file_replace(b->output_fd, "image.json", b->record, strlen(b->record), 0644, e);
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
	return b->options.until >= STAGE_PACK ? write_record(b, e) : 0;
}

/*
 * The log is written also when the build has failed, as it says how, and then also into a folder that would have been
 * made later. Before the image has a name nothing was done that the error does not say.
 */
static int write_log(struct build *b, int returned, const struct error *ended, struct error *e)
{
	struct journal_event event = { .kind = "build", .name = b->name, .begin_s = b->journal.begin_s };
	auto_free char *name = log_name(b);
	auto_free char *text = NULL;

	if (!name)
		return 0;
	event.result = returned < 0 ? JOURNAL_FAILED : JOURNAL_DONE;
	event.has_status = true;
	event.status = returned < 0 ? (int)ended->kind : 0;
	event.text = returned < 0 ? ended->text : NULL;
	journal_add(&b->journal, &event);
	text = evidence_log(&b->journal, b->name);
	if (b->output_fd < 0 && open_output(b, e) < 0)
		return -1;
	return file_replace(b->output_fd, name, text, strlen(text), 0644, e);
}

int build_run(struct build *b, struct error *e)
{
	struct error ended = ERROR_INIT;
	struct error why = ERROR_INIT;
	int r = run_stages(b, &ended);

	if (write_log(b, r, &ended, &why) < 0 && r == 0) {
		*e = why;
		return -1;
	}
	if (r < 0)
		*e = ended;
	return r;
}

int build_lock(struct build *b, char **text, struct error *e)
{
	if (collect_inputs(b, e) < 0)
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
	auto_close_(&b->output_fd);
	chain_close(b->chain);
	lock_release(&b->lock);
	inputs_release(&b->inputs);
	lint_gate_release(&b->gate);
	plan_release(&b->plan);
	index_set_release(&b->indexes);
	fetcher_close(b->fetcher);
	mirrors_release(&b->mirrors);
	recipe_release(&b->recipe);
	free(b->cache_dir);
	meter_release(&b->meter);
	free(b);
}
