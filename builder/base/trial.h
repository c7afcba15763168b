/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether something can be done here, found out by doing it in a child process: what that does to a process (its
 * user, its namespaces, what is mounted in them) ends with the child.
 */
#ifndef BASE_TRIAL_H
#define BASE_TRIAL_H

#include "base/error.h"

#include <stddef.h>

/*
 * Run TRY(CONTEXT) in a child. Its failure is that of this function, and the LEN bytes at CONTEXT are what it has left
 * there: LEN is small, and pointers mean nothing any more. What TRY opens or mounts outside it has to undo itself.
 */
int trial_run(int (*try)(void *context, struct error *e), void *context, size_t len, struct error *e)
	MUST_CHECK;

#endif
