/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs programs in a small root made of the host's shell and a few of its programs. Needs root; without it
 * every case is skipped. What a sandboxed script says is all that is known of the inside, so scripts print,
 * and the tests compare the tail.
 */
#include "unit/unit.h"

#include "unit/room.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "sandbox/output.h"
#include "sandbox/workspace.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { WAIT_TRIES = 500, WAIT_US = 10000 };

/* Run SCRIPT by the shell; its status, and the tail in *tail (malloc'ed). */
static int run(const struct sandbox *sandbox, const char *script, char **tail)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;

	if (sandbox_run(sandbox, argv, NULL, &result, &e) < 0) {
		print_error("%s\n", e.text);
		fail();
	}
	if (tail)
		*tail = buffer_take(&result.tail);
	return result.status;
}

static void expect(const struct sandbox *sandbox, const char *script, const char *output)
{
	auto_free char *tail = NULL;
	int status = run(sandbox, script, &tail);

	assert_string_equal(tail, output);
	assert_int_equal(status, 0);
}

static char *slurp(const char *path)
{
	struct error e = ERROR_INIT;
	char *data = NULL;

	assert_int_equal(file_read(AT_FDCWD, path, 16ULL << 20, &data, NULL, &e), 0);
	return data;
}

static void statuses(void **state)
{
	struct fixture *f = fixture_of_root(state);

	assert_int_equal(run(&f->sandbox, "exit 0", NULL), 0);
	assert_int_equal(run(&f->sandbox, "exit 3", NULL), 3);
	assert_int_equal(run(&f->sandbox, "kill -TERM $$", NULL), 128 + SIGTERM);
	assert_int_equal(run(&f->sandbox, "kill -KILL $$", NULL), 128 + SIGKILL);
	/* A closed output does not end the run. */
	assert_int_equal(run(&f->sandbox, "exec >&- 2>&-; sleep 0.3; exit 4", NULL), 4);
}

/* A shell that a signal ends, and one that says by its exit status that a program of it was ended so. */
static void endings(void **state)
{
	static const struct {
		const char *script;
		const char *ending;
	} rows[] = {
		{ "exit 3", "failed with exit status 3" },
		{ "kill -SEGV $$", "was killed by signal 11 (SIGSEGV)" },
		{ "kill -40 $$", "was killed by signal 40 (real-time)" },
		{ "sh -c 'kill -SEGV $$'; exit $?", "failed with exit status 139 (128 + SIGSEGV)" },
		{ "exit 255", "failed with exit status 255" },
	};
	struct fixture *f = fixture_of_root(state);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *argv[] = { "sh", "-c", rows[i].script, NULL };
		auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
		auto_free char *ending = NULL;
		struct error e = ERROR_INIT;

		assert_int_equal(sandbox_run(&f->sandbox, argv, NULL, &result, &e), 0);
		ending = sandbox_ending(result.status, result.signal);
		assert_string_equal(ending, rows[i].ending);
		assert_false(result.no_space);
	}
}

/* In a mount namespace of its own, so that nothing stays mounted. 0: a program that fills a small root is told so. */
static int fill_root(struct fixture *f)
{
	const char *argv[] = { "sh", "-c", "cat /dev/zero >/full 2>/dev/null; echo voll; exit 1", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	auto_free char *folder = xasprintf("%s/mnt", f->folder);
	struct sandbox sandbox = f->sandbox;
	struct error e = ERROR_INIT;
	auto_close int root_fd = -1;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=64m") < 0)
		return 1;
	root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	small_root_make(root_fd);
	sandbox.root_fd = root_fd;
	if (sandbox_run(&sandbox, argv, NULL, &result, &e) < 0)
		return 2;
	return result.no_space && strcmp(result.tail.data, "voll\n") == 0 ? 0 : 3;
}

/* Found by what a program says, whose disk may be gone, and by the root, when it says it in other words. */
static void full_disks(void **state)
{
	struct fixture *f = fixture_of_root(state);
	const char *says[] = { "sh", "-c", "echo 'x: No space left on device'; exit 1", NULL };
	const char *succeeds[] = { "sh", "-c", "echo No space left on device", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;
	int status;
	pid_t child;

	assert_int_equal(sandbox_run(&f->sandbox, says, NULL, &result, &e), 0);
	assert_true(result.no_space);
	assert_int_equal(sandbox_run(&f->sandbox, succeeds, NULL, &result, &e), 0);
	assert_false(result.no_space);
	child = fork();
	if (child == 0)
		_exit(fill_root(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void own_world(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_free char *before = slurp("/proc/self/mounts");
	auto_free char *after = NULL;

	expect(&f->sandbox, "echo $$; pwd; umask; id -u; id -G", "2\n/\n0022\n0\n0\n");
	/* Init and the shell: no process of the host. */
	expect(&f->sandbox, "ls -d /proc/[0-9]*", "/proc/1\n/proc/2\n");
	expect(&f->sandbox, "cat /proc/sys/kernel/hostname; cat /proc/sys/kernel/domainname",
	       "localhost\n(none)\n");
	expect(&f->sandbox, "ls /; ls -A /run /tmp",
	       "bin\ndev\netc\nlib\nlib64\nmnt\nproc\nrun\nsbin\nsys\ntmp\nusr\nvar\n/run:\nlock\n\n/tmp:\n");
	expect(&f->sandbox, "ls /dev",
	       "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n");
	expect(&f->sandbox, "stat -c '%a %F' /tmp /run /run/lock /dev/shm /dev/null",
	       "1777 directory\n755 directory\n1777 directory\n1777 directory\n666 character special file\n");
	expect(&f->sandbox, "echo x > /dev/null; cat /dev/null; echo y > /dev/shm/y; echo z > /run/z", "");
	expect(&f->sandbox, "exec 2>/dev/null; echo 1 > /proc/sys/vm/swappiness || echo refused",
	       "refused\n");
	expect(&f->sandbox, "exec 2>/dev/null; chmod 600 /dev/null || echo refused", "refused\n");
	/* What ischroot(1) and systemctl look at. */
	expect(&f->sandbox, "[ \"$(stat -Lc %d:%i /proc/1/root)\" = \"$(stat -c %d:%i /)\" ] || echo other",
	       "other\n");
	after = slurp("/proc/self/mounts");
	assert_string_equal(before, after);
}

static void network(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_free char *inside = NULL;
	char outside[64] = "";

	expect(&f->sandbox, "ls /sys/class/net; cat /sys/class/net/lo/flags", "lo\n0x9\n");
	f->sandbox.network = true;
	assert_int_equal(run(&f->sandbox, "readlink /proc/self/ns/net", &inside), 0);
	assert_true(readlink("/proc/self/ns/net", outside, sizeof outside - 1) > 0);
	assert_true(is_prefix(inside, outside) && strlen(inside) == strlen(outside) + 1);
}

static void leaves_nothing(void **state)
{
	struct fixture *f = fixture_of_root(state);
	struct error e = ERROR_INIT;
	struct stat st;

	/* Mounts of the script itself go with it, also those that it forgot. */
	f->sandbox.mounts = true;
	expect(&f->sandbox,
	       "mount -o bind / /mnt && ls -d /mnt/usr && rm -rf /mnt/run/* && umount /mnt && ls -A /mnt; "
	       "mount -t tmpfs none /mnt; echo x > /mnt/x; echo r > /run/r; echo t > /tmp/t; echo d > "
	       "/dev/shm/d",
	       "/mnt/usr\n");
	assert_int_equal(root_lstat(f->root_fd, "/mnt/x", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/run/r", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/run/lock", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/tmp/t", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/dev/null", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/dev/shm", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/proc/1", &st, &e), 0);
	assert_int_equal(root_lstat(f->root_fd, "/tmp", &st, &e), 1);
	assert_int_equal(st.st_mode & 07777, 01777);
}

/* Whether a process of the host has MARK among its arguments. */
static bool is_running(const char *mark)
{
	auto_dir DIR *proc = opendir("/proc");
	struct dirent *entry;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		auto_free char *path = xasprintf("/proc/%.20s/cmdline", entry->d_name);
		struct error e = ERROR_INIT;
		auto_free char *data = NULL;
		size_t len;

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    file_read(AT_FDCWD, path, 1 << 20, &data, &len, &e) == 0 &&
		    memmem(data, len, mark, strlen(mark)))
			return true;
	}
	return false;
}

static bool comes_true(bool wanted, const char *mark)
{
	for (int i = 0; i < WAIT_TRIES; i++) {
		if (is_running(mark) == wanted)
			return true;
		usleep(WAIT_US);
	}
	return false;
}

static void daemon_dies(void **state)
{
	struct fixture *f = fixture_of_root(state);
	double start = monotonic_seconds();

	/* It also keeps the output open, for which kiln must not wait. */
	expect(&f->sandbox, "(exec sleep 86391) & (exec sleep 86392 >/dev/null 2>&1) & echo started",
	       "started\n");
	assert_true(monotonic_seconds() - start < 10);
	assert_false(is_running("86391"));
	assert_false(is_running("86392"));
}

/* Counted work: what a script leaves running has used processor time all the same. */
static void daemon_is_counted(void **state)
{
#define BURN "i=0; while [ $i -lt 40000 ]; do i=$((i + 1)); done"
	struct fixture *f = fixture_of_root(state);
	AUTO(meter_release) struct meter meter;
	struct meter_report own;
	struct meter_report left;

	meter_init(&meter);
	f->sandbox.meter = &meter;
	expect(&f->sandbox, BURN, "");
	meter_read(&meter, &own);
	expect(&f->sandbox,
	       "( " BURN "; echo x > /tmp/done; exec sleep 1000 ) & "
	       "while [ ! -e /tmp/done ]; do sleep 0.05; done",
	       "");
	meter_read(&meter, &left);
	assert_true(own.total.program_cpu_s > 0);
	assert_true(left.total.program_cpu_s >= own.total.program_cpu_s * 1.5);
	/* And the time that the programs ran is nearly all that was spent. */
	assert_true(left.total.bound_s > 0 && left.total.bound_s <= left.total.wall_s);
	f->sandbox.meter = NULL;
}

static void dies_with_kiln(void **state)
{
	struct fixture *f = fixture_of_root(state);
	pid_t child = fork();

	if (child == 0) {
		run(&f->sandbox, "(exec sleep 86393) & exec sleep 86394", NULL);
		_exit(0);
	}
	assert_true(child > 0);
	assert_true(comes_true(true, "86393"));
	assert_true(comes_true(true, "86394"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(comes_true(false, "86393"));
	assert_true(comes_true(false, "86394"));
}

static void interruption(void **state)
{
	struct fixture *f = fixture_of_root(state);
	int status;
	pid_t child = fork();

	if (child == 0) {
		const char *argv[] = { "sleep", "86395", NULL };
		auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
		struct error e = ERROR_INIT;

		_exit(sandbox_run(&f->sandbox, argv, NULL, &result, &e) < 0 ? (int)e.kind : 0);
	}
	assert_true(child > 0);
	assert_true(comes_true(true, "86395"));
	kill(child, SIGTERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERROR_INTERRUPTED);
	/* Reaped before sandbox_run() returns, so there is nothing to wait for. */
	assert_false(is_running("86395"));
}

static void output_lines(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_free char *tail = NULL;

	expect(&f->sandbox, "echo one; echo two >&2; echo three", "one\ntwo\nthree\n");
	assert_int_equal(run(&f->sandbox, "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; done", &tail),
			 0);
	assert_true(is_prefix(tail, "81\n82\n"));
	assert_true(is_suffix(tail, "\n99\n100\n"));
	expect(&f->sandbox, "printf 'a\\033[31mb\\377\\000c'", "a\\x1b[31mb\\xff\\x00c\n");
	expect(&f->sandbox, "cat; echo empty", "empty\n");
	fflush(f->log_file);
	assert_non_null(strstr(f->log_text, "  two\n"));
	assert_null(strchr(f->log_text, '\033'));
}

static void add(struct output *output, const char *text)
{
	output_add(output, text, strlen(text));
}

static void count_line(void *context, const char *line)
{
	size_t *bytes = context;

	*bytes += strlen(line);
}

static void lines_alone(void **state)
{
	auto_output struct output output = OUTPUT_INIT;
	auto_buffer struct buffer tail = BUFFER_INIT;
	char flood[5000];
	size_t shown_bytes = 0;
	struct sandbox sandbox = { .on_line = count_line, .context = &shown_bytes };

	(void)state;
	output.sandbox = &sandbox;
	memset(flood, 'x', sizeof flood);
	add(&output, "10%\r50%");
	add(&output, "\r");
	add(&output, "100%\r\n");
	add(&output, "\xc3\xa9 \xe2\x82\xac \xc2\x9b \xed\xa0\x80 \xc0\xaf\n");
	output_add(&output, flood, sizeof flood);
	output_add(&output, flood, sizeof flood);
	add(&output, "\n\nend");
	output_end(&output, &tail);
	assert_int_equal(output.line_count, 5);
	assert_true(is_prefix(tail.data,
			      "100%\n\xc3\xa9 \xe2\x82\xac \\xc2\\x9b \\xed\\xa0\\x80 \\xc0\\xaf\nxxx"));
	assert_true(is_suffix(tail.data, "x...\n\nend\n"));
	assert_true(tail.len < 700);
	assert_int_equal(shown_bytes + output.line_count, tail.len);
}

static void environment_exact(void **state)
{
	static const char *const environment[] = { "PATH=/bin", "A=b c", NULL };
	struct fixture *f = fixture_of_root(state);
	const char *argv[] = { "env", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;

	f->sandbox.environment = environment;
	assert_int_equal(sandbox_run(&f->sandbox, argv, NULL, &result, &e), 0);
	assert_string_equal(result.tail.data, "PATH=/bin\nA=b c\n");
}

static void descriptors_closed(void **state)
{
	struct fixture *f = fixture_of_root(state);
	int inherited = open("/etc/passwd", O_RDONLY); /* as one that kiln's own caller forgot to close */
	int high = fcntl(inherited, F_DUPFD, 500);
	const char *argv[] = { "ls", "/proc/self/fd", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;

	assert_true(inherited >= 0 && high >= 500);
	assert_int_equal(sandbox_run(&f->sandbox, argv, NULL, &result, &e), 0);
	assert_string_equal(result.tail.data, "0\n1\n2\n3\n"); /* 3: the folder that ls reads */
	close(inherited);
	close(high);
}

static void scripts(void **state)
{
	struct fixture *f = fixture_of_root(state);
	const char *argv[] = { "action", "first", "second argument", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;
	const char *with = "#!/bin/sh -e\necho \"$1/$2\"\nfalse\necho not here\n";
	const char *without = "echo \"$2/$1\"; exit 5\n";
	const char *missing = "#! /usr/bin/absent -w\n";
	const char *empty = "";

	assert_int_equal(sandbox_run(&f->sandbox, argv, with, &result, &e), 0);
	assert_string_equal(result.tail.data, "first/second argument\n");
	assert_int_equal(result.status, 1);
	assert_int_equal(sandbox_run(&f->sandbox, argv, without, &result, &e), 0);
	assert_string_equal(result.tail.data, "second argument/first\n");
	assert_int_equal(result.status, 5);
	assert_int_equal(sandbox_run(&f->sandbox, argv, missing, &result, &e), -1);
	assert_int_equal(e.kind, ERROR_SCRIPT);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, "cannot run 'action': interpreter '/usr/bin/absent': No such file"));
	assert_int_equal(sandbox_run(&f->sandbox, argv, empty, &result, &e), 0);
	assert_int_equal(result.status, 0);
}

static void programs_that_are_not(void **state)
{
	struct fixture *f = fixture_of_root(state);
	const char *absent[] = { "absent", NULL };
	const char *folder[] = { "/etc", NULL };
	const char *orphan[] = { "/usr/bin/orphan", NULL };
	const char *plain[] = { "plain", "a", NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(root_write(f->root_fd, "/usr/bin/orphan", "#!/absent\n", 10, 0755, 0, 0, &e), 0);
	assert_int_equal(root_write(f->root_fd, "/usr/bin/plain", "echo $0 $1\n", 11, 0755, 0, 0, &e), 0);
	assert_int_equal(sandbox_run(&f->sandbox, absent, NULL, &result, &e), -1);
	assert_non_null(strstr(e.text, "cannot run 'absent': No such file or directory"));
	assert_int_equal(sandbox_run(&f->sandbox, folder, NULL, &result, &e), -1);
	assert_int_equal(e.sys, EACCES);
	assert_int_equal(sandbox_run(&f->sandbox, orphan, NULL, &result, &e), -1);
	assert_non_null(strstr(e.text, "cannot run '/usr/bin/orphan': interpreter '/absent': No such file"));
	assert_int_equal(sandbox_run(&f->sandbox, plain, NULL, &result, &e), 0);
	assert_string_equal(result.tail.data, "/usr/bin/plain a\n");
}

/* What this program does when it is started with an argument, inside a sandbox: report what calls return. */
static void print_result(const char *name, long result)
{
	printf("%s %ld\n", name, result < 0 ? (long)errno : 0);
}

static int make_calls(void)
{
	int fd = open("/var/lib/probe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *unmapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(unmapped, 4096);
	print_result("sync", syscall(SYS_sync));
	print_result("fsync", fsync(fd));
	print_result("fdatasync", fdatasync(fd));
	print_result("syncfs", syncfs(fd));
	print_result("sync_file_range", sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	print_result("fsync of nothing", fsync(-1));
	print_result("msync", msync(unmapped, 4096, MS_SYNC));
	print_result("msync without waiting", msync(unmapped, 4096, MS_ASYNC));
	return fd < 0;
}

#ifdef __x86_64__
static noreturn void no_other_calls(int signal_number)
{
	(void)signal_number;
	_exit(write(STDOUT_FILENO, "none\n", 5) < 0);
}

/* System calls of i386, which a program of amd64 can make as well. */
static long other_call(long number)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(-1L), "c"(0L), "d"(0L) : "memory");
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

static int make_other_calls(void)
{
	enum { I386_GETPID = 20, I386_SYNC = 36, I386_FSYNC = 118, I386_FDATASYNC = 148, I386_SYNCFS = 344 };

	signal(SIGSEGV, no_other_calls);
	signal(SIGILL, no_other_calls);
	if (other_call(I386_GETPID) != getpid())
		no_other_calls(0);
	print_result("sync", other_call(I386_SYNC));
	print_result("fsync", other_call(I386_FSYNC));
	print_result("fdatasync", other_call(I386_FDATASYNC));
	print_result("syncfs", other_call(I386_SYNCFS));
	return 0;
}
#else
static int make_other_calls(void)
{
	puts("none");
	return 0;
}
#endif

/*
 * With a filter around it through which no call of these gets that is not answered before: where two filters
 * speak the smaller action counts, and to be traced without a tracer is ENOSYS.
 */
static void filter_around(bool no_seccomp)
{
	static const char *const names[] = { "sync",   "fsync",           "fdatasync",
					     "syncfs", "sync_file_range", "msync" };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	assert_int_equal(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW), 0);
	assert_int_equal(seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0), 0);
#ifdef __x86_64__
	assert_int_equal(seccomp_arch_add(filter, SCMP_ARCH_X86), 0);
#endif
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_TRACE(1),
						  seccomp_syscall_resolve_name(names[i]), 0),
				 0);
	if (no_seccomp)
		assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0), 0);
	assert_int_equal(seccomp_load(filter), 0);
	seccomp_release(filter);
}

/* What this program says to ARGUMENT in a sandbox with such a filter around it. */
static void expect_calls(struct fixture *f, const char *argument, bool no_seccomp, const char *output)
{
	const char *argv[] = { "/usr/bin/t_sandbox", argument, NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;
	int status;
	pid_t child = fork();

	if (child == 0) {
		filter_around(no_seccomp);
		if (sandbox_run(&f->sandbox, argv, NULL, &result, &e) < 0)
			buffer_adds(&result.tail, e.text);
		fflush(f->log_file);
		if (no_seccomp && !strstr(f->log_text, "system calls cannot be filtered here"))
			buffer_adds(&result.tail, "and says nothing about it\n");
		if (strcmp(result.tail.data, output) != 0 && strcmp(result.tail.data, "none\n") != 0)
			print_error("%s", result.tail.data);
		_exit(strcmp(result.tail.data, "none\n") == 0 ? 77 : strcmp(result.tail.data, output) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		print_message("this machine has no other system calls\n");
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

static void copy_self(struct fixture *f)
{
	/* The sanitizer looks for leaks by ptrace(2), which programs of the sandbox may not call. */
	static const char *const environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C",
						   "ASAN_OPTIONS=detect_leaks=0", NULL };
	char path[LIMIT_PATH_BYTES] = "";

	assert_true(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
	small_root_copy_file(f->root_fd, path, "/usr/bin/t_sandbox");
	small_root_copy_libraries(f->root_fd, path);
	f->sandbox.environment = environment;
}

static void nothing_is_synced(void **state)
{
	struct fixture *f = fixture_of_root(state);

	copy_self(f);
	expect_calls(f, "calls", false,
		     "sync 0\nfsync 0\nfdatasync 0\nsyncfs 0\nsync_file_range 0\nfsync of nothing 0\n"
		     "msync 0\nmsync without waiting 38\n"); /* ENOSYS, of the filter around it */
	expect_calls(f, "other-calls", false, "sync 0\nfsync 0\nfdatasync 0\nsyncfs 0\n");
	/* Programs that set-uid bits give more rights must work in scripts as they do elsewhere. */
	expect(&f->sandbox,
	       "while read -r key value; do case $key in NoNewPrivs:) echo $value;; esac; done "
	       "</proc/self/status",
	       "0\n");
}

static void without_seccomp(void **state)
{
	struct fixture *f = fixture_of_root(state);

	copy_self(f);
	expect_calls(f, "calls", true,
		     "sync 38\nfsync 38\nfdatasync 38\nsyncfs 38\nsync_file_range 38\nfsync of nothing 38\n"
		     "msync 38\nmsync without waiting 38\n");
}

static void stand_ins(void **state)
{
	static const char real[] = "the real one";
	struct fixture *f = fixture_of_root(state);
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(
		root_write(f->root_fd, "/usr/sbin/start-stop-daemon", real, strlen(real), 0755, 0, 0, &e), 0);
	expect(&f->sandbox,
	       "/usr/sbin/policy-rc.d x start; echo $?; /sbin/start-stop-daemon --start && echo fine; "
	       "ls -A /run; exec 2>/dev/null; echo x > /usr/sbin/policy-rc.d || echo read-only",
	       "101\nstart-stop-daemon: nothing is started while an image is built\nfine\nlock\nread-only\n");
	assert_int_equal(run(&f->sandbox, "exit 9", NULL), 9);
	/* With network an action may upgrade dpkg, which must find its file as it is. */
	f->sandbox.network = true;
	expect(&f->sandbox, "ln /usr/sbin/start-stop-daemon /usr/sbin/backup && cat /usr/sbin/backup",
	       "the real one\n");
	assert_int_equal(root_lstat(f->root_fd, "/usr/sbin/policy-rc.d", &st, &e), 0);
	assert_int_equal(root_read(f->root_fd, "/usr/sbin/start-stop-daemon", &data, &len, &e), 1);
	assert_string_equal(data, real);
}

/* As upstart has it: /sbin/initctl, and names that lead to it. Told to in both kinds of runs, and gone afterwards. */
static void stand_in_of_upstart(void **state)
{
	static const char real[] = "#!/bin/sh\necho 'Unable to connect to Upstart' >&2\nexit 1\n";
	struct fixture *f = fixture_of_root(state);
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;
	size_t len;

	expect(&f->sandbox, "ls /sbin/initctl 2>/dev/null || echo none", "none\n");
	assert_int_equal(root_write(f->root_fd, "/sbin/initctl", real, strlen(real), 0755, 0, 0, &e), 0);
	for (int network = 0; network < 2; network++) {
		f->sandbox.network = network;
		expect(&f->sandbox,
		       "ln -sf initctl /sbin/start; /sbin/start ssh && /sbin/initctl reload-configuration && "
		       "echo "
		       "fine",
		       "initctl: nothing is started while an image is built\n"
		       "initctl: nothing is started while an image is built\nfine\n");
	}
	assert_int_equal(root_read(f->root_fd, "/sbin/initctl", &data, &len, &e), 1);
	assert_string_equal(data, real);
}

static void stand_in_replaced(void **state)
{
	struct fixture *f = fixture_of_root(state);
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;
	size_t len;

	/* What an action puts there on purpose is the image's. */
	f->sandbox.mounts = true;
	expect(&f->sandbox, "umount /usr/sbin/policy-rc.d && echo mine > /usr/sbin/policy-rc.d", "");
	assert_int_equal(root_read(f->root_fd, "/usr/sbin/policy-rc.d", &data, &len, &e), 1);
	assert_string_equal(data, "mine\n");
	expect(&f->sandbox, "/usr/sbin/policy-rc.d || echo $?", "101\n");
}

static char *host_resolv_conf(void)
{
	if (access("/etc/resolv.conf", R_OK) < 0) {
		print_message("this host has no resolv.conf\n");
		skip();
	}
	return slurp("/etc/resolv.conf");
}

static void resolv_conf_missing(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_free char *host = host_resolv_conf();
	auto_free char *tail = NULL;
	char target[64] = "";
	struct error e = ERROR_INIT;
	struct stat st;

	expect(&f->sandbox, "ls /etc/resolv.conf 2>/dev/null || echo none", "none\n");
	f->sandbox.network = true;
	expect(&f->sandbox, "echo scribble >> /etc/resolv.conf", "");
	assert_int_equal(root_lstat(f->root_fd, "/etc/resolv.conf", &st, &e), 0);
	{
		auto_free char *now = slurp("/etc/resolv.conf");

		assert_string_equal(now, host);
	}
	assert_int_equal(run(&f->sandbox, "stat -c %s /etc/resolv.conf", &tail), 0);
	assert_int_equal(strtoul(tail, NULL, 10), strlen(host));
	/* As published definitions have it. */
	f->sandbox.mounts = true;
	expect(&f->sandbox, "umount -l /etc/resolv.conf || true; ln -sf ../run/x/stub.conf /etc/resolv.conf",
	       "");
	assert_true(readlinkat(f->root_fd, "etc/resolv.conf", target, sizeof target - 1) > 0);
	assert_string_equal(target, "../run/x/stub.conf");
	/* And now it is a link into the tmpfs. */
	free(TAKE(tail, NULL));
	assert_int_equal(run(&f->sandbox, "stat -c %s /run/x/stub.conf; stat -Lc %s /etc/resolv.conf", &tail),
			 0);
	assert_int_equal(strtoul(tail, NULL, 10), strlen(host));
	assert_int_equal(strtoul(strchr(tail, '\n') + 1, NULL, 10), strlen(host));
	assert_int_equal(root_lstat(f->root_fd, "/run/x", &st, &e), 0);
}

static void resolv_conf_regular(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_free char *host = host_resolv_conf();
	auto_free char *tail = NULL;
	auto_free char *data = NULL;
	struct error e = ERROR_INIT;
	size_t len;

	f->sandbox.network = true;
	assert_int_equal(root_write_text(f->root_fd, "/etc/resolv.conf", "image's own\n", &e), 0);
	assert_int_equal(run(&f->sandbox, "stat -c %s /etc/resolv.conf", &tail), 0);
	assert_int_equal(strtoul(tail, NULL, 10), strlen(host));
	assert_int_equal(root_read(f->root_fd, "/etc/resolv.conf", &data, &len, &e), 1);
	assert_string_equal(data, "image's own\n");
}

static void resolv_conf_far(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_free char *host = host_resolv_conf();
	auto_free char *tail = NULL;
	struct error e = ERROR_INIT;
	struct stat st;

	/* resolvconf's way: a link to a link to a folder of /run; and one that leaves the root, as seen from here. */
	f->sandbox.network = true;
	assert_int_equal(root_make_dirs(f->root_fd, "/etc/resolvconf", 0755, &e), 0);
	assert_int_equal(symlinkat("/run/resolvconf", f->root_fd, "etc/resolvconf/run"), 0);
	assert_int_equal(symlinkat("resolvconf/run/resolv.conf", f->root_fd, "etc/resolv.conf"), 0);
	assert_int_equal(run(&f->sandbox, "stat -Lc %s /etc/resolv.conf", &tail), 0);
	assert_int_equal(strtoul(tail, NULL, 10), strlen(host));
	assert_int_equal(unlinkat(f->root_fd, "etc/resolv.conf", 0), 0);
	assert_int_equal(symlinkat("../../../../var/lib/resolv.conf", f->root_fd, "etc/resolv.conf"), 0);
	free(TAKE(tail, NULL));
	assert_int_equal(run(&f->sandbox, "stat -Lc %s /etc/resolv.conf", &tail), 0);
	assert_int_equal(strtoul(tail, NULL, 10), strlen(host));
	assert_int_equal(root_lstat(f->root_fd, "/var/lib/resolv.conf", &st, &e), 0);
	/* A loop is nobody's resolv.conf. */
	assert_int_equal(unlinkat(f->root_fd, "etc/resolv.conf", 0), 0);
	assert_int_equal(symlinkat("resolv.conf", f->root_fd, "etc/resolv.conf"), 0);
	{
		const char *argv[] = { "sh", "-c", "true", NULL };
		auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;

		assert_int_equal(sandbox_run(&f->sandbox, argv, NULL, &result, &e), -1);
		assert_non_null(strstr(e.text, "too many symbolic links"));
	}
}

static void in_workspace(void **state)
{
	struct fixture *f = fixture_of_root(state);
	int status;
	pid_t child = fork();

	/* In a process of its own: it leaves the mount namespace of the tests. */
	if (child == 0) {
		auto_free char *cache = xasprintf("%s/cache", f->folder);
		struct workspace_options options = { .cache_dir = cache, .log = &f->log };
		auto_workspace struct workspace workspace = WORKSPACE_INIT;
		struct error e = ERROR_INIT;
		auto_free char *tail = NULL;

		if (workspace_open(&options, &workspace, &e) < 0)
			_exit(1);
		small_root_make(workspace.root_fd);
		f->sandbox.root_fd = workspace.root_fd;
		if (run(&f->sandbox, "echo in; echo y > /usr/y", &tail) != 0 || strcmp(tail, "in\n") != 0)
			_exit(2);
		_exit(faccessat(workspace.root_fd, "usr/y", F_OK, 0) < 0 ? 3 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void last_lines(void **state)
{
	auto_free char *whole = sandbox_last_lines(TEXT("\na\n\n  b \nc\n"), 100);
	auto_free char *cut = sandbox_last_lines(TEXT("first line\nsecond line\nthird\n"), 12);
	auto_free char *middle = sandbox_last_lines(TEXT("\xe2\x82\xac\xe2\x82\xac"), 5);
	auto_free char *none = sandbox_last_lines(TEXT("\n \n"), 5);
	auto_free char *empty = sandbox_last_lines((struct text) { NULL, 0 }, 5);

	(void)state;
	assert_string_equal(whole, "a | b | c");
	assert_string_equal(cut, "third");
	assert_string_equal(middle, "\xe2\x82\xac");
	assert_string_equal(none, "");
	assert_string_equal(empty, "");
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(statuses),
		CASE(endings),
		CASE(full_disks),
		CASE(own_world),
		CASE(network),
		CASE(leaves_nothing),
		CASE(daemon_dies),
		CASE(daemon_is_counted),
		CASE(dies_with_kiln),
		CASE(interruption),
		CASE(output_lines),
		CASE(environment_exact),
		CASE(descriptors_closed),
		CASE(scripts),
		CASE(programs_that_are_not),
		CASE(nothing_is_synced),
		CASE(without_seccomp),
		CASE(stand_ins),
		CASE(stand_in_of_upstart),
		CASE(stand_in_replaced),
		CASE(resolv_conf_missing),
		CASE(resolv_conf_regular),
		CASE(resolv_conf_far),
		CASE(in_workspace),
		cmocka_unit_test(lines_alone),
		cmocka_unit_test(last_lines),
	};

	if (argc > 1)
		return strcmp(argv[1], "calls") == 0 ? make_calls() : make_other_calls();
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
