/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out of a sandbox, one after the other, for tests/e2e/escapes.sh, which runs this program in packages' scripts,
 * in actions, and for comparison outside, where each that is harmless must be open.
 *
 *	escape [-c] SETTINGS [NAME...]
 *	escape -k		removes the key that -c leaves for the others to find
 *
 * prints a line for each: "NAME open WHAT" or "NAME shut WHY". SETTINGS is a file of lines KEY=VALUE that says
 * where on the host the canaries are. With -c it is the comparison: only what harms nobody, and in namespaces of its
 * own where it has to mount. A call counts as open when the kernel looks at its arguments, which are wrong ones where
 * right ones would do harm.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, FILE_MAX = 1 << 20, UP_MAX = 64 };

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

static const char canary[] = "kiln-escape-canary";

struct outcome {
	bool open;
	char what[512];
};

/* Read-only after main() has filled it. */
struct settings {
	char text[TEXT_MAX];
	bool comparison;
	const char *self;
};

static const char *setting(const struct settings *settings, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = settings->text; line && *line;) {
		if (strncmp(line, key, len) == 0 && line[len] == '=')
			return line + len + 1;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return "";
}

/* The value of KEY without its line end. */
static void setting_text(const struct settings *settings, const char *key, char text[256])
{
	const char *value = setting(settings, key);

	snprintf(text, 256, "%.*s", (int)strcspn(value, "\n"), value);
}

static void is_open(struct outcome *outcome, const char *what)
{
	outcome->open = true;
	snprintf(outcome->what, sizeof outcome->what, "%s", what);
}

/* What failed with errno. */
static void is_shut(struct outcome *outcome, const char *what)
{
	snprintf(outcome->what, sizeof outcome->what, "%s: %s", what, strerror(errno));
}

/* RESULT of a call with wrong arguments: whether the kernel went as far as to look at them. */
static void call(struct outcome *outcome, const char *what, long result)
{
	int reason = errno;

	if (result < 0 && (reason == EPERM || reason == EACCES || reason == ENOSYS ||
			   reason == EAFNOSUPPORT || reason == EPROTONOSUPPORT))
		is_shut(outcome, what);
	else
		is_open(outcome, what);
}

/* Open PATH for writing, and with DATA write it. */
static void write_to(struct outcome *outcome, const char *path, const char *data)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || (data && write(fd, data, strlen(data)) < 0))
		is_shut(outcome, path);
	else
		is_open(outcome, path);
	if (fd >= 0)
		close(fd);
}

/* Whether PATH can be read and has the canary's text in it. */
static bool has_canary(const char *path)
{
	static char data[FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while (len < sizeof data && (got = read(fd, data + len, sizeof data - len)) > 0)
		len += (size_t)got;
	close(fd);
	return memmem(data, len, canary, strlen(canary)) != NULL;
}

static void sysrq(const struct settings *settings, struct outcome *outcome)
{
	/* "h" prints a help to the kernel's log, and does nothing else. */
	write_to(outcome, "/proc/sysrq-trigger", settings->comparison ? NULL : "h");
}

static void core_pattern(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	write_to(outcome, "/proc/sys/kernel/core_pattern", NULL);
}

static void sysfs(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	write_to(outcome, "/sys/kernel/mm/transparent_hugepage/enabled", NULL);
}

/* By whatever process is seen: /proc/PID/NAME with the canary in it. */
static void read_processes(const char *name, struct outcome *outcome)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned seen = 0;

	while (proc && (entry = readdir(proc))) {
		char path[TEXT_MAX];

		if (!isdigit((unsigned char)entry->d_name[0]) || atol(entry->d_name) == getpid())
			continue;
		seen++;
		snprintf(path, sizeof path, "/proc/%s/%s", entry->d_name, name);
		if (has_canary(path)) {
			is_open(outcome, path);
			break;
		}
	}
	if (proc)
		closedir(proc);
	if (!outcome->open)
		snprintf(outcome->what, sizeof outcome->what, "in none of %u processes", seen);
}

static void environment_of_kiln(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	read_processes("environ", outcome);
}

static void arguments_of_kiln(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	read_processes("cmdline", outcome);
}

static void root_of_others(const struct settings *settings, struct outcome *outcome)
{
	char name[TEXT_MAX];
	char file[256];

	setting_text(settings, "file", file);
	snprintf(name, sizeof name, "root%s", file);
	read_processes(name, outcome);
}

static void own_environment(const struct settings *settings, struct outcome *outcome)
{
	static const char *const names[] = { "SSH_AUTH_SOCK", "GNUPGHOME", "KILN_ESCAPE" };

	(void)settings;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (getenv(names[i])) {
			is_open(outcome, names[i]);
			return;
		}
	errno = ENOENT;
	is_shut(outcome, "getenv");
}

/* Process 1 of a sandbox is a copy of kiln; outside that is whoever kiln would be. */
static void process_file(const struct settings *settings, const char *name, struct outcome *outcome)
{
	char path[TEXT_MAX];
	char pid[256] = "1";
	int fd;

	if (settings->comparison)
		setting_text(settings, "victim", pid);
	snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		is_shut(outcome, path);
	else
		is_open(outcome, path);
	if (fd >= 0)
		close(fd);
}

static void memory_of_kiln(const struct settings *settings, struct outcome *outcome)
{
	process_file(settings, "mem", outcome);
}

static void program_of_kiln(const struct settings *settings, struct outcome *outcome)
{
	process_file(settings, "exe", outcome);
}

/* With what a descriptor that was left open leads to. */
static void descriptors(const struct settings *settings, struct outcome *outcome)
{
	for (int fd = 3; fd < 1024; fd++) {
		char path[64];
		char target[TEXT_MAX] = "";

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (fcntl(fd, F_GETFD) < 0 || readlink(path, target, sizeof target - 1) < 0 ||
		    strncmp(target, "/memfd:script", 13) == 0)
			continue;
		is_open(outcome, target);
		return;
	}
	(void)settings;
	errno = EBADF;
	is_shut(outcome, "descriptors from 3");
}

static dev_t disk_of(const struct settings *settings)
{
	return makedev((unsigned)strtoul(setting(settings, "disk-major"), NULL, 10),
		       (unsigned)strtoul(setting(settings, "disk-minor"), NULL, 10));
}

/* A node in each place where there may be one. */
static void open_node(const struct settings *settings, mode_t type, dev_t device, struct outcome *outcome)
{
	static const char *const folders[] = { "/opt", "/dev", "/tmp", "/run", "/dev/shm", "/root" };

	(void)settings;
	errno = ENOENT;
	is_shut(outcome, "folders");
	for (size_t i = 0; i < ARRAY_LEN(folders) && !outcome->open; i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof path, "%s/escape-node", folders[i]);
		if (mknod(path, type | 0600, device) < 0) {
			if (errno != ENOENT)
				is_shut(outcome, "mknod");
			continue;
		}
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			is_shut(outcome, path);
		else
			is_open(outcome, path);
		if (fd >= 0)
			close(fd);
		unlink(path);
	}
}

static void disk_node(const struct settings *settings, struct outcome *outcome)
{
	open_node(settings, S_IFBLK, disk_of(settings), outcome);
}

static void memory_node(const struct settings *settings, struct outcome *outcome)
{
	open_node(settings, S_IFCHR, makedev(1, 11), outcome); /* /dev/kmsg, as harmless as it gets */
}

/* In a mount namespace of its own, where that is possible. */
static void try_mount(const struct settings *settings, const char *source, const char *type,
		      unsigned long flags, struct outcome *outcome)
{
	static const char place[] = "/mnt/escape";

	if (outcome->open)
		return;
	if (settings->comparison &&
	    (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)) {
		is_shut(outcome, "unshare");
		return;
	}
	mkdir("/mnt", 0755);
	mkdir(place, 0755);
	if (mount(source, flags & MS_REMOUNT ? source : place, type, flags, NULL) < 0) {
		is_shut(outcome, type ? type : "remount");
	} else {
		is_open(outcome, type ? type : source);
		if (!(flags & MS_REMOUNT))
			umount2(place, MNT_DETACH);
	}
	rmdir(place);
}

static void disk_mount(const struct settings *settings, struct outcome *outcome)
{
	static const char path[] = "/tmp/escape-disk";

	if (mknod(path, S_IFBLK | 0600, disk_of(settings)) < 0)
		is_shut(outcome, "mknod");
	else
		try_mount(settings, path, "ext4", MS_RDONLY, outcome);
	unlink(path);
}

static void kernel_mounts(const struct settings *settings, struct outcome *outcome)
{
	static const char *const types[] = {
		"devtmpfs", "proc", "sysfs", "debugfs", "tracefs", "securityfs"
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		try_mount(settings, "none", types[i], 0, outcome);
}

static void control_groups(const struct settings *settings, struct outcome *outcome)
{
	if (!settings->comparison && access("/sys/fs/cgroup/release_agent", W_OK) == 0)
		is_open(outcome, "release_agent");
	try_mount(settings, "none", "cgroup2", 0, outcome);
	try_mount(settings, "none", "cgroup", 0, outcome);
}

static void remount(const struct settings *settings, struct outcome *outcome)
{
	try_mount(settings, "/", NULL, MS_REMOUNT | MS_BIND, outcome);
	if (!settings->comparison)
		try_mount(settings, "/proc", NULL, MS_REMOUNT, outcome);
}

static void bind_proc(const struct settings *settings, struct outcome *outcome)
{
	try_mount(settings, "/proc", NULL, MS_BIND, outcome);
}

static void unmount(const struct settings *settings, struct outcome *outcome)
{
	static const char *const places[] = { "/proc", "/sys", "/dev", "/proc/keys", "/sys/firmware" };

	if (settings->comparison &&
	    (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)) {
		is_shut(outcome, "unshare");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(places) && !outcome->open; i++)
		if (umount2(places[i], MNT_DETACH) == 0)
			is_open(outcome, places[i]);
		else
			is_shut(outcome, places[i]);
}

static void mount_api(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "fsopen", syscall(SYS_fsopen, -1, -1));
}

static void kill_outside(const struct settings *settings, struct outcome *outcome)
{
	pid_t victim = (pid_t)strtol(setting(settings, "victim"), NULL, 10);

	if (kill(victim, settings->comparison ? 0 : SIGKILL) < 0)
		is_shut(outcome, "kill");
	else
		is_open(outcome, "kill");
}

/* The classic: a folder that stays open while the root folder moves below it, and up from there. */
static void up_and_out(const struct settings *settings, struct outcome *outcome)
{
	static const char folder[] = "/tmp/escape-chroot";
	char file[256];
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	setting_text(settings, "file", file);
	mkdir(folder, 0755);
	if (fd < 0 || chroot(folder) < 0 || fchdir(fd) < 0) {
		is_shut(outcome, "chroot");
		return;
	}
	for (int i = 0; i < UP_MAX; i++)
		if (chdir("..") < 0)
			break;
	if (chroot(".") < 0)
		is_shut(outcome, "chroot");
	else if (has_canary(file))
		is_open(outcome, file);
	else
		is_shut(outcome, file);
	rmdir(folder);
}

static void set_clock(const struct settings *settings, struct outcome *outcome)
{
	struct timespec now;

	(void)settings;
	clock_gettime(CLOCK_REALTIME, &now);
	call(outcome, "clock_settime", clock_settime(CLOCK_REALTIME, &now));
}

static void adjust_clock(const struct settings *settings, struct outcome *outcome)
{
	struct timex change = { .modes = ADJ_TICK, .tick = 1 }; /* out of bounds */

	(void)settings;
	call(outcome, "adjtimex", adjtimex(&change));
}

static void load_module(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "init_module", syscall(SYS_init_module, "nothing", 7L, ""));
}

static void load_kernel(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "kexec_load", syscall(SYS_kexec_load, 0L, 0L, NULL, ~0L));
}

static void restart(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "reboot", syscall(SYS_reboot, 0, 0, 0, NULL)); /* without the magic numbers */
}

static void swap_space(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "swapon", syscall(SYS_swapon, NULL, 0));
}

static void kernel_log(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "syslog", syscall(SYS_syslog, 10, NULL, 0)); /* how much there is */
}

static void load_bpf(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "bpf", syscall(SYS_bpf, -1, NULL, 0));
}

static void count_events(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "perf_event_open", syscall(SYS_perf_event_open, NULL, -1, -1, -1, 0L));
}

static void rings(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "io_uring_setup", syscall(SYS_io_uring_setup, 0, NULL));
}

static void trace(const struct settings *settings, struct outcome *outcome)
{
	pid_t victim = settings->comparison ? (pid_t)strtol(setting(settings, "victim"), NULL, 10) : 1;

	call(outcome, "ptrace", ptrace(PTRACE_SEIZE, victim, NULL, NULL));
}

static void peek(const struct settings *settings, struct outcome *outcome)
{
	char byte;
	struct iovec here = { &byte, 1 };
	pid_t victim = settings->comparison ? getpid() : 1;

	call(outcome, "process_vm_readv", process_vm_readv(victim, &here, 1, &here, 1, 0));
}

static void enter_namespace(const struct settings *settings, struct outcome *outcome)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%s/ns/net", settings->comparison ? "self" : "1");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && !settings->comparison)
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		is_shut(outcome, path);
	else
		call(outcome, "setns", setns(fd, 0));
	if (fd >= 0)
		close(fd);
}

static void new_users(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	call(outcome, "unshare", unshare(CLONE_NEWUSER));
	if (!outcome->open)
		call(outcome, "clone3", syscall(SYS_clone3, NULL, 0L));
}

static void by_handle(const struct settings *settings, struct outcome *outcome)
{
	union {
		struct file_handle handle;
		unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;
	int dir_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	(void)settings;
	if (dir_fd < 0 || name_to_handle_at(AT_FDCWD, "/tmp", &file.handle, &mount_id, 0) < 0) {
		/* A file system without handles: what is asked for does not exist, but asked it can be. */
		file.handle.handle_bytes = 8;
		file.handle.handle_type = 1;
	}
	fd = open_by_handle_at(dir_fd, &file.handle, O_RDONLY | O_CLOEXEC);
	call(outcome, "open_by_handle_at", fd);
	if (fd >= 0)
		close(fd);
	if (dir_fd >= 0)
		close(dir_fd);
}

static void connect_to(int fd, const void *address, socklen_t len, const char *what, struct outcome *outcome)
{
	if (fd < 0 || connect(fd, address, len) < 0)
		is_shut(outcome, what);
	else
		is_open(outcome, what);
	if (fd >= 0)
		close(fd);
}

static void loopback(const struct settings *settings, struct outcome *outcome)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(
					       (uint16_t)strtoul(setting(settings, "port"), NULL, 10)) };

	connect_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &address, sizeof address, "connect",
		   outcome);
}

static void abstract_socket(const struct settings *settings, struct outcome *outcome)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[256];
	size_t len;

	setting_text(settings, "abstract", name);
	len = strnlen(name, sizeof address.sun_path - 1);
	memcpy(address.sun_path + 1, name, len);
	connect_to(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len), "connect", outcome);
}

static void make_socket(int family, int type, int protocol, const char *what, struct outcome *outcome)
{
	int fd;

	if (outcome->open)
		return;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	call(outcome, what, fd);
	if (fd >= 0)
		close(fd);
}

static void hypervisor(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	make_socket(AF_VSOCK, SOCK_STREAM, 0, "AF_VSOCK", outcome);
}

static void raw_packets(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	make_socket(AF_PACKET, SOCK_RAW, 0, "AF_PACKET", outcome);
	make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, "SOCK_RAW", outcome);
}

static void audit(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	make_socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, "NETLINK_AUDIT", outcome);
	make_socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, "NETLINK_KOBJECT_UEVENT", outcome);
}

static void type_in_terminal(const struct settings *settings, struct outcome *outcome)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	(void)settings;
	/* Better one's own terminal, but root needs none. It hangs up when it is closed. */
	signal(SIGHUP, SIG_IGN);
	if (setsid() >= 0)
		ioctl(fd, TIOCSCTTY, 0);
	call(outcome, "TIOCSTI", ioctl(fd, TIOCSTI, "x"));
	if (fd >= 0)
		close(fd);
}

static void controlling_terminal(const struct settings *settings, struct outcome *outcome)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	(void)settings;
	if (fd < 0)
		is_shut(outcome, "/dev/tty");
	else
		is_open(outcome, "/dev/tty");
	if (fd >= 0)
		close(fd);
}

static void keys(const struct settings *settings, struct outcome *outcome)
{
	if (settings->comparison)
		syscall(SYS_add_key, "user", canary, "x", 1L, KEY_SPEC_USER_KEYRING);
	call(outcome, "keyctl", syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", canary, 0));
	if (!outcome->open && has_canary("/proc/keys"))
		is_open(outcome, "/proc/keys");
}

/* A program of its own, to which a file gives what the process does not have. */
static void more_capabilities(const struct settings *settings, struct outcome *outcome)
{
	static const char copy[] = "/opt/escape-copy";
	struct {
		uint32_t magic;
		struct {
			uint32_t permitted;
			uint32_t inheritable;
		} words[2];
	} data = { .magic = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		   .words = { { .permitted = 1U << CAP_SYS_ADMIN } } };
	static char program[16 << 20];
	int in = open(settings->self, O_RDONLY | O_CLOEXEC);
	ssize_t len = in < 0 ? -1 : read(in, program, sizeof program);
	int out = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	int status = -1;
	pid_t child;

	if (len < 0 || out < 0 || write(out, program, (size_t)len) != len || close(in) < 0 ||
	    close(out) < 0 || setxattr(copy, "security.capability", &data, sizeof data, 0) < 0) {
		is_shut(outcome, "setxattr");
		unlink(copy);
		return;
	}
	child = fork();
	if (child == 0) {
		execl(copy, copy, "-p", NULL);
		_exit(errno == EPERM ? 1 : 2);
	}
	waitpid(child, &status, 0);
	unlink(copy);
	errno = EPERM;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		is_open(outcome, "CAP_SYS_ADMIN");
	else
		is_shut(outcome, "CAP_SYS_ADMIN");
}

static int has_sys_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, sets) == 0 && sets[0].effective & 1U << CAP_SYS_ADMIN;
}

#ifdef __x86_64__
static void other_calls(const struct settings *settings, struct outcome *outcome)
{
	long result;

	(void)settings;
	/* reboot(2) of i386, without the magic numbers. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(88L), "b"(0L), "c"(0L), "d"(0L), "S"(0L)
			 : "memory");
	errno = (int)-result;
	call(outcome, "int 0x80", result < 0 ? -1 : result);
}
#endif

static void host_name(const struct settings *settings, struct outcome *outcome)
{
	char name[256] = "";

	(void)settings;
	gethostname(name, sizeof name - 1);
	call(outcome, "sethostname", sethostname(name, strlen(name)));
}

/* Out of the session, a child of nobody, and deaf: the test looks for it after the build. */
static void daemon_process(const struct settings *settings, struct outcome *outcome)
{
	pid_t child;

	(void)settings;
	child = fork();
	if (child == 0) {
		setsid();
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_IGN);
		if (fork() > 0)
			_exit(0);
		if (chdir("/") == 0)
			execl(settings->self, "kiln-escape-daemon", "-d", NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	snprintf(outcome->what, sizeof outcome->what, "is looked for afterwards");
}

/* What later stages of kiln would follow: the names are those that they write, empty and remove. */
static void planted_links(const struct settings *settings, struct outcome *outcome)
{
	static const struct {
		const char *name;
		bool folder;
	} links[] = {
		{ "/etc/machine-id", false },   { "/etc/hostname", false },
		{ "/etc/planted-file", false }, { "/etc/planted-folder", true },
		{ "/var/cache/apt", true },     { "/var/lib/apt/lists", true },
		{ "/var/log", true },
	};
	char file[256];

	setting_text(settings, "file", file);
	mkdir("/var/cache", 0755);
	mkdir("/var/lib/apt", 0755);
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		char folder[256];

		snprintf(folder, sizeof folder, "%s", file);
		*strrchr(folder, '/') = '\0';
		unlink(links[i].name);
		rename(links[i].name, "/opt/escape-moved");
		if (symlink(links[i].folder ? folder : file, links[i].name) < 0) {
			is_shut(outcome, links[i].name);
			return;
		}
	}
	snprintf(outcome->what, sizeof outcome->what, "are looked at afterwards");
}

/* A disk where kiln writes a file. */
static void planted_node(const struct settings *settings, struct outcome *outcome)
{
	if (mknod("/etc/planted-node", S_IFBLK | 0666, disk_of(settings)) < 0)
		is_shut(outcome, "mknod");
	else
		snprintf(outcome->what, sizeof outcome->what, "is looked at afterwards");
}

/* What a packages's files are, and those that kiln writes next, seem to lie elsewhere. */
static void overmount(const struct settings *settings, struct outcome *outcome)
{
	(void)settings;
	if (mount("/opt", "/etc", NULL, MS_BIND, NULL) < 0)
		is_shut(outcome, "mount");
	else
		snprintf(outcome->what, sizeof outcome->what, "is looked at afterwards");
}

enum { COMPARED = 1, NOT_COMPARED = 0 };

/* Not compared: what would do harm, or is nothing outside. */
static const struct {
	const char *name;
	void (*attempt)(const struct settings *settings, struct outcome *outcome);
	int compared;
} attempts[] = {
	{ "sysrq", sysrq, COMPARED },
	{ "core-pattern", core_pattern, COMPARED },
	{ "sysfs", sysfs, COMPARED },
	{ "environment", own_environment, COMPARED },
	{ "environment-of-kiln", environment_of_kiln, COMPARED },
	{ "arguments-of-kiln", arguments_of_kiln, COMPARED },
	{ "root-of-processes", root_of_others, COMPARED },
	{ "memory-of-kiln", memory_of_kiln, COMPARED },
	{ "program-of-kiln", program_of_kiln, COMPARED },
	{ "descriptors", descriptors, COMPARED },
	{ "disk-node", disk_node, COMPARED },
	{ "disk-mount", disk_mount, COMPARED },
	{ "memory-node", memory_node, COMPARED },
	{ "kernel-mounts", kernel_mounts, COMPARED },
	{ "control-groups", control_groups, COMPARED },
	{ "remount", remount, COMPARED },
	{ "bind-proc", bind_proc, COMPARED },
	{ "unmount", unmount, COMPARED },
	{ "mount-api", mount_api, COMPARED },
	{ "kill", kill_outside, COMPARED },
	{ "chroot", up_and_out, COMPARED },
	{ "clock", set_clock, COMPARED },
	{ "clock-rate", adjust_clock, COMPARED },
	{ "module", load_module, COMPARED },
	{ "kexec", load_kernel, COMPARED },
	{ "reboot", restart, COMPARED },
	{ "swap", swap_space, COMPARED },
	{ "kernel-log", kernel_log, COMPARED },
	{ "bpf", load_bpf, COMPARED },
	{ "perf", count_events, COMPARED },
	{ "io-uring", rings, COMPARED },
	{ "ptrace", trace, COMPARED },
	{ "other-memory", peek, COMPARED },
	{ "setns", enter_namespace, COMPARED },
	{ "user-namespace", new_users, COMPARED },
	{ "file-handle", by_handle, COMPARED },
	{ "loopback", loopback, COMPARED },
	{ "abstract-socket", abstract_socket, COMPARED },
	{ "vsock", hypervisor, COMPARED },
	{ "raw-packets", raw_packets, COMPARED },
	{ "audit", audit, COMPARED },
	{ "typing", type_in_terminal, COMPARED },
	{ "terminal", controlling_terminal, COMPARED },
	{ "keys", keys, COMPARED },
	{ "capabilities", more_capabilities, COMPARED },
#ifdef __x86_64__
	{ "i386-calls", other_calls, COMPARED },
#endif
	{ "host-name", host_name, COMPARED },
	{ "daemon", daemon_process, NOT_COMPARED },
	{ "planted-links", planted_links, NOT_COMPARED },
	{ "planted-node", planted_node, NOT_COMPARED },
	{ "overmount", overmount, NOT_COMPARED },
};

static bool is_wanted(const char *name, char **names)
{
	for (char **each = names; *each; each++)
		if (strcmp(*each, name) == 0)
			return true;
	return !*names;
}

/* Each in a process of its own, as some change what they are in. */
static int attempt_all(const struct settings *settings, char **names)
{
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		struct outcome outcome = { .open = false };
		int status = 0;
		pid_t child;

		if (!is_wanted(attempts[i].name, names) || (settings->comparison && !attempts[i].compared))
			continue;
		fflush(stdout);
		child = fork();
		if (child == 0) {
			attempts[i].attempt(settings, &outcome);
			printf("%s %s %s\n", attempts[i].name, outcome.open ? "open" : "shut", outcome.what);
			exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0)
			return 1;
		if (WIFSIGNALED(status))
			printf("%s shut killed by signal %d\n", attempts[i].name, WTERMSIG(status));
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct settings settings;
	int at = 1;
	int fd;

	if (argc > 1 && strcmp(argv[1], "-p") == 0)
		return has_sys_admin() ? 0 : 3;
	if (argc > 1 && strcmp(argv[1], "-k") == 0) {
		long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", canary, 0);

		return syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING) < 0;
	}
	if (argc > 1 && strcmp(argv[1], "-d") == 0) {
		sleep(600);
		return 0;
	}
	settings.comparison = argc > 1 && strcmp(argv[1], "-c") == 0;
	settings.self = argv[0];
	at += settings.comparison;
	if (argc <= at)
		return 2;
	fd = open(argv[at], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, settings.text, sizeof settings.text - 1) < 0)
		return 2;
	close(fd);
	return attempt_all(&settings, argv + at + 1);
}
