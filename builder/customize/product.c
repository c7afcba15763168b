/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates of an image as text and back. They are made by the same step that writes files into the root; where a
 * layer spares that step, they come from the text that was kept beside it.
 */
#include "customize/customize.h"

#include <jansson.h>

static void json_release(json_t **value)
{
	json_decref(*value);
}
#define auto_json AUTO(json_release)

static json_t *template_json(const struct image_template *template)
{
	json_t *when = json_array();
	json_t *properties = json_array();

	for (size_t i = 0; i < template->when.count; i++)
		json_array_append_new(when, json_string(template->when.items[i]));
	for (size_t i = 0; i < template->property_count; i++)
		json_array_append_new(properties, json_pack("[s, s]", template->properties[i].key,
							    template->properties[i].value));
	return json_pack("{s:s, s:s, s:s, s:b, s:s*, s:s*, s:s*, s:o, s:o}", "path", template->path, "name",
			 template->name, "content", template->content, "create_only", template->create_only,
			 "uid", template->uid, "gid", template->gid, "mode", template->mode, "when", when,
			 "properties", properties);
}

int image_templates_write(const struct image_templates *templates, char **text, struct error *e)
{
	auto_json json_t *list = json_array();
	char *dumped;

	/* jansson refuses what is not UTF-8, and arrays refuse NULL. */
	for (size_t i = 0; i < templates->count; i++)
		if (json_array_append_new(list, template_json(&templates->items[i])) < 0)
			return error_set(e, ERROR_FORMAT, "template '%s' holds text that is not UTF-8",
					 templates->items[i].path);
	dumped = json_dumps(list, JSON_COMPACT);
	*text = xstrdup(dumped ? dumped : "[]");
	free(dumped);
	return 0;
}

static int read_template(json_t *json, struct arena *arena, struct image_template *template)
{
	const char *path;
	const char *name;
	const char *content;
	const char *uid = NULL;
	const char *gid = NULL;
	const char *mode = NULL;
	int create_only;
	json_t *when;
	json_t *properties;
	json_t *item;
	size_t index;

	if (json_unpack(json, "{s:s, s:s, s:s, s:b, s?:s, s?:s, s?:s, s:o, s:o}", "path", &path, "name",
			&name, "content", &content, "create_only", &create_only, "uid", &uid, "gid", &gid,
			"mode", &mode, "when", &when, "properties", &properties) < 0)
		return -1;
	*template = (struct image_template) {
		.path = arena_strdup(arena, path),
		.name = arena_strdup(arena, name),
		.content = arena_strdup(arena, content),
		.create_only = create_only,
		.uid = uid ? arena_strdup(arena, uid) : NULL,
		.gid = gid ? arena_strdup(arena, gid) : NULL,
		.mode = mode ? arena_strdup(arena, mode) : NULL,
	};
	json_array_foreach (when, index, item) {
		if (!json_is_string(item))
			return -1;
		ARENA_PUSH(arena, template->when.items, template->when.count,
			   arena_strdup(arena, json_string_value(item)));
	}
	json_array_foreach (properties, index, item) {
		struct template_property property;

		if (json_unpack(item, "[s, s]", &property.key, &property.value) < 0)
			return -1;
		property.key = arena_strdup(arena, property.key);
		property.value = arena_strdup(arena, property.value);
		ARENA_PUSH(arena, template->properties, template->property_count, property);
	}
	return 0;
}

int image_templates_read(const char *text, size_t len, struct image_templates *templates, struct error *e)
{
	auto_image_templates struct image_templates read = IMAGE_TEMPLATES_INIT;
	auto_json json_t *list = json_loadb(text, len, 0, NULL);
	json_t *item;
	size_t index;

	if (!json_is_array(list))
		return error_set(e, ERROR_FORMAT, "no list of templates");
	json_array_foreach (list, index, item) {
		struct image_template template;

		if (read_template(item, &read.arena, &template) < 0)
			return error_set(e, ERROR_FORMAT, "template %zu is malformed", index);
		ARENA_PUSH(&read.arena, read.items, read.count, template);
	}
	*templates = TAKE(read, IMAGE_TEMPLATES_INIT);
	return 0;
}
