/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/walk.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/root.h"

#include <fcntl.h>
#include <fnmatch.h>

enum { WALK_DEPTH_MAX = 64 };

struct walk {
	int root_fd;
	walk_fn visit;
	void *context;
	size_t count; /* of visits */
};

static int walk(struct walk *walk, const char *folder, const char *pattern, unsigned depth, struct error *e);

/* PATH matched the pattern up to REST, which begins after a '/' and is NULL at the pattern's end. */
static int walk_on(struct walk *state, const char *path, const char *rest, unsigned depth, struct error *e)
{
	struct stat st;
	int r = root_lstat(state->root_fd, path, &st, e);

	if (r <= 0)
		return r;
	if (rest)
		return S_ISDIR(st.st_mode) ? walk(state, path, rest, depth + 1, e) : 0;
	state->count++;
	return state->visit(state->context, path, &st, e);
}

/* Go on with every name of FOLDER ("" for the root) that PART stands for. */
static int walk_names(struct walk *state, const char *folder, const char *part, const char *rest,
		      unsigned depth, struct error *e)
{
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	int result = root_try_open(state->root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &fd, e);

	if (result <= 0)
		return result;
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_free char *path = xasprintf("%s/%s", folder, names[i]);

		if (fnmatch(part, names[i], 0) == 0)
			result = walk_on(state, path, rest, depth, e);
	}
	names_free(names, count);
	return result;
}

static int walk(struct walk *state, const char *folder, const char *pattern, unsigned depth, struct error *e)
{
	const char *slash = strchr(pattern, '/');
	const char *rest = slash ? slash + 1 : NULL;
	auto_free char *part = slash ? xstrndup(pattern, (size_t)(slash - pattern)) : xstrdup(pattern);

	if (depth > WALK_DEPTH_MAX)
		return error_set(e, ERROR_FORMAT, "folders are nested more than %d deep", WALK_DEPTH_MAX);
	if (rest && strcmp(part, "**") == 0) {
		/* None at all, or one and then again any number. */
		if (walk(state, folder, rest, depth, e) < 0)
			return -1;
		return walk_names(state, folder, "*", pattern, depth, e);
	}
	if (strpbrk(part, "*?["))
		return walk_names(state, folder, part, rest, depth, e);

	auto_free char *path = xasprintf("%s/%s", folder, part);

	return walk_on(state, path, rest, depth, e);
}

int walk_paths(int root_fd, const char *pattern, walk_fn visit, void *context, struct error *e)
{
	struct walk state = { root_fd, visit, context, 0 };

	return walk(&state, "", pattern + 1, 0, e);
}

int walk_given(int root_fd, const char *path, bool optional, walk_fn visit, void *context, struct error *e)
{
	struct walk state = { root_fd, visit, context, 0 };
	int r = strpbrk(path, "*?[") ? walk(&state, "", path + 1, 0, e) : walk_on(&state, path, NULL, 0, e);

	if (r < 0)
		return -1;
	return state.count || optional
		       ? 0
		       : error_set(e, ERROR_RECIPE, "there is no '%.200s' in the image", path);
}
