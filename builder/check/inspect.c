/* SPDX-License-Identifier: Apache-2.0 */
#include "check/inspect.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "check/fingerprint.h"
#include "check/inspect_packages.h"

#include <fcntl.h>

struct folder {
	const char *path;
	uint64_t bytes;
	uint64_t largest_child; /* folder in it */
	struct folder *parent;
};

struct inspection {
	const struct image *image;
	struct inspect_report *report;
	struct inspect_database database;
	struct map files;   /* path → struct inspect_file */
	struct map folders; /* path → struct folder */
	struct map merged;  /* name in the root → itself, of links such as bin → usr/bin */
	struct folder *
		*folder_list; /* in the order of the tree: a folder before what it holds; owned array */
	size_t folder_count;
	struct inspect_file **file_list; /* owned array */
	size_t file_count;
	struct text release;
};

static void inspection_release(struct inspection *inspection)
{
	map_release(&inspection->files);
	map_release(&inspection->folders);
	map_release(&inspection->merged);
	free(inspection->folder_list);
	free(inspection->file_list);
}

static struct folder *parent_of(const struct inspection *inspection, const char *path)
{
	const char *slash = strrchr(path, '/');

	return map_get(&inspection->folders, (struct text) { path, slash ? (size_t)(slash - path) : 0 });
}

static void add_folder(struct inspection *inspection, const struct tree_entry *entry)
{
	struct folder *folder = arena_alloc(&inspection->report->arena, sizeof *folder);

	inspection->report->folder_count++;
	folder->path = arena_strdup(&inspection->report->arena, entry->path);
	folder->parent = *entry->path ? parent_of(inspection, entry->path) : NULL;
	map_put(&inspection->folders, text_of(folder->path), folder);
	PUSH(inspection->folder_list, inspection->folder_count, folder);
}

static void add_file(struct inspection *inspection, const struct tree_entry *entry)
{
	struct inspect_report *report = inspection->report;
	struct inspect_file *file = arena_alloc(&report->arena, sizeof *file);
	struct folder *folder = parent_of(inspection, entry->path);

	file->path = arena_strdup(&report->arena, entry->path);
	file->bytes = (uint64_t)entry->st.st_size;
	report->root_bytes += file->bytes;
	/* Of the folder alone: what is below it is added up when all are known. */
	if (folder)
		folder->bytes += file->bytes;
	map_put(&inspection->files, text_of(file->path), file);
	PUSH(inspection->file_list, inspection->file_count, file);
}

/* Whichever of its names a package has in its list. */
static void add_name(struct inspection *inspection, const struct tree_entry *entry)
{
	struct inspect_file *file = map_get(&inspection->files, text_of(entry->hard_link));

	if (file)
		map_put(&inspection->files, text_of(arena_strdup(&inspection->report->arena, entry->path)),
			file);
}

static void add_link(struct inspection *inspection, const struct tree_entry *entry)
{
	const char *target = entry->link;

	inspection->report->link_count++;
	if (strchr(entry->path, '/'))
		return;
	target += *target == '/';
	if (is_prefix(target, "usr/") && strcmp(target + strlen("usr/"), entry->path) == 0) {
		char *name = arena_strdup(&inspection->report->arena, entry->path);

		map_put(&inspection->merged, text_of(name), name);
	}
}

/* The one in etc/ is what counts, but mostly a link to the other. */
static int take_release(struct inspection *inspection, const struct tree_entry *entry, struct error *e)
{
	bool is_own = strcmp(entry->path, "etc/os-release") == 0;

	if (!entry->content || (!is_own && strcmp(entry->path, "usr/lib/os-release") != 0))
		return 0;
	if (!is_own && inspection->release.ptr)
		return 0;
	return content_take(entry, LIMIT_TEMPLATE_BYTES, &inspection->report->arena, &inspection->release, e);
}

static int visit(void *context, const struct tree_entry *entry, struct error *e)
{
	struct inspection *inspection = context;
	struct inspect_report *report = inspection->report;
	int r;

	if (interrupt_check(e) < 0)
		return -1;
	if (S_ISDIR(entry->st.st_mode))
		add_folder(inspection, entry);
	else if (S_ISLNK(entry->st.st_mode))
		add_link(inspection, entry);
	else if (!S_ISREG(entry->st.st_mode))
		report->special_count++;
	else
		report->file_count++;
	if (entry->hard_link)
		add_name(inspection, entry);
	if (!entry->content)
		return 0;
	add_file(inspection, entry);
	r = database_take(&inspection->database, entry, &report->arena, e);
	return r != 0 ? (r < 0 ? -1 : 0) : take_release(inspection, entry, e);
}

/* ---- afterwards */

static int by_bytes(const void *a, const void *b)
{
	const struct inspect_place *left = a;
	const struct inspect_place *right = b;

	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return strcmp(left->path, right->path);
}

static void sort_places(struct inspect_places *places)
{
	if (places->count)
		qsort(places->items, places->count, sizeof *places->items, by_bytes);
}

static void list_folders(struct inspection *inspection)
{
	struct inspect_report *report = inspection->report;

	for (size_t i = inspection->folder_count; i-- > 0;) {
		const struct folder *folder = inspection->folder_list[i];

		if (!folder->parent)
			continue;
		folder->parent->bytes += folder->bytes;
		if (folder->bytes > folder->parent->largest_child)
			folder->parent->largest_child = folder->bytes;
	}
	for (size_t i = 0; i < inspection->folder_count; i++) {
		const struct folder *folder = inspection->folder_list[i];
		struct inspect_place place = { folder->path, folder->bytes };

		/* A folder is not worth a line when nearly all of it is one folder in it; the root is the whole. */
		if (folder->parent && folder->bytes && folder->largest_child < folder->bytes / 10 * 9)
			ARENA_PUSH(&report->arena, report->folders.items, report->folders.count, place);
	}
	sort_places(&report->folders);
}

static void list_files(struct inspection *inspection)
{
	struct inspect_report *report = inspection->report;

	report->files.items =
		arena_alloc(&report->arena, (inspection->file_count + 1) * sizeof *report->files.items);
	for (size_t i = 0; i < inspection->file_count; i++)
		report->files.items[report->files.count++] =
			(struct inspect_place) { inspection->file_list[i]->path,
						 inspection->file_list[i]->bytes };
	sort_places(&report->files);
}

/* PRETTY_NAME="…" of os-release(5), without its quotes. */
static void read_release(struct inspection *inspection)
{
	struct text rest = inspection->release;

	while (rest.len) {
		struct text value;
		struct text key = text_cut(text_cut(rest, '\n', &rest), '=', &value);

		if (!text_is(text_trim(key), "PRETTY_NAME"))
			continue;
		value = text_trim(value);
		if (value.len >= 2 && (*value.ptr == '"' || *value.ptr == '\'') &&
		    value.ptr[value.len - 1] == *value.ptr)
			value = (struct text) { value.ptr + 1, value.len - 2 };
		inspection->report->system = arena_strndup(&inspection->report->arena, value.ptr, value.len);
	}
}

static int read_root(struct inspection *inspection, struct error *e)
{
	if (tree_visit(image_root(inspection->image), visit, inspection, e) < 0)
		return -1;
	list_folders(inspection);
	list_files(inspection);
	read_release(inspection);
	return database_count(&inspection->database, &inspection->files, &inspection->merged,
			      inspection->report, e);
}

static int hash_files(const struct inspection *inspection, struct error *e)
{
	const struct image_facts *facts = image_facts(inspection->image);
	auto_hash struct hash whole = HASH_INIT;

	hash_start_sha256(&whole);
	for (size_t i = 0; i < facts->file_count; i++) {
		auto_close int fd = open(facts->files[i].path, O_RDONLY | O_CLOEXEC);
		struct digest own;

		if (fd < 0)
			return error_sys(e, "cannot read '%s'", facts->files[i].path);
		if (fingerprint_add(fd, facts->files[i].path, &whole, &own, e) < 0)
			return -1;
	}
	inspection->report->fingerprint = hash_end_sha256(&whole);
	return 0;
}

static int look(void *context, size_t index, struct error *e)
{
	return index == 0 ? read_root(context, e) : hash_files(context, e);
}

int inspect_image(const struct image *image, struct inspect_report *report, struct error *e)
{
	AUTO(inspection_release) struct inspection inspection = { .image = image, .report = report };
	struct error local = ERROR_INIT;

	/* What is wrong with it is kiln verify's business. */
	if (metadata_read(image_facts(image)->metadata, &report->metadata, &local) < 0)
		report->metadata_problem = arena_strdup(&report->arena, local.text);
	return pool_run(2, 2, look, &inspection, e);
}

void inspect_report_release(struct inspect_report *report)
{
	metadata_release(&report->metadata);
	arena_release(&report->arena);
	*report = INSPECT_REPORT_INIT;
}
