/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/calls.h"

#include "base/alloc.h"
#include "base/file.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define auto_filter AUTO(filter_release)

/* How many of what else the kernel runs: x86 has two. */
enum { COMPANION_MAX = 2 };

/*
 * A root under construction need not survive a crash: what comes of it is the image, which is written to the
 * disk when it is finished. Everything else that these calls promise holds without them, as all programs see one
 * page cache. What a file opened with O_SYNC or an io_uring does is not covered: no filter can change that.
 */
static const char no_durability[] = "the root is thrown away after a crash";

static const struct {
	const char *name;
	int answer;    /* errno of the caller; 0: done */
	unsigned flag; /* only with it in argument number `flag_at`; 0: always */
	unsigned flag_at;
	const char *why;
} rules[] = {
	{ "sync", 0, 0, 0, no_durability },
	{ "syncfs", 0, 0, 0, no_durability },
	{ "fsync", 0, 0, 0, no_durability },
	{ "fdatasync", 0, 0, 0, no_durability },
	{ "sync_file_range", 0, 0, 0, no_durability },
	{ "sync_file_range2", 0, 0, 0, no_durability },    /* powerpc */
	{ "arm_sync_file_range", 0, 0, 0, no_durability }, /* armhf */
	/* With MS_ASYNC it does nothing, and some ask by that whether memory is mapped: they need the answer. */
	{ "msync", 0, MS_SYNC, 2, no_durability },
};

/* Instruction sets that the kernel of one runs besides. */
static const struct {
	uint32_t native;
	uint32_t companions[COMPANION_MAX];
} kernels[] = {
	{ SCMP_ARCH_X86_64, { SCMP_ARCH_X86, SCMP_ARCH_X32 } },
	{ SCMP_ARCH_AARCH64, { SCMP_ARCH_ARM } },
	{ SCMP_ARCH_PPC64, { SCMP_ARCH_PPC } },
	{ SCMP_ARCH_S390X, { SCMP_ARCH_S390 } },
	{ SCMP_ARCH_MIPS64, { SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32 } },
	{ SCMP_ARCH_MIPSEL64, { SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32 } },
};

static void filter_release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int add_companions(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
		for (size_t k = 0; k < COMPANION_MAX && r == 0; k++)
			if (kernels[i].native == seccomp_arch_native() && kernels[i].companions[k])
				r = seccomp_arch_add(filter, kernels[i].companions[k]);
	return r;
}

/* libseccomp finds the number on each architecture, and leaves out a call that one does not have. */
static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(rules) && r == 0; i++) {
		int number = seccomp_syscall_resolve_name(rules[i].name);
		struct scmp_arg_cmp condition =
			SCMP_CMP(rules[i].flag_at, SCMP_CMP_MASKED_EQ, rules[i].flag, rules[i].flag);

		r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned)rules[i].answer), number,
					   rules[i].flag ? 1 : 0, &condition);
	}
	return r;
}

/* A program that is no valid one is refused with EINVAL, but only once it could be read. */
bool calls_are_filtered(void)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 && errno == EFAULT;
}

int calls_prepare(struct log *log, struct calls *calls, struct error *e)
{
	auto_filter scmp_filter_ctx filter = NULL;
	auto_close int memory = -1;
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
	memory = memfd_create("calls", MFD_CLOEXEC);
	if (!filter || memory < 0)
		return error_sys(e, "cannot make a filter of system calls");
	/* An instruction set that is in no table is let through: else its programs would be killed. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (r == 0)
		r = add_companions(filter);
	if (r == 0)
		r = add_rules(filter);
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

int calls_filter(const struct calls *calls)
{
	struct sock_fprog program = {
		.len = (unsigned short)(calls->len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)calls->program,
	};

	if (!calls->program)
		return 0;
	/* Without the flag kernels before Linux 5.16 make filtered programs slower, against Spectre. */
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}

void calls_release(struct calls *calls)
{
	free(TAKE(calls->program, NULL));
	calls->len = 0;
}
