/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an instance can start, and where links lead. */
#include "check/lint_site.h"

static bool is_documentation(const char *path)
{
	static const char *const folders[] = { "usr/share/man/", "usr/share/doc/", "usr/share/info/",
					       "usr/share/locale/", "etc/alternatives/" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (strstr(path, folders[i]))
			return true;
	return false;
}

/* Links that scripts of packages make, to what another package or the user may bring. */
static bool is_of_package(const struct lint_site *site, const struct lint_file *file)
{
	return (site->has_dpkg && file->is_owned) || is_documentation(file->path) ||
	       is_documentation(file->target) || strcmp(file->path, "etc/vconsole.conf") == 0;
}

static void check_link(struct lint_site *site, const struct lint_file *file)
{
	const struct lint_file *found;
	enum lint_where where;

	/* These have rules of their own; what is in the folders of a running system says nothing yet. */
	if (!file->target || strstr(file->path, "systemd/system/") || is_suffix(file->path, "sbin/init") ||
	    is_prefix(file->path, "dev/") || is_prefix(file->path, "run/") ||
	    is_prefix(file->path, "proc/") || is_prefix(file->path, "sys/"))
		return;
	where = lint_resolve(site, file->path, file->target, &found);
	if (where == LINT_ENDLESS)
		lint_say(site, RULE_BROKEN_LINK, file->path, "to '%s': links that lead to each other",
			 file->target);
	else if (where == LINT_NOWHERE)
		lint_say(site, is_of_package(site, file) ? RULE_PACKAGE_LINK : RULE_BROKEN_LINK, file->path,
			 "to '%s', which is not there", file->target);
}

void lint_boot_file(struct lint_site *site, const struct lint_file *file)
{
	static const struct lint_pattern kernels[] = {
		{ "boot/vmlinu[xz]*", RULE_KERNEL, LINT_FILLED, "a kernel" },
		{ "boot/initr*", RULE_KERNEL, LINT_FILLED, "an initramfs" },
		{ "usr/lib/modules/*/kernel", RULE_KERNEL, LINT_FOLDERS, "modules of a kernel" },
		{ "lib/modules/*/kernel", RULE_KERNEL, LINT_FOLDERS, "modules of a kernel" },
	};

	check_link(site, file);
	lint_apply_patterns(site, kernels, ARRAY_LEN(kernels), file);
}

static void check_init(struct lint_site *site)
{
	const struct lint_file *file;

	if (lint_is_program(site, "/sbin/init"))
		return;
	switch (lint_resolve(site, "", "sbin/init", &file)) {
	case LINT_FOUND:
		lint_say(site, RULE_INIT_MISSING, "sbin/init", "mode %04o: it cannot be run",
			 (unsigned)file->mode & 07777);
		break;
	case LINT_RUNTIME:
	case LINT_ENDLESS:
	case LINT_NOWHERE:
		lint_say(site, RULE_INIT_MISSING, "sbin/init", "%s",
			 lint_find(site, TEXT("sbin/init")) ? "it leads nowhere" : "it is not there");
		break;
	}
}

static void check_mount_points(struct lint_site *site)
{
	static const char *const paths[] = { "dev", "proc", "run", "sys", "tmp" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct lint_file *file = lint_find(site, text_of(paths[i]));

		if (!file || !S_ISDIR(file->mode))
			lint_say(site, RULE_MOUNT_POINT, paths[i], "%s",
				 file ? "it is no folder" : "it is not there");
	}
}

static void check_os_release(struct lint_site *site)
{
	static const char *const paths[] = { "etc/os-release", "usr/lib/os-release" };
	const struct lint_file *file;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (lint_resolve(site, "", paths[i], &file) == LINT_FOUND && S_ISREG(file->mode))
			return;
	lint_say(site, RULE_OS_RELEASE, "etc/os-release", "it is not there");
}

void lint_boot_end(struct lint_site *site)
{
	check_init(site);
	check_mount_points(site);
	check_os_release(site);
}
