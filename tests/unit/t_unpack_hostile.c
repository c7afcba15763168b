/* SPDX-License-Identifier: Apache-2.0 */
/* Packages that mean harm or are damaged: refused or kept inside, and nothing outside the root is touched. */
#include "unit/unit.h"

#include "unit/deb_maker.h"

#include <lzma.h>

/* A folder of the host that hostile packages aim at: it has one file, and must have no other afterwards. */
struct outside {
	char folder[64];
	int fd;
};

static void outside_open(struct outside *outside)
{
	struct error e = ERROR_INIT;

	need_rights();
	*outside = (struct outside) { .folder = "/tmp/kiln-unit-out-XXXXXX" };
	assert_non_null(mkdtemp(outside->folder));
	outside->fd = open(outside->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(outside->fd >= 0);
	assert_int_equal(root_write_text(outside->fd, "/file", "mine", &e), 0);
}

static void outside_close(struct outside *outside)
{
	struct error e = ERROR_INIT;
	auto_free char *text = NULL;
	char **names = NULL;
	size_t count = 0;
	struct stat st;

	assert_int_equal(dir_list(outside->fd, &names, &count, &e), 0);
	assert_int_equal(count, 1);
	names_free(names, count);
	assert_int_equal(root_read(outside->fd, "/file", &text, &count, &e), 1);
	assert_string_equal(text, "mine");
	assert_int_equal(root_lstat(outside->fd, "/file", &st, &e), 1);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(root_empty_dir(outside->fd, "/", &e), 0);
	close(outside->fd);
	assert_int_equal(rmdir(outside->folder), 0);
}

/* Unpack MADE alone; the result, with the scene open. */
static int unpack_one(struct scene *scene, const struct made_deb *made)
{
	scene_open(scene);
	scene_prepare(scene);
	scene_add(scene, made);
	return scene_unpack(scene, 0, DEB_CONFFILES_DIRECT);
}

static void refused_entries(void **state)
{
	static char long_name[301];
	static char long_path[6000];
	static const struct {
		struct made_file file;
		const char *text;
	} cases[] = {
		{ MADE('0', "../evil", 0644, "x"), "path '../evil' is not allowed" },
		{ MADE('0', "./a/../../evil", 0644, "x"), "is not allowed" },
		{ MADE('5', "./..", 0755, NULL), "is not allowed" },
		{ MADE('1', "./h", 0644, "../../etc/passwd"), "hard link '/h': path" },
		{ MADE('1', "./h", 0644, "./not-there"), "which is not there" },
		{ MADE('1', "./h", 0644, "./"), "hard link to a folder" },
		{ MADE('0', "./new\nline", 0644, "x"), "has a line end in it" },
		{ MADE('0', ".", 0644, "x"), "is no folder" },
		{ MADE('0', long_name, 0644, "x"), "has a part of more than 255 bytes" },
		{ MADE('0', long_path, 0644, "x"), "is not allowed" },
		{ MADE('0', "./short", 0644, "x", .claimed_bytes = 1 << 20), "runcated" },
	};

	(void)state;
	memset(long_name, 'n', 300);
	for (size_t i = 0; i + 2 < sizeof long_path; i += 2)
		memcpy(long_path + i, "p/", 2);
	long_path[sizeof long_path - 2] = 'p';
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scene scene;
		struct made_deb made = { .name = "evil", .files = { cases[i].file } };

		assert_int_equal(unpack_one(&scene, &made), -1);
		assert_int_equal(scene.e.kind, ERROR_FORMAT);
		assert_true(is_prefix(scene.e.text, "package 'evil' 1.0: "));
		if (!strstr(scene.e.text, cases[i].text))
			fail_msg("case %zu: %s", i, scene.e.text);
		assert_false(scene_has(&scene, "/var/lib/dpkg/info/evil.list"));
		assert_text(&scene, "/var/lib/dpkg/status", "");
		scene_close(&scene);
	}
}

static void through_links(void **state)
{
	struct outside outside;
	auto_free char *up = NULL;
	auto_free char *inner = NULL;

	(void)state;
	outside_open(&outside);
	up = xasprintf("../../../../../../../..%s", outside.folder);
	inner = xasprintf("%s/file", outside.folder);
	for (unsigned turn = 0; turn < 6; turn++) {
		struct scene scene;
		struct made_deb made = {
			.name = "evil",
			.files = {
				MADE('2', "./out", 0777, turn & 1 ? up : outside.folder),
				MADE('0', "./out/file", 0644, "evil"),
				MADE('0', "./out/more", 0644, "evil"),
				MADE('5', "./out/folder/", 0777, NULL),
			},
		};

		/* The link alone in front, then with what it leads to missing or there. */
		if (turn >= 2)
			made.files[3] = (struct made_file)MADE('1', "./h", 0644, "./out/file");
		if (turn >= 4)
			made.files[0] = (struct made_file)MADE('5', outside.folder, 0755, NULL),
			made.files[1] =
				(struct made_file)MADE('2', "./out", 0777, turn & 1 ? up : outside.folder),
			made.files[2] = (struct made_file)MADE('0', "./out/file", 0644, "evil");
		if (unpack_one(&scene, &made) == 0 && turn >= 4)
			assert_text(&scene, inner, "evil");
		scene_close(&scene);
	}
	outside_close(&outside);
}

static void through_links_of_the_root(void **state)
{
	struct outside outside;
	struct scene scene;
	struct made_deb made = { .name = "evil",
				 .fields = "Multi-Arch: same\n",
				 .members = { MADE('0', "./conffiles", 0644, "/conf\n"),
					      MADE('0', "./postinst", 0755, "#!/bin/sh\n") },
				 .files = { MADE('0', "./out/file", 0644, "evil"),
					    MADE('0', "./conf", 0644, "evil") } };
	auto_free char *file = NULL;

	(void)state;
	outside_open(&outside);
	file = xasprintf("%s/file", outside.folder);
	for (unsigned turn = 0; turn < 2; turn++) {
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		assert_int_equal(symlinkat(outside.folder, scene.root_fd, "out"), 0);
		assert_int_equal(symlinkat(file, scene.root_fd, "conf"), 0);
		assert_int_equal(symlinkat(file, scene.root_fd, "var/lib/dpkg/info/evil:all.postinst"), 0);
		/* Inside the root the links lead nowhere, and give way; or to a folder there. */
		if (turn == 1)
			assert_int_equal(root_make_dirs(scene.root_fd, outside.folder, 0755, &scene.e), 0);
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_NEW), 0);
		assert_text(&scene, turn == 1 ? file : "/out/file", "evil");
		assert_text(&scene, "/conf.dpkg-new", "evil");
		assert_text(&scene, "/var/lib/dpkg/info/evil:all.postinst", "#!/bin/sh\n");
		scene_close(&scene);
	}
	outside_close(&outside);
}

static void link_loops(void **state)
{
	struct scene scene;
	struct made_deb made = { .name = "loop",
				 .files = { MADE('2', "./a", 0777, "b"), MADE('2', "./b", 0777, "a"),
					    MADE('0', "./a/f", 0644, "x") } };

	(void)state;
	assert_int_equal(unpack_one(&scene, &made), -1);
	scene_close(&scene);
}

static const struct made_deb healthy = {
	.name = "healthy",
	.suffix = ".xz",
	.members = { MADE('0', "./md5sums", 0644, ""), MADE('0', "./postinst", 0755, "#!/bin/sh\n") },
	.files = { MADE('5', "./d/", 0755, NULL), MADE('0', "./d/a", 0644, "some text\n"),
		   MADE('2', "./d/l", 0777, "a"), MADE('1', "./d/h", 0644, "./d/a") },
};

/* Take back what the database says, so that the scene can be used once more. */
static void forget(struct scene *scene)
{
	assert_int_equal(root_write_text(scene->root_fd, "/var/lib/dpkg/status", "", &scene->e), 0);
	assert_int_equal(root_remove(scene->root_fd, "/var/lib/dpkg/info/healthy.list", &scene->e), 0);
}

static void cut_off(void **state)
{
	static const char *const suffixes[] = { "", ".xz", ".gz", ".zst" };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(suffixes); k++) {
		struct scene scene;
		struct made_deb made = healthy;
		size_t whole;

		made.suffix = suffixes[k];
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		whole = scene.fetcher.debs[0].len;
		for (size_t len = 0; len < whole - 1; len += len < 600 ? 7 : 61) {
			scene.fetcher.debs[0].len = len;
			if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) == 0)
				fail_msg("%zu of %zu bytes with codec '%s'", len, whole, suffixes[k]);
			assert_int_equal(scene.e.kind, ERROR_FORMAT);
			assert_text(&scene, "/var/lib/dpkg/status", "");
		}
		scene.fetcher.debs[0].len = whole;
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), 0);
		assert_text(&scene, "/d/h", "some text\n");
		scene_close(&scene);
	}
}

static void flipped_bits(void **state)
{
	static const char *const suffixes[] = { "", ".gz", ".xz" };
	struct outside outside;
	unsigned refused = 0;

	(void)state;
	outside_open(&outside);
	for (size_t k = 0; k < ARRAY_LEN(suffixes); k++) {
		struct scene scene;
		struct made_deb made = healthy;

		made.suffix = suffixes[k];
		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &made);
		for (size_t at = 0; at < scene.fetcher.debs[0].len; at += at < 700 ? 5 : 29) {
			char *byte = &scene.fetcher.debs[0].data[at];
			char flip = (char)(1 << at % 8);

			*byte ^= flip;
			/* Whatever comes of it: an error says what is wrong, and the scene can be cleared. */
			if (scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT) < 0) {
				refused++;
				assert_true(scene.e.kind == ERROR_FORMAT || scene.e.kind == ERROR_SYSTEM);
				assert_true(is_prefix(scene.e.text, "package 'healthy' 1.0: "));
			}
			*byte ^= flip;
			forget(&scene);
		}
		scene_close(&scene);
	}
	assert_true(refused > 100);
	outside_close(&outside);
}

static void wrong_packages(void **state)
{
	static const struct {
		struct made_deb made;
		const char *text;
	} cases[] = {
		{ { .name = "right", .raw_control = "Package: wrong\nVersion: 1.0\nArchitecture: all\n" },
		  "control data is of package 'wrong'" },
		{ { .name = "right", .raw_control = "Package: right\nVersion: 1.1\nArchitecture: all\n" },
		  "control data is of version '1.1', not '1.0'" },
		{ { .name = "right", .raw_control = "Package: right\nVersion: 1.0\nArchitecture: arm64\n" },
		  "control data is for architecture 'arm64', not 'all'" },
		{ { .name = "right", .raw_control = "Version: 1.0\nArchitecture: all\n" },
		  "field 'Package' is missing" },
		{ { .name = "right", .raw_control = "Package: ../right\nVersion: 1.0\nArchitecture: all\n" },
		  "no package name" },
		{ { .name = "right", .raw_control = "Package: right\nVersion: 1.0\nArchitecture: ../x\n" },
		  "no architecture" },
		{ { .name = "right", .raw_control = "Package: right\nVersion: 1 0\nArchitecture: all\n" },
		  "no version number" },
		{ { .name = "right", .raw_control = "\n" }, "control: empty" },
		{ { .name = "right", .raw_control = " x\n" }, "line 'x' continues no field" },
		{ { .name = "right", .raw_control = "Package: right\nnonsense\n" },
		  "line 'nonsense' is no field" },
		{ { .name = "right",
		    .raw_control = "Package: right\nVersion: 1.0\nArchitecture: all\npackage: left\n" },
		  "the field 'package' stands twice" },
		{ { .name = "right",
		    .raw_control = "Package: right\nVersion: 1.0\nArchitecture: all\n\nA: b\n" },
		  "more than one stanza" },
		{ { .name = "right", .members = { MADE('0', "./conffiles", 0644, "etc/x\n") } },
		  "is no absolute path" },
		{ { .name = "right", .members = { MADE('0', "./conffiles", 0644, "/etc/../x\n") } },
		  "is no absolute path" },
		{ { .name = "right", .members = { MADE('0', "./triggers", 0644, "interest ../../x\n") } },
		  "is no name of a trigger" },
		{ { .name = "right", .members = { MADE('0', "./triggers", 0644, "wish x\n") } },
		  "directive 'wish' is not known" },
		{ { .name = "right", .members = { MADE('2', "./postinst", 0777, "/etc/passwd") } },
		  "is no plain file" },
		{ { .name = "right", .members = { MADE('0', "./a/b", 0644, "") } }, "is no plain file" },
		{ { .name = "right",
		    .members = { MADE('0', "./prerm", 0644, ""), MADE('0', "./prerm", 0644, "") } },
		  "is there twice" },
		{ { .name = "right", .members = { MADE('0', "./big", 0644, "", .claimed_bytes = 65 << 20) } },
		  "control data of more than 64 MiB" },
		{ { .name = "right",
		    .members = { MADE('0', "./conffiles", 0644, "remove-on-upgrade /x\n") },
		    .files = { MADE('0', "./x", 0644, "") } },
		  "is to be removed, and shipped" },
		{ { .name = "right", .suffix = ".Z" }, "compressed in a way that is not known" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scene scene;

		assert_int_equal(unpack_one(&scene, &cases[i].made), -1);
		assert_int_equal(scene.e.kind, ERROR_FORMAT);
		assert_true(is_prefix(scene.e.text, "package 'right' 1.0: "));
		if (!strstr(scene.e.text, cases[i].text))
			fail_msg("case %zu: %s", i, scene.e.text);
		scene_close(&scene);
	}
}

/* In the block header at BLOCK (xz-file-format, 3.1), which has one filter, LZMA2. */
static void set_dictionary(uint8_t *block, unsigned mib)
{
	lzma_options_lzma options;
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block header = { .version = 0, .filters = filters, .check = LZMA_CHECK_CRC64 };

	header.header_size = lzma_block_header_size_decode(block[0]);
	assert_int_equal(lzma_block_header_decode(&header, NULL, block), LZMA_OK);
	options = *(lzma_options_lzma *)filters[0].options;
	free(filters[0].options);
	options.dict_size = mib << 20;
	filters[0].options = &options;
	assert_int_equal(lzma_block_header_encode(&header, block), LZMA_OK);
}

static void wrong_containers(void **state)
{
	static const struct {
		const char *names[4];
		const char *magic;
		const char *text;
	} cases[] = {
		{ { "debian-binary" }, "!<arch>\n", "member 'control.tar' is missing" },
		{ { "control.tar" }, "!<arch>\n", "member 'debian-binary' is missing" },
		{ { "debian-binary", "data.tar" }, "!<arch>\n", "stands where 'control.tar' belongs" },
		{ { "debian-binary", "_extra" }, "!<arch>\n", "member 'control.tar' is missing" },
		{ { "debian-binary", "control.tar" }, "!<arch>\n", "malformed tar archive" },
		{ { "debian-binary" }, "!<arsh>\n", "malformed ar archive" },
		{ { NULL }, "", "malformed ar archive" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scene scene;
		struct buffer *deb = &scene.fetcher.debs[0];

		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &healthy);
		buffer_reset(deb);
		buffer_adds(deb, cases[i].magic);
		for (size_t k = 0; cases[i].names[k]; k++)
			put_member(deb, cases[i].names[k], false, "2.0\n", 4);
		assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
		assert_int_equal(scene.e.kind, ERROR_FORMAT);
		if (!strstr(scene.e.text, cases[i].text))
			fail_msg("case %zu: %s", i, scene.e.text);
		scene_close(&scene);
	}
}

/* What a name says and what it holds are of different kinds. */
static void wrong_codec(void **state)
{
	struct scene scene;
	struct made_deb made = healthy;
	char *name;

	(void)state;
	made.suffix = ".xz";
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &made);
	name = memmem(scene.fetcher.debs[0].data, scene.fetcher.debs[0].len, "data.tar.xz", 11);
	assert_non_null(name);
	memcpy(name, "data.tar.gz", 11);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene.e.kind, ERROR_FORMAT);
	scene_close(&scene);
}

/* What it takes to decompress is for the package to say, but not without limit. */
static void wide_window(void **state)
{
	static const unsigned dictionaries_mib[] = { 64, 512 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dictionaries_mib); i++) {
		struct scene scene;
		struct buffer *deb = &scene.fetcher.debs[0];
		char *xz;
		int r;

		scene_open(&scene);
		scene_prepare(&scene);
		scene_add(&scene, &(struct made_deb) { .name = healthy.name,
						       .suffix = ".xz",
						       .files = { MADE('5', "./usr", 0755, NULL) } });
		xz = memmem(deb->data, deb->len, "data.tar.xz", 11);
		assert_non_null(xz);
		xz = memmem(xz, (size_t)(deb->data + deb->len - xz),
			    "\xfd"
			    "7zXZ",
			    5);
		assert_non_null(xz);
		set_dictionary((uint8_t *)xz + LZMA_STREAM_HEADER_SIZE, dictionaries_mib[i]);
		r = scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT);
		if (dictionaries_mib[i] <= 64) {
			assert_int_equal(r, 0);
		} else {
			assert_int_equal(r, -1);
			assert_int_equal(scene.e.kind, ERROR_FORMAT);
			assert_non_null(strstr(scene.e.text,
					       "would need 512 MiB of memory, more than the limit of 130"));
		}
		scene_close(&scene);
	}
}

static void not_in_the_cache(void **state)
{
	struct scene scene;
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;

	(void)state;
	scene_open(&scene);
	scene_prepare(&scene);
	scene_add(&scene, &healthy);
	buffer_release(&scene.fetcher.debs[0]);
	assert_int_equal(scene_unpack(&scene, 0, DEB_CONFFILES_DIRECT), -1);
	assert_int_equal(scene.e.kind, ERROR_FETCH);
	assert_int_equal(deb_read_control(&scene.site, 0, &control, &scene.e), -1);
	scene_close(&scene);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_entries),
		cmocka_unit_test(through_links),
		cmocka_unit_test(through_links_of_the_root),
		cmocka_unit_test(link_loops),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(flipped_bits),
		cmocka_unit_test(wrong_packages),
		cmocka_unit_test(wrong_containers),
		cmocka_unit_test(wrong_codec),
		cmocka_unit_test(wide_window),
		cmocka_unit_test(not_in_the_cache),
	};

	return cmocka_run_group_tests_name("unpack hostile", tests, NULL, NULL);
}
