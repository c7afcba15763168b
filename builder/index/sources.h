/* SPDX-License-Identifier: Apache-2.0 */
/* apt's lists of archives: the one-line form and deb822 (sources.list(5)). */
#ifndef INDEX_SOURCES_H
#define INDEX_SOURCES_H

#include "base/alloc.h"
#include "base/text.h"

/* One suite at one address; everything lies in the arena. */
struct source {
	const char *uri;
	const char *suite;
	const char **components;
	size_t component_count;
	bool any_age;          /* check-valid-until=no */
	bool accept_sha1;      /* allow-weak=yes */
	const char *signed_by; /* an armoured key that stands in the text itself, or NULL */
	unsigned line;         /* of the text, from 1 */
};

struct source_list {
	struct source *items;
	size_t count;
};

/*
 * Append the archives in TEXT that ARCHITECTURE gets packages from; those for source packages only, and those
 * that are switched off, are left out. On failure *line receives where it is (0: not known).
 * Errors: ERROR_RECIPE for what is malformed, ERROR_UNSUPPORTED for flat repositories, trusted=yes and addresses
 * that are neither http, https nor file.
 */
int sources_parse_lines(struct text text, const char *architecture, struct arena *arena,
			struct source_list *list, unsigned *line, struct error *e) MUST_CHECK;
int sources_parse_deb822(struct text text, const char *architecture, struct arena *arena,
			 struct source_list *list, unsigned *line, struct error *e) MUST_CHECK;

#endif
