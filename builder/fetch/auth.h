/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and passwords for servers, as apt_auth.conf(5) has them:
 *
 *	machine [SCHEME://]HOST[:PORT][/PATH] login NAME password WORD
 *
 * An entry without a scheme is for https alone; one with a path is for what begins with it. Of several that fit, the
 * first counts.
 */
#ifndef FETCH_AUTH_H
#define FETCH_AUTH_H

#include "base/alloc.h"
#include "base/text.h"

struct auth_entry {
	const char *scheme; /* "https" */
	const char *host;   /* in lower case */
	const char *port;   /* "": that of the scheme */
	const char *path;   /* "", or begins with '/' */
	const char *login;
	const char *password;
};

struct auth {
	struct arena arena;
	struct auth_entry *entries;
	size_t count;
};

#define AUTH_INIT ((struct auth) { .entries = NULL })

/* Add what the file TEXT says. Errors: ERROR_FORMAT with the line, and nothing of what stands in it. */
int auth_parse(struct auth *auth, struct text text, struct error *e) MUST_CHECK;

/*
 * Add what the file that KILN_AUTH names says; without that /etc/apt/auth.conf and /etc/apt/auth.conf.d/ *.conf, as far
 * as they may be read. Errors: those of the file of KILN_AUTH; ERROR_FORMAT.
 */
int auth_load(struct auth *auth, struct error *e) MUST_CHECK;
/* What goes with ADDRESS; NULL when there is nothing, or it has a name of its own. */
const struct auth_entry *auth_find(const struct auth *auth, const char *address);
void auth_release(struct auth *auth);

#endif
