/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc as programs see it in whose root nothing is mounted: this program runs in a small root, by chroot alone, and
 * prints what it finds. Needs root, who makes device nodes; without it every case is skipped.
 */
#include "unit/unit.h"

#include "unit/scratch.h"
#include "unit/small_root.h"

#include "base/alloc.h"
#include "base/root.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define SELF "/usr/bin/t_proc_view"

enum { PROBE_MODE = 0640, LONG_AGO = 1000000000 };

/* What this program says of one thing: as it should be, or how it is instead. */
static void say(const char *what, bool good)
{
	if (!good)
		printf("%s: errno %d (%s)\n", what, errno, strerror(errno));
}

static void say_link(const char *path, const char *wanted)
{
	char target[256] = "";
	ssize_t len = readlink(path, target, sizeof target - 1);

	if (len != (ssize_t)strlen(wanted) || strcmp(target, wanted) != 0)
		printf("%s is '%s', length %zd\n", path, target, len);
}

static bool reads(const char *path, const char *wanted)
{
	char data[64] = "";
	int fd = open(path, O_RDONLY);
	bool same = fd >= 0 && read(fd, data, sizeof data - 1) >= 0 && strcmp(data, wanted) == 0;

	if (fd >= 0)
		close(fd);
	return same;
}

/* A file of the root, /var/lib/probe, with its mode and text, by which all is compared. */
static int open_probe(void)
{
	int fd = open("/var/lib/probe", O_RDWR | O_CREAT | O_TRUNC, 0600);

	say("write", write(fd, "probe\n", 6) == 6);
	say("fchmod", fchmod(fd, PROBE_MODE) == 0);
	return fd;
}

static int look_at_links(void)
{
	int fd = open_probe();
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_free char *numbered = xasprintf("/proc/%d/exe", (int)getpid());
	char part[] = "........";

	say_link(path, "/var/lib/probe");
	say_link("/proc/self/exe", SELF);
	say_link("/proc/thread-self/exe", SELF);
	say_link("/proc//./self/exe", SELF);
	say_link(numbered, SELF);
	say_link("/proc/self/cwd", "/");
	say_link("/proc/self/root", "/");
	say("in parts", readlink(path, part, 4) == 4 && strcmp(part, "/var....") == 0);
	say("to no memory",
	    syscall(SYS_readlinkat, AT_FDCWD, path, (uintptr_t)8, 10) == -1 && errno == EFAULT);
	say("no such file", readlink("/proc/self/fd/999", part, 4) == -1 && errno == ENOENT);
	say("no link", readlink("/proc/self/status", part, 4) == -1 && errno == EINVAL);
	close(fd);
	return 0;
}

static int look_at_files(void)
{
	int fd = open_probe();
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_free char *short_path = xasprintf("/dev/fd/%d", fd);
	int kept;
	int closed;

	say("open /proc/self/fd/N", reads(path, "probe\n"));
	say("open /dev/fd/N", reads(short_path, "probe\n"));
	say("open nothing", open("/proc/self/fd/999", O_RDONLY) == -1 && errno == ENOENT);
	say("open nothing", open("/dev/fd/999", O_RDONLY) == -1 && errno == ENOENT);
	kept = open(path, O_RDONLY);
	closed = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	say("kept", fcntl(kept, F_GETFD) == 0);
	say("closed", fcntl(closed, F_GETFD) == FD_CLOEXEC);
	say("flags", (fcntl(closed, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == (O_RDWR | O_APPEND));
	say("append", write(closed, "more\n", 5) == 5);
	say("append", reads("/var/lib/probe", "probe\nmore\n"));
	close(closed);
	closed = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	say("truncate", reads("/var/lib/probe", ""));
	say("stdout", dprintf(open("/dev/stdout", O_WRONLY), "by /dev/stdout\n") > 0);
	say("stdout", dprintf(open("/dev/fd/1", O_WRONLY), "by /dev/fd/1\n") > 0);
	say("no terminal", reads("/dev/stdin", ""));
	return 0;
}

static int look_at_states(void)
{
	const struct timespec times[2] = { { .tv_sec = LONG_AGO }, { .tv_sec = LONG_AGO } };
	int fd = open_probe();
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	struct stat own;
	struct stat st;
	struct statx stx;
	struct statfs fs;
	char value[8] = "";

	say("fstat", fstat(fd, &own) == 0);
	say("stat", syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0) == 0 && st.st_ino == own.st_ino &&
			    st.st_mode == (S_IFREG | PROBE_MODE));
	say("lstat", lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
	say("statx", statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx) == 0 && stx.stx_ino == own.st_ino);
	say("statx",
	    statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) == 0 && S_ISLNK(stx.stx_mode));
#ifdef SYS_stat
	say("old stat", syscall(SYS_stat, path, &st) == 0 && st.st_ino == own.st_ino);
	say("old lstat", syscall(SYS_lstat, path, &st) == 0 && S_ISLNK(st.st_mode));
	say("old chmod",
	    syscall(SYS_chmod, path, 0600) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600);
	say("old access", syscall(SYS_access, path, X_OK) == -1 && errno == EACCES);
#endif
	say("chmod",
	    fchmodat(AT_FDCWD, path, 04755, 0) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 04755);
	say("access", syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0);
	say("access by flags", syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) == 0);
	say("no access", syscall(SYS_faccessat2, AT_FDCWD, "/proc/self/fd/999", F_OK, AT_EACCESS) == -1 &&
				 errno == ENOENT);
	say("statfs", statfs("/proc/self", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC);
	say("utimensat",
	    utimensat(AT_FDCWD, path, times, 0) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec == LONG_AGO);
	say("utimensat now",
	    utimensat(AT_FDCWD, path, NULL, 0) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec > LONG_AGO);
	if (fsetxattr(fd, "user.other", "y", 1, 0) == 0) {
		say("setxattr", setxattr(path, "user.probe", "xyz", 3, XATTR_CREATE) == 0 &&
					fgetxattr(fd, "user.probe", value, sizeof value) == 3 &&
					strcmp(value, "xyz") == 0);
		say("no setxattr",
		    setxattr(path, "user.probe", "xyz", 3, XATTR_CREATE) == -1 && errno == EEXIST);
		say("getxattr", getxattr(path, "user.other", value, sizeof value) == 1 && value[0] == 'y');
		say("getxattr", getxattr(path, "user.probe", NULL, 0) == 3);
		say("getxattr", getxattr(path, "user.probe", value, 2) == -1 && errno == ERANGE);
	}
	return 0;
}

/* What is not in /proc is not answered; and what leads out of it does not lead out of the root. */
static int look_elsewhere(void)
{
	char target[64] = "";
	struct stat st;

	say("a file", reads("/etc/own", "own\n"));
	say("a name like it", reads("/process", "own\n") && reads("/procedures/x", "own\n"));
	say("no file", open("/etc/absent", O_RDONLY) == -1 && errno == ENOENT);
	say("a link", readlink("/etc/link", target, sizeof target - 1) == 3 && strcmp(target, "own") == 0);
	say("a folder for a file", open("/etc", O_WRONLY) == -1 && errno == EISDIR);
	say("no path", syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY) == -1 && errno == EFAULT);
	say("out of /proc", reads("/proc/../etc/own", "own\n"));
	say("out of /dev/fd", lstat("/dev/fd/../null", &st) == 0 && S_ISCHR(st.st_mode));
	say("out of the root", stat("/proc/../etc/passwd", &st) == -1 && errno == ENOENT);
	say("out of a process", stat("/proc/self/../../etc/passwd", &st) == -1 && errno == ENOENT);
	say("writing", open("/etc/new", O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0 && unlink("/etc/new") == 0);
	return 0;
}

static int look_at_name(void)
{
	struct utsname names;

	say("uname", uname(&names) == 0);
	printf("%s %s %s\n", names.sysname, names.nodename, names.domainname);
	say("uname to no memory", syscall(SYS_uname, (uintptr_t)8) == -1 && errno == EFAULT);
	return 0;
}

/* In threads of the second and third generation too. */
static int look_in_a_child(void)
{
	if (fork() == 0) {
		if (fork() == 0) {
			auto_free char *parent = xasprintf("/proc/%d/exe", (int)getppid());

			look_at_links();
			say_link(parent, SELF);
			exit(0);
		}
		wait(NULL);
		look_at_files();
		exit(0);
	}
	wait(NULL);
	return 0;
}

static const struct look {
	const char *name;
	int (*look)(void);
	const char *output;
} looks[] = {
	{ "links", look_at_links, "" },
	{ "files", look_at_files, "by /dev/stdout\nby /dev/fd/1\n" },
	{ "states", look_at_states, "" },
	{ "elsewhere", look_elsewhere, "" },
	{ "name", look_at_name, "Linux localhost (none)\n" },
	{ "child", look_in_a_child, "by /dev/stdout\nby /dev/fd/1\n" },
};

struct fixture {
	struct scratch scratch;
	int root_fd;
	struct sandbox sandbox;
};

static void expect(struct fixture *f, const char *const *argv, const char *script, const char *output)
{
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;

	if (sandbox_run(&f->sandbox, argv, script, &result, &e) < 0) {
		print_error("%s\n", e.text);
		fail();
	}
	assert_string_equal(result.tail.data ? result.tail.data : "", output);
	assert_int_equal(result.status, 0);
}

static int set_up(void **state)
{
	/* The sanitizer looks for leaks by ptrace(2), which programs of the sandbox may not call. */
	static const char *const environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C",
						   "ASAN_OPTIONS=detect_leaks=0", NULL };
	struct fixture *f = xcalloc(1, sizeof *f);
	char path[LIMIT_PATH_BYTES] = "";
	struct error e = ERROR_INIT;

	*state = f;
	f->root_fd = -1;
	if (!is_host_root())
		return 0;
	if (scratch_open(&f->scratch) < 0 || mkdirat(f->scratch.folder_fd, "root", 0755) < 0 ||
	    readlink("/proc/self/exe", path, sizeof path - 1) < 0)
		return -1;
	f->root_fd = openat(f->scratch.folder_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	small_root_make(f->root_fd);
	small_root_copy_file(f->root_fd, path, SELF);
	small_root_copy_libraries(f->root_fd, path);
	if (root_write_text(f->root_fd, "/etc/own", "own\n", &e) < 0 ||
	    root_write_text(f->root_fd, "/process", "own\n", &e) < 0 ||
	    root_make_dirs(f->root_fd, "/procedures", 0755, &e) < 0 ||
	    root_write_text(f->root_fd, "/procedures/x", "own\n", &e) < 0 ||
	    symlinkat("own", f->root_fd, "etc/link") < 0)
		return -1;
	f->sandbox = (struct sandbox) { .root_fd = f->root_fd,
					.environment = environment,
					.isolation = ISOLATION_CHROOT,
					.log = &f->scratch.log };
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = 0;

	if (f->root_fd >= 0) {
		close(f->root_fd);
		r = scratch_close(&f->scratch);
	}
	free(f);
	return r;
}

static struct fixture *fixture_of_root(void **state)
{
	struct fixture *f = *state;

	if (f->root_fd < 0) {
		print_message("needs root of the host\n");
		skip();
	}
	return f;
}

static void answers(void **state)
{
	struct fixture *f = fixture_of_root(state);

	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		const char *argv[] = { SELF, looks[i].name, NULL };

		expect(f, argv, NULL, looks[i].output);
	}
	/* All is as it was, and what was in /proc for a moment is nothing. */
	assert_int_equal(count_entries(f->scratch.folder, ""), 1);
}

/* By shells and programs as they are. */
static void scripts(void **state)
{
	struct fixture *f = fixture_of_root(state);
	const char *argv[] = { "a-script", "one", NULL };

	expect(f, argv,
	       "#!/bin/sh\n"
	       "echo \"$0 $1\"\n"
	       "readlink /proc/self/exe\n"
	       "echo text >/var/lib/x; exec 5<>/var/lib/x\n"
	       "chmod 4711 /proc/self/fd/5; stat -L -c %a /proc/self/fd/5 /dev/fd/5; stat -c %a /var/lib/x\n"
	       "cat /proc/self/fd/5 /dev/fd/5 5</var/lib/x\n"
	       "test -r /dev/fd/5 && test -e /proc/self/fd/5 && echo there\n"
	       "test -e /proc/self/fd/9 || echo not there\n"
	       "echo out >/dev/stdout; echo error >/dev/stderr\n"
	       "while read -r key value; do case $key in Name:) echo $value;; esac; done "
	       "</proc/self/status\n",
	       "/dev/fd/100 one\n/usr/bin/readlink\n4711\n4711\n4711\ntext\ntext\nthere\nnot "
	       "there\nout\nerror\n"
	       "100\n");
	assert_int_equal(count_entries(f->scratch.folder, ""), 1);
}

/* As tests/unit/t_sandbox.c has it for namespaces. */
static void endings(void **state)
{
	static const struct {
		const char *script;
		int status;
		int signal;
	} rows[] = {
		{ "exit 0", 0, 0 },
		{ "exit 3", 3, 0 },
		{ "kill -SEGV $$", 128 + SIGSEGV, SIGSEGV },
		{ "sleep 1000 & sleep 1000 & exit 4", 4, 0 },
		{ "exec >&- 2>&-; sleep 0.2; exit 5", 5, 0 },
	};
	struct fixture *f = fixture_of_root(state);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *argv[] = { "sh", "-c", rows[i].script, NULL };
		auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(sandbox_run(&f->sandbox, argv, NULL, &result, &e), 0);
		assert_int_equal(result.status, rows[i].status);
		assert_int_equal(result.signal, rows[i].signal);
	}
	{
		const char *argv[] = { "absent", NULL };
		auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(sandbox_run(&f->sandbox, argv, NULL, &result, &e), -1);
		assert_int_equal(e.kind, ERROR_SCRIPT);
		assert_string_equal(e.text, "cannot run 'absent': No such file or directory");
	}
	assert_int_equal(count_entries(f->scratch.folder, ""), 1);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = { CASE(answers), CASE(scripts), CASE(endings) };

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(looks); i++)
		if (strcmp(argv[1], looks[i].name) == 0)
			return looks[i].look();
	return cmocka_run_group_tests_name("proc_view", tests, NULL, NULL);
}
