/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One package on its way into the root: its files are placed by a thread of the pool (deb_job.c), its links
 * after all threads are done (deb_links.c), and what dpkg records of it last (deb_record.c).
 *
 * Links wait because a link may lead to a folder: were they placed as they come, it would depend on timing
 * through which of two names another package's files go.
 */
#ifndef UNPACK_DEB_JOB_H
#define UNPACK_DEB_JOB_H

#include "base/budget.h"
#include "unpack/deb.h"
#include "unpack/deb_excludes.h"
#include "unpack/deb_overrides.h"
#include "unpack/deb_paths.h"

/* What is the same for all jobs of one deb_unpack_packages(). */
struct deb_run {
	const struct unpack_site *site;
	enum deb_conffile_mode mode;
	struct deb_paths paths;
	struct deb_overrides overrides;
	struct deb_excludes excludes;
	struct budget memory; /* of all decoders */
};

/* A line of the package's list. */
struct deb_path {
	const char *path;
	const struct deb_claim *claim; /* NULL: the root itself, and what the recipe leaves out */
	const char *md5;               /* of a regular file, where it was asked for */
	bool link;                     /* a symbolic link */
	bool waiting;                  /* a link that is not placed yet */
};

/* A symbolic link that waits. */
struct deb_link {
	size_t path; /* place in PATHS */
	struct entry entry;
};

struct deb_job_conffile {
	const struct deb_conffile *conffile;
	const struct deb_claim *claim; /* NULL when nothing was shipped */
	const char *md5;               /* of what was shipped; NULL when nothing was */
	bool lost;                     /* to a package that replaces this one's */
};

struct deb_job {
	size_t position;            /* in the plan */
	size_t owner;               /* in the run's paths */
	struct deb_control control; /* its arena holds all text of the job */
	struct deb_path *paths;
	size_t path_count;
	struct map path_numbers; /* path → its place in PATHS + 1; for the first INDEXED_COUNT of them */
	size_t indexed_count;
	struct deb_link *links;
	size_t link_count;
	struct deb_job_conffile *conffiles; /* as many as CONTROL has, in that order */
	struct map conffile_by_path;
	struct meter_sum spent;
};

/* Open the package and place all of it but its links. */
int deb_job_unpack(struct deb_run *run, struct deb_job *job, struct error *e) MUST_CHECK;
void deb_job_release(struct deb_job *job);
/* Set *e: what JOB has at PATH is not what another architecture of its package brought. Returns -1. */
int deb_job_differs(const struct deb_job *job, const char *path, struct error *e);

/*
 * Place the links of JOB that are not placed yet. FINAL: all packages are there, so a folder that only later
 * packages made where JOB has a link is merged into what the link leads to.
 */
int deb_job_place_links(struct deb_run *run, struct deb_job *job, struct placer *placer, bool final,
			struct error *e) MUST_CHECK;

/* Owner, mode and time of every folder that the run has made, and the time of those that it has put something into. */
int deb_run_finish_folders(struct deb_run *run, struct error *e) MUST_CHECK;

#endif
