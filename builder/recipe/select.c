/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/expand.h"

#include "base/text.h"

static bool has_item(const struct string_list *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return list->count == 0;
}

bool recipe_matches(const struct recipe *recipe, const struct filter *filter)
{
	return has_item(&filter->releases, recipe->image.release) &&
	       has_item(&filter->architectures, recipe->architecture_mapped) &&
	       has_item(&filter->variants, recipe->image.variant) && has_item(&filter->types, recipe->type);
}

/* Keep the entries of ARRAY that match, in their order. */
#define KEEP(recipe, array, count) \
	do { \
		size_t kept_ = 0; \
		for (size_t i_ = 0; i_ < (count); i_++) \
			if (recipe_matches((recipe), &(array)[i_].filter)) \
				(array)[kept_++] = (array)[i_]; \
		(count) = kept_; \
	} while (0)

static void apply_filters(struct recipe *recipe)
{
	KEEP(recipe, recipe->files, recipe->file_count);
	KEEP(recipe, recipe->actions, recipe->action_count);
	KEEP(recipe, recipe->packages.sets, recipe->packages.set_count);
	KEEP(recipe, recipe->packages.repositories, recipe->packages.repository_count);
	KEEP(recipe, recipe->environment.variables, recipe->environment.variable_count);
	KEEP(recipe, recipe->targets.lxc_configs, recipe->targets.lxc_config_count);
}

static int unsupported(struct error *e, const struct place *place, const char *what, const char *remedy)
{
	return error_at(e, ERROR_UNSUPPORTED, place, "'%s' is not supported yet (%s)", what, remedy);
}

static int check_variant(const struct recipe_source *source, struct error *e)
{
	static const char *const known[] = { "-", "minbase", "buildd", "fakechroot", "scratchbox" };
	const char *variant = source->variant;
	const char *nearest;

	if (!variant || !variant[0])
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(variant, known[i]) != 0)
			continue;
		return i < 3 ? 0
			     : error_at(e, ERROR_UNSUPPORTED, &source->variant_place,
					"'source.variant: %s' is not supported yet (this version builds: "
					"minbase, buildd, -)",
					variant);
	}
	nearest = text_nearest(variant, known, 3);
	return error_at(e, ERROR_RECIPE, &source->variant_place,
			"unknown word '%.100s' in 'source.variant' (%s%s%s)", variant,
			nearest ? "did you mean '" : "one of: minbase, buildd, -", nearest ? nearest : "",
			nearest ? "'?" : "");
}

static int check_source(const struct recipe_source *source, struct error *e)
{
	if (strcmp(source->downloader, "debootstrap") != 0)
		return error_at(
			e, ERROR_UNSUPPORTED, &source->downloader_place,
			"'source.downloader: %s' is not supported yet (this version runs: debootstrap)",
			source->downloader);
	if (source->keyserver && source->keyserver[0])
		return unsupported(e, &source->keyserver_place, "source.keyserver",
				   "put the keys themselves, or files that hold them, into source.keys");
	if (source->skip_verification)
		return unsupported(e, &source->skip_verification_place, "source.skip_verification: true",
				   "put the key that signs the archive into source.keys");
	for (size_t i = 0; i < source->key_count; i++)
		if (!source->keys[i].data)
			return error_at(e, ERROR_UNSUPPORTED, &source->keys[i].place,
					"a key by its fingerprint '%.80s' is not supported yet (put the key "
					"itself, or a file that holds it, here: gpg --armor --export)",
					source->keys[i].text);
	if (source->sha256 && source->sha256[0])
		return unsupported(
			e, &source->sha256_place, "source.sha256",
			"it is for downloaders that fetch one file; debootstrap's archive is signed");
	if (!source->url || !source->url[0])
		return error_at(e, ERROR_RECIPE, &source->place, "missing key 'url' in 'source'");
	if (!source->suite[0])
		return error_at(e, ERROR_RECIPE, &source->suite_place,
				"missing key 'release' in 'image' (or 'suite' in 'source')");
	return check_variant(source, e);
}

static int check_packages(const struct recipe_packages *packages, struct error *e)
{
	if (packages->custom_manager)
		return unsupported(e, &packages->custom_manager_place, "packages.custom_manager",
				   "this version runs: manager: apt");
	if (packages->manager && strcmp(packages->manager, "apt") != 0)
		return error_at(e, ERROR_UNSUPPORTED, &packages->manager_place,
				"'packages.manager: %s' is not supported yet (this version runs: apt)",
				packages->manager);
	for (size_t i = 0; i < packages->set_count; i++)
		if (packages->sets[i].flags.count)
			return unsupported(e, &packages->sets[i].flags_place, "packages.sets[].flags",
					   "no program of the distribution is run that could take them");
	for (size_t i = 0; i < packages->repository_count; i++) {
		const struct repository *repository = &packages->repositories[i];

		if (repository->key && repository->key[0] && !strstr(repository->key, "-----BEGIN PGP "))
			return error_at(e, ERROR_UNSUPPORTED, &repository->key_place,
					"a key by its fingerprint '%.80s' is not supported yet (put the key "
					"itself, or a file that holds it, here: gpg --armor --export)",
					repository->key);
	}
	return 0;
}

static int check_files(const struct recipe *recipe, struct error *e)
{
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];

		if (file->generator == GENERATOR_FSTAB || file->generator == GENERATOR_INCUS_AGENT)
			return error_at(
				e, ERROR_UNSUPPORTED, &file->generator_place,
				"'generator: %s' is not supported yet (it belongs to virtual machines; "
				"'types: [vm]' limits an entry to them)",
				generator_name(file->generator));
	}
	return 0;
}

/* Templates with a mistake are found before a build has spent its time. */
static int check_templates(const struct recipe *recipe, struct error *e)
{
	if (recipe_check_template(recipe, recipe->image.name, &recipe->image.name_place, e) < 0 ||
	    recipe_check_template(recipe, recipe->image.description, &recipe->image.description_place, e) <
		    0 ||
	    recipe_check_template(recipe, recipe->source.url, &recipe->source.url_place, e) < 0)
		return -1;
	for (size_t i = 0; i < recipe->packages.repository_count; i++) {
		const struct repository *repository = &recipe->packages.repositories[i];

		if (recipe_check_template(recipe, repository->url, &repository->url_place, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];

		if (file->pongo &&
		    (recipe_check_template(recipe, file->path, &file->path_place, e) < 0 ||
		     recipe_check_template(recipe, file->content, &file->content_place, e) < 0 ||
		     recipe_check_template(recipe, file->source, &file->source_place, e) < 0))
			return -1;
	}
	for (size_t i = 0; i < recipe->action_count; i++) {
		const struct recipe_action *action = &recipe->actions[i];

		if (action->pongo && recipe_check_template(recipe, action->action, &action->place, e) < 0)
			return -1;
	}
	return 0;
}

int recipe_select(struct recipe *recipe, struct error *e)
{
	apply_filters(recipe);
	if (strcmp(recipe->type, "container") != 0)
		return error_at(e, ERROR_UNSUPPORTED, &recipe->matrix.place,
				"'type: %s' is not supported yet (this version builds: container)",
				recipe->type);
	if (check_source(&recipe->source, e) < 0 || check_packages(&recipe->packages, e) < 0 ||
	    check_files(recipe, e) < 0)
		return -1;
	return check_templates(recipe, e);
}
