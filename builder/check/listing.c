/* SPDX-License-Identifier: Apache-2.0 */
#include "check/listing.h"

#include "base/interrupt.h"
#include "base/limits.h"
#include "deb/stanza.h"

#include <stdlib.h>

/* A desktop has 0.3 million entries and 40 MiB of names; the status of 2,000 packages has 3 MiB. */
enum { ENTRIES_MAX = 4000000, CHUNK_BYTES = 64 * 1024, LINKS_MAX = 16 };
static const uint64_t names_max_bytes = 1 * GIB;
static const char status_path[] = "var/lib/dpkg/status";

struct reading {
	struct listing *listing;
	struct hash hash;
	char *chunk;          /* borrowed; CHUNK_BYTES */
	struct buffer status; /* the text of STATUS_PATH */
	uint64_t name_bytes;
};

static void reading_release(struct reading *reading)
{
	hash_release(&reading->hash);
	buffer_release(&reading->status);
}

static const char *keep(struct reading *reading, const char *text)
{
	reading->name_bytes += strlen(text) + 1;
	return arena_strdup(&reading->listing->arena, text);
}

static const char *keep_xattrs(struct reading *reading, const struct xattrs *xattrs)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	for (size_t i = 0; xattrs && i < xattrs->count; i++) {
		buffer_addf(&text, "%s=", xattrs->items[i].name);
		for (size_t j = 0; j < xattrs->items[i].len; j++)
			buffer_addf(&text, "%02x", (unsigned char)xattrs->items[i].value[j]);
		buffer_addc(&text, '\n');
	}
	return text.len ? keep(reading, text.data) : NULL;
}

/* The digest of what is read; the bytes of a file that is KEPT go to reading->status as well. */
static int hash_content(struct reading *reading, struct tree_content *content, bool is_kept,
			struct digest *digest, struct error *e)
{
	size_t len;

	hash_start_sha256(&reading->hash);
	do {
		if (content->read(content, reading->chunk, CHUNK_BYTES, &len, e) < 0)
			return -1;
		hash_add(&reading->hash, reading->chunk, len);
		if (is_kept && reading->status.len + len > LIMIT_FILE_TEXT_BYTES)
			return error_set(e, ERROR_FORMAT, "larger than any list of packages");
		if (is_kept)
			buffer_add(&reading->status, reading->chunk, len);
	} while (len);
	*digest = hash_end_sha256(&reading->hash);
	return 0;
}

static int add_entry(void *context, const struct tree_entry *entry, struct error *e)
{
	struct reading *reading = context;
	struct listing *listing = reading->listing;
	struct listing_entry new = {
		.path = keep(reading, entry->path),
		.mode = entry->st.st_mode,
		.uid = entry->st.st_uid,
		.gid = entry->st.st_gid,
		.size_bytes = S_ISREG(entry->st.st_mode) ? (uint64_t)entry->st.st_size : 0,
		.time = entry->st.st_mtim,
		.device = S_ISCHR(entry->st.st_mode) || S_ISBLK(entry->st.st_mode) ? entry->st.st_rdev : 0,
		.target = entry->link ? keep(reading, entry->link) : NULL,
		.same_file = entry->hard_link ? keep(reading, entry->hard_link) : NULL,
		.xattrs = keep_xattrs(reading, entry->xattrs),
	};

	if (interrupt_check(e) < 0)
		return -1;
	if (listing->count >= ENTRIES_MAX || reading->name_bytes > names_max_bytes)
		return error_set(e, ERROR_FORMAT,
				 "'%.100s': more entries, or longer names, than a system has", entry->path);
	if (entry->content &&
	    hash_content(reading, entry->content, strcmp(entry->path, status_path) == 0, &new.content, e) < 0)
		return -1;
	PUSH(listing->entries, listing->count, new);
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct listing_entry *)a)->path, ((const struct listing_entry *)b)->path);
}

const struct listing_entry *listing_find(const struct listing *listing, const char *path)
{
	struct listing_entry wanted = { .path = path };

	return listing->count
		       ? bsearch(&wanted, listing->entries, listing->count, sizeof wanted, compare_entries)
		       : NULL;
}

/* Where the entry stands that came with the bytes of ENTRY, or -1 when no chain of names leads to one. */
static int find_leader(const struct listing *listing, const struct listing_entry *entry, size_t *position,
		       struct error *e)
{
	const struct listing_entry *leader = entry;

	for (int i = 0; leader && leader->same_file && i < LINKS_MAX; i++)
		leader = listing_find(listing, leader->same_file);
	if (!leader || leader->same_file)
		return error_set(e, ERROR_FORMAT, "'%.100s' is another name of '%.100s', which is not there",
				 entry->path, entry->same_file);
	*position = (size_t)(leader - listing->entries);
	return 0;
}

/*
 * Which name of a file came first depends on the order of an archive. Afterwards all names of one file have the
 * first by the alphabet, and what else there is to say of it.
 */
static int join_names(struct listing *listing, struct error *e)
{
	auto_free size_t *leaders = xcalloc(listing->count + 1, sizeof *leaders);
	auto_free size_t *least = xcalloc(listing->count + 1, sizeof *least); /* + 1; 0: none */

	for (size_t i = 0; i < listing->count; i++) {
		size_t leader = i;

		if (find_leader(listing, &listing->entries[i], &leader, e) < 0)
			return -1;
		leaders[i] = leader;
		if (leader != i && !least[leader])
			least[leader] = (i < leader ? i : leader) + 1;
	}
	for (size_t i = 0; i < listing->count; i++) {
		struct listing_entry *entry = &listing->entries[i];
		const struct listing_entry *leader = &listing->entries[leaders[i]];

		if (leader != entry) {
			entry->content = leader->content;
			entry->size_bytes = leader->size_bytes;
		} else {
			listing->size_bytes += entry->size_bytes;
		}
		if (least[leaders[i]])
			entry->same_file = listing->entries[least[leaders[i]] - 1].path;
	}
	return 0;
}

static int sort_entries(struct listing *listing, struct error *e)
{
	if (listing->count)
		qsort(listing->entries, listing->count, sizeof *listing->entries, compare_entries);
	for (size_t i = 1; i < listing->count; i++)
		if (strcmp(listing->entries[i - 1].path, listing->entries[i].path) == 0)
			return error_set(e, ERROR_FORMAT, "'%.100s' is there twice",
					 listing->entries[i].path);
	return join_names(listing, e);
}

static int compare_packages(const void *a, const void *b)
{
	const struct listing_package *one = a;
	const struct listing_package *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : strcmp(one->architecture, other->architecture);
}

static const char *keep_value(struct reading *reading, struct text value)
{
	return arena_strndup(&reading->listing->arena, value.ptr, value.len);
}

/* Packages of which only settings are left are not there. */
static int read_packages(struct reading *reading, struct error *e)
{
	struct listing *listing = reading->listing;
	struct deb_stanzas stanzas =
		deb_stanzas_of((struct text) { reading->status.data, reading->status.len });

	while (deb_stanza_next(&stanzas)) {
		struct listing_package package = { "", "", "" };
		struct deb_field field;
		bool is_there = false;
		int r;

		while ((r = deb_field_next(&stanzas, &field, e)) > 0) {
			if (text_is_anycase(field.name, "Package"))
				package.name = keep_value(reading, field.value);
			else if (text_is_anycase(field.name, "Architecture"))
				package.architecture = keep_value(reading, field.value);
			else if (text_is_anycase(field.name, "Version"))
				package.version = keep_value(reading, field.value);
			else if (text_is_anycase(field.name, "Status"))
				is_there = !is_suffix(keep_value(reading, field.value), " config-files") &&
					   !is_suffix(keep_value(reading, field.value), " not-installed");
		}
		if (r < 0)
			return error_wrap(e, "'/%s', line %u", status_path, stanzas.line);
		if (is_there && *package.name)
			PUSH(listing->packages, listing->package_count, package);
	}
	if (listing->package_count)
		qsort(listing->packages, listing->package_count, sizeof *listing->packages, compare_packages);
	return 0;
}

int listing_read(const struct tree_source *source, struct listing *listing, struct error *e)
{
	auto_listing struct listing new = LISTING_INIT;
	AUTO(reading_release)
	struct reading reading = { &new, HASH_INIT, NULL, BUFFER_INIT, 0 };
	auto_free char *chunk = xmalloc(CHUNK_BYTES);

	reading.chunk = chunk;
	if (tree_visit(source, add_entry, &reading, e) < 0 || sort_entries(&new, e) < 0 ||
	    read_packages(&reading, e) < 0)
		return -1;
	*listing = TAKE(new, LISTING_INIT);
	return 0;
}

void listing_release(struct listing *listing)
{
	arena_release(&listing->arena);
	free(listing->entries);
	free(listing->packages);
	*listing = LISTING_INIT;
}
