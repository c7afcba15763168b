/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_overrides.h"

#include "base/root.h"

struct deb_id {
	uint32_t number;
};

struct deb_diversion {
	const char *from;
	const char *to;
	const char *package; /* whose own file stays at FROM; NULL: nobody's */
};

static const char *copy_of(struct deb_overrides *overrides, struct text text)
{
	return arena_strndup(&overrides->arena, text.ptr, text.len);
}

/* Three lines each: from, to, package or ":". */
static int read_diversions(int root_fd, struct deb_overrides *overrides, struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;
	int r = root_read(root_fd, "/var/lib/dpkg/diversions", &data, &len, e);
	struct text rest = { data, len };

	if (r <= 0)
		return r;
	while (rest.ptr && rest.len) {
		struct text from = text_cut(rest, '\n', &rest);
		struct text to = text_cut(rest, '\n', &rest);
		struct text package = text_cut(rest, '\n', &rest);
		struct deb_diversion *diversion = arena_alloc(&overrides->arena, sizeof *diversion);

		if (!path_is_safe(from) || from.ptr[0] != '/' || !path_is_safe(to) || to.ptr[0] != '/' ||
		    package.len == 0)
			return error_set(e, ERROR_FORMAT, "malformed '/var/lib/dpkg/diversions' in the root");
		diversion->from = copy_of(overrides, from);
		diversion->to = copy_of(overrides, to);
		diversion->package = text_is(package, ":") ? NULL : copy_of(overrides, package);
		map_put(&overrides->diverted, text_of(diversion->from), diversion);
		map_put(&overrides->contested, text_of(diversion->to), diversion);
	}
	return 0;
}

/* Read a file of the form of passwd(5) and group(5), where the third part is the number. */
static int read_ids(int root_fd, const char *path, struct deb_overrides *overrides, struct map *ids,
		    struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;
	int r = root_read(root_fd, path, &data, &len, e);
	struct text rest = { data, len };

	if (r <= 0)
		return r;
	while (rest.ptr && rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text name = text_cut(line, ':', &line);
		uint64_t number;

		text_cut(line, ':', &line);
		if (name.len && text_to_u64(text_cut(line, ':', &line), &number) && number < UINT32_MAX) {
			struct deb_id *id = arena_alloc(&overrides->arena, sizeof *id);

			id->number = (uint32_t)number;
			map_put(ids, text_of(copy_of(overrides, name)), id);
		}
	}
	return 0;
}

static bool parse_id(struct text word, const struct map *ids, uint32_t *id)
{
	const struct deb_id *known = map_get(ids, word);
	uint64_t number;

	if (known)
		*id = known->number;
	if (known || word.len == 0 || word.ptr[0] != '#')
		return known;
	if (!text_to_u64((struct text) { word.ptr + 1, word.len - 1 }, &number) || number >= UINT32_MAX)
		return false;
	*id = (uint32_t)number;
	return true;
}

static bool parse_mode(struct text word, mode_t *mode)
{
	unsigned value = 0;

	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '7' || value > 07777)
			return false;
		value = value * 8 + (unsigned)(word.ptr[i] - '0');
	}
	*mode = value;
	return word.len > 0 && value <= 07777;
}

/* "user group mode path", numbers with a '#' in front. */
static int parse_override(struct deb_overrides *overrides, struct text line, struct error *e)
{
	struct text rest = line;
	struct text user = text_cut(rest, ' ', &rest);
	struct text group = text_cut(rest, ' ', &rest);
	struct text mode = text_cut(rest, ' ', &rest);
	struct deb_override *override = arena_alloc(&overrides->arena, sizeof *override);

	if (!rest.ptr || rest.len == 0 || rest.ptr[0] != '/' || !parse_mode(mode, &override->mode))
		return error_set(e, ERROR_FORMAT, "malformed '/var/lib/dpkg/statoverride' in the root");
	if (!parse_id(user, &overrides->users, &override->uid) ||
	    !parse_id(group, &overrides->groups, &override->gid))
		return error_set(
			e, ERROR_FORMAT,
			"'/var/lib/dpkg/statoverride' in the root: user '%.*s' or group '%.*s' is not known",
			TEXT_ARG(user), TEXT_ARG(group));
	map_put(&overrides->attributes, text_of(copy_of(overrides, rest)), override);
	return 0;
}

static int parse_attributes(struct deb_overrides *overrides, struct text rest, struct error *e)
{
	while (rest.ptr && rest.len)
		if (parse_override(overrides, text_cut(rest, '\n', &rest), e) < 0)
			return -1;
	return 0;
}

static int read_attributes(int root_fd, struct deb_overrides *overrides, struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;
	int r = root_read(root_fd, "/var/lib/dpkg/statoverride", &data, &len, e);

	return r <= 0 ? r : parse_attributes(overrides, (struct text) { data, len }, e);
}

int deb_overrides_read(int root_fd, const char *attributes, struct deb_overrides *overrides, struct error *e)
{
	if (read_ids(root_fd, "/etc/passwd", overrides, &overrides->users, e) < 0 ||
	    read_ids(root_fd, "/etc/group", overrides, &overrides->groups, e) < 0 ||
	    read_diversions(root_fd, overrides, e) < 0)
		return -1;
	return attributes ? parse_attributes(overrides, text_of(attributes), e)
			  : read_attributes(root_fd, overrides, e);
}

void deb_overrides_owner(const struct deb_overrides *overrides, const char *user, const char *group,
			 uid_t *uid, gid_t *gid)
{
	const struct deb_id *known = user ? map_get(&overrides->users, text_of(user)) : NULL;

	if (known)
		*uid = known->number;
	known = group ? map_get(&overrides->groups, text_of(group)) : NULL;
	if (known)
		*gid = known->number;
}

void deb_overrides_release(struct deb_overrides *overrides)
{
	map_release(&overrides->diverted);
	map_release(&overrides->contested);
	map_release(&overrides->attributes);
	map_release(&overrides->users);
	map_release(&overrides->groups);
	arena_release(&overrides->arena);
	*overrides = DEB_OVERRIDES_INIT;
}

int deb_overrides_redirect(const struct deb_overrides *overrides, const char *package, const char *path,
			   const char **to, struct error *e)
{
	const struct deb_diversion *diversion = map_get(&overrides->contested, text_of(path));

	if (diversion)
		return error_set(e, ERROR_FORMAT, "'%s' is where '%s' was diverted to by %s", path,
				 diversion->from, diversion->package ? diversion->package : "the recipe");
	diversion = map_get(&overrides->diverted, text_of(path));
	*to = path;
	if (diversion && (!diversion->package || strcmp(diversion->package, package) != 0))
		*to = diversion->to;
	return 0;
}

const struct deb_override *deb_overrides_attributes(const struct deb_overrides *overrides, const char *path)
{
	return map_get(&overrides->attributes, text_of(path));
}
