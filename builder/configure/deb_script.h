/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running one maintainer script, or dpkg, inside the root, and saying what went wrong if it fails: package,
 * script, exit status and the last lines it printed. Scripts never have the network.
 */
#ifndef CONFIGURE_DEB_SCRIPT_H
#define CONFIGURE_DEB_SCRIPT_H

#include "base/text.h"

struct deb_control;
struct deb_status;
struct sandbox;
struct sandbox_result;

/*
 * Run `preinst install` of CONTROL's package as dpkg does, from /var/lib/dpkg/tmp.ci, which is there only
 * meanwhile. STATUS is dpkg's database before. Errors: ERROR_SCRIPT.
 */
int deb_run_preinst(const struct sandbox *sandbox, const struct deb_control *control,
		    const struct deb_status *status, struct error *e) MUST_CHECK;

/* How many packages are configured, for the progress display. */
struct deb_progress {
	size_t done;
	size_t total;
};

/* Run `dpkg VERB NAMES…` without questions; PROGRESS counts what it sets up. Errors: ERROR_SCRIPT. */
int deb_run_dpkg(const struct sandbox *sandbox, const char *verb, const char *const *names, size_t name_count,
		 struct deb_progress *progress, struct error *e) MUST_CHECK;

/*
 * Set *e for a dpkg run with `VERB` that ended with RESULT, by what dpkg says of the package that it could not
 * process. TRIGGERS: it was processing triggers then. Returns -1.
 */
int deb_explain_dpkg(const char *verb, const struct sandbox_result *result, bool triggers, struct error *e);

/* ENVIRONMENT without the variables of EXTRA, then EXTRA: malloc'ed list of borrowed strings, NULL-terminated. */
const char **deb_environment(const char *const *environment, const char *const *extra);

#endif
