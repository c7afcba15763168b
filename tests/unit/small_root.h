/* SPDX-License-Identifier: Apache-2.0 */
/* A small root made of the host's shell and a few of its programs, with the libraries that they need. */
#ifndef TESTS_UNIT_SMALL_ROOT_H
#define TESTS_UNIT_SMALL_ROOT_H

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/root.h"

#include <fcntl.h>

static const char *const small_root_programs[] = { "sh",   "cat",   "ls",       "sleep", "ln",
						   "rm",   "mount", "umount",   "id",    "env",
						   "stat", "mkdir", "readlink", "chmod", "mv" };

static inline void small_root_copy_file(int root_fd, const char *from, const char *to)
{
	struct error e = ERROR_INIT;
	auto_free char *data = NULL;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, from, 64ULL << 20, &data, &len, &e), 0);
	assert_int_equal(root_write(root_fd, to, data, len, 0755, 0, 0, &e), 0);
}

/* The libraries that the dynamic loader names for PATH, into the same places of the root. */
static inline void small_root_copy_libraries(int root_fd, const char *path)
{
	const char *argv[] = { "ldd", path, NULL };
	struct process_options options = { .argv = argv, .output_max_bytes = 64 * KIB, .timeout_ms = 10000 };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct error e = ERROR_INIT;
	struct text rest;

	assert_int_equal(process_run(&options, &result, &e), 0);
	rest = (struct text) { result.output.data, result.output.len };
	while (rest.len) {
		struct text word = text_word(&rest);
		auto_free char *library = xstrndup(word.ptr, word.len);
		auto_free char *folder = NULL;
		struct stat st;

		if (library[0] != '/' || root_lstat(root_fd, library, &st, &e) != 0)
			continue;
		folder = xstrndup(library, (size_t)(strrchr(library, '/') - library));
		assert_int_equal(root_make_dirs(root_fd, folder, 0755, &e), 0);
		small_root_copy_file(root_fd, library, library);
	}
}

static inline void small_root_make(int root_fd)
{
	static const char *const folders[] = { "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64",
					       "/etc",     "/mnt",      "/var/lib" };
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		assert_int_equal(root_make_dirs(root_fd, folders[i], 0755, &e), 0);
	assert_int_equal(symlinkat("usr/bin", root_fd, "bin"), 0);
	assert_int_equal(symlinkat("usr/sbin", root_fd, "sbin"), 0);
	assert_int_equal(symlinkat("usr/lib", root_fd, "lib"), 0);
	assert_int_equal(symlinkat("usr/lib64", root_fd, "lib64"), 0);
	for (size_t i = 0; i < ARRAY_LEN(small_root_programs); i++) {
		auto_free char *path = xasprintf("/bin/%s", small_root_programs[i]);

		small_root_copy_file(root_fd, path, path);
		small_root_copy_libraries(root_fd, path);
	}
}

#endif
