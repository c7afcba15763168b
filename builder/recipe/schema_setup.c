/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the format that says in words what definitions used to say in scripts: struct recipe_setup. */
#include "recipe/check_setup.h"
#include "recipe/schema_rows.h"

#define PUBLIC_SECTION(name, type_place, check) \
	const struct schema_section schema_##name = { SECTION_FIELDS(name), type_place, check }

STATIC_WORDS(line_actions, "present", "absent", "replace"); /* as enum line_action */

static const char *const machine_id_words[] = { "empty", "uninitialized", "absent" };
const struct schema_words schema_machine_ids = { machine_id_words, ARRAY_LEN(machine_id_words) };

static const char *const requirement_words[] = { "cdrom_agent", "cdrom_cloud_init", "cgroup",
						 "nesting",     "privileged",       "secureboot" };
const struct schema_words schema_requirements = { requirement_words, ARRAY_LEN(requirement_words) };

const struct schema_form schema_timezone = {
	"^[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*)*$",
	"a name such as Europe/Berlin or UTC",
};
const struct schema_form schema_keymap = {
	"^[A-Za-z][A-Za-z0-9_.-]*$",
	"a name such as de or us-intl",
};
static const struct schema_form form_account = {
	"^[A-Za-z_][A-Za-z0-9_.-]{0,30}[$]?$",
	"letters, digits, '_', '-' and '.', at most 32 of them",
};
static const struct schema_form form_field = {
	"^[^:[:cntrl:]]*$",
	"without ':' and control characters",
};
static const struct schema_form form_folder = {
	"^/[^:[:cntrl:]]*$",
	"an absolute path without ':'",
};
static const struct schema_form form_locale = {
	"^[A-Za-z][A-Za-z0-9_]*(\\.[A-Za-z0-9-]+)?(@[A-Za-z0-9]+)?$",
	"a name such as en_US.UTF-8",
};
static const struct schema_form form_charset = {
	"^[A-Za-z0-9][A-Za-z0-9_-]*$",
	"a name such as UTF-8",
};
static const struct schema_form form_runlevel = {
	"^[a-z][a-z0-9_-]*$",
	"a name such as boot",
};

/* clang-format off: one row a key, its columns in the same order everywhere */
static const struct schema_field service_fields[] = {
	{ "enable", SCHEMA_NAMES, AT(recipe_service, enable), COUNT(recipe_service, enable_count),
	  .about = "Services that an instance starts" },
	{ "disable", SCHEMA_NAMES, AT(recipe_service, disable), COUNT(recipe_service, disable_count),
	  .about = "Services that it does not start by itself" },
	{ "mask", SCHEMA_NAMES, AT(recipe_service, mask), COUNT(recipe_service, mask_count),
	  .about = "Services that nothing can start" },
	{ "runlevel", SCHEMA_TEXT, AT(recipe_service, runlevel), .form = &form_runlevel,
	  .about = "Runlevel of OpenRC; default: default" },
	FILTER(recipe_service),
};
PUBLIC_SECTION(service, offsetof(struct recipe_service, place), recipe_check_service);

static const struct schema_field group_fields[] = {
	{ "name", SCHEMA_TEXT, .mandatory = true, AT(recipe_group, name), .form = &form_account,
	  .about = "Name of the group" },
	{ "gid", SCHEMA_TEXT, AT(recipe_group, gid), .form = &schema_id,
	  .about = "Its number; default: the next free one" },
	{ "system", SCHEMA_FLAG, AT(recipe_group, system),
	  .about = "Its number comes from those of the system" },
	{ "members", SCHEMA_NAMES, AT(recipe_group, members), COUNT(recipe_group, member_count),
	  .about = "Users that belong to it" },
	FILTER(recipe_group),
};
PUBLIC_SECTION(group, offsetof(struct recipe_group, place), NULL);

static const struct schema_field user_fields[] = {
	{ "name", SCHEMA_TEXT, .mandatory = true, AT(recipe_user, name), .form = &form_account,
	  .about = "Name of the user" },
	{ "uid", SCHEMA_TEXT, AT(recipe_user, uid), .form = &schema_id,
	  .about = "Number of the user; default: the next free one" },
	{ "group", SCHEMA_TEXT, AT(recipe_user, group), .form = &schema_owner,
	  .about = "Primary group; default: one of the user's name" },
	{ "groups", SCHEMA_NAMES, AT(recipe_user, groups), COUNT(recipe_user, group_count),
	  .about = "Further groups" },
	{ "comment", SCHEMA_TEXT, AT(recipe_user, comment), .form = &form_field,
	  .about = "Real name and the like" },
	{ "home", SCHEMA_TEXT, AT(recipe_user, home), .form = &form_folder,
	  .about = "Home folder; default: below /home" },
	{ "create_home", SCHEMA_FLAG, AT(recipe_user, create_home),
	  .given = offsetof(struct recipe_user, create_home_given),
	  .about = "Make the home folder; default: unless it is a user of the system" },
	{ "shell", SCHEMA_TEXT, AT(recipe_user, shell), .form = &form_folder, .about = "Login shell" },
	{ "password", SCHEMA_TEXT, AT(recipe_user, password), .form = &form_field,
	  .about = "Password as crypt(5) has it, or: locked" },
	{ "system", SCHEMA_FLAG, AT(recipe_user, system),
	  .about = "The number comes from those of the system; no home is made" },
	{ "authorized_keys", SCHEMA_TEXTS, AT(recipe_user, authorized_keys),
	  .about = "Public keys that may log in by ssh" },
	{ "sudo", SCHEMA_TEXT, AT(recipe_user, sudo),
	  .about = "What the user may do by sudo, as sudoers(5) has it behind the name" },
	FILTER(recipe_user),
};
PUBLIC_SECTION(user, offsetof(struct recipe_user, place), recipe_check_user);

static const struct schema_field locale_fields[] = {
	{ "name", SCHEMA_TEXT, .mandatory = true, AT(recipe_locale, name), .form = &form_locale,
	  .about = "Name of the locale" },
	{ "charset", SCHEMA_TEXT, AT(recipe_locale, charset), .form = &form_charset,
	  .about = "Its character set; default: what the name says, or UTF-8" },
	{ "default", SCHEMA_FLAG, AT(recipe_locale, is_default), .about = "The image's LANG" },
	FILTER(recipe_locale),
};
PUBLIC_SECTION(locale, offsetof(struct recipe_locale, place), NULL);

static const struct schema_field link_fields[] = {
	{ "path", SCHEMA_TEXT, .mandatory = true, AT(recipe_link, path), .about = "The link" },
	{ "target", SCHEMA_TEXT, .mandatory = true, AT(recipe_link, target), .about = "Where it leads" },
	FILTER(recipe_link),
};
PUBLIC_SECTION(link, offsetof(struct recipe_link, place), recipe_check_link);

static const struct schema_field directory_fields[] = {
	{ "path", SCHEMA_TEXT, .mandatory = true, AT(recipe_directory, path), .about = "The folder" },
	{ "mode", SCHEMA_TEXT, AT(recipe_directory, mode), .form = &schema_mode,
	  .about = "Its permissions; default: 0755, or what it has" },
	{ "uid", SCHEMA_TEXT, AT(recipe_directory, uid), .form = &schema_owner, .about = "Its owner" },
	{ "gid", SCHEMA_TEXT, AT(recipe_directory, gid), .form = &schema_owner, .about = "Its group" },
	FILTER(recipe_directory),
};
PUBLIC_SECTION(directory, offsetof(struct recipe_directory, place), recipe_check_directory);

static const struct schema_field permission_fields[] = {
	{ "path", SCHEMA_TEXT, .mandatory = true, AT(recipe_permission, path),
	  .about = "File or folder; '*' and '?' stand for parts of a name" },
	{ "mode", SCHEMA_TEXT, AT(recipe_permission, mode), .form = &schema_mode,
	  .about = "Its permissions" },
	{ "uid", SCHEMA_TEXT, AT(recipe_permission, uid), .form = &schema_owner, .about = "Its owner" },
	{ "gid", SCHEMA_TEXT, AT(recipe_permission, gid), .form = &schema_owner, .about = "Its group" },
	{ "capabilities", SCHEMA_TEXT, AT(recipe_permission, capabilities),
	  .about = "File capabilities, such as cap_net_raw=ep, or: none" },
	{ "recursive", SCHEMA_FLAG, AT(recipe_permission, recursive),
	  .about = "Owner and group also of all below the folder" },
	FILTER(recipe_permission),
};
PUBLIC_SECTION(permission, offsetof(struct recipe_permission, place), recipe_check_permission);

static const struct schema_field line_fields[] = {
	{ "path", SCHEMA_TEXT, .mandatory = true, AT(recipe_line, path),
	  .about = "Text file; '*' and '?' stand for parts of a name" },
	{ "action", SCHEMA_WORD, AT(recipe_line, action), .words = &line_actions,
	  .about = "What is done; default: present" },
	{ "line", SCHEMA_TEXT, AT(recipe_line, line), .about = "The line, or what replaces a match" },
	{ "pattern", SCHEMA_TEXT, AT(recipe_line, pattern), PLACE(recipe_line, pattern_place),
	  .about = "Regular expression (PCRE2) for lines" },
	FILTER(recipe_line),
};
PUBLIC_SECTION(line, offsetof(struct recipe_line, place), recipe_check_line);

static const struct schema_field exclude_fields[] = {
	{ "exclude", SCHEMA_TEXT, AT(recipe_exclude, exclude),
	  .about = "Paths that are left out; '*' stands for any text, also with '/'" },
	{ "include", SCHEMA_TEXT, AT(recipe_exclude, include),
	  .about = "Paths that are kept although an entry before leaves them out" },
	{ "pattern", SCHEMA_TEXT, AT(recipe_exclude, pattern), PLACE(recipe_exclude, pattern_place),
	  .about = "Regular expression (PCRE2) for paths that are left out" },
	{ "keep", SCHEMA_FLAG, AT(recipe_exclude, keep), .about = "The image's own dpkg goes by it as well" },
	FILTER(recipe_exclude),
};
PUBLIC_SECTION(exclude, offsetof(struct recipe_exclude, place), recipe_check_exclude);
/* clang-format on */
