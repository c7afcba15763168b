/* SPDX-License-Identifier: Apache-2.0 */
/* Licences, copyright files, package URLs, and the documents made of a small root's database. */
#include "unit/unit.h"

#include "base/file.h"
#include "base/root.h"
#include "evidence/bom.h"
#include "evidence/evidence.h"
#include "evidence/json.h"
#include "evidence/licence.h"
#include "evidence/purl.h"
#include "index/index.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "unit/scratch.h"

/* ---- names of licences */

static void short_names(void **state)
{
	static const char *const cases[][2] = {
		{ "GPL-2", "GPL-2.0-only" },
		{ "GPL-2+", "GPL-2.0-or-later" },
		{ "gpl-2.0+", "GPL-2.0-or-later" },
		{ "GPL-3.0-only", "GPL-3.0-only" },
		{ "GPL-3.0-or-later", "GPL-3.0-or-later" },
		{ "GPL", "GPL-1.0-or-later" },
		{ "GPLv2+", "GPL-2.0-or-later" },
		{ "LGPL-2.1", "LGPL-2.1-only" },
		{ "LGPL-2", "LGPL-2.0-only" },
		{ "LGPL", "LGPL-2.0-or-later" },
		{ "AGPL-3+", "AGPL-3.0-or-later" },
		{ "GFDL-1.3+", "GFDL-1.3-or-later" },
		{ "GFDL-NIV-1.3", "GFDL-1.3-no-invariants-only" },
		{ "GFDL-NIV-1.2+", "GFDL-1.2-no-invariants-or-later" },
		{ "GFDL-1.3+-no-invariant", "GFDL-1.3-no-invariants-or-later" },
		{ "Expat", "MIT" },
		{ "expat", "MIT" },
		{ "BSD-3-clause", "BSD-3-Clause" },
		{ "Apache-2", "Apache-2.0" },
		{ "CC0", "CC0-1.0" },
		{ "0bsd", "0BSD" },
		{ "ZPL-2.1", "ZPL-2.1" },
		{ "GPL-3+-WITH-BISON-EXCEPTION", "GPL-3.0-or-later WITH Bison-exception-2.2" },
		/* Several texts go by these names, or there is no such version. */
		{ "BSD", NULL },
		{ "public-domain", NULL },
		{ "GPL-2.1", NULL },
		{ "GPL-9", NULL },
		{ "LGPL-2.1.1", NULL },
		{ "v2", NULL },
		{ "-2", NULL },
		{ "+", NULL },
		{ "GPL-3+-with-odd-exception", NULL },
		{ "\xff", NULL },
	};
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *found = licence_of_name(text_of(cases[i][0]), &arena);

		if (found && cases[i][1])
			assert_string_equal(found, cases[i][1]);
		else if (found || cases[i][1])
			fail_msg("'%s' became %s", cases[i][0], found ? found : "nothing");
	}
	arena_release(&arena);
}

static const char *plain_ref(void *context, struct text name)
{
	return arena_printf(context, "LicenseRef-[%.*s]", TEXT_ARG(name));
}

static void expressions(void **state)
{
	static const char *const cases[][2] = {
		{ "GPL-2+", "GPL-2.0-or-later" },
		{ "GPL-2+ or Artistic", "Artistic-1.0-Perl OR GPL-2.0-or-later" },
		{ "Artistic or GPL-2+", "Artistic-1.0-Perl OR GPL-2.0-or-later" },
		{ "Expat and ISC", "ISC AND MIT" },
		{ "GPL-2+ or AFL-2.1, and Expat and ISC", "(AFL-2.1 OR GPL-2.0-or-later) AND ISC AND MIT" },
		{ "Expat and ISC, or Zlib", "(MIT AND ISC) OR Zlib" },
		{ "Expat and ISC or Zlib", "MIT AND ISC OR Zlib" },
		{ "GPL-2 with Linux-syscall-note", "GPL-2.0-only WITH Linux-syscall-note" },
		{ "GPL-2+ with Autoconf exception and Expat",
		  "GPL-2.0-or-later WITH Autoconf-exception-generic AND MIT" },
		{ "GPL-2+ with OpenSSL exception", "LicenseRef-[GPL-2+ with OpenSSL exception]" },
		{ "GPL-2+ with OpenSSL exception or Expat",
		  "LicenseRef-[GPL-2+ with OpenSSL exception] OR MIT" },
		{ "Expat, ISC", "LicenseRef-[Expat, ISC]" },
		{ "Expat and", "LicenseRef-[Expat and]" },
		{ "or", "LicenseRef-[or]" },
		{ "see below", "LicenseRef-[see below]" },
		{ "Expat,, and ISC", "LicenseRef-[Expat,, and ISC]" },
		{ "Perl and Expat", "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT" },
		{ "none", NULL },
		{ "  ", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct licence_parts parts = { NULL, 0 };
		const char *found;

		licence_parts_add(&parts, text_of(cases[i][0]), plain_ref, &arena, &arena);
		found = licence_parts_end(&parts, &arena);
		if (found && cases[i][1])
			assert_string_equal(found, cases[i][1]);
		else if (found || cases[i][1])
			fail_msg("'%s' became %s", cases[i][0], found ? found : "nothing");
		arena_release(&arena);
	}
}

/* ---- copyright files */

#define FORMAT "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"

static enum copyright_form parse(const char *text, size_t *count)
{
	struct arena arena = ARENA_INIT;
	struct copyright copyright;
	enum copyright_form form = copyright_parse(text_of(text), &arena, &copyright);

	*count = copyright.count;
	arena_release(&arena);
	return form;
}

static void copyright_forms(void **state)
{
	static const struct {
		const char *text;
		enum copyright_form form;
		size_t count;
	} cases[] = {
		{ FORMAT "\nFiles: *\nCopyright: x\nLicense: GPL-2\n", COPYRIGHT_READ, 1 },
		{ FORMAT "\nFiles: *\nLicense: A\n\nLicense: A\n text\n", COPYRIGHT_READ, 2 },
		{ FORMAT "License: Expat\n text\n", COPYRIGHT_READ, 1 },
		{ "Format-Specification: http://dep.debian.net/deps/dep5/\n\nFiles: *\nLicense: A\n",
		  COPYRIGHT_READ, 1 },
		/* Some leave out Files. */
		{ FORMAT "\nCopyright: x\nLicense: A\n", COPYRIGHT_READ, 1 },
		{ "", COPYRIGHT_FREE_TEXT, 0 },
		{ "This is GPL-2.\n", COPYRIGHT_FREE_TEXT, 0 },
		{ "Note: x\nLicense: GPL-2\n", COPYRIGHT_FREE_TEXT, 0 },
		{ FORMAT "\nLicense: A\n text\n", COPYRIGHT_MALFORMED, 0 },
		{ FORMAT, COPYRIGHT_MALFORMED, 0 },
		{ FORMAT "\nFiles: *\nLicense:\n", COPYRIGHT_MALFORMED, 0 },
		{ FORMAT "\nFiles: *\nLicense: A\nprose\n", COPYRIGHT_MALFORMED, 0 },
	};
	size_t count;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum copyright_form form = parse(cases[i].text, &count);

		if (form != cases[i].form || count != cases[i].count)
			fail_msg("case %zu: form %d, %zu licences", i, (int)form, count);
	}
}

static void too_many_licences(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	size_t count;

	(void)state;
	buffer_adds(&text, FORMAT);
	for (int i = 0; i <= COPYRIGHT_LICENCES_MAX; i++)
		buffer_adds(&text, "\nFiles: *\nLicense: A\n");
	assert_int_equal(parse(text.data, &count), COPYRIGHT_MALFORMED);
	assert_int_equal(count, 0);
}

static void licence_texts(void **state)
{
	auto_free char *plain = copyright_plain(text_of("\n First\r\n .\n  - second\t\n\t\n .\n"));

	(void)state;
	assert_string_equal(plain, "\nFirst\n\n - second");
}

/* ---- addresses and ids */

static void package_urls(void **state)
{
	static const struct {
		struct purl purl;
		const char *text;
	} cases[] = {
		{ { "debian", "libc6", "2.36-9+deb12u10", "amd64", "bookworm", NULL },
		  "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=bookworm" },
		{ { "Debian", "libstdc++6", "1:2~rc1", "all", "", NULL },
		  "pkg:deb/debian/libstdc%2B%2B6@1:2~rc1?arch=all" },
		{ { "tiny", "x", "1", NULL, NULL, "https://x.example/a b/" },
		  "pkg:deb/tiny/x@1?repository_url=https:%2F%2Fx.example%2Fa%20b%2F" },
		{ { NULL, "x", NULL, "source", NULL, NULL }, "pkg:deb/x?arch=source" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = purl_print(&cases[i].purl);

		assert_string_equal(text, cases[i].text);
	}
}

static void texts_of_any_bytes(void **state)
{
	static const char *const cases[][2] = {
		{ "gr\xc3\xbcn", "gr\xc3\xbcn" },
		{ "Andr\xe9", "Andr\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x9f\x98\x80\xf0\x9f", "\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *text = json_of_text(cases[i][0]);

		assert_string_equal(json_string_value(text), cases[i][1]);
	}
	assert_true(is_address("https://example.org/a?b=%20"));
	assert_false(is_address("https://example.org/a b"));
	assert_false(is_address("https://example.org/%zz"));
	assert_false(is_address("example.org"));
	assert_false(is_address("javascript:alert(1)"));
}

static void kinds(void **state)
{
	struct error e = ERROR_INIT;
	unsigned found = 0;

	(void)state;
	assert_int_equal(evidence_parse("sbom,log", &found, &e), 0);
	assert_int_equal(found, EVIDENCE_SPDX | EVIDENCE_CYCLONEDX | EVIDENCE_LOG);
	assert_int_equal(evidence_parse("none", &found, &e), 0);
	assert_int_equal(found, 0);
	assert_int_equal(evidence_parse("all", &found, &e), 0);
	assert_int_equal(found, 31);
	assert_int_equal(evidence_parse("manifest,,log", &found, &e), -1);
	assert_int_equal(evidence_parse("", &found, &e), -1);
	assert_int_equal(evidence_parse("manifest,none", &found, &e), -1);
	assert_non_null(strstr(e.text, "'none'"));
}

/* ---- a root */

static void put(const struct scratch *scratch, const char *path, const char *text)
{
	struct error e = ERROR_INIT;
	auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(root_make_dirs(scratch->folder_fd, folder, 0755, &e), 0);
	assert_int_equal(
		root_write(scratch->folder_fd, path, text, strlen(text), 0644, getuid(), getgid(), &e), 0);
}

static const char status_text[] =
	"Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2\nArchitecture: i386\nSource: zlib\n"
	"Maintainer: A Person <a@example.org>\nDescription: one\n more\n\n"
	"Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2\nArchitecture: amd64\nSource: zlib "
	"(1.1)\n"
	"Description: one\n\n"
	"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n"
	"Package: app\nStatus: hold ok installed\nVersion: 2\nArchitecture: amd64\n"
	"Maintainer: Andr\xe9 Team <team@lists.example.org>\nHomepage: not an address\n"
	"Pre-Depends: zlib1g (>= 1)\nDepends: mail-agent | nothing, missing | zlib1g:any, app, gone\n\n"
	"Package: mta\nStatus: install ok installed\nVersion: 3\nArchitecture: all\nProvides: mail-agent (= "
	"3)\n"
	"Homepage: https://mta.example.org/\n";

static void fill_root(struct scratch *scratch)
{
	put(scratch, "/var/lib/dpkg/status", status_text);
	put(scratch, "/usr/share/doc/app/copyright",
	    FORMAT "\nFiles: *\nLicense: GPL-2+\n\nFiles: a\nLicense: odd licence or Expat\n\nFiles: b\n"
		   "License: mine\n Own text.\n\nLicense: GPL-2+\n On Debian systems\n");
	put(scratch, "/usr/share/doc/mta/copyright", "Free text.\n");
	put(scratch, "/usr/share/doc/base/copyright", FORMAT "\nFiles: *\nLicense: Zlib\n");
	assert_int_equal(symlinkat("base", scratch->folder_fd, "usr/share/doc/zlib1g"), 0);
}

static void inventory_of_a_root(void **state)
{
	struct scratch scratch;
	auto_inventory struct inventory inventory = INVENTORY_INIT;
	auto_buffer struct buffer manifest = BUFFER_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	fill_root(&scratch);
	assert_int_equal(deb_inventory(scratch.folder_fd, NULL, true, &inventory, &e), 0);
	inventory_print(&inventory, &manifest);
	assert_string_equal(manifest.data,
			    "app\t2\tamd64\nmta\t3\tall\nzlib1g\t1:1.2\tamd64\nzlib1g\t1:1.2\ti386\n");
	assert_string_equal(inventory.packages[2].source_version, "1.1");
	assert_string_equal(inventory.packages[3].source_version, "1:1.2");
	/* The library of its own architecture, and who provides what it names. */
	assert_int_equal(inventory.packages[0].depend_count, 2);
	assert_int_equal(inventory.packages[0].depends[0], 1);
	assert_int_equal(inventory.packages[0].depends[1], 2);
	assert_int_equal(inventory.packages[1].copyright, COPYRIGHT_FREE_TEXT);
	assert_null(inventory.packages[1].licence);
	assert_string_equal(inventory.packages[2].licence, "Zlib");
	assert_int_equal(inventory.licence_count, 2);
	assert_true(is_prefix(inventory.licences[0]->id, "LicenseRef-mine-"));
	assert_string_equal(inventory.licences[0]->text, "Own text.");
	assert_string_equal(inventory.licences[1]->text, "");
	assert_string_equal(inventory.licences[1]->name, "odd licence or Expat");
	scratch_close(&scratch);
}

static void odd_roots(void **state)
{
	struct scratch scratch;
	auto_inventory struct inventory inventory = INVENTORY_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(deb_inventory(scratch.folder_fd, NULL, true, &inventory, &e), 0);
	assert_int_equal(inventory.count, 0);
	put(&scratch, "/var/lib/dpkg/status",
	    "Package: ../../x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n");
	put(&scratch, "/usr/share/doc/x", "no folder");
	assert_int_equal(deb_inventory(scratch.folder_fd, NULL, true, &inventory, &e), 0);
	assert_int_equal(inventory.packages[0].copyright, COPYRIGHT_ABSENT);
	inventory_release(&inventory);
	put(&scratch, "/var/lib/dpkg/status",
	    "Package: x\nStatus: install ok installed\nVersion: 1\n 2\nArchitecture: all\n");
	assert_int_equal(deb_inventory(scratch.folder_fd, NULL, true, &inventory, &e), -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	put(&scratch, "/var/lib/dpkg/status", "prose\n");
	assert_int_equal(deb_inventory(scratch.folder_fd, NULL, true, &inventory, &e), -1);
	assert_non_null(strstr(e.text, "line 1"));
	scratch_close(&scratch);
}

/* ---- documents */

struct world {
	struct scratch scratch;
	struct inventory inventory;
	struct plan_package planned;
	struct plan plan;
	struct index_archive archive;
	struct index_archive *archives[1];
	struct index_set indexes;
	struct recipe recipe;
	struct artefact artefact[2];
	struct artefacts artefacts;
	struct bom bom;
};

static void world_open(struct world *world)
{
	static char unified[] = "img.tar.zst";
	static char meta[] = "img.meta.tar.xz";
	static char rootfs[] = "img.rootfs.tar.zst";
	struct error e = ERROR_INIT;

	assert_int_equal(scratch_open(&world->scratch), 0);
	fill_root(&world->scratch);
	world->archive = (struct index_archive) { .uri = "http://me:secret@archive.example/debian/",
						  .origin = "Debian",
						  .codename = "bookworm" };
	world->archives[0] = &world->archive;
	world->indexes = (struct index_set) { .archives = world->archives, .archive_count = 1 };
	world->planned = (struct plan_package) { .name = "app",
						 .version = "2",
						 .architecture = "amd64",
						 .filename = "pool/a/app_2_amd64.deb",
						 .archive = &world->archive,
						 .sha256 = sha256_of("app", 3) };
	world->plan = (struct plan) { .packages = &world->planned, .package_count = 1 };
	world->recipe = (struct recipe) {
		.image = { .distribution = "debian", .release = "bookworm", .serial = "20231114_2213" }
	};
	world->artefact[0] = (struct artefact) { .format = "unified",
						 .files = { { .name = unified, .size_bytes = 1 } },
						 .file_count = 1,
						 .fingerprint = sha256_of("u", 1) };
	world->artefact[1] = (struct artefact) { .format = "split",
						 .files = { { .name = meta }, { .name = rootfs } },
						 .file_count = 2,
						 .fingerprint = sha256_of("s", 1) };
	world->artefacts = (struct artefacts) { world->artefact, 2 };
	world->inventory = INVENTORY_INIT;
	assert_int_equal(deb_inventory(world->scratch.folder_fd, &world->plan, true, &world->inventory, &e),
			 0);
	world->bom = (struct bom) { .name = "img",
				    .recipe = &world->recipe,
				    .indexes = &world->indexes,
				    .artefacts = &world->artefacts,
				    .inventory = &world->inventory,
				    .epoch_s = 1700000000 };
}

static void world_close(struct world *world)
{
	inventory_release(&world->inventory);
	scratch_close(&world->scratch);
}

/* The text at PATH, "a/0/b", of DOCUMENT. */
static const char *at(const json_t *document, const char *path)
{
	struct text rest = text_of(path);

	while (rest.ptr) {
		struct text part = text_cut(rest, '/', &rest);
		auto_free char *key = xstrndup(part.ptr, part.len);
		uint64_t index = 0;

		document = text_to_u64(part, &index) ? json_array_get(document, (size_t)index)
						     : json_object_get(document, key);
	}
	return json_is_string(document) ? json_string_value(document) : "(none)";
}

static void expect_all(const char *text, const char *const (*cases)[2], size_t count)
{
	auto_json json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(document);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(at(document, cases[i][0]), cases[i][1]);
	assert_null(strstr(text, "secret"));
}

static void spdx_document(void **state)
{
	static const char *const cases[][2] = {
		{ "spdxVersion", "SPDX-2.3" },
		{ "creationInfo/created", "2023-11-14T22:13:20Z" },
		{ "packages/0/SPDXID", "SPDXRef-Image" },
		{ "packages/1/packageFileName", "img.tar.zst" },
		{ "packages/2/SPDXID", "SPDXRef-Artefact-split" },
		{ "packages/3/SPDXID", "SPDXRef-Package-app-amd64" },
		{ "packages/3/supplier", "Organization: Andr\xef\xbf\xbd Team (team@lists.example.org)" },
		{ "packages/3/downloadLocation", "http://archive.example/debian/pool/a/app_2_amd64.deb" },
		{ "packages/3/homepage", "(none)" },
		{ "packages/3/externalRefs/0/referenceLocator",
		  "pkg:deb/debian/app@2?arch=amd64&distro=bookworm" },
		{ "packages/4/homepage", "https://mta.example.org/" },
		{ "packages/4/downloadLocation", "NOASSERTION" },
		{ "packages/4/licenseComments", "the package's copyright file is not machine-readable" },
		{ "packages/5/sourceInfo", "built from source package zlib 1.1" },
		{ "packages/6/supplier", "Person: A Person (a@example.org)" },
		{ "relationships/0/relationshipType", "DESCRIBES" },
		{ "hasExtractedLicensingInfos/0/extractedText", "Own text." },
	};
	struct world world;
	auto_free char *one = NULL;
	auto_free char *two = NULL;
	auto_free char *three = NULL;

	(void)state;
	world_open(&world);
	one = spdx_make(&world.bom);
	two = spdx_make(&world.bom);
	expect_all(one, cases, ARRAY_LEN(cases));
	assert_string_equal(one, two);
	/* Another image has another namespace. */
	world.artefact[0].fingerprint = sha256_of("v", 1);
	three = spdx_make(&world.bom);
	assert_string_not_equal(strstr(one, "documentNamespace"), strstr(three, "documentNamespace"));
	assert_int_not_equal(
		strncmp(strstr(one, "documentNamespace"), strstr(three, "documentNamespace"), 100), 0);
	world_close(&world);
}

static void cyclonedx_document(void **state)
{
	static const char *const cases[][2] = {
		{ "specVersion", "1.6" },
		{ "metadata/timestamp", "2023-11-14T22:13:20Z" },
		{ "metadata/component/properties/1/name", "kiln:fingerprint:split" },
		{ "components/0/purl", "pkg:deb/debian/app@2?arch=amd64&distro=bookworm" },
		{ "components/0/hashes/0/alg", "SHA-256" },
		{ "components/0/externalReferences/0/type", "distribution" },
		{ "components/0/pedigree/ancestors/0/purl",
		  "pkg:deb/debian/app@2?arch=source&distro=bookworm" },
		{ "components/1/properties/0/value", "the package's copyright file is not machine-readable" },
		{ "components/2/licenses/0/expression", "Zlib" },
		{ "dependencies/0/ref", "image" },
		{ "dependencies/1/dependsOn/0", "pkg:deb/debian/mta@3?arch=all&distro=bookworm" },
	};
	struct world world;
	auto_free char *one = NULL;
	auto_free char *two = NULL;

	(void)state;
	world_open(&world);
	one = cyclonedx_make(&world.bom);
	two = cyclonedx_make(&world.bom);
	expect_all(one, cases, ARRAY_LEN(cases));
	assert_string_equal(one, two);
	/* Packages of somebody else's archive say so. */
	world.archive.origin = "Somebody";
	auto_free char *three = cyclonedx_make(&world.bom);

	assert_non_null(strstr(three, "&repository_url=http:%2F%2Farchive.example%2Fdebian%2F"));
	assert_null(strstr(three, "secret"));
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_names),         cmocka_unit_test(expressions),
		cmocka_unit_test(copyright_forms),     cmocka_unit_test(too_many_licences),
		cmocka_unit_test(licence_texts),       cmocka_unit_test(package_urls),
		cmocka_unit_test(texts_of_any_bytes),  cmocka_unit_test(kinds),
		cmocka_unit_test(inventory_of_a_root), cmocka_unit_test(odd_roots),
		cmocka_unit_test(spdx_document),       cmocka_unit_test(cyclonedx_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
