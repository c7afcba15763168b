/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/cgroup.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SYSTEMD_TIMEOUT_MS = 5 * 1000,
	MOVED_TRIES = 100, /* until systemd has moved this process */
	MOVED_WAIT_US = 10 * 1000,
	OUTPUT_MAX_BYTES = 64 * 1024,
};

#define PROC_FILE_MAX_BYTES (16 * MIB) /* mountinfo of a host with many containers */

static const char group_prefix[] = "kiln.";
static const char group_random[] = "XXXXXX";
static const char main_name[] = "kiln-main";
static const char *const controller_names[CGROUP_CONTROLLER_COUNT] = { "memory", "pids" };

/* The content of a file of the kernel, malloc'ed; NULL when it cannot be read. */
static char *read_file(int dir_fd, const char *path)
{
	struct error ignored = ERROR_INIT;
	char *text = NULL;

	return file_read(dir_fd, path, PROC_FILE_MAX_BYTES, &text, NULL, &ignored) < 0 ? NULL : text;
}

/* Control files take what they take in one write. */
static bool write_control(int dir_fd, const char *name, const char *value)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

static bool write_number(int dir_fd, const char *name, uint64_t value)
{
	auto_free char *text = xasprintf("%llu", (unsigned long long)value);

	return write_control(dir_fd, name, text);
}

static bool has_word(struct text list, char separator, const char *word)
{
	while (list.ptr)
		if (text_is(text_trim(text_cut(list, separator, &list)), word))
			return true;
	return false;
}

static bool file_has_word(int dir_fd, const char *name, const char *word)
{
	auto_free char *text = read_file(dir_fd, name);

	return text && has_word(text_trim(text_of(text)), ' ', word);
}

/* The group of this process in CONTROLLER's hierarchy: "4:cpu,memory:/path", or "0::/path" for version 2. */
static bool own_group(struct text groups, const char *controller, struct text *path)
{
	while (groups.ptr) {
		struct text line = text_cut(groups, '\n', &groups);
		struct text controllers;

		text_cut(line, ':', &line);
		controllers = text_cut(line, ':', &line);
		if (!line.ptr ||
		    (*controller ? !has_word(controllers, ',', controller) : controllers.len != 0))
			continue;
		*path = line;
		return true;
	}
	return false;
}

/*
 * proc_pid_mountinfo(5): "36 35 98:0 /root /mount/point options optional... - type source super-options". Whatever
 * has an escaped character in it is no place that cgroups are mounted on.
 */
static bool parse_mount(struct text line, const char *controller, struct text *root, struct text *point)
{
	struct text type;

	for (int i = 0; i < 3; i++)
		text_word(&line);
	*root = text_word(&line);
	*point = text_word(&line);
	while (line.ptr && line.len && !text_is(text_word(&line), "-"))
		;
	type = text_word(&line);
	text_word(&line);
	if (!point->len || memchr(point->ptr, '\\', point->len))
		return false;
	return *controller ? text_is(type, "cgroup") && has_word(text_word(&line), ',', controller)
			   : text_is(type, "cgroup2");
}

/* What of PATH lies below ROOT, as "/below" or "". */
static bool path_below(struct text path, struct text root, struct text *below)
{
	if (text_is(root, "/"))
		root.len = 0;
	if (path.len < root.len || (root.len && memcmp(path.ptr, root.ptr, root.len) != 0) ||
	    (path.len > root.len && path.ptr[root.len] != '/'))
		return false;
	*below = (struct text) { path.ptr + root.len, path.len - root.len };
	if (text_is(*below, "/"))
		below->len = 0;
	return !memmem(below->ptr, below->len, "/..", 3);
}

bool cgroup_place_find(struct text mounts, struct text groups, const char *controller,
		       struct cgroup_place *place)
{
	struct text path;

	if (!own_group(groups, controller, &path))
		return false;
	while (mounts.ptr) {
		struct text line = text_cut(mounts, '\n', &mounts);
		struct text root;
		struct text point;
		struct text below;

		if (!parse_mount(line, controller, &root, &point) || !path_below(path, root, &below))
			continue;
		place->folder = xasprintf("%.*s%.*s", TEXT_ARG(point), TEXT_ARG(below));
		place->top = xasprintf("%.*s", TEXT_ARG(point));
		place->unified = !*controller;
		return true;
	}
	return false;
}

void cgroup_place_release(struct cgroup_place *place)
{
	free(TAKE(place->folder, NULL));
	free(TAKE(place->top, NULL));
}

/* Groups of kilns that were killed. */
static void sweep(const char *folder, struct log *log)
{
	struct error ignored = ERROR_INIT;
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;

	if (dir_open(AT_FDCWD, folder, &fd, &ignored) < 0 || dir_list(fd, &names, &count, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		auto_close int group_fd = -1;

		if (!is_prefix(names[i], group_prefix) ||
		    strlen(names[i]) != strlen(group_prefix) + strlen(group_random))
			continue;
		group_fd = openat(fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (group_fd >= 0 && flock(group_fd, LOCK_EX | LOCK_NB) == 0 &&
		    unlinkat(fd, names[i], AT_REMOVEDIR) == 0)
			log_detail(log, "removed the left-over control group '%s/%s'", folder, names[i]);
	}
	names_free(names, count);
}

/* A locked group of its own in FOLDER: its descriptor, or -1; *path is malloc'ed. */
static int make_group(const char *folder, char **path, struct log *log)
{
	auto_free char *made = xasprintf("%s/%s%s", folder, group_prefix, group_random);
	auto_close int fd = -1;

	sweep(folder, log);
	if (!mkdtemp(made)) {
		log_detail(log, "no control group in '%s': %s", folder, strerror(errno));
		return -1;
	}
	fd = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A sweeper that came in between has it, or has removed it. */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || faccessat(fd, "cgroup.procs", F_OK, 0) < 0) {
		rmdir(made);
		return -1;
	}
	*path = TAKE(made, NULL);
	return TAKE(fd, -1);
}

static void make_in_version_1(const struct cgroup_place *place, size_t controller, struct cgroup *group,
			      struct log *log)
{
	char **path = &group->paths[controller];
	int fd = make_group(place->folder, path, log);

	if (fd < 0)
		return;
	group->fds[controller] = fd;
	/*
	 * `tasks`, not `cgroup.procs`: a single thread that moves itself waits for nobody, where moving a process
	 * stops all others of the host from forking for a moment (kernel/cgroup/cgroup.c, cgroup_attach_lock).
	 */
	group->enter_fds[controller] = openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
	if (group->enter_fds[controller] >= 0)
		return;
	close(TAKE(group->fds[controller], -1));
	rmdir(*path);
	free(TAKE(*path, NULL));
}

/* Let groups below FOLDER_FD have the controllers that it has itself: whether they then have one. */
static bool pass_controllers(int folder_fd)
{
	bool any = false;

	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		auto_free char *word = xasprintf("+%s", controller_names[i]);

		if (file_has_word(folder_fd, "cgroup.subtree_control", controller_names[i]) ||
		    (file_has_word(folder_fd, "cgroup.controllers", controller_names[i]) &&
		     write_control(folder_fd, "cgroup.subtree_control", word)))
			any = true;
	}
	return any;
}

static bool make_below(const char *folder, struct cgroup *group, struct log *log)
{
	struct error ignored = ERROR_INIT;
	auto_close int folder_fd = -1;
	auto_free char *path = NULL;
	auto_close int fd = -1;

	if (dir_open(AT_FDCWD, folder, &folder_fd, &ignored) < 0 || !pass_controllers(folder_fd))
		return false;
	fd = make_group(folder, &path, log);
	if (fd < 0)
		return false;
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (file_has_word(fd, "cgroup.controllers", controller_names[i]))
			group->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	group->paths[0] = TAKE(path, NULL);
	group->unified = true;
	return true;
}

/* Whether this process is the only one in the group FOLDER_FD. */
static bool is_alone(int folder_fd)
{
	auto_free char *text = read_file(folder_fd, "cgroup.procs");
	uint64_t pid;

	return text && text_to_u64(text_trim(text_of(text)), &pid) && pid == (uint64_t)getpid();
}

/* Out of the group FOLDER, so that there may be groups with controllers in it. */
static bool move_below(const char *folder, struct cgroup *group, struct log *log)
{
	struct error ignored = ERROR_INIT;
	auto_close int folder_fd = -1;
	auto_close int main_fd = -1;

	if (dir_open(AT_FDCWD, folder, &folder_fd, &ignored) < 0 || !is_alone(folder_fd) ||
	    (mkdirat(folder_fd, main_name, 0755) < 0 && errno != EEXIST) ||
	    dir_open(folder_fd, main_name, &main_fd, &ignored) < 0)
		return false;
	if (!write_control(main_fd, "cgroup.procs", "0")) {
		log_detail(log, "cannot move into a control group below '%s': %s", folder, strerror(errno));
		unlinkat(folder_fd, main_name, AT_REMOVEDIR);
		return false;
	}
	group->home = xstrdup(folder);
	return make_below(folder, group, log);
}

/* Back again: a group that is not kiln's own is left as it was found. */
static void move_home(const char *home)
{
	struct error ignored = ERROR_INIT;
	auto_close int fd = -1;

	if (dir_open(AT_FDCWD, home, &fd, &ignored) < 0)
		return;
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		auto_free char *word = xasprintf("-%s", controller_names[i]);

		write_control(fd, "cgroup.subtree_control", word);
	}
	if (write_control(fd, "cgroup.procs", "0"))
		unlinkat(fd, main_name, AT_REMOVEDIR);
}

/* The place of this process in version 2. */
static bool find_unified(struct cgroup_place *place)
{
	auto_free char *mounts = read_file(AT_FDCWD, "/proc/self/mountinfo");
	auto_free char *groups = read_file(AT_FDCWD, "/proc/self/cgroup");

	return mounts && groups && cgroup_place_find(text_of(mounts), text_of(groups), "", place);
}

/* The manager of a user, where kiln's user has one: also root of a namespace is himself to it. */
static const char *choose_bus(void)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	return folder && stat(folder, &st) == 0 && st.st_uid == geteuid() ? "--user" : "--system";
}

/*
 * A scope is a group that systemd makes around processes that run already. With Delegate= it leaves alone what is
 * below, and gives it to the user. It is asked through busctl(1), which comes with it.
 */
static bool enter_scope(struct log *log, struct cgroup_place *place)
{
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct error e = ERROR_INIT;
	auto_free char *unit = xasprintf("kiln-%d.scope", (int)getpid());
	auto_free char *pid = xasprintf("%d", (int)getpid());
	const char *argv[] = { "busctl",
			       choose_bus(),
			       "call",
			       "org.freedesktop.systemd1",
			       "/org/freedesktop/systemd1",
			       "org.freedesktop.systemd1.Manager",
			       "StartTransientUnit",
			       "ssa(sv)a(sa(sv))",
			       unit,
			       "fail",
			       "4",
			       "Description",
			       "s",
			       "Programs of a system image that is being built",
			       "PIDs",
			       "au",
			       "1",
			       pid,
			       "Delegate",
			       "b",
			       "true",
			       "CollectMode",
			       "s",
			       "inactive-or-failed",
			       "0",
			       NULL };
	struct process_options options = {
		.argv = argv,
		.output_max_bytes = OUTPUT_MAX_BYTES,
		.timeout_ms = SYSTEMD_TIMEOUT_MS,
	};
	auto_free char *before = xstrdup(place->folder);

	if (access("/run/systemd/system", F_OK) < 0)
		return false;
	if (process_run(&options, &result, &e) < 0 || result.status != 0) {
		log_detail(log, "no scope of systemd's: %s",
			   e.kind               ? e.text
			   : result.errors.data ? result.errors.data
						: "busctl failed");
		return false;
	}
	for (int i = 0; i < MOVED_TRIES; i++) {
		cgroup_place_release(place);
		if (!find_unified(place))
			return false;
		if (strcmp(place->folder, before) != 0)
			return true;
		usleep(MOVED_WAIT_US);
	}
	return false;
}

/* Where a group with processes may have groups with controllers, as nothing else may: the root of all. */
static bool is_root(const struct cgroup_place *place)
{
	auto_free char *path = xasprintf("%s/cgroup.type", place->folder);

	return strcmp(place->folder, place->top) == 0 && access(path, F_OK) < 0;
}

static void make_in_version_2(struct cgroup_place *place, bool ask_systemd, struct cgroup *group,
			      struct log *log)
{
	auto_free char *parent = NULL;
	const char *slash;

	if (is_root(place)) {
		make_below(place->folder, group, log);
		return;
	}
	if (move_below(place->folder, group, log))
		return;
	if (ask_systemd && enter_scope(log, place) && move_below(place->folder, group, log))
		return;
	slash = strrchr(place->folder, '/');
	if (strcmp(place->folder, place->top) == 0 || !slash)
		return;
	parent = xstrndup(place->folder, (size_t)(slash - place->folder));
	make_below(parent, group, log);
}

void cgroup_make(bool ask_systemd, struct log *log, struct cgroup *group)
{
	auto_free char *mounts = read_file(AT_FDCWD, "/proc/self/mountinfo");
	auto_free char *groups = read_file(AT_FDCWD, "/proc/self/cgroup");
	auto_cgroup_place struct cgroup_place unified = CGROUP_PLACE_INIT;

	if (!mounts || !groups)
		return;
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		auto_cgroup_place struct cgroup_place place = CGROUP_PLACE_INIT;

		if (cgroup_place_find(text_of(mounts), text_of(groups), controller_names[i], &place))
			make_in_version_1(&place, i, group, log);
	}
	if (group->fds[CGROUP_MEMORY] < 0 && group->fds[CGROUP_PIDS] < 0 && find_unified(&unified))
		make_in_version_2(&unified, ask_systemd, group, log);
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (group->paths[i])
			log_detail(log, "control group '%s'", group->paths[i]);
}

void cgroup_release(struct cgroup *group)
{
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		if (group->enter_fds[i] >= 0)
			close(TAKE(group->enter_fds[i], -1));
		if (group->paths[i])
			rmdir(group->paths[i]);
		free(TAKE(group->paths[i], NULL));
		if (group->fds[i] >= 0)
			close(TAKE(group->fds[i], -1));
	}
	if (group->home)
		move_home(group->home);
	free(TAKE(group->home, NULL));
}

bool cgroup_bound_memory(const struct cgroup *group, uint64_t max_bytes, bool with_swap)
{
	int fd = group->fds[CGROUP_MEMORY];

	if (fd < 0)
		return false;
	if (group->unified) {
		/* Only there where the host has swap. */
		if (!with_swap)
			write_control(fd, "memory.swap.max", "0");
		return write_number(fd, "memory.max", max_bytes);
	}
	if (!write_number(fd, "memory.limit_in_bytes", max_bytes))
		return false;
	if (!with_swap)
		write_number(fd, "memory.memsw.limit_in_bytes", max_bytes);
	return true;
}

bool cgroup_bound_processes(const struct cgroup *group, uint64_t max_count)
{
	return group->fds[CGROUP_PIDS] >= 0 && write_number(group->fds[CGROUP_PIDS], "pids.max", max_count);
}

/* The number behind NAME in a file of lines "name number". */
static uint64_t read_line(int dir_fd, const char *file, const char *name)
{
	auto_free char *text = read_file(dir_fd, file);
	struct text rest = text_of(text ? text : "");

	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);
		uint64_t value;

		if (text_is(text_word(&line), name))
			return text_to_u64(text_word(&line), &value) ? value : 0;
	}
	return 0;
}

struct cgroup_state cgroup_read(const struct cgroup *group)
{
	struct cgroup_state state = { .kill_count = 0 };
	int memory_fd = group->fds[CGROUP_MEMORY];

	if (memory_fd >= 0) {
		state.anonymous_bytes =
			read_line(memory_fd, "memory.stat", group->unified ? "anon" : "total_rss");
		state.kill_count = read_line(
			memory_fd, group->unified ? "memory.events" : "memory.oom_control", "oom_kill");
	}
	if (group->fds[CGROUP_PIDS] >= 0)
		state.refusal_count = read_line(group->fds[CGROUP_PIDS], "pids.events", "max");
	return state;
}
