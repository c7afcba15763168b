/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc for programs in whose root nothing can be mounted (plain.h). Some need their own part of it: systemd-tmpfiles
 * sets modes and ACLs by /proc/self/fd/N, java finds itself by /proc/self/exe, shells open /dev/fd/N. So calls by
 * which a file is opened, asked about or changed by its path wait (seccomp_unotify(2)) until a process outside has
 * looked at the path, and done what is asked when it leads into /proc; all others go on as they are. What is not
 * done so, such as execve(2), finds there the empty folder that it is.
 *
 * uname(2) is answered as well: the host name is not the container's.
 *
 *	proc_view_prepare()   in kiln
 *	calls_listen()        in the program, before execve()
 *	proc_view_answer()    outside, whenever the listener can be read
 */
#ifndef SANDBOX_PROC_VIEW_H
#define SANDBOX_PROC_VIEW_H

#include "sandbox/calls.h"

int proc_view_prepare(struct calls *calls, struct error *e) MUST_CHECK;
/* Answer one call. -1: there will be no more. */
int proc_view_answer(int listener_fd);

#endif
