/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory a build may take. */
#ifndef SANDBOX_MEMORY_H
#define SANDBOX_MEMORY_H

#include <stdint.h>

/*
 * Bytes that this process could still take without swapping: the kernel's MemAvailable, or less where a
 * control group (version 1 or 2) allows less. 0 when unknown. The folders are "/proc" and "/sys/fs/cgroup"
 * except in tests.
 */
uint64_t memory_available(const char *proc_dir, const char *cgroup_dir);

#endif
