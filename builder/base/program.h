/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of the build host that kiln calls: what each is for, and the package that brings it. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct program {
	const char *name;
	const char *package; /* of Debian */
	const char *purpose; /* of which nothing can be done without it */
	bool is_needed;      /* by every build, not only by those that ask for more */
};

/* The table. */
const struct program *program_all(size_t *count);

/* Where PATH has it, malloc'ed; NULL: nowhere. */
char *program_find(const char *name);

/* What whoever calls it says when it is missing: ERROR_SYSTEM with what brings it. NAME must be in the table. */
int program_missing(const char *name, struct error *e);

#endif
