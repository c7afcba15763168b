/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two data.tar of any entries, unpacked side by side into a real root: the first byte says where the first ends, the
 * second how. Whatever becomes of them, it becomes of the root alone.
 */
#include "fuzz/fuzz.h"

#include "fetch/fetch.h"
#include "fuzz/ground.h"
#include "fuzz/tar.h"
#include "plan/plan.h"
#include "unit/no_cache.h"
#include "unpack/deb.h"

#include <sys/mman.h>

enum { PACKAGES = 2 };

struct fetcher {
	struct buffer debs[PACKAGES];
};

/* Instead of the cache: what was made of the input. */
int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e)
{
	const struct buffer *deb = &fetcher->debs[sha256->bytes[0]];

	*fd = memfd_create("deb", MFD_CLOEXEC);
	assert(*fd >= 0);
	return file_write_fd(*fd, deb->data, deb->len, e) < 0 ? -1 : 1;
}

static void add_member(struct buffer *deb, const char *name, const void *data, size_t len)
{
	buffer_addf(deb, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 1000000000, 0, 0, "100644", len);
	buffer_add(deb, data, len);
	if (len % 2)
		buffer_addc(deb, '\n');
}

/* Its own digests, so that holes of any size need none; and a conffile, which waits under another name. */
static void make_deb(struct buffer *deb, const char *name, const uint8_t *data, size_t len)
{
	auto_free char *control = xasprintf("Package: %s\nVersion: 1\nArchitecture: all\n", name);
	static const char conffiles[] = "/etc/conf\n";
	auto_buffer struct buffer tar = BUFFER_INIT;

	tar_add_file(&tar, "./control", control, strlen(control));
	tar_add_file(&tar, "./md5sums", "", 0);
	tar_add_file(&tar, "./conffiles", conffiles, sizeof conffiles - 1);
	tar_add_end(&tar);
	buffer_adds(deb, "!<arch>\n");
	add_member(deb, "debian-binary", "2.0\n", 4);
	add_member(deb, "control.tar", tar.data, tar.len);
	add_member(deb, "data.tar", data, len);
}

static void unpack(struct fetcher *fetcher, bool merged_usr, enum deb_conffile_mode mode)
{
	struct plan_package packages[PACKAGES] = {
		{ .name = "one", .version = "1", .architecture = "all" },
		{ .name = "two", .version = "1", .architecture = "all", .sha256.bytes = { 1 } },
	};
	struct plan plan = { .packages = packages, .package_count = PACKAGES, .merged_usr = merged_usr };
	const size_t positions[PACKAGES] = { 0, 1 };
	struct ground ground;
	struct log log;
	struct error e = ERROR_INIT;

	ground_open(&ground);
	log_init(&log, LOG_QUIET, stderr);

	struct unpack_site site = { .root_fd = ground.fd, .fetcher = fetcher, .plan = &plan, .log = &log };

	assert(deb_unpack_prepare(&site, &e) == 0);
	if (deb_unpack_packages(&site, positions, PACKAGES, mode, NULL, &e) < 0)
		check_ground_error(&e);
	ground_close(&ground);
	log_release(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fetcher fetcher = { { BUFFER_INIT, BUFFER_INIT } };
	auto_free uint8_t *mended = NULL;
	size_t first;

	if (size < 2)
		return 0;
	mended = xmalloc(size - 2 + 1);
	memcpy(mended, data + 2, size - 2);
	tar_mend(mended, size - 2);
	first = (size - 2) / TAR_BLOCK * data[0] / 255 * TAR_BLOCK;
	make_deb(&fetcher.debs[0], "one", mended, first);
	make_deb(&fetcher.debs[1], "two", mended + first, size - 2 - first);
	unpack(&fetcher, data[1] & 1, data[1] & 2 ? DEB_CONFFILES_NEW : DEB_CONFFILES_DIRECT);
	for (size_t i = 0; i < PACKAGES; i++)
		buffer_release(&fetcher.debs[i]);
	return 0;
}
