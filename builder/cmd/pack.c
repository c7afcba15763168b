/* SPDX-License-Identifier: Apache-2.0 */
/* kiln pack: an image of a root that exists: an unpacked image, a stopped container, or any folder. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "base/limits.h"
#include "cmd/artefacts.h"
#include "image/folder.h"
#include "image/metadata.h"
#include "recipe/recipe.h"
#include "sandbox/privilege.h"
#include "tree/walk.h"

#include <fcntl.h>

/* Where the image's metadata come from. */
struct packing {
	struct arena arena;
	struct image_folder folder;
	struct image_identity identity;
	struct recipe recipe;
	struct pack_metadata metadata; /* made of the recipe, or views of the rest */
	char *given;                   /* owned; the file of --metadata */
};

static void packing_release(struct packing *packing)
{
	pack_metadata_release(&packing->metadata);
	recipe_release(&packing->recipe);
	image_identity_release(&packing->identity);
	image_folder_release(&packing->folder);
	free(packing->given);
	arena_release(&packing->arena);
}

static int creation_date(const struct settings *settings, int64_t *epoch_s, struct error *e)
{
	uint64_t given;
	int r;

	if (settings->creation_date) {
		if (!text_to_u64(text_of(settings->creation_date), &given) || given == 0 || given > INT64_MAX)
			return error_set(e, ERROR_USAGE,
					 "--creation-date: '%s' is no number of seconds since 1970",
					 settings->creation_date);
		*epoch_s = (int64_t)given;
		return 0;
	}
	r = epoch_from_environment(epoch_s, e);
	if (r == 0)
		*epoch_s = epoch_now();
	return r < 0 ? -1 : 0;
}

/* The metadata that a build by the recipe, or by one that says nothing but what -o does, would give the image. */
static int make_metadata(struct packing *packing, const struct settings *settings, int64_t epoch_s,
			 struct error *e)
{
	static const char empty[] = "image: {distribution: linux}\n"
				    "source: {downloader: debootstrap}\n"
				    "packages: {manager: apt}\n";
	const struct recipe_options options = {
		.path = "-o",
		.overrides = settings->overrides.items,
		.override_count = settings->overrides.count,
	};
	struct recipe_options named = options;
	auto_free char *path = NULL;

	if (settings->recipe) {
		if (recipe_find(settings->recipe, &path, e) < 0)
			return -1;
		named.path = arena_strdup(&packing->arena, path);
		if (recipe_load(&named, &packing->recipe, e) < 0 || recipe_filter(&packing->recipe, e) < 0)
			return -1;
	} else if (recipe_parse(empty, strlen(empty), &options, &packing->recipe, e) < 0) {
		return -1;
	}
	recipe_set_date(&packing->recipe, epoch_s);
	return pack_metadata_make(&packing->recipe, NULL, epoch_s, &packing->metadata, e);
}

/* metadata.yaml as it is, of the folder or of --metadata, with the folder's templates. */
static int use_metadata(struct packing *packing, const struct settings *settings, struct error *e)
{
	struct text yaml = packing->folder.metadata;
	const char *name;
	size_t len;

	if (settings->metadata) {
		if (file_read(AT_FDCWD, settings->metadata, LIMIT_IMAGE_METADATA_BYTES, &packing->given, &len,
			      e) < 0)
			return -1;
		yaml = (struct text) { packing->given, len };
	}
	if (image_identity_read(yaml, &packing->identity, e) < 0)
		return error_wrap(e, "%s",
				  settings->metadata ? settings->metadata : settings->arguments.items[0]);
	name = settings->name ? settings->name : packing->identity.name;
	if (!name)
		return error_set(e, ERROR_USAGE, "%s: metadata.yaml gives the image no name; --name does",
				 settings->arguments.items[0]);
	packing->metadata = artefacts_metadata(&packing->arena, name, yaml, packing->folder.templates,
					       packing->folder.template_count);
	return 0;
}

static int check_settings(const struct packing *packing, const struct settings *settings, bool *made,
			  struct error *e)
{
	const char *path = settings->arguments.items[0];
	bool described = settings->recipe || settings->overrides.count;

	if (settings->metadata && described)
		return error_set(e, ERROR_USAGE,
				 "--metadata is a whole metadata.yaml: it leaves nothing to %s",
				 settings->recipe ? "--recipe" : "-o");
	*made = described;
	if (described || settings->metadata || packing->folder.metadata.ptr)
		return 0;
	return error_set(e, ERROR_USAGE,
			 "'%s' has no metadata.yaml%s: say with --metadata, --recipe or -o what it is", path,
			 packing->folder.is_bare ? " beside a rootfs/" : "");
}

int cmd_pack(const struct settings *settings, struct error *e)
{
	AUTO(packing_release) struct packing packing = { .folder = IMAGE_FOLDER_INIT, .recipe = RECIPE_INIT };
	struct pack_options options = { .metadata = &packing.metadata };
	struct tree_folder root;
	bool made;

	/* In what an ordinary user has unpacked, or built, files have the owners that his namespace shows. */
	if (geteuid() != 0 && privilege_obtain(settings->log, e) < 0)
		return error_wrap(e, "cannot pack");
	if (artefacts_parse(settings->format, settings->compression, &options, e) < 0 ||
	    image_folder_read(settings->arguments.items[0], &packing.folder, e) < 0 ||
	    check_settings(&packing, settings, &made, e) < 0)
		return -1;
	if (made) {
		if (creation_date(settings, &options.epoch_s, e) < 0 ||
		    make_metadata(&packing, settings, options.epoch_s, e) < 0)
			return -1;
		if (settings->name)
			packing.metadata.name = settings->name;
	} else {
		if (settings->creation_date)
			return error_set(e, ERROR_USAGE, "--creation-date belongs to --recipe or -o");
		if (use_metadata(&packing, settings, e) < 0)
			return -1;
		options.epoch_s = packing.identity.creation_s;
		options.keep_times = true;
	}
	root = tree_folder(packing.folder.root_fd, settings->log);
	options.root = &root.source;
	return artefacts_write(settings, &options, e);
}
