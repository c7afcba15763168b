/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/rights.h"

#include "base/auto.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * None of those that are left out is needed for files of a root, or for what scripts start in it. Above all not
 * CAP_SYS_ADMIN: it is half of root's rights, and with it any mount's flags could be changed; mounts that actions
 * ask for are made by the sandbox's init (requests.h). Nor CAP_DAC_READ_SEARCH, which opens files by number;
 * CAP_SYS_PTRACE, CAP_SYS_RAWIO, CAP_SYS_MODULE, CAP_SYS_TIME, CAP_SYS_BOOT, CAP_SYSLOG, CAP_BPF, CAP_PERFMON;
 * CAP_NET_ADMIN and CAP_NET_RAW, whose network is the host's in actions; CAP_AUDIT_WRITE; CAP_SYS_RESOURCE, which
 * goes past limits; CAP_LINUX_IMMUTABLE, as an image cannot hold what it makes.
 */
static const struct {
	unsigned number;
	bool own_network; /* only where the network is the sandbox's own */
	const char *why;
} kept[] = {
	{ CAP_CHOWN, false, "files of system users" },
	{ CAP_DAC_OVERRIDE, false, "root writes files of others" },
	{ CAP_FOWNER, false, "and sets their modes and times" },
	{ CAP_FSETID, false, "set-group-id bits stay when files are written" },
	{ CAP_KILL, false, "what a script has started as another user" },
	{ CAP_SETGID, false, "su, runuser, setpriv, apt's own users" },
	{ CAP_SETUID, false, "likewise" },
	{ CAP_SETPCAP, false, "they give capabilities up" },
	{ CAP_SETFCAP, false, "setcap in scripts, as ping's" },
	{ CAP_MKNOD, false, "images may have device nodes; none can be opened (mounts.c)" },
	{ CAP_SYS_CHROOT, false, "systems in systems; around is only the root" },
	{ CAP_NET_BIND_SERVICE, true, "servers that scripts start to set themselves up" },
};

/* Of kernels that are newer than this host's headers: struct landlock_ruleset_attr, and what is asked of it. */
struct landlock_rules {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

enum {
	LANDLOCK_ASK_VERSION = 1,
	LANDLOCK_WITH_SCOPES = 6, /* the version of it, Linux 6.12 */
	LANDLOCK_ABSTRACT_SOCKETS = 1,
};

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif

/*
 * Abstract sockets belong to a network, not to a folder. From now on those that this process's children bind can be
 * connected to, and no others.
 */
static void leave_abstract_sockets(void)
{
	struct landlock_rules rules = { .scoped = LANDLOCK_ABSTRACT_SOCKETS };
	auto_close int fd = -1;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION) < LANDLOCK_WITH_SCOPES)
		return;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
	if (fd >= 0)
		syscall(SYS_landlock_restrict_self, fd, 0);
}

void rights_leave_host(bool network)
{
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (network)
		leave_abstract_sockets();
}

static bool is_kept(unsigned number, bool network)
{
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (kept[i].number == number)
			return !network || !kept[i].own_network;
	return false;
}

int rights_reduce(bool network, bool no_new_privileges)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, sets) < 0)
		return -1;
	for (unsigned number = 0; number < 32 * _LINUX_CAPABILITY_U32S_3; number++) {
		if (is_kept(number, network))
			continue;
		/* EINVAL: the kernel has no more of them. */
		if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0 && errno != EINVAL)
			return -1;
		sets[number / 32].permitted &= ~(1U << number % 32);
	}
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	/* Before Linux 4.3 there were none. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -1;
	if (syscall(SYS_capset, &header, sets) < 0)
		return -1;
	return no_new_privileges ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

int rights_hide_process(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
