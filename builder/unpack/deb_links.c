/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_job.h"

#include "base/file.h"
#include "base/root.h"

#include <fcntl.h>

enum { MERGE_DEPTH_MAX = 256, LINK_TEXT_MAX = 4096 };

/* Where a link at PATH with TARGET leads, as a path of the root from ARENA. The kernel resolves what is in it. */
static const char *link_leads_to(struct arena *arena, const char *path, const char *target)
{
	const char *slash = strrchr(path, '/');

	if (target[0] == '/' || !slash)
		return arena_printf(arena, "/%s", target);
	return arena_printf(arena, "%.*s/%s", (int)(slash - path), path, target);
}

/* Open the folder that such a link leads to: 1, or 0 when it is none. */
static int open_target(int root_fd, const char *path, const char *target, int *fd, struct error *e)
{
	struct arena arena = ARENA_INIT;
	int r = root_try_open(root_fd, link_leads_to(&arena, path, target), O_RDONLY | O_DIRECTORY, fd, e);

	arena_release(&arena);
	return r;
}

/* Whether the link that is at PATH leads to the same folder as one to TARGET would; dpkg then keeps it. */
static int leads_to_same(int root_fd, const char *path, const char *target, struct error *e)
{
	auto_close int there_fd = -1;
	auto_close int wanted_fd = -1;
	struct stat there;
	struct stat wanted;
	int r = root_try_open(root_fd, path, O_PATH | O_DIRECTORY, &there_fd, e);

	if (r <= 0)
		return r;
	r = open_target(root_fd, path, target, &wanted_fd, e);
	if (r <= 0)
		return r;
	if (fstat(there_fd, &there) < 0 || fstat(wanted_fd, &wanted) < 0)
		return error_sys(e, "cannot stat '%s' in the root", path);
	return there.st_dev == wanted.st_dev && there.st_ino == wanted.st_ino;
}

/* Move everything in FROM_FD to TO_FD; a name that both have must be a folder in both. */
static int merge_folder(int from_fd, int to_fd, unsigned depth, struct error *e)
{
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (depth > MERGE_DEPTH_MAX)
		return error_set(e, ERROR_FORMAT, "folders are nested more than %d deep", MERGE_DEPTH_MAX);
	if (dir_list(from_fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_close int from = -1;
		auto_close int to = -1;

		if (renameat2(from_fd, names[i], to_fd, names[i], RENAME_NOREPLACE) == 0)
			continue;
		if (errno != EEXIST) {
			result = error_sys(e, "cannot move '%s'", names[i]);
			break;
		}
		from = openat(from_fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		to = openat(to_fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (from < 0 || to < 0)
			result = error_set(e, ERROR_FORMAT, "'%s' comes from two packages", names[i]);
		else if (merge_folder(from, to, depth + 1, e) < 0)
			result = -1;
		else if (unlinkat(from_fd, names[i], AT_REMOVEDIR) < 0)
			result = error_sys(e, "cannot remove folder '%s'", names[i]);
	}
	names_free(names, count);
	return result;
}

/*
 * Packages behind OWNER in the order made a folder where OWNER has this link. Had they come one after the
 * other, their files would have gone through the link: they are moved to where it leads.
 */
static int turn_into_link(struct deb_run *run, struct placer *placer, const struct place_dir *dir,
			  const char *name, const char *path, size_t owner, struct deb_claim *claim,
			  const struct entry *entry, struct error *e)
{
	auto_close int from = -1;
	auto_close int to = -1;
	int root_fd = run->site->root_fd;
	int r = open_target(root_fd, path, entry->target, &to, e);

	if (r < 0 || root_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0, &from, e) < 0)
		return -1;
	if (r == 0)
		return error_set(e, ERROR_FORMAT,
				 "package '%s' tries to overwrite '%s', which is also in package '%s'",
				 run->paths.owners[claim->owner].name, path, run->paths.owners[owner].name);
	if (merge_folder(from, to, 0, e) < 0)
		return error_wrap(e, "'%s', a link to '%s' in package '%s'", path, entry->target,
				  run->paths.owners[owner].name);
	if (unlinkat(dir->fd, name, AT_REMOVEDIR) < 0)
		return error_sys(e, "cannot remove folder '%s' in the root", path);
	if (placer_create(placer, dir, name, entry, false, NULL, NULL, e) < 0)
		return -1;
	claim->kind = CLAIM_KEPT;
	claim->owner = owner;
	placer_forget(placer);
	return 0;
}

/* The links of a merged /usr are made before any package is there; the one that brings them says how old they are. */
static int adopt_link(const struct place_dir *dir, const char *name, const struct entry *entry,
		      struct error *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns } };

	if (utimensat(dir->fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the time of '%s'", entry->path);
	return 0;
}

/* Nobody else has a claim on this path; but something may be there that no package owns. */
static int create_link(const struct deb_run *run, struct placer *placer, const struct place_dir *dir,
		       const char *name, const char *path, bool replace, const struct entry *entry,
		       struct error *e)
{
	struct stat st;
	int same;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? placer_create(placer, dir, name, entry, false, NULL, NULL, e)
				       : error_sys(e, "cannot stat '%s' in the root", path);
	if (S_ISDIR(st.st_mode))
		return 0;
	same = S_ISLNK(st.st_mode) && !replace ? leads_to_same(placer->root_fd, path, entry->target, e) : 0;
	if (same > 0 && run->mode == DEB_CONFFILES_DIRECT)
		return adopt_link(dir, name, entry, e);
	if (same != 0)
		return same < 0 ? -1 : 0;
	return placer_create(placer, dir, name, entry, true, NULL, NULL, e);
}

static int compare_link(const struct deb_job *job, const struct place_dir *dir, const char *name,
			const struct entry *entry, struct error *e)
{
	char text[LINK_TEXT_MAX];
	ssize_t len = readlinkat(dir->fd, name, text, sizeof text);

	if (len == (ssize_t)strlen(entry->target) && memcmp(text, entry->target, (size_t)len) == 0)
		return 0;
	return deb_job_differs(job, entry->path, e);
}

/* 1 when the link is settled for good, 0 when it has to wait for the end. */
static int place_link(struct deb_run *run, struct deb_job *job, struct placer *placer, struct deb_link *link,
		      bool final, struct error *e)
{
	const char *path = job->paths[link->path].path;
	const struct place_dir *dir;
	struct deb_claim *claim;
	enum deb_verdict verdict;
	const char *used;
	const char *name;
	int r;

	link->entry.path = path;
	if (deb_overrides_redirect(&run->overrides, job->control.package, path, &used, e) < 0)
		return -1;
	r = placer_parent(placer, used, &dir, &name, e);
	if (r == 0 && final)
		return error_set(e, ERROR_FORMAT, "'%s' is in something that is no folder", path);
	if (r <= 0)
		return r;
	if (deb_paths_claim(&run->paths, dir, name, path, job->owner, &link->entry, &claim, &verdict, e) < 0)
		return -1;
	job->paths[link->path].claim = claim;
	if (verdict == VERDICT_LEAVE) {
		if (claim->kind != CLAIM_DIRECTORY || claim->owner <= job->owner)
			return 1;
		if (!final)
			return 0;
		r = turn_into_link(run, placer, dir, name, path, job->owner, claim, &link->entry, e);
		return r < 0 ? -1 : 1;
	}
	if (verdict == VERDICT_COMPARE)
		r = compare_link(job, dir, name, &link->entry, e);
	else
		r = create_link(run, placer, dir, name, path, verdict == VERDICT_REPLACE, &link->entry, e);
	deb_paths_settle(&run->paths, claim);
	return r < 0 ? -1 : 1;
}

int deb_job_place_links(struct deb_run *run, struct deb_job *job, struct placer *placer, bool final,
			struct error *e)
{
	for (size_t i = 0; i < job->link_count; i++) {
		struct deb_link *link = &job->links[i];
		int r = job->paths[link->path].waiting ? place_link(run, job, placer, link, final, e) : 1;

		if (r < 0)
			return -1;
		job->paths[link->path].waiting = r == 0;
	}
	return 0;
}

/*
 * Folders that were there before are as old as what was created in them. The kernel sees to that, but overlayfs, when
 * it copies something up, gives the folder above back the time that it had a moment before: where another thread has
 * created something at that moment, it would depend on timing which time stays.
 */
static int renew_folders(const struct deb_run *run, struct error *e)
{
	for (size_t i = 0; i < run->paths.folder_count; i++)
		if (place_dir_renew(run->site->root_fd, run->paths.folders[i], e) < 0)
			return -1;
	return 0;
}

int deb_run_finish_folders(struct deb_run *run, struct error *e)
{
	if (renew_folders(run, e) < 0)
		return -1;
	for (size_t i = 0; i < run->paths.directory_count; i++) {
		const struct deb_claim *claim = run->paths.directories[i];

		if (place_dir_attributes(run->site->root_fd, claim->path, claim->attributes, e) < 0)
			return -1;
	}
	return 0;
}
