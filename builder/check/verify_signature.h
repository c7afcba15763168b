/* SPDX-License-Identifier: Apache-2.0 */
/* Detached signatures: SHA256SUMS.asc or SHA256SUMS.gpg of OpenPGP, SHA256SUMS.sig of SSH. */
#ifndef CHECK_VERIFY_SIGNATURE_H
#define CHECK_VERIFY_SIGNATURE_H

#include "check/verify.h"

/* SUMS is what PATH holds. Each signature that OPTIONS has keys for must be there, and good. */
int verify_signatures(const struct verify_options *options, const char *path, struct text sums,
		      struct verify_report *report, struct error *e) MUST_CHECK;

#endif
