/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator `copy`: files and folders of the build host into the root. On the host's side links are
 * copied as links; on the root's side every path goes through root.h.
 */
#include "base/file.h"
#include "base/root.h"
#include "customize/entry.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>

enum { COPY_DEPTH_MAX = 128, PERMISSION_BITS = 0777 };

struct copy {
	int root_fd;
	struct access access;
};

static int copy_regular(const struct copy *copy, int dir_fd, const char *name, const char *target,
			struct error *e)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERROR_RECIPE, "'%s' is neither file, folder nor link", name);
	return root_copy(copy->root_fd, target, fd, access_mode(&copy->access, st.st_mode & PERMISSION_BITS),
			 access_uid(&copy->access, 0), access_gid(&copy->access, 0), e);
}

static int copy_link(const struct copy *copy, int dir_fd, const char *name, const char *target,
		     struct error *e)
{
	auto_close int parent_fd = -1;
	const char *last;
	char value[PATH_MAX];
	ssize_t len = readlinkat(dir_fd, name, value, sizeof value - 1);

	if (len < 0)
		return error_sys(e, "cannot read link '%s'", name);
	value[len] = '\0';
	if (root_open_parent(copy->root_fd, target, &parent_fd, &last, e) < 0)
		return -1;
	if ((unlinkat(parent_fd, last, 0) < 0 && errno != ENOENT) || symlinkat(value, parent_fd, last) < 0 ||
	    fchownat(parent_fd, last, access_uid(&copy->access, 0), access_gid(&copy->access, 0),
		     AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot put link '%s' into the root", target);
	return 0;
}

/* A folder that is there already, or a link to one, stays as it is. */
static int make_folder(const struct copy *copy, int source_fd, const char *target, struct error *e)
{
	auto_close int fd = -1;
	struct stat source;
	struct stat old;
	int found = *target ? root_lstat(copy->root_fd, target, &old, e) : 1;

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (fstat(source_fd, &source) < 0)
		return error_sys(e, "cannot stat a folder");
	if (make_parents(copy->root_fd, target, e) < 0 ||
	    root_make_dirs(copy->root_fd, target, source.st_mode & PERMISSION_BITS, e) < 0 ||
	    root_open(copy->root_fd, target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e) < 0)
		return -1;
	if (fchown(fd, access_uid(&copy->access, 0), access_gid(&copy->access, 0)) < 0)
		return error_sys(e, "cannot set the owner of '%s' in the root", target);
	return 0;
}

static int copy_any(const struct copy *copy, int dir_fd, const char *name, const char *target, unsigned depth,
		    struct error *e);

/* All that is in the folder goes below TARGET. */
static int copy_folder(const struct copy *copy, int fd, const char *target, unsigned depth, struct error *e)
{
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (depth > COPY_DEPTH_MAX)
		return error_set(e, ERROR_RECIPE, "folders are nested more than %d deep", COPY_DEPTH_MAX);
	if (make_folder(copy, fd, target, e) < 0 || dir_list(fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_free char *below = xasprintf("%s/%s", target, names[i]);

		result = copy_any(copy, fd, names[i], below, depth + 1, e);
	}
	names_free(names, count);
	return result;
}

static int copy_any(const struct copy *copy, int dir_fd, const char *name, const char *target, unsigned depth,
		    struct error *e)
{
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat '%s'", name);
	if (!S_ISDIR(st.st_mode)) {
		if (make_parents(copy->root_fd, target, e) < 0)
			return -1;
		return S_ISLNK(st.st_mode) ? copy_link(copy, dir_fd, name, target, e)
					   : copy_regular(copy, dir_fd, name, target, e);
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open folder '%s'", name);
	return copy_folder(copy, fd, target, depth, e);
}

/*
 * The NAMES that PATTERN means, to the front of the array. A file whose name looks like a pattern but is
 * none is found by its own name.
 */
static size_t keep_matches(char **names, size_t count, const char *pattern)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (fnmatch(pattern, names[i], FNM_PATHNAME) != 0)
			continue;
		char *match = names[i];

		names[i] = names[kept];
		names[kept++] = match;
	}
	for (size_t i = 0; kept == 0 && i < count; i++) {
		if (strcmp(names[i], pattern) == 0) {
			char *match = names[i];

			names[i] = names[0];
			names[0] = match;
			kept = 1;
		}
	}
	return kept;
}

/* Where a copy without a path goes: as the source's folder, below the recipe's folder if it is there. */
static int default_target(const struct customize_site *site, const char *folder, char **target,
			  struct error *e)
{
	auto_free char *prefix = xasprintf("%s/", site->recipe->folder);
	const char *below = is_prefix(folder, prefix) ? folder + strlen(prefix) : folder;

	if (strcmp(below, ".") != 0 && *below)
		return path_normalise(below, target, e);
	*target = xstrdup("");
	return 0;
}

static bool is_folder(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/*
 * The format's rules for the target: more than one match, or a path with '/' at its end, makes it a folder
 * that receives the files under their own names; of a source folder only the content is copied.
 */
static int copy_matches(const struct copy *copy, int dir_fd, char **names, size_t count,
			const struct entry *entry, const char *target, struct error *e)
{
	bool many = count > 1 || entry->path_is_folder || !*target;

	for (size_t i = 0; i < count; i++) {
		bool below = !entry->path || (many && !is_folder(dir_fd, names[i]));
		auto_free char *path = below ? xasprintf("%s/%s", target, names[i]) : xstrdup(target);

		if (copy_any(copy, dir_fd, names[i], path, 0, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_pattern(const struct copy *copy, const char *folder, const char *pattern,
			const struct entry *entry, const char *target, struct error *e)
{
	auto_close int dir_fd = -1;
	char **names = NULL;
	size_t count = 0;
	size_t matches;
	int result;

	if (dir_open(AT_FDCWD, folder, &dir_fd, e) < 0)
		return -1;
	if (strcmp(pattern, ".") == 0 || strcmp(pattern, "..") == 0) {
		auto_close int fd = -1;

		return dir_open(dir_fd, pattern, &fd, e) < 0 ? -1 : copy_folder(copy, fd, target, 0, e);
	}
	if (dir_list(dir_fd, &names, &count, e) < 0)
		return -1;
	matches = keep_matches(names, count, pattern);
	result = matches ? copy_matches(copy, dir_fd, names, matches, entry, target, e)
			 : error_set(e, ERROR_RECIPE, "nothing matches source '%s'", entry->source);
	names_free(names, count);
	return result;
}

int generate_copy(const struct customize_site *site, const struct entry *entry, struct error *e)
{
	struct copy copy = { .root_fd = site->root_fd };
	auto_free char *source = xstrdup(entry->source ? entry->source : "");
	auto_free char *target = entry->path ? xstrdup(entry->path) : NULL;
	size_t len = strlen(source);

	while (len > 1 && source[len - 1] == '/')
		source[--len] = '\0';
	const char *slash = strrchr(source, '/');
	const char *pattern = slash ? slash + 1 : source;
	auto_free char *folder = slash ? xstrndup(source, (size_t)(slash - source) + 1) : xstrdup(".");

	if (!*pattern)
		return error_set(e, ERROR_RECIPE, "'source' is missing");
	if (entry_access(site->root_fd, entry->file, &copy.access, e) < 0 ||
	    (!target && default_target(site, folder, &target, e) < 0))
		return -1;
	return copy_pattern(&copy, folder, pattern, entry, target, e);
}
