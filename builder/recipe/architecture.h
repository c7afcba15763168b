/* SPDX-License-Identifier: Apache-2.0 */
/* What architectures are called: by LXD, by the kernel and by distributions. */
#ifndef RECIPE_ARCHITECTURE_H
#define RECIPE_ARCHITECTURE_H

#include <stdbool.h>

struct architecture {
	const char *name;        /* as LXD's metadata has it: "x86_64" */
	const char *kernel;      /* as uname -m says */
	const char *personality; /* as LXC's lxc.arch takes it */
	const char *debian;      /* as Debian's archive names it; NULL where it never had one */
	const char *aliases[8];  /* other spellings, up to a NULL */
};

/* The architecture that NAME spells in any of these ways, or NULL. "armel" and "armhf" are two. */
const struct architecture *architecture_find(const char *name);

/* The one of the build host; NULL when its kernel's name is not known. */
const struct architecture *architecture_of_host(void);

/* The nearest spelling to NAME for a message, or NULL. */
const char *architecture_nearest(const char *name);

/* What the distribution of MAP, a word of mappings.architecture_map, calls ARCHITECTURE. */
const char *architecture_map(const char *map, const struct architecture *architecture);

/* Whether some distribution, by any of these maps, calls one so. */
bool architecture_is_mapped(const char *name);

#endif
