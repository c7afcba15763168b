/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs of the root may use of the host: memory, processes, time and disk. The kernel keeps the bounds, by a
 * control group (cgroup.h) that is made for the first program of a build; where there is none kiln counts for itself,
 * some times a second (census.h). A program that passes a bound is ended with all that it has started.
 *
 *	limits_new()                  once a build
 *	limits_set_root()             when the root has its place
 *	  limits_begin()              before a program is started
 *	    limits_enter()            in its first process, between clone() and execve()
 *	  limits_check()              again and again while it runs
 *	  limits_end()                when it has ended
 *	limits_free()
 */
#ifndef SANDBOX_LIMITS_H
#define SANDBOX_LIMITS_H

#include "base/log.h"
#include "base/text.h"

#include <sys/types.h>

enum limit { LIMIT_MEMORY, LIMIT_PROCESSES, LIMIT_TIME, LIMIT_DISK, LIMIT_COUNT };

/*
 * In bytes, processes with their threads, and seconds. 0: no bound. Time is that of one program which kiln starts: an
 * action, or a run of dpkg with all scripts that it starts. Disk is the root with what it was before, as it is kept.
 */
struct sandbox_limits {
	uint64_t memory_bytes;
	uint64_t processes;
	uint64_t time_s;
	uint64_t disk_bytes;
};

struct limits_options {
	struct sandbox_limits wanted;
	/* What somebody asked for, as it is written ("2GiB"); borrowed. NULL: nobody did, and a default holds. */
	const char *words[LIMIT_COUNT];
	unsigned sharers; /* builds that share this host; 0: this one alone */
	bool no_groups;   /* as on a host where nobody may make control groups */
	struct log *log;  /* borrowed */
};

/*
 * The defaults. They are there to keep the host alive, whatever an image's programs do: for memory what it has to
 * spare, for disk that some of it stays free.
 */
enum { LIMITS_PROCESSES = 4096, LIMITS_TIME_S = 2 * 60 * 60 };

struct limits;

struct limits *limits_new(const struct limits_options *options);
void limits_free(struct limits *limits); /* NULL is fine */
static inline void auto_limits_(struct limits **limits)
{
	limits_free(*limits);
}
#define auto_limits AUTO(auto_limits_)

/* A disk of so many bytes has room for so many files. */
uint64_t limits_files(uint64_t bytes);

/* Of the root a part lies elsewhere: in the folder FD, a layer. */
void limits_add_layer(struct limits *limits, int fd);
/*
 * The rest of the root is built in the folder PLACE, in memory or on disk. *left_bytes
 * are those that may be written there, for who can make the file system keep to it; UINT64_MAX: what it has.
 * Errors: ERROR_LIMIT: there are none.
 */
int limits_set_root(struct limits *limits, const char *place, bool in_memory, uint64_t *left_bytes,
		    struct error *e) MUST_CHECK;

/* What the first process of a program does for itself. */
struct limits_entry {
	int group_fds[2];    /* "0" is written to them; -1: none */
	uint64_t user_count; /* processes of a user; 0: as it is */
};

#define LIMITS_ENTRY_INIT ((struct limits_entry) { { -1, -1 }, 0 })

/* One program. */
struct limits_run {
	struct limits *limits; /* borrowed; NULL: no limits */
	struct limits_entry entry;
	int clone_fd; /* of the group, for clone3() with CLONE_INTO_CGROUP; -1: not so */
	double begin_s;
	double count_s;      /* when kiln counts processes next */
	double disk_s;       /* and files */
	uint64_t free_bytes; /* on the root's disk, at the beginning */
	bool passed;
	enum limit which;
	bool by_files; /* of the disk: not by their bytes */
};

/* LIMITS may be NULL. What was asked for and cannot be had on this host is a warning, once. */
void limits_begin(struct limits *limits, struct limits_run *run);
/* Async-signal-safe. On failure: -1 and errno. */
int limits_enter(const struct limits_entry *entry);
enum { LIMITS_CHECK_MS = 50 };
/* Whether the program whose first process is PID has passed a bound. Call it every LIMITS_CHECK_MS. */
bool limits_check(struct limits_run *run, pid_t pid);
/* The same, when nothing of it runs any more. FAILED: that is what it said itself. */
bool limits_end(struct limits_run *run, bool failed);
/* "it used more than 1GiB of memory (sandbox.limits.memory)": of a run that has; malloc'ed. */
char *limits_words(const struct limits_run *run);

/* If there is no room for the root because of its bound, make the error E, which says so, one that names it. */
void limits_explain(const struct limits *limits, struct error *e);

/* What the bounds are by on this host, for people. Makes a group, and removes it. */
struct limits_means {
	bool memory;    /* by the kernel; else kiln counts */
	bool processes; /* likewise */
};

/* Whether LIMIT was asked for, and kiln counts. For the record, when the build is over. */
bool limits_is_counted(const struct limits *limits, enum limit limit);

struct limits_means limits_available(struct log *log);

#endif
