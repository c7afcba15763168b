/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/mirror.h"

#include "base/alloc.h"
#include "fetch/apt.h"
#include "fetch/url.h"

int mirrors_add(struct mirrors *mirrors, const char *from, const char *to, struct error *e)
{
	struct mirror_rule rule = { url_canonical_folder(from), url_canonical_folder(to) };

	if (!rule.from || !rule.to) {
		auto_free char *shown = url_without_credentials(rule.from ? to : from);

		free(rule.from);
		free(rule.to);
		return is_prefix(shown, "/")
			       ? error_set(e, ERROR_USAGE,
					   "'%s' is no address; that of a folder is file://%s", shown, shown)
			       : error_set(e, ERROR_USAGE,
					   "'%s' is no address (http://, https:// or file:///)", shown);
	}
	PUSH(mirrors->rules, mirrors->count, rule);
	return 0;
}

/* The rest of ADDRESS behind the rule's FROM, or NULL; "http://host/debian" is below "http://host/debian/". */
static const char *below(const struct mirror_rule *rule, const char *address)
{
	size_t len = strlen(rule->from);

	if (strncmp(address, rule->from, len) == 0)
		return address + len;
	if (strlen(address) == len - 1 && strncmp(address, rule->from, len - 1) == 0)
		return "";
	return NULL;
}

static char *apply(const struct mirror_rule *rules, size_t count, const char *address)
{
	for (size_t i = 0; i < count; i++) {
		const char *rest = below(&rules[i], address);

		if (rest)
			return xasprintf("%s%s", rules[i].to, rest);
	}
	return NULL;
}

static char *rewrite(const struct mirrors *mirrors, const char *address)
{
	auto_free char *snapshot = apply(mirrors->snapshots, mirrors->snapshot_count, address);
	char *rewritten = apply(mirrors->rules, mirrors->count, snapshot ? snapshot : address);

	return rewritten || !snapshot ? rewritten : TAKE(snapshot, NULL);
}

static bool has_word(char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

size_t mirrors_rewrite_all(const struct mirrors *mirrors, const char *url, char **out, size_t max)
{
	auto_free char *canonical = url_canonical(url);
	auto_free char *snapshot =
		canonical ? apply(mirrors->snapshots, mirrors->snapshot_count, canonical) : NULL;
	const char *address = snapshot ? snapshot : canonical;
	size_t count = 0;

	for (size_t i = 0; address && i < mirrors->count && count < max; i++) {
		char *rewritten = apply(&mirrors->rules[i], 1, address);

		if (rewritten && !has_word(out, count, rewritten))
			out[count++] = rewritten;
		else
			free(rewritten);
	}
	if (count == 0)
		out[count++] = snapshot ? TAKE(snapshot, NULL) : xstrdup(url);
	return count;
}

char *mirrors_rewrite(const struct mirrors *mirrors, const char *url)
{
	char *first = NULL;

	(void)mirrors_rewrite_all(mirrors, url, &first, 1);
	return first;
}

static void free_rules(struct mirror_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rules[i].from);
		free(rules[i].to);
	}
	free(rules);
}

void mirrors_release(struct mirrors *mirrors)
{
	free_rules(mirrors->rules, mirrors->count);
	free_rules(mirrors->snapshots, mirrors->snapshot_count);
	*mirrors = MIRRORS_INIT;
}

/* An archive that distributions mirror as a whole: any mirror of it serves all that its own hosts do. */
struct archive_kind {
	const char *origin; /* fields of its Release files */
	const char *label;
	const char *path;        /* that ends the address of every mirror of it */
	const char *hosts[4];    /* its own; a leading '.' stands for any host below */
	const char *not_host;    /* below those, but something else */
	const char *snapshots;   /* where its snapshots are, behind "http://"; NULL: there are none */
	const char *mirror_word; /* must stand in a mirror's address; NULL: nothing */
};

static const struct archive_kind kinds[] = {
	{ .origin = "Debian",
	  .label = "Debian",
	  .path = "/debian/",
	  .hosts = { ".debian.org", "http.debian.net" },
	  .not_host = "archive.debian.org",
	  .snapshots = "snapshot.debian.org/archive/debian" },
	{ .origin = "Debian",
	  .label = "Debian-Security",
	  .path = "/debian-security/",
	  .hosts = { ".debian.org" },
	  .not_host = "archive.debian.org",
	  .snapshots = "snapshot.debian.org/archive/debian-security" },
	{ .origin = "Ubuntu",
	  .label = "Ubuntu",
	  .path = "/ubuntu/",
	  .hosts = { "archive.ubuntu.com", ".archive.ubuntu.com", "security.ubuntu.com" },
	  .snapshots = "snapshot.ubuntu.com/ubuntu" },
	{ .origin = "Ubuntu", .label = "Ubuntu", .path = "/ubuntu-ports/", .hosts = { "ports.ubuntu.com" } },
	{ .origin = "Ubuntu",
	  .label = "Ubuntu",
	  .path = "/ubuntu/",
	  .hosts = { "old-releases.ubuntu.com" },
	  .mirror_word = "old-releases" },
};

static bool host_is(struct text host, const char *pattern)
{
	size_t len = strlen(pattern);

	if (pattern[0] != '.')
		return text_is(host, pattern);
	return host.len > len && memcmp(host.ptr + host.len - len, pattern, len) == 0;
}

static bool is_own_host(const struct archive_kind *kind, struct text host)
{
	if (kind->not_host && host_is(host, kind->not_host))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kind->hosts) && kind->hosts[i]; i++)
		if (host_is(host, kind->hosts[i]))
			return true;
	return false;
}

/* Whether the canonical ADDRESS is one of KIND's own. security.debian.org serves it at its top as well. */
static bool is_own_address(const struct archive_kind *kind, const char *address)
{
	struct url url;

	if (!url_split(address, &url) || text_is(url.scheme, "file") || !is_own_host(kind, url.host))
		return false;
	return text_is(url.path, kind->path) ||
	       (text_is(url.host, "security.debian.org") && text_is(url.path, "/") &&
		strcmp(kind->label, "Debian-Security") == 0);
}

char *mirror_identity(const char *url)
{
	auto_free char *address = url_canonical_folder(url);
	auto_free char *shown = url_without_credentials(address ? address : url);
	const char *host = strstr(shown, "://");

	for (size_t i = 0; address && i < ARRAY_LEN(kinds); i++) {
		const struct archive_kind *kind = &kinds[i];

		if (is_own_address(kind, shown))
			return xasprintf("%s %s %s%s", kind->origin, kind->label, kind->path,
					 kind->mirror_word ? kind->mirror_word : "");
	}
	return xstrdup(host ? host : shown);
}

char *mirror_snapshot(const char *url, const char *stamp)
{
	auto_free char *address = url_canonical_folder(url);

	for (size_t i = 0; address && i < ARRAY_LEN(kinds); i++)
		if (kinds[i].snapshots && is_own_address(&kinds[i], address))
			return xasprintf("%s://%s/%s/", is_prefix(address, "https:") ? "https" : "http",
					 kinds[i].snapshots, stamp);
	return NULL;
}

void mirrors_add_snapshots(struct mirrors *mirrors, const char *stamp, const char *const *addresses,
			   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		auto_free char *snapshot = mirror_snapshot(addresses[i], stamp);
		struct mirror_rule rule;

		if (!snapshot)
			continue;
		rule = (struct mirror_rule) { url_canonical_folder(addresses[i]), TAKE(snapshot, NULL) };
		PUSH(mirrors->snapshots, mirrors->snapshot_count, rule);
	}
}

/* LINE is "ADDRESS<tab>ORIGIN<tab>LABEL". */
static char *host_address(const struct archive_kind *kind, struct text line)
{
	struct text origin;
	struct text label;
	struct text address = text_cut(line, '\t', &origin);
	auto_free char *copy = xstrndup(address.ptr, address.len);
	char *canonical;

	origin = text_cut(origin, '\t', &label);
	if (!text_is(origin, kind->origin) || !text_is(text_trim(label), kind->label))
		return NULL;
	canonical = url_canonical_folder(copy);
	if (canonical && (!is_suffix(canonical, kind->path) ||
			  (kind->mirror_word && !strstr(canonical, kind->mirror_word))))
		free(TAKE(canonical, NULL));
	return canonical;
}

/* The host's address for KIND, malloc'ed; NULL when it has none. */
static char *find_host_address(const struct archive_kind *kind, struct text targets)
{
	while (targets.ptr) {
		char *address = host_address(kind, text_cut(targets, '\n', &targets));

		if (address)
			return address;
	}
	return NULL;
}

/* True when a rule was added. */
static bool add_host_rule(struct mirrors *mirrors, const char *address, const char *host)
{
	auto_free char *ruled = rewrite(mirrors, address);
	struct mirror_rule rule;

	if (ruled || strcmp(address, host) == 0)
		return false;
	rule = (struct mirror_rule) { xstrdup(address), xstrdup(host) };
	PUSH(mirrors->rules, mirrors->count, rule);
	return true;
}

static bool add_kind(struct mirrors *mirrors, const struct archive_kind *kind, struct text targets,
		     const char *const *addresses, size_t count)
{
	auto_free char *host = find_host_address(kind, targets);
	bool added = false;

	for (size_t i = 0; host && i < count; i++) {
		auto_free char *address = url_canonical_folder(addresses[i]);

		if (address && is_own_address(kind, address))
			added |= add_host_rule(mirrors, address, host);
	}
	return added;
}

void mirrors_add_targets(struct mirrors *mirrors, struct text targets, const char *const *addresses,
			 size_t count, struct log *log)
{
	auto_buffer struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (add_kind(mirrors, &kinds[i], targets, addresses, count))
			buffer_addf(&names, "%s%s", names.len ? ", " : "", kinds[i].label);
	if (names.len)
		log_say(log, "using this host's mirror for %s (--mirror none switches that off)", names.data);
}

static bool has_own_address(const char *const *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		auto_free char *address = url_canonical_folder(addresses[i]);

		for (size_t j = 0; address && j < ARRAY_LEN(kinds); j++)
			if (is_own_address(&kinds[j], address))
				return true;
	}
	return false;
}

int mirrors_add_host(struct mirrors *mirrors, const char *const *addresses, size_t count, struct log *log,
		     struct error *e)
{
	auto_buffer struct buffer targets = BUFFER_INIT;
	struct error local = ERROR_INIT;

	if (!has_own_address(addresses, count))
		return 0;
	if (apt_targets(&targets, &local) < 0) {
		if (local.kind == ERROR_INTERRUPTED) {
			*e = local;
			return -1;
		}
		/* A host without apt, or with a broken one, has no mirrors to offer. */
		log_detail(log, "this host's apt names no mirrors: %s", local.text);
		return 0;
	}
	if (targets.len)
		mirrors_add_targets(mirrors, (struct text) { targets.data, targets.len }, addresses, count,
				    log);
	return 0;
}
