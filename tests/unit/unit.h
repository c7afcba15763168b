/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka with the headers it asks for. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* Skip the test unless it is run by root. */
static inline void need_root(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
}

#endif
