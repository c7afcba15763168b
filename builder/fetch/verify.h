/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, as apt judges them: gpgv checks the mathematics, this reads its status lines. At least one
 * signature by a key of the keyring must be good, with a digest that still counts, and none may be bad;
 * further ones by unknown keys are fine.
 */
#ifndef FETCH_VERIFY_H
#define FETCH_VERIFY_H

#include "base/text.h"

/*
 * A clear-signed TEXT (InRelease): *signed_text receives exactly the bytes that were signed.
 * Errors: ERROR_TRUST says what is wrong, and which keys are missing; ERROR_SYSTEM when there is no gpgv.
 */
int verify_clearsigned(struct text keyring, struct text text, struct buffer *signed_text, struct error *e)
	MUST_CHECK;

/* TEXT with its detached SIGNATURE (Release, Release.gpg). */
int verify_detached(struct text keyring, struct text text, struct text signature, struct error *e) MUST_CHECK;

/* What gpgv's status lines come to: 0, or -1 and ERROR_TRUST. */
int verify_judge(struct text status, struct error *e) MUST_CHECK;

#endif
