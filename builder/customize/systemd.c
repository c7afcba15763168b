/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemctl(1) --root= enable, disable and mask do. Disabling goes on to the first start of an instance, when
 * systemd enables what its presets say unless they are told otherwise.
 */
#include "base/file.h"
#include "base/root.h"
#include "customize/setup.h"
#include "customize/unit.h"

#include <fcntl.h>

enum { ALSO_DEPTH_MAX = 4 };

static const char preset_path[] = "/etc/systemd/system-preset/00-image.preset";

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A link at PATH to the unit's file, unless there is one to the same unit already. */
static int link_unit(const struct services *services, const char *path, const struct unit *unit,
		     struct error *e)
{
	auto_free char *target = NULL;
	struct stat st;
	int r = root_lstat(services->root_fd, path, &st, e);

	if (r < 0)
		return -1;
	if (r > 0 && !S_ISLNK(st.st_mode))
		return error_set(e, ERROR_RECIPE, "'%s' is in the image already, and no link", path);
	if (r > 0 && root_read_link(services->root_fd, path, &target, e) < 0)
		return -1;
	if (target && strcmp(last_part(target), last_part(unit->path)) == 0)
		return 0;
	return root_put_link(services->root_fd, path, unit->path, e);
}

static int link_all(struct services *services, const struct unit *unit, const struct string_list *list,
		    const char *suffix, struct error *e)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *path;

		/* A name with a slash in it would lead elsewhere. */
		if (strchr(list->items[i], '/'))
			return error_set(e, ERROR_FORMAT, "unit '%s' names '%s' in [Install]", unit->name,
					 list->items[i]);
		if (suffix)
			path = arena_printf(&services->arena, UNIT_CONFIG_FOLDER "/%s%s/%s",
					    unit_full_name(services, list->items[i]), suffix, unit->name);
		else
			path = arena_printf(&services->arena, UNIT_CONFIG_FOLDER "/%s", list->items[i]);
		if (link_unit(services, path, unit, e) < 0)
			return -1;
	}
	return 0;
}

/* Put "VERB NAME" into the preset file that comes before all others, instead of what it says of NAME so far. */
static int write_preset(const struct services *services, const char *verb, const char *name, struct error *e)
{
	auto_free char *data = NULL;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct text rest;
	size_t len = 0;
	int r = root_read(services->root_fd, preset_path, &data, &len, e);

	if (r < 0 || root_make_dirs(services->root_fd, "/etc/systemd/system-preset", 0755, e) < 0)
		return -1;
	rest = r > 0 ? (struct text) { data, len }
		     : TEXT("# What the image's recipe says of services, for the first start.\n");
	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		struct text words = line;

		text_word(&words);
		if (!text_is(text_word(&words), name))
			buffer_addf(&text, "%.*s\n", TEXT_ARG(line));
	}
	buffer_addf(&text, "%s %s\n", verb, name);
	return root_write_text(services->root_fd, preset_path, text.data, e);
}

/* See to it that the presets do what was asked for. */
static int agree(const struct services *services, const struct unit *unit, bool enable, struct error *e)
{
	int r = unit_preset(services, unit->name, e);

	if (r < 0 || (r > 0) == enable)
		return r < 0 ? -1 : 0;
	return write_preset(services, enable ? "enable" : "disable", unit->name, e);
}

static int enable(struct services *services, const char *name, unsigned depth, struct error *e)
{
	struct unit unit;
	int r = unit_read(services, name, &unit, e);

	if (r <= 0)
		return r;
	if (unit.masked)
		return depth ? 1 : error_set(e, ERROR_RECIPE, "unit '%s' is masked", unit.name);
	if (!unit_has_install(&unit) && depth == 0)
		log_warn(services->log, "unit '%s' says in no [Install] section when it is to be started",
			 unit.name);
	if (link_all(services, &unit, &unit.aliases, NULL, e) < 0 ||
	    link_all(services, &unit, &unit.wanted_by, ".wants", e) < 0 ||
	    link_all(services, &unit, &unit.required_by, ".requires", e) < 0 ||
	    link_all(services, &unit, &unit.upheld_by, ".upholds", e) < 0)
		return -1;
	if (depth == 0 && unit_has_install(&unit) && agree(services, &unit, true, e) < 0)
		return -1;
	/* Units name each other; what is not there is passed over, as systemctl does. */
	for (size_t i = 0; i < unit.also.count && depth < ALSO_DEPTH_MAX; i++)
		if (strcmp(unit.also.items[i], name) != 0 &&
		    enable(services, unit_full_name(services, unit.also.items[i]), depth + 1, e) < 0)
			return -1;
	return 1;
}

/* Whether the link NAME with TARGET belongs to UNIT; TEMPLATE: or to an instance of it. */
static bool belongs(const struct unit *unit, const char *name, const char *target)
{
	return strcmp(target, "/dev/null") != 0 &&
	       (strcmp(name, unit->name) == 0 ||
		(strcmp(last_part(target), unit->name) == 0 && !strchr(unit->name, '@')));
}

static int unlink_below(const struct services *services, const char *folder, const struct unit *unit,
			struct error *e)
{
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	size_t removed = 0;
	int result = root_try_open(services->root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &fd, e);

	if (result <= 0)
		return result;
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_free char *path = xasprintf("%s/%s", folder, names[i]);
		auto_free char *target = NULL;
		int r = root_read_link(services->root_fd, path, &target, e);

		if (r > 0 && belongs(unit, names[i], target)) {
			r = root_remove(services->root_fd, path, e);
			removed++;
		}
		result = r < 0 ? -1 : 0;
	}
	names_free(names, count);
	if (result == 0 && removed && removed == count && strcmp(folder, UNIT_CONFIG_FOLDER) != 0)
		result = root_remove(services->root_fd, folder, e);
	return result;
}

static int unlink_all(const struct services *services, const struct unit *unit, struct error *e)
{
	static const char *const suffixes[] = { ".wants", ".requires", ".upholds" };
	auto_close int fd = -1;
	char **names = NULL;
	size_t count = 0;
	int result = root_try_open(services->root_fd, UNIT_CONFIG_FOLDER, O_RDONLY | O_DIRECTORY, &fd, e);

	if (result <= 0)
		return result;
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	result = unlink_below(services, UNIT_CONFIG_FOLDER, unit, e);
	for (size_t i = 0; i < count && result == 0; i++) {
		auto_free char *folder = xasprintf(UNIT_CONFIG_FOLDER "/%s", names[i]);

		for (size_t k = 0; k < ARRAY_LEN(suffixes) && result == 0; k++)
			if (is_suffix(names[i], suffixes[k]))
				result = unlink_below(services, folder, unit, e);
	}
	names_free(names, count);
	return result;
}

static int disable(struct services *services, const char *name, unsigned depth, struct error *e)
{
	struct unit unit;
	int r = unit_read(services, name, &unit, e);

	if (r <= 0)
		return r;
	if (unit.masked)
		return 1;
	if (unlink_all(services, &unit, e) < 0)
		return -1;
	if (unit_has_install(&unit) && agree(services, &unit, false, e) < 0)
		return -1;
	for (size_t i = 0; i < unit.also.count && depth < ALSO_DEPTH_MAX; i++)
		if (strcmp(unit.also.items[i], name) != 0 &&
		    disable(services, unit_full_name(services, unit.also.items[i]), depth + 1, e) < 0)
			return -1;
	return 1;
}

static int mask(struct services *services, const char *name, struct error *e)
{
	const char *path = arena_printf(&services->arena, UNIT_CONFIG_FOLDER "/%s", name);
	struct unit unit;
	struct stat st;
	int r = root_lstat(services->root_fd, path, &st, e);

	if (r > 0 && !S_ISLNK(st.st_mode))
		return error_set(e, ERROR_RECIPE,
				 "'%s' is a file or folder of the image, so it cannot be masked", path);
	if (r < 0)
		return -1;
	r = unit_read(services, name, &unit, e);
	/* A template is masked as it stands. */
	if (r < 0 && e->kind == ERROR_RECIPE) {
		error_clear(e);
		r = 1;
	}
	if (r == 0)
		log_warn(services->log, "there is no unit '%s' in the image; it is masked all the same",
			 name);
	return r < 0 || root_put_link(services->root_fd, path, "/dev/null", e) < 0 ? -1 : 1;
}

int systemd_switch(struct services *services, enum service_verb verb, const char *name, struct error *e)
{
	const char *full = unit_full_name(services, name);

	switch (verb) {
	case SERVICE_ENABLE:
		return enable(services, full, 0, e);
	case SERVICE_DISABLE:
		return disable(services, full, 0, e);
	default:
		return mask(services, full, e);
	}
}
