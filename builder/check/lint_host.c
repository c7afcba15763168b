/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the build, as it may stay in settings: name servers, names, proxies, archives. */
#include "check/lint_apt.h"
#include "check/lint_site.h"

static bool is_loopback(struct text address)
{
	return text_starts(address, "127.") || text_is(address, "::1") || text_is(address, "localhost");
}

static void check_resolv_conf(struct lint_site *site)
{
	struct text rest = lint_text(site, "etc/resolv.conf");
	struct text line;

	if (lint_is_replaced(site, "etc/resolv.conf"))
		return;
	while (lint_line(&rest, &line)) {
		struct text word = text_word(&line);
		struct text address = text_word(&line);

		if (text_is(word, "nameserver") && address.len && !is_loopback(address))
			lint_say(site, RULE_RESOLV_CONF, "etc/resolv.conf", "name server %.*s",
				 TEXT_ARG(address));
		else if ((text_is(word, "search") || text_is(word, "domain")) && address.len &&
			 !text_is(address, "."))
			lint_say(site, RULE_RESOLV_CONF, "etc/resolv.conf", "domain %.*s", TEXT_ARG(address));
	}
}

/* The ID that os-release gives; "" without one. */
static struct text distribution_id(const struct lint_site *site)
{
	static const char *const paths[] = { "etc/os-release", "usr/lib/os-release" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct text rest = lint_text(site, paths[i]);
		struct text line;

		while (lint_line(&rest, &line))
			if (text_starts(line, "ID=")) {
				struct text id = { line.ptr + 3, line.len - 3 };

				if (id.len > 1 && id.ptr[0] == '"')
					id = (struct text) { id.ptr + 1, id.len - 2 };
				return id;
			}
	}
	return TEXT("");
}

/* Names that say nothing of a host: the distribution's own, and what tools replace. */
static bool is_neutral(const struct lint_site *site, struct text name)
{
	static const char *const neutral[] = { "localhost", "LXC_NAME", "distrobuilder", "(none)",
					       "container" };
	struct text label = text_cut(name, '.', &(struct text) { NULL, 0 });

	for (size_t i = 0; i < ARRAY_LEN(neutral); i++)
		if (text_equal_anycase(label, text_of(neutral[i])))
			return true;
	return text_equal_anycase(label, distribution_id(site));
}

static void check_names(struct lint_site *site)
{
	static const char *const paths[] = { "etc/hostname", "etc/mailname" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct text rest = lint_text(site, paths[i]);
		struct text line = TEXT("");

		while (lint_line(&rest, &line) && (text_trim(line).len == 0 || line.ptr[0] == '#'))
			line = TEXT("");
		line = text_trim(line);
		if (line.len && line.ptr[0] != '#' && !is_neutral(site, line) &&
		    !lint_is_replaced(site, paths[i]))
			lint_say(site, RULE_HOST_NAME, paths[i], "the name '%.*s'", TEXT_ARG(line));
	}
}

/* Loopback and the groups of IPv6 are the same everywhere. */
static bool is_common_address(struct text address)
{
	return is_loopback(address) || text_starts(address, "ff0") || text_starts(address, "fe00::") ||
	       text_is(address, "0.0.0.0");
}

static void check_hosts(struct lint_site *site)
{
	struct text rest = lint_text(site, "etc/hosts");
	struct text line;

	if (lint_is_replaced(site, "etc/hosts"))
		return;
	while (lint_line(&rest, &line)) {
		struct text address = text_word(&line);
		struct text name = text_word(&line);

		if (address.len == 0 || address.ptr[0] == '#' || name.len == 0)
			continue;
		if (!is_common_address(address) || (text_is(address, "127.0.1.1") && !is_neutral(site, name)))
			lint_say(site, RULE_HOSTS_ENTRY, "etc/hosts", "%.*s is '%.*s'", TEXT_ARG(address),
				 TEXT_ARG(name));
	}
}

/* "http_proxy=…", with "export" in front or not. */
static void check_environment(struct lint_site *site, const struct lint_file *file)
{
	struct text rest = file->text;
	struct text line;

	while (lint_line(&rest, &line)) {
		struct text value;
		struct text word = text_word(&line);
		struct text name = text_cut(text_is(word, "export") ? text_word(&line) : word, '=', &value);

		if (value.ptr && value.len > 2 && name.len > 6 && name.ptr[0] != '#' &&
		    text_equal_anycase((struct text) { name.ptr + name.len - 6, 6 }, TEXT("_proxy")) &&
		    !text_equal_anycase(name, TEXT("no_proxy")))
			lint_say(site, RULE_PROXY, file->path, "%.*s", TEXT_ARG(name));
	}
}

/* "proxy=…" of dnf and yum. */
static void check_rpm_proxy(struct lint_site *site, const struct lint_file *file)
{
	struct text rest = file->text;
	struct text line;

	while (lint_line(&rest, &line)) {
		struct text value;
		struct text name = text_trim(text_cut(line, '=', &value));

		value = text_trim(value);
		if (text_is(name, "proxy") && value.len && !text_is(value, "_none_"))
			lint_say(site, RULE_PROXY, file->path, "proxy %.*s", TEXT_ARG(value));
	}
}

struct place_of_setting {
	struct lint_site *site;
	const struct lint_file *file;
};

static void take_apt_setting(void *context, struct text name, struct text value)
{
	const struct place_of_setting *at = context;
	static const char tail[] = "::proxy";
	size_t len = strlen(tail);
	bool is_proxy = name.len > len &&
			text_equal_anycase((struct text) { name.ptr + name.len - len, len }, text_of(tail));

	/* "Acquire::http::Proxy::HOST" is for one host. */
	for (size_t i = 0; !is_proxy && i + len + 2 < name.len; i++)
		is_proxy = text_equal_anycase((struct text) { name.ptr + i, len + 2 }, TEXT("::proxy::"));
	if (is_proxy && name.len > 9 &&
	    text_equal_anycase((struct text) { name.ptr, 9 }, TEXT("Acquire::")) && value.len &&
	    !text_equal_anycase(value, TEXT("DIRECT")))
		lint_say(at->site, RULE_PROXY, at->file->path, "%.*s \"%.*s\"", TEXT_ARG(name),
			 TEXT_ARG(value));
}

static bool is_private_host(struct text host)
{
	uint64_t second;

	if (text_starts(host, "172.")) {
		struct text rest = { host.ptr + 4, host.len - 4 };

		return text_to_u64(text_cut(rest, '.', &rest), &second) && second >= 16 && second <= 31;
	}
	return is_loopback(host) || text_starts(host, "[::1]") || text_starts(host, "10.") ||
	       text_starts(host, "192.168.") || text_starts(host, "[fc") || text_starts(host, "[fd") ||
	       text_starts(host, "[fe80");
}

/* Whether WORD is the address of an archive that is on this machine, or near it. */
static bool is_near(struct text word)
{
	static const char *const plain[] = { "file:", "copy:", "cdrom:" };
	const char *host = memmem(word.ptr, word.len, "://", 3);
	struct text rest;

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (text_starts(word, plain[i]))
			return true;
	if (!host || !(text_starts(word, "http") || text_starts(word, "ftp")))
		return false;
	rest = (struct text) { host + 3, word.len - (size_t)(host + 3 - word.ptr) };
	rest = text_cut(rest, '/', &(struct text) { NULL, 0 });
	if (rest.len && rest.ptr[0] != '[')
		rest = text_cut(rest, ':', &(struct text) { NULL, 0 });
	return is_private_host(rest);
}

static void check_archives(struct lint_site *site, const struct lint_file *file)
{
	struct text rest = file->text;
	struct text line;

	while (lint_line(&rest, &line)) {
		struct text words = text_trim(line);
		struct text word;

		if (words.len == 0 || words.ptr[0] == '#')
			continue;
		if (memmem(words.ptr, words.len, "trusted=yes", 11) ||
		    (words.len > 8 && text_equal_anycase((struct text) { words.ptr, 8 }, TEXT("Trusted:")) &&
		     memmem(words.ptr, words.len, "yes", 3)))
			lint_say(site, RULE_UNSIGNED_ARCHIVE, file->path, "%.*s", TEXT_ARG(words));
		for (word = text_word(&words); word.len; word = text_word(&words))
			if (is_near(word))
				lint_say(site, RULE_LOCAL_ARCHIVE, file->path, "%.*s", TEXT_ARG(word));
	}
}

static bool is_shell_file(const char *path)
{
	return strcmp(path, "etc/environment") == 0 || strcmp(path, "etc/profile") == 0 ||
	       strcmp(path, "root/.bashrc") == 0 || strcmp(path, "root/.profile") == 0 ||
	       is_prefix(path, "etc/profile.d/") || is_prefix(path, "etc/environment.d/");
}

void lint_host_file(struct lint_site *site, const struct lint_file *file)
{
	struct place_of_setting at = { site, file };
	const char *path = file->path;

	if (!file->text.ptr)
		return;
	if (is_prefix(path, "etc/apt/apt.conf"))
		lint_apt_settings(file->text, take_apt_setting, &at);
	else if (is_prefix(path, "etc/apt/sources.list"))
		check_archives(site, file);
	else if (is_prefix(path, "etc/dnf/") || strcmp(path, "etc/yum.conf") == 0)
		check_rpm_proxy(site, file);
	else if (is_shell_file(path))
		check_environment(site, file);
}

void lint_host_end(struct lint_site *site)
{
	check_resolv_conf(site);
	check_names(site);
	check_hosts(site);
}
