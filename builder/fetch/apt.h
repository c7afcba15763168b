/* SPDX-License-Identifier: Apache-2.0 */
/* What apt of the build host fetches from. Asked, never written to. */
#ifndef FETCH_APT_H
#define FETCH_APT_H

#include "base/text.h"

/*
 * Append one "ADDRESS<tab>ORIGIN<tab>LABEL" line to TARGETS for each package index that the host's apt uses and
 * has the Release file of. Errors: ERROR_SYSTEM for a host without apt, or with a broken one.
 */
int apt_targets(struct buffer *targets, struct error *e) MUST_CHECK;

/* What apt's settings say of the way to servers; each malloc'ed, NULL where they say nothing. */
struct apt_route {
	char *http_proxy;  /* Acquire::http::Proxy */
	char *https_proxy; /* Acquire::https::Proxy, else that of http */
	char *ca_file;     /* Acquire::https::CaInfo */
};

/* Errors: as apt_targets(). There may be passwords in it. */
int apt_route_read(struct apt_route *route, struct error *e) MUST_CHECK;
void apt_route_release(struct apt_route *route);

#endif
