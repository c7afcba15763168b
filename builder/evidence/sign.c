/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/sign.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/program.h"
#include "image/delivery.h"

#include <fcntl.h>
#include <sys/stat.h>

enum {
	OUTPUT_MAX_BYTES = 1024 * 1024,
	CHECK_MS = 60 * 1000,
	SIGN_MS = 300 * 1000, /* an agent may ask a person, or a token for a touch */
};

#define SUMS "SHA256SUMS"

/* The last line of what a program said, as one says it to a person. */
static struct text last_line(const struct process_result *result)
{
	struct text rest = text_trim((struct text) { result->errors.data, result->errors.len });
	struct text line = { "it says nothing", strlen("it says nothing") };

	while (rest.len)
		line = text_trim(text_cut(rest, '\n', &rest));
	return line;
}

/* Its standard input is INPUT_FD, or empty when that is -1. */
static int run(const char *const *argv, int input_fd, int timeout_ms, struct process_result *result,
	       struct error *e)
{
	struct process_options options = {
		.argv = argv,
		.input_fd = input_fd > 0 ? input_fd : 0,
		.output_max_bytes = OUTPUT_MAX_BYTES,
		.timeout_ms = timeout_ms,
	};

	if (process_run(&options, result, e) == 0)
		return 0;
	return e->sys == ENOENT ? program_missing(argv[0], e) : -1;
}

/* Names may fit several keys; a signature is by one. */
static int check_openpgp(const char *key, struct error *e)
{
	const char *const argv[] = { "gpg", "--batch", "--no-tty", "--with-colons", "--list-secret-keys",
				     "--",  key,       NULL };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct text rest;
	size_t count = 0;

	if (run(argv, -1, CHECK_MS, &result, e) < 0)
		return error_wrap(e, "--sign");
	if (result.status != 0)
		return error_set(e, ERROR_USAGE, "--sign: gpg has no secret key '%s': %.*s", key,
				 TEXT_ARG(last_line(&result)));
	rest = (struct text) { result.output.data, result.output.len };
	while (rest.len)
		count += text_starts(text_cut(rest, '\n', &rest), "sec:");
	if (count > 1)
		return error_set(e, ERROR_USAGE,
				 "--sign: gpg has %zu secret keys for '%s'; name one by its fingerprint",
				 count, key);
	return 0;
}

int signing_check(const struct signing *signing, struct error *e)
{
	if (signing->openpgp_key && check_openpgp(signing->openpgp_key, e) < 0)
		return -1;
	if (signing->ssh_key && access(signing->ssh_key, R_OK) < 0) {
		error_sys(e, "--sign-ssh: cannot read the key '%s'", signing->ssh_key);
		e->kind = ERROR_USAGE;
		return -1;
	}
	return 0;
}

/* What ARGV makes of SHA256SUMS becomes NAME. */
static int sign(const char *const *argv, struct delivery *delivery, const char *name, const char *option,
		struct error *e)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	/* Which has no name yet; and from its beginning. */
	auto_free char *path = xasprintf("/proc/self/fd/%d", delivery_fd(delivery, SUMS));
	auto_close int sums_fd = open(path, O_RDONLY | O_CLOEXEC);

	if (sums_fd < 0)
		return error_sys(e, "cannot open '%s'", SUMS);
	if (run(argv, sums_fd, SIGN_MS, &result, e) < 0)
		return error_wrap(e, "%s", option);
	if (result.status != 0 || !result.output.len)
		return error_set(e, ERROR_TRUST, "%s: %s cannot sign '%s': %.*s", option, argv[0], SUMS,
				 TEXT_ARG(last_line(&result)));
	return delivery_add_text(delivery, name, result.output.data, result.output.len, e);
}

static int sign_openpgp(const struct signing *signing, struct delivery *delivery, const char *name,
			struct error *e)
{
	const char *const argv[] = { "gpg",
				     "--batch",
				     "--no-tty",
				     "--armor",
				     "--detach-sign",
				     "--local-user",
				     signing->openpgp_key,
				     "--output",
				     "-",
				     "-",
				     NULL };

	return sign(argv, delivery, name, "--sign", e);
}

static int sign_ssh(const struct signing *signing, struct delivery *delivery, const char *name,
		    struct error *e)
{
	const char *const argv[] = { "ssh-keygen", "-Y", "sign", "-f", signing->ssh_key, "-n", "file", NULL };

	return sign(argv, delivery, name, "--sign-ssh", e);
}

int signing_run(const struct signing *signing, struct delivery *delivery, bool same, struct log *log,
		const char *names[SIGNATURES_MAX], size_t *count, struct error *e)
{
	const struct {
		const char *name;
		const char *key;
		int (*sign)(const struct signing *, struct delivery *, const char *name, struct error *);
	} kinds[SIGNATURES_MAX] = {
		{ SUMS ".asc", signing->openpgp_key, sign_openpgp },
		{ SUMS ".sig", signing->ssh_key, sign_ssh },
	};
	struct stat st;

	*count = 0;
	for (size_t i = 0; i < SIGNATURES_MAX; i++) {
		bool there = fstatat(delivery->folder_fd, kinds[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0;

		if (!kinds[i].key && there && !same) {
			delivery_add_old(delivery, kinds[i].name);
			log_warn(log, "removed '%s': it is the signature of other sums", kinds[i].name);
			there = false;
		}
		if (kinds[i].key && kinds[i].sign(signing, delivery, kinds[i].name, e) < 0)
			return -1;
		if (kinds[i].key || there)
			names[(*count)++] = kinds[i].name;
	}
	return 0;
}
