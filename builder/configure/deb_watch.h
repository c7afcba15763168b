/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dpkg tells while it works, line by line: how far it is, for the progress display, and which script of which
 * package ran for how long, for the journal. One run of dpkg configures hundreds of packages.
 */
#ifndef CONFIGURE_DEB_WATCH_H
#define CONFIGURE_DEB_WATCH_H

#include "base/text.h"

struct deb_progress;
struct sandbox;

struct deb_watch {
	const struct sandbox *sandbox;
	struct deb_progress *progress;
	bool triggers;      /* dpkg is processing triggers */
	bool reason_next;   /* the next line says why a package could not be processed */
	char *package;      /* owned; the one at work, if a script of it runs; else NULL */
	const char *script; /* that runs */
	double begin_s;
	bool failed;
	int status;
};

#define auto_deb_watch AUTO(deb_watch_release)

/* For sandbox.on_line; CONTEXT is a struct deb_watch. */
void deb_watch_line(void *context, const char *line);
/* dpkg has ended. */
void deb_watch_end(struct deb_watch *watch);
void deb_watch_release(struct deb_watch *watch);

/* Whether dpkg announces with LINE that it goes on to another package: what was printed before is not its fault. */
bool deb_is_announcement(struct text line);

/* How a script ended, by what dpkg gives as its reason; all 0 where it was something else that failed. */
struct deb_reason {
	const char *script; /* "postinst" */
	int status;         /* exit status, */
	int signal;         /* or the signal that killed it */
};

struct deb_reason deb_reason_parse(struct text reason);

#endif
