/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place where a root is built. kiln enters a mount namespace of its own, so no mount of a build is seen
 * by the host or outlives kiln, also when it is killed. Where memory allows the root is a tmpfs;
 * else it is a folder below the cache, and a folder that a killed kiln left is swept by the next one. Without
 * namespaces (isolation.h) there are no mounts: the root is such a folder, and never a stack.
 */
#ifndef SANDBOX_WORKSPACE_H
#define SANDBOX_WORKSPACE_H

#include "base/log.h"
#include "sandbox/isolation.h"

#include <stdbool.h>

struct stack;

struct workspace {
	char *place;         /* owned; the folder of everything below, in kiln's mount namespace */
	char *path;          /* owned; PLACE/root */
	int root_fd;         /* owned; the root */
	int lock_fd;         /* owned; -1 with a tmpfs */
	struct stack *stack; /* owned; NULL: the root is a plain folder */
	struct log *log;     /* borrowed */
	bool on_disk;
	bool plain; /* without namespaces: nothing can be mounted */
};

#define WORKSPACE_INIT ((struct workspace) { .place = NULL, .root_fd = -1, .lock_fd = -1 })
#define auto_workspace AUTO(workspace_release)

struct workspace_options {
	const char *cache_dir;
	const char *work_dir;    /* build on disk below this folder; NULL: choose */
	uint64_t estimate_bytes; /* of the finished root */
	unsigned sharers;        /* builds that share the memory of this host; 0: this one alone */
	enum isolation isolation;
	struct log *log;
};

/*
 * Must be called while kiln has one thread. Errors: ERROR_PRIVILEGE when namespaces or mounts are
 * not allowed, saying what is needed; ERROR_SYSTEM where, without them, the folder is one for no programs.
 */
int workspace_open(const struct workspace_options *options, struct workspace *workspace, struct error *e)
	MUST_CHECK;
void workspace_release(struct workspace *workspace);

/*
 * Where such a workspace would be: *in_memory, or in a folder, which exists. ERROR_SPACE when there is too little room
 * in either.
 */
int workspace_room(const struct workspace_options *options, bool *in_memory, struct error *e) MUST_CHECK;

/*
 * The root as a stack, for builds that keep layers. A workspace that was never stacked nor sealed is a plain
 * folder, without an overlay. Both functions put another folder behind workspace->root_fd, which keeps its number;
 * what was opened below it before must not be used any more. Hard links whose names lie in lower trees behave as in a
 * plain folder.
 *
 * workspace_stack(): begin with the trees LOWER_FDS (borrowed), bottom first, instead of an empty root; before
 * anything is written, with COUNT > 0.
 * workspace_seal(): what was written since the last call becomes read-only, and *upper_fd (owned by the
 * workspace) is that tree, in overlayfs' format; further writes go on top of it. Nobody may have it open for writing.
 * Both: 1; 0 when this host cannot do that: stack() has left the workspace empty then, and after seal()
 * the root is and stays as it was.
 */
int workspace_stack(struct workspace *workspace, const int *lower_fds, size_t count, struct error *e)
	MUST_CHECK;
int workspace_seal(struct workspace *workspace, int *upper_fd, struct error *e) MUST_CHECK;
/*
 * As workspace_stack(), with at least two trees, for a root that is only read: nothing lies on top of them, and
 * nobody has to look for hard links.
 */
int workspace_show(struct workspace *workspace, const int *lower_fds, size_t count, struct error *e)
	MUST_CHECK;

#endif
