/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader that the other commands have (image.h) stops at the first thing that is wrong. Here the same parts of it
 * are asked entry by entry, and reading goes on wherever there is a next entry.
 */
#include "check/verify_archive.h"

#include "base/interrupt.h"
#include "image/archive.h"
#include "image/names.h"
#include "stream/stream.h"

#include <linux/limits.h>
#include <stdarg.h>
#include <sys/sysmacros.h>

/* linux/kdev_t.h */
enum { DEVICE_MAJOR_MAX = 0xfff, DEVICE_MINOR_MAX = 0xfffff };

struct pass {
	struct reader reader;
	struct verify_head *head; /* NULL: the root of a pair */
	struct findings *findings;
	const char *path; /* of the file */
	struct names names;
	char target[LIMIT_PATH_BYTES];
	char last[LIMIT_PATH_BYTES]; /* the entry that was read last, for what is wrong behind it */
	bool told_late;              /* metadata behind the root */
};

static void pass_release(struct pass *pass)
{
	reader_close(&pass->reader);
	names_release(&pass->names);
}

static char *place_of(const char *path)
{
	return xasprintf("entry '%.300s'", path);
}

static void mistake(struct pass *pass, const char *fmt, ...) PRINTF(2, 3);
static void mistake(struct pass *pass, const char *fmt, ...)
{
	auto_free char *place = place_of(pass->reader.entry.path);
	char message[512];
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(message, sizeof message, fmt, arguments);
	va_end(arguments);
	findings_mistake(pass->findings, ERROR_FORMAT, pass->path, place, "%s", message);
}

static void note(struct pass *pass, const char *message)
{
	auto_free char *place = place_of(pass->reader.entry.path);

	findings_note(pass->findings, pass->path, place, "%s", message);
}

static const char *type_name(enum entry_type type)
{
	static const char *const names[] = {
		[ENTRY_FILE] = "a regular file",
		[ENTRY_HARD_LINK] = "a hard link",
		[ENTRY_SYMLINK] = "a symbolic link",
		[ENTRY_DIRECTORY] = "a folder",
		[ENTRY_CHARACTER_DEVICE] = "a character device",
		[ENTRY_BLOCK_DEVICE] = "a block device",
		[ENTRY_FIFO] = "a pipe",
		[ENTRY_OTHER] = "of a kind that no file system has",
	};

	return names[type];
}

/* ---- metadata.yaml and templates/ */

/* The content of the current entry: 1; 0 when it is too much, which is told. */
static int take_text(struct pass *pass, uint64_t max_bytes, struct text *text, struct error *e)
{
	int64_t size = pass->reader.entry.size_bytes;
	const void *data;
	size_t len;
	int64_t offset;
	char *copy;
	int r;

	if (size < 0 || (uint64_t)size > max_bytes) {
		mistake(pass, "it has %lld bytes; at most %llu are read", (long long)size,
			(unsigned long long)max_bytes);
		return 0;
	}
	copy = arena_alloc(&pass->head->arena, (size_t)size + 1);
	while ((r = tar_read(pass->reader.tar, &data, &len, &offset, e)) > 0) {
		if (offset < 0 || offset > size || len > (uint64_t)(size - offset)) {
			mistake(pass, "it holds more than it says");
			return 0;
		}
		memcpy(copy + offset, data, len);
	}
	*text = (struct text) { copy, (size_t)size };
	return r < 0 ? -1 : 1;
}

static void check_order(struct pass *pass)
{
	if (!pass->head->has_root || pass->told_late)
		return;
	pass->told_late = true;
	note(pass, "it comes behind the root: a daemon decompresses all of that to find it");
}

static int check_metadata(struct pass *pass, struct error *e)
{
	const struct entry *entry = &pass->reader.entry;
	struct verify_head *head = pass->head;

	if (strcmp(entry->path, "metadata.yaml") != 0 && strcmp(entry->path, "./metadata.yaml") != 0)
		mistake(pass, "the daemons look for 'metadata.yaml' or './metadata.yaml'");
	if (head->has_metadata) {
		mistake(pass, "metadata.yaml comes twice");
		return 0;
	}
	head->has_metadata = true;
	check_order(pass);
	if (entry->type != ENTRY_FILE) {
		mistake(pass, "metadata.yaml must be a regular file, and is %s", type_name(entry->type));
		return 0;
	}
	return take_text(pass, LIMIT_IMAGE_METADATA_BYTES, &head->metadata, e) < 0 ? -1 : 0;
}

static bool has_template(const struct verify_head *head, const char *name)
{
	for (size_t i = 0; i < head->template_count; i++)
		if (strcmp(head->templates[i].name, name) == 0)
			return true;
	return false;
}

static int add_template(struct pass *pass, const char *name, struct error *e)
{
	struct verify_head *head = pass->head;
	struct verify_template template = { .name = arena_strdup(&head->arena, name) };
	int r;

	if (has_template(head, name)) {
		mistake(pass, "the template comes twice");
		return 0;
	}
	if (head->template_count >= LIMIT_IMAGE_TEMPLATES) {
		mistake(pass, "there are more than %d templates", LIMIT_IMAGE_TEMPLATES);
		return 0;
	}
	r = take_text(pass, LIMIT_IMAGE_TEMPLATE_BYTES - head->template_bytes, &template.text, e);
	if (r <= 0)
		return r;
	head->template_bytes += template.text.len;
	ARENA_PUSH(&head->arena, head->templates, head->template_count, template);
	return 0;
}

static int check_template(struct pass *pass, const char *name, struct error *e)
{
	enum entry_type type = pass->reader.entry.type;

	pass->head->has_templates = true;
	if (!*name) {
		if (type != ENTRY_DIRECTORY)
			mistake(pass, "templates must be a folder, and is %s", type_name(type));
		return 0;
	}
	check_order(pass);
	if (strchr(name, '/')) {
		note(pass, "it is deeper in templates/ than the daemons look");
		return 0;
	}
	if (type != ENTRY_FILE) {
		mistake(pass, "a template must be a regular file, and is %s", type_name(type));
		return 0;
	}
	return add_template(pass, name, e);
}

/* ---- the root */

static void check_link(struct pass *pass, const char *path)
{
	const struct entry *entry = &pass->reader.entry;
	enum archive_part part = PART_ROOT;
	const char *name = pass->target;
	const char *first;
	struct stat st;
	struct error e = ERROR_INIT;

	if (names_normalise(entry->target, pass->target, sizeof pass->target, &e) < 0 ||
	    (pass->head && archive_part_of(pass->target, &part, &name, &e) < 0))
		mistake(pass, "it is a hard link to '%.200s': %s", entry->target, e.text);
	else if (part != PART_ROOT)
		mistake(pass, "it is a hard link to '%.200s', which is not in the root", entry->target);
	else if (names_link(&pass->names, path, name, &first, &st, &e) < 0)
		mistake(pass, "%s", e.text);
}

/* linux/capability.h: a revision in the highest byte, and the size that goes with it. */
static bool is_capability(const struct entry_xattr *xattr)
{
	static const size_t sizes[] = { 0, 12, 20, 24 };
	const unsigned char *bytes = xattr->value;

	return xattr->len >= 4 && bytes[3] < ARRAY_LEN(sizes) && xattr->len == sizes[bytes[3]];
}

static void check_attributes(struct pass *pass)
{
	const struct entry *entry = &pass->reader.entry;

	for (size_t i = 0; i < entry->xattr_count; i++)
		if (strcmp(entry->xattrs[i].name, "security.capability") == 0 &&
		    !is_capability(&entry->xattrs[i]))
			mistake(pass, "its attribute 'security.capability' is none that Linux takes");
	for (size_t i = 0; i < entry->xattr_count; i++)
		if (!*entry->xattrs[i].name || strlen(entry->xattrs[i].name) > XATTR_NAME_MAX ||
		    entry->xattrs[i].len > XATTR_SIZE_MAX)
			mistake(pass, "its attribute '%.100s' is longer than Linux takes",
				entry->xattrs[i].name);
}

static mode_t mode_of(enum entry_type type)
{
	return type == ENTRY_DIRECTORY ? S_IFDIR : type == ENTRY_SYMLINK ? S_IFLNK : S_IFREG;
}

static void check_root(struct pass *pass, const char *path)
{
	const struct entry *entry = &pass->reader.entry;
	struct stat st = { .st_mode = S_IFDIR };
	struct error e = ERROR_INIT;

	/* Those who pack the names in a folder, and not the folder itself, leave the root out. */
	if (*path && pass->names.by_path.count == 0 && names_add(&pass->names, "", &st, &e) < 0)
		error_clear(&e);
	check_attributes(pass);
	if (!*path && entry->type != ENTRY_DIRECTORY)
		mistake(pass, "the root must be a folder, and is %s", type_name(entry->type));
	if (entry->type == ENTRY_HARD_LINK) {
		check_link(pass, path);
		return;
	}
	if (entry->type == ENTRY_OTHER)
		mistake(pass, "it is of a kind that no file system has");
	if (entry->type == ENTRY_FILE &&
	    (entry->size_bytes < 0 || (uint64_t)entry->size_bytes > LIMIT_IMAGE_FILE_BYTES))
		mistake(pass, "it claims to have %lld bytes", (long long)entry->size_bytes);
	if ((entry->type == ENTRY_CHARACTER_DEVICE || entry->type == ENTRY_BLOCK_DEVICE) &&
	    (major(entry->device) > DEVICE_MAJOR_MAX || minor(entry->device) > DEVICE_MINOR_MAX))
		mistake(pass, "it is a device with numbers that Linux does not have");
	if (entry->type == ENTRY_SYMLINK && strlen(entry->target) >= LIMIT_PATH_BYTES)
		mistake(pass, "its target has more than %llu bytes",
			(unsigned long long)LIMIT_PATH_BYTES - 1);
	st.st_mode = mode_of(entry->type);
	if (names_add(&pass->names, path, &st, &e) < 0)
		mistake(pass, "%s", e.text);
}

/* ---- entries */

static int check_part(struct pass *pass, struct error *e)
{
	enum archive_part part;
	const char *name;

	if (archive_part_of(pass->reader.path, &part, &name, e) < 0) {
		mistake(pass, "%s", e->text);
		error_clear(e);
		pass->head->has_root = true;
		return 0;
	}
	switch (part) {
	case PART_METADATA:
		return check_metadata(pass, e);
	case PART_TEMPLATE:
		return check_template(pass, name, e);
	case PART_ROOT:
		check_root(pass, name);
		pass->head->has_root = true;
		return 0;
	case PART_OTHER:
		if (*pass->reader.path)
			note(pass, "no daemon looks at it: it is neither of the metadata nor of the root");
		return 0;
	}
	return 0;
}

static int check_entry(struct pass *pass, struct error *e)
{
	snprintf(pass->last, sizeof pass->last, "%s", pass->reader.entry.path);
	if (pass->head)
		return check_part(pass, e);
	check_root(pass, pass->reader.path);
	return 0;
}

/* What is wrong with the name of the current entry, behind which there may be others: 1; 0 when that is not it. */
static int is_about_name(struct pass *pass, struct error *about)
{
	const char *path = pass->reader.entry.path;

	return *path && names_normalise(path, pass->reader.path, sizeof pass->reader.path, about) < 0;
}

/* What kept the next entry from being read: 1 when it is only that one's name, else 0, or -1. */
static int take_error(struct pass *pass, struct error *e)
{
	auto_free char *place = *pass->last ? xasprintf("behind entry '%.300s'", pass->last) : xstrdup("");
	struct error about = ERROR_INIT;

	if (e->kind == ERROR_FORMAT && is_about_name(pass, &about)) {
		error_clear(e);
		mistake(pass, "%s", about.text);
		return 1;
	}
	return findings_take(pass->findings, pass->path, place, e);
}

/* 1: an entry was looked at; 0: the end, or nothing can be read behind this. */
static int next(struct pass *pass, struct error *e)
{
	int r;

	if (interrupt_check(e) < 0)
		return -1;
	pass->reader.entry = (struct entry) { .path = "" };
	r = reader_next(&pass->reader, e);
	if (r < 0)
		return take_error(pass, e);
	if (r > 0)
		return check_entry(pass, e) < 0 ? take_error(pass, e) : 1;
	if (pass->head)
		pass->head->is_readable = true;
	return 0;
}

static int read_entries(struct pass *pass, int fd, const char **codec, struct error *e)
{
	int r;

	if (reader_open(&pass->reader, fd, pass->path, e) < 0)
		return findings_take(pass->findings, pass->path, "", e);
	*codec = decoder_codec(pass->reader.decoder);
	while ((r = next(pass, e)) > 0)
		;
	return r;
}

int verify_archive(int fd, const char *path, struct verify_head *head, const char **codec,
		   struct findings *findings, struct error *e)
{
	AUTO(pass_release) struct pass pass = { .head = head, .findings = findings, .path = path };

	if (read_entries(&pass, fd, codec, e) < 0)
		return -1;
	if (!head && pass.names.by_path.count == 0)
		findings_mistake(findings, ERROR_FORMAT, path, "", "there is no root in it");
	return 0;
}

void verify_head_release(struct verify_head *head)
{
	arena_release(&head->arena);
	*head = VERIFY_HEAD_INIT;
}
