/* SPDX-License-Identifier: Apache-2.0 */
#include "base/trial.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct child {
	pid_t pid;
};

static void child_release(struct child *child)
{
	process_kill(TAKE(child->pid, -1));
}

static noreturn void child_main(int (*try)(void *, struct error *), void *context, size_t len, int answer_fd)
{
	struct error e = ERROR_INIT;
	struct error ignored = ERROR_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!try(context, &e);
	if (file_write_fd(answer_fd, &e, sizeof e, &ignored) < 0 ||
	    file_write_fd(answer_fd, context, len, &ignored) < 0)
		_exit(1);
	_exit(0);
}

int trial_run(int (*try)(void *context, struct error *e), void *context, size_t len, struct error *e)
{
	AUTO(child_release) struct child child = { -1 };
	auto_close int read_fd = -1;
	auto_close int write_fd = -1;
	auto_free char *answer = NULL;
	size_t got = 0;
	struct error tried;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	read_fd = ends[0];
	write_fd = ends[1];
	child.pid = fork();
	if (child.pid < 0)
		return error_sys(e, "cannot start a process");
	if (child.pid == 0)
		child_main(try, context, len, write_fd);
	close(TAKE(write_fd, -1));
	if (file_read_fd(read_fd, sizeof tried + len, &answer, &got, e) < 0)
		return -1;
	if (got != sizeof tried + len)
		return error_set(e, ERROR_INTERNAL, "a process of kiln's has died");
	memcpy(&tried, answer, sizeof tried);
	memcpy(context, answer + sizeof tried, len);
	if (tried.kind == ERROR_NONE)
		return 0;
	*e = tried;
	return -1;
}
