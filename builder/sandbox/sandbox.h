/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of the root, run inside it, as in a locked room: in mount, pid, ipc, uts (and, without network, network)
 * namespaces of their own, after pivot_root, with their own /dev, /run and /tmp, read-only /proc and /sys, where no
 * device node can be opened but a few harmless ones; with few of root's capabilities (rights.h) and without the
 * system calls that no package needs (calls.h); with a given environment and nothing of the host's. Stand-ins
 * keep services from being started, and fsync(2) and its kind are answered at once. When the program ends, or
 * kiln does, every process and mount it left is gone, and the stand-ins with them.
 *
 * Call it while kiln has one thread.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/log.h"
#include "base/meter.h"
#include "base/text.h"
#include "sandbox/isolation.h"

struct sandbox {
	int root_fd;                    /* borrowed */
	const char *const *environment; /* borrowed; "KEY=value", NULL-terminated; nothing is added */
	enum isolation isolation;       /* ISOLATION_CHROOT: as plain.h has it; else namespaces */
	/*
	 * The host's network and its resolv.conf, for actions, which may install packages themselves; else
	 * only a loopback device.
	 */
	bool network;
	bool mounts; /* programs may mount, within the limits of requests.h: actions */
	/*
	 * Set-id bits and file capabilities of the root's programs mean nothing. Not for packages' scripts and actions:
	 * there they say whose files crontab(1) or mandb(8) write, and give no more rights than scripts have.
	 */
	bool no_new_privileges;
	struct log *log;     /* borrowed; with --verbose the program's output is shown */
	struct meter *meter; /* borrowed; may be NULL: learns how long programs ran */
	/* Called with each line that the program prints, as it is shown; may be NULL. */
	void (*on_line)(void *context, const char *line);
	void *context; /* of on_line */
	/* As what the journal has it ("script", "postinst", "libc6"); NAME NULL: a program, by its name. */
	struct {
		const char *kind;
		const char *name;
		const char *subject;
	} label;
};

enum { SANDBOX_TAIL_LINES = 20 };

struct sandbox_result {
	int status;         /* exit status, or 128 + signal */
	int signal;         /* that killed it, or 0 */
	bool no_space;      /* it failed, and it says that a disk is full, or the root is */
	struct buffer tail; /* the last lines of its output and error output */
};

#define SANDBOX_RESULT_INIT ((struct sandbox_result) { .tail = BUFFER_INIT })
#define auto_sandbox_result AUTO(sandbox_result_release)

/*
 * Run ARGV (argv[0] is a path in the root, or a name looked up in the environment's PATH). With a SCRIPT that text
 * is run instead, through its shebang; ARGV are its arguments, argv[0] its shown name. Standard input is
 * empty. A non-zero exit status is no error: it is in RESULT.
 * Errors: ERROR_SCRIPT when the program or its interpreter cannot be run, ERROR_SYSTEM when the sandbox cannot
 * be made, ERROR_INTERRUPTED.
 */
int sandbox_run(const struct sandbox *sandbox, const char *const *argv, const char *script,
		struct sandbox_result *result, struct error *e) MUST_CHECK;
void sandbox_result_release(struct sandbox_result *result);

/*
 * How a program ended that did not succeed, for a message: "failed with exit status 3" or "was killed by signal 11
 * (SIGSEGV)". With SIGNAL 0 it was not killed; shells exit with 128 + signal when a program of theirs was.
 * Malloc'ed.
 */
char *sandbox_ending(int status, int signal);

/*
 * The last lines of a result's TAIL that fit into MAX bytes (a part of the very last at least) as one,
 * "one | two | three", for a message; empty when nothing was printed. Malloc'ed.
 */
char *sandbox_last_lines(struct text tail, size_t max);

#endif
