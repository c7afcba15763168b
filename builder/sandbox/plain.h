/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox without namespaces and mounts, for containers that allow neither (isolation.h): programs run by fork
 * and chroot. What the other way mounts over the root is put into it instead, and taken away again:
 *
 *	/proc /sys /dev /run /tmp   the root's own are moved beside the root, and new ones take their place: /dev with
 *	                            nodes, /run and /tmp empty, /proc and /sys empty for want of a mount
 *	stand-ins                   the root's file is moved beside the root
 *	a script                    is /dev/fd/100, a plain file
 *
 * A process of kiln's adopts what a program leaves behind (PR_SET_CHILD_SUBREAPER), and kills all of that when the
 * program ends, or kiln does. Programs see the processes, the network and the host name of the container.
 *
 *	plain_prepare()   in kiln, behind stand_ins_prepare()
 *	plain_start()     fork; the process is stopped by plain_stop(), never by SIGKILL
 *	plain_finish()    in kiln, when it has ended
 *	plain_release()   likewise, on whatever path
 */
#ifndef SANDBOX_PLAIN_H
#define SANDBOX_PLAIN_H

#include "sandbox/inside.h"

#include <sys/types.h>

/* A stand-in that is in its place. */
struct plain_item {
	const struct stand_in *stand_in;
	int parent_fd; /* owned; the folder that it is in */
	int fd;        /* owned; the file itself */
	bool moved;    /* the root's own file is beside the root */
};

struct plain {
	int root_fd;    /* borrowed; -1: there is nothing to be taken away */
	int outer_fd;   /* owned; the folder that the root is in */
	int aside_fd;   /* owned; a folder of this program's in there */
	unsigned moved; /* bits: which folders are aside */
	char aside_name[32];
	struct plain_item *items; /* owned */
	size_t count;
};

#define PLAIN_INIT ((struct plain) { .root_fd = -1, .outer_fd = -1, .aside_fd = -1 })

/* The root has to be a plain folder that may be written to, and so does the one it is in. SCRIPT may be NULL. */
int plain_prepare(int root_fd, const struct stand_ins *stand_ins, const char *script, struct plain *plain,
		  struct error *e) MUST_CHECK;
/*
 * Put the root's own things back. What a program has put in the place of a stand-in stays; where it has renamed one,
 * the root's own file gets the new name. After an error it may be called again.
 */
int plain_finish(struct plain *plain, struct error *e) MUST_CHECK;
void plain_release(struct plain *plain);

/* A process for INSIDE, as clone() would start it: its id, and a descriptor of it. */
int plain_start(const struct inside *inside, pid_t *pid, int *pid_fd, struct error *e) MUST_CHECK;
/* End the process PID and all below it, and reap it, if it is positive; for guards: errno stays. */
void plain_stop(pid_t pid);

#endif
