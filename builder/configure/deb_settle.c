/* SPDX-License-Identifier: Apache-2.0 */
#include "configure/deb_settle.h"

#include "base/root.h"
#include "plan/plan.h"
#include "unpack/deb.h"

static const char activated_path[] = "/var/lib/dpkg/triggers/Unincorp";

/* A file of dpkg's database about PACKAGE: 1 with its text, 0 when there is none. */
static int read_info(int root_fd, const struct deb_status_package *package, const char *kind, char **text,
		     struct error *e)
{
	auto_free char *path =
		xasprintf("/var/lib/dpkg/info/%s%s%s.%s", package->name, package->multi_arch_same ? ":" : "",
			  package->multi_arch_same ? package->architecture : "", kind);

	return root_read(root_fd, path, text, NULL, e);
}

/* Whether a package that is unpacked wants others to act before it is installed: deb-triggers(5). */
static bool waits_for_others(const char *triggers)
{
	struct text rest = text_of(triggers);

	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text word = text_word(&line);

		if (text_is(word, "activate") || text_is(word, "activate-await"))
			return true;
	}
	return false;
}

/* 1 when to configure PACKAGE takes a word and no more. */
static int is_settled(int root_fd, const struct deb_status_package *package, struct error *e)
{
	struct text conffiles = deb_field_value(package->fields, package->field_count, "Conffiles");
	auto_free char *postinst = NULL;
	auto_free char *triggers = NULL;
	int r;

	if (package->state != DEB_UNPACKED)
		return 0;
	if (conffiles.len && memmem(conffiles.ptr, conffiles.len, "newconffile", strlen("newconffile")))
		return 0;
	r = read_info(root_fd, package, "postinst", &postinst, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	r = read_info(root_fd, package, "triggers", &triggers, e);
	if (r < 0)
		return -1;
	return r == 0 || !waits_for_others(triggers);
}

/* 1 when nobody was activated whose trigger dpkg would process now. */
static int is_quiet(int root_fd, const struct deb_status *status, struct error *e)
{
	auto_free char *activated = NULL;
	size_t len = 0;

	if (root_read(root_fd, activated_path, &activated, &len, e) < 0)
		return -1;
	for (size_t i = 0; i < status->count; i++)
		if (status->packages[i]->state == DEB_TRIGGERS_AWAITED ||
		    status->packages[i]->state == DEB_TRIGGERS_PENDING)
			return 0;
	return len == 0;
}

static bool is_meant(const struct unpack_site *site, const size_t *positions, size_t count,
		     const struct deb_status_package *package)
{
	for (size_t i = 0; positions && i < count; i++)
		if (strcmp(site->plan->packages[positions[i]].name, package->name) == 0)
			return true;
	return !positions && package->state > DEB_CONFIG_FILES && package->state != DEB_INSTALLED;
}

int deb_settle(const struct unpack_site *site, const size_t *positions, size_t count, struct error *e)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;
	auto_free struct deb_status_package **found = NULL;
	size_t found_count = 0;
	int r;

	if (deb_status_read(site->root_fd, &status, e) < 0)
		return -1;
	r = is_quiet(site->root_fd, &status, e);
	for (size_t i = 0; i < status.count && r > 0; i++) {
		if (!is_meant(site, positions, count, status.packages[i]))
			continue;
		r = is_settled(site->root_fd, status.packages[i], e);
		PUSH(found, found_count, status.packages[i]);
	}
	if (r <= 0 || found_count == 0)
		return r;
	for (size_t i = 0; i < found_count; i++)
		deb_status_set_state(&status, found[i], DEB_INSTALLED);
	return deb_status_write(site->root_fd, &status, e) < 0 ? -1 : 1;
}
