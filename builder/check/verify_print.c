/* SPDX-License-Identifier: Apache-2.0 */
#include "check/verify.h"

#include "base/log.h"

#include <jansson.h>

const char *verdict_word(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_NONE] = "none",
		[VERDICT_GOOD] = "good",
		[VERDICT_BAD] = "bad",
	};

	return words[verdict];
}

static void print_verdict(struct buffer *out, const char *what, enum verdict verdict, const char *none)
{
	buffer_addf(out, "  %-12s %s\n", what, verdict == VERDICT_NONE ? none : verdict_word(verdict));
}

static void print_finding(struct buffer *out, const struct finding *finding)
{
	buffer_adds(out, finding->file);
	if (*finding->place)
		buffer_addf(out, ": %s", finding->place);
	buffer_addf(out, ": %s%s\n", finding->level == FINDING_NOTE ? "note: " : "", finding->message);
}

void verify_print(const struct verify_report *report, struct buffer *out)
{
	const struct findings *findings = &report->findings;

	for (size_t i = 0; i < report->file_count; i++) {
		const struct verify_file *file = &report->files[i];
		auto_free char *path = printable(file->path);

		buffer_addf(out, "%s: %s%s%s, %s\n", path, i == 0 && report->format ? report->format : "",
			    i == 0 && report->format ? ", " : "", file->codec ? file->codec : "unknown",
			    human_size(file->size_bytes).text);
	}
	if (report->file_count) {
		buffer_addf(out, "  %-12s %s\n", "fingerprint", digest_hex(&report->fingerprint).text);
		print_verdict(out, "as promised", report->fingerprint_verdict,
			      "nothing says what it should be");
		print_verdict(out, "SHA256SUMS", report->sums_verdict, "there is none");
		print_verdict(out, "signature", report->signature_verdict, "not checked");
	}
	for (size_t i = 0; i < findings->count; i++)
		print_finding(out, &findings->items[i]);
	if (findings->left_out)
		buffer_addf(out, "%zu more are not shown\n", findings->left_out);
}

static json_t *file_json(const struct verify_file *file)
{
	auto_free char *path = printable(file->path);
	json_t *object = json_pack("{s:s, s:I, s:s}", "path", path, "size", (json_int_t)file->size_bytes,
				   "sha256", digest_hex(&file->sha256).text);

	if (file->codec)
		json_object_set_new(object, "compression", json_string(file->codec));
	return object;
}

static json_t *finding_json(const struct finding *finding)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "level",
				   finding->level == FINDING_NOTE ? "note" : "mistake", "file", finding->file,
				   "place", finding->place, "message", finding->message);

	if (finding->level == FINDING_MISTAKE)
		json_object_set_new(object, "kind", json_string(error_kind_name(finding->kind)));
	return object;
}

void verify_print_json(const struct verify_report *report, struct buffer *out)
{
	json_t *files = json_array();
	json_t *problems = json_array();
	json_t *object;
	auto_free char *text = NULL;

	for (size_t i = 0; i < report->file_count; i++)
		json_array_append_new(files, file_json(&report->files[i]));
	for (size_t i = 0; i < report->findings.count; i++)
		json_array_append_new(problems, finding_json(&report->findings.items[i]));
	object = json_pack(
		"{s:b, s:o, s:s, s:s, s:s, s:I, s:I, s:o}", "valid", report->findings.mistake_count == 0,
		"files", files, "as_promised", verdict_word(report->fingerprint_verdict), "sums",
		verdict_word(report->sums_verdict), "signature", verdict_word(report->signature_verdict),
		"mistakes", (json_int_t)report->findings.mistake_count, "not_shown",
		(json_int_t)report->findings.left_out, "problems", problems);
	if (report->format)
		json_object_set_new(object, "format", json_string(report->format));
	if (report->file_count)
		json_object_set_new(object, "fingerprint",
				    json_string(digest_hex(&report->fingerprint).text));
	text = json_dumps(object, JSON_INDENT(2));
	json_decref(object);
	buffer_adds(out, text ? text : "{}");
}
