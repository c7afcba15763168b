/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian's machine-readable copyright files (copyright-format 1.0, "DEP-5"): which licences hold, and their texts.
 * Works on memory alone. The file comes from a package, so everything in it is bounded and nothing is trusted.
 */
#ifndef EVIDENCE_COPYRIGHT_H
#define EVIDENCE_COPYRIGHT_H

#include "base/alloc.h"
#include "base/text.h"

/* What could be said of a package's licence, and why not more. */
enum copyright_form {
	COPYRIGHT_READ,      /* it is machine-readable, and names at least one licence */
	COPYRIGHT_ABSENT,    /* no such file in the image */
	COPYRIGHT_FREE_TEXT, /* it is, as most old ones are, for people only */
	COPYRIGHT_MALFORMED, /* it says that it is machine-readable, but is not; or it is over-long */
};

/* One License field. */
struct copyright_licence {
	struct text synopsis; /* its first line: "GPL-2+ or Artistic" */
	struct text text;     /* the lines below, as they stand; empty when they stand elsewhere */
	bool defines; /* of a paragraph that only gives the text for a name, and says nothing of any file */
};

struct copyright {
	struct copyright_licence *licences; /* in the order of the file; views into the text */
	size_t count;
};

/* Far more than any real file has. */
enum { COPYRIGHT_LICENCES_MAX = 5000 };

/* Cut TEXT, which must live as long as COPYRIGHT. What is not COPYRIGHT_READ leaves it empty. */
enum copyright_form copyright_parse(struct text text, struct arena *arena, struct copyright *copyright);

/* A licence's TEXT as a person would write it: without the blank in front of each line and the dots in empty ones. */
char *copyright_plain(struct text text);

/* For the comment beside NOASSERTION: "no copyright file in the image". */
const char *copyright_form_words(enum copyright_form form);

#endif
