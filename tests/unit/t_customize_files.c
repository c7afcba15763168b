/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ground.h"

static const struct place here = { "x.yaml", 7, 3 };

static int run_files(struct ground *ground, struct recipe_file *files, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		if (!files[i].place.file)
			files[i].place = here;
		files[i].content_place = files[i].place;
		/* As the recipe's reader does. */
		files[i].source_folder = ground->recipes;
	}
	ground->recipe.files = files;
	ground->recipe.file_count = count;
	return customize_files(&ground->site, &ground->templates, e);
}

/* One entry that must fail with a text that contains WORDS behind its place. */
static void expect_failure(struct ground *ground, struct recipe_file file, const char *words)
{
	struct error e = ERROR_INIT;

	assert_int_equal(run_files(ground, &file, 1, &e), -1);
	if (!is_prefix(e.text, "x.yaml:7:3: ") || !strstr(e.text, words))
		fail_msg("'%s' does not place and name '%s'", e.text, words);
	assert_null(strchr(e.text, '\n'));
}

#define RUN(ground, files) \
	do { \
		struct error run_error_ = ERROR_INIT; \
		if (run_files((ground), (files), ARRAY_LEN(files), &run_error_) < 0) \
			fail_msg("%s", run_error_.text); \
	} while (0)

static void dump_writes(void **state)
{
	struct ground *ground = ground_of(state);
	struct recipe_file files[] = {
		{ .generator = GENERATOR_DUMP, .path = "/etc/motd", .content = "hello" },
		{ .generator = GENERATOR_DUMP, .path = "/a/b//./c/", .content = "line\n" },
		{ .generator = GENERATOR_DUMP, .path = "/etc/empty" },
		{ .generator = GENERATOR_DUMP, .path = "relative", .content = "x\n\n" },
		{ .generator = GENERATOR_DUMP,
		  .path = "/etc/secret",
		  .content = "s",
		  .mode = "4750",
		  .uid = "17",
		  .gid = "23" },
		{ .generator = GENERATOR_DUMP,
		  .path = "/etc/{{ image.release }}",
		  .content = "on {{ image.release }}",
		  .pongo = true },
		{ .generator = GENERATOR_DUMP, .path = "/etc/raw", .content = "{{ image.release }}" },
	};
	mode_t mask = umask(077);
	struct stat st;

	RUN(ground, files);
	umask(mask);
	ground_expect(ground, "/etc/motd", "hello\n");
	ground_expect(ground, "/a/b/c", "line\n");
	ground_expect(ground, "/etc/empty", "\n");
	ground_expect(ground, "/relative", "x\n\n");
	ground_expect(ground, "/etc/bookworm", "on bookworm\n");
	ground_expect(ground, "/etc/raw", "{{ image.release }}\n");
	st = ground_stat(ground, "/etc/secret");
	assert_int_equal(st.st_mode, S_IFREG | 04750);
	assert_int_equal(st.st_uid, 17);
	assert_int_equal(st.st_gid, 23);
	assert_int_equal(ground_stat(ground, "/etc/motd").st_mode, S_IFREG | 0644);
	assert_int_equal(ground_stat(ground, "/a/b").st_mode, S_IFDIR | 0755);
}

static void dump_keeps_access(void **state)
{
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;
	struct recipe_file files[] = {
		{ .generator = GENERATOR_DUMP, .path = "/etc/sudoers", .content = "new" },
		{ .generator = GENERATOR_DUMP, .path = "/etc/half", .content = "new", .mode = "600" },
	};
	struct stat st;

	ground_put(ground, "/etc/x", "");
	assert_int_equal(root_write(ground->root_fd, "/etc/sudoers", "old", 3, 04440, 5, 6, &e), 0);
	assert_int_equal(root_write(ground->root_fd, "/etc/half", "old", 3, 0440, 5, 6, &e), 0);
	assert_int_equal(linkat(ground->root_fd, "etc/sudoers", ground->root_fd, "other", 0), 0);
	RUN(ground, files);
	st = ground_stat(ground, "/etc/sudoers");
	assert_int_equal(st.st_mode & 07777, 0440);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(ground_stat(ground, "/etc/half").st_mode & 07777, 0600);
	/* A hard link's other name is another file from now on. */
	ground_expect(ground, "/other", "old");
}

static void owner_by_name(void **state)
{
	struct ground *ground = ground_of(state);
	struct recipe_file files[] = {
		{ .generator = GENERATOR_DUMP, .path = "/f", .uid = "app", .gid = "staff" },
	};

	/* Names of the root; the host's root:x:0 must not be asked. */
	ground_put(ground, "/etc/passwd", "root:x:777:0::/:/bin/sh\napplication:x:1::/:\napp:x:1234:5::/:\n");
	ground_put(ground, "/etc/group", "staff:x:50:\n");
	RUN(ground, files);
	assert_int_equal(ground_stat(ground, "/f").st_uid, 1234);
	assert_int_equal(ground_stat(ground, "/f").st_gid, 50);
	files[0].uid = "root";
	RUN(ground, files);
	assert_int_equal(ground_stat(ground, "/f").st_uid, 777);
	expect_failure(ground,
		       (struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/f", .uid = "ap" },
		       "user 'ap' is not in the image's /etc/passwd");
	expect_failure(ground,
		       (struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/f", .gid = "nobody" },
		       "group 'nobody'");
	expect_failure(
		ground,
		(struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/f", .uid = "4294967295" },
		"too large");
}

static void wrong_values(void **state)
{
	static const char *const modes[] = {
		"0855", "rw", "", "10000", "0x1ff", "-1", "77777777777777777777"
	};
	struct ground *ground = ground_of(state);

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		expect_failure(
			ground,
			(struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/f", .mode = modes[i] },
			"mode");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_DUMP }, "'path' is missing");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/a/../../b" },
		       "'..'");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/" }, "itself");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_REMOVE, .path = "/./" },
		       "itself");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_FSTAB, .path = "/etc/fstab" },
		       "not run by this version");
	expect_failure(ground,
		       (struct recipe_file) {
			       .generator = GENERATOR_DUMP, .path = "/f", .content = "{{ ", .pongo = true },
		       "");
	ground_put(ground, "/etc/x", "");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_DUMP, .path = "/etc" },
		       "is a folder");
	assert_false(ground_has(ground, "/f"));
}

static void removes(void **state)
{
	struct ground *ground = ground_of(state);
	struct recipe_file files[] = {
		{ .generator = GENERATOR_REMOVE, .path = "/gone/" },
		{ .generator = GENERATOR_REMOVE, .path = "/link" },
		{ .generator = GENERATOR_REMOVE, .path = "/never/was" },
	};

	ground_put(ground, "/gone/a/b/c", "x");
	ground_put(ground, "/kept/d", "x");
	assert_int_equal(symlinkat("kept", ground->root_fd, "link"), 0);
	RUN(ground, files);
	assert_false(ground_has(ground, "/gone"));
	assert_false(ground_has(ground, "/link"));
	assert_true(ground_has(ground, "/kept/d"));
}

/* Links planted in the root that lead out of it. */
static void hostile_root(void **state)
{
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;
	struct recipe_file dump = { .generator = GENERATOR_DUMP, .path = "/etc/witness", .content = "x" };
	struct recipe_file upward = { .generator = GENERATOR_DUMP, .path = "/up/witness", .content = "x" };
	struct recipe_file through = { .generator = GENERATOR_DUMP, .path = "/file", .content = "mine" };
	struct recipe_file gone = { .generator = GENERATOR_REMOVE, .path = "/etc/witness" };
	struct recipe_file copied = { .generator = GENERATOR_COPY, .path = "/etc/witness", .source = "w" };
	struct recipe_file folder = { .generator = GENERATOR_COPY, .path = "/etc", .source = "f" };
	struct recipe_file hosts = { .generator = GENERATOR_HOSTS, .path = "/file-out" };
	auto_free char *file = xasprintf("%s/witness", ground->outside);

	ground_put_source(ground, "w", "x", 0644);
	assert_int_equal(mkdirat(ground->top_fd, "recipes/f", 0755), 0);
	ground_put_source(ground, "f/witness", "x", 0644);
	/* /etc is a link: absolute names start at the root, so it leads nowhere. */
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "etc"), 0);
	assert_int_equal(symlinkat("../../../../../../../..", ground->root_fd, "up"), 0);
	assert_int_equal(symlinkat(file, ground->root_fd, "file"), 0);
	assert_int_equal(symlinkat(file, ground->root_fd, "file-out"), 0);
	assert_int_equal(run_files(ground, &dump, 1, &e), -1);
	assert_int_equal(run_files(ground, &copied, 1, &e), -1);
	assert_int_equal(run_files(ground, &folder, 1, &e), -1);
	assert_int_equal(run_files(ground, &gone, 1, &e), 0);
	assert_int_equal(run_files(ground, &upward, 1, &e), 0);
	ground_expect(ground, "/witness", "x\n");
	assert_int_equal(run_files(ground, &through, 1, &e), 0);
	assert_true(S_ISREG(ground_stat(ground, "/file").st_mode));
	assert_int_equal(run_files(ground, &hosts, 1, &e), 0);
	assert_null(strstr(ground->templates.items[0].content, "untouched"));
	ground_outside_is_untouched(ground);
}

static void copies(void **state)
{
	struct ground *ground = ground_of(state);
	struct error e = ERROR_INIT;
	struct recipe_file files[] = {
		{ .generator = GENERATOR_COPY, .source = "one.conf", .path = "/etc/renamed" },
		{ .generator = GENERATOR_COPY, .source = "one.conf", .path = "/etc/below/" },
		{ .generator = GENERATOR_COPY, .source = "*.conf", .path = "/etc/all" },
		{ .generator = GENERATOR_COPY, .source = "t[uv]o.conf", .path = "/etc/none-but-the-name" },
		{ .generator = GENERATOR_COPY,
		  .source = "tree/",
		  .path = "/opt/tree",
		  .uid = "9",
		  .gid = "8" },
		{ .generator = GENERATOR_COPY, .source = "tree", .path = "/" },
		{ .generator = GENERATOR_COPY, .source = "tree/script", .mode = "0600" },
		{ .generator = GENERATOR_COPY, .source = "tree/li*", .path = "/link" },
	};
	char value[64] = "";

	ground_put_source(ground, "one.conf", "1", 0640);
	ground_put_source(ground, "two.conf", "2", 0644);
	ground_put_source(ground, "t[uv]o.conf", "literal", 0644);
	ground_put_source(ground, ".hidden.conf", "h", 0644);
	assert_int_equal(root_make_dirs(ground->top_fd, "recipes/tree/sub", 0750, &e), 0);
	ground_put_source(ground, "tree/script", "#!", 0755);
	ground_put_source(ground, "tree/sub/deep", "d", 0644);
	assert_int_equal(symlinkat("/etc/shadow", ground->top_fd, "recipes/tree/link"), 0);
	RUN(ground, files);
	ground_expect(ground, "/etc/renamed", "1");
	assert_int_equal(ground_stat(ground, "/etc/renamed").st_mode & 07777, 0640);
	ground_expect(ground, "/etc/below/one.conf", "1");
	ground_expect(ground, "/etc/all/one.conf", "1");
	ground_expect(ground, "/etc/all/two.conf", "2");
	ground_expect(ground, "/etc/all/.hidden.conf", "h");
	ground_expect(ground, "/etc/none-but-the-name", "literal");
	ground_expect(ground, "/opt/tree/sub/deep", "d");
	assert_int_equal(ground_stat(ground, "/opt/tree/sub").st_mode & 07777, 0750);
	assert_int_equal(ground_stat(ground, "/opt/tree/sub/deep").st_uid, 9);
	assert_int_equal(ground_stat(ground, "/opt/tree/sub").st_gid, 8);
	assert_int_equal(ground_stat(ground, "/opt").st_uid, 0);
	ground_expect(ground, "/sub/deep", "d");
	assert_int_equal(ground_stat(ground, "/tree/script").st_mode & 07777, 0600);
	assert_true(readlinkat(ground->root_fd, "opt/tree/link", value, sizeof value - 1) > 0);
	assert_string_equal(value, "/etc/shadow");
	assert_true(S_ISLNK(ground_stat(ground, "/link").st_mode));
	/* A link in the root is replaced, not followed; copying again is fine. */
	RUN(ground, files);
}

static void copy_refuses(void **state)
{
	struct ground *ground = ground_of(state);

	expect_failure(
		ground,
		(struct recipe_file) { .generator = GENERATOR_COPY, .source = "no*.conf", .path = "/etc/x" },
		"nothing matches source");
	expect_failure(
		ground,
		(struct recipe_file) { .generator = GENERATOR_COPY, .source = "none/x", .path = "/etc/x" },
		"none");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_COPY, .path = "/etc/x" },
		       "'source' is missing");
	assert_int_equal(mkfifoat(ground->top_fd, "recipes/fifo", 0600), 0);
	expect_failure(ground,
		       (struct recipe_file) { .generator = GENERATOR_COPY, .source = "fifo", .path = "/x" },
		       "neither file, folder nor link");
	assert_false(ground_has(ground, "/x"));
}

static void template_entries(void **state)
{
	static const char *when[] = { "start", "rename" };
	static struct template_property properties[] = { { "default", "{}" } };
	struct ground *ground = ground_of(state);
	struct recipe_file files[] = {
		{ .generator = GENERATOR_TEMPLATE,
		  .path = "/z",
		  .name = "upstart-override",
		  .content = "manual" },
		{ .generator = GENERATOR_TEMPLATE,
		  .path = "/y",
		  .name = "upstart-override",
		  .content = "manual\n",
		  .when = { when, 2 },
		  .properties = properties,
		  .property_count = 1 },
		{ .generator = GENERATOR_TEMPLATE, .path = "/x", .name = "from-file", .source = "x.tpl" },
		{ .generator = GENERATOR_HOSTNAME, .path = "/etc/hostname" },
		{ .generator = GENERATOR_HOSTNAME, .path = "/etc/hostname" },
	};
	const struct image_template *items;

	ground_put_source(ground, "x.tpl", "name {{ container.name }}", 0644);
	RUN(ground, files);
	items = ground->templates.items;
	assert_int_equal(ground->templates.count, 4);
	assert_string_equal(items[0].path, "/etc/hostname");
	assert_string_equal(items[0].name, "hostname.tpl");
	assert_string_equal(items[0].content, "{{ container.name }}\n");
	assert_string_equal(items[1].path, "/x");
	assert_string_equal(items[1].content, "name {{ container.name }}\n");
	assert_string_equal(items[2].path, "/y");
	assert_string_equal(items[2].name, "upstart-override.tpl");
	assert_int_equal(items[2].when.count, 2);
	assert_string_equal(items[2].when.items[1], "rename");
	assert_string_equal(items[2].properties[0].value, "{}");
	assert_string_equal(items[3].content, "manual\n");
	assert_int_equal(items[3].when.count, 2);
	assert_string_equal(items[3].when.items[0], "create");
	assert_string_equal(items[3].when.items[1], "copy");
	assert_false(ground_has(ground, "/etc/hostname"));
}

static void template_refuses(void **state)
{
	static const char *when[] = { "boot" };
	static const char *const names[] = { "a/b", "../x", "..", ".", "", "a\nb", NULL };
	struct ground *ground = ground_of(state);
	struct recipe_file entry = { .generator = GENERATOR_TEMPLATE, .path = "/x", .content = "c" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		entry.name = names[i];
		expect_failure(ground, entry, "name");
	}
	entry.name = "x";
	entry.when = (struct string_list) { when, 1 };
	expect_failure(ground, entry, "'boot' in 'template.when'");
	entry.when.count = 0;
	entry.source = "x";
	expect_failure(ground, entry, "exclude each other");
	assert_int_equal(ground->templates.count, 0);
}

static void template_collisions(void **state)
{
	struct ground *ground = ground_of(state);
	struct place first = { "x.yaml", 4, 1 };
	struct recipe_file same_name[] = {
		{ .generator = GENERATOR_TEMPLATE,
		  .path = "/a",
		  .name = "n",
		  .content = "1",
		  .place = first },
		{ .generator = GENERATOR_TEMPLATE, .path = "/b", .name = "n", .content = "2" },
	};
	struct recipe_file same_path[] = {
		{ .generator = GENERATOR_TEMPLATE,
		  .path = "/c",
		  .name = "c",
		  .content = "1",
		  .place = first },
		{ .generator = GENERATOR_HOSTNAME, .path = "//c" },
	};
	struct error e = ERROR_INIT;

	assert_int_equal(run_files(ground, same_name, 2, &e), -1);
	assert_string_equal(e.text, "x.yaml:7:3: generator 'template': template 'n.tpl' has another content "
				    "than that of line 4");
	assert_int_equal(e.kind, ERROR_RECIPE);
	assert_int_equal(run_files(ground, same_path, 2, &e), -1);
	assert_string_equal(e.text,
			    "x.yaml:7:3: generator 'hostname': '/c' has a template already, from line 4");
}

/* What the generator `hosts` makes of FILE in the root (NULL: none). */
static void expect_hosts(struct ground *ground, const char *file, const char *content)
{
	struct recipe_file entry[] = { { .generator = GENERATOR_HOSTS, .path = "/etc/hosts" } };

	image_templates_release(&ground->templates);
	if (file)
		ground_put(ground, "/etc/hosts", file);
	RUN(ground, entry);
	assert_int_equal(ground->templates.count, 1);
	assert_string_equal(ground->templates.items[0].name, "hosts.tpl");
	assert_string_equal(ground->templates.items[0].content, content);
}

static void hosts_entries(void **state)
{
	struct ground *ground = ground_of(state);

	expect_hosts(ground, NULL,
		     "127.0.1.1\t{{ container.name }}\n127.0.0.1\tlocalhost\n"
		     "::1\tlocalhost ip6-localhost ip6-loopback\n"
		     "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	expect_hosts(ground, "127.0.0.1 localhost\n",
		     "127.0.1.1\t{{ container.name }}\n127.0.0.1 localhost\n");
	expect_hosts(ground, "127.0.0.1 localhost distrobuilder\n::1 distrobuilder",
		     "127.0.0.1 localhost {{ container.name }}\n::1 {{ container.name }}");
	expect_hosts(ground, "127.0.1.1 {{ container.name }}\n", "127.0.1.1 {{ container.name }}\n");
}

static void cloud_init_entries(void **state)
{
	static struct template_property own[] = { { "default", "mine" } };
	struct ground *ground = ground_of(state);
	struct recipe_file files[] = {
		{ .generator = GENERATOR_CLOUD_INIT, .name = "user-data" },
		{ .generator = GENERATOR_CLOUD_INIT, .name = "meta-data" },
		{ .generator = GENERATOR_CLOUD_INIT,
		  .name = "vendor-data",
		  .content = "#cloud-config\na: b" },
		{ .generator = GENERATOR_CLOUD_INIT,
		  .name = "network-config",
		  .content = "version: 2",
		  .path = "/elsewhere",
		  .properties = own,
		  .property_count = 1 },
	};
	const struct image_template *items;

	RUN(ground, files);
	items = ground->templates.items;
	assert_int_equal(ground->templates.count, 4);
	assert_string_equal(items[0].path, "/elsewhere");
	assert_string_equal(items[0].name, "cloud-init-network-config.tpl");
	assert_non_null(strstr(items[0].content, "\nversion: 2\n{%- else -%}\n"));
	assert_string_equal(items[0].properties[0].value, "mine");
	assert_string_equal(items[1].path, "/var/lib/cloud/seed/nocloud-net/meta-data");
	assert_string_equal(items[1].content, "instance-id: {{ container.name }}\n"
					      "local-hostname: {{ container.name }}\n"
					      "{{ config_get(\"user.meta-data\", \"\") }}\n");
	assert_int_equal(items[1].property_count, 0);
	assert_string_equal(items[2].path, "/var/lib/cloud/seed/nocloud-net/user-data");
	assert_string_equal(items[2].properties[0].key, "default");
	assert_string_equal(items[2].properties[0].value, "#cloud-config\n{}");
	assert_string_equal(items[3].properties[0].value, "#cloud-config\na: b");
	assert_non_null(
		strstr(items[3].content, "config_get(\"cloud-init.vendor-data\", properties.default)"));
	assert_string_equal(items[3].when.items[0], "create");
	expect_failure(ground, (struct recipe_file) { .generator = GENERATOR_CLOUD_INIT, .name = "userdata" },
		       "'userdata' is none of");
}

#define GROUND_TEST(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GROUND_TEST(dump_writes),
		GROUND_TEST(dump_keeps_access),
		GROUND_TEST(owner_by_name),
		GROUND_TEST(wrong_values),
		GROUND_TEST(removes),
		GROUND_TEST(hostile_root),
		GROUND_TEST(copies),
		GROUND_TEST(copy_refuses),
		GROUND_TEST(template_entries),
		GROUND_TEST(template_refuses),
		GROUND_TEST(template_collisions),
		GROUND_TEST(hosts_entries),
		GROUND_TEST(cloud_init_entries),
	};

	return cmocka_run_group_tests_name("customize files", tests, NULL, NULL);
}
