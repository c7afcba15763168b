/* SPDX-License-Identifier: Apache-2.0 */
#include "check/lint.h"

#include "base/interrupt.h"
#include "base/limits.h"
#include "check/lint_scan.h"
#include "check/lint_site.h"

/* The table of a root with 500,000 files has 80 MiB; the texts of one with 3,000 packages have 40. */
#define TABLE_BYTES_MAX (512 * MIB)
#define KEPT_BYTES_MAX  (128 * MIB)

struct gathering {
	struct lint_site *site;
	tree_fn *visit; /* whom the entries are handed on to; NULL: nobody */
	void *context;
	char *head; /* owned: the first bytes of the file that is being visited */
	size_t room;
};

static void gathering_release(struct gathering *gathering)
{
	free(gathering->head);
}

/* The content as it is handed on: the first bytes that pass are put aside. */
struct watched {
	struct tree_content content;
	struct tree_content *inner;
	struct gathering *gathering;
	size_t wanted;
	size_t len; /* put aside so far */
};

static int read_watched(struct tree_content *content, void *data, size_t room, size_t *len, struct error *e)
{
	struct watched *watched = (struct watched *)content;
	size_t part;

	if (watched->inner->read(watched->inner, data, room, len, e) < 0)
		return -1;
	part = watched->wanted - watched->len < *len ? watched->wanted - watched->len : *len;
	memcpy(watched->gathering->head + watched->len, data, part);
	watched->len += part;
	return 0;
}

/* Whoever the entry was handed on to may have read less than is wanted here. */
static int read_rest(struct watched *watched, struct error *e)
{
	while (watched->len < watched->wanted) {
		size_t got;

		if (watched->inner->read(watched->inner, watched->gathering->head + watched->len,
					 watched->wanted - watched->len, &got, e) < 0)
			return -1;
		if (got == 0)
			break;
		watched->len += got;
	}
	return 0;
}

static int add_file(struct lint_site *site, const struct tree_entry *entry, struct lint_file **out,
		    struct error *e)
{
	struct lint_file *file;

	site->table_bytes += sizeof *file + strlen(entry->path) + 1 + (entry->link ? strlen(entry->link) : 0);
	if (site->table_bytes > TABLE_BYTES_MAX || site->count >= LIMIT_PACKAGE_ENTRIES)
		return error_set(e, ERROR_FORMAT, "too many files to check: more than %zu", site->count);
	file = arena_alloc(&site->arena, sizeof *file);
	file->path = arena_strdup(&site->arena, entry->path);
	file->size_bytes = (uint64_t)entry->st.st_size;
	file->mtime_s = entry->st.st_mtim.tv_sec;
	file->mode = entry->st.st_mode;
	file->uid = entry->st.st_uid;
	file->gid = entry->st.st_gid;
	file->is_whiteout = S_ISCHR(file->mode) && entry->st.st_rdev == 0;
	if (S_ISLNK(file->mode))
		file->target = arena_strdup(&site->arena, entry->link ? entry->link : "");
	for (size_t i = 0; entry->xattrs && i < entry->xattrs->count; i++) {
		const char *name = entry->xattrs->items[i].name;

		file->has_capability |= strcmp(name, "security.capability") == 0;
		file->has_overlay_mark |=
			is_prefix(name, "trusted.overlay.") || is_prefix(name, "user.overlay.");
	}
	PUSH(site->files, site->count, file);
	map_put(&site->by_path, text_of(file->path), file);
	*out = file;
	return 0;
}

/* Another name of a file that came before is that file. */
static void copy_of_first_name(const struct lint_site *site, struct lint_file *file, const char *first_path)
{
	const struct lint_file *first = lint_find(site, text_of(first_path));
	const char *path = file->path;

	if (!first)
		return;
	*file = *first;
	file->path = path;
}

static int keep_text(struct lint_site *site, struct lint_file *file, const char *head, size_t len,
		     struct error *e)
{
	site->kept_bytes += len;
	if (site->kept_bytes > KEPT_BYTES_MAX)
		return error_set(e, ERROR_FORMAT,
				 "too much text to check: more than %llu MiB of lists and settings",
				 KEPT_BYTES_MAX / MIB);
	file->text = (struct text) { arena_strndup(&site->arena, head, len), len };
	file->is_cut = len < file->size_bytes;
	return 0;
}

/* Hand the entry on, and look at the beginning of its content. */
static int gather_content(struct gathering *gathering, const struct tree_entry *entry, struct lint_file *file,
			  struct error *e)
{
	size_t most = lint_scan_bytes(entry->path);
	struct watched watched = { .content.read = read_watched,
				   .inner = entry->content,
				   .gathering = gathering,
				   .wanted = file->size_bytes < most ? (size_t)file->size_bytes : most };
	struct tree_entry handed = *entry;

	if (watched.wanted > gathering->room) {
		free(gathering->head);
		gathering->head = xmalloc(watched.wanted);
		gathering->room = watched.wanted;
	}
	handed.content = &watched.content;
	if (gathering->visit && gathering->visit(gathering->context, &handed, e) < 0)
		return -1;
	if (read_rest(&watched, e) < 0)
		return error_wrap(e, "'/%s'", entry->path);
	lint_scan(file, (struct text) { gathering->head, watched.len });
	return lint_scan_keeps(entry->path, (struct text) { gathering->head, watched.len })
		       ? keep_text(gathering->site, file, gathering->head, watched.len, e)
		       : 0;
}

static int gather(void *context, const struct tree_entry *entry, struct error *e)
{
	struct gathering *gathering = context;
	struct lint_file *file = NULL;

	if (add_file(gathering->site, entry, &file, e) < 0)
		return -1;
	if (entry->hard_link)
		copy_of_first_name(gathering->site, file, entry->hard_link);
	if (entry->content && file->size_bytes)
		return gather_content(gathering, entry, file, e);
	return gathering->visit ? gathering->visit(gathering->context, entry, e) : 0;
}

static int compare_findings(const void *a, const void *b)
{
	const struct lint_finding *one = a;
	const struct lint_finding *two = b;
	int order = (int)two->rule->severity - (int)one->rule->severity;

	if (order == 0 && one->rule != two->rule)
		order = one->rule < two->rule ? -1 : 1;
	if (order == 0)
		order = strcmp(one->path, two->path);
	return order ? order : strcmp(one->message, two->message);
}

static int look(struct lint_site *site, struct error *e)
{
	static void (*const file_rules[])(struct lint_site *, const struct lint_file *) = {
		lint_secrets_file, lint_host_file, lint_leftovers_file, lint_modes_file, lint_boot_file,
	};
	static void (*const end_rules[])(struct lint_site *) = {
		lint_accounts_end, lint_secrets_end, lint_host_end,  lint_leftovers_end,
		lint_modes_end,    lint_boot_end,    lint_units_end, lint_packages_end,
	};

	lint_packages_begin(site);
	lint_accounts_begin(site);
	for (size_t i = 0; i < site->count; i++) {
		if (i % 4096 == 0 && interrupt_check(e) < 0)
			return -1;
		for (size_t k = 0; k < ARRAY_LEN(file_rules); k++)
			file_rules[k](site, site->files[i]);
	}
	for (size_t k = 0; k < ARRAY_LEN(end_rules); k++)
		end_rules[k](site);
	if (site->report->count)
		qsort(site->report->items, site->report->count, sizeof *site->report->items,
		      compare_findings);
	return 0;
}

static int examine(const struct tree_source *root, const struct lint_options *options, tree_fn *visit,
		   void *context, struct lint_report *report, struct error *e)
{
	auto_lint_site struct lint_site site = { .options = options, .report = report };
	AUTO(gathering_release) struct gathering gathering = { &site, visit, context, NULL, 0 };

	lint_report_release(report);
	if (tree_visit(root, gather, &gathering, e) < 0)
		return -1;
	return look(&site, e);
}

int lint_tree(const struct tree_source *root, const struct lint_options *options, struct lint_report *report,
	      struct error *e)
{
	return examine(root, options, NULL, NULL, report, e);
}

static int visit_tap(const struct tree_source *source, tree_fn *visit, void *context, struct error *e)
{
	const struct lint_tap *tap = (const struct lint_tap *)source;

	if (examine(tap->root, tap->options, visit, context, tap->report, e) < 0)
		return -1;
	return lint_judge(tap->report, tap->fail_on, e);
}

struct lint_tap lint_tap(const struct tree_source *root, const struct lint_options *options,
			 enum lint_severity fail_on, struct lint_report *report)
{
	return (struct lint_tap) { { visit_tap }, root, options, fail_on, report };
}

void lint_report_release(struct lint_report *report)
{
	free(report->items);
	arena_release(&report->arena);
	*report = LINT_REPORT_INIT;
}

size_t lint_count(const struct lint_report *report, enum lint_severity severity)
{
	size_t count = 0;

	for (size_t i = severity; i < LINT_SEVERITIES; i++)
		count += report->counts[i];
	return count;
}

int lint_judge(const struct lint_report *report, enum lint_severity severity, struct error *e)
{
	size_t count = lint_count(report, severity);

	if (count == 0)
		return 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *first = &report->items[i];

		if (!first->allowed && first->rule->severity >= severity)
			return error_set(e, ERROR_LINT, "%zu finding%s of kiln lint, the first: %s%s%s [%s]",
					 count, count == 1 ? "" : "s", first->path, *first->path ? ": " : "",
					 first->message, first->rule->id);
	}
	return error_set(e, ERROR_LINT, "%zu findings of kiln lint", count);
}
