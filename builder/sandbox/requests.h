/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts that actions ask for. Recipes written for distrobuilder bind the root to see what is mounted over, put a
 * tmpfs over a folder, and take away the host's resolv.conf. Programs of the sandbox may not mount, as whoever may can
 * also take the sandbox's walls down. So their calls wait (seccomp_unotify(2)) until the sandbox's init has
 * done what is harmless, by descriptors that it has opened itself, and refused the rest:
 *
 *	a bind mount of anything in the root but /proc and /sys, with the flags that are there (nodev)
 *	a tmpfs, nosuid and nodev
 *	unmounting what was mounted so, and resolv.conf
 *
 *	requests_send()      in the program, before execve()
 *	requests_receive()   in init
 *	requests_answer()    whenever the listener can be read
 */
#ifndef SANDBOX_REQUESTS_H
#define SANDBOX_REQUESTS_H

#include "sandbox/calls.h"
#include "sandbox/stand_ins.h"

enum { REQUESTS_MOUNTS_MAX = 64 };

struct requests {
	const struct calls *calls;            /* borrowed */
	int root_fd;                          /* borrowed; "/" of the sandbox */
	int listener_fd;                      /* owned */
	uint64_t mounts[REQUESTS_MOUNTS_MAX]; /* ids of what may be unmounted */
	size_t mount_count;
};

/* Give the listener to who holds the other end of SOCKET_FD. Async-signal-safe. On failure: -1 and errno. */
int requests_send(int socket_fd, int listener_fd);
/* The listener that is sent there, or -1. Async-signal-safe. */
int requests_receive_descriptor(int socket_fd);
/* The text at ADDRESS of the process PID, with its end. On failure: -1 and errno. Async-signal-safe. */
int requests_read_text(pid_t pid, uint64_t address, char *text, size_t room);
/*
 * Answer uname(2) of the process PID, as if the host name were set where that is forbidden. Async-signal-safe. On
 * failure: -1 and errno.
 */
int requests_answer_uname(pid_t pid, uint64_t address);
/* 1; or 0 when there is none, as the program has ended, or nothing is filtered. Async-signal-safe. */
int requests_receive(int socket_fd, const struct calls *calls, const struct stand_ins *stand_ins, int root_fd,
		     struct requests *requests);
/* Answer one request. -1: there will be no more. Async-signal-safe. */
int requests_answer(struct requests *requests);

#endif
