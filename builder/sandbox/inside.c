/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/inside.h"

#include "sandbox/mounts.h"
#include "sandbox/requests.h"
#include "sandbox/rights.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CLEAR_OF_FIXED_FD = 200, STATUS_SIGNAL = 128, STATUS_NOT_RUN = 127 };

const char inside_host_name[] = "localhost";
static const char shell_path[] = "/bin/sh";

/* Append TEXT to the string in TO, as far as there is room. */
static void append(char *to, size_t room, const char *text)
{
	size_t len = strnlen(to, room);

	while (*text && len + 1 < room)
		to[len++] = *text++;
	to[len] = '\0';
}

noreturn void inside_fail(int report_fd, bool at_program, const char *what, const char *subject)
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

void inside_reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int inside_tie(const struct inside *inside, int signal)
{
	struct pollfd pipe_end = { .fd = inside->output_fd, .events = 0 };

	if (prctl(PR_SET_PDEATHSIG, signal) < 0)
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

	if (inside_tie(inside, SIGKILL) < 0 || setsid() < 0)
		inside_fail(inside->report_fd, false, "cannot start a session", NULL);
	umask(022);
	if (mounts_enter_root(inside, &subject) < 0)
		inside_fail(inside->report_fd, false, subject, NULL);
	if (mounts_make(inside, &subject) < 0)
		inside_fail(inside->report_fd, false, "cannot mount", subject);
	if (stand_ins_mount(inside->stand_ins, &subject) < 0)
		inside_fail(inside->report_fd, false, "cannot mount a stand-in at", subject);
	/* EPERM: a container may forbid it, and then uname(2) is answered. */
	if ((sethostname(inside_host_name, sizeof inside_host_name - 1) < 0 ||
	     setdomainname("(none)", 6) < 0) &&
	    errno != EPERM)
		inside_fail(inside->report_fd, false, "cannot set the host name", NULL);
	if (!inside->network && loopback_up() < 0)
		inside_fail(inside->report_fd, false, "cannot start the loopback device", NULL);
}

/* Of what is behind FIRST keep SECOND, if it is any. */
static int close_others(int first, int second)
{
	unsigned from = (unsigned)first + 1;

	if (second >= 0 && (unsigned)second > from &&
	    syscall(SYS_close_range, from, (unsigned)second - 1, 0) < 0)
		return -1;
	return (int)syscall(SYS_close_range, second < 0 ? from : (unsigned)second + 1, ~0U, 0);
}

/*
 * Descriptors of the program: 0 empty, 1 and 2 to kiln, the script's, and *report_fd and *request_fd (or -1), which
 * execve() closes. Everything else goes, also what kiln itself has inherited.
 */
static int arrange_descriptors(const struct inside *inside, int *report_fd, int *request_fd)
{
	int report = fcntl(*report_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int request = *request_fd < 0 ? -1 : fcntl(*request_fd, F_DUPFD_CLOEXEC, report + 1);
	int output = fcntl(inside->output_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int script =
		inside->script_fd < 0 ? -1 : fcntl(inside->script_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int input = open("/dev/null", O_RDONLY);

	if (report < 0 || output < 0 || input < 0 || (inside->script_fd >= 0 && script < 0) ||
	    (*request_fd >= 0 && request < 0))
		return -1;
	*report_fd = report;
	*request_fd = request;
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0 || (script >= 0 && dup2(script, INSIDE_SCRIPT_FD) < 0))
		return -1;
	if (syscall(SYS_close_range, 3U, INSIDE_SCRIPT_FD - 1U, 0) < 0 ||
	    syscall(SYS_close_range, INSIDE_SCRIPT_FD + (script >= 0), (unsigned)report - 1, 0) < 0)
		return -1;
	return close_others(report, request);
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

/* Lock the room: from here on this process has no more rights than the program. */
static void lock(const struct inside *inside, int report_fd, int request_fd)
{
	bool shared_network = inside->network || inside->plain;
	int listener_fd;

	/* Who lacks CAP_SYS_ADMIN may not filter calls of set-uid programs, so there must not be any. */
	if (inside->plain && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		inside_fail(report_fd, false, "cannot give up new privileges", NULL);
	rights_leave_host(shared_network);
	if (calls_filter(inside->calls, &listener_fd) < 0)
		inside_fail(report_fd, false, "cannot filter system calls", NULL);
	if (inside->plain && inside->proc_view->program)
		listener_fd = calls_listen(inside->proc_view); /* old kernels: without */
	if (listener_fd >= 0 && requests_send(request_fd, listener_fd) < 0)
		inside_fail(report_fd, false, "cannot hand over requests", NULL);
	if (rights_reduce(shared_network, inside->no_new_privileges) < 0)
		inside_fail(report_fd, false, "cannot give up capabilities", NULL);
}

noreturn void inside_program(const struct inside *inside, int root_fd, int request_fd)
{
	int report_fd = inside->report_fd;

	if (fchdir(root_fd) < 0 || chroot(".") < 0)
		inside_fail(report_fd, false, "cannot enter the root", NULL);
	setsid();
	limit_resources();
	if (arrange_descriptors(inside, &report_fd, &request_fd) < 0)
		inside_fail(report_fd, false, "cannot arrange descriptors", NULL);
	lock(inside, report_fd, request_fd);
	execute(inside);
	inside_fail(report_fd, true, "cannot run", inside->argv[0]);
}

/*
 * End with the program's result. What is left in the pid namespace is killed; the kernel would do that, but only what
 * was waited for counts as processor time that kiln's programs have used.
 */
static noreturn void end(const struct inside *inside, int status)
{
	int result = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);

	if (WIFSIGNALED(status))
		*inside->signal = WTERMSIG(status);
	kill(-1, SIGKILL);
	while (waitpid(-1, &status, 0) >= 0 || errno == EINTR)
		;
	_exit(result);
}

/* Reap whatever ends, and end with the program. With WNOHANG return when nothing has ended. */
static void reap(const struct inside *inside, pid_t program, int how)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, how)) != 0) {
		if (pid < 0 && errno != EINTR)
			_exit(STATUS_NOT_RUN);
		if (pid == program)
			end(inside, status);
	}
}

/* Answer what the program's calls ask for, until it ends. */
static void attend(const struct inside *inside, pid_t program, struct requests *requests)
{
	struct pollfd ready[2] = { { requests->listener_fd, POLLIN, 0 }, { -1, POLLIN, 0 } };
	struct signalfd_siginfo ignored;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	ready[1].fd = signalfd(-1, &child, SFD_CLOEXEC);
	for (bool open = ready[1].fd >= 0; open;) {
		reap(inside, program, WNOHANG);
		if (poll(ready, 2, -1) < 0)
			continue;
		if (ready[1].revents)
			open = read(ready[1].fd, &ignored, sizeof ignored) > 0;
		if (ready[0].revents & POLLIN)
			open = requests_answer(requests) == 0 && open;
		else if (ready[0].revents)
			open = false;
	}
	close(requests->listener_fd);
}

/* The life of init once its program runs. */
static noreturn void await(const struct inside *inside, pid_t program, int root_fd, int request_fd)
{
	struct requests requests;

	if (request_fd >= 0 &&
	    requests_receive(request_fd, inside->calls, inside->stand_ins, root_fd, &requests))
		attend(inside, program, &requests);
	for (;;)
		reap(inside, program, 0);
}

/* Nothing else may be held open: kiln reads the output to its end. */
static void keep_only(int *root_fd, int *request_fd)
{
	int root = fcntl(*root_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FIXED_FD);
	int request = *request_fd < 0 ? -1 : fcntl(*request_fd, F_DUPFD_CLOEXEC, root + 1);

	if (root < 0 || syscall(SYS_close_range, 0U, (unsigned)root - 1, 0) < 0 ||
	    close_others(root, request) < 0)
		_exit(STATUS_NOT_RUN);
	*root_fd = root;
	*request_fd = request;
}

noreturn void inside_main(const struct inside *inside)
{
	int requests[2] = { -1, -1 };
	pid_t program;
	int root_fd;

	inside_reset_signals();
	furnish(inside);
	/*
	 * By process 1 having another root folder than they have themselves, programs see that they are not
	 * on a running system (ischroot(1), systemctl): they then start and reload nothing.
	 */
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || chroot("/proc") < 0 || rights_hide_process() < 0)
		inside_fail(inside->report_fd, false, "cannot leave the root", NULL);
	if (inside->calls->listened && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, requests) < 0)
		inside_fail(inside->report_fd, false, "cannot make a socket", NULL);
	program = _Fork();
	if (program < 0)
		inside_fail(inside->report_fd, false, "cannot start a process", NULL);
	if (program == 0)
		inside_program(inside, root_fd, requests[1]);
	keep_only(&root_fd, &requests[0]);
	await(inside, program, root_fd, requests[0]);
}
