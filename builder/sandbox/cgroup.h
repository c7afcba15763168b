/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control group (cgroups(7)) for the programs of one build, in both versions, where this host lets kiln make one.
 *
 * Version 1: a group below kiln's own, in the hierarchies of the controllers memory and pids.
 * Version 2: a group may not have both processes and groups with controllers in it. So it is made
 *	below kiln's own group if that is the root of all, or kiln is alone in it (it then moves into one beside);
 *	in a scope that kiln asks systemd for, which works for ordinary users too; systemd removes it after kiln;
 *	beside kiln's own group.
 *
 * The group is locked (flock) by its maker, and has the name "kiln.XXXXXX": one whose lock is free was left by a kiln
 * that was killed, and the next one that makes a group in the same place removes it.
 */
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include "base/log.h"
#include "base/text.h"

enum { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CONTROLLER_COUNT };

/* Where a controller is mounted, and in which of its groups a process is. */
struct cgroup_place {
	char *folder; /* owned; of that group; NULL: there is no such controller here */
	char *top;    /* owned; of the uppermost group that can be seen */
	bool unified; /* version 2 */
};

#define CGROUP_PLACE_INIT ((struct cgroup_place) { .folder = NULL })
#define auto_cgroup_place AUTO(cgroup_place_release)

/*
 * The place of CONTROLLER ("memory", "pids"; "" for version 2) by the texts of /proc/self/mountinfo and
 * /proc/self/cgroup: false when there is none, or when kiln's group lies outside of what is mounted.
 */
bool cgroup_place_find(struct text mounts, struct text groups, const char *controller,
		       struct cgroup_place *place);
void cgroup_place_release(struct cgroup_place *place);

struct cgroup {
	int fds[CGROUP_CONTROLLER_COUNT]; /* owned; the group's folder for each controller; -1: none */
	int enter_fds
		[CGROUP_CONTROLLER_COUNT]; /* owned; version 1: a process that writes "0" to them is in it */
	char *paths[CGROUP_CONTROLLER_COUNT]; /* owned; with version 2 only the first */
	char *home; /* owned; version 2: the group that kiln has left for one below */
	bool unified;
};

#define CGROUP_INIT ((struct cgroup) { .fds = { -1, -1 }, .enter_fds = { -1, -1 } })
#define auto_cgroup AUTO(cgroup_release)

/* Make a group, as far as that is possible; why not is said in detail. ASK_SYSTEMD: it may be asked for a scope. */
void cgroup_make(bool ask_systemd, struct log *log, struct cgroup *group);
/* Remove it; nobody may be in it. Best effort, as with every guard. */
void cgroup_release(struct cgroup *group);

/* Set bounds. False: there is no such controller, or it does not take them. */
bool cgroup_bound_memory(const struct cgroup *group, uint64_t max_bytes, bool with_swap);
bool cgroup_bound_processes(const struct cgroup *group, uint64_t max_count);

/* What has happened in it. What cannot be read is 0. */
struct cgroup_state {
	uint64_t anonymous_bytes; /* memory of processes, which is no file's */
	uint64_t kill_count;      /* processes that the kernel killed because the bound was reached */
	uint64_t refusal_count;   /* processes that were not started because of theirs */
};

struct cgroup_state cgroup_read(const struct cgroup *group);

#endif
