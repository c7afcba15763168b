/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "base/alloc.h"

#include <getopt.h>

/* OPTION_MAYBE: a text that may be missing, and then is "". */
enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_MAYBE, OPTION_LIST };

/* Which commands take an option. */
enum {
	ON_BUILD = 1 << 0,
	ON_LIST = 1 << 1,
	ON_PLAN = 1 << 2,
	ON_CACHE = 1 << 3,
	ON_CHECK = 1 << 4,
	ON_TEMPLATE = 1 << 5,
	ON_MATRIX = 1 << 6,
	ON_SHOW = 1 << 7,
	ON_CONVERT = 1 << 8,
	ON_PACK = 1 << 9,
	ON_UNPACK = 1 << 10,
	ON_VERIFY = 1 << 11,
	ON_INSPECT = 1 << 12,
	ON_LOCK = 1 << 13,
	ON_DIFF = 1 << 14,
	ON_REBUILD = 1 << 15,
	ON_LINT = 1 << 16,
	ON_DOCTOR = 1 << 17,
	ON_ALL = ON_BUILD | ON_LIST | ON_PLAN | ON_CACHE | ON_CHECK | ON_TEMPLATE | ON_MATRIX | ON_SHOW |
		 ON_CONVERT | ON_PACK | ON_UNPACK | ON_VERIFY | ON_INSPECT | ON_LOCK | ON_DIFF | ON_REBUILD |
		 ON_LINT | ON_DOCTOR,
};

struct option_row {
	const char *name;
	char letter;       /* or 0 */
	const char *value; /* as shown; NULL for a flag */
	enum option_kind kind;
	size_t offset; /* in struct settings */
	unsigned commands;
	const char *help;
};

#define FIELD(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "all", 0, NULL, OPTION_FLAG, FIELD(all), ON_BUILD | ON_LOCK,
	  "every image of the recipe's matrix, each in a folder of its own, or its lock" },
	{ "allow", 0, "RULE[=PATH]", OPTION_LIST, FIELD(allowed), ON_BUILD | ON_LINT,
	  "let an image have what a rule of kiln lint forbids, anywhere or at PATH" },
	{ "allowed-signers", 0, "FILE", OPTION_TEXT, FIELD(allowed_signers), ON_VERIFY,
	  "SHA256SUMS.sig must be by one of these SSH keys, as ssh-keygen(1) has them" },
	{ "builder-id", 0, "URI", OPTION_TEXT, FIELD(builder_id), ON_BUILD,
	  "in the provenance: the address that stands for who builds (default: urn:kiln:builder)" },
	{ "cache", 0, "DIR", OPTION_TEXT, FIELD(cache),
	  ON_BUILD | ON_DOCTOR | ON_PLAN | ON_CACHE | ON_LOCK | ON_REBUILD,
	  "keep downloads in DIR (default: the user's cache folder)" },
	{ "cell", 0, "CELL", OPTION_LIST, FIELD(chosen_cells),
	  ON_BUILD | ON_LOCK | ON_MATRIX | ON_PLAN | ON_SHOW,
	  "the image of the matrix of that name, or as release=trixie,variant=cloud" },
	{ "cells", 0, NULL, OPTION_FLAG, FIELD(cells), ON_PLAN,
	  "with --steps: for every image of the matrix, or that the recipe's filters name" },
	{ "check", 0, NULL, OPTION_FLAG, FIELD(check), ON_LOCK,
	  "write nothing; fail when packages, recipe or options are others than the lock has" },
	{ "compression", 0, "LIST", OPTION_TEXT, FIELD(compression), ON_BUILD | ON_CONVERT | ON_PACK,
	  "zstd, xz, gzip, bzip2, lzma, lz4 or none, as xz-9; for one format squashfs=xz (default: zstd)" },
	{ "config", 0, "KEY=VALUE", OPTION_LIST, FIELD(configs), ON_TEMPLATE,
	  "a value of the instance's configuration, such as user.x=1" },
	{ "creation-date", 0, "SECONDS", OPTION_TEXT, FIELD(creation_date), ON_PACK,
	  "when the image was made, since 1970 (default: SOURCE_DATE_EPOCH, or now)" },
	{ "daemon", 0, "NAME", OPTION_TEXT, FIELD(daemon), ON_TEMPLATE,
	  "render as lxd or as incus would (default: lxd)" },
	{ "device", 0, "DEVICE.KEY=VALUE", OPTION_LIST, FIELD(devices), ON_TEMPLATE,
	  "a value of one of its devices, such as eth0.type=nic" },
	{ "evidence", 0, "LIST", OPTION_TEXT, FIELD(evidence), ON_BUILD,
	  "beside the image: manifest, sbom (or spdx, cyclonedx), provenance, log; all or none (default: "
	  "all)" },
	{ "fail-fast", 0, NULL, OPTION_FLAG, FIELD(fail_fast), ON_BUILD,
	  "with --all: stop the other images when one fails" },
	{ "fail-on", 0, "SEVERITY", OPTION_TEXT, FIELD(fail_on), ON_BUILD | ON_LINT,
	  "fail when kiln lint finds something of error, warning or note (default: error)" },
	{ "files", 0, NULL, OPTION_FLAG, FIELD(files), ON_DIFF | ON_REBUILD,
	  "show every file that is different, and how" },
	{ "fingerprint", 0, "SHA256", OPTION_TEXT, FIELD(fingerprint), ON_VERIFY, "what the image must be" },
	{ "format", 0, "LIST", OPTION_TEXT, FIELD(format), ON_BUILD | ON_CONVERT | ON_MATRIX | ON_PACK,
	  "unified, split, squashfs, lxc, tar, dir (default: unified,split); matrix: json, github or "
	  "gitlab" },
	{ "help", 'h', NULL, OPTION_FLAG, FIELD(help), ON_ALL, "print this text" },
	{ "instance", 0, "NAME[,KEY=VALUE]", OPTION_TEXT, FIELD(instance), ON_TEMPLATE,
	  "the instance, and its type, architecture, ephemeral, privileged (default: c1)" },
	{ "isolation", 0, "WAY", OPTION_TEXT, FIELD(isolation), ON_BUILD | ON_REBUILD,
	  "keep scripts in namespaces, in a chroot alone, or auto: chroot where a container forbids the "
	  "rest" },
	{ "jobs", 0, "NUMBER", OPTION_TEXT, FIELD(jobs), ON_BUILD,
	  "with --all: build so many images side by side (default: what the host allows)" },
	{ "json", 0, NULL, OPTION_FLAG, FIELD(json), ON_ALL, "print data as JSON" },
	{ "keep", 0, "SIZE", OPTION_TEXT, FIELD(keep), ON_CACHE,
	  "trim: remove what was used longest ago, until SIZE is left (as 500M, 2G)" },
	{ "keyring", 0, "FILE", OPTION_TEXT, FIELD(keyring), ON_VERIFY,
	  "SHA256SUMS.asc must be by one of these OpenPGP keys" },
	{ "locked", 0, "[=FILE]", OPTION_MAYBE, FIELD(locked), ON_BUILD | ON_PLAN,
	  "take the packages that the lock FILE names (default: the recipe's)" },
	{ "metadata", 0, "FILE", OPTION_TEXT, FIELD(metadata), ON_PACK,
	  "take FILE as the image's metadata.yaml, as it is" },
	{ "mirror", 0, "[FROM=]URL", OPTION_LIST, FIELD(mirrors),
	  ON_BUILD | ON_DOCTOR | ON_LOCK | ON_PLAN | ON_REBUILD,
	  "fetch from URL what the recipe has at its main archive, or at FROM; 'none': not from this host's "
	  "mirror" },
	{ "name", 0, "NAME", OPTION_TEXT, FIELD(name), ON_CONVERT | ON_PACK,
	  "begin the names of the image files with NAME (default: the image's own)" },
	{ "no-layers", 0, NULL, OPTION_FLAG, FIELD(no_layers), ON_BUILD,
	  "carry out every step, and keep none as a layer" },
	{ "no-lint", 0, NULL, OPTION_FLAG, FIELD(no_lint), ON_BUILD,
	  "write the image whatever kiln lint would find" },
	{ "offline", 0, NULL, OPTION_FLAG, FIELD(offline),
	  ON_BUILD | ON_DOCTOR | ON_LOCK | ON_PLAN | ON_REBUILD,
	  "use the cache alone; doctor: ask no archive" },
	{ "older-than", 0, "DAYS", OPTION_TEXT, FIELD(older_than), ON_CACHE,
	  "trim: remove what was not used for DAYS" },
	{ "option", 'o', "KEY=VALUE", OPTION_LIST, FIELD(overrides),
	  ON_BUILD | ON_CHECK | ON_LOCK | ON_MATRIX | ON_PACK | ON_PLAN | ON_SHOW,
	  "set a value of the recipe, such as image.release=trixie" },
	{ "output", 0, "PATH", OPTION_TEXT, FIELD(output),
	  ON_BUILD | ON_CONVERT | ON_LOCK | ON_PACK | ON_REBUILD,
	  "put the image files into the folder PATH (default: this one); lock: write the file PATH, or '-'; "
	  "rebuild: keep the new image there" },
	{ "path", 0, "PATH", OPTION_TEXT, FIELD(path), ON_TEMPLATE,
	  "where in the instance the result would be written" },
	{ "payloads", 0, "SIZE", OPTION_TEXT, FIELD(payloads), ON_BUILD,
	  "keep at most SIZE of decompressed packages in the cache (default: 4G; 0: none)" },
	{ "property", 0, "KEY=VALUE", OPTION_LIST, FIELD(properties), ON_TEMPLATE,
	  "a property that metadata.yaml gives the template" },
	{ "quiet", 'q', NULL, OPTION_FLAG, FIELD(quiet), ON_ALL, "say nothing but warnings and errors" },
	{ "recipe", 0, "RECIPE", OPTION_TEXT, FIELD(recipe), ON_PACK,
	  "give the image the metadata that a build of RECIPE would have" },
	{ "rules", 0, NULL, OPTION_FLAG, FIELD(rules), ON_LINT, "print the table of rules" },
	{ "sarif", 0, NULL, OPTION_FLAG, FIELD(sarif), ON_LINT,
	  "print the findings as SARIF 2.1.0, for code hosts" },
	{ "schema", 0, NULL, OPTION_FLAG, FIELD(schema), ON_CHECK,
	  "print the format of recipes as a JSON Schema, for editors" },
	{ "sign", 0, "KEY", OPTION_TEXT, FIELD(sign), ON_BUILD,
	  "sign SHA256SUMS with this OpenPGP key of gpg's: SHA256SUMS.asc" },
	{ "sign-ssh", 0, "FILE", OPTION_TEXT, FIELD(sign_ssh), ON_BUILD,
	  "sign SHA256SUMS with this SSH key, through ssh-keygen: SHA256SUMS.sig" },
	{ "steps", 0, NULL, OPTION_FLAG, FIELD(steps), ON_PLAN,
	  "show what a build does, by the recipe alone, instead of packages" },
	{ "timing", 0, NULL, OPTION_FLAG, FIELD(timing), ON_BUILD | ON_PLAN,
	  "print at the end where time and memory went" },
	{ "trigger", 0, "WORD", OPTION_TEXT, FIELD(trigger), ON_TEMPLATE,
	  "create, copy, start or rename (default: create)" },
	{ "type", 0, "TYPE", OPTION_TEXT, FIELD(type), ON_PLAN, "with --steps: container or vm" },
	{ "until", 0, "STAGE", OPTION_TEXT, FIELD(until), ON_BUILD,
	  "stop after recipe, index, plan, fetch, unpack, configure, customize, pack or evidence" },
	{ "update", 0, NULL, OPTION_FLAG, FIELD(update), ON_LOCK,
	  "say what has changed since the lock that is there" },
	{ "verbose", 'v', NULL, OPTION_FLAG, FIELD(verbose), ON_ALL,
	  "show what scripts print, and what else is done" },
	{ "work", 0, "DIR", OPTION_TEXT, FIELD(work), ON_BUILD | ON_DOCTOR | ON_REBUILD,
	  "build the root in a folder below DIR (default: in memory where it fits)" },
};

enum { ROW_COUNT = ARRAY_LEN(rows), CODE_BASE = 256 };

static unsigned command_bit(const struct command *command)
{
	static const struct {
		const char *name;
		unsigned bit;
	} bits[] = {
		{ "build", ON_BUILD },     { "cache", ON_CACHE },   { "check", ON_CHECK },
		{ "convert", ON_CONVERT }, { "diff", ON_DIFF },     { "doctor", ON_DOCTOR },
		{ "inspect", ON_INSPECT }, { "lint", ON_LINT },     { "list", ON_LIST },
		{ "lock", ON_LOCK },       { "matrix", ON_MATRIX }, { "pack", ON_PACK },
		{ "rebuild", ON_REBUILD }, { "show", ON_SHOW },     { "template", ON_TEMPLATE },
		{ "unpack", ON_UNPACK },   { "verify", ON_VERIFY },
	};

	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if (strcmp(command->name, bits[i].name) == 0)
			return bits[i].bit;
	return ON_PLAN;
}

static int argument_of(const struct option_row *row)
{
	if (row->kind == OPTION_MAYBE)
		return optional_argument;
	return row->value ? required_argument : no_argument;
}

static int store(struct settings *settings, const struct option_row *row, const char *value, struct error *e)
{
	char *field = (char *)settings + row->offset;

	/* From a variable of a script that is not set: "" would be the root of the file system, or nothing. */
	if (row->value && value && !*value)
		return error_set(e, ERROR_USAGE, "option '--%s' needs a value, not an empty one", row->name);
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)(void *)field = true;
		break;
	case OPTION_TEXT:
		*(const char **)(void *)field = value;
		break;
	case OPTION_MAYBE:
		*(const char **)(void *)field = value ? value : "";
		break;
	case OPTION_LIST: {
		struct words *words = (struct words *)(void *)field;

		PUSH(words->items, words->count, value);
		break;
	}
	}
	return 0;
}

/* WORD is what getopt_long() stopped at, and OPTOPT what it made of it. */
static int unknown_option(const char *word, struct error *e)
{
	const char *names[ROW_COUNT];
	const char *near;

	if (optopt >= CODE_BASE)
		return error_set(e, ERROR_USAGE, "option '--%s' takes no value",
				 rows[optopt - CODE_BASE].name);
	if (optopt) /* a letter, perhaps behind others in one word */
		return error_set(e, ERROR_USAGE, "unknown option '-%c' (see kiln --help)", optopt);
	for (size_t i = 0; i < ROW_COUNT; i++)
		names[i] = rows[i].name;
	near = is_prefix(word, "--") ? text_nearest(word + 2, names, ROW_COUNT) : NULL;
	if (near)
		return error_set(e, ERROR_USAGE, "unknown option '%s' (did you mean '--%s'?)", word, near);
	return error_set(e, ERROR_USAGE, "unknown option '%s' (see kiln --help)", word);
}

static int check_arguments(const struct command *command, const struct settings *settings, struct error *e)
{
	if (settings->help)
		return 0;
	if (settings->arguments.count < command->argument_min)
		return error_set(e, ERROR_USAGE, "usage: kiln %s %s [OPTION]...", command->name,
				 command->arguments);
	if (settings->arguments.count > command->argument_max)
		return error_set(e, ERROR_USAGE, "kiln %s: unexpected argument '%s'", command->name,
				 settings->arguments.items[command->argument_max]);
	if (settings->quiet && settings->verbose)
		return error_set(e, ERROR_USAGE, "--quiet and --verbose exclude each other");
	return 0;
}

int settings_parse(const struct command *command, int argc, char **argv, struct settings *settings,
		   struct error *e)
{
	struct option longs[ROW_COUNT + 1] = { { NULL, 0, NULL, 0 } };
	unsigned bit = command_bit(command);
	int code;

	for (size_t i = 0; i < ROW_COUNT; i++)
		longs[i] = (struct option) { rows[i].name, argument_of(&rows[i]), NULL, CODE_BASE + (int)i };
	opterr = 0;
	optind = 1;
	/* The letters are those of the table; ':' first tells a missing value from an unknown option. */
	while ((code = getopt_long(argc, argv, ":ho:qv", longs, NULL)) != -1) {
		const struct option_row *row = NULL;

		if (code == ':')
			return error_set(e, ERROR_USAGE, "option '%s' needs a value", argv[optind - 1]);
		if (code == '?')
			return unknown_option(argv[optind - 1], e);
		for (size_t i = 0; i < ROW_COUNT && !row; i++)
			if (code == CODE_BASE + (int)i || (rows[i].letter && code == rows[i].letter))
				row = &rows[i];
		if (!row || !(row->commands & bit))
			return error_set(e, ERROR_USAGE, "kiln %s has no option '--%s'", command->name,
					 row ? row->name : "?");
		if (store(settings, row, optarg, e) < 0)
			return -1;
	}
	for (int i = optind; i < argc; i++)
		PUSH(settings->arguments.items, settings->arguments.count, argv[i]);
	return check_arguments(command, settings, e);
}

void settings_release(struct settings *settings)
{
	free(settings->arguments.items);
	free(settings->overrides.items);
	free(settings->mirrors.items);
	free(settings->chosen_cells.items);
	free(settings->allowed.items);
	free(settings->configs.items);
	free(settings->devices.items);
	free(settings->properties.items);
	*settings = (struct settings) { .log = settings->log };
}

void help_print_command(const struct command *command, struct buffer *out)
{
	buffer_addf(out, "usage: kiln %s%s%s [OPTION]...\n%s\n\n", command->name,
		    *command->arguments ? " " : "", command->arguments, command->summary);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char left[64];

		if (!(rows[i].commands & command_bit(command)))
			continue;
		snprintf(left, sizeof left, "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
			 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
			 rows[i].value && rows[i].kind != OPTION_MAYBE ? " " : "",
			 rows[i].value ? rows[i].value : "");
		buffer_addf(out, "  %-32s %s\n", left, rows[i].help);
	}
}

void help_print(struct buffer *out)
{
	size_t count;
	const struct command *commands = command_all(&count);

	buffer_adds(out, "usage: kiln COMMAND [ARGUMENT]... [OPTION]...\n"
			 "Builds system-container images for LXD, Incus and LXC from recipes.\n\n");
	for (size_t i = 0; i < count; i++) {
		char left[64];

		snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].arguments);
		buffer_addf(out, "  %-24s %s\n", left, commands[i].summary);
	}
	buffer_adds(out, "\nkiln COMMAND --help lists its options; kiln --version prints the version.\n"
			 "Manuals: kiln(1), kiln-recipe(5).\n");
}
