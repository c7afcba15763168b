/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: names, patterns, bounds and negation, for every image they may meet; and the order of releases. */
#include "unit/recipe.h"

#include "base/text.h"
#include "recipe/cells.h"
#include "recipe/filter.h"
#include "recipe/release.h"

/* Whether an entry with this filter, "releases: […]", is there in that image. */
static bool applies(const char *filter, const char *distribution, const char *release, const char *variant)
{
	auto_free char *text =
		xasprintf("image: {distribution: %s, release: '%s', variant: %s, architecture: amd64}\n"
			  "source: {downloader: debootstrap, url: 'http://x/'}\n"
			  "packages: {manager: apt}\n"
			  "files:\n"
			  "- {generator: remove, path: /x, %s}\n",
			  distribution, release, variant, filter);
	auto_recipe struct recipe recipe = parsed(text);
	struct error e = ERROR_INIT;

	if (recipe_filter(&recipe, &e) < 0)
		fail_msg("%s", e.text);
	return recipe.file_count == 1;
}

static void releases(void **state)
{
	static const struct {
		const char *filter;
		const char *distribution;
		const char *in;  /* releases that are admitted */
		const char *out; /* and that are not */
	} rows[] = {
		{ "releases: []", "debian", "sid bookworm x", "" },
		{ "releases: [bookworm, sid]", "debian", "bookworm sid", "trixie Bookworm bookworm-x" },
		{ "releases: ['!buster']", "debian", "bookworm sid whatever", "buster" },
		{ "releases: ['! buster', '!stretch']", "debian", "bookworm", "buster stretch" },
		{ "releases: ['b*']", "debian", "bookworm buster bullseye", "sid trixie" },
		{ "releases: ['b*', '!buster', sid]", "debian", "bookworm bullseye sid", "buster trixie" },
		{ "releases: ['!b*']", "debian", "sid trixie", "bookworm buster" },
		{ "releases: ['[!b]*']", "debian", "sid trixie", "bookworm" },
		{ "releases: ['?-Stream']", "centos", "8-Stream 9-Stream", "7 10-Stream" },
		/* A name and a number of the same release are the same. */
		{ "releases: ['>=12']", "debian", "bookworm trixie sid 12 13", "bullseye buster 11 9" },
		{ "releases: ['>= bookworm']", "debian", "bookworm trixie sid testing 12 13.1",
		  "bullseye 11" },
		{ "releases: ['>bookworm']", "debian", "trixie sid 12.1", "bookworm 12" },
		{ "releases: ['<12']", "debian", "bullseye buster 11", "bookworm 12 sid" },
		{ "releases: ['<=bullseye']", "Debian", "bullseye buster", "bookworm" },
		{ "releases: ['<sid']", "debian", "trixie bookworm", "sid unstable" },
		/* Bounds are a range: all of them hold. Names are beside it. */
		{ "releases: ['>=11', '<13']", "debian", "bullseye bookworm", "buster trixie sid" },
		{ "releases: ['>=11', '<13', sid]", "debian", "bullseye bookworm sid", "buster trixie" },
		{ "releases: ['!buster', '>=12']", "debian", "bookworm trixie sid", "buster bullseye" },
		{ "releases: ['>=10', '!bullseye']", "debian", "buster bookworm sid", "bullseye stretch" },
		{ "releases: ['>=10', '!<12']", "debian", "bookworm trixie", "buster bullseye" },
		{ "releases: ['!>=12']", "debian", "bullseye buster", "bookworm sid" },
		/* Numbers are compared as numbers, and each distribution has names of its own. */
		{ "releases: ['>=3.9']", "alpinelinux", "3.9 3.10 3.21 edge", "3.8 3.1" },
		{ "releases: ['>=22.04']", "ubuntu", "jammy noble oracular 22.04", "focal bionic 20.04" },
		{ "releases: ['<noble']", "ubuntu", "jammy focal", "noble oracular" },
		{ "releases: ['>=9']", "centos", "9-Stream 10-Stream", "8-Stream 7" },
		{ "releases: ['>=4']", "devuan", "chimaera daedalus ceres", "beowulf" },
		{ "releases: ['>=jessie']", "devuan", "jessie ascii beowulf", "0.9" },
		{ "releases: ['<22']", "mint", "virginia vanessa una", "wilma xia" },
		{ "releases: ['>=12']", "derivative", "bookworm trixie", "bullseye" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned out = 0; out < 2; out++) {
			struct text rest = text_of(out ? rows[i].out : rows[i].in);

			for (struct text word = text_word(&rest); word.len; word = text_word(&rest)) {
				auto_free char *release = xstrndup(word.ptr, word.len);

				if (applies(rows[i].filter, rows[i].distribution, release, "default") == out)
					fail_msg("%s, %s %s: %s", rows[i].filter, rows[i].distribution,
						 release, out ? "applies" : "does not apply");
			}
		}
	}
}

static void other_axes(void **state)
{
	(void)state;
	assert_true(applies("variants: ['!cloud']", "debian", "sid", "default"));
	assert_false(applies("variants: ['!cloud']", "debian", "sid", "cloud"));
	assert_true(applies("variants: ['desktop-*']", "debian", "sid", "desktop-kde"));
	assert_false(applies("variants: ['desktop-*', '!desktop-kde']", "debian", "sid", "desktop-kde"));
	assert_true(applies("architectures: ['a*']", "debian", "sid", "default"));
	assert_false(applies("architectures: ['!amd64']", "debian", "sid", "default"));
	assert_true(applies("types: ['!vm']", "debian", "sid", "default"));
	assert_false(applies("types: ['!container']", "debian", "sid", "default"));
	/* Between the lists it is AND. */
	assert_false(applies("releases: ['>=12'], variants: [cloud]", "debian", "sid", "default"));
	assert_true(applies("releases: ['>=12'], variants: [cloud]", "debian", "sid", "cloud"));
	assert_false(applies("releases: ['>=12'], variants: [cloud]", "debian", "buster", "cloud"));
}

static void cannot_be_compared(void **state)
{
	static const char text[] = LEAST "files:\n"
					 "- generator: remove\n"
					 "  path: /x\n"
					 "  releases: ['!sid', '>=12']\n";
	static const char *const option[] = { "image.release=foo" };
	auto_recipe struct recipe recipe = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(parse_with(text, option, 1, &recipe, &e), 0);
	assert_int_equal(recipe_select(&recipe, &e), -1);
	assert_int_equal(e.kind, ERROR_RECIPE);
	assert_string_equal(e.text,
			    "dir/x.yaml:13:13: 'releases: >=12' cannot be decided: of 'foo' only the name "
			    "is known (name the releases instead)");
}

static void mistakes(void **state)
{
	static const struct {
		const char *filter;
		const char *message;
	} rows[] = {
		{ "releases: ['!']",
		  "dir/x.yaml:13:14: '!' in 'files[0].releases[0]' has no name behind its '!'" },
		{ "releases: ['>= ']",
		  "dir/x.yaml:13:14: '>= ' in 'files[0].releases[0]' has no version to compare with" },
		{ "releases: ['>=1*']",
		  "dir/x.yaml:13:14: '>=1*' in 'files[0].releases[0]' compares with a pattern" },
		{ "variants: ['<b']",
		  "dir/x.yaml:13:14: '<b' in 'files[0].variants[0]' compares, which only releases can be" },
		{ "types: ['!cm']",
		  "dir/x.yaml:13:11: unknown word 'cm' in 'files[0].types[0]' (did you mean 'vm'?)" },
		{ "releases: [!buster ]",
		  "dir/x.yaml:13:14: '!buster' is a tag of YAML; a word that begins with '!' needs quotes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *text =
			xasprintf(LEAST "files:\n- generator: remove\n  path: /x\n  %s\n", rows[i].filter);
		auto_recipe struct recipe recipe = RECIPE_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(parse_with(text, NULL, 0, &recipe, &e), -1);
		assert_string_equal(e.text, rows[i].message);
	}
}

/* A list inside an entry of another one is filtered, and so is every list there is: no other table says so. */
static void every_list(void **state)
{
	auto_recipe struct recipe r =
		selected(LEAST "  sets:\n"
			       "  - {action: install, packages: [a], releases: ['!bookworm']}\n"
			       "  repositories:\n"
			       "  - {name: a, url: '', variants: ['!default']}\n"
			       "actions:\n"
			       "- {trigger: post-files, action: '#!/bin/sh', releases: ['<12']}\n"
			       "environment:\n"
			       "  variables:\n"
			       "  - {key: A, value: b, types: [vm]}\n"
			       "targets:\n"
			       "  lxc:\n"
			       "    config:\n"
			       "    - {type: all, content: x, architectures: [arm64]}\n"
			       "    - {type: all, content: y, architectures: ['amd*']}\n");

	(void)state;
	assert_int_equal(r.packages.set_count, 0);
	assert_int_equal(r.packages.repository_count, 0);
	assert_int_equal(r.action_count, 0);
	assert_int_equal(r.environment.variable_count, 0);
	assert_int_equal(r.targets.lxc_config_count, 1);
	assert_string_equal(r.targets.lxc_configs[0].content, "y");
}

static void order_of_releases(void **state)
{
	int order = 0;

	(void)state;
	assert_true(release_compare("ubuntu", "noble", "24.04", &order));
	assert_int_equal(order, 0);
	assert_true(release_compare("fedora", "Rawhide", "42", &order));
	assert_true(order > 0);
	assert_false(release_compare("debian", "bookwrm", "12", &order));
	assert_false(release_is_known("debian", "bookwrm"));
	assert_string_equal(release_nearest("debian", "bookwrm"), "bookworm");
}

static void assert_cells(const char *text, const char *const *options, size_t option_count,
			 const char *expected)
{
	const struct recipe_options all = { .path = "dir/x.yaml",
					    .overrides = options,
					    .override_count = option_count };
	auto_recipe struct recipe recipe = RECIPE_INIT;
	auto_cells struct cells cells = CELLS_INIT;
	auto_buffer struct buffer said = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (recipe_parse(text, strlen(text), &all, &recipe, &e) < 0 ||
	    cells_of(&recipe, &all, &cells, &e) < 0)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < cells.count; i++) {
		for (size_t j = 0; j < cells.items[i].override_count; j++)
			buffer_addf(&said, "%s ", strchr(cells.items[i].overrides[j], '=') + 1);
		buffer_addf(&said, "%s\n", cells.items[i].type);
	}
	assert_string_equal(said.data, expected);
}

/* The images that filters name: plain names alone, and what the recipe says itself. */
static void cells(void **state)
{
	static const char text[] =
		LEAST "files:\n"
		      "- {generator: hosts, path: /a, releases: [trixie, '!sid', 's*', '>=12']}\n"
		      "- {generator: hosts, path: /b, variants: ['!cloud', cloud]}\n"
		      "- {generator: hosts, path: /c, architectures: [arm64, aaarch64]}\n"
		      "- {generator: fstab, types: [vm], releases: [trixie]}\n";
	static const char *const fixed[] = { "image.release=trixie", "image.architecture=arm64" };

	(void)state;
	assert_cells(text, NULL, 0,
		     "bookworm arm64 default container\nbookworm arm64 default vm\n"
		     "bookworm arm64 cloud container\nbookworm arm64 cloud vm\n"
		     "trixie arm64 default container\ntrixie arm64 default vm\n"
		     "trixie arm64 cloud container\ntrixie arm64 cloud vm\n");
	assert_cells(text, fixed, 2, "default container\ndefault vm\ncloud container\ncloud vm\n");
	assert_cells(LEAST, NULL, 0, "bookworm default container\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases),
		cmocka_unit_test(other_axes),
		cmocka_unit_test(cannot_be_compared),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(every_list),
		cmocka_unit_test(order_of_releases),
		cmocka_unit_test(cells),
	};

	return cmocka_run_group_tests_name("filters", tests, NULL, NULL);
}
