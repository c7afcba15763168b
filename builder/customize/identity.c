/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance has as its own, and what must not stand in the way while actions run: the last step but cleaning. */
#include "base/root.h"
#include "customize/setup.h"

static const struct {
	const char *word;
	const char *target; /* of the link; NULL: no link */
} resolvers[] = {
	{ "stub", "../run/systemd/resolve/stub-resolv.conf" },
	{ "uplink", "../run/systemd/resolve/resolv.conf" },
	{ "resolvconf", "../run/resolvconf/resolv.conf" },
	{ "empty", NULL },
	{ "absent", NULL },
};

static int put_resolv_conf(int root_fd, const char *word, struct error *e)
{
	static const char path[] = "/etc/resolv.conf";
	const char *target = word;

	for (size_t i = 0; i < ARRAY_LEN(resolvers); i++)
		if (strcmp(word, resolvers[i].word) == 0)
			target = resolvers[i].target;
	if (target)
		return root_put_link(root_fd, path, target, e);
	return strcmp(word, "empty") == 0 ? root_write_text(root_fd, path, "", e)
					  : root_remove(root_fd, path, e);
}

int apply_resolv_conf(const struct customize_site *site, struct error *e)
{
	const struct recipe_setup *setup = &site->recipe->setup;

	if (!setup->resolv_conf || !setup->resolv_conf[0])
		return 0;
	if (put_resolv_conf(site->root_fd, setup->resolv_conf, e) < 0)
		return error_wrap_at(e, &setup->resolv_conf_place);
	return 0;
}

/* As systemd itself has it: nobody writes to it. */
static int write_id(int root_fd, const char *path, const char *text, struct error *e)
{
	return root_write(root_fd, path, text, strlen(text), 0444, 0, 0, e);
}

/* D-Bus' file is systemd's, by a link that systemd-tmpfiles makes; another one there would win. */
int apply_machine_id(const struct customize_site *site, struct error *e)
{
	static const char path[] = "/etc/machine-id";
	const struct recipe_setup *setup = &site->recipe->setup;
	const char *word = setup->machine_id;
	int r;

	if (!word || !word[0])
		return 0;
	r = root_remove(site->root_fd, "/var/lib/dbus/machine-id", e);
	if (r == 0 && strcmp(word, "absent") == 0)
		r = root_remove(site->root_fd, path, e);
	else if (r == 0)
		r = write_id(site->root_fd, path, strcmp(word, "empty") == 0 ? "" : "uninitialized\n", e);
	return r < 0 ? error_wrap_at(e, &setup->machine_id_place) : 0;
}
