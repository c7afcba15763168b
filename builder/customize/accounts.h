/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The databases of users and groups of a root, together, and the numbers that its login.defs(5) gives out. Written
 * as useradd(8) would, with the day of the image in shadow(5).
 */
#ifndef CUSTOMIZE_ACCOUNTS_H
#define CUSTOMIZE_ACCOUNTS_H

#include "customize/customize.h"
#include "customize/database.h"

struct accounts {
	struct database passwd;
	struct database shadow;
	struct database group;
	struct database gshadow;
	struct database subuid;
	struct database subgid;
	char *login_defs; /* owned; "" when there is none */
};

#define ACCOUNTS_INIT ((struct accounts) { .login_defs = NULL })
#define auto_accounts AUTO(accounts_release)

/* Numbers of fields. The first two are the same in passwd(5) and group(5). */
enum { ACCOUNT_PASSWORD = 1, ACCOUNT_ID = 2 };
enum { PASSWD_GID = 3, PASSWD_COMMENT, PASSWD_HOME, PASSWD_SHELL };
enum { GROUP_MEMBERS = 3, GSHADOW_MEMBERS = 3, SHADOW_DAY = 2 };

int accounts_read(int root_fd, struct accounts *accounts, struct error *e) MUST_CHECK;
int accounts_write(int root_fd, struct accounts *accounts, struct error *e) MUST_CHECK;
void accounts_release(struct accounts *accounts);

/* A number of login.defs(5), decimal or octal as it is written; OTHERWISE when it does not say. */
uint64_t login_defs_number(const struct accounts *accounts, const char *name, uint64_t otherwise);

/*
 * A free number for a user or group: WISH if that is not NULL and free, else behind the highest of the ordinary ones,
 * or below 1000 from above for the SYSTEM.
 */
int accounts_new_id(const struct accounts *accounts, bool user, bool system, const uint64_t *wish,
		    uint64_t *id, struct error *e) MUST_CHECK;

/* Add the group NAME. */
void accounts_add_group(struct accounts *accounts, const char *name, uint64_t gid);
/* Add the user NAME to GROUP: ERROR_RECIPE when there is none of that name. */
int accounts_add_member(struct accounts *accounts, const char *group, const char *name, struct error *e)
	MUST_CHECK;
/* Give NAME a range of subordinate ids, where the image has such, and none for NAME. */
void accounts_add_subordinate(struct accounts *accounts, const char *name);

#endif
