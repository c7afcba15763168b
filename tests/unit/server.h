/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests that fetch: tests/server.py on a folder of files, a folder of their own, and tests/make_archive.py.
 * Tests run in the top folder of the checkout.
 */
#ifndef TESTS_UNIT_SERVER_H
#define TESTS_UNIT_SERVER_H

#include "base/alloc.h"
#include "base/file.h"
#include "base/process.h"
#include "base/root.h"
#include "base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct server {
	char *folder; /* owned; removed at the end: www/ is served, log is the log */
	char *base;   /* owned; "http://127.0.0.1:PORT" */
	pid_t pid;
	int input; /* closing it ends the server */
};

/* Run a program; its standard output, or NULL (and words about it) when it does not exist or fails. */
static inline char *run_program(const char *const *argv)
{
	struct process_options options = { .argv = argv, .output_max_bytes = 1 << 20, .timeout_ms = 60000 };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	struct error e = ERROR_INIT;

	if (process_run(&options, &result, &e) < 0) {
		print_message("%s\n", e.text);
		return NULL;
	}
	if (result.status != 0) {
		print_message("%s: status %d: %s\n", argv[0], result.status,
			      result.errors.data ? result.errors.data : "");
		return NULL;
	}
	return buffer_take(&result.output);
}

static inline void remove_tree(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error e = ERROR_INIT;

	if (fd >= 0 && root_empty_dir(fd, "/", &e) < 0)
		print_message("%s\n", e.text);
	rmdir(path);
}

static inline char *make_folder(void)
{
	const char *parent = getenv("TMPDIR");
	char *folder = xasprintf("%s/kiln-unit-XXXXXX", parent && *parent ? parent : "/tmp");

	if (!mkdtemp(folder))
		abort();
	return folder;
}

/* False when there is no python3 to run it. */
static inline bool server_start(struct server *server)
{
	auto_free char *log = NULL;
	auto_free char *www = NULL;
	char port[16] = "";
	int in[2];
	int out[2];

	server->folder = make_folder();
	log = xasprintf("%s/log", server->folder);
	www = xasprintf("%s/www", server->folder);
	if (mkdir(www, 0777) < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		abort();
	server->pid = fork();
	if (server->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execlp("python3", "python3", "tests/server.py", www, "--log", log, "--until-eof",
		       (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server->input = in[1];
	for (size_t len = 0; len + 1 < sizeof port; len++)
		if (read(out[0], port + len, 1) != 1 || port[len] == '\n') {
			port[len] = '\0';
			break;
		}
	close(out[0]);
	server->base = xasprintf("http://127.0.0.1:%s", port);
	return port[0] != '\0';
}

static inline void server_stop(struct server *server)
{
	close(server->input);
	while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	remove_tree(server->folder);
	free(server->folder);
	free(server->base);
}

/* Put a file where the server finds it. */
static inline void server_put(const struct server *server, const char *name, const void *data, size_t len)
{
	auto_free char *www = xasprintf("%s/www", server->folder);
	auto_close int www_fd = -1;
	struct error e = ERROR_INIT;

	if (dir_open(AT_FDCWD, www, &www_fd, &e) < 0 || file_replace(www_fd, name, data, len, 0666, &e) < 0)
		fail_msg("%s", e.text);
}

/* What was asked since the last call of server_forget_log(); malloc'ed. */
static inline char *server_log(const struct server *server)
{
	auto_free char *path = xasprintf("%s/log", server->folder);
	struct error e = ERROR_INIT;
	char *log = NULL;

	if (file_read(AT_FDCWD, path, 1 << 20, &log, NULL, &e) < 0)
		fail_msg("%s", e.text);
	return log;
}

static inline void server_forget_log(const struct server *server)
{
	auto_free char *path = xasprintf("%s/log", server->folder);

	if (truncate(path, 0) < 0)
		abort();
}

static inline size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

#endif
