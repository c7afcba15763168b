/* SPDX-License-Identifier: Apache-2.0 */
#include "configure/deb_script.h"

#include "base/alloc.h"
#include "configure/deb_watch.h"
#include "sandbox/sandbox.h"
#include "unpack/deb_control.h"
#include "unpack/deb_database.h"

/* Of a script's output in an error message. */
enum { TAIL_MAX_BYTES = 1200 };

static const char preinst_path[] = "/var/lib/dpkg/tmp.ci/preinst";

static bool same_variable(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool has_variable(const char *const *list, const char *variable)
{
	for (; *list; list++)
		if (same_variable(*list, variable))
			return true;
	return false;
}

const char **deb_environment(const char *const *environment, const char *const *extra)
{
	const char **list = NULL;
	size_t count = 0;

	for (size_t i = 0; environment[i]; i++)
		if (!has_variable(extra, environment[i]))
			PUSH(list, count, environment[i]);
	for (size_t i = 0; extra[i]; i++)
		PUSH(list, count, extra[i]);
	PUSH(list, count, NULL);
	return list;
}

/* "package 'foo': OUTCOME: its last lines". */
static int package_failed(const char *package, const char *outcome, enum error_kind kind, struct text said,
			  struct error *e)
{
	auto_free char *lines = sandbox_last_lines(said, TAIL_MAX_BYTES);

	return error_set(e, kind, "package '%s': %s%s%s", package, outcome, lines[0] ? ": " : "", lines);
}

static struct text tail_of(const struct sandbox_result *result)
{
	return (struct text) { result->tail.data, result->tail.len };
}

/* Run ARGV in SANDBOX with the network cut off and EXTRA variables. */
static int run(const struct sandbox *sandbox, const char *const *argv, const char *const *extra,
	       struct sandbox_result *result, struct error *e)
{
	auto_free const char **environment = deb_environment(sandbox->environment, extra);
	struct sandbox closed = *sandbox;

	closed.environment = environment;
	closed.network = false;
	return sandbox_run(&closed, argv, NULL, result, e);
}

/* How many architectures of a package dpkg would count while it installs CONTROL's. */
static unsigned count_instances(const struct deb_status *status, const struct deb_control *control)
{
	unsigned count = 1;

	for (size_t i = 0; i < status->count; i++)
		count += strcmp(status->packages[i]->name, control->package) == 0 &&
			 strcmp(status->packages[i]->architecture, control->architecture) != 0 &&
			 status->packages[i]->state > DEB_NOT_INSTALLED;
	return count;
}

/* As dpkg sets them (dpkg(1), "ENVIRONMENT"). */
static int run_preinst(const struct sandbox *sandbox, const struct deb_control *control,
		       const struct deb_status *status, struct sandbox_result *result, struct error *e)
{
	const struct deb_status_package *dpkg = deb_status_find(status, "dpkg", NULL);
	const struct deb_status_package *former =
		deb_status_find(status, control->package, control->architecture);
	bool configured_before = former && former->state == DEB_CONFIG_FILES && former->version[0];
	auto_free char *package = xasprintf("DPKG_MAINTSCRIPT_PACKAGE=%s", control->package);
	auto_free char *architecture = xasprintf("DPKG_MAINTSCRIPT_ARCH=%s", control->architecture);
	auto_free char *version = xasprintf("DPKG_RUNNING_VERSION=%s", dpkg ? dpkg->version : "");
	auto_free char *instances =
		xasprintf("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=%u", count_instances(status, control));
	const char *extra[] = { package,
				architecture,
				version,
				instances,
				"DPKG_MAINTSCRIPT_NAME=preinst",
				"DPKG_MAINTSCRIPT_DEBUG=0",
				"DPKG_ADMINDIR=/var/lib/dpkg",
				"DPKG_ROOT=",
				"DPKG_FORCE=security-mac,downgrade,unsafe-io,confold,confdef",
				NULL,
				NULL };
	const char *argv[] = { preinst_path, "install", NULL, NULL, NULL };

	if (!has_variable(sandbox->environment, "DEBCONF_NONINTERACTIVE_SEEN="))
		extra[ARRAY_LEN(extra) - 2] = "DEBCONF_NONINTERACTIVE_SEEN=true";
	if (configured_before) {
		argv[2] = former->version;
		argv[3] = control->version;
	}
	return run(sandbox, argv, extra, result, e);
}

int deb_run_preinst(const struct sandbox *sandbox, const struct deb_control *control,
		    const struct deb_status *status, struct error *e)
{
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	struct sandbox labelled = *sandbox;

	if (deb_database_write_ci(sandbox->root_fd, control, e) < 0)
		return error_wrap(e, "package '%s'", control->package);
	labelled.label.kind = "script";
	labelled.label.name = "preinst";
	labelled.label.subject = control->info_name;
	if (run_preinst(&labelled, control, status, &result, e) < 0)
		return e->kind == ERROR_INTERRUPTED
			       ? -1
			       : error_wrap(e, "package '%s': preinst", control->package);
	if (result.status != 0) {
		auto_free char *ending = sandbox_result_ending(&result);
		auto_free char *outcome = xasprintf("preinst %s", ending);

		return package_failed(control->package, outcome, sandbox_result_kind(&result, ERROR_SCRIPT),
				      tail_of(&result), e);
	}
	return deb_database_remove_ci(sandbox->root_fd, e);
}

/* Behind the last line with which dpkg said what it does next: what is printed by whom that is about. */
static struct text said_last(const struct sandbox_result *result)
{
	struct text rest = tail_of(result);
	struct text said = rest;

	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (deb_is_announcement(line))
			said = rest;
	}
	return said;
}

/* dpkg was ended with its scripts, and could say nothing about it. */
static int stopped(const char *verb, const struct deb_watch *watch, const struct sandbox_result *result,
		   struct error *e)
{
	auto_free char *ending = sandbox_result_ending(result);
	auto_free char *outcome = xasprintf("%s %s", watch->package ? watch->script : "", ending);
	auto_free char *lines = NULL;

	if (watch->package)
		return package_failed(watch->package, outcome, ERROR_LIMIT, said_last(result), e);
	lines = sandbox_last_lines(tail_of(result), TAIL_MAX_BYTES);
	return error_set(e, ERROR_LIMIT, "dpkg %s %s%s%s", verb, ending, lines[0] ? ": " : "", lines);
}

int deb_run_dpkg(const struct sandbox *sandbox, const char *verb, const char *const *names, size_t name_count,
		 struct deb_progress *progress, struct error *e)
{
	auto_sandbox_result struct sandbox_result result = SANDBOX_RESULT_INIT;
	auto_deb_watch struct deb_watch watch = { .sandbox = sandbox, .progress = progress };
	auto_free char *shown = xasprintf("dpkg %s", verb);
	struct sandbox watched = *sandbox;
	const char *extra[] = { NULL, NULL };
	auto_free const char **argv = NULL;
	size_t argc = 0;
	int r;

	PUSH(argv, argc, "dpkg");
	PUSH(argv, argc, "--force-confdef");   /* no questions: what the package proposes, */
	PUSH(argv, argc, "--force-confold");   /* else what is there */
	PUSH(argv, argc, "--force-unsafe-io"); /* a root under construction need not survive a crash */
	PUSH(argv, argc, "--abort-after=1");   /* what follows the first failure would only hide it */
	/* As apt: other packages' triggers wait for the run that configures all, but for what a dependency needs. */
	if (strcmp(verb, "--configure") == 0 && strcmp(names[0], "-a") != 0)
		PUSH(argv, argc, "--no-triggers");
	PUSH(argv, argc, verb);
	for (size_t i = 0; i < name_count; i++)
		PUSH(argv, argc, names[i]);
	PUSH(argv, argc, NULL);
	if (!has_variable(sandbox->environment, "DEBCONF_NONINTERACTIVE_SEEN="))
		extra[0] = "DEBCONF_NONINTERACTIVE_SEEN=true";
	watched.on_line = deb_watch_line;
	watched.context = &watch;
	watched.label.kind = "program";
	watched.label.name = shown;
	r = run(&watched, argv, extra, &result, e);
	watch.failed |= r < 0 || result.stopped;
	if (r == 0 && result.stopped)
		r = stopped(verb, &watch, &result, e);
	deb_watch_end(&watch);
	if (r < 0)
		return -1;
	if (result.status == 0)
		return 0;
	return deb_explain_dpkg(verb, &result, watch.triggers, e);
}

/* dpkg's REASON in our words, malloc'ed: "postinst failed with exit status 3". */
static char *outcome_of(struct text reason, bool triggers)
{
	struct deb_reason found = deb_reason_parse(reason);
	auto_free char *ending = NULL;

	if (found.script && (found.status || found.signal))
		ending = sandbox_ending(found.status, found.signal);
	if (ending)
		return xasprintf("%s%s %s", found.script, triggers ? " (processing triggers)" : "", ending);
	return xstrndup(reason.len ? reason.ptr : "", reason.len);
}

/* The name in "dpkg: error processing package foo (--configure):"; dpkg 1.16 leaves out "package". Malloc'ed. */
static char *package_in(struct text line)
{
	struct text word;

	for (int i = 0; i < 3; i++)
		text_word(&line);
	word = text_word(&line);
	if (text_is(word, "package"))
		word = text_word(&line);
	return xstrndup(word.len ? word.ptr : "", word.len);
}

/*
 * dpkg prints for each package that it could not process:
 *	dpkg: error processing package foo (--configure):
 *	 installed foo package post-installation script subprocess returned error exit status 3
 */
int deb_explain_dpkg(const char *verb, const struct sandbox_result *result, bool triggers, struct error *e)
{
	struct text rest = tail_of(result);
	struct text said = { rest.ptr, 0 }; /* what the script itself printed */
	auto_free char *all = NULL;
	auto_free char *ending = NULL;

	while (rest.len) {
		const char *line_start = rest.ptr;
		struct text line = text_cut(rest, '\n', &rest);

		if (deb_is_announcement(line))
			said.ptr = rest.ptr;
		if (text_starts(line, "dpkg: error processing ")) {
			auto_free char *package = package_in(line);
			auto_free char *outcome =
				outcome_of(text_trim(text_cut(rest, '\n', &rest)), triggers);

			said.len = (size_t)(line_start - said.ptr);
			return package_failed(package, outcome, sandbox_result_kind(result, ERROR_SCRIPT),
					      said, e);
		}
	}
	all = sandbox_last_lines(tail_of(result), TAIL_MAX_BYTES);
	ending = sandbox_result_ending(result);
	return error_set(e, sandbox_result_kind(result, ERROR_SCRIPT), "dpkg %s %s%s%s", verb, ending,
			 all[0] ? ": " : "", all);
}
