/* SPDX-License-Identifier: Apache-2.0 */
#include "check/diff.h"

#include "base/log.h"
#include "deb/version.h"

#include <assert.h>
#include <jansson.h>

/* Of one value of a file; links and names of files may be longer, and are cut. */
enum { SHOWN_BYTES = 1024, DIGEST_SHOWN = 12 };

/* How much of each kind, for the lines that count. */
struct counts {
	size_t added;
	size_t removed;
	size_t changed;
	size_t by_change[DIFF_CHANGES];
	size_t time_alone; /* nothing else is different */
};

static struct counts count_files(const struct diff *diff)
{
	struct counts counts = { 0 };

	for (size_t i = 0; i < diff->file_count; i++) {
		const struct diff_file *file = &diff->files[i];

		counts.added += !file->a;
		counts.removed += !file->b;
		counts.changed += file->a && file->b;
		counts.time_alone += file->changes == 1U << DIFF_TIME;
		for (unsigned c = 0; c < DIFF_CHANGES; c++)
			counts.by_change[c] += file->changes >> c & 1;
	}
	return counts;
}

/* How many bytes the character at AT has in UTF-8; 0 for what is none. */
static size_t character_len(const char *at)
{
	unsigned char first = (unsigned char)*at;
	size_t len = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	json_t *valid;

	if (len == 1 || strnlen(at, len) < len)
		return len == 1;
	valid = json_stringn(at, len);
	json_decref(valid);
	return valid ? len : 0;
}

/* Malloc'ed TEXT for a terminal or JSON: what is no UTF-8, and what controls a terminal, as \xNN; a backslash twice. */
static char *shown(const char *text)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	while (*text) {
		unsigned char first = (unsigned char)*text;
		size_t len = character_len(text);
		bool controls =
			first < ' ' || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0);

		if (first == '\\')
			buffer_addc(&out, '\\');
		if (!len || controls)
			buffer_addf(&out, "\\x%02x", first);
		else
			buffer_add(&out, text, len);
		text += len && !controls ? len : 1;
	}
	return buffer_take(&out);
}

/* "+ name" and the like; what has no name on a line of its own is printed by the caller. */
static void add_name(struct buffer *out, bool has_a, bool has_b, const char *name)
{
	auto_free char *text = shown(name);

	buffer_addf(out, "  %c %s", has_a && has_b ? '*' : has_a ? '-' : '+', text);
}

static const struct listing_package *either_package(const struct diff_package *package)
{
	const struct listing_package *one = package->b ? package->b : package->a;

	assert(one);
	return one;
}

static void print_packages(const struct diff *diff, struct buffer *out)
{
	size_t added = 0;
	size_t removed = 0;

	for (size_t i = 0; i < diff->package_count; i++) {
		added += !diff->packages[i].a;
		removed += !diff->packages[i].b;
	}
	buffer_addf(out, "packages: %zu added, %zu removed, %zu changed\n", added, removed,
		    diff->package_count - added - removed);
	for (size_t i = 0; i < diff->package_count; i++) {
		const struct diff_package *package = &diff->packages[i];
		const struct listing_package *one = either_package(package);
		auto_free char *version = shown(one->version);
		auto_free char *former = shown(package->a ? package->a->version : "");

		add_name(out, package->a, package->b, one->name);
		if (!package->a || !package->b)
			buffer_addf(out, " %s\n", version);
		else
			buffer_addf(out, " %s -> %s%s\n", former, version,
				    deb_version_compare(text_of(former), text_of(version)) > 0 ? " (older)"
											       : "");
	}
}

static void print_texts(const char *title, const struct diff_text *texts, size_t count, bool values,
			struct buffer *out)
{
	buffer_addf(out, "%s: %zu different\n", title, count);
	for (size_t i = 0; i < count; i++) {
		auto_free char *a = shown(texts[i].a ? texts[i].a : "");
		auto_free char *b = shown(texts[i].b ? texts[i].b : "");

		add_name(out, texts[i].a, texts[i].b, texts[i].key);
		if (values && texts[i].a && texts[i].b)
			buffer_addf(out, ": %s -> %s", a, b);
		else if (values)
			buffer_addf(out, ": %s", texts[i].a ? a : b);
		buffer_addc(out, '\n');
	}
}

static void print_counts(const struct diff *diff, const struct counts *counts, struct buffer *out)
{
	const char *separator = " (";

	buffer_addf(out, "files: %zu added, %zu removed, %zu changed", counts->added, counts->removed,
		    counts->changed);
	for (unsigned c = 0; c < DIFF_TIME; c++) {
		if (!counts->by_change[c])
			continue;
		buffer_addf(out, "%s%s %zu", separator, diff_change_name(c), counts->by_change[c]);
		separator = ", ";
	}
	if (counts->time_alone) {
		buffer_addf(out, "%sonly time %zu", separator, counts->time_alone);
		separator = ", ";
	}
	buffer_adds(out, *separator == ',' ? ")\n" : "\n");
	if (diff->a->root.size_bytes != diff->b->root.size_bytes)
		buffer_addf(out, "size: %s -> %s\n", human_size(diff->a->root.size_bytes).text,
			    human_size(diff->b->root.size_bytes).text);
}

static const struct listing_entry *either(const struct diff_file *file)
{
	return file->b ? file->b : file->a;
}

/* "mode 0644 -> 0755, time …"; the values of what is added or removed are not worth a line. */
static void add_changes(const struct diff_file *file, struct buffer *out)
{
	const char *separator = ": ";

	for (unsigned c = 0; file->a && file->b && c < DIFF_CHANGES; c++) {
		char a[SHOWN_BYTES];
		char b[SHOWN_BYTES];

		if (!(file->changes >> c & 1))
			continue;
		diff_describe(file->a, c, a, sizeof a);
		diff_describe(file->b, c, b, sizeof b);
		if (c == DIFF_CONTENT)
			a[DIGEST_SHOWN] = b[DIGEST_SHOWN] = '\0';

		auto_free char *one = shown(a);
		auto_free char *other = shown(b);

		buffer_addf(out, "%s%s %s -> %s", separator, diff_change_name(c), one, other);
		separator = ", ";
	}
}

/* Of the changes only those that SHOWN has. */
static void print_file(const struct diff_file *file, unsigned shown_changes, struct buffer *out)
{
	auto_free char *path = xasprintf("/%s", either(file)->path);
	struct diff_file part = { file->a, file->b, file->changes & shown_changes };

	add_name(out, file->a, file->b, path);
	add_changes(&part, out);
	buffer_addc(out, '\n');
}

/* Whether who runs it gets rights of somebody else. */
static bool gives_rights(const struct listing_entry *entry)
{
	return entry && S_ISREG(entry->mode) &&
	       (entry->mode & (S_ISUID | S_ISGID) ||
		(entry->xattrs && strstr(entry->xattrs, "security.capability=")));
}

static const unsigned rights = 1U << DIFF_TYPE | 1U << DIFF_MODE | 1U << DIFF_OWNER | 1U << DIFF_XATTRS;

static bool changes_rights(const struct diff_file *file)
{
	return (gives_rights(file->a) || gives_rights(file->b)) &&
	       (!file->a || !file->b || file->changes & rights);
}

static void print_rights(const struct diff *diff, struct buffer *out)
{
	bool titled = false;

	for (size_t i = 0; i < diff->file_count; i++) {
		const struct diff_file *file = &diff->files[i];
		char mode[SHOWN_BYTES];

		if (!changes_rights(file))
			continue;
		if (!titled)
			buffer_adds(out,
				    "programs with rights of their own (set-uid, set-gid, capabilities):\n");
		titled = true;
		if (file->a && file->b) {
			print_file(file, rights, out);
			continue;
		}
		diff_describe(either(file), DIFF_MODE, mode, sizeof mode);
		auto_free char *path = xasprintf("/%s", either(file)->path);

		add_name(out, file->a, file->b, path);
		buffer_addf(out, " %s\n", mode);
	}
}

/* Files with another content first: what else is different often follows from that. */
static void print_files(const struct diff *diff, int file_max, struct buffer *out)
{
	size_t left = file_max == DIFF_ALL_FILES ? diff->file_count : (size_t)file_max;
	const unsigned matter = ~(1U << DIFF_TIME);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < diff->file_count && left; i++) {
			const struct diff_file *file = &diff->files[i];
			bool matters = !file->a || !file->b || file->changes & matter;

			if (matters != (pass == 0))
				continue;
			print_file(file, ~0U, out);
			left--;
		}
	}
	if (file_max > 0 && diff->file_count > (size_t)file_max)
		buffer_addf(out, "  … and %zu more\n", diff->file_count - (size_t)file_max);
}

void diff_print(const struct diff *diff, int file_max, struct buffer *out)
{
	struct counts counts = count_files(diff);

	if (diff_is_empty(diff)) {
		buffer_addf(out, "the same: entries %zu, packages %zu\n", diff->b->root.count,
			    diff->b->root.package_count);
		return;
	}
	if (diff->package_count)
		print_packages(diff, out);
	if (diff->metadata_count)
		print_texts("metadata", diff->metadata, diff->metadata_count, true, out);
	if (diff->template_count)
		print_texts("templates", diff->templates, diff->template_count, false, out);
	if (!diff->file_count)
		return;
	print_counts(diff, &counts, out);
	print_rights(diff, out);
	print_files(diff, file_max, out);
}

static json_t *json_shown(const char *text)
{
	auto_free char *copy = text ? shown(text) : NULL;

	return copy ? json_string(copy) : json_null();
}

static json_t *json_of_packages(const struct diff *diff)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->package_count; i++) {
		const struct diff_package *package = &diff->packages[i];
		const struct listing_package *one = either_package(package);

		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:o, s:o}", "name", json_shown(one->name),
						"architecture", json_shown(one->architecture), "from",
						json_shown(package->a ? package->a->version : NULL), "to",
						json_shown(package->b ? package->b->version : NULL)));
	}
	return list;
}

static json_t *json_of_texts(const struct diff_text *texts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:o}", "name", json_shown(texts[i].key), "from",
						json_shown(texts[i].a), "to", json_shown(texts[i].b)));
	return list;
}

static json_t *json_of_file(const struct diff_file *file)
{
	auto_free char *path = xasprintf("/%s", either(file)->path);
	json_t *changes = json_object();
	const char *what = !file->a ? "added" : !file->b ? "removed" : "changed";

	for (unsigned c = 0; c < DIFF_CHANGES; c++) {
		char a[SHOWN_BYTES];
		char b[SHOWN_BYTES];

		if (!(file->changes >> c & 1))
			continue;
		diff_describe(file->a, c, a, sizeof a);
		diff_describe(file->b, c, b, sizeof b);
		json_object_set_new(changes, diff_change_name(c),
				    json_pack("{s:o, s:o}", "from", json_shown(a), "to", json_shown(b)));
	}
	return json_pack("{s:o, s:s, s:o}", "path", json_shown(path), "what", what, "changes", changes);
}

json_t *diff_json(const struct diff *diff)
{
	struct counts counts = count_files(diff);
	json_t *files = json_array();

	for (size_t i = 0; i < diff->file_count; i++)
		json_array_append_new(files, json_of_file(&diff->files[i]));
	return json_pack("{s:b, s:o, s:o, s:{s:i, s:i, s:i}, s:[I, I], s:o, s:o, s:o, s:o}", "same",
			 diff_is_empty(diff), "a", json_shown(diff->a->name), "b", json_shown(diff->b->name),
			 "counts", "added", (int)counts.added, "removed", (int)counts.removed, "changed",
			 (int)counts.changed, "sizes", (json_int_t)diff->a->root.size_bytes,
			 (json_int_t)diff->b->root.size_bytes, "packages", json_of_packages(diff), "metadata",
			 json_of_texts(diff->metadata, diff->metadata_count), "templates",
			 json_of_texts(diff->templates, diff->template_count), "files", files);
}
