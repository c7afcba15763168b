/* SPDX-License-Identifier: Apache-2.0 */
/* The images that a recipe is for, and what its matrix sets for each. */
#include "unit/recipe.h"

#include "base/limits.h"
#include "recipe/yaml.h"

/* Without a release and an architecture of its own. */
#define HEAD \
	"image: {distribution: debian}\n" \
	"source: {downloader: debootstrap, url: 'http://deb.example.org/debian', components: [main]}\n" \
	"packages: {manager: apt, sets: [{action: install, packages: [init]}]}\n"

static const char full[] = HEAD "matrix:\n"
				"  release: [bookworm, trixie]\n"
				"  architecture: [x86_64, arm64]\n"
				"  variant: [default, cloud]\n"
				"  exclude:\n"
				"  - {releases: [bookworm], variants: [cloud]}\n"
				"  - {architectures: [arm64], variants: [cloud]}\n"
				"  overrides:\n"
				"  - variants: [cloud]\n"
				"    set:\n"
				"      image: {expiry: 7d}\n"
				"      packages: {sets: [{action: install, packages: [cloud-init]}]}\n"
				"  - releases: [trixie]\n"
				"    set: {source: {components: !replace [main, contrib]}}\n"
				"  - variants: [cloud]\n"
				"    set: {image: {expiry: 8d}}\n";

static char *names_of(const struct recipe_cell *cells, size_t count)
{
	auto_buffer struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < count; i++)
		buffer_addf(&names, "%s%s", i ? " " : "", cells[i].name);
	return buffer_take(&names);
}

static void expect_cells(const char *text, const char *names)
{
	auto_recipe struct recipe recipe = parsed(text);
	struct recipe_cell *cells = NULL;
	size_t count = 0;
	struct error e = ERROR_INIT;
	auto_free char *found = NULL;

	if (recipe_cells(&recipe, &cells, &count, &e) < 0)
		fail_msg("%s", e.text);
	found = names_of(cells, count);
	assert_string_equal(found, names);
}

static void cells(void **state)
{
	(void)state;
	expect_cells(full, "bookworm-amd64-default bookworm-arm64-default trixie-amd64-default "
			   "trixie-amd64-cloud trixie-arm64-default");
	/* What is not an axis is as the image says. */
	expect_cells(LEAST, "bookworm-amd64-default");
	expect_cells(LEAST "matrix: {variant: [a, b]}\n", "bookworm-amd64-a bookworm-amd64-b");
	expect_cells(LEAST "matrix: {variant: one}\n", "bookworm-amd64-one");
	expect_cells(LEAST "matrix: {}\n", "bookworm-amd64-default");
	expect_cells(LEAST "matrix:\n", "bookworm-amd64-default");
	expect_cells(LEAST "matrix: {type: [container, vm]}\n",
		     "bookworm-amd64-default bookworm-amd64-default-vm");
	expect_cells(LEAST "matrix: {type: [container, vm], exclude: [{types: [container]}]}\n",
		     "bookworm-amd64-default-vm");
	/* Only filters that fit all of what they say. */
	expect_cells(LEAST "matrix: {release: [a, b], exclude: [{releases: [a], variants: [x]}]}\n",
		     "a-amd64-default b-amd64-default");
	expect_cells("mappings: {architectures: {x86_64: amd64v3}}\n" LEAST
		     "matrix: {exclude: [{architectures: [amd64]}]}\n",
		     "bookworm-amd64v3-default");
}

static void fields_of_a_cell(void **state)
{
	auto_recipe struct recipe recipe = parsed(full);
	struct recipe_cell *found = NULL;
	size_t count = 0;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(recipe_cells(&recipe, &found, &count, &e), 0);
	assert_int_equal(count, 5);
	assert_string_equal(found[1].release, "bookworm");
	assert_string_equal(found[1].architecture, "arm64");
	assert_string_equal(found[1].architecture_mapped, "arm64");
	assert_string_equal(found[2].architecture, "x86_64");
	assert_string_equal(found[2].architecture_mapped, "amd64");
	assert_string_equal(found[3].variant, "cloud");
	assert_string_equal(found[3].type, "container");
	assert_int_equal(found[3].variant_place.line, 7);
}

static struct recipe of_cell(const char *text, size_t index, const char *const *options, size_t count)
{
	auto_recipe struct recipe whole = parsed(text);
	struct recipe recipe = RECIPE_INIT;
	struct recipe_cell *found = NULL;
	size_t cell_count = 0;
	struct recipe_options all = { .path = "dir/x.yaml", .overrides = options, .override_count = count };
	struct error e = ERROR_INIT;

	assert_int_equal(recipe_cells(&whole, &found, &cell_count, &e), 0);
	assert_true(index < cell_count);
	all.cell = &found[index];
	if (recipe_parse(text, strlen(text), &all, &recipe, &e) < 0)
		fail_msg("%s", e.text);
	return recipe; /* which must not need what WHOLE has */
}

static void what_a_cell_sets(void **state)
{
	auto_recipe struct recipe plain = of_cell(full, 1, NULL, 0);
	auto_recipe struct recipe cloud = of_cell(full, 3, NULL, 0);

	(void)state;
	assert_string_equal(plain.image.release, "bookworm");
	assert_string_equal(plain.architecture, "aarch64");
	assert_string_equal(plain.image.variant, "default");
	assert_string_equal(plain.image.expiry, "30d");
	assert_int_equal(plain.packages.set_count, 1);
	assert_int_equal(plain.source.components.count, 1);
	assert_string_equal(cloud.image.release, "trixie");
	assert_string_equal(cloud.source.suite, "trixie");
	assert_string_equal(cloud.image.variant, "cloud");
	assert_int_equal(cloud.packages.set_count, 2);
	assert_string_equal(cloud.packages.sets[1].names[0].text, "cloud-init");
	assert_int_equal(cloud.packages.sets[1].place.line, 15);
	assert_int_equal(cloud.source.components.count, 2);
	/* The later of two. */
	assert_string_equal(cloud.image.expiry, "8d");
	/* Of one image there is no matrix any more. */
	assert_false(cloud.matrix.given);
	assert_null(node_find(cloud.tree, "matrix"));
	assert_non_null(node_find(node_find(cloud.tree, "image")->value, "release"));
}

static void options_go_above(void **state)
{
	static const char *const options[] = { "image.expiry=1d", "packages.sets.1.packages.0=vim" };
	auto_recipe struct recipe cloud = of_cell(full, 3, options, 2);

	(void)state;
	assert_string_equal(cloud.image.expiry, "1d");
	assert_string_equal(cloud.packages.sets[1].names[0].text, "vim");
}

/* Without a cell: what the image says, or the command line, or the first of its axis. */
static void the_image_by_itself(void **state)
{
	static const char *const options[] = { "image.release=trixie", "image.variant=cloud",
					       "image.architecture=amd64" };
	static const char *const elsewhere[] = { "image.release=sid", "image.architecture=s390x" };
	auto_recipe struct recipe first = parsed(full);
	auto_recipe struct recipe said = parsed("image: {release: trixie, distribution: debian}\n"
						"source: {downloader: debootstrap}\n"
						"packages: {manager: apt}\n"
						"matrix: {release: [bookworm, trixie], variant: [x, y]}\n");
	auto_recipe struct recipe chosen = RECIPE_INIT;
	auto_recipe struct recipe outside = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_string_equal(first.image.release, "bookworm");
	assert_string_equal(first.image.variant, "default");
	assert_true(strcmp(first.architecture, "x86_64") == 0 || strcmp(first.architecture, "aarch64") == 0);
	assert_true(first.matrix.given);
	assert_null(node_find(node_find(first.tree, "image")->value, "release"));
	assert_string_equal(said.image.release, "trixie");
	assert_string_equal(said.image.variant, "x");
	assert_int_equal(parse_with(full, options, 3, &chosen, &e), 0);
	assert_string_equal(chosen.image.expiry, "8d");
	assert_int_equal(chosen.packages.set_count, 2);
	assert_int_equal(chosen.source.components.count, 2);
	/* The tree is what `kiln show` prints, and would be merged again. */
	assert_int_equal(node_find(node_find(chosen.tree, "packages")->value, "sets")->value->count, 1);
	/* Images beside the matrix can be built too. */
	assert_int_equal(parse_with(full, elsewhere, 2, &outside, &e), 0);
	assert_string_equal(outside.image.release, "sid");
	assert_string_equal(outside.architecture, "s390x");
	assert_int_equal(outside.packages.set_count, 1);
}

static void refused(void **state)
{
	static const char *const cases[][2] = {
		{ LEAST "matrix: {releases: [a]}\n",
		  "dir/x.yaml:10:10: unknown key 'releases' in 'matrix' (did you mean 'release'?)" },
		{ LEAST "matrix: [a]\n", "dir/x.yaml:10:9: 'matrix' must be a mapping, not a list" },
		{ LEAST "matrix: {release: {a: b}}\n",
		  "dir/x.yaml:10:19: 'matrix.release' must be text or a list, not a mapping" },
		{ LEAST "matrix: {release: [a/b]}\n", "dir/x.yaml:10:20: 'matrix.release[0]' must be "
						      "letters, digits and any of . _ + ~ -, not 'a/b'" },
		{ LEAST "matrix: {variant: ['..']}\n", "dir/x.yaml:10:20: 'matrix.variant[0]' must be "
						       "letters, digits and any of . _ + ~ -, not '..'" },
		{ LEAST "matrix: {variant: ['a,b']}\n", "dir/x.yaml:10:20: 'matrix.variant[0]' must be "
							"letters, digits and any of . _ + ~ -, not 'a,b'" },
		{ LEAST "matrix: {type: [cart]}\n",
		  "dir/x.yaml:10:17: unknown word 'cart' in 'matrix.type[0]' (one of: container, vm)" },
		{ LEAST "matrix: {release: [a, b, a]}\n",
		  "dir/x.yaml:10:26: 'a' stands twice in 'matrix.release'" },
		{ LEAST "matrix: {architecture: [amd64, x86_64]}\n",
		  "dir/x.yaml:10:32: two images of the matrix are called 'bookworm-amd64-default'" },
		{ LEAST "matrix: {architecture: [amd64, vax]}\n",
		  "dir/x.yaml:10:32: unknown architecture 'vax'" },
		{ LEAST "matrix: {exclude: [{releases: [bookworm]}]}\n",
		  "dir/x.yaml:10:9: the matrix leaves no image" },
		{ LEAST "matrix: {exclude: [{release: a}]}\n",
		  "dir/x.yaml:10:21: unknown key 'release' in 'matrix.exclude[0]' (did you mean "
		  "'releases'?)" },
		{ LEAST "matrix: {overrides: [{releases: [a]}]}\n",
		  "dir/x.yaml:10:22: missing key 'set' in 'matrix.overrides[0]'" },
		{ LEAST "matrix: {overrides: [{set: [a]}]}\n",
		  "dir/x.yaml:10:28: 'matrix.overrides[0].set' must be a mapping, not a list" },
		{ LEAST "matrix: {overrides: [{set: {image: {expiri: 1d}}}]}\n",
		  "dir/x.yaml:10:37: unknown key 'expiri' in 'matrix.overrides[0].set.image' (did you mean "
		  "'expiry'?)" },
		{ LEAST "matrix: {overrides: [{releases: [x], set: {packages: {sets: x}}}]}\n",
		  "dir/x.yaml:10:61: 'matrix.overrides[0].set.packages.sets' must be a list, not 'x'" },
		{ LEAST "matrix: {overrides: [{set: {matrix: {}}}]}\n",
		  "dir/x.yaml:10:29: 'matrix' does not belong into 'matrix.overrides[0].set'" },
		{ LEAST "matrix: {overrides: [{set: {include: x}}]}\n",
		  "dir/x.yaml:10:29: 'include' does not belong into 'matrix.overrides[0].set'" },
		{ LEAST "matrix: {overrides: [{set: {image: {release: x}}}]}\n",
		  "dir/x.yaml:10:37: 'matrix.overrides[0].set.image' cannot set 'release', by which it was "
		  "chosen" },
		{ LEAST "matrix: {overrides: [{set: {source: {same_as: !remove }}}]}\n",
		  "dir/x.yaml:10:47: there is no 'same_as' beneath to be removed" },
		{ LEAST "matrix: {overrides: [{set: {packages: !replace {cleanup: true}}}]}\n",
		  "dir/x.yaml:10:39: missing key 'manager' in 'packages' (or 'custom_manager')" },
		{ LEAST "include: y.yaml\n", "dir/x.yaml:10:1: 'include' is for recipes that are files" },
		{ "extends: y.yaml\n" LEAST, "dir/x.yaml:1:1: 'extends' is for recipes that are files" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_recipe struct recipe recipe = RECIPE_INIT;
		struct recipe_cell *found = NULL;
		size_t count = 0;
		struct error e = ERROR_INIT;

		if (parse_with(cases[i][0], NULL, 0, &recipe, &e) == 0 &&
		    recipe_cells(&recipe, &found, &count, &e) == 0)
			fail_msg("not refused: %s", cases[i][0]);
		assert_string_equal(e.text, cases[i][1]);
		assert_int_equal(e.kind, ERROR_RECIPE);
	}
}

/* An override that is not for this image is checked all the same, and a type that is not built is said where. */
static void types(void **state)
{
	auto_recipe struct recipe recipe =
		parsed(LEAST "matrix: {type: [vm]}\nfiles:\n- {generator: dump, path: /a, types: [vm]}\n"
			     "- {generator: dump, path: /b, types: [container]}\n");
	struct error e = ERROR_INIT;

	(void)state;
	assert_string_equal(recipe.type, "vm");
	assert_int_equal(recipe_select(&recipe, &e), -1);
	assert_int_equal(e.kind, ERROR_UNSUPPORTED);
	assert_string_equal(
		e.text,
		"dir/x.yaml:2:3: not supported yet: images of type 'vm' (this version builds: container)");
	assert_int_equal(recipe.file_count, 1);
	assert_string_equal(recipe.files[0].path, "/a");
}

static void too_many(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_recipe struct recipe recipe = RECIPE_INIT;
	struct recipe_cell *found = NULL;
	size_t count = 0;
	struct error e = ERROR_INIT;
	auto_free char *message =
		xasprintf("dir/x.yaml:10:9: a matrix of more than %d images", LIMIT_RECIPE_MATRIX);

	(void)state;
	buffer_adds(&text, LEAST "matrix: {release: [r0");
	for (int i = 1; i <= LIMIT_RECIPE_MATRIX; i++)
		buffer_addf(&text, ", r%d", i);
	buffer_adds(&text, "]}\n");
	assert_int_equal(parse_with(text.data, NULL, 0, &recipe, &e), 0);
	assert_int_equal(recipe_cells(&recipe, &found, &count, &e), -1);
	assert_string_equal(e.text, message);
	recipe_release(&recipe);
	buffer_cut(&text, text.len - 2);
	buffer_adds(&text, ", variant: [v0");
	for (int i = 1; i < 20; i++)
		buffer_addf(&text, ", v%d", i);
	buffer_adds(&text, "]}\n");
	assert_int_equal(parse_with(text.data, NULL, 0, &recipe, &e), 0);
	assert_int_equal(recipe_cells(&recipe, &found, &count, &e), -1);
	assert_string_equal(e.text, "dir/x.yaml:10:9: a matrix of 20020 combinations");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells),
		cmocka_unit_test(fields_of_a_cell),
		cmocka_unit_test(what_a_cell_sets),
		cmocka_unit_test(options_go_above),
		cmocka_unit_test(the_image_by_itself),
		cmocka_unit_test(refused),
		cmocka_unit_test(types),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests_name("recipe matrix", tests, NULL, NULL);
}
