/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of limits without a host that has just that: where control groups are, counts, words. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "sandbox/census.h"
#include "sandbox/cgroup.h"
#include "sandbox/limits.h"
#include "sandbox/usage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void places(void **state)
{
	static const char version_1[] =
		"30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup "
		"rw,cpu,cpuacct\n"
		"31 24 0:27 / /sys/fs/cgroup/memory rw,relatime shared:10 - cgroup cgroup rw,memory\n"
		"32 24 0:28 /docker/abc /sys/fs/cgroup/pids ro master:11 - cgroup cgroup rw,pids\n";
	static const char version_2[] =
		"29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
	static const struct {
		const char *mounts;
		const char *groups;
		const char *controller;
		const char *folder; /* NULL: none */
	} cases[] = {
		{ version_1, "4:memory:/user/me\n3:cpu,cpuacct:/\n", "memory",
		  "/sys/fs/cgroup/memory/user/me" },
		{ version_1, "3:cpu,cpuacct:/\n4:memory:/\n", "memory", "/sys/fs/cgroup/memory" },
		{ version_1, "5:pids:/docker/abc/x\n", "pids", "/sys/fs/cgroup/pids/x" },
		{ version_1, "5:pids:/docker/abc\n", "pids", "/sys/fs/cgroup/pids" },
		{ version_1, "5:pids:/docker/abcd\n", "pids", NULL },
		{ version_1, "5:pids:/other\n", "pids", NULL },
		{ version_1, "5:pids:/docker/abc/../x\n", "pids", NULL },
		{ version_1, "3:cpu,cpuacct:/a\n", "cpuacct", "/sys/fs/cgroup/cpu,cpuacct/a" },
		{ version_1, "0::/a\n", "", NULL },
		{ version_1, "", "memory", NULL },
		{ "", "4:memory:/\n", "memory", NULL },
		{ version_2, "0::/user.slice/s.scope\n", "", "/sys/fs/cgroup/user.slice/s.scope" },
		{ version_2, "0::/\n", "", "/sys/fs/cgroup" },
		{ version_2, "0::/../../x\n", "", NULL },
		{ version_2, "0::/a\n", "memory", NULL },
		{ "29 23 0:26 / /sys/fs/a\\040b rw - cgroup2 cgroup2 rw\n", "0::/\n", "", NULL },
		{ "29 23 0:26 /\n", "0::/\n", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_cgroup_place struct cgroup_place place = CGROUP_PLACE_INIT;
		bool found = cgroup_place_find(text_of(cases[i].mounts), text_of(cases[i].groups),
					       cases[i].controller, &place);

		assert_int_equal(found, cases[i].folder != NULL);
		if (found) {
			assert_string_equal(place.folder, cases[i].folder);
			assert_int_equal(place.unified, !*cases[i].controller);
		}
	}
}

/* Three processes, one of which uses 8 MiB. */
static void census(void **state)
{
	int ready[2];
	pid_t child;
	char byte;
	struct census found;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 2; i++) {
			if (fork() == 0) {
				if (i == 0) {
					char *data = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE,
							  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

					memset(data, 'x', 8 * MIB);
				}
				if (write(ready[1], "", 1) == 1)
					pause();
				_exit(0);
			}
		}
		while (wait(NULL) > 0)
			;
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	found = census_take(child, UINT64_MAX);
	assert_int_equal(found.task_count, 3);
	assert_in_range(found.anonymous_bytes, 8 * MIB, 64 * MIB);
	assert_in_range(census_take(child, 1).task_count, 2, 3);
	{
		auto_free char *path = xasprintf("/proc/%d/task/%d/children", (int)child, (int)child);
		struct error e = ERROR_INIT;
		auto_free char *children = NULL;
		struct text rest;
		uint64_t pid;

		assert_int_equal(file_read(AT_FDCWD, path, MIB, &children, NULL, &e), 0);
		rest = text_of(children);
		while (text_to_u64(text_word(&rest), &pid))
			kill((pid_t)pid, SIGKILL);
	}
	waitpid(child, NULL, 0);
	assert_int_equal(census_take(child, 10).task_count, 0);
	close(ready[0]);
	close(ready[1]);
}

static void usage(void **state)
{
	char folder[] = "/tmp/kiln-unit-XXXXXX";
	struct usage found;
	char data[64 * KIB];
	int dir_fd;
	int fd;

	(void)state;
	memset(data, 'x', sizeof data);
	assert_non_null(mkdtemp(folder));
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir_fd, "one", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, data, sizeof data), sizeof data);
	fsync(fd);
	close(fd);
	assert_int_equal(linkat(dir_fd, "one", dir_fd, "two", 0), 0);
	assert_int_equal(symlinkat("/", dir_fd, "link"), 0);
	assert_int_equal(mkdirat(dir_fd, "sub", 0700), 0);
	assert_true(usage_count(folder, &found));
	assert_int_equal(found.files, 4);
	assert_in_range(found.bytes, 64 * KIB, 96 * KIB);
	unlinkat(dir_fd, "one", 0);
	unlinkat(dir_fd, "two", 0);
	unlinkat(dir_fd, "link", 0);
	unlinkat(dir_fd, "sub", AT_REMOVEDIR);
	close(dir_fd);
	assert_int_equal(rmdir(folder), 0);
	assert_false(usage_count(folder, &found));
}

/* A program that is over in no time passes no bound of its time; one without a bound never does. */
static void times(void **state)
{
	struct log log;
	FILE *out = fopen("/dev/null", "we");
	struct limits_options options = {
		.wanted = { .time_s = 1 }, .words = { [LIMIT_TIME] = "1s" }, .no_groups = true, .log = &log
	};
	struct limits_run run;

	(void)state;
	log_init(&log, LOG_NORMAL, out);
	{
		auto_limits struct limits *limits = limits_new(&options);
		auto_free char *words = NULL;

		limits_begin(limits, &run);
		assert_int_equal(run.clone_fd, -1);
		assert_int_equal(run.entry.user_count, 0);
		assert_false(limits_check(&run, getpid()));
		run.begin_s -= 0.9;
		assert_false(limits_check(&run, getpid()));
		run.begin_s -= 0.2;
		assert_true(limits_check(&run, getpid()));
		assert_true(limits_end(&run, false));
		words = limits_words(&run);
		assert_string_equal(words, "it ran for longer than 1s (sandbox.limits.time)");
	}
	limits_begin(NULL, &run);
	assert_false(limits_check(&run, getpid()));
	assert_false(limits_end(&run, true));
	log_release(&log);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(census),
		cmocka_unit_test(usage),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
