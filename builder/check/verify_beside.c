/* SPDX-License-Identifier: Apache-2.0 */
#include "check/verify_beside.h"

#include "base/file.h"
#include "base/limits.h"
#include "check/verify_signature.h"

#include <fcntl.h>
#include <jansson.h>

const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* 1, or 0 when there is no such file; one that is too large is a mistake of it. */
static int read_beside(const char *folder, const char *name, char **path, char **data, size_t *len,
		       struct findings *findings, struct error *e)
{
	*path = xasprintf("%s/%s", folder, name);
	if (file_read(AT_FDCWD, *path, LIMIT_RECORD_BYTES, data, len, e) == 0)
		return 1;
	if (e->sys == ENOENT) {
		error_clear(e);
		return 0;
	}
	return findings_take(findings, *path, "", e);
}

static void worse(enum verdict *verdict, enum verdict found)
{
	if (found > *verdict)
		*verdict = found;
}

/* ---- image.json */

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Whether ARTEFACT, of image.json, is made of the files of REPORT. */
static bool is_of(const json_t *artefact, const struct verify_report *report)
{
	const json_t *files = json_object_get(artefact, "files");

	if (json_array_size(files) != report->file_count)
		return false;
	for (size_t i = 0; i < report->file_count; i++)
		if (strcmp(text_at(json_array_get(files, i), "name"), name_of(report->files[i].path)) != 0)
			return false;
	return true;
}

static void compare_record(struct verify_report *report, const json_t *artefact, const char *path)
{
	struct digest said;

	if (digest_parse(text_of(text_at(artefact, "fingerprint")), &said) &&
	    digest_equal(&said, &report->fingerprint)) {
		worse(&report->fingerprint_verdict, VERDICT_GOOD);
		return;
	}
	worse(&report->fingerprint_verdict, VERDICT_BAD);
	findings_mistake(&report->findings, ERROR_DIGEST, path, "",
			 "the fingerprint of '%s' is %s, and not %.64s", name_of(report->files[0].path),
			 digest_hex(&report->fingerprint).text, text_at(artefact, "fingerprint"));
}

static bool says_unverified(const json_t *record)
{
	return strcmp(text_at(record, "verification"), "skipped") == 0;
}

/* Whether an artefact in RECORD has a file NAME. */
static bool has_file(const json_t *record, const char *name)
{
	const json_t *artefact;
	const json_t *file;
	size_t i;
	size_t k;

	json_array_foreach (json_object_get(record, "artifacts"), i, artefact)
		json_array_foreach (json_object_get(artefact, "files"), k, file)
			if (strcmp(text_at(file, "name"), name) == 0)
				return true;
	return false;
}

bool is_unverified_beside(const char *image_path)
{
	auto_free char *folder = folder_of(image_path);
	auto_free char *path = xasprintf("%s/image.json", folder);
	auto_free char *data = NULL;
	struct error ignored = ERROR_INIT; /* there need be no such file */
	json_t *record = NULL;
	size_t len;
	bool unverified;

	if (file_read(AT_FDCWD, path, LIMIT_RECORD_BYTES, &data, &len, &ignored) == 0)
		record = json_loadb(data, len, 0, NULL);
	unverified = record && says_unverified(record) && has_file(record, name_of(image_path));
	json_decref(record);
	return unverified;
}

static int check_record(struct verify_report *report, const char *folder, struct error *e)
{
	auto_free char *path = NULL;
	auto_free char *data = NULL;
	json_error_t problem;
	json_t *record;
	size_t len;
	size_t i;
	const json_t *artefact;
	int r = read_beside(folder, "image.json", &path, &data, &len, &report->findings, e);

	if (r <= 0)
		return r;
	record = json_loadb(data, len, 0, &problem);
	if (!record) {
		auto_free char *place = xasprintf("%d:%d", problem.line, problem.column);

		findings_mistake(&report->findings, ERROR_FORMAT, path, place, "no JSON: %s", problem.text);
		return 0;
	}
	json_array_foreach (json_object_get(record, "artifacts"), i, artefact) {
		if (!is_of(artefact, report))
			continue;
		compare_record(report, artefact, path);
		if (says_unverified(record))
			findings_note(&report->findings, path, "", UNVERIFIED_WORDS);
	}
	json_decref(record);
	return 0;
}

/* ---- SHA256SUMS */

/* "HEX  NAME", or " *NAME" for what sha256sum read as binary; false for anything else. */
static bool parse_line(struct text line, struct digest *digest, struct text *name)
{
	if (line.len < DIGEST_HEX_LEN + 3 || line.ptr[DIGEST_HEX_LEN] != ' ' ||
	    (line.ptr[DIGEST_HEX_LEN + 1] != ' ' && line.ptr[DIGEST_HEX_LEN + 1] != '*'))
		return false;
	*name = (struct text) { line.ptr + DIGEST_HEX_LEN + 2, line.len - DIGEST_HEX_LEN - 2 };
	return digest_parse((struct text) { line.ptr, DIGEST_HEX_LEN }, digest);
}

static void check_file(struct verify_report *report, const struct verify_file *file, struct text sums,
		       const char *path)
{
	bool is_named = false;

	while (sums.len) {
		struct text line = text_cut(sums, '\n', &sums);
		struct digest digest;
		struct text name;

		if (!parse_line(line, &digest, &name) || !text_is(name, name_of(file->path)))
			continue;
		is_named = true;
		worse(&report->sums_verdict,
		      digest_equal(&digest, &file->sha256) ? VERDICT_GOOD : VERDICT_BAD);
		if (!digest_equal(&digest, &file->sha256))
			findings_mistake(&report->findings, ERROR_DIGEST, file->path, "",
					 "its SHA-256 is %s; SHA256SUMS says %s",
					 digest_hex(&file->sha256).text, digest_hex(&digest).text);
	}
	if (!is_named) {
		worse(&report->sums_verdict, VERDICT_BAD);
		findings_mistake(&report->findings, ERROR_DIGEST, path, "", "it does not name '%s'",
				 name_of(file->path));
	}
}

static void check_lines(struct verify_report *report, struct text sums, const char *path)
{
	for (unsigned number = 1; sums.len; number++) {
		struct text line = text_cut(sums, '\n', &sums);
		auto_free char *place = xasprintf("%u", number);
		struct digest digest;
		struct text name;

		if (line.len && !parse_line(line, &digest, &name))
			findings_mistake(&report->findings, ERROR_FORMAT, path, place,
					 "the line is no digest and name");
	}
}

static int check_sums(const struct verify_options *options, struct verify_report *report, const char *folder,
		      struct error *e)
{
	auto_free char *path = NULL;
	auto_free char *data = NULL;
	size_t len = 0;
	int r = read_beside(folder, "SHA256SUMS", &path, &data, &len, &report->findings, e);
	struct text sums = { data, len };

	if (r < 0)
		return -1;
	if (r == 0 && (options->keyring || options->allowed_signers)) {
		report->signature_verdict = VERDICT_BAD;
		findings_mistake(&report->findings, ERROR_TRUST, path, "",
				 "there is none, and so nothing that is signed");
	}
	if (r == 0)
		return 0;
	check_lines(report, sums, path);
	for (size_t i = 0; i < report->file_count; i++)
		check_file(report, &report->files[i], sums, path);
	return verify_signatures(options, path, sums, report, e);
}

int verify_beside(const struct verify_options *options, struct verify_report *report, struct error *e)
{
	auto_free char *folder = folder_of(report->files[0].path);

	if (options->fingerprint && digest_is_set(&report->fingerprint)) {
		bool is_it = digest_equal(options->fingerprint, &report->fingerprint);

		worse(&report->fingerprint_verdict, is_it ? VERDICT_GOOD : VERDICT_BAD);
		if (!is_it)
			findings_mistake(&report->findings, ERROR_DIGEST, report->files[0].path, "",
					 "the fingerprint is %s, and not %s",
					 digest_hex(&report->fingerprint).text,
					 digest_hex(options->fingerprint).text);
	}
	if (check_record(report, folder, e) < 0)
		return -1;
	return check_sums(options, report, folder, e);
}

/* ---- files that are no images */

static bool is_handled(struct text name, const char *const *handled, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, handled[i]))
			return true;
	return false;
}

static int hash_file(struct verify_report *report, const char *folder, struct text name,
		     const struct digest *digest, struct error *e)
{
	auto_free char *path = xasprintf("%s/%.*s", folder, TEXT_ARG(name));
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct digest found;

	if (fd < 0 && errno != ENOENT)
		return error_sys(e, "cannot read '%s'", path);
	if (fd < 0) {
		findings_mistake(&report->findings, ERROR_DIGEST, path, "",
				 "SHA256SUMS names it, and it is not there");
		report->sums_verdict = VERDICT_BAD;
		return 0;
	}
	if (sha256_of_fd(fd, &found, NULL, e) < 0)
		return error_wrap(e, "%s", path);
	worse(&report->sums_verdict, digest_equal(&found, digest) ? VERDICT_GOOD : VERDICT_BAD);
	if (!digest_equal(&found, digest))
		findings_mistake(&report->findings, ERROR_DIGEST, path, "",
				 "its SHA-256 is %s; SHA256SUMS says %s", digest_hex(&found).text,
				 digest_hex(digest).text);
	return 0;
}

int verify_sums(const char *folder, const char *const *handled, size_t handled_count,
		struct verify_report *report, struct error *e)
{
	auto_free char *path = NULL;
	auto_free char *data = NULL;
	size_t len = 0;
	struct text sums;
	int r = read_beside(folder, "SHA256SUMS", &path, &data, &len, &report->findings, e);

	if (r <= 0)
		return r;
	sums = (struct text) { data, len };
	while (sums.len) {
		struct text line = text_cut(sums, '\n', &sums);
		struct digest digest;
		struct text name;

		if (!parse_line(line, &digest, &name) || is_handled(name, handled, handled_count))
			continue;
		if (memchr(name.ptr, '/', name.len)) {
			findings_mistake(&report->findings, ERROR_FORMAT, path, "",
					 "it names a file of another folder: '%.*s'", TEXT_ARG(name));
			continue;
		}
		if (hash_file(report, folder, name, &digest, e) < 0)
			return -1;
	}
	return 0;
}
