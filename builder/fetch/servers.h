/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that did not answer, however often they were asked: one of several mirrors that is down. */
#ifndef FETCH_SERVERS_H
#define FETCH_SERVERS_H

#include "base/text.h"

struct servers {
	char **names; /* owned; "host:port" */
	size_t count;
};

#define SERVERS_INIT ((struct servers) { NULL, 0 })

void servers_release(struct servers *servers);

/* Keep that of the address URL in mind; files of this host have none. True when it is a new one. */
bool servers_add(struct servers *servers, const char *url);

/* The first of the COUNT addresses from FROM on whose server is not among them; COUNT when there is none. */
size_t servers_next(const struct servers *servers, const char *const *urls, size_t from, size_t count);

#endif
