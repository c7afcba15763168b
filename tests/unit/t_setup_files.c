/* SPDX-License-Identifier: Apache-2.0 */
/* Links, folders, lines, permissions, language, time zone, keyboard and identity in small roots. */
#include "unit/setup_cases.h"

#include "base/pattern.h"
#include "base/xattr.h"
#include "customize/setup.h"
#include "layer/key.h"
#include "sandbox/emulation.h"
#include "sandbox/sandbox.h"

static int parts(const struct customize_site *site, struct error *e)
{
	if (customize_setup(site, CUSTOMIZE_LOCALES, e) < 0 || customize_setup(site, CUSTOMIZE_SYSTEM, e) < 0)
		return -1;
	return customize_setup(site, CUSTOMIZE_IDENTITY, e);
}

static void expect_link(struct ground *ground, const char *path, const char *target)
{
	char text[4096] = "";

	assert_true(readlinkat(ground->root_fd, path + 1, text, sizeof text - 1) > 0);
	assert_string_equal(text, target);
}

static void links_and_folders(void **state)
{
	struct ground *ground = ground_of(state);
	mode_t mask = umask(077);

	ground_put(ground, "/etc/group", "staff:x:50:\n");
	ground_put(ground, "/etc/old", "x");
	apply(ground, "links:\n- {path: /etc/old, target: ../new}\n- {path: /a/b/c/, target: /etc/passwd}\n"
		      "directories:\n- {path: /d/e, mode: \"1777\", uid: \"7\", gid: staff}\n- path: /d\n");
	umask(mask);
	expect_link(ground, "/etc/old", "../new");
	expect_link(ground, "/a/b/c", "/etc/passwd");
	assert_int_equal(ground_stat(ground, "/a/b").st_mode & 07777, 0755);
	assert_int_equal(ground_stat(ground, "/d/e").st_mode & 07777, 01777);
	assert_int_equal(ground_stat(ground, "/d/e").st_gid, 50);
	assert_int_equal(ground_stat(ground, "/d").st_mode & 07777, 0755);
	refuse(ground, "links:\n- {path: /d, target: x}\n", "x.yaml:11:3: '/d' is a folder in the image");
	refuse(ground, "directories:\n- {path: /a/b/c/f}\n", "/a/b/c");
	/* A link that leads out of the root leads to somewhere inside it, where nothing is. */
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "out"), 0);
	refuse(ground, "directories:\n- {path: /out/new}\n", "cannot create folder '/out'");
	refuse(ground, "links:\n- {path: /out/new, target: x}\n", "/out");
}

static void lines_present(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/f", "one\n#two\ntwo=1\n\xff\xfe\nend");
	apply(ground, "lines:\n- {path: /f, line: two=3, pattern: '^#?two'}\n- {path: /f, line: four}\n"
		      "- {path: /f, line: one}\n- {path: /etc/new/file, line: made}\n");
	ground_expect(ground, "/f", "one\ntwo=3\n\xff\xfe\nend\nfour\n");
	ground_expect(ground, "/etc/new/file", "made\n");
	assert_int_equal(ground_stat(ground, "/etc/new/file").st_mode & 07777, 0644);
}

static void lines_absent_and_replaced(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/p/a", "keep\ngo now\n");
	ground_put(ground, "/p/b", "go\n");
	ground_put(ground, "/p/sub/c", "go\n");
	apply(ground, "lines:\n- {path: /p/*, action: absent, pattern: ^go}\n- {path: /none, action: absent, "
		      "line: x}\n");
	ground_expect(ground, "/p/a", "keep\n");
	ground_expect(ground, "/p/b", "");
	ground_expect(ground, "/p/sub/c", "go\n");
	ground_put(ground, "/r", "1:2345:respawn:/sbin/getty\nc1:12345:wait $5\n");
	apply(ground,
	      "lines:\n- {path: /r, action: replace, pattern: '^(\\w)(.*getty)', line: '#$1-${2}$$'}\n");
	ground_expect(ground, "/r", "#1-:2345:respawn:/sbin/getty$\nc1:12345:wait $5\n");
	refuse(ground, "lines:\n- {path: /none, action: replace, pattern: x, line: y}\n",
	       "there is no '/none' in the image");
	refuse(ground, "lines:\n- {path: /p, line: y}\n", "'/p' in the root is no regular file");
}

static void lines_of_links(void **state)
{
	struct ground *ground = ground_of(state);
	auto_free char *outside = xasprintf("%s/witness", ground->outside);

	assert_int_equal(symlinkat(outside, ground->root_fd, "l"), 0);
	refuse(ground, "lines:\n- {path: /l, line: y}\n", "'/l' is a link in the image");
	refuse(ground, "lines:\n- {path: '/?', action: absent, pattern: .}\n", "'/l' is a link in the image");
}

/* A pattern that would take for ever ends with an error. */
static void lines_that_take_long(void **state)
{
	struct ground *ground = ground_of(state);
	auto_free char *line = xcalloc(1, 100000);

	memset(line, 'a', 99999);
	ground_put(ground, "/f", line);
	refuse(ground, "lines:\n- {path: /f, action: absent, pattern: '^(a|aa|aaa)+$(?<!a)b'}\n",
	       "limit exceeded");
	ground_expect(ground, "/f", line);
}

static void expect_capabilities(struct ground *ground, const char *path, const char *hex)
{
	auto_xattrs struct xattrs xattrs = XATTRS_INIT;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(xattrs_get(-1, ground->root_fd, path + 1, NULL, &xattrs, &e), 0);
	for (size_t i = 0; i < xattrs.count; i++) {
		if (strcmp(xattrs.items[i].name, "security.capability") != 0)
			continue;
		for (size_t k = 0; k < xattrs.items[i].len; k++)
			buffer_addf(&text, "%02x", (unsigned char)xattrs.items[i].value[k]);
	}
	assert_string_equal(text.data ? text.data : "", hex);
}

static void permissions(void **state)
{
	struct ground *ground = ground_of(state);
	const char *net_raw = "0100000200200000000000000000000000000000";

	ground_put(ground, "/bin/ping", "x");
	ground_put(ground, "/t/a", "");
	ground_put(ground, "/t/b/c", "");
	assert_int_equal(symlinkat(ground->outside, ground->root_fd, "t/out"), 0);
	apply(ground,
	      "permissions:\n- {path: /bin/ping, capabilities: cap_net_raw=ep}\n"
	      "- {path: /bin/ping, mode: \"4755\"}\n- {path: /bin/ping, uid: \"5\"}\n"
	      "- {path: /t, gid: \"6\", mode: \"0700\", recursive: true}\n- {path: /t/?, mode: \"0600\"}\n");
	/* Another owner takes neither set-id bits nor capabilities away. */
	expect_capabilities(ground, "/bin/ping", net_raw);
	assert_int_equal(ground_stat(ground, "/bin/ping").st_mode & 07777, 04755);
	assert_int_equal(ground_stat(ground, "/bin/ping").st_uid, 5);
	assert_int_equal(ground_stat(ground, "/t/b/c").st_gid, 6);
	assert_int_equal(ground_stat(ground, "/t/out").st_gid, 6);
	assert_int_equal(ground_stat(ground, "/t").st_mode & 07777, 0700);
	assert_int_equal(ground_stat(ground, "/t/b/c").st_mode & 07777, 0644);
	assert_int_equal(ground_stat(ground, "/t/a").st_mode & 07777, 0600);
	apply(ground, "permissions:\n- {path: /bin/ping, capabilities: none}\n");
	expect_capabilities(ground, "/bin/ping", "");
	refuse(ground, "permissions:\n- {path: /t/out, mode: \"0600\"}\n", "'/t/out' is a link in the image");
	refuse(ground, "permissions:\n- {path: /t, capabilities: none}\n", "no file in the image");
	refuse(ground, "permissions:\n- {path: '/none*', mode: \"0600\"}\n",
	       "there is no '/none*' in the image");
	refuse(ground, "permissions:\n- {path: /t, uid: eve}\n",
	       "user 'eve' is not in the image's /etc/passwd");
}

static void capability_texts(void **state)
{
	static const struct {
		const char *text;
		const char *hex; /* NULL: refused */
	} cases[] = {
		{ "cap_net_raw=ep", "0100000200200000000000000000000000000000" },
		{ "cap_net_raw+ep", "0100000200200000000000000000000000000000" },
		{ "CAP_NET_RAW,cap_net_admin=eip", "0100000200300000003000000000000000000000" },
		{ "cap_chown=p cap_bpf=i", "0000000201000000000000000000000080000000" },
		{ "all=p", "00000002ffffffff00000000ff01000000000000" },
		{ "", "" },
		{ "none", "" },
		{ "cap_chown=ep cap_kill=p", NULL },
		{ "cap_nothing=ep", NULL },
		{ "cap_chown", NULL },
		{ "=ep", NULL },
		{ "cap_chown=x", NULL },
		{ "cap_=ep", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct capability_bytes bytes;
		struct error e = ERROR_INIT;
		auto_buffer struct buffer hex = BUFFER_INIT;
		int r = capability_parse(cases[i].text, &bytes, &e);

		assert_int_equal(r, cases[i].hex ? 0 : -1);
		if (r < 0)
			continue;
		for (size_t k = 0; k < bytes.len; k++)
			buffer_addf(&hex, "%02x", bytes.data[k]);
		assert_string_equal(hex.data ? hex.data : "", cases[i].hex);
	}
}

static void languages(void **state)
{
	struct ground *ground = ground_of(state);

	refuse(ground, "locales:\n- name: de_DE.UTF-8\n",
	       "nothing in the image can build locale 'de_DE.UTF-8'");
	/* What needs no building, and what is there already. */
	ground_put(ground, "/usr/lib/locale/fr_FR.utf8/LC_CTYPE", "");
	apply(ground, "locales:\n- name: C.UTF-8\n- {name: fr_FR.UTF-8, default: true}\n");
	ground_expect(ground, "/etc/locale.conf", "LANG=fr_FR.UTF-8\n");
	ground_put(ground, "/etc/default/locale", "# words\nexport LANG=C\nLC_TIME=C\nLANG=x\n");
	apply(ground, "locales:\n- {name: POSIX, default: true}\n");
	ground_expect(ground, "/etc/default/locale", "# words\nLANG=POSIX\nLC_TIME=C\n");
	refuse(ground, "locales:\n- {name: C, default: true}\n- {name: POSIX, default: true}\n",
	       "x.yaml:12:3: 'C' is the default already, by line 11");
	/* In Debian 13 one leads to the other. */
	assert_int_equal(unlinkat(ground->root_fd, "etc/default/locale", 0), 0);
	assert_int_equal(symlinkat("../locale.conf", ground->root_fd, "etc/default/locale"), 0);
	apply(ground, "locales:\n- {name: C.UTF-8, default: true}\n");
	ground_expect(ground, "/etc/locale.conf", "LANG=C.UTF-8\n");
	expect_link(ground, "/etc/default/locale", "../locale.conf");
}

/* What this host cannot run is no reason to leave locales out: the image would depend on where it was built. */
static void languages_of_another_architecture(void **state)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/bin", NULL };
	static const struct emulation none = { .architecture = "aarch64",
					       .why = "no reason",
					       .registry_fd = -1 };
	struct ground *ground = ground_of(state);
	struct sandbox sandbox = { .root_fd = ground->root_fd,
				   .environment = environment,
				   .emulation = &none,
				   .log = &ground->log };

	ground->site.sandbox = &sandbox;
	ground_put(ground, "/usr/sbin/locale-gen", "#!/bin/sh\n");
	ground_put(ground, "/etc/locale.gen", "# de_DE.UTF-8 UTF-8\n");
	refuse(ground, "locales:\n- {name: de_DE.UTF-8, default: true}\n",
	       "x.yaml:11:3: locale-gen: this host does not run programs of 'aarch64': no reason");
	assert_int_equal(unlinkat(ground->root_fd, "usr/sbin/locale-gen", 0), 0);
	ground_put(ground, "/usr/bin/localedef", "");
	/* Without what it reads localedef is of no use. */
	refuse(ground, "locales:\n- {name: de_DE.UTF-8}\n",
	       "nothing in the image can build locale 'de_DE.UTF-8'");
	ground_put(ground, "/usr/share/i18n/charmaps/UTF-8.gz", "");
	refuse(ground, "locales:\n- {name: de_DE.UTF-8}\n", "localedef: this host does not run programs");
	/* What an image has ready needs nobody. */
	ground_put(ground, "/usr/lib/locale/de_DE.utf8/LC_CTYPE", "");
	apply(ground, "locales:\n- {name: de_DE.UTF-8, default: true}\n- name: C.UTF-8\n");
	ground_expect(ground, "/etc/locale.conf", "LANG=de_DE.UTF-8\n");
}

static void zone_and_keyboard(void **state)
{
	struct ground *ground = ground_of(state);

	refuse(ground, "timezone: Europe/Berlin\n",
	       "x.yaml:10:11: there is no '/usr/share/zoneinfo/Europe/Berlin'");
	ground_put(ground, "/usr/share/zoneinfo/Europe/Berlin", "");
	ground_put(ground, "/etc/localtime", "");
	apply(ground, "timezone: Europe/Berlin\nkeymap: de-x\n");
	expect_link(ground, "/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
	assert_false(ground_has(ground, "/etc/timezone"));
	assert_false(ground_has(ground, "/etc/default/keyboard"));
	ground_expect(ground, "/etc/vconsole.conf", "KEYMAP=de-x\n");
	ground_put(ground, "/etc/timezone", "Etc/UTC\n");
	ground_put(ground, "/etc/debian_version", "12\n");
	ground_put(ground, "/usr/share/systemd/kbd-model-map", "# x\nuk gb pc105 - terminate:x\n");
	ground_put(ground, "/etc/default/keyboard", "# mine\nXKBLAYOUT=us\n");
	apply(ground, "timezone: Europe/Berlin\nkeymap: uk\n");
	ground_expect(ground, "/etc/timezone", "Europe/Berlin\n");
	ground_expect(
		ground, "/etc/default/keyboard",
		"# mine\nXKBLAYOUT=\"gb\"\nXKBMODEL=\"pc105\"\nXKBVARIANT=\"\"\nXKBOPTIONS=\"terminate:x\"\n"
		"BACKSPACE=\"guess\"\n");
	ground_put(ground, "/etc/conf.d/keymaps", "keymap=\"us\"\n");
	apply(ground, "keymap: de\n");
	ground_expect(ground, "/etc/conf.d/keymaps", "keymap=\"de\"\n");
}

static void identities(void **state)
{
	struct ground *ground = ground_of(state);

	ground_put(ground, "/etc/resolv.conf", "nameserver 1.2.3.4\n");
	ground_put(ground, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	ground_put(ground, "/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n");
	apply(ground, "resolv_conf: stub\nmachine_id: uninitialized\n");
	expect_link(ground, "/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
	ground_expect(ground, "/etc/machine-id", "uninitialized\n");
	assert_false(ground_has(ground, "/var/lib/dbus/machine-id"));
	apply(ground, "resolv_conf: ../run/netconfig/resolv.conf\nmachine_id: empty\n");
	expect_link(ground, "/etc/resolv.conf", "../run/netconfig/resolv.conf");
	ground_expect(ground, "/etc/machine-id", "");
	apply(ground, "resolv_conf: empty\nmachine_id: absent\n");
	ground_expect(ground, "/etc/resolv.conf", "");
	assert_false(ground_has(ground, "/etc/machine-id"));
	apply(ground, "resolv_conf: absent\n");
	assert_false(ground_has(ground, "/etc/resolv.conf"));
}

/* Templates of the image, as the recipe says, and again from the text that is kept beside a layer. */
static void templates_and_back(void **state)
{
	struct ground *ground = ground_of(state);
	struct recipe recipe =
		selected(LEAST "files:\n"
			       "- {generator: template, name: a, path: /a, content: x, template: {when: "
			       "[start], create_only: true,\n"
			       "   uid: \"1000\", gid: \"7\", mode: \"640\", properties: {k: v}}}\n"
			       "- {generator: hostname, path: /b}\n");
	auto_image_templates struct image_templates again = IMAGE_TEMPLATES_INIT;
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;

	ground->site.recipe = &recipe;
	assert_int_equal(customize_files(&ground->site, &ground->templates, &e), 0);
	assert_int_equal(image_templates_write(&ground->templates, &text, &e), 0);
	assert_int_equal(image_templates_read(text, strlen(text), &again, &e), 0);
	assert_int_equal(again.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct image_templates *templates = i ? &again : &ground->templates;

		assert_string_equal(templates->items[0].uid, "1000");
		assert_string_equal(templates->items[0].gid, "7");
		assert_string_equal(templates->items[0].mode, "0640");
		assert_true(templates->items[0].create_only);
		assert_string_equal(templates->items[0].when.items[0], "start");
		assert_string_equal(templates->items[0].properties[0].value, "v");
		assert_null(templates->items[1].uid);
		assert_null(templates->items[1].mode);
		assert_false(templates->items[1].create_only);
	}
	ground->site.recipe = &ground->recipe;
	recipe_release(&recipe);
}

static void patterns(void **state)
{
	auto_pattern struct pattern *pattern = NULL;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *long_text = xcalloc(1, 5001);
	bool matched = true;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(pattern_compile("a(b", &pattern, &e), -1);
	assert_non_null(strstr(e.text, "behind character 3"));
	memset(long_text, 'a', 5000);
	assert_int_equal(pattern_compile(long_text, &pattern, &e), -1);
	assert_int_equal(pattern_compile("(a)|(b)", &pattern, &e), 0);
	assert_int_equal(pattern_matches(pattern, TEXT("xb"), &e), 1);
	assert_int_equal(pattern_matches(pattern, TEXT("x\0"), &e), 0);
	assert_int_equal(pattern_matches(pattern, (struct text) { NULL, 0 }, &e), 0);
	/* Much longer than what it is made from; and a group that is not set. */
	assert_int_equal(pattern_replace(pattern, text_of(long_text), "$1$1$1$2", &out, &matched, &e), 0);
	assert_true(matched);
	assert_int_equal(out.len, 15000);
	assert_int_equal(pattern_replace(pattern, TEXT("x"), "$3", &out, &matched, &e), 0);
	assert_false(matched);
	assert_int_equal(pattern_replace(pattern, TEXT("a"), "$3", &out, &matched, &e), -1);
}

/* Whatever a step reads of the recipe, it tells. */
static void keys_of_layers(void **state)
{
	static const struct {
		enum customize_setup step;
		const char *text;
	} cases[] = {
		{ CUSTOMIZE_ACCOUNTS, "users:\n- {name: eve, shell: /a}\n" },
		{ CUSTOMIZE_ACCOUNTS, "users:\n- {name: eve, shell: /b}\n" },
		{ CUSTOMIZE_ACCOUNTS, "users:\n- {name: eve, create_home: false}\n" },
		{ CUSTOMIZE_ACCOUNTS, "users:\n- {name: eve}\n" },
		{ CUSTOMIZE_ACCOUNTS, "groups:\n- {name: eve}\n" },
		{ CUSTOMIZE_LOCALES, "locales:\n- {name: C}\n" },
		{ CUSTOMIZE_LOCALES, "locales:\n- {name: C, default: true}\n" },
		{ CUSTOMIZE_SYSTEM, "timezone: UTC\n" },
		{ CUSTOMIZE_SYSTEM, "keymap: UTC\n" },
		{ CUSTOMIZE_SYSTEM, "services:\n- enable: [a]\n" },
		{ CUSTOMIZE_SYSTEM, "services:\n- disable: [a]\n" },
		{ CUSTOMIZE_SYSTEM, "services:\n- mask: [a]\n" },
		{ CUSTOMIZE_SYSTEM, "links:\n- {path: /a, target: b}\n" },
		{ CUSTOMIZE_SYSTEM, "lines:\n- {path: /a, line: b}\n" },
		{ CUSTOMIZE_SYSTEM, "lines:\n- {path: /a, line: b, action: absent}\n" },
		{ CUSTOMIZE_SYSTEM, "permissions:\n- {path: /a, mode: \"0\"}\n" },
		{ CUSTOMIZE_SYSTEM, "directories:\n- {path: /a, mode: \"0\"}\n" },
		{ CUSTOMIZE_IDENTITY, "resolv_conf: empty\n" },
		{ CUSTOMIZE_IDENTITY, "machine_id: empty\n" },
	};
	struct digest digests[ARRAY_LEN(cases)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *all = xasprintf("%s%s", LEAST, cases[i].text);
		auto_layer_key struct layer_key key = LAYER_KEY_INIT;
		struct recipe recipe = selected(all);
		struct customize_site site = { .recipe = &recipe };

		assert_true(customize_has_setup(&recipe, cases[i].step));
		for (int step = CUSTOMIZE_ACCOUNTS; step <= CUSTOMIZE_IDENTITY; step++)
			if (step != (int)cases[i].step)
				assert_false(customize_has_setup(&recipe, (enum customize_setup)step));
		key_start(&key, NULL, "x");
		customize_describe_setup(&site, cases[i].step, &key);
		digests[i] = key_end(&key);
		for (size_t k = 0; k < i; k++)
			assert_false(digest_equal(&digests[i], &digests[k]));
		recipe_release(&recipe);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
	const struct CMUnitTest tests[] = {
		TEST(links_and_folders),
		TEST(lines_present),
		TEST(lines_absent_and_replaced),
		TEST(lines_of_links),
		TEST(lines_that_take_long),
		TEST(permissions),
		TEST(languages),
		TEST(languages_of_another_architecture),
		TEST(zone_and_keyboard),
		TEST(identities),
		TEST(templates_and_back),
		cmocka_unit_test(capability_texts),
		cmocka_unit_test(patterns),
		cmocka_unit_test(keys_of_layers),
	};

	return cmocka_run_group_tests_name("setup: files", tests, NULL, NULL);
}
