/* SPDX-License-Identifier: Apache-2.0 */
#include "base/root.h"
#include "customize/accounts.h"
#include "customize/home.h"
#include "customize/setup.h"

#include <fcntl.h>

enum { SECONDS_PER_DAY = 86400, DECIMAL_ROOM = 24 };

/* A number of the recipe; its form was checked. */
static uint64_t number_of(const char *text)
{
	uint64_t number = 0;

	return text_to_u64(text_of(text), &number) ? number : 0;
}

/* A number that is given must be free; or else the next one that is. */
static int choose_id(const struct accounts *accounts, bool user, bool system, const char *given,
		     const uint64_t *wish, uint64_t *id, struct error *e)
{
	const struct database *database = user ? &accounts->passwd : &accounts->group;
	long other;

	if (!given)
		return accounts_new_id(accounts, user, system, wish, id, e);
	*id = number_of(given);
	other = database_find_id(database, ACCOUNT_ID, *id);
	if (other == DATABASE_NONE)
		return 0;
	return error_set(e, ERROR_RECIPE, "number %s belongs to '%.*s' already", given,
			 TEXT_ARG(database_field(database, other, 0)));
}

/* An account that is there keeps its number: files have it as their owner. */
static int check_id(const struct database *database, long line, unsigned field, const char *given,
		    struct error *e)
{
	uint64_t number;

	if (!given ||
	    (text_to_u64(database_field(database, line, field), &number) && number == number_of(given)))
		return 0;
	return error_set(e, ERROR_RECIPE, "it is in the image already, with number %.*s, not %s",
			 TEXT_ARG(database_field(database, line, field)), given);
}

static int apply_group(struct accounts *accounts, const struct recipe_group *group, struct error *e)
{
	long line = database_find(&accounts->group, group->name);
	uint64_t gid;

	if (line != DATABASE_NONE)
		return check_id(&accounts->group, line, ACCOUNT_ID, group->gid, e);
	if (choose_id(accounts, false, group->system, group->gid, NULL, &gid, e) < 0)
		return -1;
	accounts_add_group(accounts, group->name, gid);
	return 0;
}

/* Members may be users that the recipe creates, so they come when all of those are there. */
static int add_members(struct accounts *accounts, const struct recipe_group *group, struct error *e)
{
	for (size_t i = 0; i < group->member_count; i++) {
		const struct recipe_name *member = &group->members[i];

		if (database_find(&accounts->passwd, member->text) == DATABASE_NONE)
			error_set(e, ERROR_RECIPE, "user '%s' is not in the image", member->text);
		else if (accounts_add_member(accounts, group->name, member->text, e) == 0)
			continue;
		return error_wrap_at(e, &member->place);
	}
	return 0;
}

/* The primary group of a new user: the one that is named, else one of its own, with the user's number if it is free. */
static int primary_group(struct accounts *accounts, const struct recipe_user *user, uint64_t uid,
			 uint64_t *gid, struct error *e)
{
	const char *name = user->group ? user->group : user->name;
	long line = database_find(&accounts->group, name);

	if (line == DATABASE_NONE && user->group && text_to_u64(text_of(user->group), gid))
		line = database_find_id(&accounts->group, ACCOUNT_ID, *gid);
	if (line != DATABASE_NONE) {
		if (text_to_u64(database_field(&accounts->group, line, ACCOUNT_ID), gid))
			return 0;
		return error_set(e, ERROR_FORMAT, "group '%s' has no number in the image", name);
	}
	if (user->group)
		return error_set(e, ERROR_RECIPE, "group '%s' is not in the image", name);
	if (accounts_new_id(accounts, false, user->system, &uid, gid, e) < 0)
		return -1;
	accounts_add_group(accounts, name, *gid);
	return 0;
}

static void add_shadow(struct accounts *accounts, const struct recipe_user *user, int64_t epoch_s)
{
	auto_buffer struct buffer line = BUFFER_INIT;
	static const char *const limits[] = { "PASS_MIN_DAYS", "PASS_MAX_DAYS", "PASS_WARN_AGE" };
	static const uint64_t usual[] = { 0, 99999, 7 };

	if (!accounts->shadow.exists)
		return;
	buffer_addf(&line, "%s:!:%lld", user->name, (long long)(epoch_s / SECONDS_PER_DAY));
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		buffer_addc(&line, ':');
		if (!user->system)
			buffer_addf(&line, "%llu",
				    (unsigned long long)login_defs_number(accounts, limits[i], usual[i]));
	}
	buffer_adds(&line, ":::");
	database_add(&accounts->shadow, line.data);
}

static int create(struct accounts *accounts, const struct recipe_user *user, int64_t epoch_s, struct error *e)
{
	auto_free char *home = NULL;
	auto_free char *line = NULL;
	uint64_t uid;
	uint64_t gid;

	if (choose_id(accounts, true, user->system, user->uid, NULL, &uid, e) < 0 ||
	    primary_group(accounts, user, uid, &gid, e) < 0)
		return -1;
	if (user->system && !user->home && !(user->create_home_given && user->create_home))
		home = xstrdup("/nonexistent");
	else
		home = xasprintf("/home/%s", user->name);
	line = xasprintf("%s:%s:%llu:%llu::%s:%s", user->name, accounts->shadow.exists ? "x" : "!",
			 (unsigned long long)uid, (unsigned long long)gid, user->home ? user->home : home,
			 user->system ? "/usr/sbin/nologin" : "/bin/sh");
	database_add(&accounts->passwd, line);
	add_shadow(accounts, user, epoch_s);
	if (!user->system)
		accounts_add_subordinate(accounts, user->name);
	return 0;
}

/* Where the password of a user is, and in which field. */
static struct database *password_database(struct accounts *accounts, const char *name, long *line)
{
	*line = database_find(&accounts->shadow, name);
	if (*line != DATABASE_NONE)
		return &accounts->shadow;
	*line = database_find(&accounts->passwd, name);
	return &accounts->passwd;
}

static void set_password(struct accounts *accounts, const struct recipe_user *user, int64_t epoch_s)
{
	long line;
	struct database *database = password_database(accounts, user->name, &line);
	struct text old = database_field(database, line, ACCOUNT_PASSWORD);
	bool locked = text_starts(old, "!") || text_starts(old, "*");
	auto_free char *value = NULL;
	char day[DECIMAL_ROOM];

	if (strcmp(user->password, "locked") != 0)
		value = xstrdup(user->password);
	else if (locked)
		return;
	else
		value = xasprintf("!%.*s",
				  database == &accounts->shadow || !text_is(old, "x") ? (int)old.len : 0,
				  old.ptr ? old.ptr : "");
	if (text_is(old, value))
		return;
	database_set_field(database, line, ACCOUNT_PASSWORD, value);
	snprintf(day, sizeof day, "%lld", (long long)(epoch_s / SECONDS_PER_DAY));
	if (database == &accounts->shadow)
		database_set_field(database, line, SHADOW_DAY, day);
}

static int check_shell(const struct customize_site *site, const char *shell, struct error *e)
{
	auto_close int fd = -1;
	int r = root_try_open(site->root_fd, shell, O_PATH, &fd, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	return error_set(e, ERROR_RECIPE, "shell '%s' is not in the image", shell);
}

static int apply_user(const struct customize_site *site, struct accounts *accounts,
		      const struct recipe_user *user, bool *is_new, struct error *e)
{
	struct database *passwd = &accounts->passwd;
	long line = database_find(passwd, user->name);
	char number[DECIMAL_ROOM];
	uint64_t gid;

	*is_new = line == DATABASE_NONE;
	if (*is_new) {
		if (create(accounts, user, site->epoch_s, e) < 0)
			return -1;
		line = database_find(passwd, user->name);
	} else {
		if (check_id(passwd, line, ACCOUNT_ID, user->uid, e) < 0)
			return -1;
		if (user->group) {
			if (primary_group(accounts, user, 0, &gid, e) < 0)
				return -1;
			snprintf(number, sizeof number, "%llu", (unsigned long long)gid);
			database_set_field(passwd, line, PASSWD_GID, number);
		}
		if (user->home)
			database_set_field(passwd, line, PASSWD_HOME, user->home);
	}
	if (user->comment)
		database_set_field(passwd, line, PASSWD_COMMENT, user->comment);
	if (user->shell && check_shell(site, user->shell, e) < 0)
		return -1;
	if (user->shell)
		database_set_field(passwd, line, PASSWD_SHELL, user->shell);
	if (user->password)
		set_password(accounts, user, site->epoch_s);
	for (size_t i = 0; i < user->group_count; i++)
		if (accounts_add_member(accounts, user->groups[i].text, user->name, e) < 0)
			return error_wrap_at(e, &user->groups[i].place);
	return 0;
}

/* What of USER lies outside the databases; those are written by now. */
static int furnish(const struct customize_site *site, const struct accounts *accounts,
		   const struct recipe_user *user, bool is_new, struct error *e)
{
	long line = database_find(&accounts->passwd, user->name);
	struct text home = database_field(&accounts->passwd, line, PASSWD_HOME);
	auto_free char *path = xstrndup(home.ptr ? home.ptr : "", home.len);
	struct home place = { .root_fd = site->root_fd, .path = path };
	bool wanted = user->create_home_given ? user->create_home : is_new && !user->system;
	uint64_t uid;
	uint64_t gid;

	if (!text_to_u64(database_field(&accounts->passwd, line, ACCOUNT_ID), &uid) ||
	    !text_to_u64(database_field(&accounts->passwd, line, PASSWD_GID), &gid))
		return error_set(e, ERROR_FORMAT, "its line in /etc/passwd is malformed");
	place.uid = (uid_t)uid;
	place.gid = (gid_t)gid;
	place.mode = (unsigned)login_defs_number(accounts, "HOME_MODE",
						 0777 & ~login_defs_number(accounts, "UMASK", 022)) &
		     07777;
	if (wanted && home_create(&place, e) < 0)
		return -1;
	if (user->authorized_keys.count && home_add_keys(&place, &user->authorized_keys, e) < 0)
		return -1;
	return user->sudo ? sudo_allow(site->root_fd, user->name, user->sudo, e) : 0;
}

int apply_groups(const struct customize_site *site, struct error *e)
{
	const struct recipe_setup *setup = &site->recipe->setup;
	auto_accounts struct accounts accounts = ACCOUNTS_INIT;

	if (setup->group_count == 0)
		return 0;
	if (accounts_read(site->root_fd, &accounts, e) < 0)
		return error_wrap_at(e, &setup->groups[0].place);
	for (size_t i = 0; i < setup->group_count; i++) {
		if (apply_group(&accounts, &setup->groups[i], e) < 0) {
			error_wrap(e, "group '%s'", setup->groups[i].name);
			return error_wrap_at(e, &setup->groups[i].place);
		}
		log_detail(site->log, "group %s", setup->groups[i].name);
	}
	return accounts_write(site->root_fd, &accounts, e);
}

static int apply_all(const struct customize_site *site, struct accounts *accounts, bool *is_new,
		     struct error *e)
{
	const struct recipe_setup *setup = &site->recipe->setup;

	for (size_t i = 0; i < setup->user_count; i++) {
		if (apply_user(site, accounts, &setup->users[i], &is_new[i], e) < 0) {
			error_wrap(e, "user '%s'", setup->users[i].name);
			return error_wrap_at(e, &setup->users[i].place);
		}
		log_detail(site->log, "user %s", setup->users[i].name);
	}
	for (size_t i = 0; i < setup->group_count; i++)
		if (add_members(accounts, &setup->groups[i], e) < 0)
			return -1;
	return accounts_write(site->root_fd, accounts, e);
}

int apply_users(const struct customize_site *site, struct error *e)
{
	const struct recipe_setup *setup = &site->recipe->setup;
	auto_accounts struct accounts accounts = ACCOUNTS_INIT;
	auto_free bool *is_new = xcalloc(setup->user_count + 1, sizeof *is_new);

	if (setup->user_count == 0 && setup->group_count == 0)
		return 0;
	if (accounts_read(site->root_fd, &accounts, e) < 0)
		return setup->user_count ? error_wrap_at(e, &setup->users[0].place) : -1;
	if (apply_all(site, &accounts, is_new, e) < 0)
		return -1;
	for (size_t i = 0; i < setup->user_count; i++) {
		if (furnish(site, &accounts, &setup->users[i], is_new[i], e) < 0) {
			error_wrap(e, "user '%s'", setup->users[i].name);
			return error_wrap_at(e, &setup->users[i].place);
		}
	}
	return 0;
}
