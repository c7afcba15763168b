/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that the kernel answers by itself, without doing them, for programs of the sandbox: a seccomp
 * filter made of a table of names. It also holds for the other instruction sets that the kernel runs (i386
 * on amd64, armhf on arm64), and for everything that these programs start, set-uid programs included.
 *
 *	calls_prepare()   in kiln
 *	calls_filter()    in the sandbox, between clone() and execve()
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>

struct calls {
	char *program; /* owned; a BPF program for the kernel; NULL: no filter */
	size_t len;    /* of it, in bytes */
};

#define CALLS_INIT ((struct calls) { NULL, 0 })
#define auto_calls AUTO(calls_release)

/* Whether this kernel can do that. */
bool calls_are_filtered(void);

/*
 * Where this kernel filters no system calls, that is said in detail, and calls_filter() will do nothing.
 * Errors: ERROR_SYSTEM.
 */
int calls_prepare(struct log *log, struct calls *calls, struct error *e) MUST_CHECK;

/*
 * Filter the calls of this process from now on; that cannot be undone. Async-signal-safe. Needs CAP_SYS_ADMIN
 * in the user namespace, but not no_new_privs. On failure: -1 and errno.
 */
int calls_filter(const struct calls *calls);
void calls_release(struct calls *calls);

#endif
