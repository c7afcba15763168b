/* SPDX-License-Identifier: Apache-2.0 */
/* Java's own format of key stores (JKS), as far as it takes to change the times in one. */
#ifndef CUSTOMIZE_KEYSTORE_H
#define CUSTOMIZE_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Set every entry's time in DATA to EPOCH_S where it is later, and the digest at the end to fit. False, and DATA as it
 * was, for anything but a store of certificates with the password that all of Debian's have: "changeit".
 */
bool keystore_clamp_times(unsigned char *data, size_t len, int64_t epoch_s);

#endif
