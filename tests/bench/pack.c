/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs a folder as the last stage of a build does, and nothing else: for the bench.
 *
 *	pack RECIPE FOLDER FORMATS COMPRESSION OUTPUT
 */
#include "pack/pack.h"
#include "base/file.h"
#include "recipe/recipe.h"
#include "stream/stream.h"
#include "tree/walk.h"

#include <fcntl.h>
#include <stdio.h>

/* Any date will do, as long as no file of the folder is younger than that: none is clamped. */
#define EPOCH_S INT64_C(4000000000)

static int pack(const char *const *words, struct error *e)
{
	struct recipe_options from = { .path = words[0] };
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_close int root_fd = -1;
	auto_close int output_fd = -1;
	struct log log;
	struct tree_folder root;
	auto_pack_metadata struct pack_metadata metadata = PACK_METADATA_INIT;
	struct pack_options options = { .metadata = &metadata, .epoch_s = EPOCH_S, .log = &log };

	if (recipe_load(&from, &recipe, e) < 0 || recipe_select(&recipe, e) < 0)
		return -1;
	recipe_set_date(&recipe, EPOCH_S);
	log_init(&log, LOG_QUIET, stderr);
	if (pack_metadata_make(&recipe, NULL, EPOCH_S, &metadata, e) < 0 ||
	    dir_open(AT_FDCWD, words[1], &root_fd, e) < 0 ||
	    pack_formats_parse(words[2], &options.formats, e) < 0 ||
	    codec_parse(words[3], &options.codec, &options.level, e) < 0 ||
	    dir_open(AT_FDCWD, words[4], &output_fd, e) < 0)
		return -1;
	root = tree_folder(root_fd, &log);
	options.root = &root.source;
	options.output_fd = output_fd;
	return pack_image(&options, &artefacts, e);
}

int main(int argc, char **argv)
{
	struct error e = ERROR_INIT;

	if (argc != 6) {
		fprintf(stderr, "usage: %s RECIPE FOLDER FORMATS COMPRESSION OUTPUT\n", argv[0]);
		return ERROR_USAGE;
	}
	if (pack((const char *const *)argv + 1, &e) < 0)
		fprintf(stderr, "%s: %s\n", argv[0], e.text);
	return (int)e.kind;
}
