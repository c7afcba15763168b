/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rights that a build needs: to mount, and to give files any owner. Root has them. Whoever is not root gets them
 * in a user namespace (user_namespaces(7)), where his own id is 0 and his subordinate ids (subuid(5)) are the others:
 * there he owns nothing on disk that is not his, and yet sees the owners that an image is to have.
 */
#ifndef SANDBOX_PRIVILEGE_H
#define SANDBOX_PRIVILEGE_H

#include "base/log.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

/* Ids that an image may use beside 0: those up to nobody's, 65534, and the last one of 16 bits. */
enum { PRIVILEGE_ID_COUNT = 65535 };

/*
 * Have the rights that a build needs: by being root, or by a user namespace, in which this process stays. Call it
 * while kiln has one thread, before files are opened whose owner matters. Errors: ERROR_PRIVILEGE, with what mends
 * it. LOG may be NULL.
 */
int privilege_obtain(struct log *log, struct error *e) MUST_CHECK;

/* As privilege_obtain(), for who only makes files of any owner: root needs no right to mount for that. */
int privilege_obtain_files(struct log *log, struct error *e) MUST_CHECK;

/* What capabilities are for. */
enum privilege_use {
	PRIVILEGE_FILES = 1 << 0,      /* files of any owner, mode and kind */
	PRIVILEGE_CHROOT = 1 << 1,     /* a build without namespaces */
	PRIVILEGE_NAMESPACES = 1 << 2, /* a build with them */
};

/* The first capability ("CAP_MKNOD") that this process lacks for USE, or NULL. */
const char *privilege_missing(enum privilege_use use);

/* Of what a build needs: a user namespace, ids to use in it, and all of it together. */
enum privilege_part { PRIVILEGE_NAMESPACE, PRIVILEGE_IDS, PRIVILEGE_ALL };

/*
 * Whether PART could be had, found out by trying it in a process of its own. Errors as those of privilege_obtain().
 * Root, who needs no namespace, learns whether others could have one.
 */
int privilege_check(enum privilege_part part, struct error *e) MUST_CHECK;

/*
 * Whether this process is in a user namespace other than the host's: there overlayfs has marks of another name, and
 * nobody can make device nodes.
 */
bool privilege_is_confined(void);

/* A range of ids of the host. */
struct id_range {
	uint32_t first;
	uint32_t count;
};

enum { ID_RANGE_MAX = 16 };

/*
 * The ranges that TEXT, a subuid(5) file, gives to the user NAME or number ID, until they are PRIVILEGE_ID_COUNT ids:
 * how many ranges there are, and *total, their ids.
 */
size_t id_ranges_parse(struct text text, const char *name, uid_t id, struct id_range ranges[ID_RANGE_MAX],
		       uint32_t *total);

#endif
