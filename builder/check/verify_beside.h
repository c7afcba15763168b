/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside an image and says what it should be: image.json, SHA256SUMS, and the signatures of that. */
#ifndef CHECK_VERIFY_BESIDE_H
#define CHECK_VERIFY_BESIDE_H

#include "check/verify.h"

/* The folder of PATH, malloc'ed. */
char *folder_of(const char *path);
/* The last part of PATH. */
const char *name_of(const char *path);

/* For an image whose record says that its archives were used without a good signature. */
#define UNVERIFIED_WORDS \
	"the archives that its packages are from were not verified: it was built with " \
	"--insecure-skip-verification"

/* Whether there is an image.json beside the image file at IMAGE_PATH that is of it, and says so. */
bool is_unverified_beside(const char *image_path);

/* Compare the digests in REPORT with what stands in the folder of its first file. */
int verify_beside(const struct verify_options *options, struct verify_report *report, struct error *e)
	MUST_CHECK;

#endif
