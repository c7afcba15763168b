/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpkg's database in the root (/var/lib/dpkg) and apt's marks beside it, read and written as those
 * programs do.
 *
 *	auto_deb_status struct deb_status status = DEB_STATUS_INIT;
 *
 *	if (deb_status_read(root_fd, &status, e) < 0)
 *		return -1;
 *	for (size_t i = 0; i < status.count; i++)
 *		... status.packages[i].name, .state
 *
 * Nothing here may run while dpkg itself does.
 */
#ifndef UNPACK_DEB_DATABASE_H
#define UNPACK_DEB_DATABASE_H

#include "unpack/deb_control.h"

#include "base/map.h"

struct plan;

/* In dpkg's order; the third word of Status. */
enum deb_state {
	DEB_NOT_INSTALLED,
	DEB_CONFIG_FILES,
	DEB_HALF_INSTALLED,
	DEB_UNPACKED,
	DEB_HALF_CONFIGURED,
	DEB_TRIGGERS_AWAITED,
	DEB_TRIGGERS_PENDING,
	DEB_INSTALLED,
};

struct deb_status_package {
	const char *name;
	const char *architecture;
	const char *version; /* "" when none is recorded */
	enum deb_state state;
	bool multi_arch_same;
	struct deb_field *fields; /* the whole stanza, Status included, in dpkg's order once written */
	size_t field_count;
};

struct deb_status {
	struct arena arena; /* holds all text that the packages point to */
	struct deb_status_package **packages;
	size_t count;
	struct map by_name; /* "name:architecture" */
};

#define DEB_STATUS_INIT ((struct deb_status) { .packages = NULL })
#define auto_deb_status AUTO(deb_status_release)

/* The word for STATE: "half-configured". */
const char *deb_state_name(enum deb_state state);

/*
 * Read /var/lib/dpkg/status; a root without one is empty. Errors: ERROR_FORMAT for a malformed stanza or a
 * journal (updates/) that a dpkg which died has left.
 */
int deb_status_read(int root_fd, struct deb_status *status, struct error *e) MUST_CHECK;
/* Add the stanzas of TEXT, the content of a status file. */
int deb_status_parse(struct text text, struct deb_status *status, struct error *e) MUST_CHECK;

/* NULL when unknown. ARCHITECTURE NULL: whichever comes first. */
struct deb_status_package *deb_status_find(const struct deb_status *status, const char *name,
					   const char *architecture);

/* Whether a package of that name is configured: installed, or only waiting for triggers. */
bool deb_status_is_configured(const struct deb_status *status, const char *name);

/* What is recorded of the conffile PATH: its digest or "newconffile"; a NULL ptr for none. */
struct text deb_status_conffile(const struct deb_status_package *package, const char *path);
/* Mark the conffile PATH as obsolete: another package has taken it over. */
void deb_status_disown_conffile(struct deb_status *status, struct deb_status_package *package,
				const char *path);

/* Set the state word; want becomes "install", and "ok" the flag. */
void deb_status_set_state(struct deb_status *status, struct deb_status_package *package,
			  enum deb_state state);

/*
 * Enter or replace the stanza of a package from its CONTROL data with STATE. CONFFILES is the value of that
 * field ("\n /etc/a md5\n …") or NULL for none. Text is copied. Of a package that was removed it is kept which
 * version was configured last: what its postinst is told.
 */
struct deb_status_package *deb_status_put(struct deb_status *status, const struct deb_control *control,
					  enum deb_state state, const char *conffiles);

/*
 * The same with the little that dpkg records before a preinst runs: "install reinstreq half-installed", in the stanza
 * that a removed package still has, or in one of its own.
 */
struct deb_status_package *deb_status_put_begun(struct deb_status *status, const struct deb_control *control);

/* The text of the status file: sorted and laid out as dpkg does. */
void deb_status_print(const struct deb_status *status, struct buffer *out);
/* Write status back; the old file is kept as status-old, as dpkg does. */
int deb_status_write(int root_fd, const struct deb_status *status, struct error *e) MUST_CHECK;
void deb_status_release(struct deb_status *status);

/*
 * For a preinst that runs before its package is unpacked: enter CONTROL's package as dpkg does at that
 * moment ("install reinstreq half-installed", name, version and architecture alone) and write status.
 */
int deb_database_begin_install(int root_fd, const struct deb_control *control, struct error *e) MUST_CHECK;

/*
 * Put every member of CONTROL, and `control`, into the empty folder /var/lib/dpkg/tmp.ci, where a preinst runs
 * from and debconf looks for its templates; and remove that folder again.
 */
int deb_database_write_ci(int root_fd, const struct deb_control *control, struct error *e) MUST_CHECK;
int deb_database_remove_ci(int root_fd, struct error *e) MUST_CHECK;

/*
 * Write /var/lib/apt/extended_states from the plan's `automatic` marks of the packages at POSITIONS, on top
 * of what stands there already.
 */
int deb_database_write_extended_states(int root_fd, const struct plan *plan, const size_t *positions,
				       size_t count, struct error *e) MUST_CHECK;

/*
 * Where apt puts what it has not checked yet belongs to the user that fetches for it, from its first run on; in
 * a root without that user (apt before 1.1) nothing changes.
 */
int deb_database_give_to_apt(int root_fd, struct error *e) MUST_CHECK;

#endif
