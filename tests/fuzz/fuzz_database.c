/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root whose dpkg has a database of any bytes, as scripts of packages may have left it; a package is unpacked into
 * it that has to do with each part of it.
 */
#include "fuzz/fuzz.h"

#include "fetch/fetch.h"
#include "fuzz/ground.h"
#include "fuzz/tar.h"
#include "plan/plan.h"
#include "unit/no_cache.h"
#include "unpack/deb.h"

#include <sys/mman.h>

struct fetcher {
	struct buffer deb;
};

int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e)
{
	(void)sha256;
	*fd = memfd_create("deb", MFD_CLOEXEC);
	assert(*fd >= 0);
	return file_write_fd(*fd, fetcher->deb.data, fetcher->deb.len, e) < 0 ? -1 : 1;
}

static void add_member(struct buffer *deb, const char *name, const struct buffer *data)
{
	buffer_addf(deb, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 1000000000, 0, 0, "100644", data->len);
	buffer_add(deb, data->data, data->len);
}

static void make_deb(struct buffer *deb)
{
	static const char stanza[] =
		"Package: new\nVersion: 2\nArchitecture: all\nReplaces: old\nBreaks: old\n";
	static const char triggers[] = "interest /usr/lib/x\ninterest-noawait named\nactivate other\n";
	static const char *const paths[] = { "./etc/conf", "./usr/lib/x/file", "./usr/bin/moved",
					     "./usr/bin/old" };
	auto_buffer struct buffer version = BUFFER_INIT;
	auto_buffer struct buffer control = BUFFER_INIT;
	auto_buffer struct buffer data = BUFFER_INIT;

	buffer_adds(&version, "2.0\n");
	tar_add_file(&control, "./control", stanza, sizeof stanza - 1);
	tar_add_file(&control, "./triggers", triggers, sizeof triggers - 1);
	tar_add_file(&control, "./conffiles", "/etc/conf\n", 10);
	tar_add_end(&control);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		tar_add_file(&data, paths[i], "text\n", 5);
	tar_add_end(&data);
	buffer_adds(deb, "!<arch>\n");
	add_member(deb, "debian-binary", &version);
	add_member(deb, "control.tar", &control);
	add_member(deb, "data.tar", &data);
}

static void unpack(const struct ground *ground, struct fetcher *fetcher)
{
	struct plan_package package = { .name = "new", .version = "2", .architecture = "all" };
	struct plan plan = { .packages = &package, .package_count = 1, .merged_usr = false };
	struct log log;
	struct error e = ERROR_INIT;
	size_t position = 0;

	log_init(&log, LOG_QUIET, stderr);

	struct unpack_site site = { .root_fd = ground->fd, .fetcher = fetcher, .plan = &plan, .log = &log };

	if (deb_unpack_prepare(&site, &e) < 0 ||
	    deb_unpack_packages(&site, &position, 1, DEB_CONFFILES_DIRECT, NULL, &e) < 0)
		check_ground_error(&e);
	log_release(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {
		"/var/lib/dpkg/status",
		"/var/lib/dpkg/diversions",
		"/var/lib/dpkg/statoverride",
		"/var/lib/dpkg/triggers/File",
		"/var/lib/dpkg/triggers/Unincorp",
		"/var/lib/dpkg/triggers/named",
		"/var/lib/dpkg/info/old.list",
		"/etc/passwd",
		"/etc/group",
		"/var/lib/apt/extended_states",
	};
	struct text rest = { (const char *)data, size };
	struct fetcher fetcher = { BUFFER_INIT };
	struct ground ground;

	ground_open(&ground);
	for (size_t i = 0; i < ARRAY_LEN(paths) && rest.ptr; i++)
		ground_write(&ground, paths[i], next_part(&rest));
	make_deb(&fetcher.deb);
	unpack(&ground, &fetcher);
	buffer_release(&fetcher.deb);
	ground_close(&ground);
	return 0;
}
