/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg has recorded: which files packages own, what state they are in, which programs they give capabilities. */
#include "check/lint_site.h"

#include "deb/stanza.h"

#define INFO   "var/lib/dpkg/info/"
#define STATUS "var/lib/dpkg/status"

/* A path of a list; since /usr is merged "/bin/x" may be below /usr. */
static struct lint_file *find_listed(const struct lint_site *site, struct text path)
{
	struct lint_file *file;
	char merged[4096];

	if (path.len < 2 || path.ptr[0] != '/')
		return NULL;
	path = (struct text) { path.ptr + 1, path.len - 1 };
	file = lint_find(site, path);
	if (file || path.len + 5 > sizeof merged)
		return file;
	memcpy(merged, "usr/", 4);
	memcpy(merged + 4, path.ptr, path.len);
	return lint_find(site, (struct text) { merged, path.len + 4 });
}

static bool is_info(const struct lint_file *file, const char *suffix)
{
	return file->text.ptr && is_prefix(file->path, INFO) && is_suffix(file->path, suffix);
}

static void own_listed(const struct lint_site *site, struct text list)
{
	struct text line;

	while (lint_line(&list, &line)) {
		struct lint_file *file = find_listed(site, line);

		if (file)
			file->is_owned = true;
	}
}

/* A package's file that another package's diversion has moved still is that package's. */
static void own_diverted(const struct lint_site *site)
{
	struct text rest = lint_text(site, "var/lib/dpkg/diversions");
	struct text from;
	struct text to;
	struct text package;

	while (lint_line(&rest, &from) && lint_line(&rest, &to) && lint_line(&rest, &package)) {
		struct lint_file *file = find_listed(site, to);

		if (file)
			file->is_owned = true;
	}
}

void lint_packages_begin(struct lint_site *site)
{
	site->has_dpkg = lint_text(site, STATUS).len > 0;
	for (size_t i = 0; site->has_dpkg && i < site->count; i++)
		if (is_info(site->files[i], ".list"))
			own_listed(site, site->files[i]->text);
	own_diverted(site);
}

struct package {
	struct text name;
	struct text architecture;
	struct text status;
};

/* Its list has the architecture in its name where several may be installed side by side. */
static bool has_list(const struct lint_site *site, const struct package *package)
{
	auto_free char *plain = xasprintf(INFO "%.*s.list", TEXT_ARG(package->name));
	auto_free char *full =
		xasprintf(INFO "%.*s:%.*s.list", TEXT_ARG(package->name), TEXT_ARG(package->architecture));

	return lint_find(site, text_of(plain)) || lint_find(site, text_of(full));
}

/* "WANT FLAG STATE" of dpkg(1). */
static void check_package(struct lint_site *site, const struct package *package)
{
	struct text rest = package->status;
	struct text want = text_word(&rest);
	struct text flag = text_word(&rest);
	struct text state = text_word(&rest);

	if (text_is(state, "not-installed"))
		return;
	if (text_is(state, "config-files")) {
		lint_say(site, RULE_PACKAGE_REMOVED, STATUS, "%.*s", TEXT_ARG(package->name));
		return;
	}
	if (!text_is(flag, "ok") || !text_is(state, "installed")) {
		lint_say(site, RULE_PACKAGE_UNFINISHED, STATUS, "%.*s: %.*s", TEXT_ARG(package->name),
			 TEXT_ARG(package->status));
		return;
	}
	if (!text_is(want, "install") && !text_is(want, "hold"))
		lint_say(site, RULE_PACKAGE_UNFINISHED, STATUS, "%.*s is to be removed: %.*s",
			 TEXT_ARG(package->name), TEXT_ARG(package->status));
	if (!has_list(site, package))
		lint_say(site, RULE_DPKG_DATABASE, STATUS, "%.*s is installed, and has no list of files",
			 TEXT_ARG(package->name));
}

static int read_status(struct lint_site *site, struct text text, size_t *count, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of(text);

	while (deb_stanza_next(&stanzas)) {
		struct package package = { .name = TEXT("") };
		struct deb_field field;
		int r;

		while ((r = deb_field_next(&stanzas, &field, e)) > 0) {
			if (text_is_anycase(field.name, "Package"))
				package.name = field.value;
			else if (text_is_anycase(field.name, "Status"))
				package.status = field.value;
			else if (text_is_anycase(field.name, "Architecture"))
				package.architecture = field.value;
		}
		if (r < 0)
			return -1;
		++*count;
		check_package(site, &package);
	}
	return 0;
}

static void check_status(struct lint_site *site)
{
	const struct lint_file *status = lint_find(site, TEXT(STATUS));
	struct error why = ERROR_INIT;
	size_t count = 0;

	if (status && status->is_cut)
		lint_say(site, RULE_DPKG_DATABASE, STATUS, "it is too large to be read");
	else if (read_status(site, lint_text(site, STATUS), &count, &why) < 0)
		lint_say(site, RULE_DPKG_DATABASE, STATUS, "%s", why.text);
	else if (count == 0 && lint_is_program(site, "usr/bin/dpkg"))
		lint_say(site, RULE_DPKG_DATABASE, STATUS, "dpkg is there, and no package is installed");
}

static void check_journal(struct lint_site *site)
{
	static const struct lint_pattern patterns[] = {
		{ "var/lib/dpkg/updates/[0-9]*", RULE_PACKAGE_UNFINISHED, 0,
		  "a change that dpkg has not taken over yet" },
		{ "var/lib/dpkg/tmp.ci/**", RULE_DPKG_LEFTOVER, LINT_FOLDERS,
		  "of a package that was being unpacked" },
		{ "var/lib/dpkg/reassemble.deb", RULE_DPKG_LEFTOVER, 0, "of a package in parts" },
	};

	for (size_t i = 0; i < site->count; i++)
		lint_apply_patterns(site, patterns, ARRAY_LEN(patterns), site->files[i]);
}

/* Whether LIST has the line PATH, or the same with or without /usr in front. */
static bool lists(struct text list, struct text path)
{
	struct text line;

	while (lint_line(&list, &line))
		if (text_equal(line, path) ||
		    (line.len == path.len + 4 && text_starts(line, "/usr") &&
		     text_equal((struct text) { line.ptr + 4, line.len - 4 }, path)) ||
		    (path.len == line.len + 4 && text_starts(path, "/usr") &&
		     text_equal((struct text) { path.ptr + 4, path.len - 4 }, line)))
			return true;
	return false;
}

static struct text next_path(struct text *script)
{
	static const char ends[] = " \t\n\"';$(){}=|&<>`";

	while (script->len) {
		struct text found = *script;
		size_t len = 0;

		while (len < found.len && !memchr(ends, found.ptr[len], sizeof ends - 1))
			len++;
		*script = (struct text) { script->ptr + (len ? len : 1), script->len - (len ? len : 1) };
		if (len > 1 && found.ptr[0] == '/')
			return (struct text) { found.ptr, len };
	}
	return TEXT("");
}

/*
 * A package ships no capabilities: its script sets them, on files that it names and that the package lists. Where the
 * administrator is asked first, they need not be there; where it cannot, the script falls back on set-uid.
 */
static void check_capabilities(struct lint_site *site, const struct lint_file *script)
{
	size_t stem = strlen(script->path) - strlen(".postinst");
	auto_free char *list_path = xasprintf("%.*s.list", (int)stem, script->path);
	struct text list = lint_text(site, list_path);
	const struct lint_file *last = NULL;
	struct text rest = script->text;
	struct text path;

	if (list.len == 0 || memmem(rest.ptr, rest.len, "db_get", 6))
		return;
	for (path = next_path(&rest); path.len; path = next_path(&rest)) {
		auto_free char *name = xstrndup(path.ptr, path.len);
		const struct lint_file *file;

		if (!lists(list, path) || lint_resolve(site, "", name, &file) != LINT_FOUND || file == last)
			continue;
		last = file;
		if (S_ISREG(file->mode) && (file->mode & 0111) && !file->has_capability &&
		    !(file->mode & S_ISUID))
			lint_say(site, RULE_CAPABILITIES_LOST, file->path,
				 "neither capabilities nor set-uid");
	}
}

void lint_packages_end(struct lint_site *site)
{
	check_status(site);
	check_journal(site);
	for (size_t i = 0; site->has_dpkg && i < site->count; i++)
		if (is_info(site->files[i], ".postinst"))
			check_capabilities(site, site->files[i]);
}
