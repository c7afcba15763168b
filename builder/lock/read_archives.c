/* SPDX-License-Identifier: Apache-2.0 */
/* "archives" and "downloads" of a lock → the indexes as they were, without their text. */
#include "lock/parts.h"

#include "base/limits.h"
#include "fetch/fetch.h"
#include "recipe/recipe.h"
#include "recipe/yaml.h"

static int say_not_below(const struct node *node, const char *uri, struct error *e)
{
	return error_at(e, ERROR_FORMAT, fields_place(node, "url"), "'url' must lead to a file below '%s'",
			uri);
}

static int read_index(const struct node *node, const struct index_archive *archive, struct index_set *set,
		      struct error *e)
{
	struct arena *arena = &set->arena;
	struct index_file file = { .archive = archive, .data = "" };
	auto_free char *folder = NULL;
	const char *url = NULL;
	const struct field fields[] = {
		{ "component", FIELD_WORD, true, &file.component },
		{ "architecture", FIELD_WORD, true, &file.architecture },
		{ "url", FIELD_URL, true, &url },
		{ "size", FIELD_SIZE, true, &file.packed_bytes },
		{ "sha256", FIELD_DIGEST, true, &file.packed_sha256 },
		{ "unpacked_sha256", FIELD_DIGEST, true, &file.sha256 },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), arena, e) < 0)
		return -1;
	folder = xasprintf("%sdists/%s/", archive->uri, archive->suite);
	file.path = path_below(folder, url, arena);
	if (!file.path)
		return say_not_below(node, folder, e);
	ARENA_PUSH(arena, set->files, set->file_count, file);
	return 0;
}

static int read_release(const struct node *node, struct index_archive *archive, struct arena *arena,
			struct error *e)
{
	auto_free char *folder = NULL;
	const char *url = NULL;
	const struct field fields[] = {
		{ "url", FIELD_URL, true, &url },
		{ "size", FIELD_SIZE, true, &archive->file_bytes },
		{ "sha256", FIELD_DIGEST, true, &archive->file_sha256 },
		{ "signed_sha256", FIELD_DIGEST, true, &archive->release_sha256 },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), arena, e) < 0)
		return -1;
	folder = xasprintf("%sdists/%s/", archive->uri, archive->suite);
	archive->file = path_below(folder, url, arena);
	return archive->file ? 0 : say_not_below(node, folder, e);
}

static int read_archive(const struct node *node, struct index_set *set, struct error *e)
{
	struct arena *arena = &set->arena;
	struct index_archive *archive = arena_alloc(arena, sizeof *archive);
	bool verified = true; /* it says so where it is not */
	const struct node *release = NULL;
	const struct node *indexes = NULL;
	const struct field fields[] = {
		{ "url", FIELD_URL, true, &archive->uri },
		{ "suite", FIELD_WORD, true, &archive->suite },
		{ "origin", FIELD_TEXT, false, &archive->origin },
		{ "label", FIELD_TEXT, false, &archive->label },
		{ "codename", FIELD_TEXT, false, &archive->codename },
		{ "version", FIELD_TEXT, false, &archive->version },
		{ "date", FIELD_DATE, true, &archive->date_s },
		{ "valid_until", FIELD_DATE, false, &archive->valid_until_s },
		{ "verified", FIELD_FLAG, false, &verified },
		{ "release", FIELD_MAP, true, &release },
		{ "indexes", FIELD_LIST, true, &indexes },
	};

	*archive = (struct index_archive) {
		.origin = "", .label = "", .codename = "", .release_suite = "", .version = ""
	};
	if (fields_read(node, fields, ARRAY_LEN(fields), arena, e) < 0)
		return -1;
	archive->unverified = !verified;
	if (!is_suffix(archive->uri, "/"))
		return error_at(e, ERROR_FORMAT, fields_place(node, "url"),
				"'url' of an archive must end in '/'");
	if (read_release(release, archive, arena, e) < 0)
		return -1;
	for (size_t i = 0; i < indexes->count; i++)
		if (read_index(indexes->items[i], archive, set, e) < 0)
			return -1;
	if (archive->date_s > set->newest_date_s)
		set->newest_date_s = archive->date_s;
	ARENA_PUSH(arena, set->archives, set->archive_count, archive);
	return 0;
}

static int read_download(const struct node *node, struct index_set *set, struct error *e)
{
	struct index_download download = { .name = NULL };
	const char *url = NULL;
	const struct field fields[] = {
		{ "name", FIELD_PACKAGE, true, &download.name },
		{ "url", FIELD_URL, true, &url },
		{ "size", FIELD_SIZE, true, &download.size_bytes },
		{ "sha256", FIELD_DIGEST, true, &download.sha256 },
	};

	if (fields_read(node, fields, ARRAY_LEN(fields), &set->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < set->archive_count && !download.filename; i++) {
		download.archive = set->archives[i];
		download.filename = path_below(set->archives[i]->uri, url, &set->arena);
	}
	if (!download.filename)
		return error_at(e, ERROR_FORMAT, fields_place(node, "url"),
				"'url' must lead to a file below one of 'archives'");
	ARENA_PUSH(&set->arena, set->downloads, set->download_count, download);
	return 0;
}

int read_archives(const struct node *archives, const struct node *downloads, struct index_set *set,
		  struct error *e)
{
	for (size_t i = 0; i < archives->count; i++)
		if (read_archive(archives->items[i], set, e) < 0)
			return -1;
	if (!set->archive_count)
		return error_at(e, ERROR_FORMAT, &archives->place, "'archives' names none");
	for (size_t i = 0; downloads && i < downloads->count; i++)
		if (read_download(downloads->items[i], set, e) < 0)
			return -1;
	return 0;
}
