/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions in PCRE2's syntax, over bytes: what they are used on need not be UTF-8. A match that would
 * take too long is an error, not a wait.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "base/text.h"

struct pattern; /* may be used by several threads at once */

/* Errors: ERROR_RECIPE with the offset in TEXT. */
int pattern_compile(const char *text, struct pattern **out, struct error *e) MUST_CHECK;
void pattern_free(struct pattern *pattern); /* NULL is fine */
static inline void auto_pattern_(struct pattern **pattern)
{
	pattern_free(*pattern);
}
#define auto_pattern AUTO(auto_pattern_)

/* Whether it matches anywhere in SUBJECT: 1 or 0. */
int pattern_matches(const struct pattern *pattern, struct text subject, struct error *e) MUST_CHECK;

/*
 * Add SUBJECT to OUT, with each match replaced by WITH, in which $1, ${1} and $0 stand for what was matched, and $$
 * for a '$'. *matched (may be NULL) says whether there was one.
 */
int pattern_replace(const struct pattern *pattern, struct text subject, const char *with, struct buffer *out,
		    bool *matched, struct error *e) MUST_CHECK;

#endif
