/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, as apt judges them: gpgv checks the mathematics, this reads its status lines. At least one
 * signature by a key of the keyring must be good, with a digest that still counts, and none may be bad;
 * further ones by unknown keys are fine.
 *
 * With ACCEPT_SHA1 SHA-1 counts, too: what was signed before 2016 and is signed no more has nothing else. Nobody can
 * make another text for an existing signature of it; only who could choose the text before it was signed could have
 * prepared two.
 */
#ifndef FETCH_VERIFY_H
#define FETCH_VERIFY_H

#include "base/text.h"

/*
 * A clear-signed TEXT (InRelease): *signed_text receives exactly the bytes that were signed.
 * Errors: ERROR_TRUST says what is wrong, and which keys are missing; ERROR_SYSTEM when there is no gpgv.
 */
int verify_clearsigned(struct text keyring, struct text text, bool accept_sha1, struct buffer *signed_text,
		       struct error *e) MUST_CHECK;

/* TEXT with its detached SIGNATURE (Release, Release.gpg). */
int verify_detached(struct text keyring, struct text text, struct text signature, bool accept_sha1,
		    struct error *e) MUST_CHECK;

/* What gpgv's status lines come to: 0, or -1 and ERROR_TRUST. */
int verify_judge(struct text status, bool accept_sha1, struct error *e) MUST_CHECK;

#endif
