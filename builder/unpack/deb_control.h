/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control data of one Debian package: the text of control.tar, cut into what unpacking and configuring
 * ask for. Works on memory alone; deb.h reads it out of a package file.
 */
#ifndef UNPACK_DEB_CONTROL_H
#define UNPACK_DEB_CONTROL_H

#include "base/alloc.h"
#include "deb/stanza.h"

/* A file of control.tar other than `control`: preinst, postinst, md5sums, templates … */
struct deb_member {
	const char *name;
	const char *data; /* NUL-terminated for convenience; may hold NULs */
	size_t len;
	unsigned mode;
	int64_t mtime_s;
};

struct deb_conffile {
	const char *path;       /* "/etc/foo.conf" */
	bool remove_on_upgrade; /* not shipped any more */
};

struct deb_trigger {
	const char *name; /* an absolute path for a file trigger */
	bool interest;    /* else: activate */
	bool await;       /* the activating package waits for the trigger to be processed */
};

struct deb_control {
	struct arena arena;
	struct text text; /* the control file as it is */
	const char *package;
	const char *version;
	const char *architecture;
	const char *info_name; /* of its files in info/: "libc6:amd64" for Multi-Arch: same, else "bash" */
	bool multi_arch_same;
	struct deb_field *fields; /* of the control file, in its order */
	size_t field_count;
	struct deb_member *members; /* in the order of control.tar */
	size_t member_count;
	struct deb_conffile *conffiles; /* in the order of DEBIAN/conffiles */
	size_t conffile_count;
	struct deb_trigger *triggers; /* in the order of DEBIAN/triggers */
	size_t trigger_count;
	bool has_preinst;
};

#define DEB_CONTROL_INIT ((struct deb_control) { .package = NULL })
#define auto_deb_control AUTO(deb_control_release)

/*
 * The fields of the next stanza as an array in ARENA, none of which stands twice. 1, 0 when there is no stanza
 * left, -1 malformed.
 */
int deb_fields_take(struct arena *arena, struct deb_stanzas *stanzas, struct deb_field **fields,
		    size_t *count, struct error *e) MUST_CHECK;
/* The value of the field NAME (any case), or an empty text with a NULL ptr. */
struct text deb_field_value(const struct deb_field *fields, size_t count, const char *name);

/*
 * Fill the derived members (package … has_preinst) from TEXT, the content of the `control` file, which must live
 * as long as CONTROL, and from CONTROL->members. Errors: ERROR_FORMAT.
 */
int deb_control_parse(struct text text, struct deb_control *control, struct error *e) MUST_CHECK;

/* The member NAME ("preinst"), or NULL. */
const struct deb_member *deb_control_member(const struct deb_control *control, const char *name);

void deb_control_release(struct deb_control *control);

#endif
