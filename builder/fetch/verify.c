/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/verify.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/program.h"
#include "fetch/openpgp.h"

#include <sys/mman.h>

enum { GPGV_TIMEOUT_MS = 60 * 1000 };

enum { DIGEST_SHA1 = 2, DIGEST_SHA256 = 8, DIGEST_SHA224 = 11 }; /* RFC 4880, section 9.4 */

struct verdict {
	bool accept_sha1;
	unsigned good;
	bool current_good; /* the signature whose lines these are: GOODSIG came */
	bool bad;
	bool broken; /* what gpgv read was not what it should be */
	bool weak;
	bool no_data;
	struct buffer missing; /* ", 0x…" each */
	struct text expired;   /* the key that is; views into the status text */
	struct text revoked;
	struct text unsupported;
};

/* Those that apt accepts: SHA-256, 384, 512, 224; SHA-1 where the caller says so; MD5 and its like never. */
static bool is_strong(const struct verdict *verdict, struct text algorithm)
{
	uint64_t number;

	if (!text_to_u64(algorithm, &number))
		return false;
	return (number >= DIGEST_SHA256 && number <= DIGEST_SHA224) ||
	       (verdict->accept_sha1 && number == DIGEST_SHA1);
}

/* "VALIDSIG FINGERPRINT DATE TIME EXPIRES VERSION RESERVED PUBKEY-ALGORITHM HASH-ALGORITHM …" (gnupg doc/DETAILS) */
static void take_valid(struct verdict *verdict, struct text arguments)
{
	struct text algorithm = { NULL, 0 };
	struct text class;

	for (int i = 0; i < 8; i++)
		algorithm = text_word(&arguments);
	class = text_word(&arguments);
	/* A VALIDSIG also follows EXPKEYSIG and REVKEYSIG; only after GOODSIG it says what its name says. */
	if (!verdict->current_good)
		return;
	/* Of a document, binary or text: not of a key. */
	if (!text_is(class, "00") && !text_is(class, "01"))
		verdict->broken = true;
	else if (is_strong(verdict, algorithm))
		verdict->good++;
	else
		verdict->weak = true;
	verdict->current_good = false;
}

/* "ERRSIG KEYID PUBKEY-ALGORITHM HASH-ALGORITHM CLASS TIME RC …": RC 9 is a missing key, said by NO_PUBKEY too. */
static void take_error(struct verdict *verdict, struct text arguments)
{
	struct text key = text_word(&arguments);
	struct text code = { NULL, 0 };

	for (int i = 0; i < 5; i++)
		code = text_word(&arguments);
	if (!text_is(code, "9"))
		verdict->unsupported = key;
}

static void take_missing(struct verdict *verdict, struct text key)
{
	buffer_addf(&verdict->missing, ", 0x%.*s", TEXT_ARG(key));
}

/* It stands in the place of GOODSIG; the VALIDSIG that follows is not one. */
static void take_worthless(struct verdict *verdict, struct text *key, struct text arguments)
{
	verdict->current_good = false;
	*key = text_word(&arguments);
}

static void take_line(struct verdict *verdict, struct text line)
{
	struct text word;

	if (!text_starts(line, "[GNUPG:] "))
		return;
	text_word(&line);
	word = text_word(&line);
	if (text_is(word, "NEWSIG"))
		verdict->current_good = false;
	else if (text_is(word, "GOODSIG"))
		verdict->current_good = true;
	else if (text_is(word, "VALIDSIG"))
		take_valid(verdict, line);
	else if (text_is(word, "BADSIG"))
		verdict->bad = true;
	else if (text_is(word, "BADARMOR") || text_is(word, "UNEXPECTED"))
		verdict->broken = true;
	else if (text_is(word, "NODATA"))
		verdict->no_data = true;
	else if (text_is(word, "NO_PUBKEY"))
		take_missing(verdict, text_word(&line));
	else if (text_is(word, "EXPKEYSIG") || text_is(word, "EXPSIG"))
		take_worthless(verdict, &verdict->expired, line);
	else if (text_is(word, "REVKEYSIG"))
		take_worthless(verdict, &verdict->revoked, line);
	else if (text_is(word, "ERRSIG"))
		take_error(verdict, line);
}

static int say_why_not(const struct verdict *verdict, struct error *e)
{
	if (verdict->expired.len)
		return error_set(e, ERROR_TRUST, "the signature or key 0x%.*s has expired",
				 TEXT_ARG(verdict->expired));
	if (verdict->revoked.len)
		return error_set(e, ERROR_TRUST, "key 0x%.*s, which signed it, is revoked",
				 TEXT_ARG(verdict->revoked));
	if (verdict->weak)
		return error_set(e, ERROR_TRUST,
				 "is signed with a digest that no longer counts (SHA-1 or older)%s",
				 verdict->accept_sha1 ? ""
						      : "; an archive of that age may be used with "
							"'source.accept_sha1: true'");
	if (verdict->missing.len)
		return error_set(e, ERROR_TRUST, "is signed by keys that the recipe does not have: %s",
				 verdict->missing.data + 2);
	if (verdict->unsupported.len)
		return error_set(e, ERROR_TRUST, "gpgv cannot check the signature of key 0x%.*s",
				 TEXT_ARG(verdict->unsupported));
	return error_set(e, ERROR_TRUST, verdict->no_data ? "is not signed" : "has no valid signature");
}

int verify_judge(struct text status, bool accept_sha1, struct error *e)
{
	struct verdict verdict = { .accept_sha1 = accept_sha1 };
	int result = 0;

	while (status.ptr)
		take_line(&verdict, text_cut(status, '\n', &status));
	if (verdict.broken)
		result =
			error_set(e, ERROR_TRUST, "is not signed as it should be: gpgv finds its form wrong");
	else if (verdict.bad)
		result = error_set(e, ERROR_TRUST, "has a bad signature: its content was changed");
	else if (!verdict.good)
		result = say_why_not(&verdict, e);
	buffer_release(&verdict.missing);
	return result;
}

/* A file in memory that gpgv can open by a name, so that nothing is left on the disk. */
struct memory_file {
	int fd;
	char path[32];
};

static void memory_file_release(const struct memory_file *file)
{
	auto_close_(&file->fd);
}

#define MEMORY_FILE_INIT ((struct memory_file) { .fd = -1 })
#define auto_memory_file AUTO(memory_file_release)

static int memory_file_make(struct text content, struct memory_file *file, struct error *e)
{
	file->fd = memfd_create("kiln", MFD_CLOEXEC);
	if (file->fd < 0)
		return error_sys(e, "cannot make a file in memory");
	snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
	return file_write_fd(file->fd, content.ptr, content.len, e);
}

static int run_gpgv(const char *const *argv, const int *fds, size_t count, struct process_result *result,
		    struct error *e)
{
	struct process_options options = { .argv = argv,
					   .keep_fds = fds,
					   .keep_count = count,
					   .output_max_bytes = LIMIT_RELEASE_BYTES,
					   .timeout_ms = GPGV_TIMEOUT_MS,
					   .bare = true };

	if (process_run(&options, result, e) == 0) {
		/* 1 and 2 are for signatures that do not count, of which its status tells more. */
		if (result->status <= 2)
			return 0;
		return error_set(e, ERROR_SYSTEM, "gpgv ends with exit status %d", result->status);
	}
	return e->sys == ENOENT ? program_missing(argv[0], e) : -1;
}

/* SIGNATURE is NULL for a clear-signed TEXT. */
static int check(struct text keyring, struct text text, const struct text *signature, bool accept_sha1,
		 struct process_result *result, struct error *e)
{
	auto_memory_file struct memory_file key_file = MEMORY_FILE_INIT;
	auto_memory_file struct memory_file text_file = MEMORY_FILE_INIT;
	auto_memory_file struct memory_file signature_file = MEMORY_FILE_INIT;
	auto_memory_file struct memory_file status_file = MEMORY_FILE_INIT;
	auto_free char *status = NULL;
	size_t status_len = 0;
	char status_fd[16];

	if (memory_file_make(keyring, &key_file, e) < 0 || memory_file_make(text, &text_file, e) < 0 ||
	    memory_file_make((struct text) { NULL, 0 }, &status_file, e) < 0 ||
	    (signature && memory_file_make(*signature, &signature_file, e) < 0))
		return -1;
	snprintf(status_fd, sizeof status_fd, "%d", status_file.fd);

	const int fds[] = { key_file.fd, text_file.fd, status_file.fd, signature_file.fd };
	/* Its home is empty: no keys, settings or other habits of whoever builds. */
	const char *const clear[] = { "gpgv",        "--homedir", "/nonexistent", "--ignore-time-conflict",
				      "--status-fd", status_fd,   "--keyring",    key_file.path,
				      "--output",    "-",         text_file.path, NULL };
	const char *const detached[] = {
		"gpgv",    "--homedir", "/nonexistent", "--ignore-time-conflict", "--status-fd",
		status_fd, "--keyring", key_file.path,  signature_file.path,      text_file.path,
		NULL
	};

	if (run_gpgv(signature ? detached : clear, fds, signature ? 4 : 3, result, e) < 0)
		return -1;
	if (lseek(status_file.fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read what gpgv says");
	if (file_read_fd(status_file.fd, LIMIT_RELEASE_BYTES, &status, &status_len, e) < 0)
		return -1;
	return verify_judge((struct text) { status, status_len }, accept_sha1, e);
}

int verify_clearsigned(struct text keyring, struct text text, bool accept_sha1, struct buffer *signed_text,
		       struct error *e)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;

	if (!openpgp_is_clearsigned(text))
		return error_set(
			e, ERROR_TRUST,
			"is no clear-signed text (does a proxy or a login page answer in its place?)");
	if (check(keyring, text, NULL, accept_sha1, &result, e) < 0)
		return -1;
	buffer_reset(signed_text);
	buffer_add(signed_text, result.output.data, result.output.len);
	return 0;
}

int verify_detached(struct text keyring, struct text text, struct text signature, bool accept_sha1,
		    struct error *e)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;

	if (!openpgp_is_signature(signature))
		return error_set(e, ERROR_TRUST,
				 "its signature file has something else in it than signatures");
	return check(keyring, text, &signature, accept_sha1, &result, e);
}
