/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workspace takes its process into another mount namespace for good, so each case that opens one runs in a
 * child; its exit status is the number of what failed.
 */
#include "unit/scratch.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "sandbox/memory.h"
#include "sandbox/workspace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static int set_up(void **state)
{
	struct scratch *f = xcalloc(1, sizeof *f);

	*state = f;
	return scratch_open(f);
}

static int tear_down(void **state)
{
	struct scratch *f = *state;
	int r = scratch_close(f);

	free(f);
	return r;
}

static int in_child(struct scratch *f, int (*body)(struct scratch *))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(body(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* 0 when ROOT_FD is a root's folder that can be worked in. */
static int check_root(int root_fd)
{
	struct error e = ERROR_INIT;
	struct stat st;

	if (fstat(root_fd, &st) < 0 || st.st_uid != 0 || st.st_gid != 0 || (st.st_mode & 07777) != 0755)
		return 11;
	if (root_make_dirs(root_fd, "/usr/bin", 0755, &e) < 0 ||
	    root_write_text(root_fd, "/usr/bin/x", "x", &e) < 0)
		return 12;
	if (mknodat(root_fd, "usr/pipe", S_IFIFO | 0600, 0) < 0)
		return 13;
	if (privilege_is_confined())
		return 0;
	/* A node can be made, where anybody may, and leads nowhere: /dev/zero's number. */
	if (mknodat(root_fd, "usr/node", S_IFCHR | 0600, makedev(1, 5)) < 0)
		return 14;
	return openat(root_fd, "usr/node", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 15;
}

static int use_memory(struct scratch *f)
{
	struct workspace_options options = { .cache_dir = f->cache, .estimate_bytes = 1, .log = &f->log };
	struct workspace workspace = WORKSPACE_INIT;
	auto_free char *inside = xasprintf("%s/%s/usr", f->cache, "work/root");
	struct error e = ERROR_INIT;
	int r;

	umask(0777);
	if (workspace_open(&options, &workspace, &e) < 0)
		return 1;
	if (workspace.on_disk || workspace.lock_fd >= 0)
		return 2;
	r = check_root(workspace.root_fd);
	if (r)
		return r;
	if (access(inside, F_OK) < 0)
		return 3;
	workspace_release(&workspace);
	workspace_release(&workspace);
	return access(inside, F_OK) == 0 ? 4 : 0;
}

static int use_memory_until_killed(struct scratch *f)
{
	struct workspace_options options = { .cache_dir = f->cache, .log = &f->log };
	struct workspace workspace = WORKSPACE_INIT;
	struct error e = ERROR_INIT;

	if (workspace_open(&options, &workspace, &e) < 0 || check_root(workspace.root_fd) != 0)
		return 1;
	raise(SIGKILL);
	return 2;
}

static void memory(void **state)
{
	struct scratch *f = *state;
	auto_free char *work = xasprintf("%s/work", f->cache);
	struct error e = ERROR_INIT;
	auto_free char *before = NULL;
	auto_free char *after = NULL;

	need_rights();
	if (memory_available("/proc", "/sys/fs/cgroup") < GIB) {
		print_message("this host has less than 1 GiB of memory free\n");
		skip();
	}
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/mounts", MIB, &before, NULL, &e), 0);
	assert_int_equal(in_child(f, use_memory), 0);
	assert_int_equal(in_child(f, use_memory_until_killed), 128 + SIGKILL);
	/* A killed one leaves nothing either. */
	assert_int_equal(count_entries(work, ""), 0);
	assert_int_equal(count_entries(f->cache, ""), 1);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/mounts", MIB, &after, NULL, &e), 0);
	assert_string_equal(before, after);
}

static int use_disk(struct scratch *f)
{
	struct workspace_options options = { .cache_dir = f->cache, .work_dir = f->folder, .log = &f->log };
	struct workspace workspace = WORKSPACE_INIT;
	struct error e = ERROR_INIT;
	auto_free char *outer = NULL;
	struct stat st;
	int r;

	umask(0777);
	if (workspace_open(&options, &workspace, &e) < 0)
		return 1;
	umask(022);
	if (!workspace.on_disk || workspace.lock_fd < 0)
		return 2;
	r = check_root(workspace.root_fd);
	if (r)
		return r;
	outer = xstrndup(workspace.path, strlen(workspace.path) - strlen("/root"));
	if (stat(outer, &st) < 0 || (st.st_mode & 077) != 0)
		return 3;
	workspace_release(&workspace);
	return access(outer, F_OK) == 0 ? 4 : 0;
}

static int use_disk_until_killed(struct scratch *f)
{
	struct workspace_options options = { .cache_dir = f->cache, .work_dir = f->folder, .log = &f->log };
	struct workspace workspace = WORKSPACE_INIT;
	struct error e = ERROR_INIT;

	if (workspace_open(&options, &workspace, &e) < 0 || check_root(workspace.root_fd) != 0)
		return 1;
	raise(SIGKILL);
	return 2;
}

/* Two at once: the second must not sweep the first. */
static int use_disk_twice(struct scratch *f)
{
	struct workspace_options options = { .cache_dir = f->cache, .work_dir = f->folder, .log = &f->log };
	auto_workspace struct workspace workspace = WORKSPACE_INIT;
	struct error e = ERROR_INIT;
	struct stat st;

	if (workspace_open(&options, &workspace, &e) < 0)
		return 1;
	if (in_child(f, use_disk) != 0)
		return 2;
	return fstat(workspace.root_fd, &st) < 0 || st.st_nlink == 0 ? 3 : 0;
}

static void disk(void **state)
{
	struct scratch *f = *state;

	need_rights();
	assert_int_equal(in_child(f, use_disk), 0);
	assert_int_equal(count_entries(f->folder, "work."), 0);
	assert_int_equal(in_child(f, use_disk_until_killed), 128 + SIGKILL);
	assert_int_equal(count_entries(f->folder, "work."), 1);
	/* What only looks alike is not touched. */
	assert_int_equal(mkdirat(f->folder_fd, "work.mine", 0755), 0);
	assert_int_equal(in_child(f, use_disk_twice), 0);
	assert_int_equal(count_entries(f->folder, "work."), 1);
	assert_int_equal(count_entries(f->folder, "work.mine"), 1);
}

static int want_too_much(struct scratch *f)
{
	struct workspace_options options = { .cache_dir = f->cache,
					     .estimate_bytes = UINT64_MAX / 4,
					     .log = &f->log };
	struct workspace workspace = WORKSPACE_INIT;
	struct error e = ERROR_INIT;

	if (workspace_open(&options, &workspace, &e) == 0)
		return 1;
	if (e.kind != ERROR_SPACE || !strstr(e.text, "the root needs about 4") || !strstr(e.text, f->cache))
		return 2;
	return workspace.root_fd >= 0 || workspace.path ? 3 : 0;
}

static void no_room(void **state)
{
	struct scratch *f = *state;

	need_rights();
	assert_int_equal(in_child(f, want_too_much), 0);
	assert_int_equal(count_entries(f->cache, "work."), 0);
}

static void put(struct scratch *f, const char *path, const char *text)
{
	auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct error e = ERROR_INIT;
	auto_close int fd = -1;

	assert_int_equal(root_make_dirs(f->folder_fd, folder, 0755, &e), 0);
	assert_int_equal(root_open(f->folder_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, &e), 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text), &e), 0);
}

static void limits(void **state)
{
	struct scratch *f = *state;
	auto_free char *proc = xasprintf("%s/proc", f->folder);
	auto_free char *groups = xasprintf("%s/cg", f->folder);

	assert_int_equal(memory_available(proc, groups), 0);
	put(f, "proc/meminfo", "MemTotal: 9000 kB\nMemFree: 1 kB\nMemAvailable:    8000 kB\n");
	assert_int_equal(memory_available(proc, groups), 8000 * 1024);
	put(f, "proc/self/cgroup", "0::/a/b\n");
	put(f, "cg/a/b/memory.max", "max\n");
	put(f, "cg/a/b/memory.current", "5\n");
	assert_int_equal(memory_available(proc, groups), 8000 * 1024);
	/* The group above has a limit, and cache that would go. */
	put(f, "cg/a/memory.max", "4096000\n");
	put(f, "cg/a/memory.current", "96000\n");
	assert_int_equal(memory_available(proc, groups), 4000000);
	put(f, "cg/a/memory.stat", "anon 1\ninactive_file 90000\n");
	assert_int_equal(memory_available(proc, groups), 4090000);
	put(f, "cg/a/memory.current", "9996000\n");
	put(f, "cg/a/memory.stat", "anon 1\n");
	assert_int_equal(memory_available(proc, groups), 0);
	/* Version 1, in a container that does not see its own path. */
	put(f, "proc/self/cgroup", "7:cpu:/x\n4:hugetlb,memory:/docker/x\n1:name=systemd:/x\n0::/\n");
	put(f, "cg/memory/memory.limit_in_bytes", "3000000\n");
	put(f, "cg/memory/memory.usage_in_bytes", "1000000\n");
	assert_int_equal(memory_available(proc, groups), 2000000);
	put(f, "proc/self/cgroup", "garbage\n:\n\n");
	assert_int_equal(memory_available(proc, groups), 8000 * 1024);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(memory),
		CASE(disk),
		CASE(no_room),
		CASE(limits),
	};

	return cmocka_run_group_tests_name("workspace", tests, NULL, NULL);
}
