/* SPDX-License-Identifier: Apache-2.0 */
/* Packages that are configured without a program: which, and what is left to dpkg. */
#include "unit/unit.h"

#include "configure/deb_settle.h"
#include "unit/scratch.h"
#include "unpack/deb.h"

struct bench {
	struct scratch scratch;
	struct unpack_site site;
};

static void put(struct bench *bench, const char *path, const char *text)
{
	auto_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct error e = ERROR_INIT;

	assert_int_equal(root_make_dirs(bench->site.root_fd, parent, 0755, &e), 0);
	assert_int_equal(root_write(bench->site.root_fd, path, text, strlen(text), 0644, 0, 0, &e), 0);
}

static void put_status(struct bench *bench, const char *const stanzas[][2], size_t count)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	for (size_t i = 0; i < count; i++)
		buffer_addf(&text,
			    "Package: p%zu\nStatus: install ok %s\nArchitecture: arm64\nVersion: 1\n%s"
			    "Description: x\n\n",
			    i, stanzas[i][0], stanzas[i][1]);
	put(bench, "/var/lib/dpkg/status", text.data);
}

/* What deb_settle() says, and whether package p0 is installed then. */
static void expect(struct bench *bench, int settled, bool installed)
{
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(deb_settle(&bench->site, NULL, 0, &e), settled);
	assert_int_equal(deb_status_read(bench->site.root_fd, &status, &e), 0);
	assert_int_equal(deb_status_find(&status, "p0", NULL)->state == DEB_INSTALLED, installed);
}

static struct bench *bench_of(void **state)
{
	return *state;
}

static void without_scripts(void **state)
{
	struct bench *bench = bench_of(state);
	static const char *const stanzas[][2] = {
		{ "unpacked", "" },
		{ "unpacked", "Multi-Arch: same\nConffiles:\n /etc/x 0123456789abcdef0123456789abcdef\n" },
		{ "installed", "" },
	};
	auto_deb_status struct deb_status status = DEB_STATUS_INIT;
	struct error e = ERROR_INIT;

	need_rights();
	put_status(bench, stanzas, ARRAY_LEN(stanzas));
	/* Of no consequence for being configured. */
	put(bench, "/var/lib/dpkg/info/p0.prerm", "#!/bin/sh\n");
	put(bench, "/var/lib/dpkg/info/p0.triggers", "interest-noawait /x\nactivate-noawait y\n");
	put(bench, "/var/lib/dpkg/info/p2.postinst", "#!/bin/sh\n");
	put(bench, "/var/lib/dpkg/triggers/Unincorp", "");
	expect(bench, 1, true);
	assert_int_equal(deb_status_read(bench->site.root_fd, &status, &e), 0);
	for (size_t i = 0; i < status.count; i++)
		assert_int_equal(status.packages[i]->state, DEB_INSTALLED);
	/* Nothing to do is done. */
	expect(bench, 1, true);
}

/* All or nothing, so that the order of what dpkg then does is its own. */
static void left_to_dpkg(void **state)
{
	struct bench *bench = bench_of(state);
	static const char *const plain[][2] = { { "unpacked", "" }, { "unpacked", "Multi-Arch: same\n" } };
	static const char *const conffile[][2] = { { "unpacked", "" },
						   { "unpacked", "Conffiles:\n /etc/x newconffile\n" } };
	static const char *const half[][2] = { { "unpacked", "" }, { "half-configured", "" } };
	static const char *const pending[][2] = { { "unpacked", "" },
						  { "triggers-pending", "Triggers-Pending: x\n" } };
	struct error e = ERROR_INIT;

	need_rights();
	put_status(bench, plain, 2);
	put(bench, "/var/lib/dpkg/info/p1:arm64.postinst", "#!/bin/sh\n");
	expect(bench, 0, false);
	assert_int_equal(root_remove(bench->site.root_fd, "/var/lib/dpkg/info/p1:arm64.postinst", &e), 0);
	put(bench, "/var/lib/dpkg/info/p1:arm64.triggers", "# words\nactivate x\n");
	expect(bench, 0, false);
	put(bench, "/var/lib/dpkg/info/p1:arm64.triggers", "activate-await x\n");
	expect(bench, 0, false);
	assert_int_equal(root_remove(bench->site.root_fd, "/var/lib/dpkg/info/p1:arm64.triggers", &e), 0);
	put(bench, "/var/lib/dpkg/triggers/Unincorp", "/usr/lib -\n");
	expect(bench, 0, false);
	put(bench, "/var/lib/dpkg/triggers/Unincorp", "");
	put_status(bench, conffile, 2);
	expect(bench, 0, false);
	put_status(bench, half, 2);
	expect(bench, 0, false);
	put_status(bench, pending, 2);
	expect(bench, 0, false);
	put_status(bench, plain, 2);
	expect(bench, 1, true);
}

static int open_bench(void **state)
{
	struct bench *bench = xcalloc(1, sizeof *bench);

	*state = bench;
	if (scratch_open(&bench->scratch) < 0)
		return -1;
	bench->site =
		(struct unpack_site) { .root_fd = bench->scratch.folder_fd, .log = &bench->scratch.log };
	return 0;
}

static int close_bench(void **state)
{
	struct bench *bench = *state;
	int r = scratch_close(&bench->scratch);

	free(bench);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_scripts, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(left_to_dpkg, open_bench, close_bench),
	};

	return cmocka_run_group_tests_name("configure: settled", tests, NULL, NULL);
}
