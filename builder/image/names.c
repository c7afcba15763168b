/* SPDX-License-Identifier: Apache-2.0 */
#include "image/names.h"

#include "base/limits.h"

#include <limits.h>

int names_normalise(const char *path, char out[], size_t room, struct error *e)
{
	struct text rest = text_of(path);
	size_t len = 0;

	if (path[0] == '/')
		return error_set(e, ERROR_FORMAT, "the path is absolute");
	while (rest.ptr) {
		struct text part = text_cut(rest, '/', &rest);

		if (part.len == 0 || text_is(part, "."))
			continue;
		if (text_is(part, ".."))
			return error_set(e, ERROR_FORMAT, "the path has a part '..'");
		if (part.len > NAME_MAX)
			return error_set(e, ERROR_FORMAT, "a part of the path has more than %d bytes",
					 NAME_MAX);
		if (len + part.len + 2 > room)
			return error_set(e, ERROR_FORMAT, "the path has more than %zu bytes", room - 1);
		if (len)
			out[len++] = '/';
		memcpy(out + len, part.ptr, part.len);
		len += part.len;
	}
	out[len] = '\0';
	return 0;
}

static struct name *find(const struct names *names, struct text path)
{
	return map_get(&names->by_path, path);
}

/* Whether PATH may come now: it is new, and a folder has room for it. */
static int check(const struct names *names, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	size_t parent_len = slash ? (size_t)(slash - path) : 0;
	const struct name *parent = find(names, (struct text) { path, parent_len });

	if (find(names, text_of(path)))
		return error_set(e, ERROR_FORMAT, "it comes twice");
	if (*path && !parent)
		return error_set(e, ERROR_FORMAT, "the folder '%.*s' does not come before it",
				 (int)parent_len, path);
	if (*path && !S_ISDIR(parent->mode))
		return error_set(e, ERROR_FORMAT, "'%.*s', which would hold it, is no folder",
				 (int)parent_len, path);
	if (names->by_path.count >= LIMIT_IMAGE_ENTRIES)
		return error_set(e, ERROR_FORMAT, "the image has more than %llu entries",
				 (unsigned long long)LIMIT_IMAGE_ENTRIES);
	if (names->bytes + strlen(path) > LIMIT_IMAGE_NAME_BYTES)
		return error_set(e, ERROR_FORMAT, "the names of the image have more than %llu bytes",
				 (unsigned long long)LIMIT_IMAGE_NAME_BYTES);
	return 0;
}

static void put(struct names *names, const char *path, struct name *name)
{
	struct text key = { path, strlen(path) };

	names->bytes += key.len;
	map_put(&names->by_path, key, name);
}

int names_add(struct names *names, const char *path, const struct stat *st, struct error *e)
{
	struct name *name;

	if (check(names, path, e) < 0)
		return -1;
	name = arena_alloc(&names->arena, sizeof *name);
	*name = (struct name) {
		.path = arena_strdup(&names->arena, path),
		.size_bytes = (uint64_t)st->st_size,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.device = st->st_rdev,
	};
	put(names, name->path, name);
	return 0;
}

int names_link(struct names *names, const char *path, const char *target, const char **first, struct stat *st,
	       struct error *e)
{
	struct name *name = find(names, text_of(target));

	if (check(names, path, e) < 0)
		return -1;
	if (!name)
		return error_set(e, ERROR_FORMAT, "it is a hard link to '%s', which does not come before it",
				 target);
	if (S_ISDIR(name->mode))
		return error_set(e, ERROR_FORMAT, "it is a hard link to the folder '%s'", target);
	put(names, arena_strdup(&names->arena, path), name);
	*first = name->path;
	*st = (struct stat) {
		.st_mode = name->mode,
		.st_uid = name->uid,
		.st_gid = name->gid,
		.st_size = (off_t)name->size_bytes,
		.st_mtim = { .tv_sec = name->mtime_s, .tv_nsec = name->mtime_ns },
		.st_rdev = name->device,
	};
	return 0;
}

void names_release(struct names *names)
{
	map_release(&names->by_path);
	arena_release(&names->arena);
	*names = (struct names) { .bytes = 0 };
}
