/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/calls.h"

#include "base/alloc.h"
#include "base/file.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define auto_filter AUTO(filter_release)

enum {
	CONDITION_MAX = 2,
#ifdef __s390__
	CLONE_FLAGS_AT = 1,
#else
	CLONE_FLAGS_AT = 0,
#endif
};

/* A value of which the kernel looks at the lower half only, whatever stands in the upper one. */
#define LOWER_HALF 0xffffffffU

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

/*
 * A root under construction need not survive a crash: what comes of it is the image, which is written to the
 * disk when it is finished. Everything else that these calls promise holds without them, as all programs see one
 * page cache. What a file opened with O_SYNC does is not covered: no filter can change that.
 */
static const char no_durability[] = "the root is thrown away after a crash";

static const char kernel_code[] = "what the kernel runs is not a package's matter";
static const char clocks[] = "there is one clock, the host's";
static const char machine[] = "the machine is the host's";
static const char ports[] = "hardware, without a driver's say";
static const char others[] = "a process reads and drives another, or takes its descriptors";
static const char key_rings[] = "they are of a user, not of a sandbox: root's are the host's";
static const char handles[] = "files by number, past all folders: the host's, where they share a file system";
static const char mount_calls[] = "the sandbox's mounts are its walls; mount(8) then uses mount(2)";
static const char namespaces[] = "in namespaces of their own programs have all capabilities again";
static const char unseen[] = "its arguments cannot be seen: programs then use clone(2)";
static const char unfiltered[] = "it makes calls that no filter sees, fsync(2) among them";
static const char accounting[] = "the host's disks and its records of what ran on it";
static const char kernel_faults[] = "for emulators and debuggers; in attacks on the kernel, to win races";
static const char terminals[] = "typing into a terminal for whoever sits before it";
static const char families[] = "raw packets, the hypervisor, radio, and much that is rarely looked after";
static const char no_network[] = "the network is the container's, and this program is to have none";
static const char host_events[] = "the host's audit and its devices coming and going; programs do without";

static const struct rule {
	const char *name;
	int answer;                              /* errno of the caller; 0: done */
	const char *why;                         /* it is answered so */
	struct scmp_arg_cmp when[CONDITION_MAX]; /* all of them; those without `op` count for nothing */
} rules[] = {
	{ "sync", 0, no_durability, { { 0 } } },
	{ "syncfs", 0, no_durability, { { 0 } } },
	{ "fsync", 0, no_durability, { { 0 } } },
	{ "fdatasync", 0, no_durability, { { 0 } } },
	{ "sync_file_range", 0, no_durability, { { 0 } } },
	{ "sync_file_range2", 0, no_durability, { { 0 } } },    /* powerpc */
	{ "arm_sync_file_range", 0, no_durability, { { 0 } } }, /* armhf */
	/* With MS_ASYNC it does nothing, and some ask by that whether memory is mapped: they need the answer. */
	{ "msync", 0, no_durability, { { 2, SCMP_CMP_MASKED_EQ, MS_SYNC, MS_SYNC } } },

	{ "init_module", EPERM, kernel_code, { { 0 } } },
	{ "finit_module", EPERM, kernel_code, { { 0 } } },
	{ "delete_module", EPERM, kernel_code, { { 0 } } },
	{ "kexec_load", EPERM, kernel_code, { { 0 } } },
	{ "kexec_file_load", EPERM, kernel_code, { { 0 } } },
	{ "bpf", EPERM, kernel_code, { { 0 } } },

	{ "settimeofday", EPERM, clocks, { { 0 } } },
	{ "stime", EPERM, clocks, { { 0 } } },
	{ "clock_settime", EPERM, clocks, { { 0 } } },
	{ "clock_settime64", EPERM, clocks, { { 0 } } },
	{ "adjtimex", EPERM, clocks, { { 0 } } },
	{ "clock_adjtime", EPERM, clocks, { { 0 } } },
	{ "clock_adjtime64", EPERM, clocks, { { 0 } } },

	{ "reboot", EPERM, machine, { { 0 } } },
	{ "swapon", EPERM, machine, { { 0 } } },
	{ "swapoff", EPERM, machine, { { 0 } } },
	{ "syslog", EPERM, machine, { { 0 } } },
	{ "vhangup", EPERM, machine, { { 0 } } },

	{ "iopl", EPERM, ports, { { 0 } } },
	{ "ioperm", EPERM, ports, { { 0 } } },
	{ "pciconfig_read", EPERM, ports, { { 0 } } },
	{ "pciconfig_write", EPERM, ports, { { 0 } } },
	{ "pciconfig_iobase", EPERM, ports, { { 0 } } },
	{ "rtas", EPERM, ports, { { 0 } } },
	{ "s390_pci_mmio_read", EPERM, ports, { { 0 } } },
	{ "s390_pci_mmio_write", EPERM, ports, { { 0 } } },

	{ "ptrace", EPERM, others, { { 0 } } },
	{ "process_vm_readv", EPERM, others, { { 0 } } },
	{ "process_vm_writev", EPERM, others, { { 0 } } },
	{ "pidfd_getfd", EPERM, others, { { 0 } } },
	{ "kcmp", EPERM, others, { { 0 } } },
	{ "perf_event_open", EPERM, others, { { 0 } } },
	{ "userfaultfd", EPERM, kernel_faults, { { 0 } } },

	{ "keyctl", ENOSYS, key_rings, { { 0 } } },
	{ "add_key", ENOSYS, key_rings, { { 0 } } },
	{ "request_key", ENOSYS, key_rings, { { 0 } } },

	{ "open_by_handle_at", EPERM, handles, { { 0 } } },
	{ "quotactl", EPERM, accounting, { { 0 } } },
	{ "quotactl_fd", EPERM, accounting, { { 0 } } },
	{ "acct", EPERM, accounting, { { 0 } } },

	{ "pivot_root", EPERM, mount_calls, { { 0 } } },
	{ "open_tree", ENOSYS, mount_calls, { { 0 } } },
	{ "open_tree_attr", ENOSYS, mount_calls, { { 0 } } },
	{ "move_mount", ENOSYS, mount_calls, { { 0 } } },
	{ "mount_setattr", ENOSYS, mount_calls, { { 0 } } },
	{ "fsopen", ENOSYS, mount_calls, { { 0 } } },
	{ "fspick", ENOSYS, mount_calls, { { 0 } } },
	{ "fsconfig", ENOSYS, mount_calls, { { 0 } } },
	{ "fsmount", ENOSYS, mount_calls, { { 0 } } },

	{ "setns", EPERM, namespaces, { { 0 } } },
	{ "unshare", EPERM, namespaces, { { 0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER } } },
	{ "clone",
	  EPERM,
	  namespaces,
	  { { CLONE_FLAGS_AT, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER } } },
	{ "clone3", ENOSYS, unseen, { { 0 } } },
	{ "io_uring_setup", ENOSYS, unfiltered, { { 0 } } },
	{ "io_uring_enter", ENOSYS, unfiltered, { { 0 } } },
	{ "io_uring_register", ENOSYS, unfiltered, { { 0 } } },

	{ "ioctl", EPERM, terminals, { { 1, SCMP_CMP_MASKED_EQ, LOWER_HALF, TIOCSTI } } },
	{ "ioctl", EPERM, terminals, { { 1, SCMP_CMP_MASKED_EQ, LOWER_HALF, TIOCLINUX } } },

	/* socketcall(2), by which 32-bit programs of some architectures make sockets, keeps its arguments in memory. */
	/* All but AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, which is 16. */
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, 3 } } },
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 3, 4 } } }, /* to 7 */
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 1, 8 } } },
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, 11 } } },
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 3, 12 } } }, /* to 15 */
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, 17 } } },
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 1, 18 } } },
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 3, 20 } } },  /* to 23 */
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 7, 24 } } },  /* to 31 */
	{ "socket", EAFNOSUPPORT, families, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF - 31, 32 } } }, /* to 63 */
	{ "socket",
	  EPROTONOSUPPORT,
	  host_events,
	  { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, AF_NETLINK },
	    { 2, SCMP_CMP_MASKED_EQ, LOWER_HALF, NETLINK_AUDIT } } },
	{ "socket",
	  EPROTONOSUPPORT,
	  host_events,
	  { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, AF_NETLINK },
	    { 2, SCMP_CMP_MASKED_EQ, LOWER_HALF, NETLINK_KOBJECT_UEVENT } } },
};

/* Refused, or where the sandbox is made so, done by its init as far as that is harmless (requests.h). */
/* In place of a network namespace; of socketcall(2) it cannot be seen for what, so there it is every socket. */
static const struct rule offline_rules[] = {
	{ "socket", EAFNOSUPPORT, no_network, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, AF_INET } } },
	{ "socket", EAFNOSUPPORT, no_network, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, AF_INET6 } } },
	{ "socketcall", EAFNOSUPPORT, no_network, { { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, 1 } } },
};

static const char *const mount_names[CALLS_OF_MOUNTS] = { "mount", "umount2", "umount", "uname" };

/* Instruction sets that the kernel of one runs besides; in both directions, as kiln may be the smaller one. */
static const struct {
	uint32_t native;
	uint32_t companions[COMPANION_MAX];
} kernels[] = {
	{ SCMP_ARCH_X86_64, { SCMP_ARCH_X86, SCMP_ARCH_X32 } },
	{ SCMP_ARCH_X86, { SCMP_ARCH_X86_64, SCMP_ARCH_X32 } },
	{ SCMP_ARCH_X32, { SCMP_ARCH_X86_64, SCMP_ARCH_X86 } },
	{ SCMP_ARCH_AARCH64, { SCMP_ARCH_ARM } },
	{ SCMP_ARCH_ARM, { SCMP_ARCH_AARCH64 } },
	{ SCMP_ARCH_PPC64, { SCMP_ARCH_PPC } },
	{ SCMP_ARCH_PPC, { SCMP_ARCH_PPC64 } },
	{ SCMP_ARCH_S390X, { SCMP_ARCH_S390 } },
	{ SCMP_ARCH_S390, { SCMP_ARCH_S390X } },
	{ SCMP_ARCH_MIPS64, { SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32 } },
	{ SCMP_ARCH_MIPS, { SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32 } },
	{ SCMP_ARCH_MIPSEL64, { SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32 } },
	{ SCMP_ARCH_MIPSEL, { SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32 } },
};

static void filter_release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* A native instruction set first, so that it has the shortest way through the filter. */
static int add_companions(scmp_filter_ctx filter, struct calls *calls)
{
	int r = 0;

	calls->sets[calls->set_count++].token = seccomp_arch_native();
	for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
		for (size_t k = 0; k < COMPANION_MAX && r == 0; k++) {
			if (kernels[i].native != seccomp_arch_native() || !kernels[i].companions[k])
				continue;
			r = seccomp_arch_add(filter, kernels[i].companions[k]);
			calls->sets[calls->set_count++].token = kernels[i].companions[k];
		}
	return r;
}

/*
 * libseccomp finds the number on each architecture, and leaves out a call that one does not have. Those that are newer
 * than libseccomp need capabilities that programs do not have.
 */
static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->name);
	unsigned count = 0;

	if (number == __NR_SCMP_ERROR)
		return 0;
	while (count < CONDITION_MAX && rule->when[count].op)
		count++;
	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned)rule->answer), number, count,
				      rule->when);
}

static int add_rules(scmp_filter_ctx filter, unsigned options)
{
	uint32_t answer = options & CALLS_WITH_MOUNTS ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM);
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(rules) && r == 0; i++)
		r = add_rule(filter, &rules[i]);
	for (size_t i = 0; options & CALLS_WITHOUT_NET && i < ARRAY_LEN(offline_rules) && r == 0; i++)
		r = add_rule(filter, &offline_rules[i]);
	if (r == 0 && options & CALLS_WITH_NAME)
		r = seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY,
					   seccomp_syscall_resolve_name(mount_names[CALLS_UNAME]), 0, NULL);
	for (size_t i = 0; i < CALLS_UNAME && r == 0; i++)
		r = seccomp_rule_add_array(filter, answer, seccomp_syscall_resolve_name(mount_names[i]), 0,
					   NULL);
	return r;
}

static void find_mount_numbers(struct calls *calls)
{
	for (size_t i = 0; i < calls->set_count; i++)
		for (size_t k = 0; k < CALLS_OF_MOUNTS; k++)
			calls->sets[i].numbers[k] =
				seccomp_syscall_resolve_name_arch(calls->sets[i].token, mount_names[k]);
}

/* A program that is no valid one is refused with EINVAL, but only once it could be read. */
bool calls_are_filtered(void)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 && errno == EFAULT;
}

/* FILTER as the kernel takes it, into CALLS; R is how its making has ended. */
static int export(scmp_filter_ctx filter, int r, struct calls *calls, struct error *e)
{
	auto_close int memory = memfd_create("calls", MFD_CLOEXEC);

	if (memory < 0)
		return error_sys(e, "cannot make a filter of system calls");
	if (r == 0)
		r = seccomp_export_bpf(filter, memory);
	if (r < 0) {
		errno = -r;
		return error_sys(e, "cannot make a filter of system calls");
	}
	if (lseek(memory, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read the filter of system calls");
	return file_read_fd(memory, BPF_MAXINSNS * sizeof(struct sock_filter), &calls->program, &calls->len,
			    e);
}

int calls_prepare(struct log *log, unsigned options, struct calls *calls, struct error *e)
{
	auto_filter scmp_filter_ctx filter = NULL;
	int r;

	if (!calls_are_filtered()) {
		if (log)
			log_detail(
				log,
				"system calls cannot be filtered here (%s): programs may wait for the disk",
				strerror(errno));
		return 0;
	}
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return error_sys(e, "cannot make a filter of system calls");
	/* All that this kernel runs are in the table: what is not could call what it likes. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = add_companions(filter, calls);
	if (r == 0)
		r = add_rules(filter, options);
	calls->listened = options & (CALLS_WITH_MOUNTS | CALLS_WITH_NAME);
	find_mount_numbers(calls);
	return export(filter, r, calls, e);
}

int calls_prepare_listener(const struct calls_listened *list, size_t count, struct calls *calls,
			   struct error *e)
{
	const struct scmp_arg_cmp here = { 0, SCMP_CMP_MASKED_EQ, LOWER_HALF, (unsigned)AT_FDCWD };
	auto_filter scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = 0;

	if (!filter)
		return error_sys(e, "cannot make a filter of system calls");
	/* Others have other numbers, and other layouts of what they are answered with. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	for (size_t i = 0; i < count && r == 0; i++) {
		int number = seccomp_syscall_resolve_name(list[i].name);

		if (number >= 0)
			r = seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, number, list[i].from_folder,
						   &here);
	}
	return export(filter, r, calls, e);
}

static int set_filter(const struct calls *calls, unsigned flags)
{
	struct sock_fprog program = {
		.len = (unsigned short)(calls->len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)calls->program,
	};

	/* Without the flag kernels before Linux 5.16 make filtered programs slower, against Spectre. */
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW | flags,
			    &program);
}

int calls_filter(const struct calls *calls, int *listener_fd)
{
	*listener_fd = -1;
	if (!calls->program)
		return 0;
	if (calls->listened) {
		*listener_fd = set_filter(calls, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		if (*listener_fd >= 0)
			return 0;
		/* A container whose manager listens itself: then there are no such calls here. */
		if (errno != EBUSY)
			return -1;
	}
	return set_filter(calls, 0);
}

int calls_listen(const struct calls *calls)
{
	return set_filter(calls, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

enum calls_of_mounts calls_find_mount(const struct calls *calls, uint32_t token, int number)
{
	for (size_t i = 0; i < calls->set_count; i++)
		for (unsigned k = 0; k < CALLS_OF_MOUNTS; k++)
			if (calls->sets[i].token == token && calls->sets[i].numbers[k] == number)
				return (enum calls_of_mounts)k;
	return CALLS_OF_MOUNTS;
}

void calls_release(struct calls *calls)
{
	free(TAKE(calls->program, NULL));
	*calls = CALLS_INIT;
}
