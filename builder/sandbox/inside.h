/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of clone(): what happens in the sandbox before its program runs. Only async-signal-safe
 * calls are made there, and nothing is allocated; all that is needed is prepared by sandbox.c beforehand.
 */
#ifndef SANDBOX_INSIDE_H
#define SANDBOX_INSIDE_H

#include "sandbox/calls.h"
#include "sandbox/stand_ins.h"

#include <stdnoreturn.h>

enum {
	INSIDE_SCRIPT_FD = 100, /* where a script is open while it runs: clear of what shells use */
	INSIDE_DEVICE_MAX = 8,
};
#define INSIDE_SCRIPT_PATH "/dev/fd/100"

/* The host name in the sandbox: whatever a script does with it, it is no build host's. */
extern const char inside_host_name[];

/* Device nodes of the host that are seen in the sandbox. */
extern const char *const inside_devices[];
extern const size_t inside_device_count;

struct inside {
	int root_tree_fd;                       /* a detached mount of the root; plain.h: the root */
	int device_tree_fds[INSIDE_DEVICE_MAX]; /* detached mounts, as inside_devices[] */
	int sysfs_tree_fd;                      /* of the host's /sys; -1 when there is none */
	int proc_tree_fd;                       /* likewise of /proc */
	int output_fd;                          /* the program's stdout and stderr: a pipe to kiln */
	int output_read_fd;                     /* kiln's end of it */
	int report_fd;                          /* for one struct inside_failure; closed when all went well */
	int script_fd;                          /* to be run instead of `candidates`; -1: none */
	bool network;                           /* the host's */
	bool no_new_privileges;                 /* set-id programs of the root are not needed */
	bool plain;                             /* without namespaces, as in plain.h */
	const struct stand_ins *stand_ins;
	const struct calls *calls;
	const struct calls *proc_view; /* with `plain`; its program is NULL: there is none */
	int *signal;                   /* in memory shared with kiln: which one killed the program */
	const char *const *candidates; /* paths to try, NULL-terminated */
	const char *const *argv;
	const char **shell_argv; /* "/bin/sh", a place for the path, then argv[1] and the rest */
	const char *const *environment;
};

/* Why the program does not run. */
struct inside_failure {
	int sys;
	bool at_program; /* the program itself could not be started: all before went well */
	char what[256];  /* "cannot mount '/proc'" */
};

/* Parts of inside_main() for plain.c. All signals as the kernel has them by default, and none blocked. */
void inside_reset_signals(void);
/* Get SIGNAL when kiln dies; end when that happened just now. -1 and errno. */
int inside_tie(const struct inside *inside, int signal);
/* Tell kiln WHAT failed with errno, and end. SUBJECT may be NULL. */
noreturn void inside_fail(int report_fd, bool at_program, const char *what, const char *subject);
/* Become the program, in the root ROOT_FD; who has the other end of REQUEST_FD (or -1) gets its listener. */
noreturn void inside_program(const struct inside *inside, int root_fd, int request_fd);

/* The life of the sandbox's init process. Its exit status is the program's, or 128 + signal. */
noreturn void inside_main(const struct inside *inside);

#endif
