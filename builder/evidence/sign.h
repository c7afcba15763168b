/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detached signatures of SHA256SUMS, which names every file of an image by digest: so one signature is for all of
 * them. Keys are never read here: gpg and ssh-keygen sign.
 *
 *	SHA256SUMS.asc   OpenPGP, by gpg            gpgv --keyring KEYS SHA256SUMS.asc SHA256SUMS
 *	SHA256SUMS.sig   SSH, by ssh-keygen -Y sign  ssh-keygen -Y verify -n file …
 */
#ifndef EVIDENCE_SIGN_H
#define EVIDENCE_SIGN_H

#include "base/log.h"

struct delivery;

enum { SIGNATURES_MAX = 2 };

struct signing {
	const char *openpgp_key; /* id, fingerprint or address of a key of gpg's; NULL: none */
	const char *
		ssh_key; /* file: a private key, or a public one whose other half an agent holds; NULL: none */
};

/* Whether these can sign, before any work is done. Errors: ERROR_USAGE names the option. */
int signing_check(const struct signing *signing, struct error *e) MUST_CHECK;

/*
 * Sign SHA256SUMS of DELIVERY, and deliver that too. A signature that an earlier build has left in the folder and that
 * is not made anew goes, unless SAME: the sums are what they were. NAMES receives the names of the signatures that will
 * lie there.
 */
int signing_run(const struct signing *signing, struct delivery *delivery, bool same, struct log *log,
		const char *names[SIGNATURES_MAX], size_t *count, struct error *e) MUST_CHECK;

#endif
