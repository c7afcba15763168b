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
 *	"parameters"  formats ["unified"], compression "unified=zstd-3"
 *	"date"        (lock) of everything in the image: the newest of the archives, or SOURCE_DATE_EPOCH
 *	"archives"    (lock) [{url, suite, origin, label, codename, version, date, valid_until, verified,
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
#include "base/log.h"
#include "base/text.h"
#include "fetch/fetch.h"
#include "index/index.h"
#include "plan/plan.h"

struct json_t; /* of jansson */
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
	const char **formats; /* these two: of image files; none in a lock */
	size_t format_count;
	const char *compression; /* as on the command line; NULL: none of it is known */
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

/* A lock that was read. What it says of digests is believed: it is the user's own file. */
struct lock {
	char *path;           /* owned; as errors name it */
	struct digest sha256; /* of its text */
	struct inputs inputs;
	struct index_set indexes; /* without the text of any index */
	struct plan plan;
	unsigned *lines; /* of the lock, for each package of the plan; owned */
};

#define LOCK_INIT ((struct lock) { .path = NULL })
#define auto_lock AUTO(lock_release)

/* The text of a lock, malloc'ed. Errors: as inputs_json(). */
int lock_write(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
	       char **text, struct error *e) MUST_CHECK;
/*
 * Read the lock in the file PATH, or the inputs in an image.json. Everything is checked: digests, names, addresses,
 * that each name in a list is a package, that the steps install each package once. Errors: ERROR_FORMAT with the
 * place; ERROR_UNSUPPORTED for a lock of another format; those of reading the file.
 */
int lock_read(const char *path, struct lock *lock, struct error *e) MUST_CHECK;
/* lock_read() of TEXT. */
int lock_parse(const char *path, const char *text, size_t len, struct lock *lock, struct error *e) MUST_CHECK;
void lock_release(struct lock *lock);

/*
 * Whether the lock is of NOW, what inputs_collect() has found: the same image, options and files. Another kiln is only
 * warned of. Errors: ERROR_DIGEST for a file that has changed, come or gone; ERROR_USAGE for another image or other
 * options.
 */
int lock_check(const struct lock *lock, const struct inputs *now, struct log *log, struct error *e)
	MUST_CHECK;

/*
 * Addresses in a lock have no passwords. Take those that the recipe's own ADDRESSES have: the archives are its.
 */
void lock_take_addresses(struct lock *lock, const char *const *addresses, size_t count);

/*
 * Where the package at POSITION of the lock's PLAN is to be had: as unpack_request(), named by its place in the lock;
 * and, when WITH_SNAPSHOTS, from the snapshots of its archive once the archive has it no more.
 */
struct fetch_request lock_request(const struct lock *lock, const struct plan *plan, size_t position,
				  bool with_snapshots, struct arena *arena);
/* Say behind the text of *e, which fetching these requests has set, what can be done about it. Returns -1. */
int lock_remedy(bool offline, struct error *e);

/* How one package, or all of one source package that changed alike, differs between two locks. */
enum lock_change_kind { LOCK_ADDED, LOCK_REMOVED, LOCK_UPGRADED, LOCK_DOWNGRADED, LOCK_REBUILT };

struct lock_change {
	enum lock_change_kind kind;
	const char *source;
	const char **names; /* of the packages, in their order */
	size_t name_count;
	const char *before; /* versions; NULL where there is none */
	const char *after;
	bool security; /* AFTER comes from an archive of security updates */
};

struct lock_changes {
	struct arena arena;
	struct lock_change *items; /* by kind, then security first, then by source and versions */
	size_t count;
	const char **others; /* what else has changed, a line each: files of the recipe, options, kiln */
	size_t other_count;
	const char **archives; /* that are of another date, a line each: no change by itself */
	size_t archive_count;
};

#define LOCK_CHANGES_INIT ((struct lock_changes) { .items = NULL })
#define auto_lock_changes AUTO(lock_changes_release)

/* What is different in NOW; both are borrowed only during the call. */
void lock_compare(const struct lock *before, const struct lock *now, struct lock_changes *changes);
/* Whether neither packages nor anything else but the dates of archives has changed. */
bool lock_is_same(const struct lock_changes *changes);
void lock_changes_release(struct lock_changes *changes);
/* For people: a line each, nothing when nothing has changed. */
void lock_changes_print(const struct lock_changes *changes, struct buffer *out);
struct json_t *lock_changes_json(const struct lock_changes *changes);

#endif
