/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/check.h"
#include "recipe/expand.h"
#include "recipe/filter.h"

#include "base/text.h"
#include "recipe/check_setup.h"

static int unsupported(struct error *e, const struct place *place, const char *what, const char *remedy)
{
	return error_at(e, ERROR_UNSUPPORTED, place, "not supported yet: '%s' (%s)", what, remedy);
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
					"not supported yet: 'source.variant: %s' (this version builds: "
					"minbase, buildd, -)",
					variant);
	}
	nearest = text_nearest(variant, known, 3);
	return error_at(e, ERROR_RECIPE, &source->variant_place,
			"unknown word '%.100s' in 'source.variant' (%s%s%s)", variant,
			nearest ? "did you mean '" : "one of: minbase, buildd, -", nearest ? nearest : "",
			nearest ? "'?" : "");
}

static int check_source_key(const struct recipe_key *key, struct error *e)
{
	if (key->data)
		return 0;
	return error_at(e, ERROR_UNSUPPORTED, &key->place,
			"not supported yet: a key by its fingerprint '%.80s' (put the key itself, or a file "
			"that holds it, here: gpg --armor --export)",
			key->text);
}

/* What debootstrap's kind of source needs, whatever the image. */
static int check_archive(const struct recipe_source *source, struct problems *problems, struct error *e)
{
	if (source->keyserver && source->keyserver[0] &&
	    unsupported(e, &source->keyserver_place, "source.keyserver",
			"put the keys themselves, or files that hold them, into source.keys") < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	if (source->skip_verification)
		problems_note(
			problems, &source->skip_verification_place,
			"'source.skip_verification: true' changes nothing unless a build is started with "
			"--insecure-skip-verification");
	if (source->sha256 && source->sha256[0] &&
	    unsupported(e, &source->sha256_place, "source.sha256",
			"it is for downloaders that fetch one file; debootstrap's archive is signed") < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	for (size_t i = 0; i < source->key_count; i++)
		if (check_source_key(&source->keys[i], e) < 0 && problems_take(problems, e) < 0)
			return -1;
	if ((!source->url || !source->url[0]) &&
	    error_at(e, ERROR_RECIPE, &source->place, "missing key 'url' in 'source'") < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	return check_variant(source, e) < 0 ? problems_take(problems, e) : 0;
}

static int check_source(const struct recipe_source *source, struct problems *problems, struct error *e)
{
	if (!source->downloader)
		return 0;
	if (strcmp(source->downloader, "debootstrap") == 0)
		return check_archive(source, problems, e);
	error_at(e, ERROR_UNSUPPORTED, &source->downloader_place,
		 "not supported yet: 'source.downloader: %s' (this version runs: debootstrap)",
		 source->downloader);
	return problems_take(problems, e);
}

static int check_manager(const struct recipe_packages *packages, struct error *e)
{
	if (packages->custom_manager)
		return unsupported(e, &packages->custom_manager_place, "packages.custom_manager",
				   "this version runs: manager: apt");
	if (packages->manager && packages->manager[0] && strcmp(packages->manager, "apt") != 0)
		return error_at(e, ERROR_UNSUPPORTED, &packages->manager_place,
				"not supported yet: 'packages.manager: %s' (this version runs: apt)",
				packages->manager);
	return 0;
}

static int check_repository(const struct repository *repository, struct error *e)
{
	if (!repository->key || !repository->key[0] || strstr(repository->key, "-----BEGIN PGP "))
		return 0;
	return error_at(e, ERROR_UNSUPPORTED, &repository->key_place,
			"not supported yet: a key by its fingerprint '%.80s' (put the key itself, or a file "
			"that holds it, here: gpg --armor --export)",
			repository->key);
}

static int check_packages(const struct recipe_packages *packages, struct problems *problems, struct error *e)
{
	if (check_manager(packages, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	for (size_t i = 0; i < packages->set_count; i++)
		if (packages->sets[i].flags.count &&
		    unsupported(e, &packages->sets[i].flags_place, "packages.sets[].flags",
				"no program of the distribution is run that could take them") < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	for (size_t i = 0; i < packages->repository_count; i++)
		if (check_repository(&packages->repositories[i], e) < 0 && problems_take(problems, e) < 0)
			return -1;
	return 0;
}

/* What virtual machines alone need does not stop a build of a container: then it is a note. */
static int check_generator(const struct recipe_file *file, struct problems *problems, struct error *e)
{
	static const char why[] = "it belongs to virtual machines; 'types: [vm]' limits an entry to them";

	if (file->generator != GENERATOR_FSTAB && file->generator != GENERATOR_INCUS_AGENT)
		return 0;
	if (!filter_admits_type(&file->filter, "container")) {
		problems_note(problems, &file->generator_place, "not supported yet: 'generator: %s'",
			      generator_name(file->generator));
		return 0;
	}
	error_at(e, ERROR_UNSUPPORTED, &file->generator_place, "not supported yet: 'generator: %s' (%s)",
		 generator_name(file->generator), why);
	return problems_take(problems, e);
}

struct template_checker {
	const struct recipe *recipe;
	struct problems *problems;
};

static int check_template(const struct template_checker *checker, const char *text, const struct place *place,
			  struct error *e)
{
	if (recipe_check_template(checker->recipe, text, place, e) < 0)
		return problems_take(checker->problems, e);
	return 0;
}

static int check_file_templates(const struct template_checker *checker, const struct recipe_file *file,
				struct error *e)
{
	if (!file->pongo)
		return 0;
	if (check_template(checker, file->path, &file->path_place, e) < 0 ||
	    check_template(checker, file->content, &file->content_place, e) < 0)
		return -1;
	return check_template(checker, file->source, &file->source_place, e);
}

/* Templates with a mistake are found before a build has spent its time. */
static int check_templates(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	const struct template_checker checker = { recipe, problems };

	if (check_template(&checker, recipe->image.name, &recipe->image.name_place, e) < 0 ||
	    check_template(&checker, recipe->image.description, &recipe->image.description_place, e) < 0 ||
	    check_template(&checker, recipe->source.url, &recipe->source.url_place, e) < 0)
		return -1;
	for (size_t i = 0; i < recipe->packages.repository_count; i++) {
		const struct repository *repository = &recipe->packages.repositories[i];

		if (check_template(&checker, repository->url, &repository->url_place, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < recipe->file_count; i++)
		if (check_file_templates(&checker, &recipe->files[i], e) < 0)
			return -1;
	for (size_t i = 0; i < recipe->action_count; i++) {
		const struct recipe_action *action = &recipe->actions[i];

		if (action->pongo && check_template(&checker, action->action, &action->place, e) < 0)
			return -1;
	}
	return recipe_check_setup(recipe, problems, e);
}

int recipe_check_targets(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	const struct template_checker checker = { recipe, problems };
	const struct recipe_targets *targets = &recipe->targets;

	if (check_template(&checker, targets->lxc_create_message, &targets->lxc_create_message_place, e) < 0)
		return -1;
	for (size_t i = 0; i < targets->lxc_config_count; i++)
		if (check_template(&checker, targets->lxc_configs[i].content,
				   &targets->lxc_configs[i].content_place, e) < 0)
			return -1;
	return 0;
}

int recipe_check_entries(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	if (check_source(&recipe->source, problems, e) < 0 ||
	    check_packages(&recipe->packages, problems, e) < 0)
		return -1;
	for (size_t i = 0; i < recipe->file_count; i++)
		if (check_generator(&recipe->files[i], problems, e) < 0)
			return -1;
	if (filter_check(recipe, problems, e) < 0)
		return -1;
	return check_templates(recipe, problems, e);
}

/* Without a release there is no archive; but it may come from the command line, so that the file is not wrong. */
static int check_suite(const struct recipe *recipe, struct error *e)
{
	const struct recipe_source *source = &recipe->source;

	if (strcmp(source->downloader, "debootstrap") != 0 || source->suite[0])
		return 0;
	return error_at(e, ERROR_RECIPE, &source->suite_place,
			"missing key 'release' in 'image' (or 'suite' in 'source')");
}

static int check_type(const struct recipe *recipe, struct error *e)
{
	if (strcmp(recipe->type, "container") == 0)
		return 0;
	return error_at(e, ERROR_UNSUPPORTED, &recipe->image.place,
			"not supported yet: images of type '%s' (this version builds: container)",
			recipe->type);
}

int recipe_select(struct recipe *recipe, struct error *e)
{
	auto_problems struct problems problems = PROBLEMS_INIT;

	if (recipe_filter(recipe, e) < 0)
		return -1;
	if ((check_type(recipe, e) < 0 && problems_take(&problems, e) < 0) ||
	    (check_suite(recipe, e) < 0 && problems_take(&problems, e) < 0))
		return -1;
	if (recipe_check_entries(recipe, &problems, e) < 0)
		return -1;
	return problems_result(&problems, e);
}
