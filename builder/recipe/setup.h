/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recipe says in words instead of in scripts: accounts, locales, services, links, lines and the like. All of
 * it is kiln's own addition to the definition format. Included by recipe.h, and by nobody else.
 */
#ifndef RECIPE_SETUP_H
#define RECIPE_SETUP_H

struct recipe_service {
	struct recipe_name *enable;
	size_t enable_count;
	struct recipe_name *disable;
	size_t disable_count;
	struct recipe_name *mask;
	size_t mask_count;
	const char *runlevel; /* of OpenRC; default: "default" */
	struct filter filter;
	struct place place;
};

struct recipe_group {
	const char *name;
	const char *gid; /* a number */
	bool system;
	struct recipe_name *members;
	size_t member_count;
	struct filter filter;
	struct place place;
};

struct recipe_user {
	const char *name;
	const char *uid;   /* a number */
	const char *group; /* the primary one; default: one of the user's own name */
	struct recipe_name *groups;
	size_t group_count;
	const char *comment;
	const char *home;
	const char *shell;
	const char *password; /* as crypt(5) has it, or "locked" */
	bool system;
	bool create_home; /* default: unless SYSTEM */
	bool create_home_given;
	struct string_list authorized_keys;
	const char *sudo; /* what follows the name in sudoers(5) */
	struct filter filter;
	struct place place;
};

struct recipe_locale {
	const char *name;
	const char *charset; /* default: from the name */
	bool is_default;     /* LANG */
	struct filter filter;
	struct place place;
};

struct recipe_link {
	const char *path;
	const char *target;
	struct filter filter;
	struct place place;
};

struct recipe_directory {
	const char *path;
	const char *mode;
	const char *uid;
	const char *gid;
	struct filter filter;
	struct place place;
};

struct recipe_permission {
	const char *path; /* its parts may be patterns */
	const char *mode;
	const char *uid;
	const char *gid;
	const char *capabilities; /* as setcap(8) takes them; "none" */
	bool recursive;
	struct filter filter;
	struct place place;
};

enum line_action { LINE_PRESENT, LINE_ABSENT, LINE_REPLACE };

struct recipe_line {
	const char *path; /* its parts may be patterns */
	enum line_action action;
	const char *line;
	const char *pattern;
	struct filter filter;
	struct place place;
	struct place pattern_place;
};

/* Just one of EXCLUDE, INCLUDE and PATTERN. */
struct recipe_exclude {
	const char *exclude; /* patterns as dpkg's path-exclude has them */
	const char *include;
	const char *pattern; /* PCRE2 */
	bool keep;           /* the image's own dpkg goes by it as well */
	struct filter filter;
	struct place place;
	struct place pattern_place;
};

struct recipe_setup {
	struct recipe_service *services;
	size_t service_count;
	struct recipe_group *groups;
	size_t group_count;
	struct recipe_user *users;
	size_t user_count;
	struct recipe_locale *locales;
	size_t locale_count;
	const char *timezone;
	const char *keymap;
	struct recipe_link *links;
	size_t link_count;
	struct recipe_directory *directories;
	size_t directory_count;
	struct recipe_permission *permissions;
	size_t permission_count;
	struct recipe_line *lines;
	size_t line_count;
	const char *resolv_conf; /* a word, or the target of a link */
	const char *machine_id;  /* a word */
	struct recipe_exclude *excludes;
	size_t exclude_count;
	struct place timezone_place;
	struct place keymap_place;
	struct place resolv_conf_place;
	struct place machine_id_place;
};

#endif
