/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted in the sandbox. Async-signal-safe: runs between clone() and execve(). */
#ifndef SANDBOX_MOUNTS_H
#define SANDBOX_MOUNTS_H

#include "sandbox/inside.h"

/* The folders of the root that mounts_make() mounts on, with the modes that Debian gives them. */
struct mount_point {
	const char *path;
	unsigned mode;
};
extern const struct mount_point mount_points[];
extern const size_t mount_point_count;

/*
 * Make the detached tree the root folder of this process and its mount namespace; all else lies over it for now.
 * On failure: -1, errno, and *subject says at what.
 */
int mounts_enter_root(const struct inside *inside, const char **subject);
/* Mount /proc, /sys, /dev, /run and /tmp in it, and unmount all that is the host's. On failure: as above. */
int mounts_make(const struct inside *inside, const char **subject);

#endif
