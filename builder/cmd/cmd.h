/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of kiln: one table of commands, one of options. --help prints both, and a test compares the man
 * page with what it prints.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/log.h"
#include "base/text.h"

#include <stdbool.h>

struct words {
	const char **items; /* owned array of borrowed strings */
	size_t count;
};

/* What the command line says, defaults filled in. */
struct settings {
	struct words arguments; /* what is left after the options */
	struct words overrides;
	struct words mirrors;
	struct words chosen_cells;
	struct words allowed;
	struct words configs; /* these three: of an instance */
	struct words devices;
	struct words properties;
	const char *output;
	const char *keyring; /* these three: what an image is verified with */
	const char *allowed_signers;
	const char *fingerprint;
	const char *format;
	const char *compression;
	const char *creation_date;
	const char *daemon;
	const char *instance;
	const char *path;
	const char *trigger;
	const char *fail_on;
	const char *builder_id;
	const char *cache;
	const char *evidence;
	const char *isolation;
	const char *jobs;
	const char *keep;
	const char *metadata;
	const char *name;
	const char *locked; /* NULL: not; "": by the recipe's own lock */
	const char *older_than;
	const char *payloads;
	const char *recipe;
	const char *sign;
	const char *sign_ssh;
	const char *work;
	const char *type;
	const char *until;
	bool all;
	bool fail_fast;
	bool files;
	bool cells;
	bool check;
	bool offline;
	bool no_layers;
	bool no_lint;
	bool json;
	bool quiet;
	bool rules;
	bool sarif;
	bool schema;
	bool steps;
	bool timing;
	bool update;
	bool verbose;
	bool help;
	struct log *log; /* borrowed */
};

struct command {
	const char *name;
	const char *arguments; /* as shown in the usage line */
	size_t argument_min;   /* how many there must be */
	size_t argument_max;
	const char *summary;
	int (*run)(const struct settings *settings, struct error *e);
};

/* The table, sorted by name. */
const struct command *command_all(size_t *count);
/* The command of that name; ERROR_USAGE with the nearest name. */
const struct command *command_find(const char *name, struct error *e);

/*
 * Parse what follows the command's name. ERROR_USAGE names the option, the command that has it, or what is
 * nearest. settings_release() frees the arrays.
 */
int settings_parse(const struct command *command, int argc, char **argv, struct settings *settings,
		   struct error *e) MUST_CHECK;
void settings_release(struct settings *settings);

/* `kiln --help` and `kiln COMMAND --help`. */
void help_print(struct buffer *out);
void help_print_command(const struct command *command, struct buffer *out);

int cmd_build(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_cache(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_check(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_convert(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_inspect(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_diff(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_doctor(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_lint(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_list(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_lock(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_matrix(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_pack(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_plan(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_rebuild(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_show(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_template(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_unpack(const struct settings *settings, struct error *e) MUST_CHECK;
int cmd_verify(const struct settings *settings, struct error *e) MUST_CHECK;

/* The format of recipes as a JSON Schema; malloc'ed. */
char *schema_text(void);

/*
 * The lock that --locked means for the image CELL (its name; NULL: none) of the recipe at PATH: *lock is malloc'ed,
 * NULL without the option.
 */
int lock_chosen(const struct settings *settings, const char *path, const char *cell, char **lock,
		struct error *e) MUST_CHECK;

/* kiln plan --steps: the steps of one image, or with --cells of all. */
int steps_print(const struct settings *settings, struct error *e) MUST_CHECK;

struct meter_report;

/* --timing: what a build cost, as a table for standard error. */
void timing_print(const struct meter_report *spent, struct log *log);

/* Write DATA to standard output: the only thing that goes there. */
int print_data(const char *data, size_t len, struct error *e) MUST_CHECK;
/* The same of VALUE, which it releases, as text. */
struct json_t; /* of jansson */
int print_data_json(struct json_t *value, struct error *e) MUST_CHECK;

/*
 * Recipes by name: in ./recipes, else in share/kiln/recipes beside the program's bin folder.
 * recipe_find(): the file that a path, "-", or a name stands for, malloc'ed; ERROR_USAGE with near names.
 * recipe_names(): the names there are, sorted, for names_free(), and *folder, malloc'ed.
 */
int recipe_find(const char *recipe, char **path, struct error *e) MUST_CHECK;
int recipe_names(char **folder, char ***names, size_t *count, struct error *e) MUST_CHECK;

#endif
