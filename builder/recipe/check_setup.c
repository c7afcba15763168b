/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/check_setup.h"

#include "base/pattern.h"
#include "base/root.h"
#include "recipe/expand.h"
#include "recipe/schema.h"

enum { ALIAS_BYTES_MAX = 255 };

static bool is_given(const char *text)
{
	return text && text[0];
}

/* Properties that kiln gives itself. */
static const char *const own_properties[] = { "architecture", "description", "name",   "os",
					      "release",      "serial",      "variant" };

static int check_properties(const struct recipe_image *image, struct error *e)
{
	for (size_t i = 0; i < image->property_count; i++) {
		const char *key = image->properties[i].key;

		if (!text_is_graphic(text_of(key)) || !*key || strlen(key) > ALIAS_BYTES_MAX)
			return error_at(e, ERROR_RECIPE, &image->properties_place,
					"'image.properties': '%.100s' is no name of a property", key);
		for (size_t k = 0; k < ARRAY_LEN(own_properties); k++)
			if (strcmp(key, own_properties[k]) == 0)
				return error_at(e, ERROR_RECIPE, &image->properties_place,
						"'image.properties': '%s' follows from the other keys of 'image'", key);
		if (is_prefix(key, "requirements."))
			return error_at(e, ERROR_RECIPE, &image->properties_place,
					"'image.properties': '%.100s' belongs to 'image.requirements'", key);
	}
	return 0;
}

static int check_requirements(const struct recipe_image *image, struct error *e)
{
	const struct schema_words *known = &schema_requirements;

	for (size_t i = 0; i < image->requirement_count; i++) {
		const char *key = image->requirements[i].key;
		const char *value = image->requirements[i].value;
		bool found = false;
		const char *nearest = text_nearest(key, known->words, known->count);

		for (size_t k = 0; k < known->count; k++)
			found = found || strcmp(key, known->words[k]) == 0;
		if (!found)
			return error_at(e, ERROR_RECIPE, &image->requirements_place,
					"unknown key '%.100s' in 'image.requirements'%s%s%s", key,
					nearest ? " (did you mean '" : "", nearest ? nearest : "",
					nearest ? "'?)" : "");
		if (strstr(value, "{{") || strstr(value, "{%") || !*value)
			continue;
		if (strcmp(key, "cgroup") == 0
			    ? strcmp(value, "v1") != 0 && strcmp(value, "v2") != 0
			    : strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return error_at(e, ERROR_RECIPE, &image->requirements_place,
					"'image.requirements.%s' must be %s, not '%.100s'", key,
					strcmp(key, "cgroup") == 0 ? "v1 or v2" : "true or false", value);
	}
	return 0;
}

/* Compiled only to see whether it can be. */
static int check_pattern(const char *text, const struct place *place, struct error *e)
{
	auto_pattern struct pattern *pattern = NULL;

	if (pattern_compile(text, &pattern, e) < 0)
		return error_wrap_at(e, place);
	return 0;
}

static int check_service(const struct recipe_service *service, size_t index, struct error *e)
{
	const struct {
		const struct recipe_name *names;
		size_t count;
	} lists[] = { { service->enable, service->enable_count },
		      { service->disable, service->disable_count },
		      { service->mask, service->mask_count } };
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (size_t k = 0; k < lists[i].count; k++) {
			const struct recipe_name *name = &lists[i].names[k];

			any = true;
			if (!text_is_graphic(text_of(name->text)) || strchr(name->text, '/') ||
			    name->text[0] == '.' || strlen(name->text) > 255)
				return error_at(e, ERROR_RECIPE, &name->place, "'%.100s' is no name of a service",
						name->text);
		}
	}
	if (any)
		return 0;
	return error_at(e, ERROR_RECIPE, &service->place,
			"'services[%zu]' has none of the keys 'enable', 'disable' and 'mask'", index);
}

static int check_user(const struct recipe_user *user, size_t index, struct error *e)
{
	const char *password = user->password;

	/* Whoever can read an image, and that is many, could log in with a password that is written down. */
	if (password && password[0] != '$' && strcmp(password, "locked") != 0 && strcmp(password, "*") != 0)
		return error_at(e, ERROR_RECIPE, &user->place,
				"'users[%zu].password' must be a hash as mkpasswd(1) makes it, or: locked", index);
	for (size_t i = 0; i < user->authorized_keys.count; i++)
		if (strpbrk(user->authorized_keys.items[i], "\r\n") || !strchr(user->authorized_keys.items[i], ' '))
			return error_at(e, ERROR_RECIPE, &user->place,
					"'users[%zu].authorized_keys[%zu]' must be one line with the type and the key",
					index, i);
	if (user->sudo && strpbrk(user->sudo, "\r\n"))
		return error_at(e, ERROR_RECIPE, &user->place, "'users[%zu].sudo' must be one line", index);
	return 0;
}

static int check_line(const struct recipe_line *line, size_t index, struct error *e)
{
	if (line->line && strpbrk(line->line, "\r\n"))
		return error_at(e, ERROR_RECIPE, &line->place, "'lines[%zu].line' must be one line", index);
	if (line->action != LINE_ABSENT && !line->line)
		return error_at(e, ERROR_RECIPE, &line->place, "missing key 'line' in 'lines[%zu]'", index);
	if (line->action == LINE_REPLACE && !is_given(line->pattern))
		return error_at(e, ERROR_RECIPE, &line->place,
				"missing key 'pattern' in 'lines[%zu]' (the action 'replace' needs it)", index);
	if (line->action == LINE_ABSENT && !line->line == !is_given(line->pattern))
		return error_at(e, ERROR_RECIPE, &line->place,
				"'lines[%zu]' needs one of 'line' and 'pattern' to say which lines go", index);
	return is_given(line->pattern) ? check_pattern(line->pattern, &line->pattern_place, e) : 0;
}

static int check_exclude(const struct recipe_exclude *rule, size_t index, struct error *e)
{
	const char *glob = is_given(rule->exclude) ? rule->exclude : rule->include;

	if (is_given(rule->exclude) + is_given(rule->include) + is_given(rule->pattern) != 1)
		return error_at(e, ERROR_RECIPE, &rule->place,
				"'exclude_paths[%zu]' needs one of the keys 'exclude', 'include' and 'pattern'", index);
	if (glob && (glob[0] != '/' || strpbrk(glob, "\r\n")))
		return error_at(e, ERROR_RECIPE, &rule->place,
				"'exclude_paths[%zu]' must be an absolute path, not '%.100s'", index, glob);
	if (rule->keep && is_given(rule->pattern))
		return error_at(e, ERROR_RECIPE, &rule->place,
				"'exclude_paths[%zu].keep' is for 'exclude' and 'include': dpkg knows no regular "
				"expressions",
				index);
	return is_given(rule->pattern) ? check_pattern(rule->pattern, &rule->pattern_place, e) : 0;
}

static int check_scalars(const struct recipe_setup *setup, struct error *e)
{
	static const char *const words[] = { "stub", "uplink", "resolvconf", "empty", "absent" };
	const char *text = setup->resolv_conf;
	const char *nearest;

	if (!is_given(text) || strchr(text, '/'))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			return 0;
	nearest = text_nearest(text, words, ARRAY_LEN(words));
	return error_at(e, ERROR_RECIPE, &setup->resolv_conf_place, "unknown word '%.100s' in 'resolv_conf' (%s%s%s)",
			text, nearest ? "did you mean '" : "one of: ",
			nearest ? nearest : "stub, uplink, resolvconf, empty, absent, the target of a link",
			nearest ? "'?" : "");
}

/* The kinds of entries whose path is checked in the same way. */
static int check_path(const char *path, const struct place *place, const char *list, size_t index, struct error *e)
{
	if (path[0] == '/' && path_is_safe(text_of(path)))
		return 0;
	return error_at(e, ERROR_RECIPE, place, "'%s[%zu].path' must be an absolute path without '..', not '%.100s'",
			list, index, path);
}

static int check_paths(const struct recipe_setup *setup, struct error *e)
{
	for (size_t i = 0; i < setup->link_count; i++)
		if (check_path(setup->links[i].path, &setup->links[i].place, "links", i, e) < 0)
			return -1;
	for (size_t i = 0; i < setup->directory_count; i++)
		if (check_path(setup->directories[i].path, &setup->directories[i].place, "directories", i, e) < 0)
			return -1;
	for (size_t i = 0; i < setup->permission_count; i++)
		if (check_path(setup->permissions[i].path, &setup->permissions[i].place, "permissions", i, e) < 0)
			return -1;
	for (size_t i = 0; i < setup->line_count; i++)
		if (check_path(setup->lines[i].path, &setup->lines[i].place, "lines", i, e) < 0)
			return -1;
	return 0;
}

int recipe_check_setup(const struct recipe *recipe, struct error *e)
{
	const struct recipe_setup *setup = &recipe->setup;

	if (check_properties(&recipe->image, e) < 0 || check_requirements(&recipe->image, e) < 0 ||
	    check_paths(setup, e) < 0 || check_scalars(setup, e) < 0)
		return -1;
	for (size_t i = 0; i < setup->service_count; i++)
		if (check_service(&setup->services[i], i, e) < 0)
			return -1;
	for (size_t i = 0; i < setup->user_count; i++)
		if (check_user(&setup->users[i], i, e) < 0)
			return -1;
	for (size_t i = 0; i < setup->line_count; i++)
		if (check_line(&setup->lines[i], i, e) < 0)
			return -1;
	for (size_t i = 0; i < setup->exclude_count; i++)
		if (check_exclude(&setup->excludes[i], i, e) < 0)
			return -1;
	return 0;
}

int recipe_check_setup_templates(const struct recipe *recipe, struct error *e)
{
	const struct recipe_image *image = &recipe->image;

	for (size_t i = 0; i < image->property_count; i++)
		if (recipe_check_template(recipe, image->properties[i].value, &image->properties_place, e) < 0)
			return -1;
	for (size_t i = 0; i < image->requirement_count; i++)
		if (recipe_check_template(recipe, image->requirements[i].value, &image->requirements_place, e) < 0)
			return -1;
	for (size_t i = 0; i < image->alias_count; i++)
		if (recipe_check_template(recipe, image->aliases[i].text, &image->aliases[i].place, e) < 0)
			return -1;
	return 0;
}
