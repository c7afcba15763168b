/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs of the sandbox may do, once its mounts are made: those of root's capabilities that packages need,
 * and no more, ever, whatever they start; no key rings of the host's; and with the host's network no sockets of it
 * that have a name but no path.
 */
#ifndef SANDBOX_RIGHTS_H
#define SANDBOX_RIGHTS_H

#include <stdbool.h>

/*
 * Leave the session's key ring, and what else needs rights that rights_reduce() takes. NETWORK: it is the host's.
 * What this kernel cannot do is left out. Async-signal-safe.
 */
void rights_leave_host(bool network);

/*
 * Keep the capabilities that packages need. NO_NEW_PRIVILEGES: set-id bits and file capabilities mean nothing
 * from now on. Async-signal-safe. On failure: -1 and errno.
 */
int rights_reduce(bool network, bool no_new_privileges);

/* No process of the sandbox may look into this one, which is a copy of kiln. On failure: -1 and errno. */
int rights_hide_process(void);

#endif
