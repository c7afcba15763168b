/* SPDX-License-Identifier: Apache-2.0 */
#include "configure/configure.h"

#include "base/root.h"
#include "configure/deb_rounds.h"
#include "configure/deb_script.h"
#include "configure/deb_settle.h"
#include "plan/plan.h"
#include "sandbox/sandbox.h"
#include "unpack/deb.h"

static const char overrides_path[] = "/var/lib/dpkg/statoverride";

/* One step on its way. */
struct work {
	const struct unpack_site *site;
	const struct sandbox *sandbox;
	const struct plan_step *step;
	struct deb_progress *progress;
};

/* Run the preinst of the package at POSITION, if it has one. BEGIN: enter it in dpkg's database as dpkg does. */
static int run_preinst(const struct work *work, size_t position, bool begin, struct error *e)
{
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;

	if (deb_read_control(work->site, position, &control, e) < 0)
		return -1;
	if (!control.has_preinst)
		return 0;
	if (deb_status_read(work->site->root_fd, &status, e) < 0)
		return -1;
	if (begin && deb_database_begin_install(work->site->root_fd, &control, e) < 0)
		return error_wrap(e, "package '%s'", control.package);
	log_detail(work->site->log, "preinst of %s", control.package);
	return deb_run_preinst(work->sandbox, &control, &status, e);
}

/* The name by which dpkg's command line knows a package of the plan; malloc'ed. */
static char *dpkg_name(const struct plan_package *package)
{
	/* "all" is no architecture that dpkg qualifies names with. */
	if (strcmp(package->architecture, "all") == 0)
		return xstrdup(package->name);
	return xasprintf("%s:%s", package->name, package->architecture);
}

const char *deb_scripted(const struct plan *plan, const struct plan_step *step)
{
	/* Without these there is no Debian, and in no release they were without scripts. */
	static const char *const scripted[] = { "base-files", "base-passwd", "dpkg", "libc6", "libc6.1" };

	for (size_t i = 0; i < step->count; i++) {
		const char *name = plan->packages[step->packages[i]].name;

		/* To remove one is dpkg's. */
		if (step->kind == STEP_REMOVE)
			return name;
		for (size_t k = 0; k < ARRAY_LEN(scripted); k++)
			if (strcmp(scripted[k], name) == 0)
				return scripted[k];
	}
	return NULL;
}

static int run_dpkg(const struct work *work, const char *verb, const size_t *positions, size_t count,
		    struct error *e)
{
	auto_free const char **names = NULL;
	size_t name_count = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		PUSH(names, name_count, dpkg_name(&work->site->plan->packages[positions[i]]));
	r = deb_run_dpkg(work->sandbox, verb, names, name_count, work->progress, e);
	for (size_t i = 0; i < name_count; i++)
		free((char *)(uintptr_t)names[i]);
	return r;
}

static int configure(const struct work *work, const size_t *positions, size_t count, struct error *e)
{
	int r = deb_settle(work->site, positions, count, e);

	return r ? (r < 0 ? -1 : 0) : run_dpkg(work, "--configure", positions, count, e);
}

static int configure_all(const struct work *work, struct error *e)
{
	const char *all[] = { "-a" };
	int r = deb_settle(work->site, NULL, 0, e);

	if (r)
		return r < 0 ? -1 : 0;
	return deb_run_dpkg(work->sandbox, "--configure", all, ARRAY_LEN(all), work->progress, e);
}

/* A text file of dpkg's database; "" when there is none. */
static int read_or_empty(int root_fd, const char *path, char **text, struct error *e)
{
	int r = root_read(root_fd, path, text, NULL, e);

	if (r == 0)
		*text = xstrdup("");
	return r < 0 ? -1 : 0;
}

/*
 * All is unpacked already when the preinst scripts run. What they divert they move themselves; no package of a base
 * brings what another one diverts.
 */
static int configure_base(const struct work *work, struct error *e)
{
	for (size_t i = 0; i < work->step->count; i++)
		if (run_preinst(work, work->step->packages[i], false, e) < 0)
			return -1;
	return configure_all(work, e);
}

/* Whether configuring the package runs nothing and changes no file. */
static bool is_silent(const struct deb_control *control)
{
	for (size_t i = 0; i < control->trigger_count; i++)
		if (!control->triggers[i].interest && control->triggers[i].await)
			return false;
	return control->conffile_count == 0 && !deb_control_member(control, "postinst");
}

/* Enter into ROUNDS what dpkg's database and the packages themselves say. */
static int survey(const struct work *work, struct deb_rounds *rounds, struct error *e)
{
	const struct plan *plan = work->site->plan;
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;

	if (deb_status_read(work->site->root_fd, &status, e) < 0)
		return -1;
	for (size_t i = 0; i < plan->package_count; i++)
		if (deb_status_is_configured(&status, plan->packages[i].name))
			rounds->states[i] = ROUND_CONFIGURED;
	for (size_t i = 0; i < work->step->count; i++) {
		auto_deb_control struct deb_control control = DEB_CONTROL_INIT;

		if (deb_read_control(work->site, work->step->packages[i], &control, e) < 0)
			return -1;
		rounds->has_preinst[work->step->packages[i]] = control.has_preinst;
		rounds->silent[work->step->packages[i]] = is_silent(&control);
	}
	return 0;
}

static void set_states(struct deb_rounds *rounds, const size_t *positions, size_t count,
		       enum deb_round_state state)
{
	for (size_t i = 0; i < count; i++)
		rounds->states[positions[i]] = state;
}

static int unpack_round(const struct work *work, struct deb_rounds *rounds, struct error *e)
{
	size_t count;
	auto_free size_t *positions = deb_rounds_unpackable(rounds, &count);
	auto_free char *overrides = NULL;

	if (read_or_empty(work->site->root_fd, overrides_path, &overrides, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (rounds->has_preinst[positions[i]] && run_preinst(work, positions[i], true, e) < 0)
			return -1;
	if (count && deb_unpack_packages(work->site, positions, count, DEB_CONFFILES_NEW, overrides, e) < 0)
		return -1;
	set_states(rounds, positions, count, ROUND_UNPACKED);
	return 0;
}

static int configure_round(const struct work *work, struct deb_rounds *rounds, struct error *e)
{
	size_t count;
	auto_free size_t *positions = deb_rounds_needed(rounds, &count);

	if (count == 0) {
		for (size_t i = 0; i < work->step->count; i++)
			if (rounds->states[work->step->packages[i]] == ROUND_NOT_UNPACKED)
				return error_set(
					e, ERROR_SCRIPT,
					"package '%s' cannot be unpacked: what it pre-depends on waits "
					"for a package that cannot be unpacked either",
					work->site->plan->packages[work->step->packages[i]].name);
	}
	if (configure(work, positions, count, e) < 0)
		return -1;
	set_states(rounds, positions, count, ROUND_CONFIGURED);
	return 0;
}

static int configure_install(const struct work *work, struct error *e)
{
	auto_deb_rounds struct deb_rounds rounds;

	deb_rounds_init(&rounds, work->site->plan, work->step);
	if (survey(work, &rounds, e) < 0)
		return -1;
	for (;;) {
		size_t left = deb_rounds_left(&rounds);

		if (unpack_round(work, &rounds, e) < 0)
			return -1;
		if (deb_rounds_left(&rounds) == 0)
			break;
		/* Others may have waited for nothing but what was just unpacked. */
		if (deb_rounds_left(&rounds) == left && configure_round(work, &rounds, e) < 0)
			return -1;
	}

	size_t count;
	auto_free size_t *first = deb_rounds_first(&rounds, &count);

	if (count && configure(work, first, count, e) < 0)
		return -1;
	return configure_all(work, e);
}

/* Whether dpkg's database has every package of the step as it should be now. */
static int check_states(const struct work *work, bool installed, struct error *e)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;

	if (deb_status_read(work->site->root_fd, &status, e) < 0)
		return -1;
	for (size_t i = 0; i < work->step->count; i++) {
		const struct plan_package *wanted = &work->site->plan->packages[work->step->packages[i]];
		const struct deb_status_package *found =
			deb_status_find(&status, wanted->name, wanted->architecture);
		enum deb_state state = found ? found->state : DEB_NOT_INSTALLED;

		if (installed ? state == DEB_INSTALLED : state <= DEB_CONFIG_FILES)
			continue;
		return error_set(e, ERROR_SCRIPT, "package '%s' is '%s' after dpkg has %s", wanted->name,
				 deb_state_name(state), installed ? "configured all" : "removed it");
	}
	/* A trigger may have come to a package of an earlier step. */
	for (size_t i = 0; installed && i < status.count; i++)
		if (status.packages[i]->state > DEB_CONFIG_FILES &&
		    status.packages[i]->state != DEB_INSTALLED)
			return error_set(e, ERROR_SCRIPT,
					 "package '%s' is '%s' after dpkg has configured all",
					 status.packages[i]->name, deb_state_name(status.packages[i]->state));
	return 0;
}

int deb_configure_step(const struct unpack_site *site, const struct sandbox *sandbox,
		       const struct plan_step *step, struct error *e)
{
	struct deb_progress progress = { 0, step->count };
	struct work work = { .site = site, .sandbox = sandbox, .step = step, .progress = &progress };
	auto_meter_visit struct meter_visit visit = meter_enter(site->meter, METER_CONFIGURE);
	int r = -1;

	if (step->count == 0)
		return 0;
	switch (step->kind) {
	case STEP_BASE:
		r = configure_base(&work, e);
		break;
	case STEP_INSTALL:
		r = configure_install(&work, e);
		break;
	case STEP_REMOVE:
		r = run_dpkg(&work, "--remove", step->packages, step->count, e);
		break;
	}
	log_progress_end(site->log, NULL);
	if (r < 0 || check_states(&work, step->kind != STEP_REMOVE, e) < 0)
		return -1;
	if (step->kind == STEP_REMOVE)
		return 0;
	meter_add(site->meter, METER_CONFIGURE, &(struct meter_sum) { .item_count = step->count });
	/* What apt would have left. */
	if (deb_database_give_to_apt(site->root_fd, e) < 0)
		return -1;
	return deb_database_write_extended_states(site->root_fd, site->plan, step->packages, step->count, e);
}
