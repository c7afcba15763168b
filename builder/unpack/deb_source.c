/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_source.h"

#include "fetch/fetch.h"
#include "plan/plan.h"

/* What the index promised is what scripts and status will rely on. */
static int check_identity(const struct plan_package *package, const struct deb_control *control,
			  struct error *e)
{
	if (strcmp(package->name, control->package) != 0)
		return error_set(e, ERROR_FORMAT, "control data is of package '%s'", control->package);
	if (strcmp(package->version, control->version) != 0)
		return error_set(e, ERROR_FORMAT, "control data is of version '%s', not '%s'",
				 control->version, package->version);
	if (strcmp(package->architecture, control->architecture) != 0)
		return error_set(e, ERROR_FORMAT, "control data is for architecture '%s', not '%s'",
				 control->architecture, package->architecture);
	return 0;
}

static int fetch_again(const struct unpack_site *site, const struct plan_package *package, struct error *e)
{
	struct arena arena = ARENA_INIT;
	struct fetch_request request = unpack_request(package, &arena);
	int r;

	request.derived_will_do = false;
	log_detail(site->log, "package '%s' is not in the cache any more, or damaged there", package->name);
	r = fetch_files(site->fetcher, &request, 1, "package", "packages", e);
	arena_release(&arena);
	return r;
}

static int open_cached(const struct unpack_site *site, const struct plan_package *package, int *fd,
		       struct error *e)
{
	int r = fetch_open_cached(site->fetcher, &package->sha256, fd, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (fetch_again(site, package, e) < 0)
		return -1;
	r = fetch_open_cached(site->fetcher, &package->sha256, fd, e);
	if (r == 0)
		return error_set(e, ERROR_FETCH, "its file is not in the cache");
	return r < 0 ? -1 : 0;
}

/* 1, or 0 when there is no payload that can be used. */
static int open_payload(const struct unpack_site *site, const struct plan_package *package, bool whole,
			struct deb_file **file, struct deb_control *control, struct error *e)
{
	auto_derived struct derived derived = DERIVED_INIT;
	int r;

	if (!fetch_derived_open(site->fetcher, &package->sha256, &derived))
		return 0;
	r = deb_file_open_payload(&derived, whole, file, control, e);
	if (r == 0)
		log_detail(site->log, "the payload of package '%s' in the cache was damaged", package->name);
	return r;
}

int deb_source_open(const struct unpack_site *site, const struct plan_package *package, bool whole,
		    struct budget *memory, struct deb_file **out, struct deb_control *control,
		    struct error *e)
{
	auto_deb_file struct deb_file *file = NULL;
	auto_deb_control struct deb_control found = DEB_CONTROL_INIT;
	int r = open_payload(site, package, whole, &file, &found, e);

	if (r < 0)
		return -1;
	if (r == 0) {
		int fd = -1;

		if (open_cached(site, package, &fd, e) < 0 ||
		    deb_file_open(fd, whole ? fetch_derived_begin(site->fetcher, &package->sha256) : NULL,
				  memory, &file, &found, e) < 0)
			return -1;
	}
	if (check_identity(package, &found, e) < 0)
		return -1;
	*control = TAKE(found, DEB_CONTROL_INIT);
	*out = TAKE(file, NULL);
	return 0;
}
