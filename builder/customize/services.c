/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/services.h"

#include "base/root.h"
#include "customize/setup.h"

static const char *const verbs[] = { "enabled", "disabled", "masked" }; /* by enum service_verb */

/*
 * Which of the two folders of a merged /usr systemd itself looks into first, and so what links say. The link that
 * is its /sbin/init shows from where it believes to come.
 */
static int find_folders(struct services *services, bool *has_systemd, struct error *e)
{
	auto_free char *init = NULL;
	int r = root_has(services->root_fd, "/usr/lib/systemd/systemd", e);
	bool short_first;

	if (r == 0)
		r = root_has(services->root_fd, "/lib/systemd/systemd", e);
	if (r < 0 || root_read_link(services->root_fd, "/sbin/init", &init, e) < 0)
		return -1;
	*has_systemd = r > 0;
	short_first = init && is_prefix(init, "/lib/");
	services->unit_folders[0] = "/etc/systemd/system";
	services->unit_folders[1] = "/usr/local/lib/systemd/system";
	services->unit_folders[2] = short_first ? "/lib/systemd/system" : "/usr/lib/systemd/system";
	services->unit_folders[3] = short_first ? "/usr/lib/systemd/system" : "/lib/systemd/system";
	services->unit_folders[4] = NULL;
	return 0;
}

/* The name of NAME's script or job: "ssh" of "ssh.service" and of "ssh"; NULL for units of other types. */
static char *plain_name(const char *name)
{
	bool plain = !strchr(name, '.');

	if (is_suffix(name, ".service"))
		return xstrndup(name, strlen(name) - strlen(".service"));
	return plain ? xstrdup(name) : NULL;
}

static int switch_service(struct services *services, bool has_systemd, enum service_verb verb,
			  const char *name, const char *runlevel, struct error *e)
{
	auto_free char *plain = plain_name(name);
	int found = has_systemd ? systemd_switch(services, verb, name, e) : 0;
	int r;

	if (found < 0)
		return -1;
	if (plain) {
		r = openrc_switch(services, verb, plain, runlevel, e);
		/* Where OpenRC is, the scripts are its own. */
		if (r == 0)
			r = sysv_switch(services, verb, plain, e);
		found |= r;
		if (r < 0)
			return -1;
		r = upstart_switch(services, verb, plain, e);
		found |= r;
		if (r < 0)
			return -1;
	}
	if (!found)
		return error_set(e, ERROR_RECIPE, "there is no service '%s' in the image", name);
	log_detail(services->log, "service %s %s", name, verbs[verb]);
	return 0;
}

static int switch_all(struct services *services, bool has_systemd, enum service_verb verb,
		      const struct recipe_name *names, size_t count, const char *runlevel, struct error *e)
{
	for (size_t i = 0; i < count; i++)
		if (switch_service(services, has_systemd, verb, names[i].text, runlevel, e) < 0)
			return error_wrap_at(e, &names[i].place);
	return 0;
}

static int apply_entries(struct services *services, const struct recipe_setup *setup, struct error *e)
{
	bool has_systemd = false;

	if (find_folders(services, &has_systemd, e) < 0)
		return -1;
	for (size_t i = 0; i < setup->service_count; i++) {
		const struct recipe_service *entry = &setup->services[i];

		if (switch_all(services, has_systemd, SERVICE_ENABLE, entry->enable, entry->enable_count,
			       entry->runlevel, e) < 0 ||
		    switch_all(services, has_systemd, SERVICE_DISABLE, entry->disable, entry->disable_count,
			       entry->runlevel, e) < 0 ||
		    switch_all(services, has_systemd, SERVICE_MASK, entry->mask, entry->mask_count,
			       entry->runlevel, e) < 0)
			return -1;
	}
	return 0;
}

int apply_services(const struct customize_site *site, struct error *e)
{
	struct services services = { .root_fd = site->root_fd, .log = site->log };
	int r = site->recipe->setup.service_count ? apply_entries(&services, &site->recipe->setup, e) : 0;

	arena_release(&services.arena);
	return r;
}
