/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time as int64_t seconds since 1970-01-01 UTC (`_s`). Nothing here looks at the time zone
 * or the locale, and only epoch_now() and epoch_now_ms() look at a clock.
 */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include "base/text.h"

int64_t epoch_now(void);
/* The same in milliseconds. */
int64_t epoch_now_ms(void);
/* Seconds on a clock that never steps, for durations. */
double monotonic_seconds(void);
/* "Sat, 21 Nov 2026 08:15:42 UTC" (RFC 5322 as Release files have it; zones UTC, GMT, +hhmm); false if malformed. */
bool epoch_parse_rfc5322(struct text text, int64_t *epoch_s);
/* "20261121T081542Z", the stamp of a snapshot; false if malformed, or no such time. */
bool epoch_parse_stamp(const char *stamp, int64_t *epoch_s);
/* "2026-11-21T08:15:42Z" (RFC 3339), and back; false if malformed, or no such time. */
struct epoch_date {
	char text[32];
} epoch_date(int64_t epoch_s);
bool epoch_parse_date(struct text text, int64_t *epoch_s);
/* "20261121T081542Z": the stamp of a snapshot. */
struct epoch_stamp {
	char text[32];
} epoch_stamp(int64_t epoch_s);
/* "20261121_0815": the serial of an image. */
struct epoch_serial {
	char text[32];
} epoch_serial(int64_t epoch_s);
/* SOURCE_DATE_EPOCH from the environment: 1 and *epoch_s, 0 when unset, -1 when it is no number. */
int epoch_from_environment(int64_t *epoch_s, struct error *e) MUST_CHECK;

#endif
