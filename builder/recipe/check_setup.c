/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/check_setup.h"

#include "base/pattern.h"
#include "base/root.h"
#include "recipe/expand.h"

enum { NAME_BYTES_MAX = 255 };

static bool is_given(const char *text)
{
	return text && text[0];
}

static bool is_template(const char *text)
{
	return strstr(text, "{{") || strstr(text, "{%");
}

/* Properties that kiln gives itself. */
static const char *const own_properties[] = { "architecture", "description", "name",   "os",
					      "release",      "serial",      "variant" };

static int check_property(const struct recipe_image *image, const char *path, const char *key,
			  struct error *e)
{
	const struct place *place = &image->properties_place;

	if (!*key || !text_is_graphic(text_of(key)) || strlen(key) > NAME_BYTES_MAX)
		return error_at(e, ERROR_RECIPE, place, "'%s.properties': '%.100s' is no name of a property",
				path, key);
	for (size_t k = 0; k < ARRAY_LEN(own_properties); k++)
		if (strcmp(key, own_properties[k]) == 0)
			return error_at(e, ERROR_RECIPE, place,
					"'%s.properties': '%s' follows from the other keys", path, key);
	if (is_prefix(key, "requirements."))
		return error_at(e, ERROR_RECIPE, place,
				"'%s.properties': '%.100s' belongs to '%s.requirements'", path, key, path);
	return 0;
}

static int check_requirement(const struct recipe_image *image, const char *path,
			     const struct template_property *requirement, struct error *e)
{
	const struct schema_words *known = &schema_requirements;
	const char *key = requirement->key;
	const char *value = requirement->value;
	const char *nearest = text_nearest(key, known->words, known->count);
	bool is_cgroup = strcmp(key, "cgroup") == 0;
	bool found = false;

	for (size_t k = 0; k < known->count; k++)
		found = found || strcmp(key, known->words[k]) == 0;
	if (!found)
		return error_at(e, ERROR_RECIPE, &image->requirements_place,
				"unknown key '%.100s' in '%s.requirements'%s%s%s", key, path,
				nearest ? " (did you mean '" : "", nearest ? nearest : "",
				nearest ? "'?)" : "");
	if (!*value || is_template(value) || strcmp(value, is_cgroup ? "v1" : "true") == 0 ||
	    strcmp(value, is_cgroup ? "v2" : "false") == 0)
		return 0;
	return error_at(e, ERROR_RECIPE, &image->requirements_place,
			"'%s.requirements.%s' must be %s, not '%.100s'", path, key,
			is_cgroup ? "v1 or v2" : "true or false", value);
}

/* LXD's client cuts at ':', and simplestreams at ','. */
bool recipe_is_alias(const char *text)
{
	return text_is_graphic(text_of(text)) && *text && *text != '-' && !strpbrk(text, ":,\"'\\") &&
	       strlen(text) <= NAME_BYTES_MAX;
}

static int check_alias(const struct recipe_name *alias, struct error *e)
{
	if (is_template(alias->text) || recipe_is_alias(alias->text))
		return 0;
	return error_at(e, ERROR_RECIPE, &alias->place, "'%.100s' is no name for an image", alias->text);
}

int recipe_check_image(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_image *image = base;

	for (size_t i = 0; i < image->property_count; i++)
		if (check_property(image, path, image->properties[i].key, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	for (size_t i = 0; i < image->requirement_count; i++)
		if (check_requirement(image, path, &image->requirements[i], e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	for (size_t i = 0; i < image->alias_count; i++)
		if (check_alias(&image->aliases[i], e) < 0 && problems_take(problems, e) < 0)
			return -1;
	return 0;
}

static int check_names(const struct recipe_name *names, size_t count, struct problems *problems,
		       struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = names[i].text;

		if (text_is_graphic(text_of(text)) && !strchr(text, '/') && text[0] != '.' &&
		    strlen(text) <= NAME_BYTES_MAX)
			continue;
		error_at(e, ERROR_RECIPE, &names[i].place, "'%.100s' is no name of a service", text);
		if (problems_take(problems, e) < 0)
			return -1;
	}
	return 0;
}

int recipe_check_service(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_service *service = base;

	if (check_names(service->enable, service->enable_count, problems, e) < 0 ||
	    check_names(service->disable, service->disable_count, problems, e) < 0 ||
	    check_names(service->mask, service->mask_count, problems, e) < 0)
		return -1;
	if (service->enable_count || service->disable_count || service->mask_count)
		return 0;
	error_at(e, ERROR_RECIPE, &service->place, "'%s' has none of the keys 'enable', 'disable' and 'mask'",
		 path);
	return problems_take(problems, e);
}

static int check_key(const struct recipe_user *user, const char *path, const char *key, struct error *e)
{
	if (!strpbrk(key, "\r\n") && strchr(key, ' '))
		return 0;
	return error_at(e, ERROR_RECIPE, &user->place,
			"an entry of '%s.authorized_keys' must be one line with the "
			"type and the key",
			path);
}

int recipe_check_user(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_user *user = base;
	const char *password = user->password;

	/* Who has an image can read it, and that may be everybody: no password as such, and none that is empty. */
	if (password && password[0] != '$' && strcmp(password, "locked") != 0 &&
	    error_at(e, ERROR_RECIPE, &user->place,
		     "'%s.password' must be a hash, as mkpasswd(1) makes it, or: locked", path) < 0 &&
	    problems_take(problems, e) < 0)
		return -1;
	for (size_t i = 0; i < user->authorized_keys.count; i++)
		if (check_key(user, path, user->authorized_keys.items[i], e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	/* One file that sudo cannot read makes it refuse everybody. */
	if (!user->sudo || (!strpbrk(user->sudo, "\r\n") && strchr(user->sudo, '=')))
		return 0;
	error_at(e, ERROR_RECIPE, &user->place,
		 "'%s.sudo' must be one line as in sudoers(5), such as 'ALL=(ALL) ALL'", path);
	return problems_take(problems, e);
}

static int check_path(const char *value, const struct place *place, const char *path,
		      struct problems *problems, struct error *e)
{
	if (value[0] == '/' && path_is_safe(text_of(value)))
		return 0;
	error_at(e, ERROR_RECIPE, place, "'%s.path' must be an absolute path without '..', not '%.100s'",
		 path, value);
	return problems_take(problems, e);
}

int recipe_check_link(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_link *link = base;

	return check_path(link->path, &link->place, path, problems, e);
}

int recipe_check_directory(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_directory *directory = base;

	return check_path(directory->path, &directory->place, path, problems, e);
}

int recipe_check_permission(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_permission *permission = base;

	if (check_path(permission->path, &permission->place, path, problems, e) < 0)
		return -1;
	if (permission->mode || permission->uid || permission->gid || permission->capabilities)
		return 0;
	error_at(e, ERROR_RECIPE, &permission->place,
		 "'%s' has none of the keys 'mode', 'uid', 'gid' and 'capabilities'", path);
	return problems_take(problems, e);
}

/* Compiled only to see whether it can be. */
static int check_pattern(const char *text, const struct place *place, struct problems *problems,
			 struct error *e)
{
	auto_pattern struct pattern *pattern = NULL;

	if (!is_given(text) || pattern_compile(text, &pattern, e) == 0)
		return 0;
	error_wrap_at(e, place);
	return problems_take(problems, e);
}

static int check_line_keys(const struct recipe_line *line, const char *path, struct error *e)
{
	const struct place *place = &line->place;

	if (line->line && strpbrk(line->line, "\r\n"))
		return error_at(e, ERROR_RECIPE, place, "'%s.line' must be one line", path);
	if (line->action != LINE_ABSENT && !line->line)
		return error_at(e, ERROR_RECIPE, place, "missing key 'line' in '%s'", path);
	if (line->action == LINE_REPLACE && !is_given(line->pattern))
		return error_at(e, ERROR_RECIPE, place, "missing key 'pattern' in '%s' (to replace needs it)",
				path);
	if (line->action == LINE_ABSENT && !line->line == !is_given(line->pattern))
		return error_at(e, ERROR_RECIPE, place,
				"'%s' needs one of 'line' and 'pattern' to say which lines go", path);
	return 0;
}

int recipe_check_line(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_line *line = base;

	if (check_path(line->path, &line->place, path, problems, e) < 0)
		return -1;
	if (check_line_keys(line, path, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	return check_pattern(line->pattern, &line->pattern_place, problems, e);
}

static int check_rule(const struct recipe_exclude *rule, const char *path, struct error *e)
{
	const char *glob = is_given(rule->exclude) ? rule->exclude : rule->include;

	if (is_given(rule->exclude) + is_given(rule->include) + is_given(rule->pattern) != 1)
		return error_at(e, ERROR_RECIPE, &rule->place,
				"'%s' needs one of the keys 'exclude', 'include' and 'pattern'", path);
	if (glob && (glob[0] != '/' || strpbrk(glob, "\r\n")))
		return error_at(e, ERROR_RECIPE, &rule->place,
				"'%s' must be about an absolute path, not '%.100s'", path, glob);
	if (rule->keep && is_given(rule->pattern))
		return error_at(
			e, ERROR_RECIPE, &rule->place,
			"'%s.keep' goes with 'exclude' and 'include': dpkg knows no regular expressions",
			path);
	return 0;
}

int recipe_check_exclude(const void *base, const char *path, struct problems *problems, struct error *e)
{
	const struct recipe_exclude *rule = base;

	if (check_rule(rule, path, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	return check_pattern(rule->pattern, &rule->pattern_place, problems, e);
}

static int check_resolv_conf(const struct recipe_setup *setup, struct error *e)
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
	return error_at(
		e, ERROR_RECIPE, &setup->resolv_conf_place, "unknown word '%.100s' in 'resolv_conf' (%s%s%s)",
		text, nearest ? "did you mean '" : "one of: ",
		nearest ? nearest : "stub, uplink, resolvconf, empty, absent, or the target of a link",
		nearest ? "'?" : "");
}

int recipe_check_setup(const struct recipe *recipe, struct problems *problems, struct error *e)
{
	const struct recipe_image *image = &recipe->image;

	if (check_resolv_conf(&recipe->setup, e) < 0 && problems_take(problems, e) < 0)
		return -1;
	for (size_t i = 0; i < image->property_count; i++)
		if (recipe_check_template(recipe, image->properties[i].value, &image->properties_place, e) <
			    0 &&
		    problems_take(problems, e) < 0)
			return -1;
	for (size_t i = 0; i < image->requirement_count; i++)
		if (recipe_check_template(recipe, image->requirements[i].value, &image->requirements_place,
					  e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	for (size_t i = 0; i < image->alias_count; i++)
		if (recipe_check_template(recipe, image->aliases[i].text, &image->aliases[i].place, e) < 0 &&
		    problems_take(problems, e) < 0)
			return -1;
	return 0;
}
