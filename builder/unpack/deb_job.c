/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_job.h"

#include "base/interrupt.h"
#include "base/limits.h"
#include "base/root.h"
#include "plan/plan.h"
#include "unpack/deb_source.h"

#define DPKG_NEW_SUFFIX ".dpkg-new"

/* A job in the hands of one thread. */
struct worker {
	struct deb_run *run;
	struct deb_job *job;
	struct placer placer;
	bool digests; /* dpkg makes the list of digests for a package that brings none */
};

#define auto_worker AUTO(worker_release)

static void worker_release(struct worker *worker)
{
	placer_release(&worker->placer);
}

void deb_job_release(struct deb_job *job)
{
	map_release(&job->conffile_by_path);
	map_release(&job->path_numbers);
	free(job->paths);
	free(job->links);
	free(job->conffiles);
	deb_control_release(&job->control);
}

static int place_folder(struct worker *worker, const struct place_dir *dir, const char *name,
			const char *path, size_t owner, const struct entry *entry,
			const struct deb_claim **out, struct error *e)
{
	struct deb_paths *paths = &worker->run->paths;
	struct deb_claim *claim;
	enum deb_verdict verdict;
	int made;

	if (deb_paths_claim(paths, dir, name, path, owner, entry, &claim, &verdict, e) < 0)
		return -1;
	/* A link to a folder that is another package's: this package has the path in its list as well. */
	*out = claim->kind == CLAIM_DIRECTORY || claim->kind == CLAIM_KEPT ? claim : NULL;
	if (verdict != VERDICT_CREATE)
		return 0;
	made = placer_make_dir(&worker->placer, dir, name, path, e);
	deb_paths_settle_directory(paths, claim, made != 1);
	return made < 0 ? -1 : 0;
}

/*
 * The folders above PATH, which the package did not bother to ship, as if a package behind all others had
 * shipped them.
 */
static int make_parents(struct worker *worker, const char *path, struct error *e)
{
	static const struct entry plain = { .type = ENTRY_DIRECTORY, .mode = 0755 };

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *above = arena_strndup(&worker->job->control.arena, path, (size_t)(slash - path));
		const struct place_dir *dir;
		const struct deb_claim *claim;
		const char *name;
		int r = placer_parent(&worker->placer, above, &dir, &name, e);

		if (r == 0)
			return error_set(e, ERROR_FORMAT, "'%s' is in something that is no folder", path);
		if (r < 0 || place_folder(worker, dir, name, above, worker->run->paths.owner_count, &plain,
					  &claim, e) < 0)
			return -1;
	}
	return 0;
}

static int find_parent(struct worker *worker, const char *path, const struct place_dir **dir,
		       const char **name, struct error *e)
{
	int r = placer_parent(&worker->placer, path, dir, name, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	/* The way may lead through one of the package's own links, which are only waiting. */
	if (deb_job_place_links(worker->run, worker->job, &worker->placer, false, e) < 0 ||
	    make_parents(worker, path, e) < 0)
		return -1;
	r = placer_parent(&worker->placer, path, dir, name, e);
	if (r == 0)
		return error_set(e, ERROR_FORMAT, "'%s' is in something that is no folder", path);
	return r < 0 ? -1 : 0;
}

static int unpack_folder(struct worker *worker, struct deb_path *record, const struct entry *entry,
			 struct error *e)
{
	const struct place_dir *dir;
	const char *name;

	if (find_parent(worker, record->path, &dir, &name, e) < 0)
		return -1;
	return place_folder(worker, dir, name, record->path, worker->job->owner, entry, &record->claim, e);
}

/* The name that a conffile waits under for dpkg --configure, from the job's arena. */
static int new_name(struct deb_job *job, const char *name, const char **out, struct error *e)
{
	if (strlen(name) + strlen(DPKG_NEW_SUFFIX) > 255)
		return error_set(e, ERROR_FORMAT, "conffile '%s' has too long a name", name);
	*out = arena_printf(&job->control.arena, "%s%s", name, DPKG_NEW_SUFFIX);
	return 0;
}

static bool waits(const struct worker *worker, const struct deb_job_conffile *conffile)
{
	return conffile && worker->run->mode == DEB_CONFFILES_NEW;
}

/* What the package has shipped as PATH so far, or NULL. */
static const struct deb_path *find_path(struct deb_job *job, const char *path)
{
	uintptr_t number;

	/* Only packages with hard links ask; the others need no index. */
	for (; job->indexed_count < job->path_count; job->indexed_count++)
		map_put(&job->path_numbers, text_of(job->paths[job->indexed_count].path),
			(void *)(uintptr_t)(job->indexed_count + 1));
	number = (uintptr_t)map_get(&job->path_numbers, text_of(path));
	return number ? &job->paths[number - 1] : NULL;
}

/* A hard link to one of the package's own links: that one must be there first. */
static int prepare_target(struct worker *worker, const struct entry *entry, const char **target,
			  struct error *e)
{
	const struct deb_path *shipped;

	if (deb_file_path(&worker->job->control.arena, entry->target, target, e) < 0)
		return error_wrap(e, "hard link '%s'", entry->path);
	if (strcmp(*target, "/.") == 0)
		return error_set(e, ERROR_FORMAT, "'%s' is a hard link to a folder", entry->path);
	if (strcmp(*target, entry->path) == 0)
		return error_set(e, ERROR_FORMAT, "'%s' is a hard link to itself", entry->path);
	shipped = find_path(worker->job, *target);
	if (shipped && !shipped->claim && !shipped->waiting)
		return error_set(
			e, ERROR_RECIPE,
			"'exclude_paths' leaves out '%s', and '%s' is a hard link to it: leave out both, or "
			"none",
			*target, entry->path);
	if (!shipped || !shipped->waiting)
		return 0;
	return deb_job_place_links(worker->run, worker->job, &worker->placer, false, e);
}

/* Another name of a file that the package has shipped before. */
static int place_hard_link(struct worker *worker, const struct entry *entry, const struct place_dir *dir,
			   const char *name, const char **md5, struct error *e)
{
	struct deb_job *job = worker->job;
	const struct place_dir *from;
	const char *target = entry->target;
	const char *used;
	const char *from_name;
	const struct deb_path *shipped;
	int r;

	if (deb_overrides_redirect(&worker->run->overrides, job->control.package, target, &used, e) < 0)
		return -1;
	shipped = find_path(job, target);
	*md5 = shipped ? shipped->md5 : NULL;
	r = placer_parent(&worker->placer, used, &from, &from_name, e);
	if (r > 0 && waits(worker, map_get(&job->conffile_by_path, text_of(target))) &&
	    new_name(job, from_name, &from_name, e) < 0)
		return -1;
	if (r > 0)
		r = placer_link(&worker->placer, from, from_name, dir, name, e);
	if (r == 0)
		return error_set(e, ERROR_FORMAT, "hard link '%s' to '%s', which is not there", entry->path,
				 target);
	return r < 0 ? -1 : 0;
}

static int place_content(struct worker *worker, const struct entry *entry, const struct place_dir *dir,
			 const char *name, bool replace, struct tar *tar, bool digest, const char **md5,
			 struct error *e)
{
	char hex[MD5_HEX_LEN + 1];

	if (entry->type == ENTRY_HARD_LINK)
		return place_hard_link(worker, entry, dir, name, md5, e);
	if (placer_create(&worker->placer, dir, name, entry, replace, tar, digest ? hex : NULL, e) < 0)
		return -1;
	if (digest && entry->type == ENTRY_FILE)
		*md5 = arena_strdup(&worker->job->control.arena, hex);
	return 0;
}

int deb_job_differs(const struct deb_job *job, const char *path, struct error *e)
{
	return error_set(e, ERROR_FORMAT,
			 "package '%s' tries to overwrite shared '%s', which is different from other "
			 "instances of package '%s'",
			 job->control.info_name, path, job->control.package);
}

/* Another architecture of the same package brought it; dpkg's rule is that both are the same. */
static int compare_shared(struct worker *worker, const struct entry *entry, const struct place_dir *dir,
			  const char *name, struct tar *tar, const char **md5, struct error *e)
{
	char hex[MD5_HEX_LEN + 1];
	int same;

	if (entry->type != ENTRY_FILE)
		return 0;
	same = placer_compare(dir, name, entry, tar, hex, e);
	if (same == 0)
		return deb_job_differs(worker->job, entry->path, e);
	*md5 = arena_strdup(&worker->job->control.arena, hex);
	return same < 0 ? -1 : 0;
}

/* A package that replaces this one has it. If that one comes later, dpkg would have unpacked this file before. */
static int leave_file(struct worker *worker, struct deb_path *record, struct deb_job_conffile *conffile,
		      const struct entry *entry, struct tar *tar, struct error *e)
{
	char hex[MD5_HEX_LEN + 1];

	if (conffile)
		conffile->lost = true;
	if (!worker->digests || entry->type != ENTRY_FILE)
		return 0;
	if (placer_digest(entry, tar, hex, e) < 0)
		return -1;
	record->md5 = arena_strdup(&worker->job->control.arena, hex);
	return 0;
}

static int unpack_file(struct worker *worker, struct deb_path *record, struct entry *entry, struct tar *tar,
		       struct error *e)
{
	struct deb_run *run = worker->run;
	struct deb_job *job = worker->job;
	struct deb_job_conffile *conffile = map_get(&job->conffile_by_path, text_of(record->path));
	const struct place_dir *dir;
	struct deb_claim *claim;
	enum deb_verdict verdict;
	const char *used;
	const char *name;
	int r;

	if (entry->type == ENTRY_HARD_LINK && prepare_target(worker, entry, &entry->target, e) < 0)
		return -1;
	if (deb_overrides_redirect(&run->overrides, job->control.package, record->path, &used, e) < 0 ||
	    find_parent(worker, used, &dir, &name, e) < 0 ||
	    deb_paths_claim(&run->paths, dir, name, record->path, job->owner, entry, &claim, &verdict, e) < 0)
		return -1;
	record->claim = claim;
	if (conffile)
		conffile->claim = claim;
	if (verdict == VERDICT_LEAVE)
		return leave_file(worker, record, conffile, entry, tar, e);
	/* Beside a link of its name, too; and dpkg --configure will not look for it there. */
	if (waits(worker, conffile) && new_name(job, name, &name, e) < 0)
		r = -1;
	else if (verdict == VERDICT_COMPARE && !waits(worker, conffile))
		r = compare_shared(worker, entry, dir, name, tar, &record->md5, e);
	else
		r = place_content(worker, entry, dir, name, verdict != VERDICT_CREATE, tar,
				  worker->digests || conffile, &record->md5, e);
	deb_paths_settle(&run->paths, claim);
	if (conffile)
		conffile->md5 = record->md5;
	return r;
}

static void wait_link(struct deb_job *job, const struct entry *entry)
{
	struct deb_link link = { .path = job->path_count - 1, .entry = *entry };

	link.entry.target = arena_strdup(&job->control.arena, entry->target);
	/* The kernel keeps no attributes of links but those of security modules, which are not the package's. */
	link.entry.xattrs = NULL;
	link.entry.xattr_count = 0;
	job->paths[job->path_count - 1].waiting = true;
	PUSH(job->links, job->link_count, link);
}

static int unpack_entry(struct worker *worker, struct entry *entry, struct tar *tar, struct error *e)
{
	struct deb_job *job = worker->job;
	const struct deb_job_conffile *conffile;
	const struct deb_override *override;
	struct deb_path record = { .path = NULL };
	int r;

	if (deb_file_path(&job->control.arena, entry->path, &record.path, e) < 0)
		return -1;
	record.link = entry->type == ENTRY_SYMLINK;
	PUSH(job->paths, job->path_count, record);
	if (strcmp(record.path, "/.") == 0)
		return entry->type == ENTRY_DIRECTORY
			       ? 0
			       : error_set(e, ERROR_FORMAT, "'%s' is no folder", entry->path);
	entry->path = record.path;
	if (entry->type == ENTRY_OTHER)
		return error_set(e, ERROR_FORMAT, "'%s' is of a type that packages may not have",
				 record.path);
	r = deb_excludes_match(&worker->run->excludes, record.path, entry, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	conffile = map_get(&job->conffile_by_path, text_of(record.path));
	if (conffile && conffile->conffile->remove_on_upgrade)
		return error_set(e, ERROR_FORMAT, "conffile '%s' is to be removed, and shipped", record.path);
	deb_overrides_owner(&worker->run->overrides, entry->user, entry->group, &entry->uid, &entry->gid);
	override = deb_overrides_attributes(&worker->run->overrides, record.path);
	if (override) {
		entry->uid = override->uid;
		entry->gid = override->gid;
		entry->mode = override->mode;
	}
	if (entry->type == ENTRY_SYMLINK && !waits(worker, conffile)) {
		wait_link(job, entry);
		return 0;
	}
	if (entry->type == ENTRY_DIRECTORY)
		r = unpack_folder(worker, &record, entry, e);
	else
		r = unpack_file(worker, &record, entry, tar, e);
	/* By its place: the array may have moved, but nothing was added behind it. */
	job->paths[job->path_count - 1] = record;
	return r;
}

static void index_conffiles(struct deb_job *job)
{
	job->conffiles = xcalloc(job->control.conffile_count + 1, sizeof *job->conffiles);
	for (size_t i = 0; i < job->control.conffile_count; i++) {
		job->conffiles[i].conffile = &job->control.conffiles[i];
		map_put(&job->conffile_by_path, text_of(job->control.conffiles[i].path), &job->conffiles[i]);
	}
}

/* Holes cost no byte in the package, and none on the disk; but all that reads them later has to. */
static int count_size(const struct worker *worker, const struct entry *entry, uint64_t *total_bytes,
		      struct error *e)
{
	const struct plan_package *package = &worker->run->site->plan->packages[worker->job->position];
	uint64_t limit = LIMIT_UNPACKED_BYTES + LIMIT_UNPACKED_RATIO * package->size_bytes;

	if (entry->type != ENTRY_FILE || entry->size_bytes <= 0)
		return 0;
	if ((uint64_t)entry->size_bytes > limit - *total_bytes)
		return error_set(e, ERROR_FORMAT, "'%s': its files have more than %llu bytes together",
				 entry->path, (unsigned long long)limit);
	*total_bytes += (uint64_t)entry->size_bytes;
	return 0;
}

static int unpack_data(struct worker *worker, struct deb_file *file, struct error *e)
{
	auto_tar struct tar *tar = NULL;
	uint64_t total_bytes = 0;
	struct entry entry;
	int r;

	if (deb_file_data(file, &tar, e) < 0)
		return -1;
	while ((r = tar_next(tar, &entry, e)) > 0) {
		if (interrupt_check(e) < 0 || count_size(worker, &entry, &total_bytes, e) < 0 ||
		    unpack_entry(worker, &entry, tar, e) < 0)
			return -1;
	}
	worker->job->spent.out_bytes += total_bytes;
	if (r < 0 || tar_finish(tar, e) < 0)
		return -1;
	deb_file_add_spent(file, &worker->job->spent);
	deb_file_keep(file);
	return 0;
}

int deb_job_unpack(struct deb_run *run, struct deb_job *job, struct error *e)
{
	auto_deb_file struct deb_file *file = NULL;
	auto_worker struct worker worker = { .run = run, .job = job };

	placer_init(&worker.placer, run->site->root_fd, (unsigned)job->owner);
	if (deb_source_open(run->site, &run->site->plan->packages[job->position], true, &run->memory, &file,
			    &job->control, e) < 0)
		return -1;
	deb_paths_announce(&run->paths, job->owner, &job->control);
	index_conffiles(job);
	worker.digests = !deb_control_member(&job->control, "md5sums");
	return unpack_data(&worker, file, e);
}
