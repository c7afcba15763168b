/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka with the headers it asks for. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox/privilege.h"

/*
 * Whether this process has the rights that a build needs. Whoever is not root, but has subordinate ids, gets them as a
 * build does: from here on he is root of a user namespace. Call it while the test has one thread.
 */
static inline bool have_rights(void)
{
	bool is_root = geteuid() == 0;
	struct error e = ERROR_INIT;

	if (privilege_obtain(NULL, &e) < 0) {
		print_message("%s\n", e.text);
		return false;
	}
	/* Only in one of its own such a root may mount. */
	return is_root || unshare(CLONE_NEWNS) == 0;
}

/* Skip the test where it cannot have them. */
static inline void need_rights(void)
{
	if (!have_rights())
		skip();
}

/* Whether it has those that a user namespace does not give: to make device nodes, and to be any user of the host. */
static inline bool is_host_root(void)
{
	return geteuid() == 0 && !privilege_is_confined();
}

static inline void need_host_root(void)
{
	if (!is_host_root()) {
		print_message("needs root of the host\n");
		skip();
	}
}

#endif
