/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root that is a stack must be like any folder: what is done to it is done to a plain folder too, and both are
 * compared. A workspace takes its process into another mount namespace, so each case runs in a child.
 */
#include "unit/unit.h"

#include "unit/scratch.h"
#include "unit/small_root.h"
#include "unit/trees.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "sandbox/sandbox.h"
#include "sandbox/workspace.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int set_up(void **state)
{
	struct scratch *f = xcalloc(1, sizeof *f);

	*state = f;
	umask(0);
	return scratch_open(f);
}

static int tear_down(void **state)
{
	struct scratch *f = *state;
	int r = scratch_close(f);

	free(f);
	return r;
}

/* The status of BODY run in a child, whose failures are assertions; skipped unless root. */
static int status_of_child(struct scratch *f, void (*body)(struct scratch *, bool), bool on_disk)
{
	int status;
	pid_t child;

	need_rights();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		/* A failure ends the child; the parent cleans up. */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		body(f, on_disk);
		fflush(stdout);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void in_child(struct scratch *f, void (*body)(struct scratch *, bool), bool on_disk)
{
	assert_int_equal(status_of_child(f, body, on_disk), 0);
}

static void in_child_that_dies(struct scratch *f, void (*body)(struct scratch *, bool), bool on_disk)
{
	int status = status_of_child(f, body, on_disk);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct pair {
	struct workspace workspace;
	int plain_fd;
};

static void pair_open(struct scratch *f, bool on_disk, struct pair *pair)
{
	struct workspace_options options = { .cache_dir = f->cache,
					     .work_dir = on_disk ? f->folder : NULL,
					     .log = &f->log };
	struct error e = ERROR_INIT;
	auto_free char *plain = NULL;

	pair->workspace = WORKSPACE_INIT;
	if (workspace_open(&options, &pair->workspace, &e) < 0)
		fail_msg("%s", e.text);
	/* On the same file system: they differ in what they can do. */
	plain = xasprintf("%s/plain", pair->workspace.place);
	assert_int_equal(mkdir(plain, 0755), 0);
	assert_int_equal(dir_open(AT_FDCWD, plain, &pair->plain_fd, &e), 0);
}

static void pair_close(struct pair *pair)
{
	close(pair->plain_fd);
	workspace_release(&pair->workspace);
}

static void seal(struct pair *pair)
{
	struct error e = ERROR_INIT;
	int upper_fd = -1;
	int r = workspace_seal(&pair->workspace, &upper_fd, &e);

	if (r != 1)
		fail_msg("seal: %d %s", r, e.text);
	assert_true(upper_fd >= 0);
}

static void change_randomly(struct scratch *f, bool on_disk)
{
	unsigned rounds = getenv("KILN_TEST_LONG") ? 300 : 10;
	uint64_t first = getenv("KILN_TEST_SEED") ? strtoull(getenv("KILN_TEST_SEED"), NULL, 10) : 1;

	for (uint64_t seed = first; seed < first + rounds; seed++) {
		struct pair pair;
		uint64_t state = seed;
		auto_buffer struct buffer history = BUFFER_INIT;

		pair_open(f, on_disk, &pair);
		for (unsigned i = 0; i < 400; i++) {
			struct change c = change_draw(&state);
			int on_stack = change_apply(pair.workspace.root_fd, &c);
			int on_plain;

			if (change_is_refused(on_stack))
				continue;
			on_plain = change_apply(pair.plain_fd, &c);
			if (on_plain == 0)
				buffer_addf(&history, "%u %s %s %u\n", c.what, c.path, c.other, c.n);
			if (on_plain != on_stack)
				fail_msg("seed %llu, change %u (%u '%s' '%s' %u): '%s' on a plain folder, "
					 "'%s' on "
					 "the stack; before it:\n%s",
					 (unsigned long long)seed, i, c.what, c.path, c.other, c.n,
					 strerror(on_plain), strerror(on_stack), history.data);
			if (draw(&state, 25) == 0) {
				buffer_adds(&history, "SEAL\n");
				seal(&pair);
				if (getenv("KILN_TEST_LONG"))
					trees_compare(pair.plain_fd, pair.workspace.root_fd);
			}
		}
		print_message("seed %llu\n", (unsigned long long)seed);
		trees_compare(pair.plain_fd, pair.workspace.root_fd);
		pair_close(&pair);
	}
}

/* The same on both. */
static void on_both(const struct pair *pair, int (*act)(int root_fd))
{
	assert_int_equal(act(pair->plain_fd), 0);
	assert_int_equal(act(pair->workspace.root_fd), 0);
	trees_compare(pair->plain_fd, pair->workspace.root_fd);
}

static int put(int root_fd, const char *path, const char *text)
{
	struct error e = ERROR_INIT;
	auto_close int fd = -1;

	if (root_open(root_fd, path, O_WRONLY | O_CREAT | O_APPEND, 0644, &fd, &e) < 0)
		return -1;
	return file_write_fd(fd, text, strlen(text), &e);
}

/* Three files with two names each or three, in folders with old times. */
static int make_links(int root_fd)
{
	const struct timespec old[2] = { { 11, 0 }, { 22, 33 } };
	struct error e = ERROR_INIT;

	if (root_make_dirs(root_fd, "usr/bin", 0755, &e) < 0 ||
	    root_make_dirs(root_fd, "usr/lib", 0755, &e) < 0)
		return -1;
	if (put(root_fd, "usr/bin/perl", "perl") < 0 || put(root_fd, "usr/bin/gunzip", "gunzip") < 0 ||
	    put(root_fd, "usr/lib/x", "x") < 0)
		return -1;
	if (linkat(root_fd, "usr/bin/perl", root_fd, "usr/bin/perl5", 0) < 0 ||
	    linkat(root_fd, "usr/bin/perl", root_fd, "usr/lib/perl", 0) < 0 ||
	    linkat(root_fd, "usr/bin/gunzip", root_fd, "usr/bin/uncompress", 0) < 0 ||
	    linkat(root_fd, "usr/lib/x", root_fd, "usr/lib/y", 0) < 0)
		return -1;
	return utimensat(root_fd, "usr/bin", old, 0) < 0 || utimensat(root_fd, "usr/lib", old, 0) < 0 ||
			       utimensat(root_fd, "usr/bin/perl", old, 0) < 0
		       ? -1
		       : 0;
}

static int write_through_one(int root_fd)
{
	return put(root_fd, "usr/bin/perl5", " more");
}

static int change_mode_of_one(int root_fd)
{
	return fchmodat(root_fd, "usr/lib/perl", 04711, 0);
}

static int remove_one(int root_fd)
{
	return unlinkat(root_fd, "usr/bin/uncompress", 0);
}

static int replace_one(int root_fd)
{
	struct error e = ERROR_INIT;

	return root_write_text(root_fd, "usr/bin/perl", "new", &e);
}

static int add_a_name(int root_fd)
{
	return linkat(root_fd, "usr/lib/y", root_fd, "z", 0);
}

static int move_their_folder(int root_fd)
{
	return renameat(root_fd, "usr/lib", root_fd, "lib");
}

static int write_after_move(int root_fd)
{
	return put(root_fd, "z", "y");
}

static void change_links(struct scratch *f, bool on_disk)
{
	static int (*const acts[])(int) = {
		make_links,  write_through_one, change_mode_of_one, remove_one,
		replace_one, add_a_name,        move_their_folder,  write_after_move,
	};
	struct pair pair;

	pair_open(f, on_disk, &pair);
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		if (acts[i] == move_their_folder && privilege_is_confined())
			continue; /* see change_is_refused() */
		on_both(&pair, acts[i]);
		seal(&pair);
		trees_compare(pair.plain_fd, pair.workspace.root_fd);
	}
	pair_close(&pair);
}

static void links(void **state)
{
	in_child(*state, change_links, false);
}

/* A step that has nothing to do with them leaves no copy of linked files in its layer. */
static void leave_links(struct scratch *f, bool on_disk)
{
	struct pair pair;
	struct error e = ERROR_INIT;
	struct stat st;
	int upper_fd = -1;

	pair_open(f, on_disk, &pair);
	on_both(&pair, make_links);
	for (unsigned i = 0; i < 3; i++) {
		seal(&pair);
		assert_int_equal(put(pair.workspace.root_fd, "usr/bin/other", "x"), 0);
		assert_int_equal(workspace_seal(&pair.workspace, &upper_fd, &e), 1);
		assert_int_equal(fstatat(upper_fd, "usr/bin/other", &st, 0), 0);
		assert_int_equal(fstatat(upper_fd, "usr/bin/perl", &st, 0), -1);
		assert_int_equal(fstatat(upper_fd, "usr/lib/x", &st, 0), -1);
		assert_int_equal(fstatat(upper_fd, "usr/bin/gunzip", &st, 0), -1);
		assert_int_equal(put(pair.plain_fd, "usr/bin/other", "x"), 0);
		assert_int_equal(utimensat(pair.plain_fd, "usr/bin", NULL, 0), 0);
		trees_compare(pair.plain_fd, pair.workspace.root_fd);
	}
	pair_close(&pair);
}

static void links_left_alone(void **state)
{
	in_child(*state, leave_links, false);
}

/* mmap() on a tmpfs is seen in no time stamp. */
static void write_by_mmap(struct scratch *f, bool on_disk)
{
	struct pair pair;

	pair_open(f, on_disk, &pair);
	on_both(&pair, make_links);
	seal(&pair);
	for (unsigned i = 0; i < 2; i++) {
		int root_fd = i ? pair.plain_fd : pair.workspace.root_fd;
		auto_close int fd = openat(root_fd, "usr/bin/perl", O_RDWR | O_CLOEXEC);
		char *mapped = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		assert_true(mapped != MAP_FAILED);
		mapped[1] = 'X';
		munmap(mapped, 4);
	}
	seal(&pair);
	trees_compare(pair.plain_fd, pair.workspace.root_fd);
	pair_close(&pair);
}

static void links_written_by_mmap(void **state)
{
	in_child(*state, write_by_mmap, false);
}

/* A device that overlayfs would take for one of its marks: no layers, but a root that works. */
static void hold_device_zero(struct scratch *f, bool on_disk)
{
	struct pair pair;
	struct error e = ERROR_INIT;
	int upper_fd = -1;

	pair_open(f, on_disk, &pair);
	assert_int_equal(put(pair.workspace.root_fd, "file", "x"), 0);
	assert_int_equal(mknodat(pair.workspace.root_fd, "zero", S_IFCHR | 0600, makedev(0, 0)), 0);
	assert_int_equal(workspace_seal(&pair.workspace, &upper_fd, &e), 0);
	assert_int_equal(upper_fd, -1);
	assert_int_equal(faccessat(pair.workspace.root_fd, "zero", F_OK, 0), 0);
	assert_int_equal(put(pair.workspace.root_fd, "file", "y"), 0);
	pair_close(&pair);
}

static void device_zero(void **state)
{
	need_host_root();
	in_child(*state, hold_device_zero, false);
}

/* Until mount(2) takes no more: then things stay as they are. */
static void grow_high(struct scratch *f, bool on_disk)
{
	struct pair pair;
	struct error e = ERROR_INIT;
	unsigned count = 0;
	int r = 1;

	pair_open(f, on_disk, &pair);
	while (r == 1 && count < 1000) {
		char name[16];
		int upper_fd = -1;

		snprintf(name, sizeof name, "%u", count);
		assert_int_equal(put(pair.workspace.root_fd, name, name), 0);
		assert_int_equal(put(pair.plain_fd, name, name), 0);
		r = workspace_seal(&pair.workspace, &upper_fd, &e);
		count += r == 1;
	}
	assert_int_equal(r, 0);
	assert_in_range(count, 100, 500);
	assert_int_equal(put(pair.workspace.root_fd, "0", "more"), 0);
	assert_int_equal(put(pair.plain_fd, "0", "more"), 0);
	trees_compare(pair.plain_fd, pair.workspace.root_fd);
	pair_close(&pair);
}

static void too_high(void **state)
{
	in_child(*state, grow_high, false);
}

static void lose_right_to_mount(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	assert_int_equal(syscall(SYS_capget, &header, sets), 0);
	sets[0].effective &= ~(1U << CAP_SYS_ADMIN);
	assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

static void go_without_overlay(struct scratch *f, bool on_disk)
{
	struct pair pair;
	struct error e = ERROR_INIT;
	int upper_fd = -1;

	pair_open(f, on_disk, &pair);
	lose_right_to_mount();
	assert_int_equal(workspace_stack(&pair.workspace, &pair.plain_fd, 1, &e), 0);
	assert_int_equal(put(pair.workspace.root_fd, "file", "x"), 0);
	assert_int_equal(workspace_seal(&pair.workspace, &upper_fd, &e), 0);
	assert_int_equal(put(pair.workspace.root_fd, "file", "y"), 0);
	assert_int_equal(put(pair.plain_fd, "file", "xy"), 0);
	trees_compare(pair.plain_fd, pair.workspace.root_fd);
	_exit(0); /* it may no longer unmount either */
}

static void no_overlay(void **state)
{
	in_child(*state, go_without_overlay, false);
}

/* Programs run in a stack as in a folder, and what they change is in its uppermost tree. */
static void run_programs(struct scratch *f, bool on_disk)
{
	static const char *const environment[] = { "PATH=/usr/bin", NULL };
	static const char script[] = "#!/bin/sh\nset -e\ncat /word\necho two >/word\nmkdir -p /new\n"
				     "mv /data /moved 2>&- || mv /moved /data\n";
	const char *argv[] = { "script", NULL };
	struct pair pair;
	struct error e = ERROR_INIT;
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct sandbox sandbox = { .environment = environment, .log = &f->log };
	struct stat st;
	int upper_fd = -1;

	pair_open(f, on_disk, &pair);
	small_root_make(pair.workspace.root_fd);
	assert_int_equal(put(pair.workspace.root_fd, "word", "one\n"), 0);
	assert_int_equal(mkdirat(pair.workspace.root_fd, "data", 0755), 0);
	assert_int_equal(put(pair.workspace.root_fd, "data/x", "x"), 0);
	for (unsigned i = 0; i < 2; i++) {
		seal(&pair);
		sandbox.root_fd = pair.workspace.root_fd;
		if (sandbox_run(&sandbox, argv, script, &result, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(result.status, 0);
		assert_non_null(strstr(result.tail.data, i ? "two\n" : "one\n"));
	}
	assert_int_equal(workspace_seal(&pair.workspace, &upper_fd, &e), 1);
	assert_int_equal(faccessat(pair.workspace.root_fd, "data/x", F_OK, 0), 0);
	assert_int_equal(fstatat(upper_fd, "word", &st, 0), 0);
	assert_int_equal(fstatat(upper_fd, "usr/bin/cat", &st, 0), -1);
	pair_close(&pair);
}

static void programs(void **state)
{
	in_child(*state, run_programs, false);
}

static void die_with_layers(struct scratch *f, bool on_disk)
{
	struct pair pair;

	pair_open(f, on_disk, &pair);
	on_both(&pair, make_links);
	seal(&pair);
	on_both(&pair, write_through_one);
	seal(&pair);
	fflush(stdout);
	raise(SIGKILL);
}

static void open_and_close(struct scratch *f, bool on_disk)
{
	struct pair pair;

	pair_open(f, on_disk, &pair);
	pair_close(&pair);
}

/* Nothing is mounted, and the next build sweeps the folder. */
static void killed(void **state)
{
	struct scratch *f = *state;
	struct error e = ERROR_INIT;
	auto_free char *before = NULL;
	auto_free char *after = NULL;

	assert_int_equal(file_read(AT_FDCWD, "/proc/self/mounts", MIB, &before, NULL, &e), 0);
	for (unsigned on_disk = 0; on_disk < 2; on_disk++) {
		char **names = NULL;
		size_t count = 0;

		in_child_that_dies(f, die_with_layers, on_disk);
		in_child(f, open_and_close, on_disk);
		assert_int_equal(dir_list(f->folder_fd, &names, &count, &e), 0);
		assert_int_equal(count, 1);
		assert_string_equal(names[0], "cache");
		names_free(names, count);
	}
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/mounts", MIB, &after, NULL, &e), 0);
	assert_string_equal(before, after);
}

static void random_in_memory(void **state)
{
	in_child(*state, change_randomly, false);
}

static void random_on_disk(void **state)
{
	in_child(*state, change_randomly, true);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(links),          CASE(links_left_alone), CASE(links_written_by_mmap),
		CASE(device_zero),    CASE(too_high),         CASE(no_overlay),
		CASE(programs),       CASE(killed),           CASE(random_in_memory),
		CASE(random_on_disk),
	};

	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
