/* SPDX-License-Identifier: Apache-2.0 */
#include "check/inspect_packages.h"

#include "base/limits.h"
#include "deb/stanza.h"

#define LISTS_MAX_BYTES (64 * MIB) /* of a desktop: 12 */

int content_take(const struct tree_entry *entry, uint64_t max_bytes, struct arena *arena, struct text *text,
		 struct error *e)
{
	uint64_t size = (uint64_t)entry->st.st_size;
	size_t have = 0;
	size_t len = 0;
	char *data;

	if (size > max_bytes)
		return error_set(e, ERROR_FORMAT, "'%.300s' has %llu bytes; at most %llu are read",
				 entry->path, (unsigned long long)size, (unsigned long long)max_bytes);
	data = arena_alloc(arena, (size_t)size + 1);
	do {
		if (entry->content->read(entry->content, data + have, (size_t)size - have, &len, e) < 0)
			return error_wrap(e, "'%.300s'", entry->path);
		have += len;
	} while (len && have < size);
	*text = (struct text) { data, have };
	return 0;
}

static int take_list(struct inspect_database *database, const struct tree_entry *entry, const char *name,
		     struct arena *arena, struct error *e)
{
	struct package_list list;

	if (content_take(entry, LISTS_MAX_BYTES - database->list_bytes, arena, &list.text, e) < 0)
		return -1;
	database->list_bytes += list.text.len;
	list.name = arena_strndup(arena, name, strlen(name) - strlen(".list"));
	ARENA_PUSH(arena, database->lists, database->list_count, list);
	return 1;
}

int database_take(struct inspect_database *database, const struct tree_entry *entry, struct arena *arena,
		  struct error *e)
{
	static const char folder[] = "var/lib/dpkg/";
	const char *rest = entry->path + sizeof folder - 1;

	if (!is_prefix(entry->path, folder) || !entry->content)
		return 0;
	if (strcmp(rest, "status") == 0)
		return content_take(entry, LIMIT_FILE_TEXT_BYTES, arena, &database->status, e) < 0 ? -1 : 1;
	if (!is_prefix(rest, "info/") || !is_suffix(rest, ".list"))
		return 0;
	return take_list(database, entry, rest + strlen("info/"), arena, e);
}

/* ---- status */

static void take_field(struct inspect_package *package, bool *is_installed, const struct deb_field *field,
		       struct arena *arena)
{
	uint64_t kib;

	if (text_is_anycase(field->name, "Package"))
		package->name = arena_strndup(arena, field->value.ptr, field->value.len);
	else if (text_is_anycase(field->name, "Version"))
		package->version = arena_strndup(arena, field->value.ptr, field->value.len);
	else if (text_is_anycase(field->name, "Architecture"))
		package->architecture = arena_strndup(arena, field->value.ptr, field->value.len);
	else if (text_is_anycase(field->name, "Installed-Size") && text_to_u64(field->value, &kib) &&
		 kib < UINT64_MAX / KIB)
		package->declared_bytes = kib * KIB;
	else if (text_is_anycase(field->name, "Status"))
		*is_installed = text_is(field->value, "install ok installed") ||
				text_is(field->value, "hold ok installed");
}

static int read_status(struct text status, struct inspect_report *report, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of(status);

	while (deb_stanza_next(&stanzas)) {
		struct inspect_package package = { .version = "", .architecture = "" };
		bool is_installed = false;
		struct deb_field field;
		int r;

		while ((r = deb_field_next(&stanzas, &field, e)) > 0)
			take_field(&package, &is_installed, &field, &report->arena);
		if (r < 0)
			return error_wrap(e, "'var/lib/dpkg/status': line %u", stanzas.line);
		if (!package.name || !is_installed)
			continue;
		report->declared_bytes += package.declared_bytes;
		ARENA_PUSH(&report->arena, report->packages, report->package_count, package);
	}
	return 0;
}

/* ---- lists */

/* LINE is as the package has it: "/bin/sh", also where bin/ is a link to usr/bin/. */
static struct inspect_file *find_file(const struct map *files, const struct map *merged, struct text line)
{
	struct text path = { line.ptr + 1, line.len - 1 };
	struct inspect_file *file = map_get(files, path);
	struct text rest;
	struct text first = text_cut(path, '/', &rest);
	auto_free char *longer = NULL;

	if (file || !map_get(merged, first))
		return file;
	longer = xasprintf("usr/%.*s", TEXT_ARG(path));
	return map_get(files, text_of(longer));
}

static void count_list(const struct package_list *list, const struct map *files, const struct map *merged,
		       struct inspect_package *package, struct inspect_report *report)
{
	struct text rest = list->text;

	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		struct inspect_file *file;

		if (line.len < 2 || line.len >= LIMIT_PATH_BYTES || line.ptr[0] != '/')
			continue;
		file = find_file(files, merged, line);
		if (!file || file->is_owned)
			continue;
		file->is_owned = true;
		package->file_count++;
		package->real_bytes += file->bytes;
		report->owned_bytes += file->bytes;
	}
}

static int by_real_bytes(const void *a, const void *b)
{
	const struct inspect_package *left = a;
	const struct inspect_package *right = b;

	if (left->real_bytes != right->real_bytes)
		return left->real_bytes < right->real_bytes ? 1 : -1;
	return strcmp(left->name, right->name);
}

int database_count(const struct inspect_database *database, const struct map *files, const struct map *merged,
		   struct inspect_report *report, struct error *e)
{
	auto_map struct map by_name = MAP_INIT;

	if (read_status(database->status, report, e) < 0)
		return -1;
	for (size_t i = 0; i < report->package_count; i++) {
		struct inspect_package *package = &report->packages[i];
		char *name = arena_printf(&report->arena, "%s:%s", package->name, package->architecture);

		map_put(&by_name, text_of(name), package);
		map_put(&by_name, text_of(package->name), package);
	}
	for (size_t i = 0; i < database->list_count; i++) {
		const struct package_list *list = &database->lists[i];
		struct inspect_package *package = map_get(&by_name, text_of(list->name));

		if (package)
			count_list(list, files, merged, package, report);
	}
	if (report->package_count)
		qsort(report->packages, report->package_count, sizeof *report->packages, by_real_bytes);
	return 0;
}
