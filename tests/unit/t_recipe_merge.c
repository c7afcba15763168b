/* SPDX-License-Identifier: Apache-2.0 */
/* The rule by which one file is laid over another, case by case; and trees as YAML that reads back the same. */
#include "unit/nodes.h"
#include "unit/recipe.h"

#include "base/limits.h"
#include "recipe/emit.h"
#include "recipe/merge.h"

static struct node *tree_of(struct arena *arena, const char *file, const char *text)
{
	struct node *root = NULL;
	struct error e = ERROR_INIT;

	if (yaml_read(arena, file, text_of(text), &root, &e) < 0)
		fail_msg("%s", e.text);
	return root;
}

/* What yaml_emit() prints, without its comments. */
static char *emitted(const struct node *root)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_buffer struct buffer clean = BUFFER_INIT;
	struct text rest;

	yaml_emit(root, &out);
	rest = (struct text) { out.data, out.len };
	while (rest.ptr && rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		const char *comment = memmem(line.ptr, line.len, "  # ", 4);

		buffer_add(&clean, line.ptr, comment ? (size_t)(comment - line.ptr) : line.len);
		buffer_addc(&clean, '\n');
	}
	return buffer_take(&clean);
}

static int merge_texts(struct arena *arena, const char *below, const char *above, struct node **out,
		       struct error *e)
{
	struct merger merger = { .arena = arena };
	struct node *beneath = below ? tree_of(arena, "base.yaml", below) : NULL;

	return merge_over(&merger, beneath, tree_of(arena, "top.yaml", above), out, e);
}

struct rule {
	const char *name;
	const char *below;
	const char *above;
	const char *merged; /* or NULL, and then: */
	const char *error;
};

static const struct rule rules[] = {
	{ "mappings keep the keys of both", "a: 1\nb: {c: 2}", "b: {d: 3}\ne: 4",
	  "a: 1\n\nb:\n  c: 2\n  d: 3\n\ne: 4\n", NULL },
	{ "text: the nearer one", "a: base", "a: top", "a: top\n", NULL },
	{ "lists: entries of both, the nearer last", "l: [a, b]", "l: [c, a]", "l:\n- a\n- b\n- c\n- a\n",
	  NULL },
	{ "entries that are mappings are not merged", "l: [{name: x, a: 1}]", "l: [{name: x, b: 2}]",
	  "l:\n- name: x\n  a: 1\n- name: x\n  b: 2\n", NULL },
	{ "nothing over a text says nothing", "a: base", "a:", "a: base\n", NULL },
	{ "nothing over a list says nothing", "a: [x]", "a: ~", "a:\n- x\n", NULL },
	{ "nothing over a mapping says nothing", "a: {b: 1}", "a: null", "a:\n  b: 1\n", NULL },
	{ "anything over nothing", "a:", "a: [x]", "a:\n- x\n", NULL },
	{ "an empty list adds nothing", "a: [x]", "a: []", "a:\n- x\n", NULL },
	{ "an empty text is a text", "a: x", "a: ''", "a: \"\"\n", NULL },
	{ "another kind of value", "a: [x]", "\n a: x", NULL,
	  "top.yaml:2:5: text cannot be merged with a list from base.yaml:1 ('!replace' takes this one "
	  "instead)" },
	{ "a list over a mapping", "a: {b: 1}", "a: [x]", NULL,
	  "top.yaml:1:4: a list cannot be merged with a mapping from base.yaml:1 ('!replace' takes this one "
	  "instead)" },
	{ "a replaced list", "l: [a, b]", "l: !replace [c]", "l:\n- c\n", NULL },
	{ "a list replaced by nothing", "l: [a, b]", "l: !replace []", "l: []\n", NULL },
	{ "a replaced mapping", "m: {a: 1, b: 2}", "m: !replace {c: 3}", "m:\n  c: 3\n", NULL },
	{ "replaced by another kind", "m: {a: 1}", "m: !replace text", "m: text\n", NULL },
	{ "a replaced text", "m: a", "m: !replace b", "m: b\n", NULL },
	{ "replaced by no value", "m: a", "m: !replace", "m: ~\n", NULL },
	{ "replacing what is not there", "m: a", "k: !replace b", "m: a\n\nk: b\n", NULL },
	{ "replacing deep below", "m: {k: {o: [a]}}", "m: {k: {o: !replace [b]}}",
	  "m:\n  k:\n    o:\n    - b\n", NULL },
	{ "a removed text", "a: 1\nb: 2", "a: !remove", "b: 2\n", NULL },
	{ "a removed mapping", "a: {c: 1}\nb: 2", "a: !remove ~", "b: 2\n", NULL },
	{ "removing deep below", "m: {a: 1, b: 2}", "m: {b: !remove }", "m:\n  a: 1\n", NULL },
	{ "a removal with a value", "a: 1", "a: !remove 1", NULL,
	  "top.yaml:1:4: 'a: !remove' takes no value: it takes the key away ('!replace' sets one)" },
	{ "removing what is not there", "a: 1", "b: !remove", NULL,
	  "top.yaml:1:4: there is no 'b' beneath to be removed" },
	{ "removing where nothing is beneath", NULL, "b: !remove", NULL,
	  "top.yaml:1:4: there is no 'b' beneath to be removed" },
	{ "a removed entry", "l: [a, b, a, c]", "l: [!remove a, d]", "l:\n- b\n- c\n- d\n", NULL },
	{ "an entry removed by some of its keys", "l: [{p: /a, m: 1}, {p: /b, m: 1}]", "l: [!remove {p: /a}]",
	  "l:\n- p: /b\n  m: 1\n", NULL },
	{ "by a list inside", "l: [{p: [a, b]}, {p: [a]}]", "l: [!remove {p: [a]}]",
	  "l:\n- p:\n  - a\n  - b\n", NULL },
	{ "by a mapping inside", "l: [{t: {x: 1, y: 2}}, {t: {x: 2}}]", "l: [!remove {t: {y: 2}}]",
	  "l:\n- t:\n    x: 2\n", NULL },
	{ "by every key", "l: [{p: a, q: b}]", "l: [!remove {p: a, q: c}]", NULL,
	  "top.yaml:1:5: no entry beneath is there to be removed: none is like this one" },
	{ "only what is beneath is removed", "l: [x]", "l: [a, !remove a]", NULL,
	  "top.yaml:1:8: no entry beneath is there to be removed: none is like this one" },
	{ "removing nothing at all", "l: [x]", "l: [!remove ]", NULL,
	  "top.yaml:1:5: '!remove' in a list needs what the entry to be removed is like" },
	{ "a replaced entry", "l: [{path: /a, m: 1}, {path: /b}, {path: /c}]",
	  "l: [{path: /d}, !replace {path: /b, m: 2}]",
	  "l:\n- path: /a\n  m: 1\n- path: /b\n  m: 2\n- path: /c\n- path: /d\n", NULL },
	{ "by name and path", "l: [{name: x, path: /a}, {name: x, path: /b}]",
	  "l: [!replace {path: /b, name: x, m: 2}]",
	  "l:\n- name: x\n  path: /a\n- path: /b\n  name: x\n  m: 2\n", NULL },
	{ "by key", "v: [{key: A, value: 1}, {key: B, value: 2}]", "v: [!replace {key: A, value: 3}]",
	  "v:\n- key: A\n  value: 3\n- key: B\n  value: 2\n", NULL },
	{ "several at once become one", "l: [{path: /a, m: 1}, {path: /b}, {path: /a, m: 2}]",
	  "l: [!replace {path: /a}]", "l:\n- path: /a\n- path: /b\n", NULL },
	{ "a replaced entry that is not there", "l: [{path: /a}]", "l: [!replace {path: /b}]", NULL,
	  "top.yaml:1:5: no entry beneath is there to be replaced: none has the same 'name', 'path' and "
	  "'key'" },
	{ "a replaced entry without a name", "l: [{x: 1}]", "l: [!replace {x: 2}]", NULL,
	  "top.yaml:1:5: '!replace' in a list is for entries that have a 'name', 'path' or 'key' ('!remove' "
	  "takes "
	  "any away)" },
	{ "a replaced text in a list", "l: [x]", "l: [!replace x]", NULL,
	  "top.yaml:1:5: '!replace' in a list is for entries that have a 'name', 'path' or 'key' ('!remove' "
	  "takes "
	  "any away)" },
	{ "a removal inside an entry", "l: [{a: 1}]", "l: [{a: !remove }]", NULL,
	  "top.yaml:1:9: there is no 'a' beneath to be removed" },
	{ "the whole file", "a: 1", "!replace\nb: 2", NULL,
	  "top.yaml:1:1: '!replace' is for what a file says, not for the file as a whole" },
	{ "tags wait in the matrix", "a: 1", "matrix: {overrides: [{set: {a: !remove , l: !replace [x]}}]}",
	  "a: 1\n\nmatrix:\n  overrides:\n  - set:\n      a: !remove\n      l: !replace\n      - x\n", NULL },
	{ "but not everywhere in it", "a: 1", "matrix: {exclude: !remove }", NULL,
	  "top.yaml:1:19: there is no 'exclude' beneath to be removed" },
	{ "and not elsewhere", "a: 1", "b: {overrides: [{set: {a: !remove }}]}", NULL,
	  "top.yaml:1:27: there is no 'a' beneath to be removed" },
};

static void every_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		AUTO(arena_release) struct arena arena = ARENA_INIT;
		struct node *merged = NULL;
		struct error e = ERROR_INIT;
		auto_free char *text = NULL;
		int result = merge_texts(&arena, rules[i].below, rules[i].above, &merged, &e);

		text = result == 0 ? emitted(merged) : xstrdup(e.text);
		if ((result == 0) != (rules[i].merged != NULL) ||
		    strcmp(text, rules[i].merged ? rules[i].merged : rules[i].error) != 0)
			fail_msg("%s: %s", rules[i].name, text);
		if (result < 0)
			assert_int_equal(e.kind, ERROR_RECIPE);
	}
}

static void values_keep_their_places(void **state)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	struct node *merged = NULL;
	struct error e = ERROR_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;

	(void)state;
	assert_int_equal(merge_texts(&arena, "a: 1\nb: 2\nl: [x]", "\nb: 3\nl:\n- y\n", &merged, &e), 0);
	yaml_emit(merged, &out);
	assert_string_equal(out.data, "a: 1  # base.yaml:1\n\nb: 3  # top.yaml:2\n\nl:\n- x  # base.yaml:3\n"
				      "- y  # top.yaml:4\n");
}

static void neither_tree_is_changed(void **state)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	struct node *below = tree_of(&arena, "base.yaml", "l: &l [a, b]\nm: {k: *l, o: 1}");
	struct node *above = tree_of(&arena, "top.yaml", "l: [!remove a]\nm: {k: [c], o: !remove }");
	struct merger merger = { .arena = &arena };
	struct node *merged = NULL;
	struct error e = ERROR_INIT;
	auto_free char *before = emitted(below);
	auto_free char *after = NULL;
	auto_free char *text = NULL;

	(void)state;
	assert_int_equal(merge_over(&merger, below, above, &merged, &e), 0);
	after = emitted(below);
	text = emitted(merged);
	assert_string_equal(before, after);
	assert_string_equal(text, "l:\n- b\n\nm:\n  k:\n  - a\n  - b\n  - c\n");
}

static void orders_are_bounded(void **state)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_buffer struct buffer below = BUFFER_INIT;
	auto_buffer struct buffer above = BUFFER_INIT;
	struct node *merged = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	buffer_adds(&below, "l:\n");
	buffer_adds(&above, "l:\n");
	for (int i = 0; i < 1001; i++) {
		buffer_addf(&below, "- %d\n", i);
		buffer_addf(&above, "- !remove %d\n", i);
	}
	assert_int_equal(merge_texts(&arena, below.data, above.data, &merged, &e), -1);
	assert_string_equal(e.text,
			    "top.yaml:1002:3: more than 1000 entries of lists are to be replaced or removed");
	buffer_reset(&above);
	buffer_adds(&above, "l:\n- !remove\n  p: [0");
	for (int i = 0; i < 100; i++)
		buffer_addf(&above, ", %d", i);
	buffer_adds(&above, "]\n");
	assert_int_equal(merge_texts(&arena, below.data, above.data, &merged, &e), -1);
	assert_string_equal(e.text,
			    "top.yaml:2:3: '!remove' needs no more than what tells the entry from others "
			    "(100 values at most)");
}

static void wrong_tags(void **state)
{
	static const char *const cases[][2] = {
		{ "!remove a: 1", "x.yaml:1:1: a tag stands before the value, behind the key: 'a: !remove'" },
		{ "a: !delete",
		  "x.yaml:1:4: '!delete' is a tag of YAML; a word that begins with '!' needs quotes" },
		{ "a: !Replace [x]", "x.yaml:1:4: the tag '!Replace' has no meaning here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(arena_release) struct arena arena = ARENA_INIT;
		struct node *root = NULL;
		struct error e = ERROR_INIT;

		assert_int_equal(yaml_read(&arena, "x.yaml", text_of(cases[i][0]), &root, &e), -1);
		assert_string_equal(e.text, cases[i][1]);
	}
}

/* Texts as people and attackers write them. */
static void what_is_printed_reads_back(void **state)
{
	static const char *const texts[] = {
		"a: plain text",
		"a: 'yes'\nb: yes\nc: '1'\nd: 1\ne: 'null'\nf: null\ng: '~'\nh: ''\ni: 'No'\nj: '0x1F'\nk: "
		"3.10\nl: '-'",
		"a: \"two\\nlines\"",
		"a: |\n  one\n  two\n",
		"a: |-\n  one\n\n  two",
		"a: |+\n  one\n\n\nb: x",
		"a: |-\n  #!/bin/sh -eu\n  echo \"x\" 'y' \\\\ # comment\n  \tdone  ",
		"a: |2-\n    indented first\n  then not",
		"a: \"\\n\"\nb: \"\\n\\nx\"\nc: \" x\"\nd: \"x \"\ne: \"\\tx\"",
		"a: \"tab\\there\"\nb: \"bell\\x07\"\nc: \"nel\\N ls\\L ps\\P bom\\uFEFF del\\x7f\"",
		"a: 'x: y'\nb: 'x #y'\nc: 'x:'\nd: '#x'\ne: '- x'\nf: '[x]'\ng: '{{ image.release }}'\nh: "
		"'*x'\ni: '&x'",
		"a: '!x'\nb: '%x'\nc: '@x'\nd: '`x'\ne: '? x'\nf: '| x'\ng: '> x'\nh: \"it's "
		"\\\"both\\\"\"\ni: '...'",
		"'a b': 1\n'': 2\n'yes': 3\n'x: y': 4\n\"n\\nl\": 5\n'#': 6\n'- x': 7",
		"a: []\nb: {}\nc: [[], {}, [[x]], ~]\nd: [[a, b], [c]]\ne: [{a: [{b: c}]}]",
		"a: \"\\xe4\\u20ac\\U0001F600\"\nb: ä€😀",
		"matrix: {overrides: [{set: {a: !remove , b: !replace x, c: !replace [y], d: !replace {e: "
		"f}, g: "
		"[!remove x, !remove {h: i}, !replace {name: j}], k: !replace , l: !replace '', m: !replace "
		"\"1\\n2\"}}]}",
		"a: deb http://ftp.debian.org/debian bookworm main\nb: /etc/motd\nc: _x\nd: .x\ne: "
		"20260101T000000Z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(arena_release) struct arena arena = ARENA_INIT;
		struct node *root = tree_of(&arena, "x.yaml", texts[i]);
		struct node *again = NULL;
		auto_buffer struct buffer out = BUFFER_INIT;
		struct error e = ERROR_INIT;

		yaml_emit(root, &out);
		if (yaml_read(&arena, "y.yaml", (struct text) { out.data, out.len }, &again, &e) < 0)
			fail_msg("%s\n%s", e.text, out.data);
		if (!nodes_are_equal(root, again))
			fail_msg("not the same: %s", out.data);
	}
}

/* A value without quotes may be more than text. */
static void what_is_printed_keeps_its_quotes(void **state)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	struct node *root =
		tree_of(&arena, "x.yaml", "a: 'yes'\nb: yes\nc: \"1\"\nd: 1\ne: 'word'\nf: 'null'\ng: 'y'");
	auto_free char *text = emitted(root);

	(void)state;
	assert_string_equal(
		text, "a: \"yes\"\n\nb: yes\n\nc: \"1\"\n\nd: 1\n\ne: word\n\nf: \"null\"\n\ng: \"y\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule),
		cmocka_unit_test(values_keep_their_places),
		cmocka_unit_test(neither_tree_is_changed),
		cmocka_unit_test(orders_are_bounded),
		cmocka_unit_test(wrong_tags),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(what_is_printed_keeps_its_quotes),
	};

	return cmocka_run_group_tests_name("recipe merge", tests, NULL, NULL);
}
