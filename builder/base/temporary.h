/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that last as long as the process that made them: "work.XXXXXX". Their maker holds a lock (flock) on
 * them; one whose lock is free was left by a process that died, and whoever comes next removes it.
 */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

#include "base/log.h"

/*
 * Make a folder below FOLDER whose name is PREFIX and six more characters, for its owner alone (mode 0700).
 * *path is malloc'ed; *lock_fd holds the lock and is the folder, open for reading.
 */
int temporary_make(const char *folder, const char *prefix, char **path, int *lock_fd, struct error *e)
	MUST_CHECK;
/* Remove such folders of dead processes. Best effort: what cannot be removed is a warning. LOG may be NULL. */
void temporary_sweep(const char *folder, const char *prefix, struct log *log);

#endif
