/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/census.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"

#include <fcntl.h>

/* Processes that are still to be looked at. */
struct queue {
	pid_t *pids;
	size_t count;
};

static void queue_release(struct queue *queue)
{
	free(queue->pids);
}

/* A small file of the kernel, malloc'ed; NULL when its process is gone. */
static char *read_quietly(int dir_fd, const char *path)
{
	struct error ignored = ERROR_INIT;
	char *text = NULL;

	return file_read(dir_fd, path, MIB, &text, NULL, &ignored) < 0 ? NULL : text;
}

/* "RssAnon:	    1234 kB", and what was swapped. */
static uint64_t anonymous_bytes(int process_fd)
{
	auto_free char *status = read_quietly(process_fd, "status");
	struct text rest = text_of(status ? status : "");
	uint64_t sum = 0;

	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text word = text_word(&line);
		uint64_t value;

		if ((text_is(word, "RssAnon:") || text_is(word, "VmSwap:")) &&
		    text_to_u64(text_word(&line), &value))
			sum += value * KIB;
	}
	return sum;
}

/* Each thread has children of its own: proc_tid_children(5). */
static void add_children(int tasks_fd, const char *thread, struct queue *queue)
{
	auto_free char *path = xasprintf("%s/children", thread);
	auto_free char *children = read_quietly(tasks_fd, path);
	struct text rest = text_of(children ? children : "");
	uint64_t pid;

	for (struct text word = text_word(&rest); word.len; word = text_word(&rest))
		if (text_to_u64(word, &pid) && pid <= INT32_MAX)
			PUSH(queue->pids, queue->count, (pid_t)pid);
}

static void add_process(pid_t pid, struct census *census, struct queue *queue)
{
	struct error ignored = ERROR_INIT;
	auto_free char *path = xasprintf("/proc/%d", (int)pid);
	auto_close int process_fd = -1;
	auto_close int tasks_fd = -1;
	char **threads = NULL;
	size_t count = 0;

	if (dir_open(AT_FDCWD, path, &process_fd, &ignored) < 0 ||
	    dir_open(process_fd, "task", &tasks_fd, &ignored) < 0 ||
	    dir_list(tasks_fd, &threads, &count, &ignored) < 0)
		return;
	census->task_count += count;
	census->anonymous_bytes += anonymous_bytes(process_fd);
	for (size_t i = 0; i < count; i++)
		add_children(tasks_fd, threads[i], queue);
	names_free(threads, count);
}

struct census census_take(pid_t pid, uint64_t max_count)
{
	AUTO(queue_release) struct queue queue = { NULL, 0 };
	struct census census = { .task_count = 0 };

	PUSH(queue.pids, queue.count, pid);
	for (size_t i = 0; i < queue.count && census.task_count <= max_count; i++)
		add_process(queue.pids[i], &census, &queue);
	return census;
}
