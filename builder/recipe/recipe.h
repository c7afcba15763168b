/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 1. YAML text → struct recipe: what is to be built, in the definition format that this field's
 * maintainers write, with the place of every value for error messages. Touches no network and no root.
 *
 *	recipe_load()      text → every section, whatever it applies to; keys, types and rules are checked
 *	recipe_select()    keep what applies to this release, architecture, variant and type
 *	recipe_set_date()  fix the clock of the build: the serial follows from it
 *	recipe_expand()    {{ … }} and {% … %} in a string, at the time it is used
 *
 * Everything belongs to the recipe's arena and lives until recipe_release(). Strings that were not given
 * are NULL unless a default is named.
 */
#ifndef RECIPE_RECIPE_H
#define RECIPE_RECIPE_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct layer_key;
struct node;

/* Where a value stands; for "FILE:LINE:COLUMN: message". */
struct place {
	const char *file; /* borrowed; "-o image.release" for a value from the command line */
	unsigned line;    /* from 1; 0: the file, or the option, as a whole */
	unsigned column;  /* from 1; 0: the line as a whole */
};

/* Set *e to "FILE:LINE:COLUMN: …", or "FILE: …" where there is no line. Returns -1. */
int error_at(struct error *e, enum error_kind kind, const struct place *place, const char *fmt, ...)
	PRINTF(4, 5);
/* Put that place in front of the text of a set *e. Returns -1. */
int error_wrap_at(struct error *e, const struct place *place);

/* The place of LINE and COLUMN, both from 1, of a text that starts at PLACE. */
struct place place_inside(const struct place *place, unsigned line, unsigned column);

struct string_list {
	const char **items;
	size_t count;
};

/* What an entry of a list applies to; filter.h says how. The lists are read by filter.c alone. */
struct filter {
	struct string_list releases;
	struct string_list architectures; /* mapped names: "amd64" for Debian */
	struct string_list variants;
	struct string_list types; /* "container", "vm" */
	struct place releases_place;
	struct place architectures_place;
};

struct template_property {
	const char *key;
	const char *value;
};

/* A name in a list, with its place: of a package as "vim" or "vim=1.2", of a service, of a group. */
struct recipe_name {
	const char *text;
	struct place place;
};

struct recipe_image {
	const char *distribution; /* mandatory */
	const char *release;      /* default: "" */
	const char *architecture; /* default: the host's; any spelling that architecture.h knows */
	const char *variant;      /* default: "default" */
	const char *description;  /* a template; has a default */
	const char *name;         /* a template; has a default */
	const char *serial;       /* default: from the date, by recipe_set_date() */
	const char *expiry;       /* default: "30d" */
	int64_t expiry_s;         /* EXPIRY in seconds */
	struct template_property *properties; /* beside those that kiln gives; values are templates */
	size_t property_count;
	struct recipe_name *aliases; /* templates */
	size_t alias_count;
	struct template_property *requirements; /* "secureboot" and the like; values are templates */
	size_t requirement_count;
	struct place place;
	struct place architecture_place;
	struct place description_place;
	struct place name_place;
	struct place expiry_place;
	struct place properties_place;
	struct place requirements_place;
};

/*
 * One entry of source.keys: an OpenPGP key, armoured or binary, as text or read from a file beside the
 * recipe; or the fingerprint of one, which recipe_select() refuses.
 */
struct recipe_key {
	const char *data; /* NULL for a fingerprint */
	size_t len;
	const char *text; /* as written */
	struct place place;
};

/*
 * `keyring` names files with keys, beside the file that says so; recipe_load() appends their content to KEYS, so
 * that nobody else has to look at it.
 */
struct recipe_source {
	const char *downloader; /* mandatory */
	const char *url;        /* a template */
	const char *suite;      /* default: image.release */
	const char *same_as;
	const char *variant; /* "minbase", "-" (or not given), "buildd" */
	const char *keyserver;
	struct string_list components; /* default: main */
	struct recipe_key *keys;
	size_t key_count;
	struct recipe_key *keyrings;
	size_t keyring_count;
	const char *sha256;   /* of the one file that a downloader fetches; 64 hexadecimal digits */
	const char *snapshot; /* "20260101T000000Z": the archives as they were then */
	int64_t snapshot_s;   /* SNAPSHOT as a time; 0: none */
	bool skip_verification;
	bool check_valid_until; /* ours; default true */
	bool accept_sha1;       /* ours */
	bool accept_older;      /* ours */
	struct place place;     /* of the section */
	struct place downloader_place;
	struct place url_place;
	struct place suite_place;
	struct place variant_place;
	struct place keyserver_place;
	struct place skip_verification_place;
	struct place sha256_place;
	struct place snapshot_place;
};

enum generator {
	GENERATOR_CLOUD_INIT,
	GENERATOR_COPY,
	GENERATOR_DUMP,
	GENERATOR_FSTAB,
	GENERATOR_HOSTNAME,
	GENERATOR_HOSTS,
	GENERATOR_INCUS_AGENT,
	GENERATOR_REMOVE,
	GENERATOR_TEMPLATE,
};

struct recipe_file {
	enum generator generator;
	const char *path;
	const char *content;
	const char *name;
	const char
		*source; /* copy: file or folder of the host; template: the file that holds it; as written */
	const char *source_folder; /* where SOURCE starts, if it is relative: that of the file it stands in */
	const char *mode;          /* as written: "0644" */
	const char *uid;           /* number or name */
	const char *gid;
	struct template_property *properties; /* template.properties */
	size_t property_count;
	struct string_list when; /* template.when; empty: create and copy */
	bool template_create_only;
	const char *template_uid; /* numbers; NULL: root */
	const char *template_gid;
	const char *template_mode; /* NULL: 0644 */
	bool templated;
	bool pongo; /* CONTENT is a template of the recipe, expanded at build time */
	struct filter filter;
	struct place place;
	struct place generator_place;
	struct place path_place;
	struct place content_place;
	struct place source_place;
};

enum set_action { SET_INSTALL, SET_REMOVE };

struct package_set {
	enum set_action action;
	struct recipe_name *names;
	size_t name_count;
	struct string_list flags;
	bool early; /* belongs to the base system */
	struct filter filter;
	struct place place;
	struct place flags_place;
};

struct repository {
	const char *name; /* the file below /etc/apt: "sources.list" or one in sources.list.d */
	const char *url;  /* a template; for apt its lines */
	const char *type;
	const char *key; /* armoured key, or NULL */
	struct filter filter;
	struct place place;
	struct place url_place;
	struct place key_place;
};

/* packages.custom_manager: checked and kept, not yet run. */
struct custom_command {
	const char *command;
	struct string_list flags;
};

struct custom_manager {
	struct custom_command clean;
	struct custom_command install;
	struct custom_command remove;
	struct custom_command refresh;
	struct custom_command update;
	struct string_list flags;
};

struct recipe_packages {
	const char *manager; /* NULL when custom_manager is used */
	bool custom_manager;
	struct custom_manager custom;
	bool update;
	bool cleanup;
	bool recommends; /* what packages recommend is installed like what they depend on; kiln's own key */
	struct package_set *sets;
	size_t set_count;
	struct repository *repositories;
	size_t repository_count;
	struct place place;
	struct place manager_place;
	struct place custom_manager_place;
};

enum trigger { TRIGGER_POST_UNPACK, TRIGGER_POST_UPDATE, TRIGGER_POST_PACKAGES, TRIGGER_POST_FILES };

struct recipe_action {
	enum trigger trigger;
	const char *action; /* the script's text; starts with its shebang */
	bool pongo;
	struct filter filter;
	struct place place; /* of the script's text */
};

struct environment_variable {
	const char *key;
	const char *value;
	struct filter filter;
	struct place place;
};

struct recipe_environment {
	bool clear_defaults;
	struct environment_variable *variables;
	size_t variable_count;
};

/* Of a limit: "none", which is not the same as a limit that is not given. */
#define RECIPE_NO_LIMIT UINT64_MAX

/*
 * sandbox.limits: ours. As written, or NULL; and what that means, 0: not given.
 */
struct recipe_limits {
	const char *memory;
	const char *processes;
	const char *time;
	const char *disk;
	uint64_t memory_bytes;
	uint64_t process_count;
	uint64_t time_s;
	uint64_t disk_bytes;
	struct place memory_place;
	struct place processes_place;
	struct place time_place;
	struct place disk_place;
};

/* What the programs of the image may have while it is built: ours. */
struct recipe_sandbox {
	bool network; /* for actions; default true */
	struct recipe_limits limits;
	struct place place;
};

/* targets.lxc.config[] and targets.incus.vm: checked and kept, not yet run. */
struct lxc_config {
	const char *type;
	unsigned before;
	unsigned after;
	const char *content;
	struct filter filter;
	struct place place;
	struct place content_place;
};

struct recipe_targets {
	const char *lxc_create_message;
	struct place lxc_create_message_place;
	struct lxc_config *lxc_configs;
	size_t lxc_config_count;
	bool has_vm;
	uint64_t vm_size_bytes;
	const char *vm_filesystem;
	struct place place;
};

/* matrix.exclude[]: the cells that its filter fits are none. */
struct matrix_exclude {
	struct filter filter;
	struct place place;
};

/* matrix.overrides[]: what is laid over the recipe for the images that its filter fits. */
struct matrix_override {
	const struct node *set;
	struct filter filter;
	struct place place;
};

/* The images that one recipe is for: all combinations of these, where an empty axis is what `image` says. */
struct recipe_matrix {
	struct recipe_name *releases;
	size_t release_count;
	struct recipe_name *architectures;
	size_t architecture_count;
	struct recipe_name *variants;
	size_t variant_count;
	struct recipe_name *types;
	size_t type_count;
	struct matrix_exclude *excludes;
	size_t exclude_count;
	struct matrix_override *overrides;
	size_t override_count;
	bool given;
	struct place place;
};

/* A file that the recipe was put together from. */
struct recipe_part {
	const char *path;   /* as places name it: by this very pointer */
	const char *folder; /* that holds it; file names in it start there */
	uint64_t device_id;
	uint64_t inode_id;
};

/* A file that was read for it: one of its parts, or one with keys. */
struct recipe_read {
	const char *path; /* as it was opened */
	struct digest sha256;
	uint64_t size_bytes;
};
#include "recipe/setup.h"

struct recipe {
	struct arena arena;
	const char *path;          /* as errors name it */
	const char *folder;        /* that holds it; relative file names start there */
	struct recipe_part *parts; /* what `extends` and `include` name, and last the file itself */
	size_t part_count;
	struct recipe_read *reads; /* in the order of reading */
	size_t read_count;
	const struct node
		*tree; /* all of them merged, with what the command line says (see yaml.h); with a cell also
				     what the matrix sets for it, and without a matrix */
	const char *extends; /* these two are set only by options, and refused then */
	struct string_list includes;
	struct recipe_matrix matrix;
	struct recipe_image image;
	struct recipe_source source;
	struct recipe_targets targets;
	struct recipe_file *files;
	size_t file_count;
	struct recipe_packages packages;
	struct recipe_action *actions;
	size_t action_count;
	struct recipe_environment environment;
	struct recipe_sandbox sandbox;
	struct recipe_setup setup;
	struct recipe_name *lint_allowed; /* lint.allow: "RULE" or "RULE=PATH" */
	size_t lint_allowed_count;
	struct template_property *architecture_mappings; /* mappings.architectures */
	size_t architecture_mapping_count;
	const char *architecture_map; /* mappings.architecture_map */
	struct place place;           /* of the document */

	/* Worked out by recipe_load(): */
	const char *type;                     /* "container", or "vm", which a cell of the matrix may say */
	const char *architecture;             /* canonical, as LXD's metadata has it: "x86_64" */
	const char *architecture_mapped;      /* as the distribution says: "amd64" */
	const char *architecture_debian;      /* as .deb packages for it do */
	const char *architecture_kernel;      /* as uname -m says: "x86_64" */
	const char *architecture_personality; /* as LXC's lxc.arch takes it: "linux64", "linux32" */
};

#define RECIPE_INIT ((struct recipe) { .path = NULL })
#define auto_recipe AUTO(recipe_release)

/* One image of the matrix. */
struct recipe_cell {
	const char *release;
	const char *architecture; /* as written */
	const char *architecture_mapped;
	const char *variant;
	const char *type;
	const char *name; /* "trixie-amd64-cloud", unique in its matrix; fit for a file name */
	struct place release_place;
	struct place architecture_place;
	struct place variant_place;
	struct place type_place;
};

struct recipe_options {
	const char *path; /* a file, or "-" for standard input */
	const char *text; /* what stands in it, when that was read already; else NULL */
	size_t text_len;
	const struct recipe_cell *cell; /* NULL: the image is what `image` says */
	const char *const *overrides;   /* "image.release=trixie", in order: -o of the command line */
	size_t override_count;
	const char *type; /* of the image: "container" or "vm"; NULL: a container */
};

struct problems;

/*
 * Read and check: the file and what it names (include.h), then what the matrix sets for this image, then the
 * overrides. Errors: ERROR_RECIPE with the place of the first mistake and the number of the others; ERROR_USAGE for a
 * malformed override.
 */
int recipe_load(const struct recipe_options *options, struct recipe *recipe, struct error *e) MUST_CHECK;

/*
 * recipe_load() of TEXT instead of the file, which only gives its name; reads no file, so no keys from files, and
 * `extends` and `include` are refused.
 */
int recipe_parse(const char *text, size_t len, const struct recipe_options *options, struct recipe *recipe,
		 struct error *e) MUST_CHECK;

/*
 * Find all that is wrong with a recipe, in entries for whatever image, and put it into PROBLEMS: mistakes, and what
 * this version does not run. RECIPE, when not NULL, receives what could be read. -1 is for what is no fault of the
 * file; one that cannot be read is a problem like others.
 */
int recipe_examine(const struct recipe_options *options, struct problems *problems, struct recipe *recipe,
		   struct error *e) MUST_CHECK;

/* Keep the entries whose filters match. Errors: ERROR_RECIPE where a release cannot be compared as a filter wants. */
int recipe_filter(struct recipe *recipe, struct error *e) MUST_CHECK;

/*
 * Keep the entries whose filters match the image that `image` describes, and refuse with ERROR_UNSUPPORTED,
 * naming the place, whatever is left that this version does not run (downloaders, managers, generators,
 * flags …). Templates of what is left are checked; a mistake in one is ERROR_RECIPE.
 */
int recipe_select(struct recipe *recipe, struct error *e) MUST_CHECK;

/*
 * The images that RECIPE, loaded without a cell, is for, in the order of the axes with the last one fastest; without
 * a matrix the one that `image` describes. They belong to the recipe.
 * Errors: ERROR_RECIPE: nothing is left, too many, two are the same.
 */
int recipe_cells(struct recipe *recipe, struct recipe_cell **cells, size_t *count, struct error *e)
	MUST_CHECK;

/*
 * The path of NAME, found at PLACE: a relative one starts at the folder of the file it stands in, wherever kiln is
 * started; one from the command line at the recipe's. In the recipe's arena.
 */
const char *recipe_beside(struct recipe *recipe, const char *name, const struct place *place);
/* Whether TEXT may be the name of an image on a server. */
bool recipe_is_alias(const char *text);

/* Fix the serial, unless the recipe gives one, from the date of the build. */
void recipe_set_date(struct recipe *recipe, int64_t epoch_s);

/*
 * Expand TEXT, found at PLACE: {{ image.release }} and {% if %}. *out is malloc'ed and the caller's.
 * Errors: ERROR_RECIPE, with the line inside a longer text counted on from PLACE.
 */
int recipe_expand(const struct recipe *recipe, const char *text, const struct place *place, char **out,
		  struct error *e) MUST_CHECK;

void recipe_release(struct recipe *recipe);

/*
 * Put every value of one entry, as it is written, into the key of a layer: whatever is done with the entry later.
 * What a template in it expands to, and the content of files that it names, is the caller's to add.
 */
void recipe_describe_source(const struct recipe_source *source, struct layer_key *key);
void recipe_describe_repository(const struct repository *repository, struct layer_key *key);
void recipe_describe_file(const struct recipe_file *file, struct layer_key *key);
void recipe_describe_action(const struct recipe_action *action, struct layer_key *key);
/* The whole of a top-level section: "services". */
void recipe_describe_section(const struct recipe *recipe, const char *name, struct layer_key *key);

/* The word of the format for a generator or trigger: "cloud-init", "post-files". */
const char *generator_name(enum generator generator);
const char *trigger_name(enum trigger trigger);

#endif
