/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How programs of the root are kept apart from what is around them.
 *
 * Namespaces are how kiln works wherever it can (sandbox.h). Container runtimes forbid them by default, Docker and
 * what is like it: mount(2), unshare(2) and clone(2) with new namespaces are refused. Root of such a container still
 * may chroot(2), give files away and make device nodes, which is enough to build; but the container is then the only
 * wall around what scripts do (plain.h). So that is done by itself only inside of a container, and said each time.
 */
#ifndef SANDBOX_ISOLATION_H
#define SANDBOX_ISOLATION_H

#include "base/log.h"

enum isolation {
	ISOLATION_AUTO, /* namespaces; inside of a container that forbids them: chroot */
	ISOLATION_NAMESPACES,
	ISOLATION_CHROOT,
	ISOLATION_NAMELESS, /* namespaces in a container that forbids to set a host name, as Podman's defaults do */
};

const char *isolation_name(enum isolation isolation);
/* ERROR_USAGE for other words than the first three names. */
int isolation_parse(const char *word, enum isolation *isolation, struct error *e) MUST_CHECK;

/*
 * Have the rights that a build needs, by the way that is WANTED: privilege_obtain(), or those that chroot takes. *got
 * is the way, never ISOLATION_AUTO. Call it while kiln has one thread. Errors: ERROR_PRIVILEGE with what is missing,
 * and what mends it.
 */
int isolation_obtain(enum isolation wanted, struct log *log, enum isolation *got, struct error *e) MUST_CHECK;

/* By what this process sees that it runs in a container, such as "/.dockerenv"; NULL: it does not, or cannot see it. */
const char *isolation_container(void);

/* Whether namespaces and mounts are to be had, tried out in a process of its own: 0, or -1 with E saying why not. */
int isolation_try_namespaces(struct error *e) MUST_CHECK;

#endif
