/* SPDX-License-Identifier: Apache-2.0 */
/* What old programs need of a kernel: the part of deb_check_host() that looks at no host. */
#ifndef CONFIGURE_DEB_HOST_H
#define CONFIGURE_DEB_HOST_H

#include "plan/plan.h"

#include "base/text.h"

/*
 * Whether PLAN can run where processes have the mappings MAPS (proc(5), /proc/PID/maps): a C library for x86-64 from
 * before 2.16 has programs that jump into the page [vsyscall].
 */
int deb_check_mappings(const struct plan *plan, struct text maps, struct error *e) MUST_CHECK;

/* Whether programs of such a C library, of that VERSION, can run on this host, which is one for x86-64. */
int deb_check_vsyscall(const char *version, struct error *e) MUST_CHECK;

#endif
