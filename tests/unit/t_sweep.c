/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a program, and of all that it has started, without a pid namespace. Programs are functions here. Each
 * process below one holds the end of a pipe: when nobody has it any more, all are dead. Whatever should outlive its
 * sweeper by a mistake ends by itself after some seconds.
 */
#include "unit/unit.h"

#include "unit/scratch.h"
#include "unit/small_root.h"

#include "base/epoch.h"
#include "sandbox/plain.h"
#include "sandbox/sweep.h"

#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LIFE_S = 30, SOON_S = 10, WAIT_MS = 10000, MANY = 50, CROWD = 500, HOPS = 8, SHORT_US = 100000 };

struct swept {
	pid_t pid;
	int alive_fd;   /* its end is that of all processes */
	int ready_fd;   /* what the program says there */
	int *killed_by; /* shared */
};

/* What programs say by one byte that they are ready; for program functions. */
enum { READY_FD = 50 };

static void say_ready(void)
{
	(void)!write(READY_FD, "r", 1);
}

static noreturn void stay(void)
{
	alarm(LIFE_S);
	for (;;)
		pause();
}

static noreturn void sweeper(void (*program)(void), const struct swept *swept)
{
	int sockets[2];
	sigset_t signals;
	pid_t pid;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		_exit(99);
	pid = fork();
	if (pid == 0) {
		close(sockets[0]);
		close(sockets[1]);
		sigprocmask(SIG_UNBLOCK, &signals, NULL);
		program();
		_exit(0);
	}
	/* All but the socket: the pipes are the program's. */
	if (pid < 0 || dup2(sockets[0], 0) < 0 || close_range(1, ~0U, 0) < 0)
		_exit(99);
	sweep_behind(pid, &signals, 0, swept->killed_by);
}

static struct swept start(void (*program)(void))
{
	struct swept swept = { .killed_by = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
						 MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
	int alive[2];
	int ready[2];

	assert_true(swept.killed_by != MAP_FAILED);
	assert_int_equal(pipe2(alive, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	swept.pid = fork();
	if (swept.pid == 0) {
		close(alive[0]);
		close(ready[0]);
		dup2(ready[1], READY_FD);
		close(ready[1]);
		sweeper(program, &swept);
	}
	assert_true(swept.pid > 0);
	close(alive[1]);
	close(ready[1]);
	swept.alive_fd = alive[0];
	swept.ready_fd = ready[0];
	return swept;
}

static void await_ready(const struct swept *swept)
{
	struct pollfd ready = { swept->ready_fd, POLLIN, 0 };
	char byte;

	assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
	assert_int_equal(read(swept->ready_fd, &byte, 1), 1);
}

/* Now, and not only soon. */
static void expect_all_dead(struct swept *swept)
{
	char byte;

	assert_int_equal(read(swept->alive_fd, &byte, 1), 0);
	close(swept->alive_fd);
	close(swept->ready_fd);
	munmap(swept->killed_by, sizeof *swept->killed_by);
}

static void expect(void (*program)(void), int status, int killed_by)
{
	double begin_s = monotonic_seconds();
	struct swept swept = start(program);
	int raw;

	assert_int_equal(waitpid(swept.pid, &raw, 0), swept.pid);
	assert_true(WIFEXITED(raw));
	assert_int_equal(WEXITSTATUS(raw), status);
	assert_int_equal(*swept.killed_by, killed_by);
	expect_all_dead(&swept);
	assert_true(monotonic_seconds() - begin_s < SOON_S);
}

static void exit_3(void)
{
	_exit(3);
}

static void exit_255(void)
{
	_exit(255);
}

static void die_by_segv(void)
{
	signal(SIGSEGV, SIG_DFL); /* a sanitizer's */
	raise(SIGSEGV);
}

static void die_by_kill(void)
{
	raise(SIGKILL);
}

static void return_soon(void)
{
}

static void statuses(void **state)
{
	(void)state;
	expect(return_soon, 0, 0);
	expect(exit_3, 3, 0);
	expect(exit_255, 255, 0);
	expect(die_by_segv, 128 + SIGSEGV, SIGSEGV);
	expect(die_by_kill, 128 + SIGKILL, SIGKILL);
}

/* As daemon(3) does it; true in the daemon. */
static bool leave(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready) < 0)
		_exit(98);
	pid = fork();
	if (pid > 0) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			_exit(98);
		close(ready[0]);
		waitpid(pid, NULL, 0);
		return false;
	}
	setsid();
	if (fork() > 0)
		_exit(0);
	alarm(LIFE_S);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGALRM)
			signal(number, SIG_IGN);
	/* What proc(5) shows of it looks like one of init's. */
	prctl(PR_SET_NAME, "d) S 1 1 (x");
	if (write(ready[1], "r", 1) != 1)
		_exit(98);
	close(ready[0]);
	close(ready[1]);
	return true;
}

static void leave_daemons(void)
{
	for (int i = 0; i < 3; i++)
		if (leave())
			stay();
	if (leave()) {
		raise(SIGSTOP);
		stay();
	}
	/* One with children of its own, and theirs. */
	if (leave()) {
		if (fork() == 0)
			(void)!fork();
		stay();
	}
	_exit(5);
}

static void daemons_end(void **state)
{
	(void)state;
	expect(leave_daemons, 5, 0);
}

/* Each process starts the next one, and ends. */
static void hop(void)
{
	double end_s = monotonic_seconds() + LIFE_S;

	if (!leave())
		_exit(6);
	while (monotonic_seconds() < end_s)
		if (fork() > 0)
			_exit(0);
	_exit(0);
}

/* Some do not even end. */
static void multiply(void)
{
	if (!leave())
		_exit(7);
	for (int i = 0; i < MANY; i++) {
		if (fork() == 0) {
			(void)!fork();
			stay();
		}
		usleep(1000);
	}
	stay();
}

/* Below a daemon a process gets the number that the program had, as one does by chance where many are started. */
static void reuse_number(void)
{
	pid_t number = getpid();
	struct clone_args arguments = { .exit_signal = SIGCHLD,
					.set_tid = (uint64_t)(uintptr_t)&number,
					.set_tid_size = 1 };
	long pid;

	if (!leave())
		_exit(8);
	if (fork() > 0)
		stay();
	alarm(LIFE_S);
	do
		pid = syscall(SYS_clone3, &arguments, sizeof arguments);
	while (pid < 0 && errno == EEXIST);
	if (pid == 0)
		_exit(9);
	stay();
}

/* Others of this machine, by whom a list of all processes takes its time; the leader of their group. */
static pid_t start_crowd(void)
{
	pid_t leader = 0;

	for (int i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		if (pid == 0)
			stay();
		if (pid < 0)
			break;
		leader = leader ? leader : pid;
		setpgid(pid, leader);
	}
	return leader;
}

static void end_crowd(pid_t leader)
{
	assert_int_equal(kill(-leader, SIGKILL), 0);
	while (waitpid(-leader, NULL, 0) > 0)
		;
}

static void forking_ends(void **state)
{
	pid_t crowd = start_crowd();

	(void)state;
	assert_true(crowd > 0);
	for (int i = 0; i < HOPS; i++)
		expect(hop, 6, 0);
	for (int i = 0; i < HOPS; i++)
		expect(reuse_number, 8, 0);
	end_crowd(crowd);
	expect(multiply, 7, 0);
}

static void stay_stubborn(void)
{
	if (leave())
		stay();
	alarm(LIFE_S);
	signal(SIGTERM, SIG_IGN);
	say_ready();
	for (;;)
		pause();
}

static void stop_the_sweeper(void)
{
	if (leave())
		stay();
	kill(getppid(), SIGSTOP);
	say_ready();
	stay();
}

static void expect_stopped(void (*program)(void))
{
	double begin_s = monotonic_seconds();
	struct swept swept = start(program);

	await_ready(&swept);
	errno = EDOM;
	plain_stop(swept.pid);
	assert_int_equal(errno, EDOM);
	assert_int_equal(*swept.killed_by, SIGKILL);
	assert_int_equal(waitpid(swept.pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	expect_all_dead(&swept);
	assert_true(monotonic_seconds() - begin_s < SOON_S);
}

static void is_stopped(void **state)
{
	(void)state;
	expect_stopped(stay_stubborn);
	expect_stopped(stop_the_sweeper);
	plain_stop(-1);
	plain_stop(0);
}

/* Who is not below the sweeper lives on, also in the same session. */
static void others_are_spared(void **state)
{
	pid_t other = fork();
	int status;

	(void)state;
	if (other == 0)
		stay();
	expect(leave_daemons, 5, 0);
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(waitpid(other, &status, 0), other);
}

static void ignore_signal(int number)
{
	(void)number;
}

/* fork() calls it in the child: kiln's handlers are still there. */
static void linger(void)
{
	usleep(SHORT_US);
}

/* Run /bin/sleep of the root ROOT_FD as sandbox_run() does, and stop it before it has begun. */
static int stop_at_once(int root_fd)
{
	static const char *const argv[] = { "sleep", "20", NULL };
	static const char *const candidates[] = { "/usr/bin/sleep", NULL };
	static const char *const environment[] = { NULL };
	const char *shell_argv[] = { "/bin/sh", NULL, "20", NULL };
	struct stand_ins stand_ins = STAND_INS_INIT;
	struct calls calls = CALLS_INIT;
	int output[2];
	int report[2];
	int killed_by = 0;
	struct inside inside = { .root_tree_fd = root_fd,
				 .script_fd = -1,
				 .plain = true,
				 .stand_ins = &stand_ins,
				 .calls = &calls,
				 .proc_view = &calls,
				 .signal = &killed_by,
				 .candidates = candidates,
				 .argv = argv,
				 .shell_argv = shell_argv,
				 .environment = environment };
	struct error e = ERROR_INIT;
	double begin_s = monotonic_seconds();
	sigset_t blocked;
	pid_t pid = -1;
	int pid_fd = -1;

	signal(SIGTERM, ignore_signal);
	if (pthread_atfork(NULL, NULL, linger) != 0 || pipe2(output, O_CLOEXEC) < 0 ||
	    pipe2(report, O_CLOEXEC) < 0)
		return 1;
	inside.output_read_fd = output[0];
	inside.output_fd = output[1];
	inside.report_fd = report[1];
	if (plain_start(&inside, &pid, &pid_fd, &e) < 0)
		return 2;
	plain_stop(pid);
	close(report[1]);
	/* Else it was not for the signal that it ended. */
	if (monotonic_seconds() - begin_s > SOON_S || read(report[0], report, sizeof report) != 0)
		return 3;
	return sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, SIGTERM) ? 0 : 4;
}

static void is_stopped_at_once(void **state)
{
	struct scratch scratch = { .folder_fd = -1 };
	struct error e = ERROR_INIT;
	int status;
	pid_t child;

	(void)state;
	need_rights();
	assert_int_equal(scratch_open(&scratch), 0);
	small_root_make(scratch.folder_fd);
	assert_int_equal(mkdirat(scratch.folder_fd, "dev", 0755), 0);
	assert_int_equal(root_write_text(scratch.folder_fd, "dev/null", "", &e), 0);
	child = fork();
	if (child == 0)
		_exit(stop_at_once(scratch.folder_fd));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(scratch_close(&scratch), 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),          cmocka_unit_test(daemons_end),
		cmocka_unit_test(forking_ends),      cmocka_unit_test(is_stopped),
		cmocka_unit_test(others_are_spared), cmocka_unit_test(is_stopped_at_once),
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
