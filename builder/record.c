/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "base/alloc.h"
#include "base/version.h"
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

	for (size_t i = 0; i < artefact->file_count; i++)
		json_array_append_new(files,
				      json_pack("{s:s, s:I, s:s}", "name", artefact->files[i].name, "size",
						(json_int_t)artefact->files[i].size_bytes, "sha256",
						digest_hex(&artefact->files[i].sha256).text));
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

static json_t *seconds_json(const struct stage_seconds *seconds, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, seconds[i].stage,
				    json_real(round(seconds[i].seconds * 1000) / 1000));
	return object;
}

int record_make(const struct recipe *recipe, const struct plan *plan, const struct artefacts *artefacts,
		int64_t creation_s, const struct stage_seconds *seconds, size_t second_count, char **text,
		struct error *e)
{
	auto_json json_t *record = NULL;
	auto_free char *name = NULL;
	auto_free char *dumped = NULL;

	if (pack_image_name(recipe, &name, e) < 0)
		return -1;
	record = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:o, s:o, s:o}", "name", name,
			   "distribution", recipe->image.distribution, "release", recipe->image.release,
			   "architecture", recipe->architecture, "variant", recipe->image.variant, "serial",
			   recipe->image.serial, "creation_date", (json_int_t)creation_s, "builder",
			   "kiln " KILN_VERSION, "artifacts", artefacts_json(artefacts), "packages",
			   packages_json(plan), "seconds", seconds_json(seconds, second_count));
	dumped = record ? json_dumps(record, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
	if (!dumped)
		return error_set(e, ERROR_RECIPE, "%s: 'image' holds text that is not UTF-8", recipe->path);
	*text = xasprintf("%s\n", dumped);
	return 0;
}
