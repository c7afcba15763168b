/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sandbox, counted from outside: where there is no control group that would. */
#ifndef SANDBOX_CENSUS_H
#define SANDBOX_CENSUS_H

#include <stdint.h>
#include <sys/types.h>

struct census {
	uint64_t task_count;      /* processes and threads */
	uint64_t anonymous_bytes; /* of them together; what processes share counts for each */
};

/*
 * PID and all that descend from it, until there are more than MAX_COUNT. Of a pid namespace's first process these are
 * all processes in it. One that starts or ends meanwhile may be missing.
 */
struct census census_take(pid_t pid, uint64_t max_count);

#endif
