/* SPDX-License-Identifier: Apache-2.0 */
/* The little that kiln has to know about addresses: http, https and file. */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include "base/text.h"

/* Views into the address: SCHEME://[CREDENTIALS@]HOST[:PORT]PATH */
struct url {
	struct text scheme;
	struct text credentials;
	struct text host;
	struct text port;
	struct text path; /* empty, or starts with '/'; a query belongs to it */
};

/* False for what is no address of those three schemes: also blanks and control characters in it. */
bool url_split(const char *address, struct url *url);

/*
 * ADDRESS with scheme and host in lower case and without a port that the scheme has anyway, so that prefixes
 * can be compared; malloc'ed. NULL for what is no address.
 */
char *url_canonical(const char *address);

/* url_canonical() of a folder: it ends in exactly one '/'. */
char *url_canonical_folder(const char *address);

/* ADDRESS as it may be shown: malloc'ed. */
char *url_without_credentials(const char *address);
/*
 * TEXT, such as a line of sources.list, with every address of http, https and ftp in it as it may be shown; malloc'ed.
 * Before the '@' of others stands no password: ssh://git@host.
 */
char *url_hide_credentials(const char *text);

#endif
