/* SPDX-License-Identifier: Apache-2.0 */
/* What LXD's and Incus' own code does with each of these was read there: getImageMetadata(), templateApplyNow(). */
#include "unit/unit.h"

#include "image/metadata.h"

#define HEAD "architecture: x86_64\ncreation_date: 1700000000\n"
#define ASKED \
	"properties: {architecture: amd64, description: d, os: debian, release: bookworm, variant: " \
	"default}\n"
#define WELL HEAD ASKED

static void collect(void *context, enum metadata_level level, unsigned line, unsigned column,
		    const char *message)
{
	buffer_addf(context, "%s%u:%u: %s\n", level == METADATA_NOTE ? "note " : "", line, column, message);
}

/* All that is said of TEXT, one a line. */
static char *said(const char *text, size_t len)
{
	auto_metadata struct metadata metadata = METADATA_INIT;
	auto_buffer struct buffer words = BUFFER_INIT;

	metadata_examine((struct text) { text, len }, collect, &words, &metadata);
	return buffer_take(&words);
}

static const struct {
	const char *text;
	const char *said;
} cases[] = {
	{ WELL, "" },
	{ WELL "expiry_date: 1800000000\ntemplates: {}\n", "" },
	{ WELL "expiry_date: ~\ntemplates:\n", "" },
	/* The file. */
	{ "", "0:0: it is empty\n" },
	{ "# only a remark\n", "0:0: it is empty\n" },
	{ "words\n", "1:1: it must be a mapping, and is a text\n" },
	{ "[1, 2]\n", "1:1: it must be a mapping, and is a list\n" },
	{ "a: [\n", "2:1: not valid YAML: did not find expected node content\n" },
	{ "a: *b\n", "1:4: not valid YAML: found undefined alias\n" },
	{ WELL "---\n" HEAD, "5:1: a second document, which no daemon reads\n" },
	{ WELL "[x]: y\n", "4:1: a key of it must be a text, and is a list\n" },
	{ WELL "serial: x\n", "note 4:1: no daemon reads 'serial'\n" },
	{ WELL "architecture: x86_64\n", "4:1: duplicate key 'architecture' in it\n" },
	/* Mandatory keys. */
	{ ASKED, "1:1: 'architecture' is missing\n1:1: 'creation_date' is missing\n" },
	{ "architecture: pdp11\ncreation_date: 1\n" ASKED,
	  "1:15: the architecture 'pdp11' is known to neither daemon\n" },
	{ "architecture: [x86_64]\ncreation_date: 1\n" ASKED,
	  "1:15: 'architecture' must be a text, and is a list\n" },
	{ "architecture: x86_64_v3\ncreation_date: 1\n" ASKED,
	  "note 1:15: the architecture 'x86_64_v3' is known to Incus alone\n" },
	{ "architecture: x86_64\ncreation_date: 0\n" ASKED,
	  "2:16: 'creation_date' is 0, which the daemons take for a missing one\n" },
	{ "architecture: x86_64\ncreation_date: '1700000000'\n" ASKED,
	  "2:16: 'creation_date' must be a number without quotes\n" },
	{ "architecture: x86_64\ncreation_date: -5\n" ASKED,
	  "2:16: 'creation_date' is no number of seconds since 1970: '-5'\n" },
	{ "architecture: x86_64\ncreation_date: 2023-11-14\n" ASKED,
	  "2:16: 'creation_date' is no number of seconds since 1970: '2023-11-14'\n" },
	{ "architecture: x86_64\ncreation_date: 99999999999999999999\n" ASKED,
	  "2:16: 'creation_date' is no number of seconds since 1970: '99999999999999999999'\n" },
	{ WELL "expiry_date: [1]\n", "4:14: 'expiry_date' must be a number, and is a list\n" },
	{ WELL "expiry_date: 1600000000\n",
	  "1:1: the image expires before it is made: 'expiry_date' is not above 'creation_date'\n" },
	/* Properties. */
	{ HEAD "properties: {architecture: a, description: b, os: c, variant: d}\n",
	  "note 1:1: the property 'release' is missing, which incus-simplestreams asks for\n" },
	{ HEAD "properties: [a]\n"
	       "",
	  "3:13: 'properties' must be a mapping, and is a list\n"
	  "note 1:1: the property 'architecture' is missing, which incus-simplestreams asks for\n"
	  "note 1:1: the property 'description' is missing, which incus-simplestreams asks for\n"
	  "note 1:1: the property 'os' is missing, which incus-simplestreams asks for\n"
	  "note 1:1: the property 'release' is missing, which incus-simplestreams asks for\n"
	  "note 1:1: the property 'variant' is missing, which incus-simplestreams asks for\n" },
	{ HEAD "properties: {architecture: a, description: b, os: c, variant: d, release: 12.10}\n",
	  "note 3:75: 'release' in 'properties' is no text to every reader; write \"12.10\"\n" },
	{ HEAD "properties: {architecture: a, description: b, os: c, variant: {}, release: '12'}\n",
	  "3:63: 'variant' in 'properties' must be a text, and is a mapping\n"
	  "note 1:1: the property 'variant' is missing, which incus-simplestreams asks for\n" },
	{ HEAD "properties: {architecture: a, description: b, os: c, variant: d, release: ~}\n",
	  "note 3:75: 'release' in 'properties' has no value; write \"\"\n" },
	/* Templates. */
	{ WELL "templates:\n  /etc/hostname: {when: [create, copy], template: hostname.tpl}\n", "" },
	{ WELL "templates:\n  /etc/hostname: {when: [start, rename], create_only: true, template: a,\n"
	       "    properties: {k: v}, uid: '0', gid: 5, mode: 0640}\n",
	  "" },
	{ WELL "templates: [a]\n", "4:12: 'templates' must be a mapping, and is a list\n" },
	{ WELL "templates:\n  /etc/x:\n", "5:10: the template '/etc/x' must be a mapping, and is nothing\n" },
	{ WELL "templates:\n  /etc/x: {when: [create]}\n", "5:3: 'template' of '/etc/x' is missing\n" },
	{ WELL "templates:\n  /etc/x: {template: a}\n",
	  "note 5:3: 'when' of '/etc/x' is empty: it is never written\n" },
	{ WELL "templates:\n  /etc/x: {template: a, when: create}\n",
	  "5:31: 'when' must be a list, and is a text\nnote 5:3: 'when' of '/etc/x' is empty: it is never "
	  "written\n" },
	{ WELL "templates:\n  /etc/x: {template: a, when: [boot]}\n",
	  "5:32: 'boot' in 'when' is none of create, copy, start, rename\n" },
	{ WELL "templates:\n  /etc/x: {template: ../a, when: [copy]}\n",
	  "5:22: 'template' is no bare file name of templates/: '../a'\n" },
	{ WELL "templates:\n  /etc/x: {template: '', when: [copy]}\n",
	  "5:22: 'template' is no bare file name of templates/: ''\n" },
	{ WELL "templates:\n  /etc/x: {template: .., when: [copy]}\n",
	  "5:22: 'template' is no bare file name of templates/: '..'\n" },
	{ WELL "templates:\n  /etc/../../x: {template: a, when: [copy]}\n",
	  "5:3: the path of a template leads upwards: '/etc/../../x'\n" },
	{ WELL "templates:\n  /: {template: a, when: [copy]}\n",
	  "5:3: the path of a template names no file: '/'\n" },
	{ WELL "templates:\n  etc/x: {template: a, when: [copy]}\n",
	  "note 5:3: the path of a template does not begin with '/': 'etc/x'\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], mode: 4755}\n",
	  "5:41: 'mode' is no octal number of three digits, or with a 0 in front: '4755'\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], mode: '888'}\n",
	  "5:41: 'mode' is no octal number of three digits, or with a 0 in front: '888'\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], uid: root}\n",
	  "5:40: 'uid' is no number of a user: 'root'\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], gid: 4294967295}\n",
	  "5:40: 'gid' is no number of a group: '4294967295'\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], create_only: maybe}\n",
	  "5:48: 'create_only' must be true or false\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], create_only: yes}\n",
	  "note 5:48: 'create_only': 'yes' means true or false to some readers only\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], owner: me}\n",
	  "note 5:35: no daemon reads 'owner' of a template\n" },
	{ WELL "templates:\n  /x: {template: a, when: [copy], properties: {k: [v]}}\n",
	  "5:51: 'k' in 'properties' of a template must be a text, and is a list\n" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *words = said(cases[i].text, strlen(cases[i].text));

		if (strcmp(words, cases[i].said) != 0)
			print_error("case %zu of:\n%s", i, cases[i].text);
		assert_string_equal(words, cases[i].said);
	}
}

static void test_values(void **state)
{
	auto_metadata struct metadata metadata = METADATA_INIT;
	struct error e = ERROR_INIT;
	static const char text[] =
		WELL "templates:\n  /etc/hostname:\n    when: [create, copy]\n"
		     "    create_only: true\n    template: h.tpl\n    mode: 600\n"
		     "    properties: {a: b}\n  /etc/hosts: {template: h2.tpl, when: [start]}\n";

	(void)state;
	assert_int_equal(metadata_read(text_of(text), &metadata, &e), 0);
	assert_string_equal(metadata.architecture, "x86_64");
	assert_int_equal(metadata.creation_date, 1700000000);
	assert_int_equal(metadata.expiry_date, 0);
	assert_string_equal(metadata_property(&metadata.properties, "os"), "debian");
	assert_null(metadata_property(&metadata.properties, "nothing"));
	assert_int_equal(metadata.template_count, 2);
	assert_string_equal(metadata.templates[0].path, "/etc/hostname");
	assert_string_equal(metadata.templates[0].name, "h.tpl");
	assert_int_equal(metadata.templates[0].when_count, 2);
	assert_true(metadata.templates[0].create_only);
	assert_string_equal(metadata.templates[0].mode, "600");
	assert_string_equal(metadata.templates[0].properties.items[0].value, "b");
	assert_int_equal(metadata.templates[1].line, 11);
	assert_false(metadata.templates[1].create_only);
}

static void test_first(void **state)
{
	struct metadata metadata = METADATA_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(metadata_read(TEXT("serial: x\nproperties: []\ntemplates: []\n"), &metadata, &e),
			 -1);
	assert_int_equal(e.kind, ERROR_FORMAT);
	assert_string_equal(e.text, "metadata.yaml:2:13: 'properties' must be a mapping, and is a list");
	assert_null(metadata.arena.blocks);
}

/* What is small on paper and large, or slow, when read. */
static void test_limits(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *words = NULL;

	(void)state;
	buffer_adds(&text, "properties: &p {");
	for (int i = 0; i < 1000; i++)
		buffer_addf(&text, "k%d: v, ", i);
	buffer_adds(&text, "}\ntemplates:\n");
	for (int i = 0; i < 1000; i++)
		buffer_addf(&text, "  /t%d: {template: a, when: [copy], properties: *p}\n", i);
	words = said(text.data, text.len);
	assert_non_null(strstr(words, "more than 100000 values, aliases written out"));

	buffer_reset(&text);
	for (int i = 0; i < 500000; i++)
		buffer_adds(&text, "[");
	free(words);
	words = said(text.data, text.len);
	assert_string_equal(words, "1:33: nested deeper than 32 levels\n");

	buffer_reset(&text);
	for (int i = 0; i < 80000; i++)
		buffer_addf(&text, "- &a%d x\n", i);
	free(words);
	words = said(text.data, text.len);
	assert_string_equal(words, "1001:3: more than 1000 anchors\n");

	buffer_reset(&text);
	for (int i = 0; i < 60000; i++)
		buffer_addf(&text, "%%TAG !%d! a\n", i);
	free(words);
	words = said(text.data, text.len);
	assert_string_equal(words, "0:0: it has hundreds of YAML directives\n");

	buffer_reset(&text);
	while (text.len <= METADATA_TEXT_MAX)
		buffer_adds(&text, "# a remark\n");
	free(words);
	words = said(text.data, text.len);
	assert_string_equal(words, "0:0: it has more than the 1 MiB that the daemons read\n");

	free(words);
	words = said("a\0b: c\n", 7);
	assert_non_null(strstr(words, "not valid YAML: "));
	free(words);
	words = said("\"a\\0b\": c\n", 10);
	assert_non_null(strstr(words, "a key of it has a NUL character in it\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
