/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that programs of the sandbox see otherwise than they are in the root: stand-ins that keep services
 * from being started, and the host's resolv.conf where the network is allowed. Their content lies in a
 * tmpfs and is bind-mounted over the root's file inside the sandbox, so the root's own file never changes.
 * Where there is none, an empty placeholder is made for the time of the run, and removed if it is
 * still there untouched.
 *
 *	stand_ins_prepare()   in kiln: find out what is there, make placeholders
 *	stand_ins_mount()     in the sandbox, between clone() and execve()
 *	stand_ins_release()   in kiln, after the sandbox has ended
 */
#ifndef SANDBOX_STAND_INS_H
#define SANDBOX_STAND_INS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct stand_in {
	char *path; /* owned; in the root, without symbolic links */
	const char *content;
	size_t len;
	unsigned mode;
	bool writable;  /* what is written to it is gone with the sandbox */
	bool in_memory; /* PATH is below a tmpfs of the sandbox: a plain file there */
	struct stat seen;

	/* With a placeholder: */
	int parent_fd;      /* owned; -1 without */
	int placeholder_fd; /* owned; keeps the inode's number from being used again */
	const char *name;   /* the last part of PATH */
};

struct stand_ins {
	struct stand_in *items; /* owned */
	size_t count;
	char *resolv_conf; /* owned; the host's */
};

#define STAND_INS_INIT ((struct stand_ins) { NULL, 0, NULL })
#define auto_stand_ins AUTO(stand_ins_release)

int stand_ins_prepare(int root_fd, bool network, struct stand_ins *stand_ins, struct error *e) MUST_CHECK;
/* Async-signal-safe. On failure: -1, errno, and *subject is the path. */
int stand_ins_mount(const struct stand_ins *stand_ins, const char **subject);
void stand_ins_release(struct stand_ins *stand_ins);

#endif
