/* SPDX-License-Identifier: Apache-2.0 */
/* What a folder takes of its disk, while others write in it. */
#ifndef SANDBOX_USAGE_H
#define SANDBOX_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct usage {
	uint64_t bytes;
	uint64_t files; /* and folders, and all else */
};

/*
 * What PATH and all below it take, without what is mounted there. A file with several names counts once in bytes. What
 * goes away meanwhile may be missing. False: not all could be seen, as folders are nested too deep.
 */
bool usage_count(const char *path, struct usage *usage);

#endif
