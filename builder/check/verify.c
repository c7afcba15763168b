/* SPDX-License-Identifier: Apache-2.0 */
#include "check/verify.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "check/fingerprint.h"
#include "check/verify_archive.h"
#include "check/verify_beside.h"
#include "image/image.h"

#include <fcntl.h>

enum { MAGIC_BYTES = 263, USTAR_AT = 257 };

/* An image on its way through the checks. */
struct verification {
	const struct verify_options *options;
	struct verify_report *report;
	struct verify_head head;
	struct hash fingerprint; /* of the files so far */
	int fd;                  /* owned; of the current file, the last of the report */
	struct log *log;
};

static void verification_release(struct verification *v)
{
	verify_head_release(&v->head);
	hash_release(&v->fingerprint);
	auto_close_(&v->fd);
}

void verify_report_release(struct verify_report *report)
{
	findings_release(&report->findings);
	*report = VERIFY_REPORT_INIT;
}

static struct verify_file *current(const struct verification *v)
{
	return &v->report->files[v->report->file_count - 1];
}

static int add_file(struct verification *v, const char *path, struct error *e)
{
	struct verify_file *file = &v->report->files[v->report->file_count];
	struct stat st;

	auto_close_(&v->fd);
	v->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (v->fd < 0 || fstat(v->fd, &st) < 0)
		return error_sys(e, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERROR_USAGE, "'%s' is no image: it is no regular file", path);
	file->path = arena_strdup(&v->report->findings.arena, path);
	file->size_bytes = (uint64_t)st.st_size;
	v->report->file_count++;
	return 0;
}

/* ---- two looks at a file, side by side */

static int hash_current(struct verification *v, struct error *e)
{
	return fingerprint_add(v->fd, current(v)->path, &v->fingerprint, &current(v)->sha256, e);
}

static int read_piece(struct tree_content *content, uint64_t left, struct error *e)
{
	char data[16 * 1024];
	size_t len = 1;

	while (left && len) {
		size_t room = left < sizeof data ? (size_t)left : sizeof data;

		if (interrupt_check(e) < 0 || content->read(content, data, room, &len, e) < 0)
			return -1;
		left -= len;
	}
	return 0;
}

/* All data of a file; large holes are not looked through. */
static int read_content(const struct tree_entry *entry, struct error *e)
{
	struct tree_content *content = entry->content;
	uint64_t at = 0;

	if (!entry->extents)
		return read_piece(content, UINT64_MAX, e);
	for (size_t i = 0; i < entry->extent_count; i++) {
		const struct tree_extent *extent = &entry->extents[i];

		if ((extent->offset > at && content->skip(content, extent->offset - at, e) < 0) ||
		    read_piece(content, extent->len, e) < 0)
			return -1;
		at = extent->offset + extent->len;
	}
	return 0;
}

static int visit(void *context, const struct tree_entry *entry, struct error *e)
{
	(void)context;
	if (entry->content && read_content(entry, e) < 0)
		return error_wrap(e, "entry '%.300s'", entry->path);
	return interrupt_check(e);
}

/* Nothing is in a squashfs but files, so the reader of all other commands tells what is wrong. */
static int read_squashfs(struct verification *v, struct error *e)
{
	const struct verify_report *report = v->report;
	auto_image struct image *image = NULL;

	current(v)->codec = "squashfs";
	/* What is wrong with the metadata archive was told. */
	if (v->report->findings.mistake_count && !v->head.is_readable)
		return 0;
	if (image_open(report->files[0].path, report->files[1].path, v->log, &image, e) < 0 ||
	    tree_visit(image_root(image), visit, NULL, e) < 0)
		return findings_take(&v->report->findings, report->files[1].path, "", e);
	return 0;
}

static bool has_magic(const char *head, size_t len, size_t at, const char *magic, size_t magic_len)
{
	return len >= at + magic_len && memcmp(head + at, magic, magic_len) == 0;
}

/* As DetectCompressionFile() of both daemons tells what a file is. */
static void check_magic(const struct verification *v, const char *head, size_t len)
{
	static const struct {
		size_t at;
		size_t len;
		const char *bytes;
	} known[] = {
		{ 0, 2, "BZ" },       { 0, 2, "\x1f\x8b" },         { 1, 4, "7zXZ" },
		{ 0, 3, "\x5d\0\0" }, { 0, 4, "\x28\xb5\x2f\xfd" }, { USTAR_AT, 5, "ustar" },
		{ 0, 4, "hsqs" },
	};
	struct findings *findings = &v->report->findings;
	const char *path = current(v)->path;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (has_magic(head, len, known[i].at, known[i].bytes, known[i].len))
			return;
	if (has_magic(head, len, 0, "\x04\x22\x4d\x18", 4))
		findings_note(findings, path, "", "Incus alone knows lz4; LXD does not");
	else
		findings_mistake(findings, ERROR_FORMAT, path, "",
				 len ? "the daemons cannot tell what it is compressed with" : "it is empty");
}

static int read_current(struct verification *v, struct error *e)
{
	char head[MAGIC_BYTES];
	ssize_t got = pread(v->fd, head, sizeof head, 0);
	struct verify_file *file = current(v);
	bool is_root = v->report->file_count > 1;

	if (got < 0)
		return error_sys(e, "cannot read '%s'", file->path);
	check_magic(v, head, (size_t)got);
	if (has_magic(head, (size_t)got, 0, "hsqs", 4)) {
		if (is_root)
			return read_squashfs(v, e);
		file->codec = "squashfs";
		findings_mistake(&v->report->findings, ERROR_FORMAT, file->path, "",
				 "it is a root without metadata; name its metadata archive first");
		return 0;
	}
	if (got == 0)
		return 0;
	return verify_archive(v->fd, file->path, is_root ? NULL : &v->head, &file->codec,
			      &v->report->findings, e);
}

static int look(void *context, size_t index, struct error *e)
{
	return index == 0 ? read_current(context, e) : hash_current(context, e);
}

static int look_at(struct verification *v, const char *path, struct error *e)
{
	if (add_file(v, path, e) < 0)
		return -1;
	return pool_run(2, 2, look, v, e);
}

/* ---- the image */

static int look_at_root(struct verification *v, const char *path, const char *rootfs, struct error *e)
{
	struct findings *findings = &v->report->findings;

	if (rootfs && v->head.has_root)
		findings_mistake(findings, ERROR_FORMAT, path, "",
				 "it has a root of its own, beside that in '%s'", rootfs);
	if (v->head.has_root) {
		v->report->format = "unified";
		return 0;
	}
	if (!rootfs)
		rootfs = image_root_beside(&findings->arena, path);
	if (!rootfs) {
		if (v->head.is_readable)
			findings_mistake(
				findings, ERROR_FORMAT, path, "",
				"there is no root in it, nor a file of it beside it; name that as well");
		return 0;
	}
	if (look_at(v, rootfs, e) < 0)
		return -1;
	v->report->format =
		current(v)->codec && strcmp(current(v)->codec, "squashfs") == 0 ? "squashfs" : "split";
	return 0;
}

int verify_image(const struct verify_options *options, const char *path, const char *rootfs,
		 struct verify_report *report, struct error *e)
{
	AUTO(verification_release)
	struct verification v = { .options = options, .report = report, .head = VERIFY_HEAD_INIT, .fd = -1 };

	hash_start_sha256(&v.fingerprint);
	if (look_at(&v, path, e) < 0 || look_at_root(&v, path, rootfs, e) < 0)
		return -1;
	verify_head_check(&v.head, path, &report->findings);
	report->fingerprint = hash_end_sha256(&v.fingerprint);
	return verify_beside(options, report, e);
}
