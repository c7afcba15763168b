/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "base/alloc.h"
#include "base/version.h"
#include "evidence/evidence.h"
#include "lock/lock.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

#include <jansson.h>
#include <math.h>

static void json_release(json_t **value)
{
	json_decref(*value);
}
#define auto_json AUTO(json_release)

static json_t *artefact_json(const struct artefact *artefact)
{
	json_t *files = json_array();

	for (size_t i = 0; i < artefact->file_count; i++) {
		json_t *file = json_pack("{s:s, s:I, s:s}", "name", artefact->files[i].name, "size",
					 (json_int_t)artefact->files[i].size_bytes, "sha256",
					 digest_hex(&artefact->files[i].sha256).text);

		if (artefact->files[i].is_folder)
			json_object_set_new(file, "folder", json_true());
		json_array_append_new(files, file);
	}
	return json_pack("{s:s, s:o, s:s}", "format", artefact->format, "files", files, "fingerprint",
			 digest_hex(&artefact->fingerprint).text);
}

static json_t *artefacts_json(const struct artefacts *artefacts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < artefacts->count; i++)
		json_array_append_new(list, artefact_json(&artefacts->items[i]));
	return list;
}

/* The log has no digest: it ends behind this. */
static json_t *evidence_json(const struct record_parts *parts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < parts->evidence->count; i++) {
		const struct evidence_file *file = &parts->evidence->files[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:s}", "kind", file->kind, "name",
						file->file.name, "size", (json_int_t)file->file.size_bytes,
						"sha256", digest_hex(&file->file.sha256).text));
	}
	if (parts->log_name)
		json_array_append_new(list, json_pack("{s:s, s:s}", "kind", "log", "name", parts->log_name));
	return list;
}

static json_t *signatures_json(const struct record_parts *parts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < parts->signature_count; i++)
		json_array_append_new(list, json_string(parts->signatures[i]));
	return list;
}

static json_t *packages_json(const struct plan *plan)
{
	size_t count;
	auto_free size_t *positions = plan_result(plan, &count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct plan_package *package = &plan->packages[positions[i]];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "name", package->name, "version",
						package->version, "architecture", package->architecture));
	}
	return list;
}

static json_t *seconds(double value)
{
	return json_real(round(value * 1000) / 1000);
}

static json_t *timing_json(const struct meter_report *spent)
{
	json_t *object = json_object();

	for (size_t i = 0; i < METER_KIND_COUNT; i++) {
		const struct meter_words *words = meter_words((enum meter_kind)i);
		const struct meter_sum *sum = &spent->sums[i];
		json_t *row = json_object();

		json_object_set_new(row, "seconds", seconds(sum->wall_s));
		json_object_set_new(row, "cpu", seconds(sum->cpu_s));
		json_object_set_new(row, "programs_cpu", seconds(sum->program_cpu_s));
		if (words->items) {
			json_object_set_new(row, words->items, json_integer((json_int_t)sum->item_count));
			json_object_set_new(row, "in", json_integer((json_int_t)sum->in_bytes));
			json_object_set_new(row, "out", json_integer((json_int_t)sum->out_bytes));
		}
		if (words->bound) {
			json_object_set_new(row, "bound", seconds(sum->bound_s));
			json_object_set_new(row, "bound_by", json_string(words->bound));
		}
		json_object_set_new(object, words->name, row);
	}
	json_object_set_new(object, "total",
			    json_pack("{s:o, s:o, s:o, s:I}", "seconds", seconds(spent->total.wall_s), "cpu",
				      seconds(spent->total.cpu_s), "programs_cpu",
				      seconds(spent->total.program_cpu_s), "memory",
				      (json_int_t)spent->peak_bytes));
	return object;
}

/* -1 for what is not UTF-8. */
static int set_text(json_t *object, const char *key, const char *text)
{
	return json_object_set_new(object, key, json_string(text));
}

static int set_identity(json_t *record, const struct record_parts *parts, struct error *e)
{
	const struct recipe *recipe = parts->recipe;
	auto_free char *name = NULL;

	if (parts->dated && pack_image_name(recipe, &name, e) < 0)
		return -1;
	if ((name && set_text(record, "name", name) < 0) ||
	    (parts->until && set_text(record, "until", parts->until) < 0) ||
	    set_text(record, "distribution", recipe->image.distribution) < 0 ||
	    set_text(record, "release", recipe->image.release) < 0 ||
	    set_text(record, "architecture", recipe->architecture) < 0 ||
	    set_text(record, "variant", recipe->image.variant) < 0 ||
	    (name && set_text(record, "serial", recipe->image.serial) < 0))
		return error_set(e, ERROR_RECIPE, "%s: 'image' holds text that is not UTF-8", recipe->path);
	if (parts->dated)
		json_object_set_new(record, "creation_date", json_integer((json_int_t)parts->creation_s));
	return 0;
}

/* Names for whoever publishes the image; an alias that expands to nothing is none. */
static int set_aliases(json_t *record, const struct recipe *recipe, struct error *e)
{
	json_t *list = json_array();

	json_object_set_new(record, "aliases", list);
	for (size_t i = 0; i < recipe->image.alias_count; i++) {
		const struct recipe_name *alias = &recipe->image.aliases[i];
		auto_free char *text = NULL;

		if (recipe_expand(recipe, alias->text, &alias->place, &text, e) < 0)
			return -1;
		if (!*text)
			continue;
		if (!recipe_is_alias(text))
			return error_at(e, ERROR_RECIPE, &alias->place, "'%.100s' is no name for an image",
					text);
		json_array_append_new(list, json_string(text));
	}
	return 0;
}

static int set_inputs(json_t *record, const struct record_parts *parts, struct error *e)
{
	json_t *inputs;

	if (inputs_json(parts->inputs, parts->indexes, parts->plan, &inputs, e) < 0)
		return -1;
	json_object_set_new(record, "inputs", inputs);
	return 0;
}

int record_make(const struct record_parts *parts, char **text, struct error *e)
{
	auto_json json_t *record = json_object();
	auto_free char *dumped = NULL;

	if (set_identity(record, parts, e) < 0)
		return -1;
	if (parts->dated && parts->recipe->image.alias_count && set_aliases(record, parts->recipe, e) < 0)
		return -1;
	set_text(record, "builder", "kiln " KILN_VERSION);
	if (parts->isolation != ISOLATION_AUTO)
		set_text(record, "isolation", isolation_name(parts->isolation));
	json_object_set_new(record, "artifacts", artefacts_json(parts->artefacts));
	if (parts->evidence->count || parts->log_name)
		json_object_set_new(record, "evidence", evidence_json(parts));
	if (parts->signature_count)
		json_object_set_new(record, "signatures", signatures_json(parts));
	if (parts->plan)
		json_object_set_new(record, "packages", packages_json(parts->plan));
	if (parts->inputs && set_inputs(record, parts, e) < 0)
		return -1;
	json_object_set_new(record, "timing", timing_json(parts->spent));
	dumped = json_dumps(record, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	*text = xasprintf("%s\n", dumped ? dumped : "{}");
	return 0;
}

char *record_artefacts(const struct artefacts *artefacts)
{
	auto_json json_t *record = json_pack("{s:o}", "artifacts", artefacts_json(artefacts));
	auto_free char *dumped = json_dumps(record, JSON_INDENT(2));

	return xasprintf("%s\n", dumped);
}
