/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sweep.h"

#include "base/alloc.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>

enum { STATUS_SIGNAL = 128 };

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
			if (members[i].below || (members[i].parent != self &&
						 !is_below(members, count, members[i].parent)))
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
		if (pid != program)
			continue;
		*ended = true;
		*status = found;
	}
	return pid == 0;
}

noreturn void sweep_behind(pid_t program, const sigset_t *signals, int *killed_by)
{
	bool ended = false;
	bool stopped = false;
	int status = SIGKILL; /* as wait(2) has it: killed */
	siginfo_t info;

	while (!ended && !stopped && reap(program, &ended, &status) && !ended)
		stopped = sigwaitinfo(signals, &info) == SIGTERM;
	/* Each round ends all that were there; what they have left comes here, and is the next one's. */
	while (reap(program, &ended, &status)) {
		static const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };

		kill_below();
		sigtimedwait(signals, &info, &moment);
	}
	if (WIFSIGNALED(status))
		*killed_by = WTERMSIG(status);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status));
}
