/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/instance.h"

#include "pongo/value.h"

#define MAP_TYPE "map[string]string"

struct context {
	struct pongo_map config;
	struct pongo_function config_get;
	struct pongo_map names;
};

static const char *const names[] = { "config",   "config_get", "container",  "devices",
				     "instance", "path",       "properties", "trigger" };

static struct pongo_value text_value(const char *text)
{
	return (struct pongo_value) { .kind = PONGO_TEXT, .text = text ? text_of(text) : TEXT("") };
}

static struct pongo_value map_value(const struct pongo_map *map)
{
	return (struct pongo_value) { .kind = PONGO_MAP, .map = map };
}

/* The pairs of DEVICE, or all where it is NULL. A daemon's configuration has no key without a value. */
static struct pongo_value pairs_value(struct arena *arena, const struct instance_pairs *pairs,
				      const char *device, const char *type, bool with_empty)
{
	struct pongo_entry *entries = NULL;
	size_t count = 0;

	for (size_t i = 0; i < pairs->count; i++) {
		const struct instance_pair *pair = &pairs->items[i];
		struct pongo_entry entry = { text_of(pair->key), text_value(pair->value) };

		if ((with_empty || *pair->value) && (!device || strcmp(device, pair->device) == 0))
			ARENA_PUSH(arena, entries, count, entry);
	}
	return map_value(pongo_map_make(arena, type, entries, count));
}

static struct pongo_value devices_value(struct arena *arena, const struct instance_pairs *pairs)
{
	struct pongo_entry *entries = NULL;
	size_t count = 0;

	for (size_t i = 0; i < pairs->count; i++) {
		const char *device = pairs->items[i].device;
		struct pongo_entry entry = { text_of(device),
					     pairs_value(arena, pairs, device, "config.Device", true) };

		ARENA_PUSH(arena, entries, count, entry);
	}
	return map_value(pongo_map_make(arena, "config.Devices", entries, count));
}

static struct pongo_value instance_value(struct arena *arena, const struct instance *instance)
{
	const struct pongo_entry entries[] = {
		{ TEXT("name"), text_value(instance->name) },
		{ TEXT("type"), text_value(instance->type) },
		{ TEXT("architecture"), text_value(instance->architecture) },
		{ TEXT("ephemeral"), text_value(instance->is_ephemeral ? "true" : "false") },
		{ TEXT("privileged"), text_value(instance->is_privileged ? "true" : "false") },
	};

	return map_value(pongo_map_make(arena, MAP_TYPE, entries, ARRAY_LEN(entries)));
}

/* config_get(key, default) */
static int config_get(void *data, struct arena *arena, const struct pongo_value *arguments,
		      struct pongo_value *result, struct error *e)
{
	const struct context *context = data;
	const struct pongo_value *found = pongo_map_get(&context->config, value_text(arena, &arguments[0]));

	(void)e;
	*result = found ? *found : arguments[1];
	while (found && result->text.len &&
	       (result->text.ptr[result->text.len - 1] == '\n' ||
		result->text.ptr[result->text.len - 1] == '\r'))
		result->text.len--;
	return 0;
}

static int look_up(void *data, struct text name, struct arena *arena, struct pongo_value *value,
		   struct error *e)
{
	const struct context *context = data;
	const struct pongo_value *found = pongo_map_get(&context->names, name);

	(void)arena;
	(void)e;
	if (!found)
		return 0;
	*value = *found;
	return 1;
}

struct pongo_scope instance_scope(struct arena *arena, const struct instance *instance)
{
	struct context *context = arena_alloc(arena, sizeof *context);
	struct pongo_value config = pairs_value(arena, &instance->config, NULL, MAP_TYPE, false);
	struct pongo_value self = instance_value(arena, instance);
	struct pongo_value trigger = text_value(instance->trigger);
	struct pongo_value get = { .kind = PONGO_FUNCTION, .function = &context->config_get };

	trigger.type = "instance.TemplateTrigger";
	context->config = *config.map;
	context->config_get = (struct pongo_function) { 2, config_get, context };

	const struct pongo_entry entries[] = {
		{ TEXT("config"), config },
		{ TEXT("config_get"), get },
		{ TEXT("container"), self },
		{ TEXT("devices"), devices_value(arena, &instance->devices) },
		{ TEXT("instance"), self },
		{ TEXT("path"), text_value(instance->path) },
		{ TEXT("properties"), pairs_value(arena, &instance->properties, NULL, MAP_TYPE, true) },
		{ TEXT("trigger"), trigger },
	};

	context->names = *pongo_map_make(arena, "", entries, ARRAY_LEN(entries));
	return (struct pongo_scope) { .lookup = look_up, .data = context, .is_live = true };
}

static int look_up_strictly(void *data, struct text name, struct arena *arena, struct pongo_value *value,
			    struct error *e)
{
	auto_free char *word = NULL;
	const char *nearest;
	struct text rest;

	if (look_up(data, name, arena, value, e) > 0)
		return 1;
	name = text_cut(name, '.', &rest);
	word = xstrndup(name.ptr, name.len < 100 ? name.len : 100);
	nearest = text_nearest(word, names, ARRAY_LEN(names));
	return error_set(e, ERROR_RECIPE, "neither LXD nor Incus knows the name '%s'%s%s%s", word,
			 nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

/* Whether a rendering for an instance without configuration gives something. */
static int try_template(const struct pongo_template *template, const struct instance_pairs *properties,
			struct pongo_position *where, struct error *e)
{
	static const struct instance_pair devices[] = {
		{ "eth0", "name", "eth0" }, { "eth0", "network", "lxdbr0" }, { "eth0", "type", "nic" },
		{ "root", "path", "/" },    { "root", "pool", "default" },   { "root", "type", "disk" },
	};
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	const struct instance instance = {
		.name = "c1",
		.type = "container",
		.architecture = "x86_64",
		.trigger = "create",
		.path = "/etc/file",
		.devices = { devices, ARRAY_LEN(devices) },
		.properties = *properties,
	};
	struct pongo_scope scope = instance_scope(&arena, &instance);

	if (pongo_render(template, &scope, &out, where, e) < 0)
		return error_wrap(e, "an instance without configuration cannot start");
	scope.lookup = look_up_strictly;
	return pongo_check(template, &scope, where, e);
}

int instance_check_template(struct text text, const struct instance_pairs *properties,
			    struct pongo_position *where, struct error *e)
{
	static const char *const daemons[] = { [PONGO_4] = "LXD", [PONGO_6] = "Incus" };
	struct error errors[2] = { ERROR_INIT, ERROR_INIT };
	struct pongo_position places[2];
	bool is_broken[2];

	for (size_t i = 0; i < ARRAY_LEN(daemons); i++) {
		AUTO(arena_release) struct arena arena = ARENA_INIT;
		const struct pongo_template *template;

		is_broken[i] = pongo_parse(&arena, text, (enum pongo_version)i, &template, &places[i],
					   &errors[i]) < 0;
		/* What fails is said below: errors[i] is set. */
		if (!is_broken[i])
			(void)!try_template(template, properties, &places[i], &errors[i]);
	}
	/* What one daemon refuses matters more than what is doubtful in both. */
	for (size_t i = 0; i < 2 * ARRAY_LEN(daemons); i++) {
		size_t which = i % ARRAY_LEN(daemons);

		if (errors[which].kind == ERROR_NONE || is_broken[which] != (i < ARRAY_LEN(daemons)))
			continue;
		*where = places[which];
		*e = errors[which];
		if (is_broken[PONGO_4] && is_broken[PONGO_6])
			return -1;
		if (is_broken[which])
			error_wrap(e, "%s refuses it", daemons[which]);
		return 1;
	}
	return 0;
}
