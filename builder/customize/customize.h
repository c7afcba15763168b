/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 7. What the recipe asks for beyond packages: repositories, files, templates and actions, and the
 * cleaning that leaves nothing of the build or its host in the root.
 */
#ifndef CUSTOMIZE_CUSTOMIZE_H
#define CUSTOMIZE_CUSTOMIZE_H

#include "base/alloc.h"
#include "base/log.h"
#include "base/meter.h"
#include "recipe/recipe.h"

struct layer_key;
struct plan;
struct sandbox;

/* One file that the daemon renders in each instance (LXD's image format, metadata.yaml `templates`). */
struct image_template {
	const char *path;        /* in the instance: "/etc/hostname" */
	const char *name;        /* of the file below templates/: "hostname.tpl" */
	const char *content;     /* of that file */
	struct string_list when; /* create, copy, start, rename */
	struct template_property *properties;
	size_t property_count;
	bool create_only;
	const char *uid; /* owner and mode of the file, where the template creates it; NULL: not given */
	const char *gid;
	const char *mode;   /* with a 0 in front, as Incus reads it */
	struct place place; /* of the recipe's entry that asked for it */
};

/* The templates of an image in ascending order of path. */
struct image_templates {
	struct arena arena;
	struct image_template *items;
	size_t count;
};

#define IMAGE_TEMPLATES_INIT ((struct image_templates) { .items = NULL })
#define auto_image_templates AUTO(image_templates_release)

struct customize_site {
	int root_fd;
	const struct recipe *recipe;
	const struct sandbox *sandbox; /* for actions, with network; for locales, without */
	const struct plan *plan;
	int64_t epoch_s; /* the date of the image; 0: not known */
	struct log *log;
	struct meter *meter; /* borrowed; may be NULL */
};

/*
 * The package sources of the image: /etc/apt/sources.list[.d] and the keys they need. Addresses are the
 * recipe's own: no mirror rule is known here.
 */
int deb_customize_repositories(const struct customize_site *site, struct error *e) MUST_CHECK;
/*
 * Run one action. Errors: ERROR_ACTION with place in the recipe, exit status and last lines of output, all in
 * one line; ERROR_RECIPE for a script without an interpreter line.
 */
int customize_action(const struct customize_site *site, const struct recipe_action *action, struct error *e)
	MUST_CHECK;
/*
 * What is wrong with an instance template at PLACE: MESSAGE, without the place. A doubtful one the daemons take. 0 to
 * go on; else -1, with *e set, is the result of the search.
 */
typedef int (*template_report_fn)(void *context, bool is_doubtful, const struct place *place,
				  const struct error *message, struct error *e);

/*
 * Look through the instance templates that `files` hold as they are, before anything is built, and report what LXD
 * and Incus would refuse (ERROR_RECIPE, ERROR_UNSUPPORTED), and what is doubtful. What is known only later, such as
 * those with `pongo`, customize_files() looks at.
 */
int customize_check_templates(const struct recipe *recipe, template_report_fn report, void *context,
			      struct error *e) MUST_CHECK;
/*
 * Run the generators of `files` in their order. TEMPLATES receives what the daemon renders later. Errors name
 * the entry's place; two templates of one path or one file name are ERROR_RECIPE unless they are identical.
 */
int customize_files(const struct customize_site *site, struct image_templates *templates, struct error *e)
	MUST_CHECK;

/* What a recipe says in words, by the step of the chain that carries it out. setup.c says what is in which. */
enum customize_setup {
	CUSTOMIZE_ACCOUNTS, /* behind all packages */
	CUSTOMIZE_LOCALES,  /* behind accounts; runs a program of the root where this machine can */
	CUSTOMIZE_SYSTEM,   /* behind the files, before the actions that see them */
	CUSTOMIZE_IDENTITY, /* behind all actions, which may need a resolver */
};
/* Whether RECIPE asks for anything in STEP. */
bool customize_has_setup(const struct recipe *recipe, enum customize_setup step);
/* Carry it out. Errors: ERROR_RECIPE with the place, for what the root does not have. */
int customize_setup(const struct customize_site *site, enum customize_setup step, struct error *e) MUST_CHECK;

/* Remove what a build leaves behind. The table in clean.c says what, and why. */
int customize_clean(const struct customize_site *site, struct error *e) MUST_CHECK;

/*
 * What each of these reads beside the root, for the key of a layer: values of the recipe, what its templates
 * expand to, files of the host. SITE needs recipe and epoch_s only.
 */
int deb_describe_repositories(const struct customize_site *site, struct layer_key *key, struct error *e)
	MUST_CHECK;
int customize_describe_action(const struct customize_site *site, const struct recipe_action *action,
			      struct layer_key *key, struct error *e) MUST_CHECK;
int customize_describe_files(const struct customize_site *site, struct layer_key *key, struct error *e)
	MUST_CHECK;
void customize_describe_setup(const struct customize_site *site, enum customize_setup step,
			      struct layer_key *key);
int customize_describe_clean(const struct customize_site *site, struct layer_key *key, struct error *e)
	MUST_CHECK;

/*
 * Every file of the host that `files` name, by the path under which it is opened: what a copy takes, the text of a
 * template. For links there is no call.
 */
typedef int (*customize_source_fn)(void *context, int dir_fd, const char *name, const char *path,
				   struct error *e);
int customize_sources(const struct recipe *recipe, customize_source_fn visit, void *context, struct error *e)
	MUST_CHECK;

void image_templates_release(struct image_templates *templates);
/* As text that is kept beside a layer, malloc'ed, and back again (without places). Errors: ERROR_FORMAT. */
int image_templates_write(const struct image_templates *templates, char **text, struct error *e) MUST_CHECK;
int image_templates_read(const char *text, size_t len, struct image_templates *templates, struct error *e)
	MUST_CHECK;

/*
 * The environment of actions and scripts: defaults, SOURCE_DATE_EPOCH, then the recipe's variables, which win.
 * Malloc'ed, NULL-terminated, always in the same order.
 */
char **customize_environment(const struct recipe *recipe, int64_t epoch_s);

#endif
