/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs of the sandbox may not do, each beside the same without the sandbox. Needs root; without it every
 * case is skipped. tests/e2e/escapes.sh tries it in whole builds.
 */
#include "unit/unit.h"

#include "unit/room.h"

#include "base/alloc.h"
#include "base/file.h"
#include "sandbox/calls.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* SCRIPT prints OUTPUT and succeeds. */
static void expect(const struct sandbox *sandbox, const char *script, const char *output)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct error e = ERROR_INIT;

	if (sandbox_run(sandbox, argv, NULL, &result, &e) < 0) {
		print_error("%s\n", e.text);
		fail();
	}
	assert_string_equal(result.tail.data ? result.tail.data : "", output);
	assert_int_equal(result.status, 0);
}

static const char print_rights[] =
	"while read -r key value; do case $key in Cap*|NoNewPrivs:) echo $key $value;; "
	"esac; done </proc/self/status";

/*
 * chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_admin, net_bind_service, sys_chroot, mknod,
 * setfcap
 */
static void capabilities(void **state)
{
	struct fixture *f = fixture_of_root(state);

	expect(&f->sandbox, print_rights,
	       "CapInh: 0000000000000000\nCapPrm: 00000000880415fb\nCapEff: 00000000880415fb\n"
	       "CapBnd: 00000000880415fb\nCapAmb: 0000000000000000\nNoNewPrivs: 0\n");
	/* Ports and packet filters of the host are the host's. */
	f->sandbox.network = true;
	f->sandbox.no_new_privileges = true;
	expect(&f->sandbox, print_rights,
	       "CapInh: 0000000000000000\nCapPrm: 00000000880401fb\nCapEff: 00000000880401fb\n"
	       "CapBnd: 00000000880401fb\nCapAmb: 0000000000000000\nNoNewPrivs: 1\n");
}

/* Calls with senseless arguments: root of the host is told so, a program of the sandbox is told this. */
static const struct {
	const char *name;
	int answer;
	bool alone; /* is not made without the filter: that would do something */
} refused[] = {
	{ "init_module", EPERM, false },
	{ "finit_module", EPERM, false },
	{ "delete_module", EPERM, false },
	{ "kexec_load", EPERM, false },
	{ "kexec_file_load", EPERM, false },
	{ "bpf", EPERM, false },
	{ "settimeofday", EPERM, false },
	{ "clock_settime", EPERM, false },
	{ "adjtimex", EPERM, false },
	{ "clock_adjtime", EPERM, false },
	{ "reboot", EPERM, false },
	{ "swapon", EPERM, false },
	{ "swapoff", EPERM, false },
	{ "syslog", EPERM, false },
	{ "vhangup", EPERM, true },
	{ "ptrace", EPERM, false },
	{ "process_vm_readv", EPERM, false },
	{ "process_vm_writev", EPERM, false },
	{ "pidfd_getfd", EPERM, false },
	{ "kcmp", EPERM, false },
	{ "perf_event_open", EPERM, false },
	{ "userfaultfd", EPERM, false },
	{ "keyctl", ENOSYS, false },
	{ "add_key", ENOSYS, false },
	{ "request_key", ENOSYS, false },
	{ "open_by_handle_at", EPERM, false },
	{ "quotactl", EPERM, false },
	{ "acct", EPERM, false },
	{ "pivot_root", EPERM, false },
	{ "mount", EPERM, false },
	{ "umount2", EPERM, false },
	{ "open_tree", ENOSYS, false },
	{ "move_mount", ENOSYS, false },
	{ "mount_setattr", ENOSYS, false },
	{ "fsopen", ENOSYS, false },
	{ "fspick", ENOSYS, false },
	{ "fsconfig", ENOSYS, false },
	{ "fsmount", ENOSYS, false },
	{ "setns", EPERM, false },
	{ "unshare", EPERM, false },
	{ "clone", EPERM, false },
	{ "clone3", ENOSYS, false },
	{ "io_uring_setup", ENOSYS, false },
	{ "io_uring_enter", ENOSYS, false },
	{ "io_uring_register", ENOSYS, false },
#ifdef __x86_64__
	{ "iopl", EPERM, false },
	{ "ioperm", EPERM, false },
#endif
};

static const struct {
	int family;
	int type;
	int protocol;
	int answer; /* 0: can be made */
} sockets[] = {
	{ AF_UNIX, SOCK_STREAM, 0, 0 },
	{ AF_INET, SOCK_DGRAM, 0, 0 },
	{ AF_INET6, SOCK_DGRAM, 0, 0 },
	{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, 0 },
	{ AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, EPROTONOSUPPORT },
	{ AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, EPROTONOSUPPORT },
	{ AF_PACKET, SOCK_RAW, 0, EAFNOSUPPORT },
	{ AF_ALG, SOCK_SEQPACKET, 0, EAFNOSUPPORT },
	{ AF_VSOCK, SOCK_STREAM, 0, EAFNOSUPPORT },
	{ AF_KEY, SOCK_RAW, 2, EAFNOSUPPORT },
};

static int answer_of(const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

/* 0, or which row is wrong, from 1. Everything here may be done by root: the filter alone refuses it. */
static int compare_answers(bool filtered)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		int answer = refused[i].alone && !filtered ? 0 : answer_of(refused[i].name);

		/* ENOSYS without a filter: this kernel lacks it. */
		if (answer == refused[i].answer && !filtered && answer == ENOSYS)
			continue;
		if ((answer == refused[i].answer) != filtered)
			return 1 + (int)i;
	}
	return 0;
}

static int compare_sockets(void)
{
	for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
		int fd = socket(sockets[i].family, sockets[i].type | SOCK_CLOEXEC, sockets[i].protocol);

		if ((fd < 0 ? errno : 0) != sockets[i].answer)
			return 101 + (int)i;
		if (fd >= 0)
			close(fd);
	}
	errno = 0;
	if (ioctl(-1, TIOCSTI, "x") == 0 || errno != EPERM)
		return 201;
	/* With what the kernel does not look at. */
	if (syscall(SYS_ioctl, -1, (1UL << 32) + TIOCSTI, "x") == 0 || errno != EPERM)
		return 202;
	if (ioctl(-1, TIOCGWINSZ, NULL) == 0 || errno != EBADF)
		return 203;
	return 0;
}

static int in_filter(const struct calls *calls)
{
	int listener_fd;
	int row = compare_answers(false);

	if (row)
		return row;
	if (calls_filter(calls, &listener_fd) < 0 || listener_fd >= 0)
		return 250;
	row = compare_answers(true);
	return row ? row : compare_sockets();
}

static void calls_refused(void **state)
{
	auto_calls struct calls calls = CALLS_INIT;
	struct error e = ERROR_INIT;
	int status;
	pid_t child;

	need_host_root();
	fixture_of_root(state);
	assert_int_equal(calls_prepare(NULL, false, &calls, &e), 0);
	child = fork();
	if (child == 0)
		_exit(in_filter(&calls));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	status = WEXITSTATUS(status);
	if (status > 0 && status <= (int)ARRAY_LEN(refused))
		print_error("%s\n", refused[status - 1].name);
	assert_int_equal(status, 0);
}

/* May be made, as images may have some, and lead nowhere, also with other numbers for what is there anyhow. */
static void device_nodes(void **state)
{
	struct fixture *f = fixture_of_root(state);
	auto_close int fd = -1;

	need_host_root();
	assert_int_equal(mknodat(f->root_fd, "node", S_IFCHR | 0666, makedev(1, 5)), 0);
	fd = openat(f->root_fd, "node", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0); /* outside it works */
	expect(&f->sandbox, "( : </node) 2>&1; : </dev/zero && echo zero",
	       "sh: 1: cannot open /node: Permission denied\nzero\n");
	f->sandbox.mounts = true;
	expect(&f->sandbox, "mount -o bind / /mnt && ( : </mnt/node) 2>&1; umount /mnt",
	       "sh: 1: cannot open /mnt/node: Permission denied\n");
}

static void kernel_files(void **state)
{
	struct fixture *f = fixture_of_root(state);

	expect(&f->sandbox,
	       "for file in /proc/self/comm /proc/sys/vm/swappiness "
	       "/sys/kernel/mm/transparent_hugepage/enabled; do "
	       "{ [ ! -e $file ] || echo 1 >$file; } 2>/dev/null && echo $file; done; :",
	       "");
	expect(&f->sandbox,
	       "cat /proc/keys /proc/timer_list /sys/firmware/* 2>/dev/null; ls -A /sys/firmware", "");
	/* Process 1 is a copy of this program. */
	expect(&f->sandbox,
	       "for name in environ mem maps exe cwd fd ns/net auxv; do cat /proc/1/$name 2>/dev/null && "
	       "echo $name; "
	       "done; readlink /proc/1/exe; x=$(cat /proc/1/cmdline 2>/dev/null); echo \"[$x]\"; cat "
	       "/proc/1/comm",
	       "[]\ninit\n");
}

/* What actions may mount, and what they may not. */
static void requests(void **state)
{
	static const char try[] = "no() { \"$@\" 2>/dev/null && echo \"done: $*\"; :; }; mkdir -p /mnt/a; ";
	static const char *const forbidden[] = {
		"no mount -t proc proc /mnt/a",
		"no mount -t sysfs sys /mnt/a",
		"no mount -t devtmpfs dev /mnt/a",
		"no mount -o remount,bind,dev /",
		"no mount -o remount,rw /proc",
		"no mount --bind /proc /mnt/a",
		"no mount --bind /sys/kernel /mnt/a",
		"no mount --bind /proc/1/root /mnt/a",
		"no mount --make-shared /",
		"no mount --move /tmp /mnt/a",
		"no umount /proc",
		"no umount /proc/1/root",
		"no umount -l /sys/firmware",
		"no umount /dev/null",
		"no umount /mnt",
		"no mount -t overlay -o lowerdir=/usr o /mnt/a",
	};
	struct fixture *f = fixture_of_root(state);

	f->sandbox.mounts = true;
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		auto_free char *script = xasprintf("%s%s", try, forbidden[i]);

		expect(&f->sandbox, script, "");
	}
	expect(&f->sandbox,
	       "set -e; mkdir -p /mnt/b; mount -t tmpfs -o size=64k,mode=0711 none /mnt; stat -c %a /mnt; "
	       "echo x >/mnt/x; mkdir /mnt/c; mount --bind /mnt/c /tmp; umount /tmp; umount /mnt; ls /mnt; "
	       "mount --rbind / /mnt; ls -d /mnt/proc/self/fd; umount /mnt",
	       "711\na\nb\n/mnt/proc/self/fd\n");
	expect(&f->sandbox, "mount -t tmpfs none /sys/firmware && umount /sys/firmware && echo done",
	       "done\n");
	/* Packages' scripts have no such matters. */
	f->sandbox.mounts = false;
	expect(&f->sandbox,
	       "no() { \"$@\" 2>/dev/null && echo \"done: $*\"; :; }; no mount --bind / /mnt; "
	       "no mount -t tmpfs none /mnt; no umount -l /usr/sbin/policy-rc.d",
	       "");
}

#ifdef __x86_64__
static long i386_call(long number)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(-1L), "c"(-1L), "d"(-1L), "S"(-1L), "D"(-1L)
			 : "memory");
	return -result;
}

/* 0: as in their own numbers. 77: this kernel has none of them. */
static int refused_by_other_numbers(const struct calls *calls)
{
	enum {
		GETPID = 20,
		MOUNT = 21,
		UMOUNT = 22,
		SETTIMEOFDAY = 79,
		REBOOT = 88,
		IOPL = 110,
		INIT_MODULE = 128
	};
	static const int numbers[] = { MOUNT, UMOUNT, SETTIMEOFDAY, REBOOT, IOPL, INIT_MODULE };
	int listener_fd;

	signal(SIGSEGV, SIG_DFL);
	if (i386_call(GETPID) != -getpid())
		return 77;
	if (calls_filter(calls, &listener_fd) < 0)
		return 250;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (i386_call(numbers[i]) != EPERM)
			return 1 + (int)i;
	return 0;
}

static void other_numbers(void **state)
{
	auto_calls struct calls calls = CALLS_INIT;
	struct error e = ERROR_INIT;
	int status;
	pid_t child;

	fixture_of_root(state);
	assert_int_equal(calls_prepare(NULL, false, &calls, &e), 0);
	child = fork();
	if (child == 0)
		_exit(refused_by_other_numbers(&calls));
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) || WEXITSTATUS(status) == 77) {
		print_message("this machine has no other system calls\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}
#endif

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(capabilities),  CASE(calls_refused), CASE(device_nodes),
		CASE(kernel_files),  CASE(requests),
#ifdef __x86_64__
		CASE(other_numbers),
#endif
	};

	return cmocka_run_group_tests_name("walls", tests, NULL, NULL);
}
