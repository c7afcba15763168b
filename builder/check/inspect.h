/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image is, and where its space goes: by package, as dpkg's database says and as its files are; by folder; by
 * file. The root is read once, as a stream; names and sizes of its entries are kept, and the content of the database.
 */
#ifndef CHECK_INSPECT_H
#define CHECK_INSPECT_H

#include "base/digest.h"
#include "image/image.h"
#include "image/metadata.h"

struct inspect_package {
	const char *name; /* with ":ARCHITECTURE" where dpkg has it in the names of its lists */
	const char *version;
	const char *architecture;
	uint64_t declared_bytes; /* Installed-Size, which is rounded, and from the day the package was made */
	uint64_t
		real_bytes; /* of the regular files in its list; one of several packages is the first one's */
	size_t file_count;
};

struct inspect_place {
	const char *path;
	uint64_t bytes; /* of a folder: with all below it */
};

struct inspect_places {
	struct inspect_place *items; /* the largest first */
	size_t count;
};

struct inspect_report {
	struct arena arena;
	struct metadata metadata;
	const char *metadata_problem; /* NULL: it could be read */
	struct digest fingerprint;
	bool unverified;     /* its record says that the archives were used without a good signature */
	const char *system;  /* PRETTY_NAME of os-release, or NULL */
	uint64_t root_bytes; /* of all regular files, each once */
	size_t file_count;   /* names; those of one file count each */
	size_t folder_count;
	size_t link_count;
	size_t special_count;             /* devices and pipes */
	struct inspect_package *packages; /* installed ones; by real_bytes, the largest first */
	size_t package_count;
	uint64_t declared_bytes;       /* of all packages */
	uint64_t owned_bytes;          /* of all files that are in a list */
	struct inspect_places folders; /* without those of which one folder in it has nine tenths */
	struct inspect_places files;
};

#define INSPECT_REPORT_INIT ((struct inspect_report) { .packages = NULL })
#define auto_inspect_report AUTO(inspect_report_release)

int inspect_image(const struct image *image, struct inspect_report *report, struct error *e) MUST_CHECK;
void inspect_report_release(struct inspect_report *report);

/* Printed forms: for people, and one JSON object. */
void inspect_print(const struct image *image, const struct inspect_report *report, struct buffer *out);
void inspect_print_json(const struct image *image, const struct inspect_report *report, struct buffer *out);

#endif
