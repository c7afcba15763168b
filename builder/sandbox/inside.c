/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/inside.h"

#include "sandbox/mounts.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CLEAR_OF_FIXED_FD = 200, STATUS_SIGNAL = 128, STATUS_NOT_RUN = 127 };

static const char host_name[] = "localhost"; /* whatever a script does with it, it is no build host's */
static const char shell_path[] = "/bin/sh";

/* Append TEXT to the string in TO, as far as there is room. */
static void append(char *to, size_t room, const char *text)
{
	size_t len = strnlen(to, room);

	while (*text && len + 1 < room)
		to[len++] = *text++;
	to[len] = '\0';
}

/* Tell kiln WHAT failed with errno, and end. SUBJECT may be NULL. */
static noreturn void fail(int report_fd, bool at_program, const char *what, const char *subject)
{
	struct inside_failure failure = { .sys = errno, .at_program = at_program };
	ssize_t ignored;

	append(failure.what, sizeof failure.what, what);
	if (subject) {
		append(failure.what, sizeof failure.what - 1, " '");
		append(failure.what, sizeof failure.what - 1, subject);
		append(failure.what, sizeof failure.what, "'");
	}
	ignored = write(report_fd, &failure, sizeof failure);
	(void)ignored;
	_exit(STATUS_NOT_RUN);
}

static void reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Die when kiln dies, also when that happened just now. */
static int tie_to_kiln(const struct inside *inside)
{
	struct pollfd pipe_end = { .fd = inside->output_fd, .events = 0 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	/*
	 * getppid() is 0 here whoever lives. But a dying process closes its descriptors before it signals
	 * its children: a pipe that still has its reader means that the signal is yet to come.
	 */
	close(inside->output_read_fd);
	if (poll(&pipe_end, 1, 0) > 0 && pipe_end.revents & POLLERR)
		_exit(STATUS_NOT_RUN);
	return 0;
}

static int loopback_up(void)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
}

static void furnish(const struct inside *inside)
{
	const char *subject = NULL;

	if (tie_to_kiln(inside) < 0 || setsid() < 0)
		fail(inside->report_fd, false, "cannot start a session", NULL);
	umask(022);
	if (mounts_enter_root(inside, &subject) < 0)
		fail(inside->report_fd, false, subject, NULL);
	if (mounts_make(inside, &subject) < 0)
		fail(inside->report_fd, false, "cannot mount", subject);
	if (stand_ins_mount(inside->stand_ins, &subject) < 0)
		fail(inside->report_fd, false, "cannot mount a stand-in at", subject);
	if (sethostname(host_name, sizeof host_name - 1) < 0 || setdomainname("(none)", 6) < 0)
		fail(inside->report_fd, false, "cannot set the host name", NULL);
	if (!inside->network && loopback_up() < 0)
		fail(inside->report_fd, false, "cannot start the loopback device", NULL);
}

/*
 * Descriptors of the program: 0 empty, 1 and 2 to kiln, the script's, and *report_fd, which execve() closes.
 * Everything else goes, also what kiln itself has inherited.
 */
static int arrange_descriptors(const struct inside *inside, int *report_fd)
{
	int report = fcntl(*report_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int output = fcntl(inside->output_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int script =
		inside->script_fd < 0 ? -1 : fcntl(inside->script_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int input = open("/dev/null", O_RDONLY);

	if (report < 0 || output < 0 || input < 0 || (inside->script_fd >= 0 && script < 0))
		return -1;
	*report_fd = report;
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0 || (script >= 0 && dup2(script, INSIDE_SCRIPT_FD) < 0))
		return -1;
	if (syscall(SYS_close_range, 3U, INSIDE_SCRIPT_FD - 1U, 0) < 0 ||
	    syscall(SYS_close_range, INSIDE_SCRIPT_FD + (script >= 0), (unsigned)report - 1, 0) < 0)
		return -1;
	return (int)syscall(SYS_close_range, (unsigned)report + 1, ~0U, 0);
}

static void limit_resources(void)
{
	struct rlimit core = { 0, 0 };
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &core);
	/* Some programs walk through all possible descriptors: with a host's limit of 10^9 that takes minutes. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > 1024) {
		files.rlim_cur = 1024;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* execve() takes its lists without const, and does not write to them. */
static char *const *list(const char *const *strings)
{
	return (char *const *)(uintptr_t)strings;
}

static void execute_by_shell(const struct inside *inside, const char *path)
{
	inside->shell_argv[1] = path;
	execve(shell_path, list(inside->shell_argv), list(inside->environment));
}

/* As execvpe() would, but with the PATH of the given environment, which is in `candidates`. */
static void execute(const struct inside *inside)
{
	int reason = ENOENT;

	if (inside->script_fd >= 0) {
		syscall(SYS_execveat, INSIDE_SCRIPT_FD, "", list(inside->argv), list(inside->environment),
			AT_EMPTY_PATH);
		if (errno == ENOEXEC)
			execute_by_shell(inside, INSIDE_SCRIPT_PATH);
		return;
	}
	for (size_t i = 0; inside->candidates[i]; i++) {
		execve(inside->candidates[i], list(inside->argv), list(inside->environment));
		if (errno == ENOEXEC)
			execute_by_shell(inside, inside->candidates[i]);
		if (errno != ENOENT && errno != ENOTDIR)
			reason = errno;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
	}
	errno = reason;
}

static noreturn void program_main(const struct inside *inside, int root_fd)
{
	int report_fd = inside->report_fd;

	if (fchdir(root_fd) < 0 || chroot(".") < 0)
		fail(report_fd, false, "cannot enter the root", NULL);
	setsid();
	limit_resources();
	if (arrange_descriptors(inside, &report_fd) < 0)
		fail(report_fd, false, "cannot arrange descriptors", NULL);
	if (calls_filter(inside->calls) < 0)
		fail(report_fd, false, "cannot filter system calls", NULL);
	execute(inside);
	fail(report_fd, true, "cannot run", inside->argv[0]);
}

/*
 * Reap whatever ends until the program does. What is left in the pid namespace is killed then; the kernel would do
 * that, but only what was waited for counts as processor time that kiln's programs have used.
 */
static noreturn void await(const struct inside *inside, pid_t program)
{
	int result;
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0 && errno != EINTR)
			_exit(STATUS_NOT_RUN);
		if (pid == program)
			break;
	}
	if (WIFSIGNALED(status))
		*inside->signal = WTERMSIG(status);
	result = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
	kill(-1, SIGKILL);
	while (waitpid(-1, &status, 0) >= 0 || errno == EINTR)
		;
	_exit(result);
}

noreturn void inside_main(const struct inside *inside)
{
	pid_t program;
	int root_fd;

	reset_signals();
	if (limits_enter(inside->limits) < 0)
		fail(inside->report_fd, false, "cannot enter a control group", NULL);
	furnish(inside);
	/*
	 * By process 1 having another root folder than they have themselves, programs see that they are not
	 * on a running system (ischroot(1), systemctl): they then start and reload nothing.
	 */
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || chroot("/proc") < 0)
		fail(inside->report_fd, false, "cannot leave the root", NULL);
	program = _Fork();
	if (program < 0)
		fail(inside->report_fd, false, "cannot start a process", NULL);
	if (program == 0)
		program_main(inside, root_fd);
	/* Nothing may be held open here: kiln reads the output to its end. */
	syscall(SYS_close_range, 0U, ~0U, 0);
	await(inside, program);
}
