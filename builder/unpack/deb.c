/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb.h"

#include "base/pool.h"
#include "plan/plan.h"
#include "stream/window.h"
#include "unpack/deb_record.h"
#include "unpack/deb_source.h"

/* They share memory for their decoders, but each has some other buffers. */
enum { WORKERS_MAX = 32 };

int deb_read_control(const struct unpack_site *site, size_t position, struct deb_control *control,
		     struct error *e)
{
	const struct plan_package *package = &site->plan->packages[position];
	auto_deb_file struct deb_file *file = NULL;

	if (deb_source_open(site, package, false, NULL, &file, control, e) < 0)
		return error_wrap(e, "package '%s'", package->name);
	return 0;
}

struct unpacking {
	struct deb_run run;
	struct deb_job *jobs;
	size_t *largest_first;
	size_t count;
	_Atomic size_t done;
};

#define auto_unpacking AUTO(unpacking_release)

static void unpacking_release(struct unpacking *unpacking)
{
	for (size_t i = 0; i < unpacking->count; i++)
		deb_job_release(&unpacking->jobs[i]);
	free(unpacking->jobs);
	free(unpacking->largest_first);
	deb_paths_release(&unpacking->run.paths);
	deb_overrides_release(&unpacking->run.overrides);
	deb_excludes_release(&unpacking->run.excludes);
	budget_release(&unpacking->run.memory);
}

static int work(void *context, size_t index, struct error *e)
{
	struct unpacking *unpacking = context;
	struct deb_job *job = &unpacking->jobs[unpacking->largest_first[index]];
	const struct unpack_site *site = unpacking->run.site;
	const struct plan_package *package = &site->plan->packages[job->position];

	if (deb_job_unpack(&unpacking->run, job, e) < 0)
		return error_wrap(e, "package '%s' %s", package->name, package->version);
	log_progress(site->log, "unpack", ++unpacking->done, unpacking->count, LOG_ITEMS);
	log_detail(site->log, "unpacked %s %s", package->name, package->version);
	return 0;
}

/* What is unpacked last decides how long the others wait for it. */
static int compare_sizes(const void *a, const void *b, void *context)
{
	const struct unpacking *unpacking = context;
	size_t x = *(const size_t *)a;
	size_t y = *(const size_t *)b;
	const struct plan_package *packages = unpacking->run.site->plan->packages;
	uint64_t x_bytes = packages[unpacking->jobs[x].position].size_bytes;
	uint64_t y_bytes = packages[unpacking->jobs[y].position].size_bytes;

	if (x_bytes != y_bytes)
		return x_bytes > y_bytes ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void order_by_size(struct unpacking *unpacking)
{
	unpacking->largest_first = xcalloc(unpacking->count + 1, sizeof *unpacking->largest_first);
	for (size_t i = 0; i < unpacking->count; i++)
		unpacking->largest_first[i] = i;
	qsort_r(unpacking->largest_first, unpacking->count, sizeof *unpacking->largest_first, compare_sizes,
		unpacking);
}

/* Upgrades would need the old version's scripts in between; a plan has none. It may bring back what it removed. */
static int check_fresh(const struct plan *plan, const size_t *positions, size_t count,
		       const struct deb_status *status, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		const struct plan_package *package = &plan->packages[positions[i]];
		const struct deb_status_package *old =
			deb_status_find(status, package->name, package->architecture);

		if (old && old->state > DEB_HALF_INSTALLED)
			return error_set(e, ERROR_UNSUPPORTED, "package '%s' is in the root already (%s)",
					 package->name, deb_state_name(old->state));
	}
	return 0;
}

static int begin(struct unpacking *unpacking, const struct unpack_site *site, const size_t *positions,
		 size_t count, enum deb_conffile_mode mode, const char *overrides,
		 const struct deb_status *status, struct error *e)
{
	unpacking->run.site = site;
	unpacking->run.mode = mode;
	budget_init(&unpacking->run.memory, WINDOW_BUDGET_BYTES);
	unpacking->jobs = xcalloc(count + 1, sizeof *unpacking->jobs);
	unpacking->count = count;
	for (size_t i = 0; i < count; i++) {
		unpacking->jobs[i].position = positions[i];
		unpacking->jobs[i].owner = status->count + i;
	}
	order_by_size(unpacking);
	if (check_fresh(site->plan, positions, count, status, e) < 0 ||
	    deb_excludes_compile(site, &unpacking->run.excludes, e) < 0 ||
	    deb_overrides_read(site->root_fd, overrides, &unpacking->run.overrides, e) < 0)
		return -1;
	return deb_paths_init(&unpacking->run.paths, site->root_fd, status, count, e);
}

/* What is done when all threads are, in the plan's order. */
static int finish(struct unpacking *unpacking, struct deb_status *status, struct error *e)
{
	const struct unpack_site *site = unpacking->run.site;
	auto_placer struct placer placer;

	placer_init(&placer, site->root_fd, 0);
	for (size_t i = 0; i < unpacking->count; i++)
		if (deb_job_place_links(&unpacking->run, &unpacking->jobs[i], &placer, true, e) < 0)
			return error_wrap(e, "package '%s'", unpacking->jobs[i].control.package);
	if (deb_run_finish_folders(&unpacking->run, e) < 0)
		return -1;
	return deb_record(&unpacking->run, unpacking->jobs, unpacking->count, status, e);
}

/* What the packages have cost; the decoders' time is spread over WORKERS. */
static void report(const struct unpacking *unpacking, size_t workers)
{
	const struct unpack_site *site = unpacking->run.site;
	struct meter_sum sum = { .item_count = unpacking->count };

	for (size_t i = 0; i < unpacking->count; i++) {
		const struct deb_job *job = &unpacking->jobs[i];

		sum.in_bytes += job->spent.in_bytes;
		sum.out_bytes += job->spent.out_bytes;
		sum.bound_s += job->spent.bound_s / (double)workers;
	}
	meter_add(site->meter, METER_UNPACK, &sum);
}

static int unpack_all(const struct unpack_site *site, const size_t *positions, size_t count,
		      enum deb_conffile_mode mode, const char *overrides, struct error *e)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;
	auto_unpacking struct unpacking unpacking = { .count = 0 };
	auto_meter_visit struct meter_visit visit = meter_enter(site->meter, METER_UNPACK);
	size_t workers = processor_count();
	int r;

	memory_trim();
	if (deb_status_read(site->root_fd, &status, e) < 0 ||
	    begin(&unpacking, site, positions, count, mode, overrides, &status, e) < 0)
		return -1;
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	if (workers > count)
		workers = count;
	r = pool_run(workers, count, work, &unpacking, e);
	log_progress_end(site->log, NULL);
	if (r < 0)
		return -1;
	report(&unpacking, workers);
	return finish(&unpacking, &status, e);
}

int deb_unpack_packages(const struct unpack_site *site, const size_t *positions, size_t count,
			enum deb_conffile_mode mode, const char *overrides, struct error *e)
{
	/* Modes are the packages'; with no umask in the way open() sets them at once. */
	mode_t mask = umask(0);
	int r = count ? unpack_all(site, positions, count, mode, overrides, e) : 0;

	umask(mask);
	return r;
}

int deb_unpack_step(const struct unpack_site *site, const struct plan_step *step, struct error *e)
{
	/*
	 * Nothing can run before the base is there, so dpkg's order is out of the question for it, as for
	 * debootstrap. From then on a script may have a say in how its package is unpacked.
	 */
	if (step->kind != STEP_BASE)
		return 0;
	if (deb_unpack_packages(site, step->packages, step->count, DEB_CONFFILES_DIRECT, NULL, e) < 0)
		return -1;
	return deb_excludes_configure(site, e);
}
