/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where definitions of the field depend on how distrobuilder reads them: one test for each rule, named by it. Booleans
 * and the text of scalars are in t_recipe.c. kiln-recipe(5) lists where the two differ.
 */
#include "unit/recipe.h"

#include "recipe/steps.h"

static char *expanded(const struct recipe *recipe, const char *text)
{
	struct place place = { .file = "x.yaml" };
	struct error e = ERROR_INIT;
	char *out = NULL;

	if (recipe_expand(recipe, text, &place, &out, &e) < 0)
		fail_msg("%s", e.text);
	return out;
}

/* A mode keeps its digits, whether or not YAML 1.1 takes them for an octal number; counts are counted by it. */
static void octal_numbers(void **state)
{
	auto_recipe struct recipe r = parsed(LEAST "files:\n"
						   "- {generator: dump, path: /a, mode: 0644, uid: 010}\n"
						   "- {generator: dump, path: /b, mode: \"0644\"}\n"
						   "- {generator: dump, path: /c, mode: 644}\n"
						   "targets:\n"
						   "  lxc:\n"
						   "    config:\n"
						   "    - {type: all, before: 010, after: 0x1F}\n"
						   "    - {type: all, before: 0b101, after: 1_0}\n");

	(void)state;
	assert_string_equal(r.files[0].mode, "0644");
	assert_string_equal(r.files[0].uid, "010");
	assert_string_equal(r.files[1].mode, "0644");
	assert_string_equal(r.files[2].mode, "644");
	assert_int_equal(r.targets.lxc_configs[0].before, 8);
	assert_int_equal(r.targets.lxc_configs[0].after, 31);
	assert_int_equal(r.targets.lxc_configs[1].before, 5);
	assert_int_equal(r.targets.lxc_configs[1].after, 10);
}

/* A release is what is written, not the number that YAML sees: 3.20 is not 3.2. */
static void numbers_as_names(void **state)
{
	auto_recipe struct recipe r =
		selected("image: {distribution: x, release: 3.20, architecture: amd64}\n"
			 "source: {downloader: debootstrap, url: u}\n"
			 "packages: {manager: apt}\n"
			 "files:\n"
			 "- {generator: hosts, path: /a, releases: [3.2]}\n"
			 "- {generator: hosts, path: /b, releases: [3.20]}\n"
			 "- {generator: hosts, path: /c, releases: ['3.20']}\n");

	(void)state;
	assert_int_equal(r.file_count, 2);
	assert_string_equal(r.files[0].path, "/b");
	assert_string_equal(r.files[1].path, "/c");
}

/* Words of YAML 1.1 for a boolean are text where text is wanted. */
static void boolean_words_as_text(void **state)
{
	auto_recipe struct recipe r = selected(LEAST "environment:\n"
						     "  variables:\n"
						     "  - {key: A, value: on}\n"
						     "  - {key: B, value: yes, variants: [default, off]}\n"
						     "  - {key: C, value: ~}\n");

	(void)state;
	assert_int_equal(r.environment.variable_count, 3);
	assert_string_equal(r.environment.variables[0].value, "on");
	assert_string_equal(r.environment.variables[1].value, "yes");
	assert_null(r.environment.variables[2].value);
}

/* Double quotes know escapes, single quotes only their own; a block knows none. */
static void escapes(void **state)
{
	auto_recipe struct recipe r =
		parsed(LEAST "files:\n"
			     "- {generator: dump, path: /a, content: \"a\\tb\\n\\x41\\\\n\"}\n"
			     "- {generator: dump, path: /b, content: 'a\\tb''s'}\n"
			     "- generator: dump\n"
			     "  path: /c\n"
			     "  content: |-\n"
			     "    a\\tb \"c\" 'd'\n"
			     "     e\n");

	(void)state;
	assert_string_equal(r.files[0].content, "a\tb\nA\\n");
	assert_string_equal(r.files[1].content, "a\\tb's");
	assert_string_equal(r.files[2].content, "a\\tb \"c\" 'd'\n e");
}

/* pongo2 would write &lt; for '<'; definitions are expanded with that switched off. */
static void nothing_is_escaped_for_html(void **state)
{
	auto_recipe struct recipe r =
		parsed("image: {distribution: x, release: r, architecture: amd64, variant: \"<a & 'b'>\"}\n"
		       "source: {downloader: debootstrap, url: u}\n"
		       "packages: {manager: apt}\n");
	auto_free char *text =
		expanded(&r, "{{ image.variant }} \"&\" {% if image.variant != \"x\" %}<{% endif %}");

	(void)state;
	assert_string_equal(text, "<a & 'b'> \"&\" <");
}

static void templated_url(void **state)
{
	static const char text[] = "image: {distribution: x, release: r, architecture: aarch64}\n"
				   "source:\n"
				   "  downloader: debootstrap\n"
				   "  url: https://example.org/{{ image.release }}/{% if image.architecture "
				   "== \"aarch64\" %}arm{% else "
				   "%}other{% endif %}\n"
				   "packages: {manager: apt}\n";
	static const char *const option[] = { "image.architecture=amd64" };
	auto_recipe struct recipe r = parsed(text);
	auto_recipe struct recipe other = RECIPE_INIT;
	auto_free char *url = expanded(&r, r.source.url);
	auto_free char *other_url = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	assert_string_equal(url, "https://example.org/r/arm");
	assert_int_equal(parse_with(text, option, 1, &other, &e), 0);
	other_url = expanded(&other, other.source.url);
	assert_string_equal(other_url, "https://example.org/r/other");
}

/* Templates in values that templates use, as image.name and image.description have them. */
static void nested_templates(void **state)
{
	auto_recipe struct recipe r = parsed("image:\n"
					     "  distribution: x\n"
					     "  release: r\n"
					     "  architecture: amd64\n"
					     "  serial: s\n"
					     "  name: '{{ image.distribution }}-{{ image.serial }}'\n"
					     "  description: About {{ image.name }}\n"
					     "source: {downloader: debootstrap, url: u}\n"
					     "packages: {manager: apt}\n");
	auto_free char *text = expanded(&r, "{{ image.description }}.");

	(void)state;
	assert_string_equal(text, "About x-s.");
}

static const char key_block[] =
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nAA==\\n-----END PGP PUBLIC KEY BLOCK-----";

/* source.keys and the keys of repositories are templates, too: here of which key, or of what it is. */
static void templated_keys(void **state)
{
	auto_free char *text = xasprintf(
		"image: {distribution: x, release: new, architecture: amd64}\n"
		"source:\n"
		"  downloader: debootstrap\n"
		"  url: u\n"
		"  keys:\n"
		"  - \"{%% if image.release == 'old' %%}0x1234567890ABCDEF{%% else %%}%s{%% endif %%}\"\n"
		"packages:\n"
		"  manager: apt\n"
		"  repositories:\n"
		"  - name: r\n"
		"    url: ''\n"
		"    key: \"{%% if image.release != 'old' %%}%s{%% endif %%}\"\n",
		key_block, key_block);
	char path[] = "/tmp/kiln-reading.XXXXXX";
	int fd = mkstemp(path);
	static const char *const old[] = { "image.release=old" };
	struct recipe_options options = { .path = path };
	auto_recipe struct recipe r = RECIPE_INIT;
	auto_recipe struct recipe other = RECIPE_INIT;
	struct error e = ERROR_INIT;
	int loaded;
	int loaded_old;

	(void)state;
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	loaded = recipe_load(&options, &r, &e);
	options.overrides = old;
	options.override_count = 1;
	loaded_old = recipe_load(&options, &other, &e);
	unlink(path);
	assert_string_equal(e.text, "");
	assert_int_equal(loaded, 0);
	assert_int_equal(loaded_old, 0);
	assert_int_equal(r.source.key_count, 1);
	assert_true(is_prefix(r.source.keys[0].data, "-----BEGIN PGP PUBLIC"));
	assert_true(is_prefix(r.packages.repositories[0].key, "-----BEGIN PGP PUBLIC"));
	/* The other branch is a fingerprint, and there no key at all. */
	assert_null(other.source.keys[0].data);
	assert_string_equal(other.source.keys[0].text, "0x1234567890ABCDEF");
	assert_string_equal(other.packages.repositories[0].key, "");
}

static void assert_sets(const char *sets, const char *expected)
{
	auto_free char *text = xasprintf(LEAST "  sets:\n%s", sets);
	auto_recipe struct recipe r = parsed(text);
	auto_recipe_steps struct recipe_steps steps = RECIPE_STEPS_INIT;
	auto_buffer struct buffer said = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (recipe_filter(&r, &e) < 0 || recipe_steps(&r, &steps, &e) < 0)
		fail_msg("%s", e.text);
	for (size_t i = 2; i < steps.count; i++)
		buffer_addf(&said, "%s%s: %s", i > 2 ? "; " : "", steps.items[i].kind, steps.items[i].detail);
	assert_string_equal(said.data, expected);
}

/* Sets in a row that do the same with the same flags are one call of the manager; what does not apply is no gap. */
static void consecutive_sets(void **state)
{
	(void)state;
	assert_sets("  - {action: install, packages: [a, b]}\n"
		    "  - {action: install, packages: [c]}\n"
		    "  - {action: remove, packages: [d]}\n"
		    "  - {action: install, packages: [e]}\n",
		    "install: a b c; remove: d; install: e");
	assert_sets("  - {action: install, packages: [a]}\n"
		    "  - {action: remove, packages: [x], releases: [sid]}\n"
		    "  - {action: install, packages: [b]}\n",
		    "install: a b");
	assert_sets("  - {action: install, packages: [a]}\n"
		    "  - {action: install, packages: [b], flags: [-t, x]}\n"
		    "  - {action: install, packages: [c], flags: [-t, x]}\n"
		    "  - {action: install, packages: [d]}\n",
		    "install: a; install: -t x b c; install: d");
	/* Early ones are taken out first, and leave no gap either. */
	assert_sets("  - {action: install, packages: [a]}\n"
		    "  - {action: install, packages: [b], early: true}\n"
		    "  - {action: install, packages: [c]}\n"
		    "  - {action: install, packages: [d], early: true}\n",
		    "early: b d; install: a c");
}

/* -o KEY=VALUE: the first '=' ends the key; booleans as Go reads them, beside those of YAML. */
static void options(void **state)
{
	static const char *const set[] = {
		"source.url=http://x/?a=b&c=d",
		"packages.update=1",
		"packages.cleanup=T",
		"image.variant=yes",
		"packages.sets.0.action=remove",
		"packages.sets[1].early=true",
		"image.release=3.10",
	};
	static const char *const unset[] = { "packages.update=0", "packages.cleanup=f" };
	static const char text[] = LEAST "  update: true\n"
					 "  sets:\n"
					 "  - {action: install, packages: [a]}\n"
					 "  - {action: install, packages: [b]}\n";
	auto_recipe struct recipe r = RECIPE_INIT;
	auto_recipe struct recipe other = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(parse_with(text, set, ARRAY_LEN(set), &r, &e), 0);
	assert_string_equal(r.source.url, "http://x/?a=b&c=d");
	assert_true(r.packages.update);
	assert_true(r.packages.cleanup);
	assert_string_equal(r.image.variant, "yes");
	assert_string_equal(r.image.release, "3.10");
	assert_int_equal(r.packages.sets[0].action, SET_REMOVE);
	assert_true(r.packages.sets[1].early);
	assert_int_equal(parse_with(text, unset, 2, &other, &e), 0);
	assert_false(other.packages.update);
	assert_false(other.packages.cleanup);
	/* In a file these are no booleans. */
	assert_int_equal(parse_with(LEAST "  update: 1\n", NULL, 0, &other, &e), -1);
}

/* What an option sets applies before anything else is worked out: defaults, filters, names of architectures. */
static void options_come_first(void **state)
{
	static const char *const set[] = { "image.architecture=armhf",
					   "mappings.architecture_map=alpinelinux" };
	auto_recipe struct recipe r = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(parse_with(LEAST, set, 2, &r, &e), 0);
	assert_string_equal(r.architecture, "armv7l");
	assert_string_equal(r.architecture_mapped, "armv7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octal_numbers),
		cmocka_unit_test(numbers_as_names),
		cmocka_unit_test(boolean_words_as_text),
		cmocka_unit_test(escapes),
		cmocka_unit_test(nothing_is_escaped_for_html),
		cmocka_unit_test(templated_url),
		cmocka_unit_test(nested_templates),
		cmocka_unit_test(templated_keys),
		cmocka_unit_test(consecutive_sets),
		cmocka_unit_test(options),
		cmocka_unit_test(options_come_first),
	};

	return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
