/* SPDX-License-Identifier: Apache-2.0 */
#include "check/verify_signature.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/program.h"
#include "fetch/openpgp.h"
#include "fetch/verify.h"

#include <fcntl.h>

enum { SSH_TIMEOUT_MS = 60 * 1000 };

#define SSH_OUTPUT_MAX (64 * KIB)

struct check {
	const struct verify_options *options;
	const char *sums_path;
	struct text sums;
	struct verify_report *report;
};

static int good(const struct check *check)
{
	if (check->report->signature_verdict == VERDICT_NONE)
		check->report->signature_verdict = VERDICT_GOOD;
	return 0;
}

static int bad(const struct check *check, const char *path, const char *reason)
{
	check->report->signature_verdict = VERDICT_BAD;
	findings_mistake(&check->report->findings, ERROR_TRUST, path, "", "%s", reason);
	return 0;
}

/* The first of SUFFIXES that there is a file for, malloc'ed, or NULL. */
static char *find(const struct check *check, const char *const *suffixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("%s%s", check->sums_path, suffixes[i]);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* ---- OpenPGP */

static int load_keyring(const char *path, struct buffer *keyring, struct error *e)
{
	auto_free char *keys = NULL;
	size_t len;

	if (file_read(AT_FDCWD, path, LIMIT_KEY_BYTES, &keys, &len, e) < 0 ||
	    openpgp_add_keys((struct text) { keys, len }, keyring, e) < 0)
		return error_wrap(e, "cannot take keys from '%s'", path);
	return 0;
}

static int check_openpgp(const struct check *check, struct error *e)
{
	static const char *const suffixes[] = { ".asc", ".gpg" };
	auto_free char *path = find(check, suffixes, ARRAY_LEN(suffixes));
	auto_buffer struct buffer keyring = BUFFER_INIT;
	auto_free char *signature = NULL;
	size_t len;

	if (!check->options->keyring) {
		if (path)
			findings_note(&check->report->findings, path, "",
				      "not checked: --keyring FILE says whose signature counts");
		return 0;
	}
	if (load_keyring(check->options->keyring, &keyring, e) < 0)
		return -1;
	if (!path)
		return bad(check, check->sums_path, "it is not signed: there is no SHA256SUMS.asc");
	if (file_read(AT_FDCWD, path, LIMIT_KEY_BYTES, &signature, &len, e) < 0)
		return findings_take(&check->report->findings, path, "", e);
	if (verify_detached((struct text) { keyring.data, keyring.len }, check->sums,
			    (struct text) { signature, len }, false, e) == 0)
		return good(check);
	check->report->signature_verdict = VERDICT_BAD;
	return findings_take(&check->report->findings, path, "", e);
}

/* ---- SSH */

static int run(const char *const *argv, int input_fd, struct process_result *result, struct error *e)
{
	const struct process_options options = {
		.argv = argv,
		.input_fd = input_fd,
		.output_max_bytes = SSH_OUTPUT_MAX,
		.timeout_ms = SSH_TIMEOUT_MS,
	};

	if (process_run(&options, result, e) == 0)
		return 0;
	return e->sys == ENOENT ? program_missing(argv[0], e) : -1;
}

/* Who of the allowed signers it may be by: the first line; empty when it is by none of them. */
static int find_signer(const char *signers, const char *signature, char **name, struct error *e)
{
	const char *const argv[] = { "ssh-keygen", "-Y", "find-principals", "-s",
				     signature,    "-f", signers,           NULL };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct text output;
	struct text line;

	if (run(argv, 0, &result, e) < 0)
		return -1;
	output = (struct text) { result.output.data, result.status == 0 ? result.output.len : 0 };
	line = text_trim(text_cut(output, '\n', &output));
	*name = xstrndup(line.len ? line.ptr : "", line.len);
	return 0;
}

static int check_signer(const struct check *check, const char *signature, const char *name, struct error *e)
{
	/* The namespace that ssh-keygen(1) has for files. */
	const char *const argv[] = { "ssh-keygen", "-Y", "verify", "-f",   check->options->allowed_signers,
				     "-I",         name, "-n",     "file", "-s",
				     signature,    NULL };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	auto_close int input_fd = open(check->sums_path, O_RDONLY | O_CLOEXEC);

	if (input_fd < 0)
		return error_sys(e, "cannot read '%s'", check->sums_path);
	if (run(argv, input_fd, &result, e) < 0)
		return -1;
	return result.status == 0 ? good(check)
				  : bad(check, signature, "the signature is bad: SHA256SUMS was changed");
}

static int check_ssh(const struct check *check, struct error *e)
{
	static const char *const suffixes[] = { ".sig" };
	auto_free char *path = find(check, suffixes, ARRAY_LEN(suffixes));
	auto_free char *name = NULL;

	if (!check->options->allowed_signers) {
		if (path)
			findings_note(&check->report->findings, path, "",
				      "not checked: --allowed-signers FILE says whose signature counts");
		return 0;
	}
	if (access(check->options->allowed_signers, R_OK) < 0)
		return error_sys(e, "cannot read '%s'", check->options->allowed_signers);
	if (!path)
		return bad(check, check->sums_path, "it is not signed: there is no SHA256SUMS.sig");
	if (find_signer(check->options->allowed_signers, path, &name, e) < 0)
		return -1;
	if (!*name)
		return bad(check, path, "it is by no key of the allowed signers");
	return check_signer(check, path, name, e);
}

int verify_signatures(const struct verify_options *options, const char *path, struct text sums,
		      struct verify_report *report, struct error *e)
{
	const struct check check = { options, path, sums, report };

	if (check_openpgp(&check, e) < 0)
		return -1;
	return check_ssh(&check, e);
}
