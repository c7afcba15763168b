/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What recipes say in words (recipe/setup.h), carried out by kiln itself in the root, without a program of the root
 * where that is possible: so it works for any architecture. Shared by the files that do it; customize.h has the steps
 * of the chain that they belong to.
 */
#ifndef CUSTOMIZE_SETUP_H
#define CUSTOMIZE_SETUP_H

#include "customize/customize.h"

#include "base/text.h"

/* Of one kind each; errors name the entry's place. */
int apply_groups(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_users(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_locales(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_timezone(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_keymap(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_links(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_directories(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_lines(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_permissions(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_services(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_resolv_conf(const struct customize_site *site, struct error *e) MUST_CHECK;
int apply_machine_id(const struct customize_site *site, struct error *e) MUST_CHECK;

/* Whether there is something at PATH of the root, whatever it is: 1 or 0. */
int root_has(int root_fd, const char *path, struct error *e) MUST_CHECK;
/*
 * Put a link at PATH that says TARGET, with the folders above it; a file or another link there goes. A folder is
 * ERROR_RECIPE.
 */
int root_put_link(int root_fd, const char *path, const char *target, struct error *e) MUST_CHECK;
/*
 * Set NAME=VALUE in the shell-like file PATH: the line that sets it now changes, or one is added. The file is made if
 * it is not there. QUOTED: VALUE stands in double quotes.
 */
int set_variable(int root_fd, const char *path, const char *name, const char *value, bool quoted,
		 struct error *e) MUST_CHECK;

/* The attribute that the kernel knows as security.capability, from the notation of setcap(8). */
struct capability_bytes {
	unsigned char data[20];
	size_t len; /* 0: none */
};
int capability_parse(const char *text, struct capability_bytes *bytes, struct error *e) MUST_CHECK;

#endif
