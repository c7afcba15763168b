/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_record.h"

#include "base/root.h"

#include <fcntl.h>

#define INFO_DIR "/var/lib/dpkg/info/"

static int write_info(int root_fd, const char *info_name, const char *member, const void *data, size_t len,
		      unsigned mode, struct error *e)
{
	auto_free char *path = xasprintf(INFO_DIR "%s.%s", info_name, member);

	return root_write(root_fd, path, data ? data : "", len, mode, 0, 0, e);
}

static void list_paths(const struct deb_run *run, const struct deb_job *job, bool links, struct buffer *text)
{
	for (size_t i = 0; i < job->path_count; i++) {
		const struct deb_path *path = &job->paths[i];

		if (path->link != links ||
		    (path->claim && !deb_paths_is_listed(&run->paths, path->claim, job->owner)))
			continue;
		buffer_adds(text, path->path);
		buffer_addc(text, '\n');
	}
}

static int write_list(const struct deb_run *run, const struct deb_job *job, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	/* dpkg, too, looks at links when all else is there. */
	list_paths(run, job, false, &text);
	list_paths(run, job, true, &text);
	return write_info(run->site->root_fd, job->control.info_name, "list", text.data, text.len, 0644, e);
}

/* dpkg makes up for the digests that a package does not bring. What a later package takes stays among them. */
static int write_digests(const struct deb_run *run, const struct deb_job *job, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	if (deb_control_member(&job->control, "md5sums"))
		return 0;
	for (size_t i = 0; i < job->path_count; i++) {
		const struct deb_path *path = &job->paths[i];

		if (path->md5 && (path->claim->owner > job->owner ||
				  deb_paths_is_listed(&run->paths, path->claim, job->owner)))
			buffer_addf(&text, "%s  %s\n", path->md5, path->path + 1);
	}
	return write_info(run->site->root_fd, job->control.info_name, "md5sums", text.data, text.len, 0644,
			  e);
}

/* dpkg renames what it has unpacked from control.tar, so that it keeps the time it has there. */
static int set_info_time(int root_fd, const char *info_name, const struct deb_member *member, struct error *e)
{
	auto_free char *path = xasprintf(INFO_DIR "%s.%s", info_name, member->name);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = member->mtime_s } };
	auto_close int dir_fd = -1;
	const char *name;

	if (root_open_parent(root_fd, path, &dir_fd, &name, e) < 0)
		return -1;
	if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the time of '%s' in the root", path);
	return 0;
}

static int write_members(const struct deb_run *run, const struct deb_job *job, struct error *e)
{
	for (size_t i = 0; i < job->control.member_count; i++) {
		const struct deb_member *member = &job->control.members[i];

		if (write_info(run->site->root_fd, job->control.info_name, member->name, member->data,
			       member->len, member->mode, e) < 0 ||
		    set_info_time(run->site->root_fd, job->control.info_name, member, e) < 0)
			return -1;
	}
	return 0;
}

/* Whoever has lost a path to another package's conffile keeps it as an obsolete conffile, if it was one. */
static void disown_conffiles(const struct deb_run *run, struct deb_job *jobs, struct deb_status *status)
{
	size_t installed = run->paths.installed_count;

	for (size_t i = 0; i < run->paths.loss_count; i++) {
		const struct deb_loss *loss = &run->paths.losses[i];
		struct deb_job_conffile *lost;

		if (!map_get(&jobs[loss->taker - installed].conffile_by_path, text_of(loss->path)))
			continue;
		if (loss->owner < installed) {
			deb_status_disown_conffile(status, status->packages[loss->owner], loss->path);
			continue;
		}
		lost = map_get(&jobs[loss->owner - installed].conffile_by_path, text_of(loss->path));
		if (lost)
			lost->lost = true;
	}
}

/* What is recorded of a conffile of JOB already: by itself before it was removed, or by another package. */
static struct text known_digest(const struct deb_run *run, const struct deb_job *job,
				const struct deb_job_conffile *conffile, const struct deb_status *status)
{
	const struct deb_paths *paths = &run->paths;
	const char *path = conffile->conffile->path;
	const struct deb_status_package *former =
		deb_status_find(status, job->control.package, job->control.architecture);
	struct text digest = { NULL, 0 };

	if (former)
		digest = deb_status_conffile(former, path);
	for (size_t i = 0; !digest.ptr && i < paths->loss_count; i++)
		if (paths->losses[i].taker == job->owner && paths->losses[i].owner < paths->installed_count &&
		    strcmp(paths->losses[i].path, path) == 0)
			digest = deb_status_conffile(status->packages[paths->losses[i].owner], path);
	if (!digest.ptr && conffile->lost && conffile->claim->owner < paths->installed_count)
		digest = deb_status_conffile(status->packages[conffile->claim->owner], path);
	return digest.ptr ? digest : TEXT("newconffile");
}

/* The field Conffiles as dpkg has it after unpacking; what is not in its place yet is "newconffile". */
static void conffiles_text(const struct deb_run *run, const struct deb_job *job,
			   const struct deb_status *status, struct buffer *text)
{
	for (size_t i = 0; i < job->control.conffile_count; i++) {
		const struct deb_job_conffile *conffile = &job->conffiles[i];
		bool placed = run->mode == DEB_CONFFILES_DIRECT && conffile->md5 && !conffile->lost;
		struct text digest =
			placed ? text_of(conffile->md5) : known_digest(run, job, conffile, status);

		buffer_addf(text, "\n %s %.*s%s%s", conffile->conffile->path, TEXT_ARG(digest),
			    conffile->lost ? " obsolete" : "",
			    conffile->conffile->remove_on_upgrade ? " remove-on-upgrade" : "");
	}
}

/* Take the paths that OWNER, an installed package, has lost out of its list. */
static int rewrite_list(const struct deb_run *run, size_t owner, struct error *e)
{
	const struct deb_paths *paths = &run->paths;
	auto_map struct map lost = MAP_INIT;
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *data = NULL;
	auto_free char *file = xasprintf(INFO_DIR "%s.list", paths->owners[owner].info_name);
	struct text rest = { NULL, 0 };
	size_t len = 0;

	for (size_t i = 0; i < paths->loss_count; i++)
		if (paths->losses[i].owner == owner)
			map_put(&lost, text_of(paths->losses[i].path), &paths->losses[i]);
	if (!lost.count)
		return 0;
	if (root_read(run->site->root_fd, file, &data, &len, e) < 0)
		return -1;
	rest = (struct text) { data, len };
	while (rest.ptr && rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (line.len && !map_get(&lost, line)) {
			buffer_add(&text, line.ptr, line.len);
			buffer_addc(&text, '\n');
		}
	}
	return write_info(run->site->root_fd, paths->owners[owner].info_name, "list", text.data, text.len,
			  0644, e);
}

int deb_record(struct deb_run *run, struct deb_job *jobs, size_t count, struct deb_status *status,
	       struct error *e)
{
	if (deb_record_triggers(run, jobs, count, status, e) < 0)
		return -1;
	disown_conffiles(run, jobs, status);
	for (size_t i = 0; run->paths.loss_count && i < run->paths.installed_count; i++)
		if (rewrite_list(run, i, e) < 0)
			return -1;
	for (size_t i = 0; i < count; i++) {
		auto_buffer struct buffer conffiles = BUFFER_INIT;

		if (write_list(run, &jobs[i], e) < 0 || write_members(run, &jobs[i], e) < 0 ||
		    write_digests(run, &jobs[i], e) < 0)
			return error_wrap(e, "package '%s'", jobs[i].control.package);
		conffiles_text(run, &jobs[i], status, &conffiles);
		deb_status_put(status, &jobs[i].control, DEB_UNPACKED, conffiles.data);
	}
	return deb_status_write(run->site->root_fd, status, e);
}
