/* SPDX-License-Identifier: Apache-2.0 */
/* Units of systemd that are enabled, and what their services run. */
#include "check/lint_site.h"

enum { PROGRAMS_MAX = 16 };

/* In the order in which systemd takes the first. */
static const char *const folders[] = {
	"etc/systemd/system",
	"usr/local/lib/systemd/system",
	"usr/lib/systemd/system",
	"lib/systemd/system",
};

struct unit {
	const char *name;
	struct text programs[PROGRAMS_MAX]; /* that must be there for it to start */
	size_t program_count;
	struct text user;
	bool makes_user; /* DynamicUser= */
	bool has_root;   /* of its own: its programs are elsewhere */
	bool is_spared;  /* a condition keeps it from starting */
};

struct units {
	struct lint_site *site;
	const struct lint_file **drop_ins; /* owned */
	size_t drop_in_count;
	const char **names; /* owned: of those that are enabled */
	size_t name_count;
	struct map seen;
};

static void units_release(struct units *units)
{
	free(units->drop_ins);
	free(units->names);
	map_release(&units->seen);
}

static bool is_yes(struct text value)
{
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (text_equal_anycase(value, text_of(words[i])))
			return true;
	return false;
}

/* "-@/usr/bin/x arguments": with '-' it may fail. What systemd expands is not known here. */
static void add_program(struct unit *unit, struct text value)
{
	struct text program = text_word(&value);
	bool may_fail = false;

	while (program.len && strchr("-@:+!|", program.ptr[0])) {
		may_fail |= program.ptr[0] == '-';
		program = (struct text) { program.ptr + 1, program.len - 1 };
	}
	if (program.len > 1 && (program.ptr[0] == '"' || program.ptr[0] == '\''))
		program = (struct text) { program.ptr + 1, program.len - 2 };
	if (!may_fail && program.len && !memchr(program.ptr, '%', program.len) &&
	    !memchr(program.ptr, '$', program.len) && unit->program_count < PROGRAMS_MAX)
		unit->programs[unit->program_count++] = program;
}

static bool is_path_condition(struct text key)
{
	static const char *const kinds[] = { "PathExists", "PathIsDirectory", "FileNotEmpty",
					     "FileIsExecutable", "DirectoryNotEmpty" };
	size_t skip = text_starts(key, "Condition") ? 9 : text_starts(key, "Assert") ? 6 : key.len;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (text_is((struct text) { key.ptr + skip, key.len - skip }, kinds[i]))
			return true;
	return false;
}

static void take_condition(struct lint_site *site, struct unit *unit, struct text value)
{
	auto_free char *path = xstrndup(value.ptr, value.len);
	const struct lint_file *file;

	if (path[0] == '/' && lint_resolve(site, "", path, &file) == LINT_NOWHERE)
		unit->is_spared = true;
}

static void take_setting(struct lint_site *site, struct unit *unit, struct text key, struct text value)
{
	if (is_path_condition(key))
		take_condition(site, unit, value);
	else if (text_is(key, "User"))
		unit->user = value;
	else if (text_is(key, "DynamicUser"))
		unit->makes_user = is_yes(value);
	else if (text_is(key, "RootDirectory") || text_is(key, "RootImage"))
		unit->has_root = value.len > 0;
	else if (!text_is(key, "ExecStart") && !text_is(key, "ExecStartPre"))
		return;
	else if (value.len == 0)
		unit->program_count = 0; /* also of the other key: that is rare, and errs on the quiet side */
	else
		add_program(unit, value);
}

/* Read the settings of FILE; with UNIT NULL complain of lines that are none. */
static void read_unit(struct lint_site *site, const struct lint_file *file, struct unit *unit)
{
	struct text rest = file->text;
	bool continued = false;
	unsigned number = 0;
	struct text line;

	while (lint_line(&rest, &line)) {
		struct text value;
		struct text trimmed = text_trim(line);
		bool is_rest = continued;
		bool is_comment = trimmed.len == 0 || trimmed.ptr[0] == '#' || trimmed.ptr[0] == ';';

		number++;
		if (is_comment && (is_rest || trimmed.len == 0 || !unit)) {
			continued = is_rest && trimmed.len > 0;
			continue;
		}
		continued = !is_comment && trimmed.ptr[trimmed.len - 1] == '\\';
		if (is_rest || is_comment)
			continue;
		if (trimmed.ptr[0] == '[') {
			if (!unit && trimmed.ptr[trimmed.len - 1] != ']')
				lint_say(site, RULE_UNIT_SYNTAX, file->path,
					 "line %u: a section without its ']'", number);
			continue;
		}
		trimmed = text_trim(text_cut(trimmed, '=', &value));
		if (!unit && (!value.ptr || trimmed.len == 0))
			lint_say(site, RULE_UNIT_SYNTAX, file->path,
				 "line %u is neither a section nor 'Key=value'", number);
		else if (unit)
			take_setting(site, unit, trimmed, text_trim(value));
	}
}

/* Where NAME is: of a unit "a@b.service" it may be "a@.service". */
static enum lint_where find_unit(struct lint_site *site, const char *name, const struct lint_file **file)
{
	const char *at = strchr(name, '@');
	const char *suffix = strrchr(name, '.');
	auto_free char *template =
		at && suffix > at ? xasprintf("%.*s%s", (int)(at + 1 - name), name, suffix) : NULL;
	const char *names[] = { name, template };

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		for (size_t i = 0; names[k] && i < ARRAY_LEN(folders); i++) {
			auto_free char *path = xasprintf("%s/%s", folders[i], names[k]);
			enum lint_where where = lint_resolve(site, "", path, file);

			if (where == LINT_FOUND || where == LINT_RUNTIME)
				return where;
		}
	return LINT_NOWHERE;
}

/* Scripts of System V become units when an instance starts. */
static bool is_made_of_script(struct lint_site *site, const char *name)
{
	auto_free char *script = xasprintf("/etc/init.d/%.*s", (int)strcspn(name, "."), name);

	return lint_is_program(site, script);
}

static void read_drop_ins(const struct units *units, struct unit *unit)
{
	auto_free char *part = xasprintf("/%s.d/", unit->name);

	for (size_t i = 0; i < units->drop_in_count; i++)
		if (strstr(units->drop_ins[i]->path, part))
			read_unit(units->site, units->drop_ins[i], unit);
}

static bool has_program(struct lint_site *site, struct text program)
{
	static const char *const search[] = { "usr/local/sbin", "usr/local/bin", "usr/sbin",
					      "usr/bin",        "sbin",          "bin" };
	auto_free char *path = xstrndup(program.ptr, program.len);

	if (path[0] == '/')
		return lint_is_program(site, path);
	for (size_t i = 0; i < ARRAY_LEN(search); i++) {
		auto_free char *full = xasprintf("%s/%s", search[i], path);

		if (lint_is_program(site, full))
			return true;
	}
	return false;
}

static void check_service(const struct units *units, const struct lint_file *file, const char *name)
{
	struct lint_site *site = units->site;
	struct unit unit = { .name = name };

	read_unit(site, file, &unit);
	read_drop_ins(units, &unit);
	if (unit.is_spared || unit.has_root)
		return;
	for (size_t i = 0; i < unit.program_count; i++)
		if (!has_program(site, unit.programs[i]))
			lint_say(site, RULE_UNIT_PROGRAM, file->path, "'%.*s' is no program of the image",
				 TEXT_ARG(unit.programs[i]));
	if (unit.user.len && !unit.makes_user && !memchr(unit.user.ptr, '%', unit.user.len) &&
	    !lint_knows_user(site, unit.user))
		lint_say(site, RULE_UNIT_USER, file->path, "user '%.*s'", TEXT_ARG(unit.user));
}

static void check_enabled(struct units *units, const struct lint_file *link)
{
	const char *name = lint_name(link->path);
	const struct lint_file *file;

	if (map_put(&units->seen, text_of(name), units))
		return;
	switch (find_unit(units->site, name, &file)) {
	case LINT_NOWHERE:
	case LINT_ENDLESS:
		if (!is_made_of_script(units->site, name))
			lint_say(units->site, RULE_UNIT_MISSING, link->path, "there is no unit '%s'", name);
		break;
	case LINT_FOUND:
		PUSH(units->names, units->name_count, name);
		if (file->text.ptr && is_suffix(name, ".service"))
			check_service(units, file, name);
		break;
	case LINT_RUNTIME: /* masked, by a link to /dev/null */
		break;
	}
}

static bool is_in_folders(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (is_prefix(path, folders[i]))
			return true;
	return false;
}

static bool is_unit_file(const char *path)
{
	static const char *const suffixes[] = { ".service", ".socket", ".timer",     ".path", ".mount",
						".target",  ".slice",  ".automount", ".swap", ".conf" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (is_suffix(path, suffixes[i]))
			return true;
	return false;
}

void lint_units_end(struct lint_site *site)
{
	AUTO(units_release) struct units units = { .site = site };

	for (size_t i = 0; i < site->count; i++) {
		const struct lint_file *file = site->files[i];

		if (!file->text.ptr || !is_in_folders(file->path))
			continue;
		if (strstr(file->path, ".service.d/") && is_suffix(file->path, ".conf"))
			PUSH(units.drop_ins, units.drop_in_count, file);
		if (is_prefix(file->path, folders[0]) && S_ISREG(file->mode) && is_unit_file(file->path))
			read_unit(site, file, NULL);
	}
	for (size_t i = 0; i < site->count; i++) {
		const struct lint_file *file = site->files[i];

		if (is_in_folders(file->path) &&
		    (strstr(file->path, ".wants/") || strstr(file->path, ".requires/")) &&
		    !S_ISDIR(file->mode))
			check_enabled(&units, file);
	}
	lint_systemd(site, units.names, units.name_count);
}
