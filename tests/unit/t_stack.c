/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root that is a stack must be like any folder: what is done to it is done to a plain folder too, and both are
 * compared. A workspace takes its process into another mount namespace, so each case runs in a child.
 */
#include "unit/unit.h"

#include "unit/trees.h"

#include "base/file.h"
#include "base/log.h"
#include "sandbox/workspace.h"

#include <signal.h>
#include <sys/wait.h>

struct fixture {
	char folder[64];
	int folder_fd;
	char *cache;
	struct log log;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	*state = f;
	snprintf(f->folder, sizeof f->folder, "/tmp/kiln-unit-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	f->folder_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->cache = xasprintf("%s/cache", f->folder);
	log_init(&f->log, LOG_VERBOSE, stdout);
	umask(0);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	int r = root_empty_dir(f->folder_fd, ".", &e);

	if (r < 0)
		print_error("%s\n", e.text);
	close(f->folder_fd);
	rmdir(f->folder);
	log_release(&f->log);
	free(f->cache);
	free(f);
	return r;
}

/* Run BODY in a child that may fail assertions; skipped unless root. */
static void in_child(struct fixture *f, void (*body)(struct fixture *, bool), bool on_disk)
{
	int status;
	pid_t child;

	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
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
	assert_int_equal(status, 0);
}

struct pair {
	struct workspace workspace;
	int plain_fd;
};

static void pair_open(struct fixture *f, bool on_disk, struct pair *pair)
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

static void change_randomly(struct fixture *f, bool on_disk)
{
	unsigned rounds = getenv("KILN_TEST_LONG") ? 400 : 25;
	uint64_t first = getenv("KILN_TEST_SEED") ? strtoull(getenv("KILN_TEST_SEED"), NULL, 10) : 1;

	for (uint64_t seed = first; seed < first + rounds; seed++) {
		struct pair pair;
		uint64_t state = seed;
		auto_buffer struct buffer history = BUFFER_INIT;

		pair_open(f, on_disk, &pair);
		for (unsigned i = 0; i < 400; i++) {
			struct change c = change_draw(&state);
			int on_plain = change_apply(pair.plain_fd, &c);
			int on_stack = change_apply(pair.workspace.root_fd, &c);

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
		CASE(random_in_memory),
		CASE(random_on_disk),
	};

	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
