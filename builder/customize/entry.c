/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/entry.h"

#include "base/limits.h"
#include "base/root.h"

enum { MODE_MAX = 07777 };

int path_normalise(const char *path, char **out, struct error *e)
{
	auto_buffer struct buffer clean = BUFFER_INIT;
	struct text rest = text_of(path);

	if (!path_is_safe(rest))
		return error_set(e, ERROR_RECIPE, "path '%.200s' is empty, too long, or has a '..' part",
				 path);
	while (rest.ptr) {
		struct text part = text_cut(rest, '/', &rest);

		if (part.len == 0 || text_is(part, "."))
			continue;
		buffer_addc(&clean, '/');
		buffer_add(&clean, part.ptr, part.len);
	}
	if (clean.len == 0)
		return error_set(e, ERROR_RECIPE, "path '%s' is the root itself", path);
	*out = buffer_take(&clean);
	return 0;
}

/* A copy of TEXT (may be NULL), expanded if the entry is a template of the recipe. */
static int expand(const struct recipe *recipe, const struct recipe_file *file, const char *text,
		  const struct place *place, char **out, struct error *e)
{
	if (!text)
		return 0;
	if (file->pongo)
		return recipe_expand(recipe, text, place, out, e);
	*out = xstrdup(text);
	return 0;
}

char *source_path(const struct recipe_file *file, const char *name)
{
	const char *folder = file->source_folder;

	if (!folder || name[0] == '/' || strcmp(folder, ".") == 0)
		return xstrdup(name);
	return xasprintf("%s%s%s", folder, is_suffix(folder, "/") ? "" : "/", name);
}

int entry_expand(const struct recipe *recipe, const struct recipe_file *file, struct entry *entry,
		 struct error *e)
{
	auto_entry struct entry expanded = { .file = file };
	auto_free char *path = NULL;

	if (expand(recipe, file, file->content, &file->content_place, &expanded.content, e) < 0 ||
	    expand(recipe, file, file->source, &file->source_place, &expanded.source_name, e) < 0 ||
	    expand(recipe, file, file->path, &file->place, &path, e) < 0)
		return -1;
	if (expanded.source_name)
		expanded.source = source_path(file, expanded.source_name);
	/* "/" is a good target for a copied folder, and for nothing else. */
	if (path && file->generator == GENERATOR_COPY && strcmp(path, "/") == 0)
		expanded.path = xstrdup("");
	else if (path && path_normalise(path, &expanded.path, e) < 0)
		return error_wrap_at(e, &file->place);
	expanded.path_is_folder = path && is_suffix(path, "/");
	*entry = TAKE(expanded, ENTRY_INIT);
	return 0;
}

void entry_release(struct entry *entry)
{
	free(entry->path);
	free(entry->content);
	free(entry->source);
	free(entry->source_name);
	*entry = ENTRY_INIT;
}

static int parse_mode(const char *text, unsigned *mode, struct error *e)
{
	unsigned value = 0;

	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '7' || value > MODE_MAX)
			return error_set(e, ERROR_RECIPE, "mode '%s' is no octal number like 0644", text);
		value = value * 8 + (unsigned)(*c - '0');
	}
	if (!*text || value > MODE_MAX)
		return error_set(e, ERROR_RECIPE, "mode '%s' is not between 0 and 7777 (octal)", text);
	*mode = value;
	return 0;
}

/* The number in the third field of NAME's line in DATABASE, a passwd(5) or group(5); false if there is none. */
static bool find_id(const char *database, const char *name, uint64_t *id)
{
	struct text rest = text_of(database);

	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text fields = line;

		if (!text_is(text_cut(fields, ':', &fields), name))
			continue;
		text_cut(fields, ':', &fields);
		return text_to_u64(text_cut(fields, ':', &fields), id);
	}
	return false;
}

/* TEXT is a number, or a name in DATABASE of the root. (uid_t)-1 means "unchanged" to chown(), so it is none. */
static int parse_id(int root_fd, const char *text, const char *kind, const char *database, unsigned *id,
		    struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;
	uint64_t value;

	if (!text_to_u64(text_of(text), &value)) {
		int r = root_read(root_fd, database, &data, &len, e);

		if (r < 0)
			return -1;
		if (r == 0 || !find_id(data, text, &value))
			return error_set(e, ERROR_RECIPE, "%s '%s' is not in the image's %s", kind, text,
					 database);
	}
	if (value >= UINT32_MAX)
		return error_set(e, ERROR_RECIPE, "%s '%s' is too large", kind, text);
	*id = (unsigned)value;
	return 0;
}

int access_parse(int root_fd, const char *mode, const char *uid, const char *gid, struct access *access,
		 struct error *e)
{
	struct access found = { .has_mode = mode, .has_uid = uid, .has_gid = gid };

	if ((mode && parse_mode(mode, &found.mode, e) < 0) ||
	    (uid && parse_id(root_fd, uid, "user", "/etc/passwd", &found.uid, e) < 0) ||
	    (gid && parse_id(root_fd, gid, "group", "/etc/group", &found.gid, e) < 0))
		return -1;
	*access = found;
	return 0;
}

int entry_access(int root_fd, const struct recipe_file *file, struct access *access, struct error *e)
{
	return access_parse(root_fd, file->mode, file->uid, file->gid, access, e);
}

unsigned access_mode(const struct access *access, unsigned old)
{
	return access->has_mode ? access->mode : old;
}

uid_t access_uid(const struct access *access, uid_t old)
{
	return access->has_uid ? access->uid : old;
}

gid_t access_gid(const struct access *access, gid_t old)
{
	return access->has_gid ? access->gid : old;
}

int make_parents(int root_fd, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	return *parent ? root_make_dirs(root_fd, parent, 0755, e) : 0;
}

bool recipe_writes(const struct recipe *recipe, const char *path)
{
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];
		auto_entry struct entry entry = ENTRY_INIT;
		struct error ignored = ERROR_INIT;

		if (file->generator != GENERATOR_DUMP && file->generator != GENERATOR_COPY)
			continue;
		/* What does not expand has stopped the build in customize_files(). */
		if (entry_expand(recipe, file, &entry, &ignored) == 0 && entry.path &&
		    strcmp(entry.path, path) == 0)
			return true;
	}
	return false;
}
