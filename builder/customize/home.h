/* SPDX-License-Identifier: Apache-2.0 */
/* What a user has outside the databases: a home folder, keys in it, and what sudo allows. */
#ifndef CUSTOMIZE_HOME_H
#define CUSTOMIZE_HOME_H

#include "recipe/recipe.h"

struct home {
	int root_fd;
	const char *path;
	uid_t uid;
	gid_t gid;
	unsigned mode;
};

/* Make it with what is in /etc/skel, all of it the user's. A folder that is there stays as it is. */
int home_create(const struct home *home, struct error *e) MUST_CHECK;
/* Add KEYS to .ssh/authorized_keys, each unless it is there. ERROR_RECIPE without a home folder. */
int home_add_keys(const struct home *home, const struct string_list *keys, struct error *e) MUST_CHECK;
/* Write RULE for USER into a file of /etc/sudoers.d. ERROR_RECIPE in an image without sudo. */
int sudo_allow(int root_fd, const char *user, const char *rule, struct error *e) MUST_CHECK;

#endif
