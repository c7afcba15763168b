/* SPDX-License-Identifier: Apache-2.0 */
/* What apt of the build host fetches from. Asked, never written to. */
#ifndef FETCH_APT_H
#define FETCH_APT_H

#include "base/text.h"

/*
 * Append one "ADDRESS<tab>ORIGIN<tab>LABEL" line to TARGETS for each package index that the host's apt uses and
 * has the Release file of. Errors: ERROR_SYSTEM for a host without apt, or with a broken one.
 */
int apt_targets(struct buffer *targets, struct error *e) MUST_CHECK;

#endif
