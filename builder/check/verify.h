/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an image is whole, is what was published, and is what LXD and Incus take. All that is wrong is told, with
 * its place; nothing of the image is unpacked, and each of its files is read once by who looks and once by who counts
 * its digest, at the same time.
 */
#ifndef CHECK_VERIFY_H
#define CHECK_VERIFY_H

#include "base/digest.h"
#include "check/findings.h"

/* What an image was compared with. */
enum verdict {
	VERDICT_NONE, /* there was nothing to compare with, or it was not asked for */
	VERDICT_GOOD,
	VERDICT_BAD,
};

struct verify_file {
	const char *path;
	const char *codec; /* "zstd", "squashfs"; NULL: unknown */
	uint64_t size_bytes;
	struct digest sha256;
};

enum { VERIFY_FILE_MAX = 2 };

struct verify_options {
	const char *keyring;         /* OpenPGP keys, armoured or not: who may sign; NULL: nobody is asked */
	const char *allowed_signers; /* the same for SSH, as of ssh-keygen(1) */
	const struct digest *fingerprint; /* what it has to be; NULL: whatever it is */
};

struct verify_report {
	struct findings findings;
	const char *format; /* "unified", "split", "squashfs"; NULL: not even that could be told */
	struct verify_file files[VERIFY_FILE_MAX];
	size_t file_count;
	struct digest fingerprint;
	enum verdict fingerprint_verdict; /* against the option, and against image.json beside it */
	enum verdict sums_verdict;        /* against SHA256SUMS beside it */
	enum verdict signature_verdict;   /* of SHA256SUMS */
};

#define VERIFY_REPORT_INIT ((struct verify_report) { .files[0].path = NULL })
#define auto_verify_report AUTO(verify_report_release)

/*
 * Verify the image PATH, and its root ROOTFS where that is a file of its own (NULL: it is looked for beside PATH). What
 * is wrong with the image is in REPORT; errors are for what kept it from being read.
 */
int verify_image(const struct verify_options *options, const char *path, const char *rootfs,
		 struct verify_report *report, struct error *e) MUST_CHECK;
/* The files that SHA256SUMS in FOLDER names and HANDLED does not: they are hashed, and nothing more. */
int verify_sums(const char *folder, const char *const *handled, size_t handled_count,
		struct verify_report *report, struct error *e) MUST_CHECK;
void verify_report_release(struct verify_report *report);

const char *verdict_word(enum verdict verdict);
/* Printed forms: for people, and one JSON object. */
void verify_print(const struct verify_report *report, struct buffer *out);
void verify_print_json(const struct verify_report *report, struct buffer *out);

#endif
