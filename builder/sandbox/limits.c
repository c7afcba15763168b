/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/limits.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/limits.h"
#include "sandbox/census.h"
#include "sandbox/cgroup.h"
#include "sandbox/memory.h"
#include "sandbox/usage.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	COUNT_MS = 200,    /* between two of kiln's own counts, at least */
	COUNT_SHARE = 10,  /* and so many times as long as one takes */
	USER_SPARE = 1024, /* processes that a user may have beside those of the sandbox */
};

/* What stays free. */
#define BYTES_PER_FILE     2048  /* a root has a file for every 10 KiB or so, */
#define FILES_MIN          16384 /* and a small one more for its size */
#define MEMORY_SPARE_BYTES (128 * MIB)
#define DISK_SPARE_BYTES   (1 * GIB)
#define FULL_BYTES         (64 * KIB)
#define DISK_STEP_BYTES    (16 * MIB) /* a disk that loses less is not looked at */

struct limits {
	struct limits_options options;
	bool begun;
	struct cgroup group;
	bool memory_bounded; /* by the group; so is the next */
	bool processes_bounded;
	struct cgroup_state seen; /* at the last look */
	uint64_t host_bytes;      /* of memory, that this host has to spare */
	char *place;              /* owned; NULL: the root has none yet */
	bool in_memory;
	struct usage layers;
	/* Of a root on disk: what it had, and what its disk had, when it was last counted. */
	struct usage counted;
	struct usage used;
};

static const char *const limit_names[LIMIT_COUNT] = { "memory", "processes", "time", "disk" };

struct limits *limits_new(const struct limits_options *options)
{
	struct limits *limits = xcalloc(1, sizeof *limits);

	limits->options = *options;
	limits->group = CGROUP_INIT;
	return limits;
}

void limits_free(struct limits *limits)
{
	if (!limits)
		return;
	cgroup_release(&limits->group);
	free(limits->place);
	free(limits);
}

/* Of the disk that PLACE is on. */
struct room {
	struct usage used;
	uint64_t free_bytes;
	uint64_t total_bytes;
	uint64_t free_inodes;
	uint64_t total_inodes; /* 0: without a number */
};

static bool read_room(const char *place, struct room *room)
{
	struct statvfs st;

	if (!place || statvfs(place, &st) < 0)
		return false;
	*room = (struct room) {
		.used = { (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize, st.f_files - st.f_ffree },
		.free_bytes = (uint64_t)st.f_bfree * st.f_frsize,
		.total_bytes = (uint64_t)st.f_blocks * st.f_frsize,
		.free_inodes = st.f_ffree,
		.total_inodes = st.f_files,
	};
	return true;
}

void limits_add_layer(struct limits *limits, int fd)
{
	struct usage usage;
	char path[32];

	if (!limits || !limits->options.wanted.disk_bytes)
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (!usage_count(path, &usage))
		return;
	limits->layers.bytes += usage.bytes;
	limits->layers.files += usage.files;
}

int limits_set_root(struct limits *limits, const char *place, bool in_memory, uint64_t *left_bytes,
		    struct error *e)
{
	uint64_t bound = limits->options.wanted.disk_bytes;
	struct room room;

	limits->place = xstrdup(place);
	limits->in_memory = in_memory;
	if (read_room(place, &room))
		limits->used = room.used;
	*left_bytes = UINT64_MAX;
	if (!bound)
		return 0;
	if (limits->layers.bytes >= bound)
		return error_set(e, ERROR_LIMIT,
				 "the layers that the root begins with take %s, and it may have %s "
				 "(sandbox.limits.disk)",
				 human_size(limits->layers.bytes).text, limits->options.words[LIMIT_DISK]);
	*left_bytes = bound - limits->layers.bytes;
	return 0;
}

/*
 * The bound of the group. Files in memory are charged to who writes them, and they are no memory of his, so there has
 * to be room for a root in memory beside what was asked for: the processes' own share is looked at while they run.
 */
static uint64_t group_bytes(const struct limits *limits)
{
	uint64_t wanted = limits->options.wanted.memory_bytes;
	struct room room;

	if (!wanted)
		return limits->host_bytes;
	if (limits->in_memory && read_room(limits->place, &room))
		wanted += room.free_bytes;
	return wanted;
}

static void warn_counted(const struct limits *limits, enum limit which)
{
	if (limits->options.words[which])
		log_warn(limits->options.log,
			 "sandbox.limits.%s is kept by counting: this host lets kiln make no control group "
			 "with "
			 "the controller '%s', which would be exact",
			 limit_names[which], which == LIMIT_MEMORY ? "memory" : "pids");
}

static void set_bounds(struct limits *limits)
{
	const struct sandbox_limits *wanted = &limits->options.wanted;
	unsigned sharers = limits->options.sharers ? limits->options.sharers : 1;
	uint64_t available = memory_available("/proc", "/sys/fs/cgroup") / sharers;
	uint64_t bytes;

	limits->host_bytes = available > 4 * MEMORY_SPARE_BYTES ? available - MEMORY_SPARE_BYTES : 0;
	bytes = limits->options.words[LIMIT_MEMORY] && !wanted->memory_bytes ? 0 : group_bytes(limits);
	if (!limits->options.no_groups && (bytes || wanted->processes))
		cgroup_make(true, limits->options.log, &limits->group);
	if (bytes)
		limits->memory_bounded = cgroup_bound_memory(&limits->group, bytes, !wanted->memory_bytes);
	if (wanted->processes)
		limits->processes_bounded = cgroup_bound_processes(&limits->group, wanted->processes);
	if (wanted->memory_bytes && !limits->memory_bounded)
		warn_counted(limits, LIMIT_MEMORY);
	if (wanted->processes && !limits->processes_bounded)
		warn_counted(limits, LIMIT_PROCESSES);
	limits->seen = cgroup_read(&limits->group);
}

void limits_begin(struct limits *limits, struct limits_run *run)
{
	struct room room;

	*run = (struct limits_run) { .limits = limits, .entry = LIMITS_ENTRY_INIT, .clone_fd = -1 };
	if (!limits)
		return;
	if (!limits->begun)
		set_bounds(limits);
	limits->begun = true;
	run->begin_s = monotonic_seconds();
	run->count_s = run->begin_s;
	run->free_bytes = read_room(limits->place, &room) ? room.free_bytes : 0;
	if (limits->group.unified)
		run->clone_fd =
			limits->group
				.fds[limits->group.fds[CGROUP_MEMORY] >= 0 ? CGROUP_MEMORY : CGROUP_PIDS];
	else
		memcpy(run->entry.group_fds, limits->group.enter_fds, sizeof run->entry.group_fds);
	/* Kiln's own count may come late: whatever starts processes all the time takes the processor from it. */
	if (limits->options.wanted.processes && !limits->processes_bounded)
		run->entry.user_count = limits->options.wanted.processes + USER_SPARE;
}

int limits_enter(const struct limits_entry *entry)
{
	struct rlimit count = { entry->user_count, entry->user_count };

	for (size_t i = 0; i < ARRAY_LEN(entry->group_fds); i++)
		if (entry->group_fds[i] >= 0 && write(entry->group_fds[i], "0", 1) != 1)
			return -1;
	/* The names of groups are the host's. */
	if (unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
		return -1;
	/* Holds for users of a namespace only, not for root; a hard limit that is lower stays. */
	if (entry->user_count && setrlimit(RLIMIT_NPROC, &count) < 0 && errno != EPERM)
		return -1;
	return 0;
}

static bool pass(struct limits_run *run, enum limit which)
{
	run->passed = true;
	run->which = which;
	return true;
}

static bool check_group(struct limits_run *run)
{
	struct limits *limits = run->limits;
	uint64_t bound = limits->options.wanted.memory_bytes;
	struct cgroup_state former = limits->seen;

	if (!limits->memory_bounded && !limits->processes_bounded)
		return false;
	limits->seen = cgroup_read(&limits->group);
	if (limits->seen.refusal_count > former.refusal_count && limits->processes_bounded)
		return pass(run, LIMIT_PROCESSES);
	if (limits->memory_bounded &&
	    (limits->seen.kill_count > former.kill_count || (bound && limits->seen.anonymous_bytes > bound)))
		return pass(run, LIMIT_MEMORY);
	return false;
}

/* Where there is no group. Not more often than can be afforded. */
static bool check_by_count(struct limits_run *run, pid_t pid)
{
	const struct limits *limits = run->limits;
	const struct sandbox_limits *wanted = &limits->options.wanted;
	uint64_t count = limits->processes_bounded ? 0 : wanted->processes;
	uint64_t bytes = limits->memory_bounded ? 0 : wanted->memory_bytes;
	double now_s = monotonic_seconds();
	struct census census;

	if ((!count && !bytes) || now_s < run->count_s)
		return false;
	census = census_take(pid, count ? count : UINT64_MAX);
	run->count_s = monotonic_seconds();
	run->count_s += COUNT_MS / 1000.0 + COUNT_SHARE * (run->count_s - now_s);
	if (count && census.task_count > count)
		return pass(run, LIMIT_PROCESSES);
	return bytes && census.anonymous_bytes > bytes ? pass(run, LIMIT_MEMORY) : false;
}

/* What there is more of in NOW than in BEFORE. */
static struct usage usage_grown(const struct usage *now, const struct usage *before)
{
	return (struct usage) { now->bytes > before->bytes ? now->bytes - before->bytes : 0,
				now->files > before->files ? now->files - before->files : 0 };
}

/* Whether that and what was COUNTED are more than the bound, with the layers. */
static bool is_beyond(const struct limits *limits, const struct usage *counted, const struct usage *grown,
		      bool *by_files)
{
	uint64_t bound = limits->options.wanted.disk_bytes;
	bool by_bytes = limits->layers.bytes + counted->bytes + grown->bytes > bound;

	*by_files = limits->layers.files + counted->files + grown->files > limits_files(bound) && !by_bytes;
	return by_bytes || *by_files;
}

/* A root on disk shares it with others: only what the disk has lost since the last count can be the root's. */
static bool check_folder(struct limits_run *run, const struct room *room)
{
	static const struct usage none = { 0, 0 };
	struct limits *limits = run->limits;
	struct usage grown = usage_grown(&room->used, &limits->used);
	struct usage counted;
	double now_s = monotonic_seconds();

	if (!is_beyond(limits, &limits->counted, &grown, &run->by_files) || now_s < run->disk_s)
		return false;
	/* What cannot be counted is all the root's. */
	if (!usage_count(limits->place, &counted))
		counted = (struct usage) { limits->counted.bytes + grown.bytes,
					   limits->counted.files + grown.files };
	limits->counted = counted;
	limits->used = room->used;
	run->disk_s = monotonic_seconds();
	run->disk_s += COUNT_SHARE * (run->disk_s - now_s);
	return is_beyond(limits, &counted, &none, &run->by_files) ? pass(run, LIMIT_DISK) : false;
}

static bool is_full(const struct room *room)
{
	return room->free_bytes < FULL_BYTES || (room->total_inodes && !room->free_inodes);
}

/* Nobody asked: then a disk of the host must not become full. */
static bool check_spare(struct limits_run *run, const struct room *room)
{
	uint64_t spare =
		room->total_bytes / 20 < DISK_SPARE_BYTES ? room->total_bytes / 20 : DISK_SPARE_BYTES;

	if (run->free_bytes < room->free_bytes + DISK_STEP_BYTES)
		return false;
	return room->free_bytes < spare || (room->total_inodes && room->free_inodes < room->total_inodes / 20)
		       ? pass(run, LIMIT_DISK)
		       : false;
}

static bool check_disk(struct limits_run *run)
{
	const struct limits *limits = run->limits;
	struct room room;

	if (!read_room(limits->place, &room))
		return false;
	run->by_files = limits->in_memory && room.free_bytes >= FULL_BYTES;
	if (limits->in_memory)
		return limits->options.wanted.disk_bytes && is_full(&room) ? pass(run, LIMIT_DISK) : false;
	if (limits->options.wanted.disk_bytes)
		return check_folder(run, &room);
	return limits->options.words[LIMIT_DISK] ? false : check_spare(run, &room);
}

bool limits_check(struct limits_run *run, pid_t pid)
{
	const struct limits *limits = run->limits;

	if (!limits || run->passed)
		return run->passed;
	if (limits->options.wanted.time_s &&
	    monotonic_seconds() - run->begin_s > (double)limits->options.wanted.time_s)
		return pass(run, LIMIT_TIME);
	return check_group(run) || check_by_count(run, pid) || check_disk(run);
}

bool limits_end(struct limits_run *run, bool failed)
{
	if (!run->limits || run->passed)
		return run->passed;
	run->disk_s = 0;
	/* What was full and is not any more was no fault of who did not fail. */
	return check_group(run) || ((failed || !run->limits->in_memory) && check_disk(run));
}

/* "2h" of a default. */
static char *default_words(const struct limits_run *run)
{
	const struct limits *limits = run->limits;

	switch (run->which) {
	case LIMIT_MEMORY:
		return xstrdup(human_size(limits->host_bytes).text);
	case LIMIT_PROCESSES:
		return xasprintf("%llu", (unsigned long long)limits->options.wanted.processes);
	default:
		return xasprintf("%lluh", (unsigned long long)limits->options.wanted.time_s / 3600);
	}
}

char *limits_words(const struct limits_run *run)
{
	const char *asked = run->limits->options.words[run->which];
	auto_free char *bound = asked ? xstrdup(asked) : default_words(run);
	const char *note = asked ? "" : ", by default";

	switch (run->which) {
	case LIMIT_MEMORY:
		return xasprintf("it used more than %s of memory (sandbox.limits.memory%s)", bound, note);
	case LIMIT_PROCESSES:
		return xasprintf("it had more than %s processes at a time (sandbox.limits.processes%s)",
				 bound, note);
	case LIMIT_TIME:
		return xasprintf("it ran for longer than %s (sandbox.limits.time%s)", bound, note);
	default:
		break;
	}
	if (!asked)
		return xstrdup("it filled the disk that the root is on (sandbox.limits.disk, by default)");
	return run->by_files
		       ? xasprintf("the root had more files than %llu, for which %s have room "
				   "(sandbox.limits.disk)",
				   (unsigned long long)limits_files(run->limits->options.wanted.disk_bytes),
				   bound)
		       : xasprintf("the root took more than %s (sandbox.limits.disk)", bound);
}

void limits_explain(const struct limits *limits, struct error *e)
{
	struct room room;

	if (!limits || e->kind != ERROR_SPACE || !limits->in_memory || !limits->options.wanted.disk_bytes ||
	    !read_room(limits->place, &room) || !is_full(&room))
		return;
	e->kind = ERROR_LIMIT;
	error_wrap(e, "the root takes more than %s (sandbox.limits.disk)", limits->options.words[LIMIT_DISK]);
}

uint64_t limits_files(uint64_t bytes)
{
	uint64_t count = bytes / BYTES_PER_FILE;

	return count < FILES_MIN ? FILES_MIN : count;
}

bool limits_is_counted(const struct limits *limits, enum limit limit)
{
	if (!limits || !limits->begun || !limits->options.words[limit])
		return false;
	return (limit == LIMIT_MEMORY && limits->options.wanted.memory_bytes && !limits->memory_bounded) ||
	       (limit == LIMIT_PROCESSES && limits->options.wanted.processes && !limits->processes_bounded);
}

struct limits_means limits_available(struct log *log)
{
	auto_cgroup struct cgroup group = CGROUP_INIT;
	struct limits_means means;

	cgroup_make(true, log, &group);
	means.memory = cgroup_bound_memory(&group, GIB, true);
	means.processes = cgroup_bound_processes(&group, LIMITS_PROCESSES);
	return means;
}
