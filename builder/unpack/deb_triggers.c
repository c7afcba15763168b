/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpkg's triggers directory: `File` has "PATH PACKAGE[/noawait]" for interest in paths, a file of the trigger's
 * name "PACKAGE[/noawait]" for any other, `Unincorp` "TRIGGER PACKAGE" (or "-") for what was activated.
 */
#include "unpack/deb_record.h"

#include "base/root.h"

#define TRIGGERS_DIR   "/var/lib/dpkg/triggers"
#define FILE_TRIGGERS  TRIGGERS_DIR "/File"
#define ACTIVATED      TRIGGERS_DIR "/Unincorp"
#define NOAWAIT_SUFFIX "/noawait"
#define NOBODY_WAITS   "-"

/* The interests of the packages that are configured: nobody else can be activated. */
struct interests {
	struct arena arena;
	int root_fd;
	const struct deb_status *status;
	const struct deb_overrides *overrides;
	struct map paths; /* of file triggers */
	struct map names; /* of all others: name → &is or &is_not */
	char is;
	char is_not;
};

/* Whether LINE, "PACKAGE[:ARCHITECTURE][/noawait]", names a configured package. */
static bool is_configured(const struct deb_status *status, struct text line)
{
	struct text rest;
	struct text word = text_cut(line, '/', &rest);
	struct text name = text_cut(word, ':', &rest);
	auto_free char *copy = xstrndup(name.ptr ? name.ptr : "", name.len);

	return deb_status_is_configured(status, copy);
}

static int read_file_triggers(struct interests *interests, struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;
	int r = root_read(interests->root_fd, FILE_TRIGGERS, &data, &len, e);
	struct text rest = { data, len };

	if (r <= 0)
		return r;
	while (rest.ptr && rest.len) {
		struct text package;
		struct text path = text_cut(text_cut(rest, '\n', &rest), ' ', &package);

		if (package.ptr && is_configured(interests->status, package))
			map_put(&interests->paths,
				text_of(arena_strndup(&interests->arena, path.ptr, path.len)),
				&interests->is);
	}
	return 0;
}

static int is_interesting_name(struct interests *interests, const char *name, bool *answer, struct error *e)
{
	const void *known = map_get(&interests->names, text_of(name));
	auto_free char *path = xasprintf(TRIGGERS_DIR "/%s", name);
	auto_free char *data = NULL;
	struct text rest = { NULL, 0 };
	size_t len = 0;

	*answer = known == &interests->is;
	if (known)
		return 0;
	if (root_read(interests->root_fd, path, &data, &len, e) < 0)
		return -1;
	rest = (struct text) { data, len };
	while (rest.ptr && rest.len)
		*answer = is_configured(interests->status, text_cut(rest, '\n', &rest)) || *answer;
	map_put(&interests->names, text_of(name), *answer ? &interests->is : &interests->is_not);
	return 0;
}

static void activate(struct buffer *out, const char *trigger, const char *package)
{
	buffer_addf(out, "%s %s\n", trigger, package);
}

/* A file trigger named by a package activates itself and those of every folder above it. */
static void activate_path(const struct interests *interests, const char *path, const char *package,
			  struct buffer *out)
{
	for (size_t len = strlen(path); len > 0; len--) {
		if (path[len] != '\0' && path[len] != '/')
			continue;
		if (map_get(&interests->paths, (struct text) { path, len })) {
			auto_free char *above = xstrndup(path, len);

			activate(out, above, package);
		}
	}
}

static int activate_for(struct interests *interests, const struct deb_job *job, struct buffer *out,
			struct error *e)
{
	for (size_t i = 0; i < job->control.trigger_count; i++) {
		const struct deb_trigger *trigger = &job->control.triggers[i];
		const char *waiting = trigger->await ? job->control.info_name : NOBODY_WAITS;
		bool wanted = false;

		if (trigger->interest)
			continue;
		if (trigger->name[0] == '/') {
			activate_path(interests, trigger->name, waiting, out);
			continue;
		}
		if (is_interesting_name(interests, trigger->name, &wanted, e) < 0)
			return -1;
		if (wanted)
			activate(out, trigger->name, waiting);
	}
	/* Folders are in the list themselves, so each path is looked up as it is, or as it is diverted. */
	for (size_t i = 0; interests->paths.count && i < job->path_count; i++) {
		const char *path;

		if (deb_overrides_redirect(interests->overrides, job->control.package, job->paths[i].path,
					   &path, e) < 0)
			return -1;
		if (map_get(&interests->paths, text_of(path)))
			activate(out, path, job->control.info_name);
	}
	return 0;
}

/* Add LINES to the file PATH of the root. */
static int append(int root_fd, const char *path, const char *lines, size_t len, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *data = NULL;
	size_t old_len = 0;

	if (!len)
		return 0;
	if (root_read(root_fd, path, &data, &old_len, e) < 0)
		return -1;
	buffer_add(&text, data, old_len);
	buffer_add(&text, lines, len);
	return root_write(root_fd, path, text.data, text.len, 0644, 0, 0, e);
}

static int enter_interests(int root_fd, const struct deb_job *job, struct buffer *file_triggers,
			   struct error *e)
{
	for (size_t i = 0; i < job->control.trigger_count; i++) {
		const struct deb_trigger *trigger = &job->control.triggers[i];
		auto_free char *line =
			xasprintf("%s%s\n", job->control.info_name, trigger->await ? "" : NOAWAIT_SUFFIX);
		auto_free char *path = NULL;

		if (!trigger->interest)
			continue;
		if (trigger->name[0] == '/') {
			buffer_addf(file_triggers, "%s %s", trigger->name, line);
			continue;
		}
		path = xasprintf(TRIGGERS_DIR "/%s", trigger->name);
		if (append(root_fd, path, line, strlen(line), e) < 0)
			return -1;
	}
	return 0;
}

static int write_triggers(struct interests *interests, const struct deb_job *jobs, size_t count,
			  struct error *e)
{
	auto_buffer struct buffer activated = BUFFER_INIT;
	auto_buffer struct buffer file_triggers = BUFFER_INIT;

	if (read_file_triggers(interests, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (activate_for(interests, &jobs[i], &activated, e) < 0 ||
		    enter_interests(interests->root_fd, &jobs[i], &file_triggers, e) < 0)
			return error_wrap(e, "package '%s'", jobs[i].control.package);
	if (append(interests->root_fd, FILE_TRIGGERS, file_triggers.data, file_triggers.len, e) < 0)
		return -1;
	return append(interests->root_fd, ACTIVATED, activated.data, activated.len, e);
}

int deb_record_triggers(struct deb_run *run, const struct deb_job *jobs, size_t count,
			const struct deb_status *status, struct error *e)
{
	struct interests interests = { .root_fd = run->site->root_fd,
				       .status = status,
				       .overrides = &run->overrides };
	int r = write_triggers(&interests, jobs, count, e);

	map_release(&interests.paths);
	map_release(&interests.names);
	arena_release(&interests.arena);
	return r;
}
