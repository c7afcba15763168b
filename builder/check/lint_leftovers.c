/* SPDX-License-Identifier: Apache-2.0 */
/* What a build leaves behind, by the names of the files. */
#include "check/lint_site.h"

#include "base/limits.h"
#include "base/log.h"

#define CACHE_BYTES_MAX (32 * MIB)
#define DOCS_BYTES_MAX  (64 * MIB)
#define LOG_BYTES_MAX   (4 * KIB)
#define FILE_BYTES_MAX  (256 * MIB)

static const struct lint_pattern patterns[] = {
	{ "usr/sbin/policy-rc.d", RULE_POLICY_RC_D, LINT_UNOWNED, "it keeps services from being started" },
	{ "sbin/initctl.REAL", RULE_STAND_IN, 0, "the real initctl" },
	{ "sbin/start-stop-daemon.REAL", RULE_STAND_IN, 0, "the real start-stop-daemon" },
	{ "usr/sbin/start-stop-daemon.REAL", RULE_STAND_IN, 0, "the real start-stop-daemon" },
	{ "sbin/initctl.distrib", RULE_STAND_IN, 0, "the real initctl" },
	{ "usr/sbin/invoke-rc.d.distrib", RULE_STAND_IN, 0, "the real invoke-rc.d" },
	{ "usr/sbin/invoke-rc.d.dpkg-divert", RULE_STAND_IN, 0, "the real invoke-rc.d" },
	{ "usr/bin/qemu-*-static", RULE_EMULATOR, LINT_UNOWNED, "an emulator" },
	{ "usr/libexec/qemu-binfmt/*", RULE_EMULATOR, LINT_UNOWNED, "an emulator" },

	{ ".dockerenv", RULE_BUILDER_FILE, 0, "made by Docker" },
	{ ".dockerinit", RULE_BUILDER_FILE, 0, "made by Docker" },
	{ "debootstrap", RULE_BUILDER_FILE, LINT_FOLDERS, "the folder of a debootstrap that did not end" },
	{ "root/.rpmmacros", RULE_BUILDER_FILE, 0, "of a package builder" },
	{ "etc/dpkg/dpkg.cfg.d/force-unsafe-io", RULE_BUILDER_FILE, LINT_UNOWNED, "dpkg would never sync" },
	{ "etc/dpkg/dpkg.cfg.d/*speedup*", RULE_BUILDER_FILE, LINT_UNOWNED, "dpkg would never sync" },

	{ "tmp/**", RULE_TEMPORARY_FILE, LINT_FOLDERS, "left in /tmp" },
	{ "var/tmp/**", RULE_TEMPORARY_FILE, LINT_FOLDERS, "left in /var/tmp" },
	{ "run/lock", RULE_COUNT, LINT_FOLDERS, NULL },
	{ "run/**", RULE_TEMPORARY_FILE, LINT_FOLDERS, "left in /run" },

	{ "var/lib/systemd/coredump/*", RULE_CORE_DUMP, 0, "kept by systemd-coredump" },
	{ "var/crash/*", RULE_CORE_DUMP, LINT_FILLED, "a crash report" },

	{ "var/lib/cloud/instance", RULE_CLOUD_INIT_STATE, 0, "the instance that cloud-init set up" },
	{ "var/lib/cloud/instances/*", RULE_CLOUD_INIT_STATE, LINT_FOLDERS,
	  "an instance that cloud-init set up" },
	{ "var/lib/cloud/sem/*", RULE_CLOUD_INIT_STATE, 0, "a step that cloud-init takes for done" },
	{ "var/lib/cloud/data/*", RULE_CLOUD_INIT_STATE, LINT_FILLED, "data of an instance" },
	{ "var/log/cloud-init*.log", RULE_CLOUD_INIT_STATE, LINT_FILLED, "the log of a run" },

	{ "var/lib/dhcp/*.leases", RULE_DHCP_LEASE, LINT_FILLED, "leases of dhclient" },
	{ "var/lib/dhcpcd/*.lease*", RULE_DHCP_LEASE, LINT_FILLED, "leases of dhcpcd" },
	{ "var/lib/dhcpcd5/*.lease*", RULE_DHCP_LEASE, LINT_FILLED, "leases of dhcpcd" },
	{ "var/lib/NetworkManager/*.lease", RULE_DHCP_LEASE, LINT_FILLED, "leases of NetworkManager" },
	{ "var/lib/dhclient/*.leases", RULE_DHCP_LEASE, LINT_FILLED, "leases of dhclient" },
	{ "etc/udev/rules.d/70-persistent-net.rules", RULE_DHCP_LEASE, LINT_FILLED,
	  "names for the network cards of the build machine" },

	{ "var/log/journal/*", RULE_JOURNAL, LINT_FOLDERS, "the journal of one machine" },

	{ "var/lib/dpkg/lock*", RULE_LOCK_FILE, 0, "a lock of dpkg" },
	{ "var/lib/dpkg/triggers/Lock", RULE_LOCK_FILE, 0, "a lock of dpkg" },
	{ "var/lib/apt/lists/lock", RULE_LOCK_FILE, 0, "a lock of apt" },
	{ "var/cache/apt/archives/lock", RULE_LOCK_FILE, 0, "a lock of apt" },
	{ "var/lib/pacman/db.lck", RULE_LOCK_FILE, 0, "pacman refuses to work while it is there" },
	{ "var/lib/rpm/.rpm.lock", RULE_LOCK_FILE, LINT_FILLED, "a lock of rpm" },
	{ "var/lib/rpm/__db.*", RULE_LOCK_FILE, 0, "locks and a cache of rpm" },
	{ "etc/.pwd.lock", RULE_LOCK_FILE, 0, "a lock of the account files" },
	{ "etc/passwd.lock", RULE_LOCK_FILE, 0, "a lock of the account files" },
	{ "etc/group.lock", RULE_LOCK_FILE, 0, "a lock of the account files" },
	{ "etc/shadow.lock", RULE_LOCK_FILE, 0, "a lock of the account files" },

	{ "var/cache/apt/archives/*.deb", RULE_PACKAGE_ARCHIVES, 0, "a package" },
	{ "var/cache/apt/archives/partial/*", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "a part of a package" },
	{ "var/cache/dnf/**", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "dnf's cache" },
	{ "var/cache/yum/**", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "yum's cache" },
	{ "var/cache/libdnf5/**", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "dnf's cache" },
	{ "var/cache/zypp/**", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "zypper's cache" },
	{ "var/cache/pacman/pkg/*", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "a package" },
	{ "var/cache/apk/*", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "apk's cache" },
	{ "var/cache/xbps/*", RULE_PACKAGE_ARCHIVES, LINT_FILLED, "a package" },
};

/* dpkg makes those with the suffix while it unpacks, and gives them another when the administrator is to compare. */
static void check_suffixes(struct lint_site *site, const struct lint_file *file)
{
	static const struct {
		const char *suffix;
		enum lint_rule_number rule;
		const char *what;
	} rows[] = {
		{ ".dpkg-new", RULE_DPKG_LEFTOVER, "unpacked, and not put in place" },
		{ ".dpkg-tmp", RULE_DPKG_LEFTOVER, "put aside, and not put back" },
		{ ".dpkg-dist", RULE_CONFFILE_COPY, "the package's version" },
		{ ".dpkg-old", RULE_CONFFILE_COPY, "the version before" },
		{ ".dpkg-bak", RULE_CONFFILE_COPY, "the version before" },
		{ ".dpkg-remove", RULE_CONFFILE_COPY, "the version before" },
		{ ".ucf-dist", RULE_CONFFILE_COPY, "the package's version" },
		{ ".ucf-old", RULE_CONFFILE_COPY, "the version before" },
		{ ".rpmnew", RULE_CONFFILE_COPY, "the package's version" },
		{ ".rpmsave", RULE_CONFFILE_COPY, "the version before" },
		{ ".rpmorig", RULE_CONFFILE_COPY, "the version before" },
		{ ".pacnew", RULE_CONFFILE_COPY, "the package's version" },
		{ ".pacsave", RULE_CONFFILE_COPY, "the version before" },
		{ ".apk-new", RULE_CONFFILE_COPY, "the package's version" },
		{ "~", RULE_EDITOR_BACKUP, "an editor's copy" },
		{ ".swp", RULE_EDITOR_BACKUP, "vim's copy" },
		{ ".rej", RULE_EDITOR_BACKUP, "what patch could not apply" },
	};
	size_t len = strlen(file->path);

	/* Nearly all names end otherwise. */
	if (!S_ISREG(file->mode) || len == 0 || !strchr("wptkegdj~", file->path[len - 1]))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_suffix(file->path, rows[i].suffix) && !(site->has_dpkg && file->is_owned))
			lint_say(site, rows[i].rule, file->path, "%s", rows[i].what);
}

static void check_core(struct lint_site *site, const struct lint_file *file)
{
	const char *name = lint_name(file->path);

	if (file->is_core_dump && is_prefix(name, "core") && (name[4] == '\0' || name[4] == '.'))
		lint_say(site, RULE_CORE_DUMP, file->path, "a core dump");
}

void lint_leftovers_file(struct lint_site *site, const struct lint_file *file)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (patterns[i].pattern[0] == file->path[0] && lint_pattern_fits(site, &patterns[i], file)) {
			if (patterns[i].rule != RULE_COUNT)
				lint_say(site, patterns[i].rule, file->path, "%s", patterns[i].what);
			break;
		}
	check_suffixes(site, file);
	check_core(site, file);
	if (file->has_overlay_mark)
		lint_say(site, RULE_OVERLAY_MARK, file->path, "an attribute of overlayfs");
	if (S_ISREG(file->mode) && file->size_bytes > FILE_BYTES_MAX)
		lint_say(site, RULE_LARGE_FILE, file->path, "%s", human_size(file->size_bytes).text);
}

/* A diversion to where a real program is put aside: "FROM\nTO\nPACKAGE\n", ":" for none. */
static void check_diversions(struct lint_site *site)
{
	static const char *const programs[] = { "initctl", "invoke-rc.d", "start-stop-daemon", "ischroot" };
	struct text rest = lint_text(site, "var/lib/dpkg/diversions");
	struct text from;
	struct text to;
	struct text package;

	while (lint_line(&rest, &from) && lint_line(&rest, &to) && lint_line(&rest, &package))
		for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
			auto_free char *path = xstrndup(from.ptr, from.len);

			if (text_is(package, ":") && strcmp(lint_name(path), programs[i]) == 0)
				lint_say(site, RULE_STAND_IN, path + (path[0] == '/'),
					 "diverted, and by no package, to '%.*s'", TEXT_ARG(to));
		}
}

/* What lies below some folders, added up. */
struct heap {
	const char *const *folders;
	size_t folder_count;
	enum lint_rule_number rule;
	uint64_t most_bytes;
	const char *what;
};

static bool is_below(const char *path, const char *const *folders, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_prefix(path, folders[i]))
			return true;
	return false;
}

static void check_heap(struct lint_site *site, const struct heap *heap)
{
	uint64_t total = 0;

	for (size_t i = 0; i < site->count; i++)
		if (S_ISREG(site->files[i]->mode) &&
		    is_below(site->files[i]->path, heap->folders, heap->folder_count))
			total += site->files[i]->size_bytes;
	if (total > heap->most_bytes)
		lint_say(site, heap->rule, NULL, "%s in %s", human_size(total).text, heap->what);
}

/* Beside indexes there are locks, and folders for them. */
static bool has_indexes(const struct lint_site *site)
{
	for (size_t i = 0; i < site->count; i++) {
		const struct lint_file *file = site->files[i];

		if (is_prefix(file->path, "var/lib/apt/lists/") && S_ISREG(file->mode) && file->size_bytes)
			return true;
	}
	return false;
}

void lint_leftovers_end(struct lint_site *site)
{
	static const char *const caches[] = { "var/cache/", "root/.cache/" };
	static const char *const docs[] = { "usr/share/doc/", "usr/share/man/", "usr/share/info/",
					    "usr/share/gtk-doc/", "usr/share/help/" };
	static const char *const logs[] = { "var/log/" };
	const struct heap heaps[] = {
		{ caches, 2, RULE_LARGE_CACHE, CACHE_BYTES_MAX, "/var/cache and /root/.cache" },
		{ docs, ARRAY_LEN(docs), RULE_LARGE_DOCS, DOCS_BYTES_MAX, "/usr/share/doc, man and info" },
		{ logs, 1, RULE_LOG_CONTENT, LOG_BYTES_MAX, "/var/log" },
	};

	for (size_t i = 0; i < ARRAY_LEN(heaps); i++)
		check_heap(site, &heaps[i]);
	check_diversions(site);
	if (has_indexes(site))
		lint_say(site, RULE_PACKAGE_LISTS, "var/lib/apt/lists", "package indexes");
}
