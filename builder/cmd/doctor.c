/* SPDX-License-Identifier: Apache-2.0 */
/* kiln doctor: what this host can do, and the command that mends each gap. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "doctor/doctor.h"
#include "pipeline.h"

#include <jansson.h>

/* That of `make image` without a name: its rows are this one's. */
static const char default_recipe[] = "debian-bookworm";

static void print_rows(const struct doctor_report *report, struct buffer *out)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_row *row = &report->rows[i];

		buffer_addf(out, "%-8s %-16s ", doctor_state_name(row->state), row->name);
		/* Some errors say themselves what for. */
		if (!strstr(row->found, row->purpose))
			buffer_addf(out, "%s: ", row->purpose);
		buffer_addf(out, "%s\n", row->found);
		if (row->remedy)
			buffer_addf(out, "%-8s %-16s %s\n", "", "", row->remedy);
	}
}

static json_t *json_of_rows(const struct doctor_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_row *row = &report->rows[i];
		json_t *item = json_pack("{s:s, s:s, s:s, s:s}", "name", row->name, "state",
					 doctor_state_name(row->state), "purpose", row->purpose, "found",
					 row->found);

		if (row->remedy)
			json_object_set_new(item, "remedy", json_string(row->remedy));
		if (row->state == DOCTOR_MISSING)
			json_object_set_new(item, "error", json_string(error_kind_name(row->kind)));
		json_array_append_new(list, item);
	}
	return list;
}

/* The first thing that is missing is what a build would end with. */
static int judge(const struct doctor_report *report, struct error *e)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_row *row = &report->rows[i];

		if (row->state == DOCTOR_MISSING)
			return error_set(e, row->kind, "a build of '%s' would fail here: %s: %s",
					 default_recipe, row->name, row->found);
	}
	return 0;
}

int cmd_doctor(const struct settings *settings, struct error *e)
{
	AUTO(doctor_report_release) struct doctor_report report = DOCTOR_REPORT_INIT;
	auto_free char *recipe = NULL;
	auto_free char *cache = build_cache_dir(settings->cache);
	auto_buffer struct buffer out = BUFFER_INIT;
	struct doctor_options options = {
		.cache_dir = cache,
		.work_dir = settings->work,
		.mirrors = settings->mirrors.items,
		.mirror_count = settings->mirrors.count,
		.offline = settings->offline,
		.log = settings->log,
	};
	int printed;

	if (recipe_find(default_recipe, &recipe, &options.recipe_error) == 0)
		options.recipe_path = recipe;
	if (doctor_examine(&options, &report, e) < 0)
		return -1;
	if (settings->json) {
		printed = print_data_json(json_of_rows(&report), e);
	} else {
		print_rows(&report, &out);
		printed = print_data(out.data, out.len, e);
	}
	return printed < 0 ? -1 : judge(&report, e);
}
