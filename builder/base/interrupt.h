/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT, SIGTERM and SIGHUP set one flag; every loop that can take long asks for it and fails with
 * ERROR_INTERRUPTED, so that the scope guards undo what was begun. SIGPIPE is ignored.
 */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include "base/error.h"

#include <stdbool.h>

void interrupt_install(void);
/* Back to the system's own handlers and an empty signal mask: for a child, before it starts a program. */
void interrupt_reset_in_child(void);
bool interrupt_requested(void);
/* -1 and ERROR_INTERRUPTED when a signal came. */
int interrupt_check(struct error *e) MUST_CHECK;

#endif
