/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a build is made of: the inputs. They stand in image.json under "inputs", and in a lock (RECIPE.lock) from
 * which a later build takes the same packages.
 *
 *	inputs_collect()   recipe, command line, kiln and its libraries → struct inputs
 *	inputs_json()      these, the indexes and the plan → a JSON object
 *	lock_write()       the part of it that decides what is installed → the text of a lock
 *	lock_read()        a lock, or an image.json → inputs, indexes and plan, as if they had been made now
 *	lock_check()       whether the recipe still is what the lock is of
 *	lock_compare()     two locks → what changed, as a changelog would say it
 *
 * Nothing in them depends on a clock, on the host or on the folder of the recipe: no mirror's address, no path above
 * the recipe, no password in an address. The order is stable: files by path, packages by name, steps as they are run.
 *
 * The object, as in image.json ("lock" marks what a lock has, too):
 *
 *	"kiln"        version (lock), build_id, libraries {name: version}
 *	"recipe"      (lock) name, cell, overrides ["key=value"], files [{path, size, sha256}]: paths start at the
 *	              folder of the recipe, unless the recipe itself names a file elsewhere
 *	"image"       (lock) distribution, release, variant, type, architecture (as .deb packages say it)
 *	"parameters"  formats ["unified"], compression, level
 *	"date"        (lock) of everything in the image: the newest of the archives, or SOURCE_DATE_EPOCH
 *	"archives"    (lock) [{url, suite, origin, label, codename, version, date, valid_until,
 *	              release: {url, size, sha256, signed_sha256}, indexes: [{component, architecture, url, size,
 *	              sha256, unpacked_sha256}]}]; signed_sha256 is of the text that is signed, without the signature
 *	"downloads"   (lock) [{name, url, size, sha256}]: what was fetched beside them, such as keys of a repository
 *	"packages"    (lock) [{name, version, architecture, source, suite, component, url, size, sha256,
 *	              installed_size, why, because_of, essential, automatic, depends [], pre_depends []}]: all that any
 *	              step installs; "source" is left out where it is the name, "because_of" where nothing is, and lists
 *	              and flags where they say nothing. In lists a package that is there in two versions is NAME=VERSION
 *	"merged_usr"  (lock) whether the root starts with a merged /usr
 *	"steps"       (lock) [{kind: base|install|remove, phase: base|sets, packages: []}], in the order of unpacking
 */
#ifndef LOCK_LOCK_H
#define LOCK_LOCK_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct index_set;
struct json_t; /* of jansson */
struct log;
struct plan;
struct recipe;
struct recipe_cell;

struct input_file {
	const char *path; /* from the recipe's folder */
	uint64_t size_bytes;
	struct digest sha256;
};

struct input_library {
	const char *name;
	const char *version;
};

/* All but the indexes and the plan, which are products of their own. */
struct inputs {
	struct arena arena;
	const char *recipe; /* name of its file, without folders; or "standard input" */
	const char *cell;   /* of its matrix; NULL: none */
	const char **overrides;
	size_t override_count;
	struct input_file *files; /* sorted by path, each once */
	size_t file_count;
	const char *distribution;
	const char *release;
	const char *variant;
	const char *type;
	const char *architecture; /* as .deb packages say it */
	int64_t epoch_s;          /* the date of everything in the image */
	const char *kiln;         /* version */
	const char *build_id;     /* hexadecimal; "" where it is not known, as in a lock */
	struct input_library *libraries;
	size_t library_count;
	const char **formats; /* these three: of image files; none in a lock */
	size_t format_count;
	const char *compression; /* name of the codec; NULL: none of it is known */
	int level;
};

#define INPUTS_INIT ((struct inputs) { .recipe = NULL })
#define auto_inputs AUTO(inputs_release)

struct input_options {
	const struct recipe *recipe; /* loaded and selected */
	const struct recipe_cell *cell;
	const char *const *overrides;
	size_t override_count;
	int64_t epoch_s;
};

/* Errors: ERROR_RECIPE or ERROR_SYSTEM for a file that the recipe names and that cannot be read. */
int inputs_collect(const struct input_options *options, struct inputs *inputs, struct error *e) MUST_CHECK;
void inputs_release(struct inputs *inputs);

/* A new JSON object. Errors: ERROR_RECIPE for text that is not UTF-8. */
int inputs_json(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
		struct json_t **json, struct error *e) MUST_CHECK;

#endif
