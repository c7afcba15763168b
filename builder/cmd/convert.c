/* SPDX-License-Identifier: Apache-2.0 */
/* kiln convert: an image in another format, or compressed otherwise, without a root on disk. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "cmd/artefacts.h"
#include "image/metadata.h"

/* The name that the image's files begin with: the image's own; or that of the file, without what follows it. */
static const char *name_of(struct arena *arena, const struct image_facts *facts, const char *own)
{
	static const char *const tails[] = { ".meta.tar", ".tar" };
	const char *slash = strrchr(facts->files[0].path, '/');
	const char *name = slash ? slash + 1 : facts->files[0].path;

	if (own && *own)
		return own;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		const char *tail = strstr(name, tails[i]);

		if (tail && tail > name)
			return arena_strndup(arena, name, (size_t)(tail - name));
	}
	return name;
}

/* Without --format or --compression, what the image has. */
static int parse_options(const struct settings *settings, const struct image_facts *facts,
			 struct pack_options *options, struct error *e)
{
	const char *codec = facts->files[facts->file_count - 1].codec;
	const char *format = facts->kind == IMAGE_UNIFIED ? "unified" : "split";

	if (!settings->format && !settings->compression)
		return error_set(e, ERROR_USAGE,
				 "kiln convert needs --format, --compression or both, to know into what");
	if (facts->is_squashfs)
		codec = NULL;
	return artefacts_parse(settings->format ? settings->format : format,
			       settings->compression ? settings->compression : codec, options, e);
}

int cmd_convert(const struct settings *settings, struct error *e)
{
	const char *const *arguments = settings->arguments.items;
	auto_image_identity struct image_identity identity = IMAGE_IDENTITY_INIT;
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_image struct image *image = NULL;
	struct pack_options options = { .keep_times = true };
	const struct image_facts *facts;
	struct pack_metadata metadata;

	if (image_open(arguments[0], settings->arguments.count > 1 ? arguments[1] : NULL, settings->log,
		       &image, e) < 0)
		return -1;
	facts = image_facts(image);
	if (parse_options(settings, facts, &options, e) < 0)
		return -1;
	if (image_identity_read(facts->metadata, &identity, e) < 0)
		return error_wrap(e, "%s", facts->files[0].path);
	metadata = artefacts_metadata(&arena,
				      settings->name ? settings->name : name_of(&arena, facts, identity.name),
				      facts->metadata, facts->templates, facts->template_count);
	options.metadata = &metadata;
	options.root = image_root(image);
	options.epoch_s = identity.creation_s;
	return artefacts_write(settings, &options, e);
}
