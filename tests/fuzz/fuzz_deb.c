/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package file of any bytes, unpacked for good: container, codecs, control data, placement and database. The
 * one target that needs a disk: a folder of its own in /tmp, empty again afterwards.
 */
#include "fuzz/fuzz.h"

#include "base/file.h"
#include "base/root.h"
#include "fetch/fetch.h"
#include "plan/plan.h"
#include "unit/no_cache.h"
#include "unpack/deb.h"
#include "unpack/deb_file.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>

struct fetcher {
	const uint8_t *data;
	size_t size;
};

/* Instead of the cache: the input. */
int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e)
{
	(void)sha256;
	*fd = memfd_create("deb", MFD_CLOEXEC);
	assert(*fd >= 0);
	return file_write_fd(*fd, fetcher->data, fetcher->size, e) < 0 ? -1 : 1;
}

/* What the package says it is, is what the plan asked for: else unpacking would end there. */
static bool plan_for(struct fetcher *fetcher, struct deb_control *control, struct plan_package *package)
{
	auto_deb_file struct deb_file *file = NULL;
	int fd = -1;
	struct error e = ERROR_INIT;

	assert(fetch_open_cached(fetcher, NULL, &fd, &e) == 1);
	if (deb_file_open(fd, NULL, NULL, &file, control, &e) < 0) {
		assert(e.kind != ERROR_NONE && e.text[0]);
		return false;
	}
	*package = (struct plan_package) {
		.name = control->package,
		.version = control->version,
		.architecture = control->architecture,
	};
	return true;
}

static void unpack(struct fetcher *fetcher, const struct plan *plan, enum deb_conffile_mode mode)
{
	char folder[] = "/tmp/kiln-fuzz-XXXXXX";
	auto_close int root_fd = -1;
	struct log log;
	struct error e = ERROR_INIT;
	size_t position = 0;

	assert(mkdtemp(folder));
	root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(root_fd >= 0);
	log_init(&log, LOG_QUIET, stderr);

	struct unpack_site site = { .root_fd = root_fd, .fetcher = fetcher, .plan = plan, .log = &log };

	assert(deb_unpack_prepare(&site, &e) == 0);
	if (deb_unpack_packages(&site, &position, 1, mode, NULL, &e) < 0) {
		assert(e.kind != ERROR_NONE && e.kind != ERROR_INTERNAL && e.text[0]);
	} else {
		auto_deb_status struct deb_status status = DEB_STATUS_INIT;

		assert(deb_status_read(root_fd, &status, &e) == 0);
		assert(status.count == 1 && status.packages[0]->state == DEB_UNPACKED);
	}
	error_clear(&e);
	if (root_empty_dir(root_fd, "/", &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	assert(rmdir(folder) == 0);
	log_release(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fetcher fetcher = { data, size };
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;
	struct plan_package package;
	struct plan plan = { .packages = &package, .package_count = 1, .merged_usr = size % 2 };

	if (plan_for(&fetcher, &control, &package))
		unpack(&fetcher, &plan, size % 3 ? DEB_CONFFILES_DIRECT : DEB_CONFFILES_NEW);
	return 0;
}
