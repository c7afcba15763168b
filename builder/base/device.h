/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device nodes of a root that is being built by somebody who may not make any, as in a user namespace: an empty
 * regular file stands in for one, and an attribute says for which. Archives get the node.
 */
#ifndef BASE_DEVICE_H
#define BASE_DEVICE_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Make NAME a node of MODE's type, or what stands in for it; with mode 0600. */
int device_make(int dir_fd, const char *name, mode_t mode, dev_t device, struct error *e) MUST_CHECK;

/* Whether the regular file FD stands in for a node: *st becomes that node's. */
bool device_find(int fd, struct stat *st);

/* The attribute's name: a layer keeps it, an image has no use for it. */
extern const char device_attribute[];

#endif
