/* SPDX-License-Identifier: Apache-2.0 */
/* kiln verify: whether images are whole, are what was published, and are what the daemons take. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/file.h"
#include "check/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

struct results {
	const struct settings *settings;
	struct verify_options options;
	struct buffer out;
	size_t image_count;
	size_t mistake_count;
	enum error_kind kind;
	const char **handled; /* owned array: names of files of the folder that were verified */
	size_t handled_count;
	struct arena arena;
};

static void results_release(struct results *results)
{
	buffer_release(&results->out);
	free(results->handled);
	arena_release(&results->arena);
}

/* Trust weighs more than digests, and these more than formats. */
static void take_kind(struct results *results, enum error_kind kind)
{
	static const enum error_kind order[] = { ERROR_TRUST, ERROR_DIGEST, ERROR_FORMAT };

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (kind == order[i] || results->kind == order[i]) {
			results->kind = order[i];
			return;
		}
}

static void take_report(struct results *results, const struct verify_report *report)
{
	results->mistake_count += report->findings.mistake_count;
	take_kind(results, findings_kind(&report->findings));
	if (results->settings->json) {
		buffer_adds(&results->out, results->out.len ? ",\n" : "[\n");
		verify_print_json(report, &results->out);
	} else {
		verify_print(report, &results->out);
	}
}

static int verify_one(struct results *results, const char *path, const char *rootfs, struct error *e)
{
	auto_verify_report struct verify_report report = VERIFY_REPORT_INIT;

	if (verify_image(&results->options, path, rootfs, &report, e) < 0)
		return -1;
	results->image_count++;
	for (size_t i = 0; i < report.file_count; i++) {
		const char *slash = strrchr(report.files[i].path, '/');
		const char *name = arena_strdup(&results->arena, slash ? slash + 1 : report.files[i].path);

		PUSH(results->handled, results->handled_count, name);
	}
	take_report(results, &report);
	return 0;
}

/* ---- a folder of images */

/* By its name an image, or the metadata of one; LXC's pair is for another program. */
static bool is_image_name(const char *name)
{
	static const char *const others[] = { ".rootfs.tar", "rootfs.tar", "root.tar", ".lxc-", ".lxc." };
	static const char *const suffixes[] = { ".tar",     ".tar.gz",   ".tar.bz2", ".tar.xz",
						".tar.zst", ".tar.lzma", ".tar.lz4" };

	if (strcmp(name, "meta.tar.xz") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strstr(name, others[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (is_suffix(name, suffixes[i]))
			return true;
	return false;
}

/* Sums are looked at with each image; files that are none are hashed for them. */
static int verify_rest(struct results *results, const char *folder, struct error *e)
{
	auto_verify_report struct verify_report report = VERIFY_REPORT_INIT;

	if (verify_sums(folder, results->handled, results->handled_count, &report, e) < 0)
		return -1;
	if (report.findings.count)
		take_report(results, &report);
	return 0;
}

static int verify_folder(struct results *results, const char *folder, struct error *e)
{
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	int r = 0;

	if (results->options.fingerprint)
		return error_set(e, ERROR_USAGE, "--fingerprint is of one image, and '%s' is a folder",
				 folder);
	if (dir_open(AT_FDCWD, folder, &fd, e) < 0 || dir_list(fd, &names, &count, e) < 0)
		return error_wrap(e, "%s", folder);
	for (size_t i = 0; i < count && r == 0; i++) {
		auto_free char *path = xasprintf("%s/%s", folder, names[i]);

		if (is_image_name(names[i]))
			r = verify_one(results, path, NULL, e);
	}
	names_free(names, count);
	if (r == 0 && results->image_count == 0)
		return error_set(e, ERROR_USAGE, "there is no image in the folder '%s'", folder);
	return r < 0 ? -1 : verify_rest(results, folder, e);
}

/* ---- the command */

static int read_options(const struct settings *settings, struct digest *fingerprint, struct results *results,
			struct error *e)
{
	results->settings = settings;
	results->options.keyring = settings->keyring;
	results->options.allowed_signers = settings->allowed_signers;
	if (!settings->fingerprint)
		return 0;
	if (!digest_parse(text_of(settings->fingerprint), fingerprint))
		return error_set(e, ERROR_USAGE, "--fingerprint: '%s' is no SHA-256 of 64 digits",
				 settings->fingerprint);
	results->options.fingerprint = fingerprint;
	return 0;
}

static int conclude(const struct results *results, struct error *e)
{
	const char *images = results->image_count == 1 ? "image" : "images";

	if (results->mistake_count)
		return error_set(e, results->kind, "%zu mistake%s in %zu %s", results->mistake_count,
				 results->mistake_count == 1 ? "" : "s", results->image_count, images);
	log_say(results->settings->log, "%zu %s, nothing wrong", results->image_count, images);
	return 0;
}

int cmd_verify(const struct settings *settings, struct error *e)
{
	AUTO(results_release) struct results results = { .kind = ERROR_NONE };
	const char *path = settings->arguments.items[0];
	const char *rootfs = settings->arguments.count > 1 ? settings->arguments.items[1] : NULL;
	struct digest fingerprint;
	struct stat st;

	if (read_options(settings, &fingerprint, &results, e) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return error_sys(e, "cannot read '%s'", path);
	if (S_ISDIR(st.st_mode) && rootfs)
		return error_set(e, ERROR_USAGE, "'%s' is a folder: its images are found by name", path);
	if ((S_ISDIR(st.st_mode) ? verify_folder(&results, path, e) : verify_one(&results, path, rootfs, e)) <
	    0)
		return -1;
	if (settings->json)
		buffer_adds(&results.out, "\n]\n");
	if (print_data(results.out.data, results.out.len, e) < 0)
		return -1;
	return conclude(&results, e);
}
