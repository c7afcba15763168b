/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/recipe.h"

#include "base/text.h"
#include "recipe/architecture.h"

static void expansion(void **state)
{
	static const struct {
		const char *template;
		const char *text;
	} rows[] = {
		{ "{{ image.distribution }} {{ image.architecture }} {{ image.architecture_kernel }}",
		  "debian amd64 x86_64" },
		{ "{{ image.name }}", "debian-bookworm-amd64-default-1" },
		{ "{{ image.description }}", "Image debian-bookworm-amd64-default-1 for container" },
		{ "{{ source.url }} {{ source.suite }} {{ source.variant }}",
		  "http://bookworm.example.org bookworm " },
		{ "{{ packages.manager }} {{ packages.update }}", "apt True" },
		{ "{{ targets.type }}{{ targets.incus.vm.filesystem }} {{ targets.incus.vm.size }}",
		  "container 0" },
		{ "{% if image.release != \"sid\" and image.release != \"buster\" %}a{% endif %}", "a" },
		{ "{% if source.variant == '' %}none{% endif %}", "none" },
		{ "no template", "no template" },
	};
	auto_recipe struct recipe r =
		selected("image:\n  distribution: debian\n  release: bookworm\n  serial: 1\n"
			 "  architecture: amd64\n"
			 "  description: Image {{ image.name }} for {{ targets.type }}\n"
			 "source:\n  downloader: debootstrap\n"
			 "  url: http://{{ image.release }}.example.org\n"
			 "packages: {manager: apt, update: yes}\n");
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *text = NULL;

		if (recipe_expand(&r, rows[i].template, &r.place, &text, &e) < 0)
			fail_msg("'%s': %s", rows[i].template, e.text);
		assert_string_equal(text, rows[i].text);
	}
}

static void assert_not_expanded(const struct recipe *r, const char *template, const struct place *place,
				const char *message)
{
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;

	assert_int_equal(recipe_expand(r, template, place, &text, &e), -1);
	assert_null(text);
	assert_string_equal(e.text, message);
}

static void expansion_mistakes(void **state)
{
	auto_recipe struct recipe r = parsed("image:\n  distribution: debian\n  architecture: amd64\n"
					     "  name: a{{ image.description }}\n"
					     "  description: b{{ image.name }}\n"
					     "  serial: '{{ image.variant | cit:1 }}'\n"
					     "source: {downloader: debootstrap}\n"
					     "packages: {manager: apt}\n");
	const struct place place = { "x.yaml", 10, 5 };
	const struct place whole = { "-o image.name", 0, 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_not_expanded(
		&r, "{{ image.nam }}", &place,
		"x.yaml:10:8: unknown name 'image.nam' in a template (did you mean 'image.name'?)");
	assert_not_expanded(
		&r, "a\n  b\n {{ source.key }}", &place,
		"x.yaml:12:9: unknown name 'source.key' in a template (did you mean 'source.url'?)");
	assert_not_expanded(&r, "{{ files }}", &place, "x.yaml:10:8: unknown name 'files' in a template");
	assert_not_expanded(&r, "{{ image }}", &place, "x.yaml:10:8: 'image' is a section, not a value");
	assert_not_expanded(&r, "{{ image.release.x }}", &whole,
			    "-o image.name: '.x' is asked of a text, which has no members");
	assert_not_expanded(&r, "{{ image.serial }}", &place,
			    "x.yaml:10:8: in 'image.serial': unknown filter 'cit' (did you mean 'cut'?)");
	assert_int_equal(recipe_expand(&r, r.image.name, &place, &(char *) { NULL }, &e), -1);
	assert_true(is_suffix(e.text, ": templates name each other in a circle"));
	assert_true(is_prefix(e.text, "x.yaml:10:9: in 'image.description': in 'image.name': "));
}

/* Many templates, each naming many: the work is bounded although no single output is large. */
static void expansion_bomb(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_recipe struct recipe r = RECIPE_INIT;
	auto_free char *out = NULL;
	struct error e = ERROR_INIT;
	static const char *const keys[] = { "name", "description", "serial", "variant" };

	(void)state;
	buffer_adds(&text, "image:\n  distribution: debian\n  architecture: amd64\n  release: '{# end #}'\n");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		buffer_addf(&text, "  %s: '", keys[i]);
		for (int j = 0; j < 1000; j++)
			buffer_addf(&text, "{{ image.%s }}", i ? keys[i - 1] : "release");
		buffer_adds(&text, "'\n");
	}
	buffer_adds(&text, "source: {downloader: debootstrap}\npackages: {manager: apt}\n");
	if (parse_with(text.data, NULL, 0, &r, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(recipe_expand(&r, "{{ image.variant }}", &r.place, &out, &e), -1);
	assert_true(is_suffix(e.text, "more than 500 templates inside one"));
}

static void architectures(void **state)
{
	static const struct {
		const char *written;
		const char *mappings;
		const char *name;
		const char *mapped;
		const char *personality;
	} rows[] = {
		{ "x86_64", "{}", "x86_64", "amd64", "linux64" },
		{ "amd64", "{}", "x86_64", "amd64", "linux64" },
		{ "i386", "{}", "i686", "i386", "linux32" },
		{ "i686", "{}", "i686", "i386", "linux32" },
		{ "aarch64", "{}", "aarch64", "arm64", "linux64" },
		{ "armhf", "{}", "armv7l", "armhf", "linux32" },
		{ "armv7l", "{}", "armv7l", "armhf", "linux32" },
		{ "armel", "{}", "armv7l", "armel", "linux32" },
		{ "ppc64el", "{}", "ppc64le", "ppc64el", "linux64" },
		{ "riscv64", "{}", "riscv64", "riscv64", "linux64" },
		{ "s390x", "{}", "s390x", "s390x", "linux64" },
		{ "mips64el", "{}", "mips64le", "mips64el", "linux64" },
		{ "loong64", "{}", "loongarch64", "loong64", "linux64" },
		{ "arm64", "{architecture_map: alpinelinux}", "aarch64", "aarch64", "linux64" },
		{ "i686", "{architecture_map: alpinelinux}", "i686", "x86", "linux32" },
		{ "amd64", "{architecture_map: archlinux}", "x86_64", "x86_64", "linux64" },
		{ "x86_64", "{architecture_map: gentoo}", "x86_64", "amd64", "linux64" },
		{ "x86_64", "{architecture_map: funtoo}", "x86_64", "generic_64", "linux64" },
		{ "aarch64", "{architecture_map: openwrt}", "aarch64", "armsr-armv8", "linux64" },
		{ "armel", "{architecture_map: voidlinux}", "armv7l", "armel", "linux32" },
		{ "x86_64", "{architectures: {x86_64: pc}}", "x86_64", "pc", "linux64" },
		{ "amd64", "{architectures: {x86_64: pc}}", "x86_64", "pc", "linux64" },
		{ "amd64", "{architectures: {amd64: apc}}", "x86_64", "apc", "linux64" },
		{ "amd64", "{architectures: {i686: pc}}", "x86_64", "amd64", "linux64" },
		{ "x86_64", "{architecture_map: debian, architectures: {x86_64: pc}}", "x86_64", "amd64",
		  "linux64" },
	};
	static const char *const debian[][4] = {
		{ "i686", "{architectures: {i686: i686}}", "i686", "i386" },
		{ "amd64", "{architectures: {x86_64: x86_64}}", "x86_64", "amd64" },
		{ "armhf", "{architecture_map: alpinelinux}", "armv7", "armv7" },
		{ "arm64", "{architecture_map: alpinelinux}", "aarch64", "arm64" },
		{ "i686", "{}", "i386", "i386" },
		{ "s390x", "{}", "s390x", "s390x" },
		{ "x86_64", "{architectures: {x86_64: pc}}", "pc", "pc" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *text = xasprintf("image: {distribution: x, architecture: %s}\n"
						 "source: {downloader: debootstrap}\n"
						 "packages: {manager: apt}\nmappings: %s\n",
						 rows[i].written, rows[i].mappings);
		auto_recipe struct recipe r = parsed(text);

		assert_string_equal(r.architecture, rows[i].name);
		assert_string_equal(r.architecture_mapped, rows[i].mapped);
		assert_string_equal(r.architecture_personality, rows[i].personality);
	}
	/* LXD's own names are none of Debian's; whatever else a recipe says is what its archive has. */
	for (size_t i = 0; i < ARRAY_LEN(debian); i++) {
		auto_free char *text = xasprintf("image: {distribution: x, architecture: %s}\n"
						 "source: {downloader: debootstrap}\n"
						 "packages: {manager: apt}\nmappings: %s\n",
						 debian[i][0], debian[i][1]);
		auto_recipe struct recipe r = parsed(text);

		assert_string_equal(r.architecture_mapped, debian[i][2]);
		assert_string_equal(r.architecture_debian, debian[i][3]);
	}
	/* Without a map a downloader of many distributions takes the name as it is written. */
	{
		auto_recipe struct recipe r = parsed("image: {distribution: x, architecture: arm64}\n"
						     "source: {downloader: rootfs-http}\n"
						     "packages: {manager: apk}\n");

		assert_string_equal(r.architecture_mapped, "arm64");
	}
}

static void architecture_of_this_host(void **state)
{
	const struct architecture *host = architecture_of_host();

	(void)state;
	assert_non_null(host);
	assert_ptr_equal(architecture_find(host->name), host);
	assert_null(architecture_find("pdp11"));
	assert_string_equal(architecture_nearest("amd46"), "amd64");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(expansion),
		cmocka_unit_test(expansion_mistakes),
		cmocka_unit_test(expansion_bomb),
		cmocka_unit_test(architectures),
		cmocka_unit_test(architecture_of_this_host),
	};

	return cmocka_run_group_tests_name("recipe, names and templates", tests, NULL, NULL);
}
