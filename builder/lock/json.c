/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs, indexes and plan → JSON, of which lock.h describes the form. */
#include "lock/parts.h"

#include "base/epoch.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "index/index.h"
#include "plan/plan.h"

#include <jansson.h>

/* What is being written; FAILED once a text was not UTF-8. */
struct writer {
	const struct inputs *inputs;
	const struct index_set *indexes;
	const struct plan *plan;
	bool lock; /* only what a lock has */
	bool failed;
};

static void set(struct writer *writer, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		writer->failed = true;
}

static void set_text(struct writer *writer, json_t *object, const char *key, const char *text)
{
	set(writer, object, key, json_string(text));
}

/* Nothing where TEXT is. */
static void set_some(struct writer *writer, json_t *object, const char *key, const char *text)
{
	if (text && *text)
		set_text(writer, object, key, text);
}

static void set_date(struct writer *writer, json_t *object, const char *key, int64_t epoch_s)
{
	set_text(writer, object, key, epoch_date(epoch_s).text);
}

static void set_digest(struct writer *writer, json_t *object, const char *key, const struct digest *digest)
{
	set_text(writer, object, key, digest_hex(digest).text);
}

static void set_size(struct writer *writer, json_t *object, uint64_t size_bytes)
{
	set(writer, object, "size", json_integer((json_int_t)size_bytes));
}

static json_t *texts_json(struct writer *writer, const char *const *texts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, json_string(texts[i])) < 0)
			writer->failed = true;
	return list;
}

/* The address of what an archive has at PATH, as the recipe would find it. */
static void set_url(struct writer *writer, json_t *object, const char *uri, const char *path)
{
	auto_free char *url = fetch_join(uri, path);
	auto_free char *shown = url_without_credentials(url);

	set_text(writer, object, "url", shown);
}

static json_t *kiln_json(struct writer *writer)
{
	const struct inputs *inputs = writer->inputs;
	json_t *kiln = json_object();
	json_t *libraries = json_object();

	set_text(writer, kiln, "version", inputs->kiln);
	if (!writer->lock)
		set_text(writer, kiln, "build_id", inputs->build_id);
	for (size_t i = 0; i < inputs->library_count; i++)
		set_text(writer, libraries, inputs->libraries[i].name, inputs->libraries[i].version);
	if (writer->lock)
		json_decref(libraries);
	else
		set(writer, kiln, "libraries", libraries);
	return kiln;
}

static json_t *files_json(struct writer *writer)
{
	const struct inputs *inputs = writer->inputs;
	json_t *list = json_array();

	for (size_t i = 0; i < inputs->file_count; i++) {
		json_t *file = json_object();

		set_text(writer, file, "path", inputs->files[i].path);
		set_size(writer, file, inputs->files[i].size_bytes);
		set_digest(writer, file, "sha256", &inputs->files[i].sha256);
		json_array_append_new(list, file);
	}
	return list;
}

static json_t *recipe_json(struct writer *writer)
{
	const struct inputs *inputs = writer->inputs;
	json_t *recipe = json_object();

	set_text(writer, recipe, "name", inputs->recipe);
	set_some(writer, recipe, "cell", inputs->cell);
	if (inputs->override_count || !writer->lock)
		set(writer, recipe, "overrides",
		    texts_json(writer, inputs->overrides, inputs->override_count));
	set(writer, recipe, "files", files_json(writer));
	return recipe;
}

static json_t *image_json(struct writer *writer)
{
	const struct inputs *inputs = writer->inputs;
	json_t *image = json_object();

	set_text(writer, image, "distribution", inputs->distribution);
	set_text(writer, image, "release", inputs->release);
	set_text(writer, image, "variant", inputs->variant);
	set_text(writer, image, "type", inputs->type);
	set_text(writer, image, "architecture", inputs->architecture);
	return image;
}

static json_t *parameters_json(struct writer *writer)
{
	const struct inputs *inputs = writer->inputs;
	json_t *parameters = json_object();

	set(writer, parameters, "formats", texts_json(writer, inputs->formats, inputs->format_count));
	set_text(writer, parameters, "compression", inputs->compression);
	return parameters;
}

static json_t *index_json(struct writer *writer, const struct index_file *file)
{
	auto_free char *path = xasprintf("dists/%s/%s", file->archive->suite, file->path);
	json_t *index = json_object();

	set_text(writer, index, "component", file->component);
	set_text(writer, index, "architecture", file->architecture);
	set_url(writer, index, file->archive->uri, path);
	set_size(writer, index, file->packed_bytes);
	set_digest(writer, index, "sha256", &file->packed_sha256);
	set_digest(writer, index, "unpacked_sha256", &file->sha256);
	return index;
}

static json_t *release_json(struct writer *writer, const struct index_archive *archive)
{
	auto_free char *path = xasprintf("dists/%s/%s", archive->suite, archive->file);
	json_t *release = json_object();

	set_url(writer, release, archive->uri, path);
	set_size(writer, release, archive->file_bytes);
	set_digest(writer, release, "sha256", &archive->file_sha256);
	set_digest(writer, release, "signed_sha256", &archive->release_sha256);
	return release;
}

static json_t *archive_json(struct writer *writer, const struct index_archive *archive)
{
	auto_free char *uri = url_without_credentials(archive->uri);
	json_t *object = json_object();
	json_t *indexes = json_array();

	set_text(writer, object, "url", uri);
	set_text(writer, object, "suite", archive->suite);
	set_some(writer, object, "origin", archive->origin);
	set_some(writer, object, "label", archive->label);
	set_some(writer, object, "codename", archive->codename);
	set_some(writer, object, "version", archive->version);
	set_date(writer, object, "date", archive->date_s);
	if (archive->valid_until_s)
		set_date(writer, object, "valid_until", archive->valid_until_s);
	if (archive->unverified)
		set(writer, object, "verified", json_false());
	set(writer, object, "release", release_json(writer, archive));
	for (size_t i = 0; i < writer->indexes->file_count; i++)
		if (writer->indexes->files[i].archive == archive)
			json_array_append_new(indexes, index_json(writer, &writer->indexes->files[i]));
	set(writer, object, "indexes", indexes);
	return object;
}

static json_t *archives_json(struct writer *writer)
{
	json_t *list = json_array();

	for (size_t i = 0; i < writer->indexes->archive_count; i++)
		json_array_append_new(list, archive_json(writer, writer->indexes->archives[i]));
	return list;
}

static json_t *downloads_json(struct writer *writer)
{
	json_t *list = json_array();

	for (size_t i = 0; i < writer->indexes->download_count; i++) {
		const struct index_download *download = &writer->indexes->downloads[i];
		json_t *object = json_object();

		set_text(writer, object, "name", download->name);
		set_url(writer, object, download->archive->uri, download->filename);
		set_size(writer, object, download->size_bytes);
		set_digest(writer, object, "sha256", &download->sha256);
		json_array_append_new(list, object);
	}
	return list;
}

/* Packages stand in the order of their names, so that another version of one is beside it. */
char *lock_reference(const struct plan *plan, size_t position)
{
	const struct plan_package *package = &plan->packages[position];
	bool twice = (position && strcmp(package[-1].name, package->name) == 0) ||
		     (position + 1 < plan->package_count && strcmp(package[1].name, package->name) == 0);

	return twice ? xasprintf("%s=%s", package->name, package->version) : xstrdup(package->name);
}

static json_t *references_json(struct writer *writer, const size_t *positions, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		auto_free char *reference = lock_reference(writer->plan, positions[i]);

		if (json_array_append_new(list, json_string(reference)) < 0)
			writer->failed = true;
	}
	return list;
}

static void set_references(struct writer *writer, json_t *object, const char *key, const size_t *positions,
			   size_t count)
{
	if (count)
		set(writer, object, key, references_json(writer, positions, count));
}

static json_t *package_json(struct writer *writer, const struct plan_package *package)
{
	json_t *object = json_object();

	set_text(writer, object, "name", package->name);
	set_text(writer, object, "version", package->version);
	set_text(writer, object, "architecture", package->architecture);
	if (strcmp(package->source, package->name) != 0)
		set_text(writer, object, "source", package->source);
	set_text(writer, object, "suite", package->archive->suite);
	set_text(writer, object, "component", package->component);
	set_url(writer, object, package->archive->uri, package->filename);
	set_size(writer, object, package->size_bytes);
	set_digest(writer, object, "sha256", &package->sha256);
	set(writer, object, "installed_size", json_integer((json_int_t)package->installed_bytes));
	set_text(writer, object, "why", plan_why_name(package->why));
	set_some(writer, object, "because_of", package->why_package);
	if (package->essential)
		set(writer, object, "essential", json_true());
	if (package->automatic)
		set(writer, object, "automatic", json_true());
	set_references(writer, object, "depends", package->depends, package->depend_count);
	set_references(writer, object, "pre_depends", package->pre_depends, package->pre_depend_count);
	return object;
}

static json_t *packages_json(struct writer *writer)
{
	json_t *list = json_array();

	for (size_t i = 0; i < writer->plan->package_count; i++)
		json_array_append_new(list, package_json(writer, &writer->plan->packages[i]));
	return list;
}

static json_t *steps_json(struct writer *writer)
{
	json_t *list = json_array();

	for (size_t i = 0; i < writer->plan->step_count; i++) {
		const struct plan_step *step = &writer->plan->steps[i];
		json_t *object = json_object();

		set_text(writer, object, "kind", plan_step_name(step->kind));
		set_text(writer, object, "phase", plan_phase_name(step->phase));
		set(writer, object, "packages", references_json(writer, step->packages, step->count));
		json_array_append_new(list, object);
	}
	return list;
}

static int write_json(struct writer *writer, json_t **json, struct error *e)
{
	json_t *root = json_object();

	set(writer, root, "kiln", kiln_json(writer));
	set(writer, root, "recipe", recipe_json(writer));
	set(writer, root, "image", image_json(writer));
	if (!writer->lock && writer->inputs->compression)
		set(writer, root, "parameters", parameters_json(writer));
	set_date(writer, root, "date", writer->inputs->epoch_s);
	set(writer, root, "archives", archives_json(writer));
	if (writer->indexes->download_count || !writer->lock)
		set(writer, root, "downloads", downloads_json(writer));
	set(writer, root, "packages", packages_json(writer));
	set(writer, root, "merged_usr", json_boolean(writer->plan->merged_usr));
	set(writer, root, "steps", steps_json(writer));
	if (writer->failed) {
		json_decref(root);
		return error_set(e, ERROR_RECIPE, "a name in the inputs of the build is not UTF-8");
	}
	*json = root;
	return 0;
}

int inputs_json(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
		json_t **json, struct error *e)
{
	struct writer writer = { .inputs = inputs, .indexes = indexes, .plan = plan };

	return write_json(&writer, json, e);
}

int inputs_json_locked(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
		       json_t **json, struct error *e)
{
	struct writer writer = { .inputs = inputs, .indexes = indexes, .plan = plan, .lock = true };

	return write_json(&writer, json, e);
}
