/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a program without a pid namespace, and of all that it has started. */
#ifndef SANDBOX_SWEEP_H
#define SANDBOX_SWEEP_H

#include <signal.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/*
 * In a process that adopts orphans (PR_SET_CHILD_SUBREAPER) and has one thread, with SIGNALS (SIGCHLD and SIGTERM)
 * blocked: wait until PROGRAM, its child, ends, or until SIGTERM; kill everything below this process, and exit as the
 * program did, or with 128 + signal, which *killed_by gets as well. Meanwhile calls are answered by proc_view.h, for
 * whose listener SOCKET_FD is looked at once.
 */
noreturn void sweep_behind(pid_t program, const sigset_t *signals, int socket_fd, int *killed_by);

#endif
