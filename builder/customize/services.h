/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services of the inits that kiln knows. A root may have several, and a service a definition for each: whoever
 * switches it switches it in all of them. Each function returns 1, or 0 when its init has no such service.
 */
#ifndef CUSTOMIZE_SERVICES_H
#define CUSTOMIZE_SERVICES_H

#include "base/alloc.h"
#include "base/log.h"

enum service_verb { SERVICE_ENABLE, SERVICE_DISABLE, SERVICE_MASK };

struct services {
	int root_fd;
	struct log *log;
	struct arena arena;
	const char *unit_folders[5]; /* where units are, the first wins; NULL-terminated */
};

/* NAME: of a unit, ".service" may be missing. An unknown one can be masked. */
int systemd_switch(struct services *services, enum service_verb verb, const char *name, struct error *e)
	MUST_CHECK;
/* NAME: of the script or job. RUNLEVEL: of OpenRC. */
int openrc_switch(struct services *services, enum service_verb verb, const char *name, const char *runlevel,
		  struct error *e) MUST_CHECK;
int upstart_switch(struct services *services, enum service_verb verb, const char *name, struct error *e)
	MUST_CHECK;
int sysv_switch(struct services *services, enum service_verb verb, const char *name, struct error *e)
	MUST_CHECK;

#endif
