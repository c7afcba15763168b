/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the sandbox begin with: a small root (small_root.h) in a scratch folder, and a sandbox of it whose log
 * is kept as a text. Without root's rights there is none, and every case is skipped.
 */
#ifndef TESTS_UNIT_ROOM_H
#define TESTS_UNIT_ROOM_H

#include "unit/small_root.h"

#include "base/interrupt.h"
#include "base/root.h"
#include "sandbox/sandbox.h"

static const char *const plain_environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };

struct fixture {
	char folder[64];
	int root_fd;
	struct log log;
	FILE *log_file;
	char *log_text;
	size_t log_len;
	struct sandbox sandbox;
};

static inline int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);

	*state = fixture;
	fixture->root_fd = -1;
	interrupt_install();
	fixture->log_file = open_memstream(&fixture->log_text, &fixture->log_len);
	log_init(&fixture->log, LOG_VERBOSE, fixture->log_file);
	if (!have_rights())
		return 0;
	snprintf(fixture->folder, sizeof fixture->folder, "/tmp/kiln-unit-XXXXXX");
	if (!mkdtemp(fixture->folder))
		return -1;
	fixture->root_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	small_root_make(fixture->root_fd);
	fixture->sandbox = (struct sandbox) { .root_fd = fixture->root_fd,
					      .environment = plain_environment,
					      .log = &fixture->log };
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	struct error e = ERROR_INIT;
	int result = 0;

	if (fixture->root_fd >= 0) {
		/* Also a test: nothing may be mounted there any more, which would end in EBUSY. */
		if (root_empty_dir(fixture->root_fd, ".", &e) < 0 || rmdir(fixture->folder) < 0) {
			print_error("left behind: %s\n", e.text);
			result = -1;
		}
		close(fixture->root_fd);
	}
	log_release(&fixture->log);
	fclose(fixture->log_file);
	free(fixture->log_text);
	free(fixture);
	return result;
}

static inline struct fixture *fixture_of_root(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->root_fd < 0) {
		print_message("needs root\n");
		skip();
	}
	return fixture;
}

#endif
