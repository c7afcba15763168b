/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb.h"

#include "base/root.h"
#include "deb/version.h"
#include "plan/plan.h"

/*
 * The folders of /usr that have a link in / on a system with a merged /usr, as debootstrap has them. Every
 * architecture has the first three.
 */
static const char *const merged_everywhere[] = { "bin", "sbin", "lib" };

static const struct {
	const char *architecture;
	const char *folders[4];
} merged_more[] = {
	{ "amd64", { "lib32", "lib64", "libx32" } },
	{ "i386", { "lib64", "libx32" } },
	{ "loong64", { "lib32", "lib64" } },
	{ "mips", { "lib32", "lib64" } },
	{ "mipsel", { "lib32", "lib64" } },
	{ "mips64el", { "lib32", "lib64", "libo32" } },
	{ "powerpc", { "lib64" } },
	{ "ppc64", { "lib32", "lib64" } },
	{ "ppc64el", { "lib64" } },
	{ "s390x", { "lib32" } },
	{ "sparc", { "lib64" } },
	{ "sparc64", { "lib32", "lib64" } },
	{ "x32", { "lib32", "lib64", "libx32" } },
};

/* Whether the image gets a package NAME of VERSION or later. */
static bool has_since(const struct plan *plan, const char *name, const char *version)
{
	for (size_t i = 0; i < plan->package_count; i++)
		if (strcmp(plan->packages[i].name, name) == 0)
			return deb_version_compare(text_of(plan->packages[i].version), text_of(version)) >= 0;
	return false;
}

static int merge(int root_fd, const char *folder, struct error *e)
{
	auto_free char *path = xasprintf("usr/%s", folder);

	if (root_make_dirs(root_fd, path, 0755, e) < 0)
		return -1;
	if (symlinkat(path, root_fd, folder) < 0)
		return error_sys(e, "cannot create link '/%s' in the root", folder);
	return 0;
}

static int merge_usr(int root_fd, const struct plan *plan, const char *architecture, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(merged_everywhere); i++)
		if (merge(root_fd, merged_everywhere[i], e) < 0)
			return -1;
	/* It brings those that its architecture still needs. */
	if (has_since(plan, "base-files", "13.3"))
		return 0;
	for (size_t i = 0; architecture && i < ARRAY_LEN(merged_more); i++) {
		if (strcmp(architecture, merged_more[i].architecture) != 0)
			continue;
		for (const char *const *folder = merged_more[i].folders; *folder; folder++)
			if (merge(root_fd, *folder, e) < 0)
				return -1;
	}
	return 0;
}

static bool contains(char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* dpkg takes packages of further architectures only when this file names them. */
static int write_architectures(int root_fd, const struct plan *plan, const char *native, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	char **names = NULL;
	size_t count = 0;

	if (!native)
		return 0;
	for (size_t i = 0; i < plan->package_count; i++) {
		const char *architecture = plan->packages[i].architecture;

		if (strcmp(architecture, "all") != 0 && strcmp(architecture, native) != 0 &&
		    !contains(names, count, architecture)) {
			PUSH(names, count, xstrdup(architecture));
			buffer_addf(&text, "%s\n", architecture);
		}
	}
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (!count)
		return 0;
	buffer_addf(&text, "%s\n", native);
	return root_write(root_fd, "/var/lib/dpkg/arch", text.data, text.len, 0644, 0, 0, e);
}

/* An empty database. Its format is the one that keeps architectures of one package apart. */
static int make_database(int root_fd, const struct plan *plan, struct error *e)
{
	static const char *const folders[] = { "alternatives", "info", "parts", "triggers", "updates" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		auto_free char *path = xasprintf("/var/lib/dpkg/%s", folders[i]);

		if (root_make_dirs(root_fd, path, 0755, e) < 0)
			return -1;
	}
	/* dpkg before 1.17.11 does nothing without `available`; later ones make it when somebody writes to it. */
	if (root_write_text(root_fd, "/var/lib/dpkg/status", "", e) < 0 ||
	    (!has_since(plan, "dpkg", "1.17.11") &&
	     root_write_text(root_fd, "/var/lib/dpkg/available", "", e) < 0))
		return -1;
	return root_write_text(root_fd, "/var/lib/dpkg/info/format", "1\n", e);
}

int deb_unpack_prepare(const struct unpack_site *site, struct error *e)
{
	const char *architecture = deb_native_architecture(site->plan);

	if (fchmod(site->root_fd, 0755) < 0)
		return error_sys(e, "cannot set the mode of the root");
	if (site->plan->merged_usr && merge_usr(site->root_fd, site->plan, architecture, e) < 0)
		return -1;
	if (make_database(site->root_fd, site->plan, e) < 0)
		return -1;
	return write_architectures(site->root_fd, site->plan, architecture, e);
}
