/* SPDX-License-Identifier: Apache-2.0 */
/* What a folder takes of its disk, while others write in it. */
#ifndef SANDBOX_USAGE_H
#define SANDBOX_USAGE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The bytes that PATH and all below it take, without what is mounted there; a file with several names counts once.
 * What goes away meanwhile may be missing. False: not all could be seen, as folders are nested too deep.
 */
bool usage_count(const char *path, uint64_t *bytes);

#endif
