/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax of apt's settings, apt.conf(5): "A::B "value";", also as blocks "A { B "value"; };". */
#ifndef CHECK_LINT_APT_H
#define CHECK_LINT_APT_H

#include "base/text.h"

/* NAME is the whole one, "Acquire::http::Proxy". Valid during the call. */
typedef void lint_apt_fn(void *context, struct text name, struct text value);

/* Tell of every setting. What is malformed is passed over as well as can be: apt itself will complain. */
void lint_apt_settings(struct text text, lint_apt_fn *take, void *context);

#endif
