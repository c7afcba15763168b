/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/accounts.h"

#include "base/root.h"

#define ID_MAX 0xfffffffeULL /* the next one is "no id" to chown(2) */

int accounts_read(int root_fd, struct accounts *accounts, struct error *e)
{
	auto_accounts struct accounts read = ACCOUNTS_INIT;
	int r;

	if (database_read(root_fd, "/etc/passwd", &read.passwd, e) < 0 ||
	    database_read(root_fd, "/etc/shadow", &read.shadow, e) < 0 ||
	    database_read(root_fd, "/etc/group", &read.group, e) < 0 ||
	    database_read(root_fd, "/etc/gshadow", &read.gshadow, e) < 0 ||
	    database_read(root_fd, "/etc/subuid", &read.subuid, e) < 0 ||
	    database_read(root_fd, "/etc/subgid", &read.subgid, e) < 0)
		return -1;
	if (!read.passwd.exists || !read.group.exists)
		return error_set(e, ERROR_RECIPE, "the image has no '%s'",
				 read.passwd.exists ? "/etc/group" : "/etc/passwd");
	r = root_read(root_fd, "/etc/login.defs", &read.login_defs, NULL, e);
	if (r < 0)
		return -1;
	if (r == 0)
		read.login_defs = xstrdup("");
	*accounts = TAKE(read, ACCOUNTS_INIT);
	return 0;
}

int accounts_write(int root_fd, struct accounts *accounts, struct error *e)
{
	if (database_write(root_fd, &accounts->group, e) < 0 ||
	    database_write(root_fd, &accounts->gshadow, e) < 0 ||
	    database_write(root_fd, &accounts->passwd, e) < 0 ||
	    database_write(root_fd, &accounts->shadow, e) < 0 ||
	    database_write(root_fd, &accounts->subuid, e) < 0)
		return -1;
	return database_write(root_fd, &accounts->subgid, e);
}

void accounts_release(struct accounts *accounts)
{
	database_release(&accounts->passwd);
	database_release(&accounts->shadow);
	database_release(&accounts->group);
	database_release(&accounts->gshadow);
	database_release(&accounts->subuid);
	database_release(&accounts->subgid);
	free(accounts->login_defs);
	*accounts = ACCOUNTS_INIT;
}

static bool parse_number(struct text text, uint64_t *number)
{
	uint64_t value = 0;

	if (text.len < 2 || text.ptr[0] != '0')
		return text_to_u64(text, number);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '7' || value > ID_MAX)
			return false;
		value = value * 8 + (uint64_t)(text.ptr[i] - '0');
	}
	*number = value;
	return true;
}

uint64_t login_defs_number(const struct accounts *accounts, const char *name, uint64_t otherwise)
{
	struct text rest = text_of(accounts->login_defs);
	uint64_t number = otherwise;

	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);

		if (text_is(text_word(&line), name) && !parse_number(text_word(&line), &number))
			number = otherwise;
	}
	return number;
}

static bool is_free(const struct accounts *accounts, bool user, uint64_t id)
{
	return database_find_id(user ? &accounts->passwd : &accounts->group, ACCOUNT_ID, id) == DATABASE_NONE;
}

/* The number behind the highest one from MIN to MAX. */
static uint64_t behind_highest(const struct database *database, unsigned field, uint64_t min, uint64_t max)
{
	uint64_t next = min;

	for (size_t i = 0; i < database->count; i++) {
		uint64_t number;

		if (text_to_u64(database_field(database, (long)i, field), &number) && number >= next &&
		    number <= max)
			next = number + 1;
	}
	return next;
}

int accounts_new_id(const struct accounts *accounts, bool user, bool system, const uint64_t *wish,
		    uint64_t *id, struct error *e)
{
	const char *prefix = user ? "UID" : "GID";
	auto_free char *low = xasprintf("%s%s_MIN", system ? "SYS_" : "", prefix);
	auto_free char *high = xasprintf("%s%s_MAX", system ? "SYS_" : "", prefix);
	uint64_t min = login_defs_number(accounts, low, system ? 101 : 1000);
	uint64_t max = login_defs_number(accounts, high, system ? 999 : 60000);
	uint64_t next;

	if (wish && is_free(accounts, user, *wish)) {
		*id = *wish;
		return 0;
	}
	if (!system) {
		next = behind_highest(user ? &accounts->passwd : &accounts->group, ACCOUNT_ID, min, max);
		if (next <= max) {
			*id = next;
			return 0;
		}
	}
	/* Of the system's the highest; of the ordinary ones, whose highest is taken, whatever is free. */
	for (next = max; next >= min && next <= ID_MAX; next--) {
		if (is_free(accounts, user, next)) {
			*id = next;
			return 0;
		}
	}
	return error_set(e, ERROR_RECIPE, "no number from %llu to %llu is free", (unsigned long long)min,
			 (unsigned long long)max);
}

void accounts_add_group(struct accounts *accounts, const char *name, uint64_t gid)
{
	auto_free char *line = xasprintf("%s:x:%llu:", name, (unsigned long long)gid);
	auto_free char *shadow = xasprintf("%s:!::", name);

	database_add(&accounts->group, line);
	if (accounts->gshadow.exists)
		database_add(&accounts->gshadow, shadow);
}

int accounts_add_member(struct accounts *accounts, const char *group, const char *name, struct error *e)
{
	long line = database_find(&accounts->group, group);
	long shadow;

	if (line == DATABASE_NONE)
		return error_set(e, ERROR_RECIPE, "group '%s' is not in the image", group);
	database_add_name(&accounts->group, line, GROUP_MEMBERS, name);
	shadow = database_find(&accounts->gshadow, group);
	if (shadow != DATABASE_NONE)
		database_add_name(&accounts->gshadow, shadow, GSHADOW_MEMBERS, name);
	return 0;
}

static void add_range(struct accounts *accounts, struct database *database, const char *kind,
		      const char *name)
{
	auto_free char *min_name = xasprintf("SUB_%s_MIN", kind);
	auto_free char *count_name = xasprintf("SUB_%s_COUNT", kind);
	uint64_t count = login_defs_number(accounts, count_name, 65536);
	uint64_t start = login_defs_number(accounts, min_name, 100000);
	auto_free char *line = NULL;

	if (!database->exists || count == 0 || database_find(database, name) != DATABASE_NONE)
		return;
	for (size_t i = 0; i < database->count; i++) {
		uint64_t other;
		uint64_t len;

		if (text_to_u64(database_field(database, (long)i, 1), &other) &&
		    text_to_u64(database_field(database, (long)i, 2), &len) && len <= ID_MAX &&
		    other <= ID_MAX && other + len > start)
			start = other + len;
	}
	line = xasprintf("%s:%llu:%llu", name, (unsigned long long)start, (unsigned long long)count);
	database_add(database, line);
}

void accounts_add_subordinate(struct accounts *accounts, const char *name)
{
	add_range(accounts, &accounts->subuid, "UID", name);
	add_range(accounts, &accounts->subgid, "GID", name);
}
