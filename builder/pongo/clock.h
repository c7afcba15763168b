/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as Go's time.Format() writes them: its layouts name a certain second of January 2, 2006. */
#ifndef PONGO_CLOCK_H
#define PONGO_CLOCK_H

#include "base/text.h"

#include <time.h>

/* Append WHEN and its NANOSECONDS in the form of LAYOUT: "2006-01-02 15:04:05 -0700". */
void clock_format(struct buffer *out, const struct tm *when, long nanoseconds, struct text layout);

#endif
