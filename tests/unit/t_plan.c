/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner, the order of unpacking, and the printed forms of a plan. */
#include "unit/unit.h"

#include "base/file.h"
#include "index/index.h"
#include "plan/deb_plan.h"
#include "recipe/recipe.h"

#include <fcntl.h>
#include <jansson.h>

int deb_plan_make(const struct recipe *recipe, const struct index_set *indexes, struct plan *plan,
		  struct error *e) MUST_CHECK;

#define SUM    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ORIGIN "Filename: pool/x.deb\nSize: 2048\nInstalled-Size: 10\nSHA256: " SUM "\n"

/* One archive with one index. */
struct archive {
	struct index_archive archive;
	struct index_archive *archives[1];
	struct index_file file;
	struct index_set set;
};

static void archive_init(struct archive *archive, const char *data, size_t len)
{
	*archive = (struct archive) {
		.archive = { .uri = "http://example.org/debian/", .suite = "stable" },
		.archives = { &archive->archive },
		.file = { .archive = &archive->archive,
			  .component = "main",
			  .architecture = "amd64",
			  .data = data,
			  .len = len },
	};
	archive->set = (struct index_set) {
		.archives = archive->archives, .archive_count = 1, .files = &archive->file, .file_count = 1
	};
}

static void scan(const char *data, struct archive *archive, struct deb_index *index)
{
	struct error e = ERROR_INIT;

	archive_init(archive, data, strlen(data));
	if (deb_index_scan(index, &archive->set, "amd64", &e) < 0)
		fail_msg("%s", e.text);
}

static void scan_stanzas(void **state)
{
	static const char data[] =
		"\n\nPackage: app\nVersion: 1\nArchitecture: amd64\nDescription: a\n long: one\n"
		"\tline\nPriority: important\nessential: YES\nMulti-Arch: same\n\n\n \n"
		"package: other\r\nversion: 2\r\narchitecture: all\r\nProvides: mail,\r\n"
		" post (= 3)\r\n\r\n"
		"Package: far\nVersion: 1\nArchitecture: arm64\n\n"
		"Package: app\nVersion: 3\nArchitecture: all\n\n"
		"Package: app\nVersion: 2\nArchitecture: amd64"; /* no line end */
	auto_deb_index struct deb_index index = DEB_INDEX_INIT;
	struct archive archive;
	const struct deb_package *app;
	const struct deb_package *post;

	(void)state;
	scan(data, &archive, &index);
	app = deb_index_find(&index, TEXT("app"));
	assert_non_null(app);
	assert_true(app->essential);
	assert_true(text_is(app->versions->version, "3"));
	assert_true(app->versions->architecture_all);
	assert_true(text_is(app->versions->next->version, "2"));
	assert_true(text_is(app->versions->next->next->version, "1"));
	assert_null(app->versions->next->next->next);
	assert_int_equal(app->versions->next->next->priority, PRIORITY_IMPORTANT);
	assert_true(app->versions->next->next->multi_arch_same);
	assert_null(deb_index_find(&index, TEXT("far")));
	post = deb_index_find(&index, TEXT("post"));
	assert_non_null(post);
	assert_null(post->versions);
	assert_true(text_is(post->provides->version, "3"));
	assert_true(text_is(post->provides->owner->package->name, "other"));
	assert_true(text_is(deb_stanza_field(app->versions->next->next->stanza, "description"),
			    "a\n long: one\n\tline"));
	assert_null(deb_stanza_field(app->versions->stanza, "Depends").ptr);
}

static void assert_refused(const char *data, size_t len, const char *message)
{
	auto_deb_index struct deb_index index = DEB_INDEX_INIT;
	struct archive archive;
	struct error e = ERROR_INIT;

	archive_init(&archive, data, len);
	assert_int_equal(deb_index_scan(&index, &archive.set, "amd64", &e), -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	if (!strstr(e.text, message) || !strstr(e.text, "index 'http://example.org/debian/ stable main': "))
		fail_msg("'%s' lacks '%s'", e.text, message);
}

static void scan_hostile(void **state)
{
	static const char *const rows[][2] = {
		{ "Version: 1\nArchitecture: all\n", "stanza at byte 0: no field Package" },
		{ "\n\nVersion: 1\n", "stanza at byte 2: no field Package" },
		{ "Package: app\nArchitecture: all\n", "package 'app': no field Version" },
		{ "Package: app\nVersion: 1\n", "package 'app': no field Architecture" },
		{ "Package: app\nVersion: one two\nArchitecture: all\n", "package 'app': malformed version" },
		{ "Package: app\nVersion: 1:\nArchitecture: all\n", "package 'app': malformed version" },
		{ "Package: ../app\nVersion: 1\nArchitecture: all\n", "package '../app': malformed name" },
		{ "Package: App\nVersion: 1\nArchitecture: all\n", "malformed name" },
		{ "Package: a\nVersion: 1\nArchitecture: all\n", "malformed name" },
		{ "Package: app\nVersion\nArchitecture: all\n",
		  "a line is neither a field nor continues one" },
		{ "Package: app\n: x\n", "a line is neither a field nor continues one" },
		{ " Package: app\n", "a line is neither a field nor continues one" },
		{ "<html>\n<body>\n", "stanza at byte 0: a line is neither" },
		{ "Package: app\nVersion: 1\nArchitecture: all\nProvides: b (= \n",
		  "malformed field Provides" },
		{ "Package: app\nVersion: 1\nArchitecture: all\nProvides: bb | cc\n",
		  "'|' in the field Provides" },
	};
	auto_buffer struct buffer longest = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(rows[i][0], strlen(rows[i][0]), rows[i][1]);
	assert_refused("Package: a\0b\nVersion: 1\nArchitecture: all\n", 40, "malformed name");
	buffer_adds(&longest, "Package: app\nDescription: ");
	for (size_t i = 0; i < (1 << 20); i++)
		buffer_addc(&longest, 'x');
	buffer_addc(&longest, '\n');
	assert_refused(longest.data, longest.len, "package 'app': a field is longer than 1 MiB");
}

/* A plan of everything in DATA that is essential. */
static int plan_of(const char *data, struct archive *archive, struct plan *plan, struct error *e)
{
	struct recipe recipe = { .architecture_debian = "amd64" };

	recipe.source.variant = "minbase";
	archive_init(archive, data, strlen(data));
	return deb_plan_make(&recipe, &archive->set, plan, e);
}

static void origin_hostile(void **state)
{
	static const char *const rows[][2] = {
		{ "Size: 1\nSHA256: " SUM "\n", "package 'app': no field Filename" },
		{ "Filename: /etc/x\nSize: 1\nSHA256: " SUM "\n", "Filename leads out of the archive" },
		{ "Filename: pool/../../x\nSize: 1\nSHA256: " SUM "\n", "Filename leads out of the archive" },
		{ "Filename: pool/a b\nSize: 1\nSHA256: " SUM "\n", "malformed field Filename" },
		{ "Filename: pool/\xc3\xa4\nSize: 1\nSHA256: " SUM "\n", "malformed field Filename" },
		{ "Filename: x\nSHA256: " SUM "\n", "no usable field Size" },
		{ "Filename: x\nSize: 0\nSHA256: " SUM "\n", "no usable field Size" },
		{ "Filename: x\nSize: -1\nSHA256: " SUM "\n", "no usable field Size" },
		{ "Filename: x\nSize: 8589934593\nSHA256: " SUM "\n", "are more than the limit" },
		{ "Filename: x\nSize: 1\n", "no usable field SHA256" },
		{ "Filename: x\nSize: 1\nMD5sum: 0123456789abcdef0123456789abcdef\n",
		  "no usable field SHA256" },
		{ "Filename: x\nSize: 1\nSHA256: 0123\n", "no usable field SHA256" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_plan struct plan plan = PLAN_INIT;
		auto_free char *data = xasprintf(
			"Package: app\nVersion: 1\nArchitecture: all\nEssential: yes\n%s", rows[i][0]);
		struct archive archive;
		struct error e = ERROR_INIT;

		assert_int_equal(plan_of(data, &archive, &plan, &e), -1);
		assert_int_equal(e.kind, ERROR_FORMAT);
		if (!strstr(e.text, rows[i][1]))
			fail_msg("'%s' lacks '%s'", e.text, rows[i][1]);
		assert_int_equal(plan.package_count, 0);
	}
}

static void no_index(void **state)
{
	auto_plan struct plan plan = PLAN_INIT;
	struct archive archive;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(plan_of("", &archive, &plan, &e), -1);
	assert_int_equal(e.kind, ERROR_PLAN);
	assert_non_null(strstr(e.text, "the archive has no essential packages for 'amd64'"));
}

/* As deep as the resolver goes, and deeper: apt gives up at 3000, and so do we, with an error. */
static void long_chains(void **state)
{
	static const size_t lengths[] = { 500, 2900, 20000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		auto_buffer struct buffer data = BUFFER_INIT;
		auto_plan struct plan plan = PLAN_INIT;
		struct archive archive;
		struct error e = ERROR_INIT;
		int r;

		for (size_t k = 0; k < lengths[i]; k++)
			buffer_addf(&data,
				    "Package: p%zu\nVersion: 1\nArchitecture: all\n%sDepends: p%zu\n" ORIGIN
				    "\n",
				    k, k ? "" : "Essential: yes\n", (k + 1) % lengths[i]);
		r = plan_of(data.data, &archive, &plan, &e);
		if (lengths[i] < 3000) {
			assert_int_equal(r, 0);
			assert_int_equal(plan.package_count, lengths[i]);
		} else {
			assert_int_equal(r, -1);
			assert_int_equal(e.kind, ERROR_PLAN);
		}
	}
}

static const char two_packages[] =
	"Package: app\nVersion: 1:2-3\nArchitecture: amd64\nEssential: yes\nPre-Depends: lib\n" ORIGIN "\n"
	"Package: lib\nVersion: 4\nArchitecture: all\n" ORIGIN;

static void printed_for_people(void **state)
{
	auto_plan struct plan plan = PLAN_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct archive archive;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(plan_of(two_packages, &archive, &plan, &e), 0);
	plan_print(&plan, &out);
	assert_string_equal(out.data, "step 1: base, 2 packages\n"
				      "lib  4      all    2048  " SUM
				      "  http://example.org/debian/ stable/main  pre-dependency of app\n"
				      "app  1:2-3  amd64  2048  " SUM
				      "  http://example.org/debian/ stable/main  essential\n"
				      "\n2 packages, 4.0 KiB to download, 20.0 KiB installed\n");
}

static void printed_for_machines(void **state)
{
	auto_plan struct plan plan = PLAN_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct archive archive;
	struct error e = ERROR_INIT;
	json_t *root;
	const json_t *lib;

	(void)state;
	assert_int_equal(plan_of(two_packages, &archive, &plan, &e), 0);
	plan_print_json(&plan, &out);
	assert_true(is_suffix(out.data, "}\n"));
	root = json_loadb(out.data, out.len, 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_array_size(json_object_get(root, "packages")), 2);
	lib = json_array_get(json_object_get(root, "packages"), 1);
	assert_string_equal(json_string_value(json_object_get(lib, "name")), "lib");
	assert_string_equal(json_string_value(json_object_get(lib, "version")), "4");
	assert_string_equal(json_string_value(json_object_get(lib, "architecture")), "all");
	assert_string_equal(json_string_value(json_object_get(lib, "sha256")), SUM);
	assert_string_equal(json_string_value(json_object_get(lib, "why")), "pre-depends");
	assert_string_equal(json_string_value(json_object_get(lib, "why_package")), "app");
	assert_int_equal(json_integer_value(json_object_get(lib, "size")), 2048);
	assert_int_equal(json_integer_value(json_object_get(lib, "installed_size")), 10240);
	assert_string_equal(json_string_value(json_object_get(json_object_get(lib, "repository"), "suite")),
			    "stable");
	json_decref(root);
}

static void positions_and_result(void **state)
{
	auto_plan struct plan plan = PLAN_INIT;
	auto_free size_t *result = NULL;
	struct archive archive;
	struct error e = ERROR_INIT;
	size_t count;

	(void)state;
	assert_int_equal(plan_of(two_packages, &archive, &plan, &e), 0);
	assert_string_equal(plan.packages[0].name, "app");
	assert_int_equal(plan.packages[0].depend_count, 1);
	assert_int_equal(plan.packages[0].depends[0], 1);
	assert_int_equal(plan.packages[0].pre_depend_count, 1);
	assert_int_equal(plan.packages[0].pre_depends[0], 1);
	assert_true(plan.packages[0].essential);
	assert_ptr_equal(plan.packages[0].archive, &archive.archive);
	result = plan_result(&plan, &count);
	assert_int_equal(count, 2);
	assert_int_equal(result[0], 0);
	assert_int_equal(result[1], 1);
}

static void near_names(void **state)
{
	static const char data[] = "Package: vim\nVersion: 1\nArchitecture: all\n\n"
				   "Package: vis\nVersion: 1\nArchitecture: all\n\n"
				   "Package: nvim\nVersion: 1\nArchitecture: all\n\n"
				   "Package: avim\nVersion: 1\nArchitecture: all\n\n"
				   "Package: emacs\nVersion: 1\nArchitecture: all\nProvides: vimm\n";
	auto_deb_index struct deb_index index = DEB_INDEX_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	struct archive archive;

	(void)state;
	scan(data, &archive, &index);
	deb_near_names(&index, TEXT("vimm"), &out);
	assert_string_equal(out.data, " (near: 'vim', 'vis', 'avim')");
	buffer_reset(&out);
	deb_near_names(&index, TEXT("libreoffice"), &out);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_stanzas),         cmocka_unit_test(scan_hostile),
		cmocka_unit_test(origin_hostile),       cmocka_unit_test(no_index),
		cmocka_unit_test(long_chains),          cmocka_unit_test(printed_for_people),
		cmocka_unit_test(printed_for_machines), cmocka_unit_test(positions_and_result),
		cmocka_unit_test(near_names),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
