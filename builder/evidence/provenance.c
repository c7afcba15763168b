/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/provenance.h"

#include "base/version.h"
#include "evidence/json.h"
#include "index/index.h"
#include "lock/lock.h"
#include "plan/plan.h"

/* A ResourceDescriptor of in-toto. */
static json_t *resource(const char *name, const char *uri, const struct digest *sha256)
{
	json_t *object = json_object();

	json_set(object, "name", name);
	json_set(object, "uri", uri);
	json_put(object, "digest", json_pack("{s:s}", "sha256", digest_hex(sha256).text));
	return object;
}

/* Every file, and the fingerprint of an image that is more than one. */
static json_t *subjects_json(const struct evidence_options *options)
{
	json_t *list = json_array();

	for (size_t i = 0; i < options->artefacts->count; i++) {
		const struct artefact *artefact = &options->artefacts->items[i];
		auto_free char *name = xasprintf("%s (%s)", options->name, artefact->format);

		for (size_t k = 0; k < artefact->file_count; k++)
			json_array_append_new(
				list, resource(artefact->files[k].name, NULL, &artefact->files[k].sha256));
		if (artefact->file_count > 1)
			json_array_append_new(list, resource(name, NULL, &artefact->fingerprint));
	}
	return list;
}

/*
 * What whoever started the build has said, as image.json has it under "inputs"; the files of the recipe are among the
 * dependencies.
 */
static json_t *external_json(const json_t *inputs, bool unverified)
{
	static const char *const keys[] = { "image", "parameters" };
	json_t *object = json_object();
	json_t *recipe = json_copy(json_object_get(inputs, "recipe"));

	json_object_del(recipe, "files");
	json_put(object, "recipe", recipe);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		json_object_set(object, keys[i], json_object_get(inputs, keys[i]));
	if (unverified)
		json_set(object, "verification", "skipped");
	return object;
}

/* What followed from that. */
static json_t *internal_json(const json_t *inputs)
{
	json_t *object = json_object();
	const json_t *kiln = json_object_get(inputs, "kiln");

	json_object_set(object, "date", json_object_get(inputs, "date"));
	json_object_set(object, "libraries", json_object_get(kiln, "libraries"));
	return object;
}

static void add_resource(json_t *list, const char *name, const json_t *object)
{
	json_t *item = json_object();

	json_set(item, "name", name);
	json_object_set(item, "uri", json_object_get(object, "url"));
	json_put(item, "digest", json_pack("{s:O}", "sha256", json_object_get(object, "sha256")));
	json_array_append_new(list, item);
}

/* Wherever it lies: by the name of its file. */
static void add_lock(json_t *list, const struct lock *lock)
{
	const char *slash = strrchr(lock->path, '/');
	auto_free char *name = xasprintf("lock: %s", slash ? slash + 1 : lock->path);

	json_array_append_new(list, resource(name, NULL, &lock->sha256));
}

static void add_files(json_t *list, const json_t *inputs)
{
	const json_t *file;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(inputs, "recipe"), "files"), i, file) {
		auto_free char *name =
			xasprintf("recipe: %s", json_string_value(json_object_get(file, "path")));

		add_resource(list, name, file);
	}
}

static void add_indexes(json_t *list, const json_t *inputs)
{
	const json_t *archive;
	const json_t *index;
	size_t i;
	size_t k;

	json_array_foreach (json_object_get(inputs, "archives"), i, archive) {
		add_resource(list, "release", json_object_get(archive, "release"));
		if (json_is_false(json_object_get(archive, "verified")))
			json_put(json_array_get(list, json_array_size(list) - 1), "annotations",
				 json_pack("{s:b}", "verified", 0));
		json_array_foreach (json_object_get(archive, "indexes"), k, index)
			add_resource(list, "index", index);
	}
	json_array_foreach (json_object_get(inputs, "downloads"), i, index)
		add_resource(list, "download", index);
}

static const struct plan_package *find_package(const struct plan *plan, const json_t *object)
{
	const char *sha256 = json_string_value(json_object_get(object, "sha256"));
	struct digest digest;

	if (!sha256 || !digest_parse(text_of(sha256), &digest))
		return NULL;
	for (size_t i = 0; i < plan->package_count; i++)
		if (digest_equal(&plan->packages[i].sha256, &digest))
			return &plan->packages[i];
	return NULL;
}

/* In the order of image.json, with the names that the bills of materials give them. */
static void add_packages(json_t *list, const json_t *inputs, const struct bom *bom, const struct plan *plan)
{
	const json_t *object;
	size_t i;

	json_array_foreach (json_object_get(inputs, "packages"), i, object) {
		const struct plan_package *planned = find_package(plan, object);
		struct inventory_package package = { .planned = planned };
		auto_free char *purl = NULL;

		if (!planned)
			continue;
		package.name = planned->name;
		package.version = planned->version;
		package.architecture = planned->architecture;
		purl = bom_purl(bom, &package);
		add_resource(list, purl, object);
	}
}

static json_t *builder_json(const struct evidence_options *options, const json_t *inputs)
{
	const json_t *build_id = json_object_get(json_object_get(inputs, "kiln"), "build_id");
	json_t *object = json_object();
	json_t *version = json_object();

	json_set(object, "id", options->builder_id ? options->builder_id : PROVENANCE_BUILDER);
	json_set(version, "kiln", KILN_VERSION);
	if (json_string_length(build_id))
		json_set(version, "build_id", json_string_value(build_id));
	json_put(object, "version", version);
	return object;
}

static json_t *byproducts_json(const struct evidence *others)
{
	json_t *list = json_array();

	for (size_t i = 0; i < others->count; i++)
		json_array_append_new(
			list, resource(others->files[i].file.name, NULL, &others->files[i].file.sha256));
	return list;
}

static json_t *definition_json(const struct evidence_options *options, const struct bom *bom,
			       const json_t *inputs)
{
	json_t *object = json_object();
	json_t *dependencies = json_array();

	json_set(object, "buildType", PROVENANCE_BUILD_TYPE);
	json_put(object, "externalParameters", external_json(inputs, index_is_unverified(options->indexes)));
	json_put(object, "internalParameters", internal_json(inputs));
	if (options->lock->path)
		add_lock(dependencies, options->lock);
	add_files(dependencies, inputs);
	add_indexes(dependencies, inputs);
	add_packages(dependencies, inputs, bom, options->plan);
	json_put(object, "resolvedDependencies", dependencies);
	return object;
}

int provenance_make(const struct evidence_options *options, const struct bom *bom,
		    const struct evidence *others, char **text, struct error *e)
{
	auto_json json_t *statement = json_object();
	auto_json json_t *inputs = NULL;
	auto_free char *invocation = NULL;
	json_t *predicate = NULL;
	json_t *run = NULL;

	if (inputs_json(options->inputs, options->indexes, options->plan, &inputs, e) < 0)
		return -1;
	predicate = json_object();
	run = json_object();
	json_set(statement, "_type", "https://in-toto.io/Statement/v1");
	json_put(statement, "subject", subjects_json(options));
	json_set(statement, "predicateType", "https://slsa.dev/provenance/v1");
	json_put(statement, "predicate", predicate);
	json_put(predicate, "buildDefinition", definition_json(options, bom, inputs));
	json_put(predicate, "runDetails", run);
	json_put(run, "builder", builder_json(options, inputs));
	/* Two builds of the same are the same here: an id that follows from all of it, and no times. */
	invocation = xasprintf("urn:uuid:%s", json_uuid(statement).text);
	json_put(run, "metadata", json_pack("{s:s}", "invocationId", invocation));
	if (others->count)
		json_put(run, "byproducts", byproducts_json(others));
	*text = json_print(statement);
	return 0;
}
