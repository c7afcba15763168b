/* SPDX-License-Identifier: Apache-2.0 */
/* Package sources, and the environment of scripts. */
#include "unit/ground.h"

static const struct place here = { "x.yaml", 30, 5 };

static int write_repositories(struct ground *ground, struct repository *repositories, size_t count,
			      struct error *e)
{
	for (size_t i = 0; i < count; i++)
		repositories[i].place = repositories[i].url_place = here;
	ground->recipe.packages.repositories = repositories;
	ground->recipe.packages.repository_count = count;
	return deb_customize_repositories(&ground->site, e);
}

#define WRITE(ground, repositories) \
	do { \
		struct error write_error_ = ERROR_INIT; \
		if (write_repositories((ground), (repositories), ARRAY_LEN(repositories), &write_error_) < \
		    0) \
			fail_msg("%s", write_error_.text); \
	} while (0)

static void blank_lines(void **state)
{
	struct ground *ground = ground_of(state);
	struct repository repositories[] = {
		{ .name = "sources.list",
		  .url = "deb http://a {{ image.release }} main\n"
			 "{% if image.release == \"sid\" %}deb http://b x main{% endif %}\n"
			 "{% if image.release != \"sid\" %}deb http://c {{ image.release }}-updates main{% "
			 "endif %}\n"
			 "{% if image.release == \"buster\" %}deb http://d x main{% endif %}\n" },
		{ .name = "spaced",
		  .url = "# one\ndeb http://e x main\n\n\n# two\ndeb http://f x main  \r\n\n" },
		{ .name = "stanza.sources",
		  .url = "Types: deb\n{% if image.release == \"sid\" %}Trusted: yes{% endif %}\nURIs: "
			 "http://g\n" },
		{ .name = "stanza.sources", .url = "Types: deb\nURIs: http://h" },
		{ .name = "spaced.list", .url = "deb http://i x main" },
		{ .name = "nothing",
		  .url = "{% if image.release == \"sid\" %}deb http://j x main{% endif %}" },
	};

	WRITE(ground, repositories);
	ground_expect(ground, "/etc/apt/sources.list",
		      "deb http://a bookworm main\ndeb http://c bookworm-updates main\n");
	ground_expect(ground, "/etc/apt/sources.list.d/spaced.list",
		      "# one\ndeb http://e x main\n\n# two\ndeb http://f x main\ndeb http://i x main\n");
	ground_expect(ground, "/etc/apt/sources.list.d/stanza.sources",
		      "Types: deb\nURIs: http://g\n\nTypes: deb\nURIs: http://h\n");
	assert_false(ground_has(ground, "/etc/apt/sources.list.d/nothing.list"));
	assert_int_equal(ground_stat(ground, "/etc/apt/sources.list").st_mode & 07777, 0644);
}

static void source_line(void **state)
{
	static const char *components[] = { "main", "contrib" };
	struct ground *ground = ground_of(state);
	struct repository others[] = { { .name = "extra", .url = "deb http://e x main" } };

	ground->recipe.source = (struct recipe_source) { .url = "http://ftp.example/{{ image.release }}",
							 .suite = "stable",
							 .components = { components, 2 },
							 .place = here,
							 .url_place = here };
	ground_put(ground, "/etc/apt/sources.list", "what was there before\n");
	WRITE(ground, others);
	ground_expect(ground, "/etc/apt/sources.list",
		      "deb http://ftp.example/bookworm stable main contrib\n");
	ground_expect(ground, "/etc/apt/sources.list.d/extra.list", "deb http://e x main\n");
	ground->recipe.source.suite = NULL;
	ground->recipe.source.components.count = 0;
	WRITE(ground, others);
	ground_expect(ground, "/etc/apt/sources.list", "deb http://ftp.example/bookworm bookworm main\n");
}

static void keys(void **state)
{
	struct ground *ground = ground_of(state);
	struct repository repositories[] = {
		{ .name = "sources.list", .url = "deb http://a x main" },
		{ .name = "extra",
		  .url = "deb http://e x main",
		  .key = "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx\n-----END PGP PUBLIC KEY BLOCK-----" },
	};
	struct error e = ERROR_INIT;

	WRITE(ground, repositories);
	ground_expect(ground, "/etc/apt/trusted.gpg.d/extra.asc",
		      "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx\n-----END PGP PUBLIC KEY BLOCK-----\n");
	assert_false(ground_has(ground, "/etc/apt/trusted.gpg.d/sources.list.asc"));
	repositories[1].key = "0x4D64FEC119C2029067D6E791F8D2585B8783D481";
	assert_int_equal(write_repositories(ground, repositories, 2, &e), -1);
	assert_int_equal(e.kind, ERROR_UNSUPPORTED);
	assert_true(is_prefix(e.text, "x.yaml:30:5: repository 'extra': "));
}

static void wrong_names(void **state)
{
	static const char *const names[] = { "../x", "a/b", "", ".hidden", "a b", "ä", NULL };
	struct ground *ground = ground_of(state);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct repository repository[] = { { .name = "sources.list", .url = "deb http://a x main" },
						   { .name = names[i], .url = "deb http://e x main" } };
		struct error e = ERROR_INIT;

		assert_int_equal(write_repositories(ground, repository, 2, &e), -1);
		assert_int_equal(e.kind, ERROR_RECIPE);
		assert_true(is_prefix(e.text, "x.yaml:30:5: repository name '"));
	}
	assert_false(ground_has(ground, "/etc"));
}

static void hostile_root(void **state)
{
	struct ground *ground = ground_of(state);
	struct repository repositories[] = { { .name = "sources.list", .url = "deb http://a x main" } };
	struct error e = ERROR_INIT;

	assert_int_equal(mkdirat(ground->root_fd, "etc", 0755), 0);
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "etc/apt"), 0);
	assert_int_equal(write_repositories(ground, repositories, 1, &e), -1);
	ground_outside_is_untouched(ground);
}

static void free_environment(char **environment)
{
	for (char **variable = environment; *variable; variable++)
		free(*variable);
	free(environment);
}

/* The value of KEY, or NULL; *place receives its position. */
/* What apt reads of a key, in a root that has an apt of that version. */
static void keys_for_old_apt(void **state)
{
	static const struct {
		const char *status;
		bool armour;
	} cases[] = {
		{ "Package: apt\nStatus: install ok installed\nVersion: 0.8.16~exp12ubuntu10\n", false },
		{ "Package: aptitude\nVersion: 0.6\n\nVersion: 1.0.1ubuntu2\nPackage: apt\n", false },
		{ "Package: apt\nVersion: 1.4~beta1\n", false },
		{ "Package: apt\nVersion: 1.4\n", true },
		{ "Package: apt\nVersion: 2.6.1\n", true },
		{ "Package: aptitude\nVersion: 0.6\n", true },
	};
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;

	assert_int_equal(root_make_dirs(ground->root_fd, "/var/lib/dpkg", 0755, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct repository repositories[] = {
			{ .name = "sources.list", .url = "deb http://a x main" },
			{ .name = "extra",
			  .url = "deb http://b x main",
			  .key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxgNhYmM=\n"
				 "-----END PGP PUBLIC KEY BLOCK-----\n" }
		};

		assert_int_equal(
			root_write_text(ground->root_fd, "/var/lib/dpkg/status", cases[i].status, &e), 0);
		WRITE(ground, repositories);
		assert_int_equal(ground_has(ground, "/etc/apt/trusted.gpg.d/extra.asc"), cases[i].armour);
		assert_int_equal(ground_has(ground, "/etc/apt/trusted.gpg.d/extra.gpg"), !cases[i].armour);
		if (!cases[i].armour)
			ground_expect(ground, "/etc/apt/trusted.gpg.d/extra.gpg",
				      "\xc6\x03"
				      "abc");
		assert_int_equal(root_empty_dir(ground->root_fd, "/etc/apt/trusted.gpg.d", &e), 0);
	}
}

static const char *value_of(char **environment, const char *key, size_t *place)
{
	size_t len = strlen(key);

	for (size_t i = 0; environment[i]; i++) {
		if (strncmp(environment[i], key, len) != 0 || environment[i][len] != '=')
			continue;
		*place = i;
		return environment[i] + len + 1;
	}
	return NULL;
}

static void environment_defaults(void **state)
{
	struct environment_variable own[] = { { .key = "TERM", .value = "dumb" },
					      { .key = "PROXY", .value = "a=b" },
					      { .key = "PROXY", .value = "c" },
					      { .key = "EMPTY" } };
	struct recipe recipe = { .environment = { .variables = own, .variable_count = ARRAY_LEN(own) } };
	char **environment = customize_environment(&recipe, 1700000000);
	size_t path = 99;
	size_t term = 99;
	size_t proxy = 0;
	size_t empty = 0;
	size_t epoch = 99;

	(void)state;
	assert_string_equal(value_of(environment, "PATH", &path),
			    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_string_equal(value_of(environment, "TERM", &term), "dumb");
	assert_string_equal(value_of(environment, "PROXY", &proxy), "c");
	assert_string_equal(value_of(environment, "EMPTY", &empty), "");
	assert_string_equal(value_of(environment, "SOURCE_DATE_EPOCH", &epoch), "1700000000");
	assert_string_equal(value_of(environment, "DEBIAN_FRONTEND", &term), "noninteractive");
	assert_null(value_of(environment, "TZ", &term));
	assert_true(path == 0 && epoch < proxy && empty == proxy + 1);
	assert_null(environment[empty + 1]);
	free_environment(environment);
}

static void environment_cleared(void **state)
{
	struct environment_variable own[] = { { .key = "PATH", .value = "/bin" } };
	struct recipe recipe = { .environment = {
					 .clear_defaults = true, .variables = own, .variable_count = 1 } };
	char **environment = customize_environment(&recipe, 5);

	(void)state;
	assert_string_equal(environment[0], "SOURCE_DATE_EPOCH=5");
	assert_string_equal(environment[1], "PATH=/bin");
	assert_null(environment[2]);
	free_environment(environment);
}

#define GROUND_TEST(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GROUND_TEST(blank_lines),
		GROUND_TEST(source_line),
		GROUND_TEST(keys),
		GROUND_TEST(keys_for_old_apt),
		GROUND_TEST(wrong_names),
		GROUND_TEST(hostile_root),
		cmocka_unit_test(environment_defaults),
		cmocka_unit_test(environment_cleared),
	};

	return cmocka_run_group_tests_name("customize deb", tests, NULL, NULL);
}
