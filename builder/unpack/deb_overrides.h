/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the root has to say about the places and owners of files: dpkg-divert(1), dpkg-statoverride(1), and the
 * numbers of its users and groups.
 */
#ifndef UNPACK_DEB_OVERRIDES_H
#define UNPACK_DEB_OVERRIDES_H

#include "base/alloc.h"
#include "base/map.h"

#include <sys/types.h>

struct deb_override {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

struct deb_overrides {
	struct arena arena;
	struct map diverted;  /* path → struct deb_diversion */
	struct map contested; /* the path that a diverted one went to → the same */
	struct map attributes;
	struct map users;  /* of the root: name → struct deb_id */
	struct map groups; /* likewise */
};

#define DEB_OVERRIDES_INIT ((struct deb_overrides) { .arena = ARENA_INIT })
#define auto_deb_overrides AUTO(deb_overrides_release)

/*
 * Read /var/lib/dpkg/diversions, and statoverride unless ATTRIBUTES is its text; users and groups are those of the
 * root.
 */
int deb_overrides_read(int root_fd, const char *attributes, struct deb_overrides *overrides, struct error *e)
	MUST_CHECK;
void deb_overrides_release(struct deb_overrides *overrides);

/*
 * Where PATH of PACKAGE goes: *to is PATH itself or where it is diverted to. Errors: ERROR_FORMAT when PATH is
 * where some other path was diverted to.
 */
int deb_overrides_redirect(const struct deb_overrides *overrides, const char *package, const char *path,
			   const char **to, struct error *e) MUST_CHECK;
/*
 * As dpkg, prefer the root's own numbers for names of owners that it knows: *uid and *gid change, or stay. USER and
 * GROUP may be NULL.
 */
void deb_overrides_owner(const struct deb_overrides *overrides, const char *user, const char *group,
			 uid_t *uid, gid_t *gid);
/* Owner and mode that PATH shall have instead of the package's, or NULL. */
const struct deb_override *deb_overrides_attributes(const struct deb_overrides *overrides, const char *path);

#endif
