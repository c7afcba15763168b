/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax of Debian's control files (deb822(5), Debian Policy §5.1), which Release, Packages, *.sources,
 * DEBIAN/control and dpkg's status share: stanzas of "Name: value" lines, values that lines with a blank in
 * front continue, empty lines between stanzas. Takes no memory: fields are views into the text.
 *
 *	struct deb_stanzas stanzas = deb_stanzas_of(text);
 *
 *	while (deb_stanza_next(&stanzas))
 *		while ((r = deb_field_next(&stanzas, &field, e)) > 0)
 *			…
 */
#ifndef DEB_STANZA_H
#define DEB_STANZA_H

#include "base/text.h"

/*
 * VALUE is without blanks at its sides. The lines that continue it are in it as they stand, each with its blank
 * in front; so it begins with a line end when nothing stands behind the colon.
 */
struct deb_field {
	struct text name;
	struct text value; /* ptr is never NULL */
};

struct deb_stanzas {
	const char *at; /* what was not read yet, up to */
	const char *end;
	unsigned line; /* of the field, or of the malformed line, that was read last; from 1 */
	unsigned next_line;
	/*
	 * Lines that begin with '#' are passed over, as in *.sources; else they are malformed. Those between the
	 * lines of a value remain in it.
	 */
	bool comments;
};

struct deb_stanzas deb_stanzas_of(struct text text);

/* Move to the next stanza, when all fields of the one before were read; false when there is none. */
bool deb_stanza_next(struct deb_stanzas *stanzas);

/*
 * Take the next field of the stanza: 1, or 0 at its end, or -1. A line of blanks ends it like an empty one; line
 * ends may be CR LF. As in dpkg a name is of printable ASCII, does not begin with '-', may have blanks behind it,
 * and nothing holds a NUL. The same name may come again: what that means is the caller's business.
 * Errors: ERROR_FORMAT, which quotes the line.
 */
int deb_field_next(struct deb_stanzas *stanzas, struct deb_field *field, struct error *e) MUST_CHECK;

#endif
