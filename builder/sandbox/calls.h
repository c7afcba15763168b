/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that the kernel answers by itself, without doing them, for programs of the sandbox: a seccomp
 * filter made of a table of names, with the reason of each. Some are answered as done, most are refused: what no
 * package's script needs, and what it could reach the host by. It also holds for the other instruction sets
 * that the kernel runs (i386 on amd64, armhf on arm64), and for everything that these programs start.
 *
 *	calls_prepare()   in kiln
 *	calls_filter()    in the sandbox, between clone() and execve()
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Those by which something is mounted, and the one that tells the host name. */
enum calls_of_mounts { CALLS_MOUNT, CALLS_UMOUNT2, CALLS_UMOUNT, CALLS_UNAME, CALLS_OF_MOUNTS };

/* What a filter is for, beside what every one is. */
enum calls_option {
	CALLS_WITH_MOUNTS = 1 << 0, /* those that mount are not refused: they wait for who has the listener */
	CALLS_WITH_NAME = 1 << 1,   /* likewise uname(2) */
	CALLS_WITHOUT_NET = 1 << 2, /* there are no sockets of a network */
};

/* How many instruction sets one kernel runs beside its own: x86 has two. */
enum { COMPANION_MAX = 2 };

struct calls {
	char *program; /* owned; a BPF program for the kernel; NULL: no filter */
	size_t len;    /* of it, in bytes */
	bool listened; /* some wait for a listener */
	struct {
		uint32_t token; /* as linux/audit.h names the instruction set */
		int numbers[CALLS_OF_MOUNTS];
	} sets[1 + COMPANION_MAX];
	size_t set_count;
};

#define CALLS_INIT ((struct calls) { .program = NULL })
#define auto_calls AUTO(calls_release)

/* Whether this kernel can do that. */
bool calls_are_filtered(void);

/*
 * OPTIONS: enum calls_option. Where this kernel filters no system calls, that is said in detail, and calls_filter()
 * will do nothing. Errors: ERROR_SYSTEM.
 */
int calls_prepare(struct log *log, unsigned options, struct calls *calls, struct error *e) MUST_CHECK;

/*
 * Filter the calls of this process from now on; that cannot be undone. *listener_fd is where calls that wait are
 * to be answered, or -1. Async-signal-safe. Needs CAP_SYS_ADMIN in the user namespace, or no_new_privs. On failure:
 * -1 and errno.
 */
int calls_filter(const struct calls *calls, int *listener_fd);

/* A call by its name; FROM_FOLDER: only when its first argument, a folder, is AT_FDCWD. */
struct calls_listened {
	const char *name;
	bool from_folder;
};

/*
 * A filter of its own by which the calls of LIST, of the native instruction set, wait for a listener; those that it
 * does not have are left out. calls_listen() sets it: the listener, or -1 and errno. Async-signal-safe.
 */
int calls_prepare_listener(const struct calls_listened *list, size_t count, struct calls *calls,
			   struct error *e) MUST_CHECK;
int calls_listen(const struct calls *calls);

/* Which call a listener is told of; CALLS_OF_MOUNTS: none of them. Async-signal-safe. */
enum calls_of_mounts calls_find_mount(const struct calls *calls, uint32_t token, int number);
void calls_release(struct calls *calls);

#endif
