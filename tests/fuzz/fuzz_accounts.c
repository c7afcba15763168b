/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of users of a root, of any bytes: a user is added, and all else stays as it is. */
#include "fuzz/fuzz.h"

#include "customize/accounts.h"
#include "fuzz/ground.h"

static void add_user(const struct ground *ground, const char *name)
{
	auto_accounts struct accounts accounts = ACCOUNTS_INIT;
	struct error e = ERROR_INIT;
	uint64_t id = 0;

	if (accounts_read(ground->fd, &accounts, &e) < 0) {
		check_ground_error(&e);
		return;
	}
	if (accounts_new_id(&accounts, true, false, NULL, &id, &e) < 0) {
		check_ground_error(&e);
		return;
	}
	assert(id < UINT32_MAX && database_find_id(&accounts.passwd, ACCOUNT_ID, id) == DATABASE_NONE);
	accounts_add_group(&accounts, name, id);
	if (accounts_add_member(&accounts, "sudo", name, &e) < 0)
		check_ground_error(&e);
	accounts_add_subordinate(&accounts, name);
	error_clear(&e);
	if (accounts_write(ground->fd, &accounts, &e) < 0)
		check_ground_error(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/etc/passwd", "/etc/group",  "/etc/shadow",    "/etc/gshadow",
					     "/etc/subuid", "/etc/subgid", "/etc/login.defs" };
	struct text rest = { (const char *)data, size };
	auto_accounts struct accounts accounts = ACCOUNTS_INIT;
	struct ground ground;
	struct error e = ERROR_INIT;

	ground_open(&ground);
	for (size_t i = 0; i < ARRAY_LEN(paths) && rest.ptr; i++)
		ground_write(&ground, paths[i], next_part(&rest));
	add_user(&ground, "new");
	if (accounts_read(ground.fd, &accounts, &e) < 0)
		check_ground_error(&e);
	(void)login_defs_number(&accounts, "UID_MAX", 1);
	ground_close(&ground);
	return 0;
}
