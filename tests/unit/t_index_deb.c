/* SPDX-License-Identifier: Apache-2.0 */
/* From the recipe's words to the archives that are asked. */
#include "unit/unit.h"

#include "unit/recipe.h"

#include "base/file.h"
#include "index/index.h"

#define REPOSITORY(name, lines) \
	"  repositories:\n" \
	"  - name: " name "\n" \
	"    url: |-\n" lines

static int addresses_of(const char *text, char ***addresses, size_t *count, struct error *e)
{
	auto_recipe struct recipe recipe = selected(text);

	*e = ERROR_INIT;
	return deb_index_addresses(&recipe, addresses, count, e);
}

static void assert_addresses(const char *text, const char *const *expected, size_t expected_count)
{
	char **addresses = NULL;
	size_t count = 0;
	struct error e;

	if (addresses_of(text, &addresses, &count, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(count, expected_count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(addresses[i], expected[i]);
	names_free(addresses, count);
}

static void main_archive_comes_first(void **state)
{
	static const char *const main_only[] = { "https://deb.example.org/debian" };
	static const char *const three[] = { "https://deb.example.org/debian", "http://a/bookworm",
					     "http://security/amd64" };
	static const char *const deb822[] = { "https://deb.example.org/debian", "http://a/", "http://b/" };

	(void)state;
	assert_addresses(LEAST, main_only, ARRAY_LEN(main_only));
	assert_addresses(
		LEAST REPOSITORY("sources.list",
				 "      # a comment\n"
				 "      deb http://a/{{ image.release }} bookworm main\n"
				 "      deb-src http://a/ bookworm main\n"
				 "      deb http://security/{{ image.architecture_mapped }} s main\n"),
		three, ARRAY_LEN(three));
	assert_addresses(LEAST REPOSITORY("debian.sources", "      Types: deb\n"
							    "      URIs: http://a/ http://b/\n"
							    "      Suites: x\n"
							    "      Components: main\n"),
			 deb822, ARRAY_LEN(deb822));
}

static void places_of_mistakes(void **state)
{
	static const struct {
		const char *text;
		enum error_kind kind;
		const char *words;
	} cases[] = {
		{ LEAST REPOSITORY("sources.list",
				   "      deb http://a/ s main\n      dep http://a/ s main\n"),
		  ERROR_RECIPE, "repository 'sources.list', line 2: 'dep' where" },
		{ LEAST REPOSITORY("x.list", "      deb http://a/ ./\n"), ERROR_UNSUPPORTED,
		  "repository 'x.list', line 1: flat repositories" },
		{ LEAST REPOSITORY("x.list", "      deb [trusted=yes] http://a/ s main\n"), ERROR_UNSUPPORTED,
		  "every archive must be signed" },
		{ LEAST REPOSITORY("x.sources", "      Types: deb\n      Suites: s\n"), ERROR_RECIPE,
		  "repository 'x.sources', line 1: a stanza needs" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char **addresses;
		size_t count;
		struct error e;

		if (addresses_of(cases[i].text, &addresses, &count, &e) == 0)
			fail_msg("%zu passes", i);
		if (e.kind != cases[i].kind || !strstr(e.text, cases[i].words) ||
		    !is_prefix(e.text, "dir/x.yaml:"))
			fail_msg("%zu: kind %d, %s", i, e.kind, e.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_archive_comes_first),
		cmocka_unit_test(places_of_mistakes),
	};

	return cmocka_run_group_tests_name("index deb", tests, NULL, NULL);
}
