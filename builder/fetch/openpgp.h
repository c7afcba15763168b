/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP as far as bytes have to be brought to gpgv: ASCII armour off, nothing else is looked into. */
#ifndef FETCH_OPENPGP_H
#define FETCH_OPENPGP_H

#include "base/text.h"

/*
 * Append the public keys in DATA to KEYRING, as gpgv reads them: every armoured block decoded (RFC 4880
 * section 6.2, the checksum compared where there is one), binary keys as they are. ERROR_TRUST when there
 * is no key in it, or a private one.
 */
int openpgp_add_keys(struct text data, struct buffer *keyring, struct error *e) MUST_CHECK;

/* Whether TEXT is exactly one clear-signed message with nothing before and nothing after it. */
bool openpgp_is_clearsigned(struct text text);

#endif
