/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

enum { READ_BYTES = 64 * 1024, POLL_MS = 200 };

void process_kill(pid_t pid)
{
	int keep = errno;

	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	errno = keep;
}

/* A running child: killed and reaped by its guard unless it was waited for. */
struct child {
	pid_t pid;
};

static void child_release(struct child *child)
{
	process_kill(TAKE(child->pid, -1));
}

static char **environment_in_c_locale(bool bare)
{
	char **list = NULL;
	size_t count = 0;

	for (char **variable = environ; *variable; variable++)
		if (bare ? is_prefix(*variable, "PATH=")
			 : !is_prefix(*variable, "LC_") && !is_prefix(*variable, "LANG"))
			PUSH(list, count, *variable);
	PUSH(list, count, (char *)(uintptr_t) "LC_ALL=C");
	PUSH(list, count, NULL);
	return list;
}

static int start(const struct process_options *options, int out_fd, int err_fd, pid_t *pid)
{
	static const int to_default[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	auto_free char **environment = environment_in_c_locale(options->bare);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	if (options->input_fd > 0)
		posix_spawn_file_actions_adddup2(&actions, options->input_fd, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
	/* A dup2() onto itself clears close-on-exec here (glibc 2.29 and later). */
	for (size_t i = 0; i < options->keep_count; i++)
		posix_spawn_file_actions_adddup2(&actions, options->keep_fds[i], options->keep_fds[i]);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attributes, &set);
	for (size_t i = 0; i < ARRAY_LEN(to_default); i++)
		sigaddset(&set, to_default[i]);
	posix_spawnattr_setsigdefault(&attributes, &set);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(pid, options->argv[0], &actions, &attributes,
			 (char *const *)(uintptr_t)options->argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r;
}

/* Read what is there; 0 at the end of the pipe, which is then closed. */
static int drain(int *fd, struct buffer *into, uint64_t max, struct error *e)
{
	char data[READ_BYTES];
	ssize_t got = read(*fd, data, sizeof data);

	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : error_sys(e, "cannot read from a pipe");
	if (got == 0) {
		close(TAKE(*fd, -1));
		return 0;
	}
	if (into->len + (uint64_t)got > max)
		return error_set(e, ERROR_FORMAT, "prints more than %llu bytes", (unsigned long long)max);
	buffer_add(into, data, (size_t)got);
	return 0;
}

static int collect(const struct process_options *options, int *out_fd, int *err_fd,
		   struct process_result *result, struct error *e)
{
	double end = monotonic_seconds() + options->timeout_ms / 1000.0;

	while (*out_fd >= 0 || *err_fd >= 0) {
		struct pollfd ready[2] = { { *out_fd, POLLIN, 0 }, { *err_fd, POLLIN, 0 } };

		if (interrupt_check(e) < 0)
			return -1;
		if (monotonic_seconds() > end)
			return error_set(e, ERROR_SYSTEM, "has not ended within %d seconds",
					 options->timeout_ms / 1000);
		if (poll(ready, 2, POLL_MS) < 0 && errno != EINTR)
			return error_sys(e, "cannot wait for a pipe");
		if (ready[0].revents && drain(out_fd, &result->output, options->output_max_bytes, e) < 0)
			return -1;
		if (ready[1].revents && drain(err_fd, &result->errors, options->output_max_bytes, e) < 0)
			return -1;
	}
	return 0;
}

int process_run(const struct process_options *options, struct process_result *result, struct error *e)
{
	AUTO(child_release) struct child child = { -1 };
	auto_process_result struct process_result running = PROCESS_RESULT_INIT;
	auto_close int out_read = -1;
	auto_close int err_read = -1;
	auto_close int out_write = -1;
	auto_close int err_write = -1;
	int out[2];
	int err[2];
	int status;

	if (pipe2(out, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	out_read = out[0];
	out_write = out[1];
	if (pipe2(err, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	err_read = err[0];
	err_write = err[1];
	errno = start(options, out_write, err_write, &child.pid);
	if (errno) {
		child.pid = -1;
		return error_sys(e, "cannot run '%s'", options->argv[0]);
	}
	close(TAKE(out_write, -1));
	close(TAKE(err_write, -1));
	if (collect(options, &out_read, &err_read, &running, e) < 0)
		return error_wrap(e, "program '%s'", options->argv[0]);
	while (waitpid(child.pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot wait for '%s'", options->argv[0]);
	child.pid = -1;
	running.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	*result = TAKE(running, PROCESS_RESULT_INIT);
	return 0;
}

void process_result_release(struct process_result *result)
{
	buffer_release(&result->output);
	buffer_release(&result->errors);
	result->status = 0;
}
