/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator `copy`: files and folders of the build host into the root. On the host's side links are
 * copied as links; on the root's side every path goes through root.h.
 */
#include "base/file.h"
#include "base/root.h"
#include "base/scan.h"
#include "customize/entry.h"
#include "layer/key.h"

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

/* Where a copy without a path goes: as the source's folder, as the recipe writes it. */
static int default_target(const struct entry *entry, const char *folder, char **target, struct error *e)
{
	const char *start = entry->file->source_folder ? entry->file->source_folder : ".";
	auto_free char *prefix = xasprintf("%s/", start);
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

/* Where a copy takes its files: those of FOLDER, owned, whose names match PATTERN, owned. */
struct copy_source {
	char *folder;
	char *pattern;
};

#define auto_copy_source AUTO(copy_source_release)

static void copy_source_release(struct copy_source *source)
{
	free(source->folder);
	free(source->pattern);
}

static int split_source(const struct entry *entry, struct copy_source *source, struct error *e)
{
	auto_free char *path = xstrdup(entry->source ? entry->source : "");
	size_t len = strlen(path);
	const char *slash;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	source->pattern = xstrdup(slash ? slash + 1 : path);
	source->folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	return *source->pattern ? 0 : error_set(e, ERROR_RECIPE, "'source' is missing");
}

/* The folder of SOURCE, and what of it matches; NULL *names for the folder "." or ".." as a whole. */
static int open_source(const struct copy_source *source, const struct entry *entry, int *dir_fd,
		       char ***names, size_t *total, size_t *matches, struct error *e)
{
	auto_close int fd = -1;

	if (dir_open(AT_FDCWD, source->folder, &fd, e) < 0)
		return -1;
	*names = NULL;
	*total = 0;
	*matches = 0;
	if (strcmp(source->pattern, ".") == 0 || strcmp(source->pattern, "..") == 0)
		return dir_open(fd, source->pattern, dir_fd, e);
	if (dir_list(fd, names, total, e) < 0)
		return -1;
	*matches = keep_matches(*names, *total, source->pattern);
	if (*matches == 0) {
		names_free(*names, *total);
		return error_set(e, ERROR_RECIPE, "nothing matches source '%s'", entry->source);
	}
	*dir_fd = TAKE(fd, -1);
	return 0;
}

int generate_copy(const struct customize_site *site, const struct entry *entry, struct error *e)
{
	struct copy copy = { .root_fd = site->root_fd };
	auto_copy_source struct copy_source source = { NULL, NULL };
	auto_free char *target = entry->path ? xstrdup(entry->path) : NULL;
	auto_close int dir_fd = -1;
	char **names;
	size_t total;
	size_t matches;
	int result;

	if (split_source(entry, &source, e) < 0 ||
	    entry_access(site->root_fd, entry->file, &copy.access, e) < 0 ||
	    (!target && default_target(entry, source.folder, &target, e) < 0) ||
	    open_source(&source, entry, &dir_fd, &names, &total, &matches, e) < 0)
		return -1;
	result = names ? copy_matches(&copy, dir_fd, names, matches, entry, target, e)
		       : copy_folder(&copy, dir_fd, target, 0, e);
	names_free(names, total);
	return result;
}

/* NOLINTNEXTLINE(misc-no-recursion): limited by COPY_DEPTH_MAX */
static int describe_any(int dir_fd, const char *name, unsigned depth, struct layer_key *key, struct error *e);

/* NOLINTNEXTLINE(misc-no-recursion) */
static int describe_folder(int fd, unsigned depth, struct layer_key *key, struct error *e)
{
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (depth > COPY_DEPTH_MAX)
		return error_set(e, ERROR_RECIPE, "folders are nested more than %d deep", COPY_DEPTH_MAX);
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	key_number(key, "names", (int64_t)count);
	for (size_t i = 0; i < count && result == 0; i++)
		result = describe_any(fd, names[i], depth + 1, key, e);
	names_free(names, count);
	return result;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int describe_any(int dir_fd, const char *name, unsigned depth, struct layer_key *key, struct error *e)
{
	auto_close int fd = -1;
	struct digest content;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat '%s'", name);
	key_text(key, "name", name);
	key_number(key, "mode", st.st_mode);
	if (S_ISLNK(st.st_mode)) {
		char value[PATH_MAX];
		ssize_t len = readlinkat(dir_fd, name, value, sizeof value);

		if (len < 0)
			return error_sys(e, "cannot read link '%s'", name);
		key_bytes(key, "link", value, (size_t)len);
		return 0;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (S_ISDIR(st.st_mode))
		return describe_folder(fd, depth, key, e);
	if (!S_ISREG(st.st_mode))
		return 0; /* generate_copy() says what is wrong with it */
	if (sha256_of_fd(fd, &content, NULL, e) < 0)
		return error_wrap(e, "'%s'", name);
	key_digest(key, "content", &content);
	return 0;
}

int describe_copy(const struct entry *entry, struct layer_key *key, struct error *e)
{
	auto_copy_source struct copy_source source = { NULL, NULL };
	auto_close int dir_fd = -1;
	char **names;
	size_t total;
	size_t matches;
	int result = 0;

	if (split_source(entry, &source, e) < 0 ||
	    open_source(&source, entry, &dir_fd, &names, &total, &matches, e) < 0)
		return -1;
	if (!names)
		return describe_folder(dir_fd, 0, key, e);
	for (size_t i = 0; i < matches && result == 0; i++)
		result = describe_any(dir_fd, names[i], 0, key, e);
	names_free(names, total);
	return result;
}

/* What list_copy() is at. */
struct listing {
	customize_source_fn visit;
	void *context;
	const char *folder; /* the path of what is scanned */
};

static int list_file(const struct listing *listing, int dir_fd, const char *name, const char *path,
		     const struct stat *st, struct error *e)
{
	return S_ISREG(st->st_mode) ? listing->visit(listing->context, dir_fd, name, path, e) : 0;
}

static int list_entry(void *context, const struct scan_entry *entry, struct error *e)
{
	const struct listing *listing = context;
	auto_free char *path = xasprintf("%s/%s", listing->folder, entry->path);

	return list_file(listing, entry->dir_fd, entry->name, path, &entry->st, e);
}

static int list_any(struct listing *listing, int dir_fd, const char *name, const char *folder,
		    struct error *e)
{
	auto_free char *path = strcmp(folder, ".") == 0
				       ? xstrdup(name)
				       : xasprintf("%s%s%s", folder, is_suffix(folder, "/") ? "" : "/", name);
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat '%s'", name);
	if (!S_ISDIR(st.st_mode))
		return list_file(listing, dir_fd, name, path, &st, e);
	if (dir_open(dir_fd, name, &fd, e) < 0)
		return -1;
	listing->folder = path;
	return scan_tree(fd, list_entry, listing, e);
}

int list_copy(const struct entry *entry, customize_source_fn visit, void *context, struct error *e)
{
	struct listing listing = { .visit = visit, .context = context };
	auto_copy_source struct copy_source source = { NULL, NULL };
	auto_close int dir_fd = -1;
	char **names;
	size_t total;
	size_t matches;
	int result = 0;

	if (split_source(entry, &source, e) < 0 ||
	    open_source(&source, entry, &dir_fd, &names, &total, &matches, e) < 0)
		return -1;
	if (!names) {
		auto_free char *folder = xasprintf("%s/%s", source.folder, source.pattern);

		listing.folder = folder;
		return scan_tree(dir_fd, list_entry, &listing, e);
	}
	for (size_t i = 0; i < matches && result == 0; i++)
		result = list_any(&listing, dir_fd, names[i], source.folder, e);
	names_free(names, total);
	return result;
}
