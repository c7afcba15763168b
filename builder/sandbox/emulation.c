/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/emulation.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/privilege.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdnoreturn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Of a program of three instructions. */
enum { TRIAL_TIMEOUT_S = 20 };

static const char trial_name[] = "program";

/* Pairs of which kernels for the first run programs for the second, unless they were built without that. */
static const char *const also_run[][2] = {
	{ "x86_64", "i686" },     { "aarch64", "armv7l" }, { "aarch64", "armv6l" }, { "aarch64", "armv8l" },
	{ "armv8l", "armv7l" },   { "armv8l", "armv6l" },  { "armv7l", "armv6l" },  { "ppc64", "ppc" },
	{ "mips64le", "mipsle" }, { "mips64", "mips" },
};

/* Where packages put qemu; programs that need libraries of the host would not find them in a root. */
static const struct {
	const char *before; /* of the processor's name */
	const char *behind;
} places[] = {
	{ "/usr/bin/qemu-", "-static" },
	{ "/usr/local/bin/qemu-", "-static" },
	{ "/usr/bin/qemu-", "" },
	{ "/usr/local/bin/qemu-", "" },
};

/* A folder in memory that has no name anywhere. */
static int open_empty_root(int *fd, struct error *e)
{
	auto_close int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_sys(e, "cannot make a folder in memory");
	*fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	return *fd < 0 ? error_sys(e, "cannot make a folder in memory") : 0;
}

static noreturn void trial_main(int root_fd)
{
	char *const argv[] = { (char *)(uintptr_t)trial_name, NULL };
	char *const environment[] = { NULL };

	if (fchdir(root_fd) == 0 && chroot(".") == 0) {
		alarm(TRIAL_TIMEOUT_S); /* which execve() keeps */
		execve(trial_name, argv, environment);
	}
	_exit(0);
}

/* Whether the program in the folder ROOT_FD runs when that is the root. */
static bool runs_in(int root_fd)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		trial_main(root_fd);
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == PROCESSOR_STATUS;
}

static int try(const struct processor *processor, bool *runs, struct error *e)
{
	auto_buffer struct buffer program = BUFFER_INIT;
	auto_close int root_fd = -1;
	auto_close int fd = -1;

	processor_program(processor, &program);
	if (open_empty_root(&root_fd, e) < 0)
		return -1;
	fd = openat(root_fd, trial_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0)
		return error_sys(e, "cannot write a program");
	if (file_write_fd(fd, program.data, program.len, e) < 0)
		return -1;
	close(TAKE(fd, -1));
	*runs = runs_in(root_fd);
	return 0;
}

static bool is_also_run(const char *host, const char *architecture)
{
	for (size_t i = 0; i < ARRAY_LEN(also_run); i++)
		if (strcmp(also_run[i][0], host) == 0 && strcmp(also_run[i][1], architecture) == 0)
			return true;
	return false;
}

static void name_interpreter(struct emulation *emulation, const char *path)
{
	const char *slash = strrchr(path, '/');

	emulation->emulated = true;
	snprintf(emulation->interpreter, sizeof emulation->interpreter, "%s", slash ? slash + 1 : path);
}

/* By what an interpreter is called on disk: packages register it under other names, too. */
static void name_registered(struct emulation *emulation, const char *path)
{
	auto_free char *real = realpath(path, NULL);

	name_interpreter(emulation, real ? real : path);
}

/* What is registered for PROCESSOR; nothing where the host does not show it. */
static int look(const struct processor *processor, struct binfmt_entry *entry, struct error *e)
{
	*entry = (struct binfmt_entry) { .fixed = false };
	return binfmt_find(BINFMT_FOLDER, processor, entry, e);
}

/* Programs run here: how? */
static int tell_how(const char *host, const struct processor *processor, struct emulation *emulation,
		    struct error *e)
{
	struct binfmt_entry entry;
	int r = look(processor, &entry, e);

	if (r < 0)
		return -1;
	emulation->runs = true;
	if (r > 0)
		name_registered(emulation, entry.interpreter);
	else if (!is_also_run(host, emulation->architecture))
		name_interpreter(emulation, "unknown");
	return 0;
}

/* Not an old one whose mounts are still shared with somebody. */
static int own_mounts(struct error *e)
{
	return unshare(CLONE_NEWNS) < 0 ? error_sys(e, "cannot create a mount namespace") : 0;
}

/* Programs do not run here, although qemu is at PATH, or because it is missing (NULL). */
static int tell_why(const struct processor *processor, const char *path, const struct error *refused,
		    struct emulation *emulation, struct error *e)
{
	const char *qemu = processor_qemu_name(processor);
	struct binfmt_entry entry;
	int r = look(processor, &entry, e);

	if (r < 0)
		return -1;
	if (r > 0 && !entry.fixed)
		snprintf(emulation->why, sizeof emulation->why,
			 "'%.200s' is registered for them without the flag F, so that a root would have to "
			 "have it; as root: apt-get install --reinstall qemu-user-static",
			 entry.interpreter);
	else if (r > 0)
		snprintf(
			emulation->why, sizeof emulation->why,
			"'%.200s', which is registered for them, does not run them; as root: apt-get install "
			"--reinstall qemu-user-static",
			entry.interpreter);
	else if (!path)
		snprintf(emulation->why, sizeof emulation->why,
			 "there is no qemu-%s-static; as root: apt-get install qemu-user-static", qemu);
	else
		snprintf(emulation->why, sizeof emulation->why,
			 "'%s' is there, but not registered%s%.160s; as root: systemctl restart "
			 "systemd-binfmt, or without systemd: apt-get install binfmt-support",
			 path, refused->kind ? ", and kiln cannot do that: " : ", or does not run them",
			 refused->kind ? refused->text : "");
	return 0;
}

/* Registrations of kiln's own, in the user namespace where it is, else in a new one. */
static int open_registry(struct log *log, int *fd, struct error *e)
{
	if (!privilege_is_confined() && privilege_leave_host(log, e) < 0)
		return -1;
	return own_mounts(e) < 0 ? -1 : binfmt_open_own(fd, e);
}

/* One after the other, until programs run. REFUSED: why nothing can be registered. */
static int try_own(const struct processor *processor, struct log *log, const char **path, struct arena *arena,
		   struct error *refused, struct emulation *emulation, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(places) && !emulation->runs && !refused->kind; i++) {
		const char *candidate = arena_printf(arena, "%s%s%s", places[i].before,
						     processor_qemu_name(processor), places[i].behind);

		if (access(candidate, X_OK) < 0)
			continue;
		*path = candidate;
		if ((emulation->registry_fd < 0 &&
		     open_registry(log, &emulation->registry_fd, refused) < 0) ||
		    binfmt_register(emulation->registry_fd, processor, *path, refused) < 0)
			continue;
		if (try(processor, &emulation->runs, e) < 0)
			return -1;
	}
	return 0;
}

static int obtain(const char *host, const struct processor *processor, struct log *log,
		  struct emulation *emulation, struct error *e)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	struct error refused = ERROR_INIT;
	const char *path = NULL;

	/* In a user namespace only its own mount namespaces let anything be mounted. */
	if (privilege_is_confined() && own_mounts(e) < 0)
		return -1;
	if (try(processor, &emulation->runs, e) < 0)
		return -1;
	if (emulation->runs)
		return tell_how(host, processor, emulation, e);
	if (try_own(processor, log, &path, &arena, &refused, emulation, e) < 0)
		return -1;
	if (!emulation->runs)
		return tell_why(processor, path, &refused, emulation, e);
	name_registered(emulation, path);
	return 0;
}

int emulation_obtain(const char *host, const char *architecture, struct log *log, struct emulation *emulation,
		     struct error *e)
{
	auto_emulation struct emulation found = EMULATION_INIT;
	const struct processor *processor = processor_find(architecture);

	found.architecture = architecture;
	if (!processor)
		snprintf(found.why, sizeof found.why, "kiln knows no interpreter for them");
	else if (obtain(host, processor, log, &found, e) < 0)
		return error_wrap(e, "cannot find out whether programs of '%s' run here", architecture);
	if (log && found.emulated)
		log_detail(log, "programs of %s run through %s%s", architecture, found.interpreter,
			   found.registry_fd < 0 ? "" : ", registered by kiln in a namespace of its own");
	*emulation = TAKE(found, EMULATION_INIT);
	return 0;
}

/* What is found out goes through a pipe: it has no pointers but those that both sides know. */
static noreturn void ask_main(const char *host, const char *architecture, int answer_fd)
{
	struct error e = ERROR_INIT;
	struct emulation found = EMULATION_INIT;

	if (privilege_obtain(NULL, &e) < 0 || emulation_obtain(host, architecture, NULL, &found, &e) < 0)
		snprintf(found.why, sizeof found.why, "%.*s", (int)sizeof found.why - 1, e.text);
	found.registry_fd = found.registry_fd < 0 ? -1 : 0;
	(void)!write(answer_fd, &found, sizeof found);
	_exit(0);
}

int emulation_ask(const char *host, const char *architecture, struct emulation *emulation, struct error *e)
{
	auto_close int read_fd = -1;
	struct emulation found;
	int ends[2];
	pid_t pid;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	read_fd = ends[0];
	pid = fork();
	if (pid == 0)
		ask_main(host, architecture, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return error_sys(e, "cannot start a process");
	do
		got = read(read_fd, &found, sizeof found);
	while (got < 0 && errno == EINTR);
	process_kill(pid);
	if (got != (ssize_t)sizeof found)
		return error_set(e, ERROR_SYSTEM, "a process of kiln's has died");
	found.architecture = architecture;
	*emulation = found;
	return 0;
}

int emulation_check(const struct emulation *emulation, const char *what, struct error *e)
{
	if (!emulation || !emulation->architecture || emulation->runs)
		return 0;
	return error_set(e, ERROR_UNSUPPORTED, "%s: this host does not run programs of '%s': %s", what,
			 emulation->architecture, emulation->why);
}

void emulation_release(struct emulation *emulation)
{
	auto_close_(&emulation->registry_fd);
	emulation->registry_fd = -1;
}
