/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of an image: SHA-256 of its file, or of metadata file and root file in a row. */
#ifndef CHECK_FINGERPRINT_H
#define CHECK_FINGERPRINT_H

#include "base/digest.h"

/* Add the file FD, called PATH, from its start to its end to WHOLE; *own is its digest alone. Its offset stays. */
int fingerprint_add(int fd, const char *path, struct hash *whole, struct digest *own, struct error *e)
	MUST_CHECK;

#endif
