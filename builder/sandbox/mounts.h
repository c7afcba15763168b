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

/* What has to be made before the host's mounts are left; closed by execve(). */
struct mounts {
	int proc_fd; /* of the sandbox's own /proc; -1: not allowed here */
	int sys_fd;  /* likewise /sys */
};

/*
 * Make the detached tree the root folder of this process and its mount namespace, and unmount all else.
 * On failure: -1, errno, and *subject says at what.
 */
int mounts_enter_root(const struct inside *inside, struct mounts *mounts, const char **subject);
/* Mount /proc, /sys, /dev, /run and /tmp in it. On failure: as above. */
int mounts_make(const struct inside *inside, const struct mounts *mounts, const char **subject);

#endif
