/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/privilege.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/program.h"
#include "base/trial.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { MAPPING_TIMEOUT_MS = 30 * 1000, NOBODY = 65534 };

#define MAPPING_FILE_MAX_BYTES MIB

enum { ALL_USES = PRIVILEGE_FILES | PRIVILEGE_CHROOT | PRIVILEGE_NAMESPACES };

static const struct {
	unsigned number;
	const char *name;
	unsigned uses; /* enum privilege_use */
} needed_capabilities[] = {
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", PRIVILEGE_NAMESPACES },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", PRIVILEGE_NAMESPACES }, /* for the loopback device of a network */
	{ CAP_CHOWN, "CAP_CHOWN", ALL_USES },
	{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE", ALL_USES },
	{ CAP_FOWNER, "CAP_FOWNER", ALL_USES },
	{ CAP_FSETID, "CAP_FSETID", ALL_USES },
	{ CAP_KILL, "CAP_KILL", PRIVILEGE_CHROOT }, /* what scripts leave behind as other users */
	{ CAP_MKNOD, "CAP_MKNOD", PRIVILEGE_CHROOT },
	{ CAP_SETFCAP, "CAP_SETFCAP", ALL_USES },
	{ CAP_SETGID, "CAP_SETGID", PRIVILEGE_CHROOT | PRIVILEGE_NAMESPACES },
	{ CAP_SETPCAP, "CAP_SETPCAP", PRIVILEGE_CHROOT }, /* to take others from scripts */
	{ CAP_SETUID, "CAP_SETUID", PRIVILEGE_CHROOT | PRIVILEGE_NAMESPACES },
	{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT", PRIVILEGE_CHROOT | PRIVILEGE_NAMESPACES },
};

/* What an image's ids are on the host, beside 0, as whoever starts kiln may use them. */
struct mapping {
	const char *map;     /* file of /proc/PID */
	const char *program; /* that writes it for those who have no right to */
	const char *file;    /* what is granted: subuid(5) */
	uint32_t own;        /* what becomes 0 */
	struct id_range ranges[ID_RANGE_MAX];
	size_t count;
};

const char *privilege_missing(enum privilege_use use)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, sets) < 0)
		return "capabilities";
	for (size_t i = 0; i < ARRAY_LEN(needed_capabilities); i++) {
		unsigned number = needed_capabilities[i].number;

		if (needed_capabilities[i].uses & use && !(sets[number / 32].effective & 1U << number % 32))
			return needed_capabilities[i].name;
	}
	return NULL;
}

/* A small file of the kernel, malloc'ed and without its line end; NULL when there is none. */
static char *read_setting(const char *path)
{
	struct error ignored = ERROR_INIT;
	char *text = NULL;

	if (file_read(AT_FDCWD, path, MAPPING_FILE_MAX_BYTES, &text, NULL, &ignored) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

bool privilege_is_confined(void)
{
	auto_free char *map = read_setting("/proc/self/uid_map");
	struct text rest = map ? text_of(map) : (struct text) { NULL, 0 };
	struct text inside = text_word(&rest);
	struct text outside = text_word(&rest);

	/* All ids there are, as themselves. */
	return !text_is(inside, "0") || !text_is(outside, "0") || !text_is(text_word(&rest), "4294967295");
}

/* Switches of kernels and distributions that keep users from having namespaces, and what turns them. */
static int explain_refusal(int reason, struct error *e)
{
	static const struct {
		const char *path;
		const char *forbids; /* the value that does, or NULL: 0 */
		const char *mend;
	} switches[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone", "0",
		  "sysctl -w kernel.unprivileged_userns_clone=1" },
		{ "/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000" },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
		  "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
		auto_free char *value = read_setting(switches[i].path);

		if (value && strcmp(value, switches[i].forbids) == 0)
			return error_set(
				e, ERROR_PRIVILEGE,
				"this host does not let users have namespaces of their own (%s is %s); "
				"as root: %s; or run kiln as root",
				switches[i].path + strlen("/proc/sys/"), value, switches[i].mend);
	}
	/* No switch of this host: one of a namespace around this one, or of who started this process. */
	return error_set(
		e, ERROR_PRIVILEGE, "this process may not have a user namespace of its own (%s); %s",
		reason == ENOSPC ? "there are as many as allowed" : strerror(reason),
		reason == ENOSPC
			? "as root of what runs this container: sysctl -w user.max_user_namespaces=10000"
			: "a container has to be started with fewer restrictions (of Docker and Podman: "
			  "--security-opt "
			  "seccomp=unconfined --security-opt apparmor=unconfined), or run kiln as root");
}

size_t id_ranges_parse(struct text text, const char *name, uid_t id, struct id_range ranges[ID_RANGE_MAX],
		       uint32_t *total)
{
	char number[16];
	size_t count = 0;

	snprintf(number, sizeof number, "%u", (unsigned)id);
	*total = 0;
	while (text.ptr && count < ID_RANGE_MAX && *total < PRIVILEGE_ID_COUNT) {
		struct text line = text_cut(text, '\n', &text);
		struct text who = text_cut(line, ':', &line);
		struct text first = text_cut(line, ':', &line);
		uint64_t from;
		uint64_t len;

		if (!text_is(who, number) && !(name && text_is(who, name)))
			continue;
		if (!text_to_u64(first, &from) || !line.ptr || !text_to_u64(text_trim(line), &len) ||
		    from == 0 || from > UINT32_MAX - 1 || len == 0)
			continue;
		if (len > UINT32_MAX - 1 - from)
			len = UINT32_MAX - 1 - from;
		if (len > PRIVILEGE_ID_COUNT - *total)
			len = PRIVILEGE_ID_COUNT - *total;
		ranges[count++] = (struct id_range) { (uint32_t)from, (uint32_t)len };
		*total += (uint32_t)len;
	}
	return count;
}

/* What the host grants to a user. */
static int find_granted(struct mapping *mapping, const char *name, uid_t uid, struct error *e)
{
	struct error ignored = ERROR_INIT;
	auto_free char *text = NULL;
	size_t len = 0;
	uint32_t total = 0;

	if (file_read(AT_FDCWD, mapping->file, MAPPING_FILE_MAX_BYTES, &text, &len, &ignored) == 0)
		mapping->count =
			id_ranges_parse((struct text) { text, len }, name, uid, mapping->ranges, &total);
	if (total >= PRIVILEGE_ID_COUNT)
		return 0;
	return error_set(e, ERROR_PRIVILEGE,
			 "user '%s' has %u subordinate ids in %s, and an image needs %d; as root: usermod "
			 "--add-subuids 100000-165535 --add-subgids 100000-165535 %s; or run kiln as root",
			 name, (unsigned)total, mapping->file, PRIVILEGE_ID_COUNT, name);
}

/* Root without all of its rights, as in a container, still has the ids that it has: 0 and what follows. */
static int find_own(struct mapping *mapping, struct error *e)
{
	auto_free char *path = xasprintf("/proc/self/%s", mapping->map);
	auto_free char *map = NULL;
	size_t len = 0;
	struct text rest;
	uint64_t first;
	uint64_t count;

	if (file_read(AT_FDCWD, path, MAPPING_FILE_MAX_BYTES, &map, &len, e) < 0)
		return -1;
	rest = (struct text) { map, len };
	if (text_to_u64(text_word(&rest), &first) && text_word(&rest).len &&
	    text_to_u64(text_word(&rest), &count) && first == 0 && count > PRIVILEGE_ID_COUNT) {
		mapping->ranges[mapping->count++] = (struct id_range) { 1, PRIVILEGE_ID_COUNT };
		return 0;
	}
	return error_set(e, ERROR_PRIVILEGE,
			 "this container has fewer than %d ids, and an image needs as many: give it more, or "
			 "run kiln outside",
			 PRIVILEGE_ID_COUNT + 1);
}

/* All ids that an image may have, of users and of groups. */
static int find_ids(struct mapping mappings[2], struct error *e)
{
	bool is_root = geteuid() == 0;
	const struct passwd *user = is_root ? NULL : getpwuid(geteuid());
	char number[16];

	mappings[0] = (struct mapping) {
		.map = "uid_map", .program = "newuidmap", .file = "/etc/subuid", .own = geteuid()
	};
	mappings[1] = (struct mapping) {
		.map = "gid_map", .program = "newgidmap", .file = "/etc/subgid", .own = getegid()
	};
	snprintf(number, sizeof number, "%u", (unsigned)geteuid());
	for (size_t i = 0; i < 2; i++)
		if ((is_root ? find_own(&mappings[i], e)
			     : find_granted(&mappings[i], user ? user->pw_name : number, geteuid(), e)) < 0)
			return -1;
	return 0;
}

/* "0 OWN 1", "1 FIRST COUNT", …: as in user_namespaces(7). */
static void add_words(struct mapping *mapping, struct arena *arena, const char ***words, size_t *count)
{
	struct id_range own = { mapping->own, 1 };
	uint32_t inside = 0;

	for (size_t i = 0; i <= mapping->count; i++) {
		const struct id_range *range = i ? &mapping->ranges[i - 1] : &own;

		ARENA_PUSH(arena, *words, *count, arena_printf(arena, "%u", (unsigned)inside));
		ARENA_PUSH(arena, *words, *count, arena_printf(arena, "%u", (unsigned)range->first));
		ARENA_PUSH(arena, *words, *count, arena_printf(arena, "%u", (unsigned)range->count));
		inside += range->count;
	}
}

/*
 * Why PROGRAM, which said what it SAID, could not do what only root may: what gives it the right is the file's mode or
 * its capabilities, unless the file system or this process is barred from that.
 */
static int explain_program(const char *program, const char *said, struct error *e)
{
	auto_free char *path = program_find(program);
	struct statvfs fs;
	struct stat st;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return error_set(
			e, ERROR_PRIVILEGE,
			"'%s' may not have root's rights here (no_new_privs is set); start kiln where "
			"privilege escalation is allowed, or run kiln as root",
			program);
	if (path && statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID))
		return error_set(e, ERROR_PRIVILEGE,
				 "'%s' lies on a file system that is mounted with nosuid; as root: mount -o "
				 "remount,suid that one; or run kiln as root",
				 path);
	/* The owner of a namespace may give it ids, or root of the host: in a container set-uid root is neither. */
	if (path && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0 &&
	    getxattr(path, "security.capability", NULL, 0) < 0)
		return error_set(
			e, ERROR_PRIVILEGE,
			"'%s' failed: %.*s, as its set-uid root lacks CAP_SYS_ADMIN here; as root, in "
			"the image of this container: setcap cap_setuid+ep /usr/bin/newuidmap, setcap "
			"cap_setgid+ep /usr/bin/newgidmap; or run kiln as root",
			program, (int)strcspn(said, "\n"), said);
	if (path && stat(path, &st) == 0 && !(st.st_uid == 0 && (st.st_mode & S_ISUID)) &&
	    getxattr(path, "security.capability", NULL, 0) < 0)
		return error_set(
			e, ERROR_PRIVILEGE,
			"'%s' has neither the set-uid bit nor capabilities; as root: apt-get install "
			"--reinstall uidmap; or run kiln as root",
			path);
	return error_set(e, ERROR_PRIVILEGE, "'%s' failed: %.*s", program, (int)strcspn(said, "\n"), said);
}

static int map_by_program(struct mapping *mapping, pid_t pid, struct error *e)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	AUTO(process_result_release) struct process_result result = PROCESS_RESULT_INIT;
	const char **argv = NULL;
	size_t count = 0;
	struct process_options options = { .output_max_bytes = 64 * KIB, .timeout_ms = MAPPING_TIMEOUT_MS };

	ARENA_PUSH(&arena, argv, count, mapping->program);
	ARENA_PUSH(&arena, argv, count, arena_printf(&arena, "%d", (int)pid));
	add_words(mapping, &arena, &argv, &count);
	ARENA_PUSH(&arena, argv, count, NULL);
	options.argv = argv;
	if (process_run(&options, &result, e) < 0) {
		if (e->sys == ENOENT)
			program_missing(mapping->program, e);
		e->kind = ERROR_PRIVILEGE;
		return -1;
	}
	if (result.status == 0)
		return 0;
	return explain_program(mapping->program, result.errors.data ? result.errors.data : "", e);
}

static int map_directly(struct mapping *mapping, pid_t pid, struct error *e)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_buffer struct buffer lines = BUFFER_INIT;
	const char **words = NULL;
	size_t count = 0;
	auto_free char *path = xasprintf("/proc/%d/%s", (int)pid, mapping->map);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	add_words(mapping, &arena, &words, &count);
	for (size_t i = 0; i < count; i++)
		buffer_addf(&lines, "%s%c", words[i], i % 3 == 2 ? '\n' : ' ');
	/* The kernel takes a map in one write. */
	if (fd >= 0 && write(fd, lines.data, lines.len) == (ssize_t)lines.len)
		return 0;
	error_sys(e, "cannot give the ids of this container to a namespace of kiln's");
	e->kind = ERROR_PRIVILEGE;
	return -1;
}

/* A process outside, which has the right to say what ids mean inside: only from there can it be said. */
struct mapper {
	pid_t pid;
	int go_fd;     /* owned; closed once the namespace is there */
	int answer_fd; /* owned; a struct error comes out of it */
};

static void mapper_release(struct mapper *mapper)
{
	process_kill(TAKE(mapper->pid, -1));
	auto_close_(&mapper->go_fd);
	auto_close_(&mapper->answer_fd);
}

static noreturn void mapper_main(struct mapping mappings[2], bool is_root, int go_fd, int answer_fd)
{
	struct error e = ERROR_INIT;
	pid_t kiln = getppid();
	char byte;

	/* A byte: the namespace is there. None: kiln has given up. */
	if (read(go_fd, &byte, 1) == 1) {
		for (size_t i = 0; i < 2 && e.kind == ERROR_NONE; i++)
			if ((is_root ? map_directly : map_by_program)(&mappings[i], kiln, &e) < 0)
				break;
		(void)!write(answer_fd, &e, sizeof e);
	}
	_exit(0);
}

static int mapper_start(struct mapping mappings[2], bool is_root, struct mapper *mapper, struct error *e)
{
	int go[2];
	int answer[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	mapper->go_fd = go[1];
	if (pipe2(answer, O_CLOEXEC) < 0) {
		close(go[0]);
		return error_sys(e, "cannot make a pipe");
	}
	mapper->answer_fd = answer[0];
	mapper->pid = fork();
	if (mapper->pid == 0) {
		close(go[1]);
		close(answer[0]);
		mapper_main(mappings, is_root, go[0], answer[1]);
	}
	close(go[0]);
	close(answer[1]);
	return mapper->pid < 0 ? error_sys(e, "cannot start a process") : 0;
}

static int mapper_ask(struct mapper *mapper, struct error *e)
{
	struct error answer;
	ssize_t got;

	if (write(mapper->go_fd, "", 1) != 1)
		return error_sys(e, "cannot reach a process of kiln's");
	do
		got = read(mapper->answer_fd, &answer, sizeof answer);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof answer)
		return error_set(e, ERROR_SYSTEM, "a process of kiln's has died");
	if (answer.kind == ERROR_NONE)
		return 0;
	*e = answer;
	return -1;
}

/* Leave the host's users behind: from here on this process is root, of what it was given. */
static int enter(struct mapping mappings[2], bool is_root, struct error *e)
{
	AUTO(mapper_release) struct mapper mapper = { -1, -1, -1 };

	if (mapper_start(mappings, is_root, &mapper, e) < 0)
		return -1;
	if (unshare(CLONE_NEWUSER) < 0)
		return explain_refusal(errno, e);
	if (mapper_ask(&mapper, e) < 0)
		return -1;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || setgroups(0, NULL) < 0)
		return error_sys(e, "cannot become root in a user namespace");
	return 0;
}

/* A namespace alone, as anybody may have it: root tries that as nobody. */
static int try_namespace(void *context, struct error *e)
{
	(void)context;
	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return error_sys(e, "cannot become another user");
	if (unshare(CLONE_NEWUSER) < 0)
		return explain_refusal(errno, e);
	/* AppArmor leaves those namespaces, and takes the rights in them. */
	return privilege_missing(PRIVILEGE_NAMESPACES) ? explain_refusal(EPERM, e) : 0;
}

static int try_all(void *context, struct error *e)
{
	(void)context;
	return privilege_obtain(NULL, e);
}

int privilege_check(enum privilege_part part, struct error *e)
{
	struct mapping mappings[2];

	switch (part) {
	case PRIVILEGE_NAMESPACE:
		return trial_run(try_namespace, NULL, 0, e);
	case PRIVILEGE_IDS:
		return find_ids(mappings, e);
	case PRIVILEGE_ALL:
		break;
	}
	return trial_run(try_all, NULL, 0, e);
}

int privilege_obtain(struct log *log, struct error *e)
{
	struct mapping mappings[2];
	const char *missing = privilege_missing(PRIVILEGE_NAMESPACES);
	bool is_root = geteuid() == 0;

	if (is_root && !missing)
		return 0;
	if (find_ids(mappings, e) < 0)
		return -1;
	if (enter(mappings, is_root, e) < 0)
		return is_root ? error_wrap(e, "root lacks %s here", missing) : -1;
	/* Changed credentials hide a process's files in /proc from itself, and kiln names descriptors by them. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return error_sys(e, "cannot set up a user namespace");
	missing = privilege_missing(PRIVILEGE_NAMESPACES);
	if (missing) /* AppArmor leaves those namespaces, and takes the rights in them */
		return explain_refusal(EPERM, e);
	if (log)
		log_detail(log, "in a user namespace, as its root");
	return 0;
}

int privilege_obtain_files(struct log *log, struct error *e)
{
	if (geteuid() == 0 && !privilege_missing(PRIVILEGE_FILES))
		return 0;
	return privilege_obtain(log, e);
}
