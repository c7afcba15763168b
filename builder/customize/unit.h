/* SPDX-License-Identifier: Apache-2.0 */
/* Files of systemd's units: where they are, what their section [Install] says, and what presets say of them. */
#ifndef CUSTOMIZE_UNIT_H
#define CUSTOMIZE_UNIT_H

#include "customize/services.h"
#include "recipe/recipe.h"

/* All text is the services' arena's. */
struct unit {
	const char *name; /* "getty@tty1.service" */
	const char *path; /* of its file: "/usr/lib/systemd/system/getty@.service" */
	bool masked;
	struct string_list wanted_by;
	struct string_list required_by;
	struct string_list upheld_by;
	struct string_list aliases;
	struct string_list also;
};

/* The folder that holds what is switched here. */
#define UNIT_CONFIG_FOLDER "/etc/systemd/system"

/* "ssh" → "ssh.service"; what has a suffix of units stays. */
const char *unit_full_name(struct services *services, const char *name);
/* 1 and *unit, or 0 when there is none of that full NAME. ERROR_RECIPE for a template without an instance. */
int unit_read(struct services *services, const char *name, struct unit *unit, struct error *e) MUST_CHECK;
/* Whether UNIT may be switched at all. */
bool unit_has_install(const struct unit *unit);
/* What systemd's preset files would do with NAME at the first start: 1 enable, 0 disable. */
int unit_preset(const struct services *services, const char *name, struct error *e) MUST_CHECK;

#endif
