/* SPDX-License-Identifier: Apache-2.0 */
/* Package URLs (purl): one line that names a package to tools that look up vulnerabilities and licences. */
#ifndef EVIDENCE_PURL_H
#define EVIDENCE_PURL_H

#include "base/text.h"

/* What a purl says of a Debian package. NULL and "" leave a part out. */
struct purl {
	const char *vendor; /* "debian" */
	const char *name;
	const char *version;
	const char *architecture; /* "amd64", "all", "source" */
	const char *distro;       /* "bookworm" */
	const char *repository;   /* address of the archive, where it is not the vendor's */
};

/* "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=bookworm"; malloc'ed. */
char *purl_print(const struct purl *purl);

/* TEXT with all but letters, digits and ".-_~" as %XX: for the parts of an address. */
void percent_encode(const char *text, const char *also_plain, struct buffer *out);

#endif
