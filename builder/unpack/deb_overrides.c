/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_overrides.h"

#include "base/root.h"

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

/* The number of NAME in a file of the form of passwd(5) or group(5). */
static bool find_id(struct text database, struct text name, uint64_t *id)
{
	while (database.ptr && database.len) {
		struct text rest = text_cut(database, '\n', &database);
		struct text first = text_cut(rest, ':', &rest);

		if (!text_equal(first, name))
			continue;
		text_cut(rest, ':', &rest);
		return text_to_u64(text_cut(rest, ':', &rest), id);
	}
	return false;
}

static bool parse_id(struct text word, struct text database, uint64_t *id)
{
	if (word.len && word.ptr[0] == '#')
		return text_to_u64((struct text) { word.ptr + 1, word.len - 1 }, id) && *id < UINT32_MAX;
	return find_id(database, word, id) && *id < UINT32_MAX;
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
static int parse_override(struct deb_overrides *overrides, struct text line, struct text users,
			  struct text groups, struct error *e)
{
	struct text rest = line;
	struct text user = text_cut(rest, ' ', &rest);
	struct text group = text_cut(rest, ' ', &rest);
	struct text mode = text_cut(rest, ' ', &rest);
	struct deb_override *override = arena_alloc(&overrides->arena, sizeof *override);
	uint64_t uid;
	uint64_t gid;

	if (!rest.ptr || rest.len == 0 || rest.ptr[0] != '/' || !parse_mode(mode, &override->mode))
		return error_set(e, ERROR_FORMAT, "malformed '/var/lib/dpkg/statoverride' in the root");
	if (!parse_id(user, users, &uid) || !parse_id(group, groups, &gid))
		return error_set(
			e, ERROR_FORMAT,
			"'/var/lib/dpkg/statoverride' in the root: user '%.*s' or group '%.*s' is not known",
			TEXT_ARG(user), TEXT_ARG(group));
	override->uid = (uid_t)uid;
	override->gid = (gid_t)gid;
	map_put(&overrides->attributes, text_of(copy_of(overrides, rest)), override);
	return 0;
}

static int read_attributes(int root_fd, struct deb_overrides *overrides, struct error *e)
{
	auto_free char *data = NULL;
	auto_free char *passwd = NULL;
	auto_free char *group = NULL;
	size_t len = 0;
	size_t passwd_len = 0;
	size_t group_len = 0;
	int r = root_read(root_fd, "/var/lib/dpkg/statoverride", &data, &len, e);

	if (r <= 0 || len == 0)
		return r < 0 ? -1 : 0;
	if (root_read(root_fd, "/etc/passwd", &passwd, &passwd_len, e) < 0 ||
	    root_read(root_fd, "/etc/group", &group, &group_len, e) < 0)
		return -1;
	for (struct text rest = { data, len }; rest.ptr && rest.len;)
		if (parse_override(overrides, text_cut(rest, '\n', &rest),
				   (struct text) { passwd, passwd_len }, (struct text) { group, group_len },
				   e) < 0)
			return -1;
	return 0;
}

int deb_overrides_read(int root_fd, struct deb_overrides *overrides, struct error *e)
{
	if (read_diversions(root_fd, overrides, e) < 0)
		return -1;
	return read_attributes(root_fd, overrides, e);
}

void deb_overrides_release(struct deb_overrides *overrides)
{
	map_release(&overrides->diverted);
	map_release(&overrides->contested);
	map_release(&overrides->attributes);
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
