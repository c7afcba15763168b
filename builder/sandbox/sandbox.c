/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/root.h"
#include "sandbox/mounts.h"
#include "sandbox/output.h"
#include "sandbox/plain.h"
#include "sandbox/privilege.h"
#include "sandbox/proc_view.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum {
	POLL_MS = 200,
	READ_BYTES = 64 * 1024,
	SHEBANG_MAX_BYTES = 255,
	FULL_BYTES = 64 * 1024, /* a file system with less is full: what is left is too small for somebody */
};

/* Behind a script's own last words. */
static const char no_node_words[] = "without root no script can make device nodes (kiln(1), WITHOUT ROOT)\n";

static const char default_search_path[] = "/usr/sbin:/usr/bin:/sbin:/bin";

/* The init process of a sandbox: killed and reaped by its guard unless it was waited for. */
struct init_process {
	pid_t pid;
	int pid_fd; /* owned */
	bool plain; /* in no pid namespace, which would end with it */
};

static void init_process_release(struct init_process *init)
{
	(init->plain ? plain_stop : process_kill)(TAKE(init->pid, -1));
	auto_close_(&init->pid_fd);
	init->pid_fd = -1;
}

/* All that one run needs, on kiln's side; `inside` refers to the rest. */
struct run {
	const struct sandbox *sandbox;
	struct inside inside;
	struct stand_ins stand_ins;
	struct plain plain;
	struct calls calls;
	struct calls proc_view;
	struct arena arena;
	int report_read_fd;
	const char *script; /* borrowed; what runs instead of a program of the root, or NULL */
};

static void run_release(struct run *run)
{
	int *const fds[] = { &run->inside.root_tree_fd,   &run->inside.sysfs_tree_fd,
			     &run->inside.proc_tree_fd,   &run->inside.output_fd,
			     &run->inside.output_read_fd, &run->inside.report_fd,
			     &run->inside.script_fd,      &run->report_read_fd };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (*fds[i] >= 0)
			close(TAKE(*fds[i], -1));
	for (size_t i = 0; i < INSIDE_DEVICE_MAX; i++)
		if (run->inside.device_tree_fds[i] >= 0)
			close(TAKE(run->inside.device_tree_fds[i], -1));
	plain_release(&run->plain);
	stand_ins_release(&run->stand_ins);
	calls_release(&run->calls);
	calls_release(&run->proc_view);
	arena_release(&run->arena);
	if (run->inside.signal)
		munmap(TAKE(run->inside.signal, NULL), sizeof *run->inside.signal);
}

static void run_init(struct run *run, const struct sandbox *sandbox)
{
	*run = (struct run) { .sandbox = sandbox, .plain = PLAIN_INIT, .report_read_fd = -1 };
	run->inside = (struct inside) { .root_tree_fd = -1,
					.sysfs_tree_fd = -1,
					.proc_tree_fd = -1,
					.output_fd = -1,
					.output_read_fd = -1,
					.report_fd = -1,
					.script_fd = -1,
					.network = sandbox->network,
					.plain = sandbox->isolation == ISOLATION_CHROOT,
					.no_new_privileges = sandbox->no_new_privileges,
					.stand_ins = &run->stand_ins,
					.calls = &run->calls,
					.proc_view = &run->proc_view,
					.environment = sandbox->environment };
	for (size_t i = 0; i < INSIDE_DEVICE_MAX; i++)
		run->inside.device_tree_fds[i] = -1;
}

/* A mount of its own, attached nowhere yet, of what PATH below DIR_FD shows. */
static int clone_tree(int dir_fd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir_fd, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

/* With what is mounted in it: in a user namespace nothing may be uncovered. */
static int clone_host_folder(const char *path)
{
	int fd = clone_tree(AT_FDCWD, path, 0);

	return fd < 0 && errno == EINVAL ? clone_tree(AT_FDCWD, path, AT_RECURSIVE) : fd;
}

/* What is mounted over the root: trees of their own, attached nowhere yet. */
static int prepare_trees(struct run *run, struct error *e)
{
	run->inside.root_tree_fd = clone_tree(run->sandbox->root_fd, "", 0);
	if (run->inside.root_tree_fd < 0)
		return error_sys(e, "cannot clone the root's mount");
	for (size_t i = 0; i < inside_device_count; i++) {
		run->inside.device_tree_fds[i] = clone_tree(AT_FDCWD, inside_devices[i], 0);
		if (run->inside.device_tree_fds[i] < 0)
			return error_sys(e, "cannot use the host's '%s'", inside_devices[i]);
	}
	/* To fall back upon: may be missing. */
	run->inside.sysfs_tree_fd = clone_host_folder("/sys");
	run->inside.proc_tree_fd = clone_host_folder("/proc");
	return 0;
}

static int prepare_root(struct run *run, const char *script, struct error *e)
{
	int root_fd = run->sandbox->root_fd;

	for (size_t i = 0; i < mount_point_count; i++)
		if (root_make_dirs(root_fd, mount_points[i].path, mount_points[i].mode, e) < 0)
			return -1;
	if (stand_ins_prepare(root_fd, run->sandbox->network, &run->stand_ins, e) < 0)
		return -1;
	if (!run->inside.plain)
		return prepare_trees(run, e);
	run->inside.root_tree_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	if (run->inside.root_tree_fd < 0)
		return error_sys(e, "cannot duplicate a descriptor");
	return plain_prepare(root_fd, &run->stand_ins, script, &run->plain, e);
}

static int prepare_pipes(struct run *run, struct error *e)
{
	int ends[2];
	void *shared = mmap(NULL, sizeof *run->inside.signal, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return error_sys(e, "cannot share memory");
	run->inside.signal = shared;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	run->inside.output_read_fd = ends[0];
	run->inside.output_fd = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	run->report_read_fd = ends[0];
	run->inside.report_fd = ends[1];
	if (fcntl(run->inside.output_read_fd, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(e, "cannot set up a pipe");
	return 0;
}

/* Into a file in memory, which has no name that a program could come to depend on. */
static int prepare_script(struct run *run, const char *script, struct error *e)
{
	run->script = script;
	if (run->inside.plain) /* a file of the root */
		return 0;
	run->inside.script_fd = memfd_create("script", MFD_CLOEXEC | MFD_EXEC);
	if (run->inside.script_fd < 0 && errno == EINVAL) /* before Linux 6.3 all are executable */
		run->inside.script_fd = memfd_create("script", MFD_CLOEXEC);
	if (run->inside.script_fd < 0)
		return error_sys(e, "cannot make a file in memory");
	if (file_write_fd(run->inside.script_fd, script, strlen(script), e) < 0)
		return error_wrap(e, "cannot copy the script");
	/* Most interpreters open it anew through /dev/fd; perl reads on from where the descriptor stands. */
	if (lseek(run->inside.script_fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot rewind the script");
	return 0;
}

static const char *search_path(const char *const *environment)
{
	for (size_t i = 0; environment[i]; i++)
		if (is_prefix(environment[i], "PATH="))
			return environment[i] + strlen("PATH=");
	return default_search_path;
}

/* The paths at which ARGV[0] may be, and the lists that execve() takes. */
static void prepare_program(struct run *run, const char *const *argv)
{
	const char **candidates = NULL;
	size_t candidate_count = 0;
	const char **shell = NULL;
	size_t shell_count = 0;
	const char *path = run->script && run->inside.plain ? INSIDE_SCRIPT_PATH : argv[0];
	struct text rest = text_of(search_path(run->sandbox->environment));

	if (strchr(path, '/'))
		ARENA_PUSH(&run->arena, candidates, candidate_count, path);
	while (!strchr(path, '/') && rest.ptr) {
		struct text folder = text_cut(rest, ':', &rest);

		ARENA_PUSH(&run->arena, candidates, candidate_count,
			   arena_printf(&run->arena, "%.*s/%s", TEXT_ARG(folder), argv[0]));
	}
	ARENA_PUSH(&run->arena, candidates, candidate_count, NULL);
	ARENA_PUSH(&run->arena, shell, shell_count, "/bin/sh");
	ARENA_PUSH(&run->arena, shell, shell_count, NULL);
	for (size_t i = 1; argv[i]; i++)
		ARENA_PUSH(&run->arena, shell, shell_count, argv[i]);
	ARENA_PUSH(&run->arena, shell, shell_count, NULL);
	run->inside.candidates = candidates;
	run->inside.shell_argv = shell;
	run->inside.argv = argv;
}

/* Fork into new namespaces. Only the child of this process's one thread gets the parent's death signal. */
static int start(const struct run *run, struct init_process *init, struct error *e)
{
	struct clone_args arguments = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
			 CLONE_PIDFD | (run->sandbox->network ? 0 : CLONE_NEWNET),
		.pidfd = (uint64_t)(uintptr_t)&init->pid_fd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (run->inside.plain) {
		init->plain = true;
		return plain_start(&run->inside, &init->pid, &init->pid_fd, e);
	}
	pid = syscall(SYS_clone3, &arguments, sizeof arguments);
	if (pid < 0 && errno == EINVAL) { /* a kernel without control groups */
		arguments.flags &= ~(uint64_t)CLONE_NEWCGROUP;
		pid = syscall(SYS_clone3, &arguments, sizeof arguments);
	}
	if (pid < 0)
		return error_sys(e, "cannot create namespaces");
	if (pid == 0)
		inside_main(&run->inside);
	init->pid = (pid_t)pid;
	return 0;
}

/* The interpreter that the first line of SCRIPT names, malloc'ed, or NULL. */
static char *interpreter_of(const char *script)
{
	struct text rest = text_of(script);
	struct text line = text_cut(rest, '\n', &rest);

	if (!text_starts(line, "#!"))
		return NULL;
	line.ptr += 2;
	line.len -= 2;
	line = text_word(&line);
	return xstrndup(line.ptr ? line.ptr : "", line.len);
}

/* execve() says ENOENT both for a missing program and for a missing interpreter: find out which. */
static char *missing_interpreter(const struct run *run)
{
	struct error ignored = ERROR_INIT;

	if (run->script)
		return interpreter_of(run->script);
	for (size_t i = 0; run->inside.candidates[i]; i++) {
		auto_close int fd = -1;
		char start_of_file[SHEBANG_MAX_BYTES + 1] = "";

		if (root_try_open(run->sandbox->root_fd, run->inside.candidates[i], O_RDONLY | O_NONBLOCK,
				  &fd, &ignored) <= 0)
			continue;
		if (read(fd, start_of_file, SHEBANG_MAX_BYTES) > 0)
			return interpreter_of(start_of_file);
	}
	return NULL;
}

static int report_failure(const struct run *run, struct inside_failure *failure, struct error *e)
{
	auto_free char *interpreter = NULL;

	failure->what[sizeof failure->what - 1] = '\0';
	if (failure->at_program && failure->sys == ENOENT)
		interpreter = missing_interpreter(run);
	errno = failure->sys;
	if (interpreter)
		error_sys(e, "%s: interpreter '%s'", failure->what, interpreter);
	else
		error_sys(e, "%s", failure->what);
	if (!failure->at_program)
		return error_wrap(e, "sandbox");
	e->kind = e->kind == ERROR_SPACE ? ERROR_SPACE : ERROR_SCRIPT;
	return -1;
}

/* Wait until FD can be read, or the sandbox's init has ended; interruptible. */
static int wait_for(const struct init_process *init, int fd, short *fd_events, bool *ended, struct error *e)
{
	struct pollfd ready[2] = { { fd, POLLIN, 0 }, { init->pid_fd, POLLIN, 0 } };

	if (interrupt_check(e) < 0)
		return -1;
	if (poll(ready, 2, POLL_MS) < 0 && errno != EINTR)
		return error_sys(e, "cannot wait for the sandbox");
	*fd_events = ready[0].revents;
	*ended = ready[1].revents != 0;
	return 0;
}

/* Returns once the program runs, or has told why it does not. */
static int await_start(const struct run *run, const struct init_process *init, struct error *e)
{
	struct inside_failure failure;
	short events = 0;
	bool ended = false;
	ssize_t got;

	while (!events && !ended)
		if (wait_for(init, run->report_read_fd, &events, &ended, e) < 0)
			return -1;
	/* One write() of less than PIPE_BUF bytes: all or nothing. Nothing is the end: execve() closed it. */
	do
		got = read(run->report_read_fd, &failure, sizeof failure);
	while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof failure)
		return report_failure(run, &failure, e);
	return 0;
}

/* Read what is there; *open becomes false at the end. */
static int drain(int fd, struct output *output, bool *open, struct error *e)
{
	char data[READ_BYTES];
	ssize_t got;

	while ((got = read(fd, data, sizeof data)) > 0) {
		output_add(output, data, (size_t)got);
		if (interrupt_check(e) < 0)
			return -1;
	}
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		return error_sys(e, "cannot read the program's output");
	*open = got < 0;
	return 0;
}

static int collect(const struct run *run, const struct init_process *init, struct output *output,
		   struct error *e)
{
	bool open = true;
	bool ended = false;
	short events = 0;

	/* A program may close its output and go on, and output may be left when it has ended: wait for both. */
	while (!ended) {
		if (wait_for(init, open ? run->inside.output_read_fd : -1, &events, &ended, e) < 0)
			return -1;
		if (open && (events || ended) && drain(run->inside.output_read_fd, output, &open, e) < 0)
			return -1;
	}
	return 0;
}

static int reap(const struct run *run, struct init_process *init, struct sandbox_result *result,
		struct error *e)
{
	int raw;

	while (waitpid(init->pid, &raw, 0) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot wait for the sandbox");
	init->pid = -1;
	/* Killed itself: by the kernel, for want of memory. */
	result->signal = WIFEXITED(raw) ? *run->inside.signal : WTERMSIG(raw);
	result->status = result->signal ? 128 + result->signal : WEXITSTATUS(raw);
	return 0;
}

/*
 * A program that finds a disk full says so in words, if at all, and in whatever language; but one that fails may
 * also have removed what it had written, and what it filled may be gone with the sandbox. So both are asked.
 */
static bool is_space_lacking(int root_fd, struct text tail)
{
	struct statvfs st;

	if (output_tells_no_space(tail))
		return true;
	if (fstatvfs(root_fd, &st) < 0)
		return false;
	return (st.f_blocks && (uint64_t)st.f_bfree * st.f_frsize < FULL_BYTES) ||
	       (st.f_files && !st.f_ffree);
}

static unsigned calls_options(const struct sandbox *sandbox)
{
	if (sandbox->isolation == ISOLATION_CHROOT)
		return sandbox->network ? 0 : CALLS_WITHOUT_NET;
	return (sandbox->mounts ? CALLS_WITH_MOUNTS : 0) |
	       (sandbox->isolation == ISOLATION_NAMELESS ? CALLS_WITH_NAME : 0);
}

static int run_program(const struct sandbox *sandbox, const char *const *argv, const char *script,
		       struct sandbox_result *result, struct error *e)
{
	AUTO(run_release) struct run run;
	AUTO(init_process_release) struct init_process init = { -1, -1, false };
	auto_output struct output output = OUTPUT_INIT;
	double begin_s = monotonic_seconds();
	struct text tail;

	run_init(&run, sandbox);
	output.sandbox = sandbox;
	if (interrupt_check(e) < 0)
		return -1;
	if (prepare_root(&run, script, e) < 0 || prepare_pipes(&run, e) < 0 ||
	    (run.inside.plain && proc_view_prepare(&run.proc_view, e) < 0) ||
	    calls_prepare(sandbox->log, calls_options(sandbox), &run.calls, e) < 0 ||
	    (script && prepare_script(&run, script, e) < 0))
		return error_wrap(e, "cannot prepare the sandbox");
	prepare_program(&run, argv);
	if (start(&run, &init, e) < 0)
		return error_wrap(e, "sandbox");
	close(TAKE(run.inside.output_fd, -1));
	close(TAKE(run.inside.report_fd, -1));
	if (await_start(&run, &init, e) < 0 || collect(&run, &init, &output, e) < 0 ||
	    reap(&run, &init, result, e) < 0 || (run.inside.plain && plain_finish(&run.plain, e) < 0))
		return -1;
	buffer_reset(&result->tail);
	output_end(&output, &result->tail);
	tail = (struct text) { result->tail.data, result->tail.len };
	result->no_space = result->status != 0 && is_space_lacking(sandbox->root_fd, tail);
	if (result->status != 0 && output_tells_no_node(tail) && privilege_is_confined())
		buffer_adds(&result->tail, no_node_words);
	meter_add_now(sandbox->meter, &(struct meter_sum) { .bound_s = monotonic_seconds() - begin_s });
	return 0;
}

/* RESULT and E by what RETURNED. */
static void add_event(const struct sandbox *sandbox, const char *program, double begin_s, int returned,
		      const struct sandbox_result *result, const struct error *e)
{
	bool failed = returned < 0 || result->status != 0;
	const char *said = result->tail.data ? result->tail.data : "";

	journal_add(sandbox->log->journal,
		    &(struct journal_event) {
			    .kind = sandbox->label.name ? sandbox->label.kind : "program",
			    .name = sandbox->label.name ? sandbox->label.name : program,
			    .subject = sandbox->label.subject,
			    .result = failed ? JOURNAL_FAILED : JOURNAL_DONE,
			    .has_status = returned == 0,
			    .status = result->status,
			    .begin_s = begin_s,
			    .end_s = monotonic_seconds(),
			    .text = returned < 0 ? e->text
				    : failed     ? said
						 : NULL,
		    });
}

int sandbox_run(const struct sandbox *sandbox, const char *const *argv, const char *script,
		struct sandbox_result *result, struct error *e)
{
	double begin_s = monotonic_seconds();
	int returned = run_program(sandbox, argv, script, result, e);

	add_event(sandbox, argv[0], begin_s, returned, result, e);
	return returned;
}

void sandbox_result_release(struct sandbox_result *result)
{
	buffer_release(&result->tail);
	result->status = 0;
}
