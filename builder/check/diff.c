/* SPDX-License-Identifier: Apache-2.0 */
#include "check/diff.h"

#include <stdlib.h>
#include <sys/sysmacros.h>

static int compare_values(const void *a, const void *b)
{
	return strcmp(((const struct diff_value *)a)->key, ((const struct diff_value *)b)->key);
}

static void sort_values(struct diff_values *values)
{
	if (values->count)
		qsort(values->items, values->count, sizeof *values->items, compare_values);
}

void diff_side_add_template(struct diff_side *side, const char *name, struct text content)
{
	struct digest digest = sha256_of(content.ptr, content.len);
	struct diff_value value = { arena_strdup(&side->arena, name),
				    arena_strdup(&side->arena, digest_hex(&digest).text) };

	PUSH(side->templates.items, side->templates.count, value);
}

void diff_side_release(struct diff_side *side)
{
	listing_release(&side->root);
	arena_release(&side->arena);
	free(side->metadata.items);
	free(side->templates.items);
	*side = DIFF_SIDE_INIT;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static unsigned when(bool differs, enum diff_change change)
{
	return differs ? 1U << change : 0;
}

/* Of two entries that are not even of one type nothing else is compared: it would follow from that. */
static unsigned compare_files(const struct listing_entry *a, const struct listing_entry *b)
{
	if ((a->mode & S_IFMT) != (b->mode & S_IFMT))
		return 1U << DIFF_TYPE;
	/* Links have no permissions of their own, whatever an archive says. */
	return when(!S_ISLNK(a->mode) && a->mode != b->mode, DIFF_MODE) |
	       when(a->uid != b->uid || a->gid != b->gid, DIFF_OWNER) |
	       when(a->size_bytes != b->size_bytes, DIFF_SIZE) |
	       when(!digest_equal(&a->content, &b->content), DIFF_CONTENT) |
	       when(!same_text(a->target, b->target), DIFF_TARGET) |
	       when(a->device != b->device, DIFF_DEVICE) |
	       when(!same_text(a->xattrs, b->xattrs), DIFF_XATTRS) |
	       when(!same_text(a->same_file, b->same_file), DIFF_NAMES) |
	       when(a->time.tv_sec != b->time.tv_sec || a->time.tv_nsec != b->time.tv_nsec, DIFF_TIME);
}

/* Which of two sorted lists goes on: < 0 the first alone, > 0 the second alone, 0 both. */
static int order_of(size_t i, size_t count, const char *one, size_t j, size_t other_count, const char *other)
{
	if (i == count || j == other_count)
		return i == count ? 1 : -1;
	return strcmp(one, other);
}

static void add_files(const struct listing *a, const struct listing *b, struct diff *diff)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->count || j < b->count) {
		int order = order_of(i, a->count, i < a->count ? a->entries[i].path : NULL, j, b->count,
				     j < b->count ? b->entries[j].path : NULL);
		struct diff_file file = { order <= 0 ? &a->entries[i++] : NULL,
					  order >= 0 ? &b->entries[j++] : NULL, 0 };

		if (order == 0)
			file.changes = compare_files(file.a, file.b);
		if (order != 0 || file.changes)
			PUSH(diff->files, diff->file_count, file);
	}
}

static int order_of_packages(const struct listing_package *a, const struct listing_package *b)
{
	int order;

	if (!a || !b)
		return a ? -1 : 1;
	order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->architecture, b->architecture);
}

static void add_packages(const struct listing *a, const struct listing *b, struct diff *diff)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->package_count || j < b->package_count) {
		const struct listing_package *one = i < a->package_count ? &a->packages[i] : NULL;
		const struct listing_package *other = j < b->package_count ? &b->packages[j] : NULL;
		int order = order_of_packages(one, other);
		struct diff_package package = { order <= 0 ? one : NULL, order >= 0 ? other : NULL };

		i += order <= 0;
		j += order >= 0;
		if (order != 0 || strcmp(one->version, other->version) != 0)
			PUSH(diff->packages, diff->package_count, package);
	}
}

static void add_texts(const struct diff_values *a, const struct diff_values *b, struct diff_text **texts,
		      size_t *count)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->count || j < b->count) {
		int order = order_of(i, a->count, i < a->count ? a->items[i].key : NULL, j, b->count,
				     j < b->count ? b->items[j].key : NULL);
		struct diff_text text = { order <= 0 ? a->items[i].key : b->items[j].key, NULL, NULL };

		if (order <= 0)
			text.a = a->items[i++].value;
		if (order >= 0)
			text.b = b->items[j++].value;
		if (!same_text(text.a, text.b))
			PUSH(*texts, *count, text);
	}
}

void diff_make(struct diff_side *a, struct diff_side *b, struct diff *diff)
{
	*diff = (struct diff) { .a = a, .b = b };
	sort_values(&a->metadata);
	sort_values(&b->metadata);
	sort_values(&a->templates);
	sort_values(&b->templates);
	add_packages(&a->root, &b->root, diff);
	add_files(&a->root, &b->root, diff);
	if (!a->has_metadata || !b->has_metadata)
		return;
	add_texts(&a->metadata, &b->metadata, &diff->metadata, &diff->metadata_count);
	add_texts(&a->templates, &b->templates, &diff->templates, &diff->template_count);
}

bool diff_is_empty(const struct diff *diff)
{
	return !diff->package_count && !diff->file_count && !diff->metadata_count && !diff->template_count;
}

void diff_release(struct diff *diff)
{
	free(diff->packages);
	free(diff->files);
	free(diff->metadata);
	free(diff->templates);
	*diff = DIFF_INIT;
}

const char *diff_change_name(enum diff_change change)
{
	static const char *const names[DIFF_CHANGES] = {
		[DIFF_TYPE] = "type",     [DIFF_MODE] = "mode",       [DIFF_OWNER] = "owner",
		[DIFF_SIZE] = "size",     [DIFF_CONTENT] = "content", [DIFF_TARGET] = "target",
		[DIFF_DEVICE] = "device", [DIFF_XATTRS] = "xattrs",   [DIFF_NAMES] = "hard links",
		[DIFF_TIME] = "time",
	};

	return names[change];
}

static const char *type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "fifo";
	default:
		return "socket";
	}
}

/* Its lines in one, and a remark where there are none. */
static void describe_xattrs(const char *xattrs, char *text, size_t room)
{
	size_t len;

	snprintf(text, room, "%s", xattrs ? xattrs : "none");
	len = strlen(text);
	if (xattrs && len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	for (char *end = strchr(text, '\n'); end; end = strchr(end, '\n'))
		*end = ' ';
}

void diff_describe(const struct listing_entry *entry, enum diff_change change, char *text, size_t room)
{
	int len;

	switch (change) {
	case DIFF_TYPE:
		snprintf(text, room, "%s", type_of(entry->mode));
		break;
	case DIFF_MODE:
		snprintf(text, room, "%04o", (unsigned)entry->mode & 07777);
		break;
	case DIFF_OWNER:
		snprintf(text, room, "%u:%u", entry->uid, entry->gid);
		break;
	case DIFF_SIZE:
		snprintf(text, room, "%llu", (unsigned long long)entry->size_bytes);
		break;
	case DIFF_CONTENT:
		snprintf(text, room, "%s", digest_hex(&entry->content).text);
		break;
	case DIFF_TARGET:
		snprintf(text, room, "%s", entry->target ? entry->target : "");
		break;
	case DIFF_DEVICE:
		snprintf(text, room, "%u:%u", major(entry->device), minor(entry->device));
		break;
	case DIFF_XATTRS:
		describe_xattrs(entry->xattrs, text, room);
		break;
	case DIFF_NAMES:
		snprintf(text, room, "%s", entry->same_file ? entry->same_file : "none");
		break;
	case DIFF_TIME:
		len = snprintf(text, room, "%lld", (long long)entry->time.tv_sec);
		if (entry->time.tv_nsec && len > 0 && (size_t)len < room)
			snprintf(text + len, room - (size_t)len, ".%09ld", entry->time.tv_nsec);
		break;
	case DIFF_CHANGES:
		break;
	}
}
