/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of the build host (gpgv, apt-get indextargets). No shell is ever involved; the programs of the
 * root run through sandbox.h instead.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/text.h"

#include <sys/types.h>

struct process_result {
	int status;           /* exit status, or 128 + signal */
	struct buffer output; /* its standard output */
	struct buffer errors; /* its standard error */
};

#define PROCESS_RESULT_INIT ((struct process_result) { 0, BUFFER_INIT, BUFFER_INIT })
#define auto_process_result AUTO(process_result_release)

struct process_options {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const int *keep_fds;     /* descriptors that the program inherits under the same numbers */
	size_t keep_count;
	int input_fd;              /* borrowed; its standard input; 0: empty */
	uint64_t output_max_bytes; /* of each of the two; more is an error */
	int timeout_ms;            /* of the whole run */
	bool bare;                 /* of the environment it gets PATH alone */
};

/*
 * Run a program to its end, with LC_ALL=C and otherwise kiln's environment, unless that is to be bare.
 * A non-zero exit status is no error here: it is in RESULT. A program that does not exist is
 * ERROR_SYSTEM with e->sys == ENOENT.
 */
int process_run(const struct process_options *options, struct process_result *result, struct error *e)
	MUST_CHECK;
void process_result_release(struct process_result *result);

/* Kill the child PID and reap it, if it is positive; for guards: errno stays. */
void process_kill(pid_t pid);

#endif
