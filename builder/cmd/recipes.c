/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"

#include <fcntl.h>

static const char suffix[] = ".yaml";

/* ./recipes, or PREFIX/share/kiln/recipes of a program installed as PREFIX/bin/kiln; NULL: neither. */
static char *find_folder(void)
{
	char program[LIMIT_PATH_BYTES];
	auto_free char *installed = NULL;
	ssize_t len;
	char *slash;

	if (access("recipes", R_OK | X_OK) == 0)
		return xstrdup("recipes");
	len = readlink("/proc/self/exe", program, sizeof program - 1);
	if (len <= 0)
		return NULL;
	program[len] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	installed = xasprintf("%s/../share/kiln/recipes", program);
	return access(installed, R_OK | X_OK) == 0 ? TAKE(installed, NULL) : NULL;
}

int recipe_names(char **folder, char ***names, size_t *count, struct error *e)
{
	auto_free char *path = find_folder();
	auto_close int fd = -1;
	char **found = NULL;
	size_t kept = 0;
	size_t total = 0;

	if (!path)
		return error_set(e, ERROR_USAGE, "there is no folder 'recipes' here");
	if (dir_open(AT_FDCWD, path, &fd, e) < 0 || dir_list(fd, &found, &total, e) < 0)
		return error_wrap(e, "folder '%s'", path);
	for (size_t i = 0; i < total; i++) {
		if (is_suffix(found[i], suffix) && found[i][0] != '.') {
			found[i][strlen(found[i]) - strlen(suffix)] = '\0';
			found[kept++] = found[i];
		} else {
			free(found[i]);
		}
	}
	*folder = TAKE(path, NULL);
	*names = found;
	*count = kept;
	return 0;
}

int recipe_find(const char *recipe, char **path, struct error *e)
{
	auto_free char *folder = NULL;
	auto_free char *candidate = NULL;
	struct error ignored = ERROR_INIT; /* without a folder of recipes there are no near names */
	char **names = NULL;
	size_t count = 0;
	const char *near;
	int result;

	if (strcmp(recipe, "-") == 0 || strchr(recipe, '/') || is_suffix(recipe, suffix)) {
		/* Whatever else is wrong with a file is told by whoever reads it. */
		if (strcmp(recipe, "-") != 0 && access(recipe, F_OK) < 0 &&
		    (errno == ENOENT || errno == ENOTDIR))
			return error_set(e, ERROR_USAGE, "there is no file '%s'", recipe);
		*path = xstrdup(recipe);
		return 0;
	}
	if (recipe_names(&folder, &names, &count, &ignored) == 0) {
		candidate = xasprintf("%s/%s%s", folder, recipe, suffix);
		if (access(candidate, F_OK) == 0) {
			names_free(names, count);
			*path = TAKE(candidate, NULL);
			return 0;
		}
	}
	near = text_nearest(recipe, (const char *const *)names, count);
	result =
		near ? error_set(e, ERROR_USAGE, "there is no recipe '%s' (did you mean '%s'?)", recipe, near)
		     : error_set(
			       e, ERROR_USAGE,
			       "there is no recipe '%s' (kiln list shows those there are; a path has a '/')",
			       recipe);
	names_free(names, count);
	return result;
}
