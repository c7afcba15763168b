/* SPDX-License-Identifier: Apache-2.0 */
/* Two locks → what has changed, in the words of a changelog. */
#include "lock/lock.h"

#include "base/epoch.h"
#include "deb/version.h"

#include <jansson.h>

enum { DAY_LEN = 10 };

static const char *const kind_names[] = {
	[LOCK_UPGRADED] = "upgraded", [LOCK_DOWNGRADED] = "downgraded", [LOCK_REBUILT] = "rebuilt",
	[LOCK_ADDED] = "added",       [LOCK_REMOVED] = "removed",
};

/* A changelog begins with what users should hurry for. */
static int rank(const struct lock_change *change)
{
	static const int ranks[] = {
		[LOCK_UPGRADED] = 1, [LOCK_DOWNGRADED] = 2, [LOCK_REBUILT] = 3,
		[LOCK_ADDED] = 4,    [LOCK_REMOVED] = 5,
	};

	return change->security && change->kind == LOCK_UPGRADED ? 0 : ranks[change->kind];
}

static bool is_security(const struct plan_package *package)
{
	const struct index_archive *archive = package->archive;

	return strcasestr(archive->label, "security") || strcasestr(archive->suite, "security");
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_groups(const struct lock_change *a, const struct lock_change *b)
{
	int order = rank(a) - rank(b);

	if (!order)
		order = strcmp(a->source, b->source);
	if (!order)
		order = compare_texts(a->after, b->after);
	return order ? order : compare_texts(a->before, b->before);
}

static int by_group(const void *a, const void *b)
{
	const struct lock_change *left = a;
	const struct lock_change *right = b;
	int order = compare_groups(left, right);

	return order ? order : strcmp(left->names[0], right->names[0]);
}

static const char *keep(struct lock_changes *changes, const char *text)
{
	return arena_strdup(&changes->arena, text);
}

static void add(struct lock_changes *changes, enum lock_change_kind kind, const struct plan_package *package,
		const char *before, const char *after)
{
	struct lock_change change = { .kind = kind,
				      .source = keep(changes, package->source),
				      .before = before ? keep(changes, before) : NULL,
				      .after = after ? keep(changes, after) : NULL,
				      .security = after && is_security(package) };

	ARENA_PUSH(&changes->arena, change.names, change.name_count, keep(changes, package->name));
	ARENA_PUSH(&changes->arena, changes->items, changes->count, change);
}

static void add_removed(struct lock_changes *changes, const struct plan_package *package)
{
	add(changes, LOCK_REMOVED, package, package->version, NULL);
}

static void add_added(struct lock_changes *changes, const struct plan_package *package)
{
	add(changes, LOCK_ADDED, package, NULL, package->version);
}

static void add_other_version(struct lock_changes *changes, const struct plan_package *before,
			      const struct plan_package *now)
{
	int order = deb_version_compare(text_of(before->version), text_of(now->version));

	if (order == 0 && digest_equal(&before->sha256, &now->sha256))
		return;
	add(changes,
	    order < 0   ? LOCK_UPGRADED
	    : order > 0 ? LOCK_DOWNGRADED
			: LOCK_REBUILT,
	    now, before->version, now->version);
}

/* Only what is in the finished image counts; both lists are sorted by name. */
static void compare_packages(const struct plan *before, const struct plan *now, struct lock_changes *changes)
{
	size_t before_count;
	size_t now_count;
	auto_free size_t *left = plan_result(before, &before_count);
	auto_free size_t *right = plan_result(now, &now_count);
	size_t i = 0;
	size_t k = 0;

	while (i < before_count || k < now_count) {
		int order = i == before_count ? 1
			    : k == now_count
				    ? -1
				    : strcmp(before->packages[left[i]].name, now->packages[right[k]].name);

		if (order < 0) {
			add_removed(changes, &before->packages[left[i++]]);
		} else if (order > 0) {
			add_added(changes, &now->packages[right[k++]]);
		} else {
			add_other_version(changes, &before->packages[left[i++]], &now->packages[right[k++]]);
		}
	}
}

/* Packages of one source that go the same way are one line. */
static void group(struct lock_changes *changes)
{
	size_t kept = 0;

	if (changes->count)
		qsort(changes->items, changes->count, sizeof *changes->items, by_group);
	for (size_t i = 0; i < changes->count; i++) {
		struct lock_change *last = kept ? &changes->items[kept - 1] : NULL;

		if (last && compare_groups(last, &changes->items[i]) == 0)
			ARENA_PUSH(&changes->arena, last->names, last->name_count,
				   changes->items[i].names[0]);
		else
			changes->items[kept++] = changes->items[i];
	}
	changes->count = kept;
}

static void add_other(struct lock_changes *changes, const char *line)
{
	ARENA_PUSH(&changes->arena, changes->others, changes->other_count, line);
}

static void add_file(struct lock_changes *changes, const struct input_file *file, const char *what)
{
	add_other(changes, arena_printf(&changes->arena, "recipe: %s %s", file->path, what));
}

static void compare_files(const struct inputs *before, const struct inputs *now, struct lock_changes *changes)
{
	size_t i = 0;
	size_t k = 0;

	while (i < before->file_count || k < now->file_count) {
		int order = i == before->file_count ? 1
			    : k == now->file_count  ? -1
						    : strcmp(before->files[i].path, now->files[k].path);

		if (order < 0) {
			add_file(changes, &before->files[i++], "removed");
		} else if (order > 0) {
			add_file(changes, &now->files[k++], "added");
		} else {
			if (!digest_equal(&before->files[i].sha256, &now->files[k].sha256))
				add_file(changes, &now->files[k], "changed");
			i++;
			k++;
		}
	}
}

static void compare_options(const struct inputs *before, const struct inputs *now,
			    struct lock_changes *changes)
{
	bool same = before->override_count == now->override_count;

	for (size_t i = 0; same && i < before->override_count; i++)
		same = strcmp(before->overrides[i], now->overrides[i]) == 0;
	if (!same)
		add_other(changes, "options: others than before");
	if (strcmp(before->kiln, now->kiln) != 0)
		add_other(changes, arena_printf(&changes->arena, "kiln: %s → %s", before->kiln, now->kiln));
}

static const struct index_archive *find_archive(const struct index_set *set,
						const struct index_archive *archive)
{
	for (size_t i = 0; i < set->archive_count; i++)
		if (strcmp(set->archives[i]->uri, archive->uri) == 0 &&
		    strcmp(set->archives[i]->suite, archive->suite) == 0)
			return set->archives[i];
	return NULL;
}

static void note_archive(struct lock_changes *changes, const struct index_archive *before,
			 const struct index_archive *now)
{
	bool versions = *before->version && *now->version && strcmp(before->version, now->version) != 0;
	struct epoch_date then = epoch_date(before->date_s);
	struct epoch_date later = epoch_date(now->date_s);
	/* The day is enough, unless both are of one. */
	size_t len = strncmp(then.text, later.text, DAY_LEN) ? DAY_LEN : strlen(then.text);
	const char *line =
		arena_printf(&changes->arena, "archive: %s of %s %s%s%.*s → %s%s%.*s", now->suite, now->uri,
			     versions ? before->version : "", versions ? " of " : "", (int)len, then.text,
			     versions ? now->version : "", versions ? " of " : "", (int)len, later.text);

	ARENA_PUSH(&changes->arena, changes->archives, changes->archive_count, line);
}

static void compare_archives(const struct index_set *before, const struct index_set *now,
			     struct lock_changes *changes)
{
	for (size_t i = 0; i < now->archive_count; i++) {
		const struct index_archive *archive = now->archives[i];
		const struct index_archive *old = find_archive(before, archive);

		if (!old)
			add_other(changes, arena_printf(&changes->arena, "archive: %s of %s added",
							archive->suite, archive->uri));
		else if (!digest_equal(&old->release_sha256, &archive->release_sha256))
			note_archive(changes, old, archive);
	}
	for (size_t i = 0; i < before->archive_count; i++)
		if (!find_archive(now, before->archives[i]))
			add_other(changes,
				  arena_printf(&changes->arena, "archive: %s of %s removed",
					       before->archives[i]->suite, before->archives[i]->uri));
}

void lock_compare(const struct lock *before, const struct lock *now, struct lock_changes *out)
{
	struct lock_changes changes = LOCK_CHANGES_INIT;

	compare_packages(&before->plan, &now->plan, &changes);
	group(&changes);
	compare_files(&before->inputs, &now->inputs, &changes);
	compare_options(&before->inputs, &now->inputs, &changes);
	compare_archives(&before->indexes, &now->indexes, &changes);
	*out = changes;
}

bool lock_is_same(const struct lock_changes *changes)
{
	return changes->count == 0 && changes->other_count == 0;
}

void lock_changes_release(struct lock_changes *changes)
{
	arena_release(&changes->arena);
	*changes = LOCK_CHANGES_INIT;
}

static void print_names(const struct lock_change *change, struct buffer *out)
{
	if (change->name_count == 1 && strcmp(change->names[0], change->source) == 0)
		return;
	for (size_t i = 0; i < change->name_count; i++)
		buffer_addf(out, "%s%s", i ? ", " : " (", change->names[i]);
	buffer_addc(out, ')');
}

static void print_change(const struct lock_change *change, struct buffer *out)
{
	bool security = change->security && change->kind == LOCK_UPGRADED;

	buffer_addf(out, "* %s: %s ", security ? "security" : kind_names[change->kind], change->source);
	if (change->kind == LOCK_REBUILT)
		buffer_addf(out, "%s, with other bytes", change->after);
	else if (change->before && change->after)
		buffer_addf(out, "%s → %s", change->before, change->after);
	else
		buffer_adds(out, change->before ? change->before : change->after);
	print_names(change, out);
	buffer_addc(out, '\n');
}

void lock_changes_print(const struct lock_changes *changes, struct buffer *out)
{
	for (size_t i = 0; i < changes->count; i++)
		print_change(&changes->items[i], out);
	for (size_t i = 0; i < changes->other_count; i++)
		buffer_addf(out, "* %s\n", changes->others[i]);
	for (size_t i = 0; i < changes->archive_count; i++)
		buffer_addf(out, "* %s\n", changes->archives[i]);
}

static json_t *texts_json(const char *const *texts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

static json_t *change_json(const struct lock_change *change)
{
	json_t *object = json_object();

	json_object_set_new(object, "kind", json_string(kind_names[change->kind]));
	json_object_set_new(object, "security", json_boolean(change->security));
	json_object_set_new(object, "source", json_string(change->source));
	json_object_set_new(object, "packages", texts_json(change->names, change->name_count));
	json_object_set_new(object, "before", change->before ? json_string(change->before) : json_null());
	json_object_set_new(object, "after", change->after ? json_string(change->after) : json_null());
	return object;
}

json_t *lock_changes_json(const struct lock_changes *changes)
{
	json_t *object = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < changes->count; i++)
		json_array_append_new(list, change_json(&changes->items[i]));
	json_object_set_new(object, "packages", list);
	json_object_set_new(object, "others", texts_json(changes->others, changes->other_count));
	json_object_set_new(object, "archives", texts_json(changes->archives, changes->archive_count));
	return object;
}
