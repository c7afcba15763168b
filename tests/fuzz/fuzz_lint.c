/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root in which the files that the rules of kiln lint read hold any bytes: records of a kind of file, a length and as
 * many bytes. The report must be printable in every form, and the same when the root is read through a tap.
 */
#include "base/alloc.h"
#include "check/lint.h"
#include "fuzz/fuzz.h"

#include <assert.h>

#include <jansson.h>

static const char *const paths[] = {
	"etc/passwd",
	"etc/group",
	"etc/shadow",
	"etc/hosts",
	"etc/hostname",
	"etc/resolv.conf",
	"etc/machine-id",
	"etc/os-release",
	"etc/environment",
	"etc/apt/apt.conf",
	"etc/apt/sources.list",
	"etc/apt/sources.list.d/x.sources",
	"etc/systemd/system/x.service",
	"etc/systemd/system/x.service.d/y.conf",
	"etc/systemd/system/multi-user.target.wants/x.service",
	"usr/lib/sysusers.d/x.conf",
	"var/lib/dpkg/status",
	"var/lib/dpkg/diversions",
	"var/lib/dpkg/statoverride",
	"var/lib/dpkg/info/x.list",
	"var/lib/dpkg/info/x.postinst",
	"root/.ssh/authorized_keys",
	"srv/key.pem",
	"link", /* from here on the bytes are the target of a link */
	"sbin",
	"etc/link",
};

enum { FIRST_LINK = 23 };

struct record {
	const char *path;
	char *text; /* owned */
	size_t len;
};

struct root {
	struct tree_source source;
	struct record *records; /* owned */
	size_t count;
};

struct record_content {
	struct tree_content content;
	const struct record *record;
	size_t at;
};

static int read_record(struct tree_content *content, void *data, size_t room, size_t *len, struct error *e)
{
	struct record_content *from = (struct record_content *)content;
	size_t left = from->record->len - from->at;

	(void)e;
	*len = left < room ? left : room;
	memcpy(data, from->record->text + from->at, *len);
	from->at += *len;
	return 0;
}

static int visit_root(const struct tree_source *source, tree_fn *visit, void *context, struct error *e)
{
	const struct root *root = (const struct root *)source;

	for (size_t i = 0; i < root->count; i++) {
		const struct record *record = &root->records[i];
		struct record_content content = { { .read = read_record }, record, 0 };
		struct tree_entry entry = { .path = record->path };
		bool is_link = false;

		for (size_t k = FIRST_LINK; k < ARRAY_LEN(paths); k++)
			is_link |= record->path == paths[k];
		entry.st.st_mode = is_link ? S_IFLNK | 0777 : S_IFREG | 0644;
		entry.st.st_size = (off_t)record->len;
		entry.link = is_link ? record->text : NULL;
		entry.content = is_link ? NULL : &content.content;
		if (visit(context, &entry, e) < 0)
			return -1;
	}
	return 0;
}

static int look_on(void *context, const struct tree_entry *entry, struct error *e)
{
	(void)context;
	(void)entry;
	(void)e;
	return 0;
}

static void check_printed(const struct lint_report *report)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_buffer struct buffer json = BUFFER_INIT;
	auto_buffer struct buffer sarif = BUFFER_INIT;
	json_t *root;

	lint_print(report, "image", true, &text);
	for (size_t i = 0; i < text.len; i++)
		assert((unsigned char)text.data[i] >= ' ' || text.data[i] == '\n');
	lint_print_json(report, "image", &json);
	root = json_loads(json.data, 0, NULL);
	assert(root && json_array_size(json_object_get(root, "findings")) == report->count);
	json_decref(root);
	lint_print_sarif(report, "image", &sarif);
	root = json_loads(sarif.data, 0, NULL);
	assert(root && json_array_size(json_object_get(root, "runs")) == 1);
	json_decref(root);
}

static void check_root(const struct root *root)
{
	auto_lint_report struct lint_report report = LINT_REPORT_INIT;
	auto_lint_report struct lint_report tapped = LINT_REPORT_INIT;
	struct lint_options options = { .date_s = INT64_MAX };
	struct lint_tap tap = lint_tap(&root->source, &options, LINT_ERROR, &tapped);
	struct error e = ERROR_INIT;
	int judged;

	if (lint_tree(&root->source, &options, &report, &e) < 0) {
		assert(e.kind == ERROR_FORMAT && e.text[0]);
		return;
	}
	check_printed(&report);
	judged = lint_judge(&report, LINT_ERROR, &e);
	assert(tree_visit(&tap.source, look_on, NULL, &e) == judged);
	assert(tapped.count == report.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct root root = { .source.visit = visit_root };

	while (size >= 3) {
		struct record record = { .path = paths[data[0] % ARRAY_LEN(paths)] };
		size_t len = (size_t)data[1] << 8 | data[2];

		data += 3;
		size -= 3;
		record.len = len < size ? len : size;
		record.text = xcalloc(record.len + 1, 1);
		memcpy(record.text, data, record.len);
		data += len < size ? len : size;
		size -= len < size ? len : size;
		PUSH(root.records, root.count, record);
	}
	check_root(&root);
	for (size_t i = 0; i < root.count; i++)
		free(root.records[i].text);
	free(root.records);
	return 0;
}
