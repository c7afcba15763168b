/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/schema_rows.h"

#include "recipe/check.h"
#include "recipe/check_setup.h"

#define WORDS(name, ...) \
	static const char *const name##_words[] = { __VA_ARGS__ }; \
	const struct schema_words name = { name##_words, ARRAY_LEN(name##_words) }

/* The order is that of enum generator, and of enum trigger. */
WORDS(schema_generators, "cloud-init", "copy", "dump", "fstab", "hostname", "hosts", "incus-agent", "remove",
      "template");
WORDS(schema_types, "container", "vm");
WORDS(schema_triggers, "post-unpack", "post-update", "post-packages", "post-files");

STATIC_WORDS(set_actions, "install", "remove"); /* as enum set_action */
STATIC_WORDS(lxc_types, "all", "system", "user");
STATIC_WORDS(filesystems, "ext4", "btrfs");
STATIC_WORDS(template_when, "create", "copy", "start", "rename");
STATIC_WORDS(managers, "anise", "apk", "apt", "dnf", "egoportage", "equo", "opkg", "pacman", "portage",
	     "slackpkg", "xbps", "yum", "zypper");
STATIC_WORDS(architecture_maps, "almalinux", "alpinelinux", "altlinux", "archlinux", "centos", "debian",
	     "funtoo", "gentoo", "openwrt", "plamolinux", "slackware", "voidlinux");
STATIC_WORDS(downloaders, "almalinux-http", "alpaquita-http", "alpinelinux-http", "alt-http", "apertis-http",
	     "archlinux-http", "busybox", "centos-http", "debootstrap", "docker-http", "fedora-http",
	     "funtoo-http", "gentoo-http", "nixos-http", "openeuler-http", "opensuse-http", "openwrt-http",
	     "oraclelinux-http", "plamolinux-http", "rockylinux-http", "rootfs-http", "rpmbootstrap",
	     "sabayon-http", "slackware-http", "springdalelinux-http", "ubuntu-http", "voidlinux-http",
	     "vyos-http");

static const struct schema_form form_expiry = {
	"^([0-9]+[smhdw])+$",
	"numbers, each with s, m, h, d or w, such as 30d",
};
const struct schema_form schema_mode = {
	"^0*[0-7]{1,4}$",
	"octal digits, such as 0644",
};
static const struct schema_form form_sha256 = {
	"^[0-9a-fA-F]{64}$",
	"the 64 hexadecimal digits of a SHA-256 digest",
};
static const struct schema_form form_snapshot = {
	"^[0-9]{8}T[0-9]{6}Z$",
	"a time in UTC, such as 20260101T000000Z",
};
/* A cell's values become a part of file names, and of the command line. */
static const struct schema_form form_axis = {
	"^[A-Za-z0-9_][A-Za-z0-9._+~-]*$",
	"letters, digits and any of . _ + ~ -",
};
const struct schema_form schema_owner = {
	"^([0-9]{1,10}|[a-z_][a-z0-9_.-]*[$]?)$",
	"a number or the name of a user or group",
};
const struct schema_form schema_id = {
	"^[0-9]{1,9}$",
	"a number",
};
static const struct schema_form form_plain_mode = {
	"^0*[0-7]{1,3}$",
	"octal digits without set-id bits, such as 0644",
};
static const struct schema_form form_variable = {
	"^[A-Za-z_][A-Za-z0-9_]*$",
	"letters, digits and '_'",
};

static const struct schema_form form_size = {
	"^([0-9]+([KMGT](iB)?)?|none)$",
	"a size such as 512MiB or 2GiB, or none",
};
static const struct schema_form form_time = {
	"^(([0-9]+[smhd])+|none)$",
	"numbers, each with s, m, h or d, such as 30m, or none",
};
static const struct schema_form form_number = {
	"^([0-9]{1,9}|none)$",
	"a number, or none",
};

/* clang-format off: one row a key, its columns in the same order everywhere */
static const struct schema_field image_fields[] = {
	{ "distribution", SCHEMA_TEXT, .mandatory = true, AT(recipe_image, distribution),
	  .about = "Name of the distribution" },
	{ "release", SCHEMA_TEXT, AT(recipe_image, release), .about = "Release: a code name or number" },
	{ "architecture", SCHEMA_TEXT, AT(recipe_image, architecture),
	  PLACE(recipe_image, architecture_place),
	  .about = "Architecture in any usual spelling; default: that of the build host" },
	{ "variant", SCHEMA_TEXT, AT(recipe_image, variant),
	  .about = "Variant, as filters select it; default: default" },
	{ "description", SCHEMA_TEXT, AT(recipe_image, description), PLACE(recipe_image, description_place),
	  .text_place = true, .about = "Description of the image; a template" },
	{ "name", SCHEMA_TEXT, AT(recipe_image, name), PLACE(recipe_image, name_place), .text_place = true,
	  .about = "Name of the image and its files; a template" },
	{ "serial", SCHEMA_TEXT, AT(recipe_image, serial),
	  .about = "Serial number; default: date and time of the newest input" },
	{ "expiry", SCHEMA_TEXT, AT(recipe_image, expiry), PLACE(recipe_image, expiry_place),
	  .form = &form_expiry, .about = "Time from creation to expiry; default: 30d" },
	{ "properties", SCHEMA_PAIRS, AT(recipe_image, properties), COUNT(recipe_image, property_count),
	  PLACE(recipe_image, properties_place), .about = "Further properties; their values are templates" },
	{ "aliases", SCHEMA_NAMES, AT(recipe_image, aliases), COUNT(recipe_image, alias_count),
	  .about = "Names that the image is to have on a server; templates" },
	{ "requirements", SCHEMA_PAIRS, AT(recipe_image, requirements),
	  COUNT(recipe_image, requirement_count), PLACE(recipe_image, requirements_place),
	  .about = "What an instance needs of its server; templates" },
};
SECTION_WITH(image, offsetof(struct recipe_image, place), recipe_check_image);

static const struct schema_field source_fields[] = {
	{ "downloader", SCHEMA_TEXT, .mandatory = true, AT(recipe_source, downloader),
	  PLACE(recipe_source, downloader_place), .words = &downloaders,
	  .about = "How the base system comes about" },
	{ "url", SCHEMA_TEXT, AT(recipe_source, url), PLACE(recipe_source, url_place), .text_place = true,
	  .about = "Address of the archive; a template" },
	{ "suite", SCHEMA_TEXT, AT(recipe_source, suite), PLACE(recipe_source, suite_place),
	  .about = "Suite of the archive; default: image.release" },
	{ "same_as", SCHEMA_TEXT, AT(recipe_source, same_as),
	  .about = "Release whose bootstrap rules apply" },
	{ "variant", SCHEMA_TEXT, AT(recipe_source, variant), PLACE(recipe_source, variant_place),
	  .about = "Size of the base system: minbase, buildd or -" },
	{ "components", SCHEMA_TEXTS, AT(recipe_source, components),
	  .about = "Components of the archive; default: main" },
	{ "keys", SCHEMA_KEYS, .file = true, AT(recipe_source, keys), COUNT(recipe_source, key_count),
	  .about = "OpenPGP keys that may sign the archive: armoured text, or a file beside the recipe" },
	{ "keyring", SCHEMA_KEYS, .single = true, .file = true, AT(recipe_source, keyrings),
	  COUNT(recipe_source, keyring_count),
	  .about = "Files beside the recipe with OpenPGP keys that may sign the archive, beside 'keys'" },
	{ "sha256", SCHEMA_TEXT, AT(recipe_source, sha256), PLACE(recipe_source, sha256_place),
	  .form = &form_sha256, .about = "SHA-256 digest of the file that the downloader fetches" },
	{ "snapshot", SCHEMA_TEXT, AT(recipe_source, snapshot), PLACE(recipe_source, snapshot_place),
	  .form = &form_snapshot,
	  .about = "Use the archives of Debian and Ubuntu as they were at this time: YYYYMMDDTHHMMSSZ" },
	{ "keyserver", SCHEMA_TEXT, AT(recipe_source, keyserver), PLACE(recipe_source, keyserver_place),
	  .about = "Server that keys are fetched from by their fingerprints" },
	{ "skip_verification", SCHEMA_FLAG, AT(recipe_source, skip_verification),
	  PLACE(recipe_source, skip_verification_place),
	  .about = "Accepted; changes nothing without --insecure-skip-verification" },
	{ "check_valid_until", SCHEMA_FLAG, AT(recipe_source, check_valid_until),
	  .about = "Refuse an archive whose Valid-Until has passed; default: true" },
	{ "accept_sha1", SCHEMA_FLAG, AT(recipe_source, accept_sha1),
	  .about = "Accept signatures with SHA-1, which archives from before 2016 have; default: false" },
	{ "accept_older", SCHEMA_FLAG, AT(recipe_source, accept_older),
	  .about = "Accept an archive that is older than it was at an earlier build; default: false" },
};
SECTION(source, offsetof(struct recipe_source, place));

static const struct schema_field lxc_config_fields[] = {
	{ "type", SCHEMA_TEXT, AT(lxc_config, type), .words = &lxc_types,
	  .about = "Kind of container that the lines are for" },
	{ "before", SCHEMA_COUNT, AT(lxc_config, before),
	  .about = "Only for compatibility levels below this" },
	{ "after", SCHEMA_COUNT, AT(lxc_config, after), .about = "Only for compatibility levels above this" },
	{ "content", SCHEMA_TEXT, AT(lxc_config, content), PLACE(lxc_config, content_place),
	  .text_place = true, .about = "Lines of LXC configuration; a template" },
	FILTER(lxc_config),
};
SECTION(lxc_config, offsetof(struct lxc_config, place));

static const struct schema_field lxc_fields[] = {
	{ "create_message", SCHEMA_TEXT, AT(recipe_targets, lxc_create_message),
	  PLACE(recipe_targets, lxc_create_message_place), .text_place = true,
	  .about = "What lxc-create says; a template" },
	{ "config", SCHEMA_SECTIONS, AT(recipe_targets, lxc_configs), COUNT(recipe_targets, lxc_config_count),
	  .item_bytes = sizeof(struct lxc_config), .section = &lxc_config,
	  .about = "Configuration of LXC containers" },
};
SECTION(lxc, 0);

static const struct schema_field vm_fields[] = {
	{ "size", SCHEMA_SIZE, AT(recipe_targets, vm_size_bytes), .about = "Size of the disk in bytes" },
	{ "filesystem", SCHEMA_TEXT, AT(recipe_targets, vm_filesystem), .words = &filesystems,
	  .about = "File system of the root" },
};
SECTION(vm, 0);

static const struct schema_field incus_fields[] = {
	{ "vm", SCHEMA_SECTION, .given = offsetof(struct recipe_targets, has_vm), .section = &vm,
	  .about = "Virtual machines" },
};
SECTION(incus, 0);

static const struct schema_field target_fields[] = {
	{ "lxc", SCHEMA_SECTION, .section = &lxc, .about = "Images of LXC" },
	{ "incus", SCHEMA_SECTION, .section = &incus, .about = "Images of Incus" },
};
SECTION(target, offsetof(struct recipe_targets, place));

static const struct schema_field template_fields[] = {
	{ "properties", SCHEMA_PAIRS, AT(recipe_file, properties), COUNT(recipe_file, property_count),
	  .about = "Properties that the template sees" },
	{ "when", SCHEMA_TEXTS, AT(recipe_file, when), .words = &template_when,
	  .about = "When an instance applies the template; default: create and copy" },
	{ "create_only", SCHEMA_FLAG, AT(recipe_file, template_create_only),
	  .about = "Leave a file alone that is there already" },
	{ "uid", SCHEMA_TEXT, AT(recipe_file, template_uid), .form = &schema_id,
	  .about = "Owner of a file that the template creates; Incus alone reads it" },
	{ "gid", SCHEMA_TEXT, AT(recipe_file, template_gid), .form = &schema_id,
	  .about = "Its group, likewise" },
	{ "mode", SCHEMA_TEXT, AT(recipe_file, template_mode), .form = &form_plain_mode,
	  .about = "Its permissions, likewise" },
};
SECTION(template, 0);

static const struct schema_field file_fields[] = {
	{ "generator", SCHEMA_WORD, .mandatory = true, AT(recipe_file, generator),
	  PLACE(recipe_file, generator_place), .words = &schema_generators, .about = "What is done" },
	{ "path", SCHEMA_TEXT, AT(recipe_file, path), PLACE(recipe_file, path_place), .text_place = true,
	  .about = "File or folder in the image; a template if 'pongo'" },
	{ "content", SCHEMA_TEXT, AT(recipe_file, content), PLACE(recipe_file, content_place),
	  .text_place = true, .about = "Content of the file; a template if 'pongo'" },
	{ "name", SCHEMA_TEXT, AT(recipe_file, name),
	  .about = "Name of the template, or of cloud-init's file" },
	{ "source", SCHEMA_TEXT, .file = true, AT(recipe_file, source), PLACE(recipe_file, source_place),
	  .text_place = true,
	  .about = "File or folder beside the recipe that is copied; a template if 'pongo'" },
	{ "mode", SCHEMA_TEXT, AT(recipe_file, mode), .form = &schema_mode,
	  .about = "Permissions of the file" },
	{ "uid", SCHEMA_TEXT, AT(recipe_file, uid), .form = &schema_owner, .about = "Owner of the file" },
	{ "gid", SCHEMA_TEXT, AT(recipe_file, gid), .form = &schema_owner, .about = "Group of the file" },
	{ "template", SCHEMA_SECTION, .section = &template, .about = "How instances use the template" },
	{ "templated", SCHEMA_FLAG, AT(recipe_file, templated),
	  .about = "LXC replaces its placeholders in the file" },
	{ "pongo", SCHEMA_FLAG, AT(recipe_file, pongo), .about = "Path, content and source are templates" },
	FILTER(recipe_file),
};
SECTION_WITH(file, offsetof(struct recipe_file, place), recipe_check_file);

static const struct schema_field command_fields[] = {
	{ "cmd", SCHEMA_TEXT, .mandatory = true, AT(custom_command, command),
	  .about = "Program that is run" },
	{ "flags", SCHEMA_TEXTS, AT(custom_command, flags), .about = "Its arguments" },
};
SECTION(command, 0);

static const struct schema_field custom_fields[] = {
	{ "clean", SCHEMA_SECTION, .mandatory = true, AT(custom_manager, clean), .section = &command,
	  .about = "Removes what was downloaded" },
	{ "install", SCHEMA_SECTION, .mandatory = true, AT(custom_manager, install), .section = &command,
	  .about = "Installs packages" },
	{ "remove", SCHEMA_SECTION, .mandatory = true, AT(custom_manager, remove), .section = &command,
	  .about = "Removes packages" },
	{ "refresh", SCHEMA_SECTION, .mandatory = true, AT(custom_manager, refresh), .section = &command,
	  .about = "Fetches the index of packages" },
	{ "update", SCHEMA_SECTION, .mandatory = true, AT(custom_manager, update), .section = &command,
	  .about = "Updates all packages" },
	{ "flags", SCHEMA_TEXTS, AT(custom_manager, flags), .about = "Arguments of every command" },
};
SECTION(custom, 0);

static const struct schema_field set_fields[] = {
	{ "packages", SCHEMA_NAMES, AT(package_set, names), COUNT(package_set, name_count),
	  .about = "Names of packages" },
	{ "action", SCHEMA_WORD, .mandatory = true, AT(package_set, action), .words = &set_actions,
	  .about = "What is done with them" },
	{ "early", SCHEMA_FLAG, AT(package_set, early), .about = "They belong to the base system" },
	{ "flags", SCHEMA_TEXTS, AT(package_set, flags), PLACE(package_set, flags_place),
	  .about = "Arguments of the package manager" },
	FILTER(package_set),
};
SECTION(set, offsetof(struct package_set, place));

static const struct schema_field repository_fields[] = {
	{ "name", SCHEMA_TEXT, AT(repository, name), .about = "Name of the repository" },
	{ "url", SCHEMA_TEXT, AT(repository, url), PLACE(repository, url_place), .text_place = true,
	  .about = "Its address or lines, as its manager reads them; a template" },
	{ "type", SCHEMA_TEXT, AT(repository, type), .about = "Its kind, where a manager has several" },
	{ "key", SCHEMA_TEXT, .file = true, AT(repository, key), PLACE(repository, key_place),
	  .about = "Armoured OpenPGP key that signs it, or a file beside the recipe" },
	FILTER(repository),
};
SECTION(repository, offsetof(struct repository, place));

static const struct schema_field package_fields[] = {
	{ "manager", SCHEMA_TEXT, AT(recipe_packages, manager), PLACE(recipe_packages, manager_place),
	  .words = &managers, .about = "Package manager of the distribution" },
	{ "custom_manager", SCHEMA_SECTION, AT(recipe_packages, custom),
	  PLACE(recipe_packages, custom_manager_place),
	  .given = offsetof(struct recipe_packages, custom_manager), .section = &custom,
	  .about = "Commands of another package manager" },
	{ "update", SCHEMA_FLAG, AT(recipe_packages, update),
	  .about = "Take every package in its newest version" },
	{ "cleanup", SCHEMA_FLAG, AT(recipe_packages, cleanup),
	  .about = "Leave no package index and no downloaded package" },
	{ "recommends", SCHEMA_FLAG, AT(recipe_packages, recommends),
	  .about = "Install what packages recommend; default: false" },
	{ "sets", SCHEMA_SECTIONS, AT(recipe_packages, sets), COUNT(recipe_packages, set_count),
	  .item_bytes = sizeof(struct package_set), .section = &set,
	  .about = "Packages to install or remove" },
	{ "repositories", SCHEMA_SECTIONS, AT(recipe_packages, repositories),
	  COUNT(recipe_packages, repository_count), .item_bytes = sizeof(struct repository),
	  .section = &repository, .about = "Repositories of the image besides that of its base system" },
};
SECTION_WITH(package, offsetof(struct recipe_packages, place), recipe_check_packages);

static const struct schema_field action_fields[] = {
	{ "trigger", SCHEMA_WORD, .mandatory = true, AT(recipe_action, trigger), .words = &schema_triggers,
	  .about = "When the script is run" },
	{ "action", SCHEMA_TEXT, .mandatory = true, AT(recipe_action, action), PLACE(recipe_action, place),
	  .text_place = true, .about = "The script, from its '#!' on; a template if 'pongo'" },
	{ "pongo", SCHEMA_FLAG, AT(recipe_action, pongo), .about = "The script is a template" },
	FILTER(recipe_action),
};
SECTION(action, 0);

static const struct schema_field variable_fields[] = {
	{ "key", SCHEMA_TEXT, .mandatory = true, AT(environment_variable, key), .form = &form_variable,
	  .about = "Name of the variable" },
	{ "value", SCHEMA_TEXT, AT(environment_variable, value), .about = "Its value" },
	FILTER(environment_variable),
};
SECTION(variable, offsetof(struct environment_variable, place));

static const struct schema_field environment_fields[] = {
	{ "clear_defaults", SCHEMA_FLAG, AT(recipe_environment, clear_defaults),
	  .about = "Start without PATH, SHELL, TERM and the like" },
	{ "variables", SCHEMA_SECTIONS, AT(recipe_environment, variables),
	  COUNT(recipe_environment, variable_count), .item_bytes = sizeof(struct environment_variable),
	  .section = &variable, .about = "Variables of actions and package scripts" },
};
SECTION(environment, 0);

static const struct schema_field limit_fields[] = {
	{ "memory", SCHEMA_TEXT, AT(recipe_limits, memory), PLACE(recipe_limits, memory_place),
	  .form = &form_size, .about = "Memory that they have together, such as 2GiB" },
	{ "processes", SCHEMA_TEXT, AT(recipe_limits, processes), PLACE(recipe_limits, processes_place),
	  .form = &form_number, .about = "Processes and threads at a time; default: 4096" },
	{ "time", SCHEMA_TEXT, AT(recipe_limits, time), PLACE(recipe_limits, time_place), .form = &form_time,
	  .about = "Time that each has, such as 30m; default: 2h" },
	{ "disk", SCHEMA_TEXT, AT(recipe_limits, disk), PLACE(recipe_limits, disk_place), .form = &form_size,
	  .about = "Size of the root while it is built, such as 10GiB" },
};
SECTION(limit, 0);

static const struct schema_field sandbox_fields[] = {
	{ "network", SCHEMA_FLAG, AT(recipe_sandbox, network),
	  .about = "Actions reach the host's network; default: true" },
	{ "limits", SCHEMA_SECTION, AT(recipe_sandbox, limits), .section = &limit,
	  .about = "What actions and package scripts may use of the host" },
};
SECTION(sandbox, offsetof(struct recipe_sandbox, place));

static const struct schema_field mapping_fields[] = {
	{ "architectures", SCHEMA_PAIRS, AT(recipe, architecture_mappings),
	  COUNT(recipe, architecture_mapping_count), .about = "What the distribution calls an architecture" },
	{ "architecture_map", SCHEMA_TEXT, AT(recipe, architecture_map), .words = &architecture_maps,
	  .about = "Distribution whose names of architectures apply" },
};
SECTION(mapping, 0);

static const struct schema_field exclude_fields[] = {
	FILTER(matrix_exclude),
};
SECTION(exclude, offsetof(struct matrix_exclude, place));

static const struct schema_field override_fields[] = {
	{ "set", SCHEMA_PART, .mandatory = true, AT(matrix_override, set),
	  .about = "A part of a recipe, which is laid over it for these images" },
	FILTER(matrix_override),
};
SECTION(override, offsetof(struct matrix_override, place));

static const struct schema_field matrix_fields[] = {
	{ "release", SCHEMA_NAMES, .single = true, AT(recipe_matrix, releases),
	  COUNT(recipe_matrix, release_count), .form = &form_axis, .about = "Values of image.release" },
	{ "architecture", SCHEMA_NAMES, .single = true, AT(recipe_matrix, architectures),
	  COUNT(recipe_matrix, architecture_count), .form = &form_axis,
	  .about = "Values of image.architecture" },
	{ "variant", SCHEMA_NAMES, .single = true, AT(recipe_matrix, variants),
	  COUNT(recipe_matrix, variant_count), .form = &form_axis, .about = "Values of image.variant" },
	{ "type", SCHEMA_NAMES, .single = true, AT(recipe_matrix, types), COUNT(recipe_matrix, type_count),
	  .words = &schema_types, .about = "Types of image" },
	{ "exclude", SCHEMA_SECTIONS, AT(recipe_matrix, excludes), COUNT(recipe_matrix, exclude_count),
	  .item_bytes = sizeof(struct matrix_exclude), .section = &exclude,
	  .about = "Combinations that are left out" },
	{ "overrides", SCHEMA_SECTIONS, AT(recipe_matrix, overrides), COUNT(recipe_matrix, override_count),
	  .item_bytes = sizeof(struct matrix_override), .section = &override,
	  .about = "What differs for some images" },
};
SECTION(matrix, offsetof(struct recipe_matrix, place));

static const struct schema_field lint_fields[] = {
	{ "allow", SCHEMA_NAMES, .single = true, AT(recipe, lint_allowed), COUNT(recipe, lint_allowed_count),
	  .about = "Rules of kiln lint that the image may break: RULE, or RULE=PATH" },
};
SECTION(lint, 0);

static const struct schema_field recipe_fields[] = {
	{ "extends", SCHEMA_TEXT, AT(recipe, extends),
	  .about = "A recipe beside this one, or below, that this one is laid over" },
	{ "include", SCHEMA_TEXTS, .single = true, AT(recipe, includes),
	  .about = "Files beside this one, or below, that this one is laid over" },
	{ "image", SCHEMA_SECTION, .mandatory = true, AT(recipe, image), .section = &image,
	  .about = "What the image is" },
	{ "source", SCHEMA_SECTION, .mandatory = true, AT(recipe, source), .section = &source,
	  .about = "Where its base system comes from" },
	{ "targets", SCHEMA_SECTION, AT(recipe, targets), .section = &target,
	  .about = "What only some formats of an image have" },
	{ "files", SCHEMA_SECTIONS, AT(recipe, files), COUNT(recipe, file_count),
	  .item_bytes = sizeof(struct recipe_file), .section = &file,
	  .about = "Files that are written, copied, removed or rendered by instances" },
	{ "packages", SCHEMA_SECTION, .mandatory = true, AT(recipe, packages), .section = &package,
	  .about = "Packages and repositories" },
	{ "actions", SCHEMA_SECTIONS, AT(recipe, actions), COUNT(recipe, action_count),
	  .item_bytes = sizeof(struct recipe_action), .section = &action,
	  .about = "Scripts that are run in the image" },
	{ "mappings", SCHEMA_SECTION, .section = &mapping, .about = "Names of architectures" },
	{ "environment", SCHEMA_SECTION, AT(recipe, environment), .section = &environment,
	  .about = "Environment of scripts" },
	{ "sandbox", SCHEMA_SECTION, AT(recipe, sandbox), .section = &sandbox,
	  .about = "What programs of the image may have while it is built" },
	{ "matrix", SCHEMA_SECTION, AT(recipe, matrix), .given = offsetof(struct recipe, matrix.given),
	  .section = &matrix, .about = "The images that this recipe is for" },
	{ "lint", SCHEMA_SECTION, .section = &lint,
	  .about = "What kiln lint finds in the image without a complaint" },

	{ "services", SCHEMA_SECTIONS, AT(recipe, setup.services), COUNT(recipe, setup.service_count),
	  .item_bytes = sizeof(struct recipe_service), .section = &schema_service,
	  .about = "Services that are started, or not, when an instance starts" },
	{ "groups", SCHEMA_SECTIONS, AT(recipe, setup.groups), COUNT(recipe, setup.group_count),
	  .item_bytes = sizeof(struct recipe_group), .section = &schema_group,
	  .about = "Groups that are created or changed" },
	{ "users", SCHEMA_SECTIONS, AT(recipe, setup.users), COUNT(recipe, setup.user_count),
	  .item_bytes = sizeof(struct recipe_user), .section = &schema_user,
	  .about = "Users that are created or changed" },
	{ "locales", SCHEMA_SECTIONS, AT(recipe, setup.locales), COUNT(recipe, setup.locale_count),
	  .item_bytes = sizeof(struct recipe_locale), .section = &schema_locale,
	  .about = "Locales that are built" },
	{ "timezone", SCHEMA_TEXT, AT(recipe, setup.timezone), PLACE(recipe, setup.timezone_place),
	  .form = &schema_timezone, .about = "Time zone, such as Europe/Berlin" },
	{ "keymap", SCHEMA_TEXT, AT(recipe, setup.keymap), PLACE(recipe, setup.keymap_place),
	  .form = &schema_keymap, .about = "Keyboard, as the console names it" },
	{ "links", SCHEMA_SECTIONS, AT(recipe, setup.links), COUNT(recipe, setup.link_count),
	  .item_bytes = sizeof(struct recipe_link), .section = &schema_link, .about = "Symbolic links" },
	{ "directories", SCHEMA_SECTIONS, AT(recipe, setup.directories), COUNT(recipe, setup.directory_count),
	  .item_bytes = sizeof(struct recipe_directory), .section = &schema_directory,
	  .about = "Folders that are there" },
	{ "permissions", SCHEMA_SECTIONS, AT(recipe, setup.permissions),
	  COUNT(recipe, setup.permission_count), .item_bytes = sizeof(struct recipe_permission),
	  .section = &schema_permission, .about = "Mode, owner and capabilities of files" },
	{ "lines", SCHEMA_SECTIONS, AT(recipe, setup.lines), COUNT(recipe, setup.line_count),
	  .item_bytes = sizeof(struct recipe_line), .section = &schema_line, .about = "Lines of text files" },
	{ "resolv_conf", SCHEMA_TEXT, AT(recipe, setup.resolv_conf), PLACE(recipe, setup.resolv_conf_place),
	  .about = "Where name servers come from: stub, uplink, resolvconf, empty, absent, or a link's "
		   "target" },
	{ "machine_id", SCHEMA_TEXT, AT(recipe, setup.machine_id), PLACE(recipe, setup.machine_id_place),
	  .words = &schema_machine_ids, .about = "What instances find in /etc/machine-id" },
	{ "exclude_paths", SCHEMA_SECTIONS, AT(recipe, setup.excludes), COUNT(recipe, setup.exclude_count),
	  .item_bytes = sizeof(struct recipe_exclude), .section = &schema_exclude,
	  .about = "Files of packages that are not unpacked" },
};
const struct schema_section schema_recipe = {
	recipe_fields,
	ARRAY_LEN(recipe_fields),
	offsetof(struct recipe, place),
	NULL,
};
/* clang-format on */

const struct schema_field *schema_find(const struct schema_section *section, struct text key)
{
	for (size_t i = 0; i < section->count; i++)
		if (text_is(key, section->fields[i].key))
			return &section->fields[i];
	return NULL;
}
