/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/recipe.h"

#include "base/file.h"
#include "base/limits.h"
#include "recipe/architecture.h"
#include "recipe/schema.h"

#include <fcntl.h>
#include <sys/stat.h>

static void assert_refused(const char *text, const char *message)
{
	auto_recipe struct recipe recipe = RECIPE_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(parse_with(text, NULL, 0, &recipe, &e), -1);
	assert_string_equal(e.text, message);
	assert_int_equal(e.kind, ERROR_RECIPE);
}

static void assert_place(struct place place, unsigned line, unsigned column)
{
	assert_string_equal(place.file, "dir/x.yaml");
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void assert_list(const struct string_list *list, const char *words)
{
	auto_buffer struct buffer joined = BUFFER_INIT;

	for (size_t i = 0; i < list->count; i++)
		buffer_addf(&joined, "%s%s", i ? " " : "", list->items[i]);
	assert_string_equal(joined.data ? joined.data : "", words);
}

/* A recipe with every key of the format. */
static const char everything[] =
	"image:\n"
	"  distribution: debian\n"
	"  release: 3.10\n"
	"  architecture: arm64\n"
	"  variant: cloud\n"
	"  description: About {{ image.name }}\n"
	"  name: \"n-{{ image.release }}\"\n"
	"  serial: 20260101_0000\n"
	"  expiry: 1w2d3h4m5s\n"
	"source:\n"
	"  downloader: debootstrap\n"
	"  url: http://deb.example.org/debian\n"
	"  suite: oldest\n"
	"  same_as: sid\n"
	"  variant: minbase\n"
	"  components: [main, contrib]\n"
	"  keys: [0x3B4FE6ACC0B21F32]\n"
	"  keyserver: keys.example.org\n"
	"  skip_verification: yes\n"
	"  check_valid_until: off\n"
	"targets:\n"
	"  lxc:\n"
	"    create_message: Hello\n"
	"    config:\n"
	"    - {type: all, before: 5, after: 0x1, content: 'lxc.arch = x', types: [container]}\n"
	"  incus:\n"
	"    vm: {size: 4_294_967_296, filesystem: btrfs}\n"
	"files:\n"
	"- generator: dump\n"
	"  path: /etc/motd\n"
	"  content: |-\n"
	"    Hello\n"
	"  mode: 0644\n"
	"  uid: 0\n"
	"  gid: adm\n"
	"  pongo: true\n"
	"  templated: on\n"
	"  releases: [\"3.10\", 7]\n"
	"- generator: template\n"
	"  name: foo\n"
	"  path: /etc/foo\n"
	"  template:\n"
	"    when: [create, start]\n"
	"    properties: {default: x, other: ~}\n"
	"- {generator: copy, source: extra/file, path: /srv/}\n"
	"- {generator: copy, source: /etc/hosts}\n"
	"packages:\n"
	"  manager: apt\n"
	"  update: true\n"
	"  cleanup: Y\n"
	"  recommends: true\n"
	"  sets:\n"
	"  - {packages: [vim, 7zip], action: remove, early: true, flags: [-x], variants: [cloud]}\n"
	"  repositories:\n"
	"  - {name: sources.list, url: 'deb x', type: t, key: 0x3B4FE6ACC0B21F32, architectures: "
	"[arm64]}\n"
	"actions:\n"
	"- trigger: post-update\n"
	"  pongo: n\n"
	"  action: |-\n"
	"    #!/bin/sh\n"
	"    true\n"
	"mappings:\n"
	"  architectures: {aarch64: arm64be}\n"
	"environment:\n"
	"  clear_defaults: true\n"
	"  variables:\n"
	"  - {key: A_1, value: 'b=c', releases: [sid]}\n";

static void keys_of_image_and_source(void **state)
{
	auto_recipe struct recipe r = parsed(everything);

	(void)state;
	assert_string_equal(r.path, "dir/x.yaml");
	assert_string_equal(r.folder, "dir");
	assert_string_equal(r.image.release, "3.10");
	assert_string_equal(r.image.variant, "cloud");
	assert_string_equal(r.image.serial, "20260101_0000");
	assert_int_equal(r.image.expiry_s, 9 * 86400 + 3 * 3600 + 4 * 60 + 5);
	assert_place(r.image.name_place, 7, 10);
	assert_string_equal(r.architecture, "aarch64");
	assert_string_equal(r.architecture_mapped, "arm64be");
	assert_string_equal(r.source.suite, "oldest");
	assert_string_equal(r.source.same_as, "sid");
	assert_list(&r.source.components, "main contrib");
	assert_int_equal(r.source.key_count, 1);
	assert_null(r.source.keys[0].data);
	assert_place(r.source.keys[0].place, 17, 10);
	assert_true(r.source.skip_verification);
	assert_false(r.source.check_valid_until);
	assert_string_equal(r.targets.lxc_create_message, "Hello");
	assert_int_equal(r.targets.lxc_config_count, 1);
	assert_int_equal(r.targets.lxc_configs[0].before, 5);
	assert_int_equal(r.targets.lxc_configs[0].after, 1);
	assert_true(r.targets.has_vm);
	assert_int_equal(r.targets.vm_size_bytes, 4294967296);
}

static void keys_of_files(void **state)
{
	auto_recipe struct recipe r = parsed(everything);

	(void)state;
	assert_int_equal(r.file_count, 4);
	assert_int_equal(r.files[0].generator, GENERATOR_DUMP);
	assert_string_equal(r.files[0].content, "Hello");
	assert_place(r.files[0].content_place, 32, 5);
	assert_string_equal(r.files[0].mode, "0644");
	assert_string_equal(r.files[0].uid, "0");
	assert_string_equal(r.files[0].gid, "adm");
	assert_true(r.files[0].pongo && r.files[0].templated);
	assert_list(&r.files[0].filter.releases, "3.10 7");
	assert_list(&r.files[1].when, "create start");
	assert_int_equal(r.files[1].property_count, 2);
	assert_string_equal(r.files[1].properties[0].key, "default");
	assert_string_equal(r.files[1].properties[1].value, "");
	assert_string_equal(r.files[2].source, "extra/file");
	assert_string_equal(r.files[2].source_folder, "dir");
	assert_string_equal(r.files[3].source, "/etc/hosts");
	assert_null(r.files[3].path);
}

static void keys_of_packages_and_scripts(void **state)
{
	auto_recipe struct recipe r = parsed(everything);

	(void)state;
	assert_true(r.packages.update && r.packages.cleanup && r.packages.recommends);
	assert_int_equal(r.packages.sets[0].action, SET_REMOVE);
	assert_true(r.packages.sets[0].early);
	assert_string_equal(r.packages.sets[0].names[1].text, "7zip");
	assert_place(r.packages.sets[0].names[1].place, 53, 22);
	assert_string_equal(r.packages.repositories[0].type, "t");
	assert_int_equal(r.actions[0].trigger, TRIGGER_POST_UPDATE);
	assert_string_equal(r.actions[0].action, "#!/bin/sh\ntrue");
	assert_place(r.actions[0].place, 60, 5);
	assert_false(r.actions[0].pongo);
	assert_true(r.environment.clear_defaults);
	assert_string_equal(r.environment.variables[0].value, "b=c");
}

static void defaults(void **state)
{
	auto_recipe struct recipe r = selected(LEAST);
	auto_free char *text = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	assert_string_equal(r.image.variant, "default");
	assert_string_equal(r.image.expiry, "30d");
	assert_int_equal(r.image.expiry_s, 30 * 86400);
	assert_null(r.image.serial);
	assert_string_equal(r.source.suite, "bookworm");
	assert_list(&r.source.components, "main");
	assert_true(r.source.check_valid_until);
	assert_string_equal(r.type, "container");
	assert_string_equal(r.architecture, "x86_64");
	assert_string_equal(r.architecture_mapped, "amd64");
	assert_string_equal(r.architecture_kernel, "x86_64");
	assert_string_equal(r.architecture_personality, "linux64");
	recipe_set_date(&r, 1795248942);
	assert_string_equal(r.image.serial, "20261121_0815");
	recipe_set_date(&r, 0);
	assert_string_equal(r.image.serial, "20261121_0815");
	assert_int_equal(recipe_expand(&r, r.image.name, &r.image.name_place, &text, &e), 0);
	assert_string_equal(text, "debian-bookworm-amd64-default-20261121_0815");
	free(TAKE(text, NULL));
	assert_int_equal(recipe_expand(&r, r.image.description, &r.image.description_place, &text, &e), 0);
	assert_string_equal(text, "Debian bookworm amd64 (20261121_0815)");
}

/* What is there but says nothing counts as not given. */
static void nothing_given(void **state)
{
	auto_recipe struct recipe r =
		selected("image:\n  distribution: debian\n  release: bookworm\n"
			 "  variant: ~\n  expiry: ''\n  name: Null\n  serial:\n"
			 "  architecture: null\n"
			 "source: {downloader: debootstrap, url: x, suite: '', keys: }\n"
			 "targets:\nfiles:\nactions: ~\nmappings:\nenvironment:\n"
			 "packages: {manager: apt, sets: , update: }\n");

	(void)state;
	assert_string_equal(r.image.variant, "default");
	assert_string_equal(r.image.expiry, "30d");
	assert_null(r.image.serial);
	assert_true(is_prefix(r.image.name, "{{ image.distribution }}-"));
	assert_string_equal(r.source.suite, "bookworm");
	assert_int_equal(r.source.key_count + r.file_count + r.action_count + r.packages.set_count, 0);
	assert_false(r.packages.update);
	assert_non_null(architecture_find(r.architecture));
}

/* YAML 1.1 as yaml.v2 of Go reads it. */
static void scalars(void **state)
{
	static const char *const yes[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
					   "True", "TRUE", "on",  "On",  "ON" };
	static const char *const no[] = { "n",     "N",     "no",  "No",  "NO", "false",
					  "False", "FALSE", "off", "Off", "OFF" };
	static const char *const neither[] = { "yEs", "tRUE",    "1",        "0",
					       "t",   "enabled", "\"true\"", "!!str true" };
	static const struct {
		const char *written;
		const char *text;
	} texts[] = {
		{ "7", "7" },
		{ "3.10", "3.10" },
		{ "1e3", "1e3" },
		{ "0644", "0644" },
		{ "on", "on" },
		{ "2026-01-01", "2026-01-01" },
		{ "\"a\\tb\\u00e4\"", "a\tb\xc3\xa4" },
		{ "'it''s'", "it's" },
		{ "!!str 12", "12" },
		{ "two words # remark", "two words" },
		{ "|\n    a\n    b", "a\nb\n" },
		{ ">-\n    a\n    b", "a b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		auto_free char *text = xasprintf(LEAST "  update: %s\n  cleanup: %s\n", yes[i], no[i]);
		auto_recipe struct recipe r = parsed(text);

		assert_true(r.packages.update);
		assert_false(r.packages.cleanup);
	}
	for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
		auto_free char *text = xasprintf(LEAST "  update: %s\n", neither[i]);
		auto_recipe struct recipe r = RECIPE_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(parse_with(text, NULL, 0, &r, &e), -1);
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		auto_free char *text = xasprintf("%s  serial: %s\nsource: {downloader: debootstrap}\n"
						 "packages: {manager: apt}\n",
						 "image:\n  distribution: x\n", texts[i].written);
		auto_recipe struct recipe r = parsed(text);

		assert_string_equal(r.image.serial, texts[i].text);
	}
}

static void aliases(void **state)
{
	auto_recipe struct recipe r = parsed(LEAST "  sets:\n"
						   "  - &base\n"
						   "    action: install\n"
						   "    packages: &names [&word vim, sudo]\n"
						   "    variants: [default]\n"
						   "  - <<: *base\n"
						   "    variants: [cloud]\n"
						   "  - <<: [{early: true, action: remove}, *base]\n"
						   "  - {action: remove, packages: *names}\n"
						   "  - {action: install, packages: [a, *word]}\n");

	(void)state;
	assert_int_equal(r.packages.set_count, 5);
	assert_list(&r.packages.sets[0].filter.variants, "default");
	assert_list(&r.packages.sets[1].filter.variants, "cloud");
	assert_int_equal(r.packages.sets[1].action, SET_INSTALL);
	assert_string_equal(r.packages.sets[1].names[1].text, "sudo");
	assert_true(r.packages.sets[2].early);
	assert_int_equal(r.packages.sets[2].action, SET_REMOVE);
	assert_int_equal(r.packages.sets[2].name_count, 2);
	assert_int_equal(r.packages.sets[3].name_count, 2);
	assert_string_equal(r.packages.sets[4].names[1].text, "vim");
}

static void filters(void **state)
{
	static const char text[] =
		LEAST "  sets:\n"
		      "  - {action: install, packages: [all]}\n"
		      "  - {action: install, packages: [release], releases: [sid, bookworm]}\n"
		      "  - {action: install, packages: [other], releases: [sid, trixie]}\n"
		      "  - {action: install, packages: [amd64], architectures: [amd64]}\n"
		      "  - {action: install, packages: [x86_64], architectures: [x86_64]}\n"
		      "  - {action: install, packages: [default], variants: [default, cloud]}\n"
		      "  - {action: install, packages: [cloud], variants: [cloud]}\n"
		      "  - {action: install, packages: [container], types: [container, vm]}\n"
		      "  - {action: install, packages: [vm], types: [vm], flags: [--not-run]}\n"
		      "  - {action: install, packages: [empty], releases: [], types: []}\n"
		      "  - {action: install, packages: [and], releases: [bookworm], variants: [cloud]}\n"
		      "  repositories:\n"
		      "  - {name: a, url: a, releases: [sid]}\n"
		      "  - {name: b, url: b, releases: [bookworm]}\n"
		      "files:\n"
		      "- {generator: fstab, types: [vm]}\n"
		      "- {generator: remove, path: /x, types: [container]}\n"
		      "actions:\n"
		      "- {trigger: post-files, action: a, variants: [cloud]}\n"
		      "- {trigger: post-files, action: b}\n"
		      "environment:\n"
		      "  variables:\n"
		      "  - {key: A, value: a, architectures: [arm64]}\n"
		      "  - {key: B, value: b, architectures: [arm64, amd64]}\n"
		      "targets:\n"
		      "  lxc:\n"
		      "    config:\n"
		      "    - {type: all, content: a, releases: [sid]}\n";
	static const char *const kept[] = { "all", "release", "amd64", "default", "container", "empty" };
	auto_recipe struct recipe r = selected(text);

	(void)state;
	assert_int_equal(r.packages.set_count, ARRAY_LEN(kept));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		assert_string_equal(r.packages.sets[i].names[0].text, kept[i]);
	assert_int_equal(r.packages.repository_count, 1);
	assert_string_equal(r.packages.repositories[0].name, "b");
	assert_int_equal(r.file_count, 1);
	assert_int_equal(r.files[0].generator, GENERATOR_REMOVE);
	assert_int_equal(r.action_count, 1);
	assert_string_equal(r.actions[0].action, "b");
	assert_int_equal(r.environment.variable_count, 1);
	assert_string_equal(r.environment.variables[0].key, "B");
	assert_int_equal(r.targets.lxc_config_count, 0);
}

static void options(void **state)
{
	static const char text[] = LEAST "  sets:\n"
					 "  - &a {action: install, packages: [vim, sudo]}\n"
					 "  - *a\n";
	static const char *const all[] = {
		"image.release=trixie",
		"image.release=sid",
		"image.description=a=b {{ image.release }}",
		"image.serial=",
		"packages.update=true",
		"packages.sets.1.packages.0=nano",
		"packages.sets[1].packages[2]=less",
		"packages.sets.1.action=remove",
		"mappings.architectures.x86_64=amd65",
		"environment.variables.0.key=A",
		"environment.variables.0.value=null",
		"source.check_valid_until=false",
		"targets.incus.vm.size=1",
	};
	auto_recipe struct recipe r = RECIPE_INIT;
	auto_free char *expanded = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	if (parse_with(text, all, ARRAY_LEN(all), &r, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(r.image.release, "sid");
	assert_int_equal(recipe_expand(&r, r.image.description, &r.image.description_place, &expanded, &e),
			 0);
	assert_string_equal(expanded, "a=b sid");
	assert_string_equal(r.image.description_place.file, "-o image.description");
	assert_int_equal(r.image.description_place.line, 0);
	assert_true(r.packages.update);
	/* The alias had the same nodes: only the entry that was named may change. */
	assert_int_equal(r.packages.sets[0].action, SET_INSTALL);
	assert_int_equal(r.packages.sets[0].name_count, 2);
	assert_string_equal(r.packages.sets[0].names[0].text, "vim");
	assert_int_equal(r.packages.sets[1].action, SET_REMOVE);
	assert_int_equal(r.packages.sets[1].name_count, 3);
	assert_string_equal(r.packages.sets[1].names[0].text, "nano");
	assert_string_equal(r.packages.sets[1].names[2].text, "less");
	assert_string_equal(r.architecture_mapped, "amd65");
	assert_string_equal(r.environment.variables[0].value, "null");
	assert_false(r.source.check_valid_until);
	assert_true(r.targets.has_vm);
}

/* Words of the format by the enums that other stages use. */
static void words(void **state)
{
	(void)state;
	assert_string_equal(generator_name(GENERATOR_CLOUD_INIT), "cloud-init");
	assert_string_equal(generator_name(GENERATOR_COPY), "copy");
	assert_string_equal(generator_name(GENERATOR_DUMP), "dump");
	assert_string_equal(generator_name(GENERATOR_FSTAB), "fstab");
	assert_string_equal(generator_name(GENERATOR_HOSTNAME), "hostname");
	assert_string_equal(generator_name(GENERATOR_HOSTS), "hosts");
	assert_string_equal(generator_name(GENERATOR_INCUS_AGENT), "incus-agent");
	assert_string_equal(generator_name(GENERATOR_REMOVE), "remove");
	assert_string_equal(generator_name(GENERATOR_TEMPLATE), "template");
	assert_string_equal(trigger_name(TRIGGER_POST_UNPACK), "post-unpack");
	assert_string_equal(trigger_name(TRIGGER_POST_UPDATE), "post-update");
	assert_string_equal(trigger_name(TRIGGER_POST_PACKAGES), "post-packages");
	assert_string_equal(trigger_name(TRIGGER_POST_FILES), "post-files");
}

static size_t check_section(const struct schema_section *section)
{
	size_t count = section->count;

	for (size_t i = 0; i < section->count; i++) {
		const struct schema_field *field = &section->fields[i];
		bool list = field->type == SCHEMA_NAMES || field->type == SCHEMA_KEYS ||
			    field->type == SCHEMA_PAIRS || field->type == SCHEMA_SECTIONS;

		assert_ptr_equal(schema_find(section, text_of(field->key)), field);
		assert_non_null(field->about);
		assert_int_equal(list, field->count != 0);
		assert_int_equal(field->type == SCHEMA_SECTIONS, field->item_bytes != 0);
		assert_int_equal(field->type == SCHEMA_WORD ? field->words != NULL : true, true);
		assert_int_equal(field->type == SCHEMA_SECTIONS || field->type == SCHEMA_SECTION,
				 field->section != NULL);
		if (field->section)
			count += check_section(field->section);
	}
	return count;
}

/* The table is whole: what a row needs by its type is there, and no key stands twice in a section. */
static void schema_is_whole(void **state)
{
	(void)state;
	assert_true(check_section(&schema_recipe) > 90);
}

static void limits(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	(void)state;
	buffer_adds(&text, LEAST "  sets:\n  - action: install\n    packages:\n");
	for (int i = 0; i < LIMIT_RECIPE_NODES; i++)
		buffer_adds(&text, "    - a\n");
	assert_refused(
		text.data,
		"dir/x.yaml:199987:7: more than 200000 values, counting each alias as what it stands for");
	buffer_reset(&text);
	buffer_adds(&text, LEAST "#");
	while (text.len <= LIMIT_RECIPE_BYTES)
		buffer_adds(&text, "0123456789abcdef0123456789abcdef");
	{
		auto_free char *message =
			xasprintf("dir/x.yaml: has %zu bytes, more than the limit of 4194304", text.len);

		assert_refused(text.data, message);
	}
}

struct folder {
	char path[32];
};

static struct folder make_folder(void)
{
	struct folder folder = { "/tmp/kiln-recipe-XXXXXX" };

	assert_non_null(mkdtemp(folder.path));
	return folder;
}

static void put_file(const struct folder *folder, const char *name, const void *data, size_t len)
{
	auto_close int folder_fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error e = ERROR_INIT;

	assert_int_equal(file_replace(folder_fd, name, data, len, 0644, &e), 0);
}

static void remove_files(const struct folder *folder, const char *const *names, size_t count)
{
	auto_close int folder_fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(unlinkat(folder_fd, names[i], 0), 0);
	assert_int_equal(rmdir(folder->path), 0);
}

#define ARMOURED "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n"

/* Keys beside the recipe are found from wherever kiln is started; binary ones may hold NUL. */
static void key_files(void **state)
{
	static const char text[] = "image: {distribution: debian, release: sid, architecture: amd64}\n"
				   "source:\n"
				   "  downloader: debootstrap\n"
				   "  url: x\n"
				   "  keys:\n"
				   "  - armoured.asc\n"
				   "  - binary-{{ image.release }}.gpg\n"
				   "  - |\n"
				   "    -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
				   "packages:\n"
				   "  manager: apt\n"
				   "  repositories:\n"
				   "  - {name: a, url: a, key: armoured.asc}\n";
	static const char *const names[] = { "x.yaml", "armoured.asc", "binary-sid.gpg" };
	static const char binary[] = { '\x99', 0, 1, 'x' };
	struct folder folder = make_folder();
	auto_free char *path = xasprintf("%s/x.yaml", folder.path);
	const struct recipe_options all = { .path = path };
	auto_recipe struct recipe r = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	put_file(&folder, "x.yaml", text, sizeof text - 1);
	put_file(&folder, "armoured.asc", ARMOURED, sizeof ARMOURED - 1);
	put_file(&folder, "binary-sid.gpg", binary, sizeof binary);
	if (recipe_load(&all, &r, &e) < 0 || recipe_select(&r, &e) < 0)
		fail_msg("%s", e.text);
	remove_files(&folder, names, ARRAY_LEN(names));
	assert_int_equal(r.source.key_count, 3);
	assert_string_equal(r.source.keys[0].data, ARMOURED);
	assert_int_equal(r.source.keys[0].len, sizeof ARMOURED - 1);
	assert_int_equal(r.source.keys[1].len, sizeof binary);
	assert_memory_equal(r.source.keys[1].data, binary, sizeof binary);
	assert_string_equal(r.source.keys[2].data, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
	assert_int_equal(r.source.keys[2].place.line, 8);
	assert_string_equal(r.packages.repositories[0].key, ARMOURED);
}

static void unreadable(void **state)
{
	const struct recipe_options none = { .path = "/nonexistent/x.yaml" };
	const struct recipe_options folder = { .path = "/" };
	auto_recipe struct recipe r = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(recipe_load(&none, &r, &e), -1);
	assert_string_equal(e.text,
			    "cannot read the recipe: cannot open '/nonexistent/x.yaml': No such file or "
			    "directory");
	assert_int_equal(recipe_load(&folder, &r, &e), -1);
	assert_int_equal(e.kind, ERROR_SYSTEM);
}

static void from_standard_input(void **state)
{
	static const char text[] = LEAST "  oops: 1\n";
	const struct recipe_options options = { .path = "-" };
	int saved = dup(STDIN_FILENO);
	int ends[2];
	auto_recipe struct recipe r = RECIPE_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], text, sizeof text - 1), sizeof text - 1);
	close(ends[1]);
	assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
	close(ends[0]);
	assert_int_equal(recipe_load(&options, &r, &e), -1);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	assert_string_equal(e.text, "standard input:10:3: unknown key 'oops' in 'packages'");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_image_and_source),
		cmocka_unit_test(keys_of_files),
		cmocka_unit_test(keys_of_packages_and_scripts),
		cmocka_unit_test(defaults),
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(scalars),
		cmocka_unit_test(aliases),
		cmocka_unit_test(filters),
		cmocka_unit_test(options),
		cmocka_unit_test(words),
		cmocka_unit_test(schema_is_whole),
		cmocka_unit_test(limits),
		cmocka_unit_test(key_files),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(from_standard_input),
	};

	return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
