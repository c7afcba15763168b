/* SPDX-License-Identifier: Apache-2.0 */
/* kiln build, and kiln plan, which is the same up to its third stage. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "cmd/all.h"
#include "cmd/artefacts.h"
#include "evidence/evidence.h"
#include "pipeline.h"
#include "plan/plan.h"
#include "stream/stream.h"

int build_options_from(const struct settings *settings, enum stage until, const struct chosen *chosen,
		       struct build_options *options, struct error *e)
{
	*options = (struct build_options) {
		.recipe_path = chosen->path,
		.cell = chosen->count ? &chosen->cells[0] : NULL,
		.overrides = settings->overrides.items,
		.override_count = settings->overrides.count,
		.mirrors = settings->mirrors.items,
		.mirror_count = settings->mirrors.count,
		.output_dir = settings->output ? settings->output : ".",
		.cache_dir = settings->cache,
		.work_dir = settings->work,
		.offline = settings->offline,
		.layers = !settings->no_layers,
		.allowed = settings->allowed.items,
		.allowed_count = settings->allowed.count,
		.no_lint = settings->no_lint,
		.until = until,
		.builder_id = settings->builder_id,
		.signing = { settings->sign, settings->sign_ssh },
		.log = settings->log,
	};
	if (!text_to_size(text_of(settings->payloads ? settings->payloads : "4G"),
			  &options->payload_max_bytes))
		return error_set(e, ERROR_USAGE, "--payloads: '%s' is no size (such as 500M or 2G)",
				 settings->payloads);
	if (settings->until && stage_parse(settings->until, &options->until, e) < 0)
		return -1;
	if (evidence_parse(settings->evidence ? settings->evidence : "all", &options->evidence, e) < 0)
		return -1;
	if (pack_formats_parse(settings->format ? settings->format : "unified,split", &options->formats, e) <
	    0)
		return -1;
	if (settings->isolation && isolation_parse(settings->isolation, &options->isolation, e) < 0)
		return error_wrap(e, "--isolation");
	options->fail_on = LINT_ERROR;
	if (settings->fail_on && lint_severity_parse(settings->fail_on, &options->fail_on, e) < 0)
		return error_wrap(e, "--fail-on");
	return pack_compression_parse(settings->compression ? settings->compression : "zstd",
				      options->formats, options->compression, e);
}

/* The last lines of a build: each artefact with its files, size and fingerprint. */
static int print_artefacts(const struct build *build, const struct settings *settings, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct build_result result;

	build_result(build, &result);
	artefacts_print_lines(result.artefacts, settings->output ? settings->output : ".", &out);
	return print_data(out.data, out.len, e);
}

static int print_record(const struct build *build, struct error *e)
{
	auto_free char *text = NULL;

	return build_record(build, &text, e) < 0 ? -1 : print_data(text, strlen(text), e);
}

static void print_timing(const struct build *build, const struct settings *settings)
{
	struct build_result result;

	build_result(build, &result);
	if (settings->timing)
		timing_print(result.spent, settings->log);
}

static int check_all(const struct settings *settings, struct error *e)
{
	if (settings->all || (!settings->jobs && !settings->fail_fast))
		return 0;
	return error_set(e, ERROR_USAGE, "--%s is for kiln build --all",
			 settings->jobs ? "jobs" : "fail-fast");
}

static int choose_lock(const struct settings *settings, const struct chosen *chosen, char **lock,
		       struct build_options *options, struct error *e)
{
	if (lock_chosen(settings, chosen->path, chosen->count ? chosen->cells[0].name : NULL, lock, e) < 0)
		return -1;
	options->lock_path = *lock;
	return 0;
}

int cmd_build(const struct settings *settings, struct error *e)
{
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	auto_build struct build *build = NULL;
	auto_free char *lock = NULL;
	struct build_options options;

	if (check_all(settings, e) < 0)
		return -1;
	if (settings->all)
		return build_all(settings, e);
	if (cells_choose_one(settings, &chosen, e) < 0 ||
	    build_options_from(settings, STAGE_EVIDENCE, &chosen, &options, e) < 0 ||
	    choose_lock(settings, &chosen, &lock, &options, e) < 0)
		return -1;
	build = build_open(&options);
	if (build_run(build, e) < 0)
		return -1;
	print_timing(build, settings);
	return settings->json ? print_record(build, e) : print_artefacts(build, settings, e);
}

int cmd_plan(const struct settings *settings, struct error *e)
{
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	auto_build struct build *build = NULL;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *lock = NULL;
	struct build_options options;

	if (settings->steps)
		return steps_print(settings, e);
	if (settings->cells || settings->type)
		return error_set(e, ERROR_USAGE, "--%s belongs to --steps",
				 settings->cells ? "cells" : "type");
	if (cells_choose_one(settings, &chosen, e) < 0 ||
	    build_options_from(settings, STAGE_PLAN, &chosen, &options, e) < 0 ||
	    choose_lock(settings, &chosen, &lock, &options, e) < 0)
		return -1;
	build = build_open(&options);
	if (build_run(build, e) < 0)
		return -1;
	print_timing(build, settings);
	if (settings->json)
		plan_print_json(build_plan(build), &out);
	else
		plan_print(build_plan(build), &out);
	return print_data(out.data, out.len, e);
}
