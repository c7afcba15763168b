/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenPGP as far as bytes have to be brought to gpgv: ASCII armour off, and what kinds of packets there are. What is in
 * them is not looked into.
 */
#ifndef FETCH_OPENPGP_H
#define FETCH_OPENPGP_H

#include "base/text.h"

/*
 * Append the public keys in DATA to KEYRING, as gpgv reads them: every armoured block decoded (RFC 4880
 * section 6.2, the checksum compared where there is one), binary keys as they are. ERROR_TRUST when there
 * is no key in it, or a private one.
 */
int openpgp_add_keys(struct text data, struct buffer *keyring, struct error *e) MUST_CHECK;

/*
 * Whether TEXT is exactly one clear-signed message and nothing else: nothing before and nothing after it, no line in it
 * that could begin something else, and signatures alone in its signature. gpgv passes over some of that; but whoever
 * puts it there wants it to be read.
 */
bool openpgp_is_clearsigned(struct text text);
/* The same; and append the message to OUT. Nobody has looked at the signature then. */
bool openpgp_clear_text(struct text text, struct buffer *out);

/* Whether DATA is signatures and nothing else, armoured or binary: no message that brings a text of its own. */
bool openpgp_is_signature(struct text data);

#endif
