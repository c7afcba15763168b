/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sweep.h"

#include "base/alloc.h"
#include "base/text.h"
#include "sandbox/proc_view.h"
#include "sandbox/requests.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

enum { STATUS_SIGNAL = 128, ROUND_MS = 10, READ_BYTES = 4096 };

struct member {
	pid_t pid;
	pid_t parent;
	bool below; /* this process */
};

/* The parent of the process DIGITS; 0 when it is gone. */
static pid_t parent_of(int proc_fd, const char *digits)
{
	char path[32];
	char line[512] = "";
	const char *end;
	auto_close int fd = -1;
	ssize_t got;

	snprintf(path, sizeof path, "%.20s/stat", digits);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
	/* proc(5): "PID (NAME) STATE PARENT ...", and a name may hold anything. */
	end = got > 0 ? strrchr(line, ')') : NULL;
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static size_t list_processes(struct member **members)
{
	auto_dir DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	while (proc && (entry = readdir(proc))) {
		struct member member = { .pid = (pid_t)strtol(entry->d_name, NULL, 10) };

		if (member.pid <= 0)
			continue;
		member.parent = parent_of(dirfd(proc), entry->d_name);
		PUSH(*members, count, member);
	}
	return count;
}

static bool is_below(const struct member *members, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].pid == pid)
			return members[i].below;
	return false;
}

/*
 * One that starts the next and ends, over and over, is gone by the time a list of all processes is complete; but then
 * its next is a child of this process, and these are listed at once, where the kernel was made so
 * (CONFIG_PROC_CHILDREN).
 */
static void stop_children(void)
{
	auto_close int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	char text[READ_BYTES];
	const char *rest = text;
	char *end;
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (got <= 0)
		return;
	text[got] = '\0';
	/* A number that was cut off has no space behind it. */
	for (long pid = strtol(rest, &end, 10); pid > 0 && *end == ' '; pid = strtol(rest, &end, 10)) {
		kill((pid_t)pid, SIGSTOP);
		rest = end;
	}
}

/* Kill whatever has this process among its ancestors now. */
static void kill_below(void)
{
	struct member *members = NULL;
	size_t count = list_processes(&members);
	pid_t self = getpid();
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			if (members[i].below ||
			    (members[i].parent != self && !is_below(members, count, members[i].parent)))
				continue;
			members[i].below = more = true;
			/* First of all it must not start others. */
			kill(members[i].pid, SIGSTOP);
		}
	}
	for (size_t i = 0; i < count; i++)
		if (members[i].below)
			kill(members[i].pid, SIGKILL);
	free(members);
}

/* Reap what has ended; false when this process has no children any more. */
static bool reap(pid_t program, bool *ended, int *status)
{
	pid_t pid;
	int found;

	while ((pid = waitpid(-1, &found, WNOHANG)) > 0) {
		/* Once it was reaped another may have its number. */
		if (pid != program || *ended)
			continue;
		*ended = true;
		*status = found;
	}
	return pid == 0;
}

/* Answer calls until there is a signal, or for MS milliseconds (-1: any time); its number, or 0. */
static int await_signal(int signal_fd, int *listener_fd, int ms)
{
	struct pollfd ready[2] = { { signal_fd, POLLIN, 0 }, { *listener_fd, POLLIN, 0 } };
	struct signalfd_siginfo info;

	if (poll(ready, 2, ms) < 0)
		return 0;
	if (ready[1].revents && (!(ready[1].revents & POLLIN) || proc_view_answer(*listener_fd) < 0))
		close(TAKE(*listener_fd, -1));
	if (ready[0].revents && read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		return (int)info.ssi_signo;
	return 0;
}

noreturn void sweep_behind(pid_t program, const sigset_t *signals, int socket_fd, int *killed_by)
{
	int listener_fd = requests_receive_descriptor(socket_fd);
	int signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	bool ended = false;
	bool stopped = signal_fd < 0;
	int status = SIGKILL; /* as wait(2) has it: killed */

	while (!ended && !stopped) {
		if (!reap(program, &ended, &status) || ended)
			break;
		stopped = await_signal(signal_fd, &listener_fd, -1) == SIGTERM;
	}
	/* Each round ends all that were there; what they have left comes here, and is the next one's. */
	while (reap(program, &ended, &status)) {
		stop_children();
		kill_below();
		await_signal(signal_fd, &listener_fd, ROUND_MS);
	}
	if (WIFSIGNALED(status))
		*killed_by = WTERMSIG(status);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status));
}
