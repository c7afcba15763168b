/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root as the rules see it: a table of all its files, with the text of the few that are read, and the findings so
 * far. Who looks is told of a file at a time, or asks for one by its path.
 */
#ifndef CHECK_LINT_SITE_H
#define CHECK_LINT_SITE_H

#include "base/map.h"
#include "check/lint.h"
#include "check/lint_rules.h"

struct lint_file {
	const char *path;   /* without a leading slash; "" for the root itself */
	const char *target; /* of a symbolic link, else NULL */
	struct text text;   /* what was kept of its content; ptr NULL: nothing */
	uint64_t size_bytes;
	int64_t mtime_s;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool has_capability;
	bool has_overlay_mark;
	bool has_private_key;
	bool is_core_dump;
	bool is_whiteout;
	bool is_cut;   /* TEXT is not all of it */
	bool is_owned; /* by a package; set before any rule looks */
};

enum lint_id_kind { LINT_USERS, LINT_GROUPS, LINT_ID_KINDS };

struct lint_site {
	const struct lint_options *options;
	struct lint_report *report;
	struct arena arena;
	struct lint_file **files; /* owned; as they came */
	size_t count;
	struct map by_path;
	uint64_t kept_bytes;
	uint64_t table_bytes;
	uint64_t steps;                /* of looking up what links lead to */
	bool has_dpkg;                 /* is_owned means something */
	struct map ids[LINT_ID_KINDS]; /* uint32_t → anything: those that have a name */
	bool has_ids[LINT_ID_KINDS];   /* else nothing is known of them */
	size_t reported[RULE_COUNT];
};

#define auto_lint_site AUTO(lint_site_release)

void lint_site_release(struct lint_site *site);

/* Tell of RULE at PATH (as in struct lint_file; NULL: the image as a whole). */
void lint_say(struct lint_site *site, enum lint_rule_number rule, const char *path, const char *fmt, ...)
	PRINTF(4, 5);

/* The file of that very path, or NULL. */
struct lint_file *lint_find(const struct lint_site *site, struct text path);
/* What was kept of the content of PATH; empty where there is nothing. */
struct text lint_text(const struct lint_site *site, const char *path);

enum lint_where {
	LINT_NOWHERE,
	LINT_FOUND,
	LINT_RUNTIME, /* in a folder that is filled when an instance runs */
	LINT_ENDLESS, /* links that lead to each other */
};

/* What TARGET, seen from the folder of the file FROM, leads to; inside the root, as if that were "/". */
enum lint_where lint_resolve(struct lint_site *site, const char *from, const char *target,
			     const struct lint_file **found);
/* Whether PATH, with or without a leading slash, leads to a file that can be run, or may when an instance runs. */
bool lint_is_program(struct lint_site *site, const char *path);

/* The next line of *rest, without its end; false when there is none. */
bool lint_line(struct text *rest, struct text *line);
/* Whether the daemon writes PATH into each instance. */
bool lint_is_replaced(const struct lint_site *site, const char *path);
bool lint_is_regular(const struct lint_file *file);

/* The name behind the last slash of PATH. */
const char *lint_name(const char *path);

/*
 * A row of what is wrong by its path alone. PATTERN as for fnmatch(3), '*' not for slashes; with "/" + "**" at its end
 * it stands for all that lies below a folder.
 */
struct lint_pattern {
	const char *pattern;
	enum lint_rule_number rule;
	unsigned flags; /* enum lint_pattern_flag */
	const char *what;
};

enum lint_pattern_flag {
	LINT_FILLED = 1 << 0,  /* regular files that are not empty alone */
	LINT_UNOWNED = 1 << 1, /* only what belongs to no package */
	LINT_FOLDERS = 1 << 2, /* folders, too */
};

bool lint_pattern_fits(const struct lint_site *site, const struct lint_pattern *pattern,
		       const struct lint_file *file);
/* Tell of FILE by the first row that fits; whether there was one. */
bool lint_apply_patterns(struct lint_site *site, const struct lint_pattern *patterns, size_t count,
			 const struct lint_file *file);

/*
 * The subjects. X_file() is called for each file, X_end() when all are known; lint_packages_begin() before all others.
 */
void lint_packages_begin(struct lint_site *site);
void lint_packages_end(struct lint_site *site);
void lint_accounts_begin(struct lint_site *site);
void lint_accounts_end(struct lint_site *site);
void lint_secrets_file(struct lint_site *site, const struct lint_file *file);
void lint_secrets_end(struct lint_site *site);
void lint_host_file(struct lint_site *site, const struct lint_file *file);
void lint_host_end(struct lint_site *site);
void lint_leftovers_file(struct lint_site *site, const struct lint_file *file);
void lint_leftovers_end(struct lint_site *site);
void lint_modes_file(struct lint_site *site, const struct lint_file *file);
void lint_modes_end(struct lint_site *site);
void lint_boot_file(struct lint_site *site, const struct lint_file *file);
void lint_boot_end(struct lint_site *site);
void lint_units_end(struct lint_site *site);
/* Let the host's systemd look at the enabled units NAMES, where the root is a folder. */
void lint_systemd(struct lint_site *site, const char *const *names, size_t count);
/* The id of NAME in the account files, or of "#ID"; false where there is none. */
bool lint_id_of(const struct lint_site *site, enum lint_id_kind kind, struct text name, uint32_t *id);
/* Whether the account files, or what makes accounts on first start, know the user NAME. */
bool lint_knows_user(const struct lint_site *site, struct text name);

#endif
