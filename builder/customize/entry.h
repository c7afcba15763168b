/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of the recipe's `files` at the time it is carried out: its strings expanded, its path in one
 * spelling, its owner and mode as numbers. Shared by the generators, which live in files.c, copy.c and
 * templates.c; no other stage includes this.
 */
#ifndef CUSTOMIZE_ENTRY_H
#define CUSTOMIZE_ENTRY_H

#include "customize/customize.h"

#include <sys/stat.h>

struct entry {
	const struct recipe_file *file; /* borrowed */
	char *path;                     /* owned; "/etc/motd"; NULL when the recipe gives none */
	char *content;                  /* owned; NULL likewise */
	char *source;                   /* owned; NULL likewise; as the host finds it */
	char *source_name;              /* owned; as the recipe writes it */
	bool path_is_folder;            /* it was written with a '/' at its end */
};

#define ENTRY_INIT ((struct entry) { .file = NULL })
#define auto_entry AUTO(entry_release)

/* Expand FILE. Errors name its place. */
int entry_expand(const struct recipe *recipe, const struct recipe_file *file, struct entry *entry,
		 struct error *e) MUST_CHECK;
void entry_release(struct entry *entry);

/*
 * PATH in one spelling: a '/' in front, none at its end, no empty and no "." part; malloc'ed. ERROR_RECIPE
 * for "..", for the root itself, and for what is over-long.
 */
int path_normalise(const char *path, char **out, struct error *e) MUST_CHECK;

/* Owner and mode of an entry; what the recipe does not give is not set. */
struct access {
	bool has_mode;
	bool has_uid;
	bool has_gid;
	unsigned mode;
	uid_t uid;
	gid_t gid;
};

/* From texts of a recipe, each of which may be NULL. Names are looked up in the root's own passwd and group. */
int access_parse(int root_fd, const char *mode, const char *uid, const char *gid, struct access *access,
		 struct error *e) MUST_CHECK;
int entry_access(int root_fd, const struct recipe_file *file, struct access *access, struct error *e)
	MUST_CHECK;
/* OLD (what is there already, or a source) where ACCESS does not say otherwise. */
unsigned access_mode(const struct access *access, unsigned old);
uid_t access_uid(const struct access *access, uid_t old);
gid_t access_gid(const struct access *access, gid_t old);

/* NAME of the host, which starts at the folder of the recipe's part that has FILE if it is relative; malloc'ed. */
char *source_path(const struct recipe_file *file, const char *name);

/* Create the folders above PATH, a normalised one, where they are missing: 0755, as root. */
int make_parents(int root_fd, const char *path, struct error *e) MUST_CHECK;

/* Whether an entry of `files` puts a file at PATH, a normalised one, so that it is the recipe's own. */
bool recipe_writes(const struct recipe *recipe, const char *path);

/* The generators. Their errors name no place: the caller adds it. */
int generate_copy(const struct customize_site *site, const struct entry *entry, struct error *e) MUST_CHECK;
/* Put what a copy would take from the host into the key of a layer. */
int describe_copy(const struct entry *entry, struct layer_key *key, struct error *e) MUST_CHECK;
/* Visit the regular files that a copy would take. */
int list_copy(const struct entry *entry, customize_source_fn visit, void *context, struct error *e)
	MUST_CHECK;
int generate_template(const struct entry *entry, struct image_templates *templates, struct error *e)
	MUST_CHECK;
int generate_hostname(const struct entry *entry, struct image_templates *templates, struct error *e)
	MUST_CHECK;
int generate_hosts(const struct customize_site *site, const struct entry *entry,
		   struct image_templates *templates, struct error *e) MUST_CHECK;
int generate_cloud_init(const struct entry *entry, struct image_templates *templates, struct error *e)
	MUST_CHECK;
/* Ascending order of path. */
void templates_sort(struct image_templates *templates);

#endif
