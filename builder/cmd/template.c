/* SPDX-License-Identifier: Apache-2.0 */
/* kiln template: what an instance would get of a template of the image. */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "pongo/instance.h"
#include "recipe/architecture.h"

#include <fcntl.h>
#include <jansson.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* WORD of the option NAME as KEY=VALUE, cut in the arena. */
static int cut_pair(struct arena *arena, const char *name, const char *word, struct instance_pair *pair,
		    struct error *e)
{
	const char *equals = strchr(word, '=');

	if (!equals || equals == word)
		return error_set(e, ERROR_USAGE, "--%s '%s' is not KEY=VALUE", name, word);
	*pair = (struct instance_pair) {
		.key = arena_strndup(arena, word, (size_t)(equals - word)),
		.value = equals + 1,
	};
	return 0;
}

static int read_pairs(struct arena *arena, const char *name, const struct words *words,
		      struct instance_pairs *pairs, struct error *e)
{
	struct instance_pair *items = arena_alloc(arena, (words->count + 1) * sizeof *items);

	for (size_t i = 0; i < words->count; i++)
		if (cut_pair(arena, name, words->items[i], &items[i], e) < 0)
			return -1;
	*pairs = (struct instance_pairs) { items, words->count };
	return 0;
}

/* --device eth0.type=nic */
static int read_devices(struct arena *arena, const struct words *words, struct instance_pairs *pairs,
			struct error *e)
{
	struct instance_pair *items = arena_alloc(arena, (words->count + 1) * sizeof *items);

	for (size_t i = 0; i < words->count; i++) {
		const char *dot;

		if (cut_pair(arena, "device", words->items[i], &items[i], e) < 0)
			return -1;
		dot = strchr(items[i].key, '.');
		if (!dot || dot == items[i].key || !dot[1])
			return error_set(e, ERROR_USAGE, "--device '%s' is not DEVICE.KEY=VALUE",
					 words->items[i]);
		items[i].device = arena_strndup(arena, items[i].key, (size_t)(dot - items[i].key));
		items[i].key = dot + 1;
	}
	*pairs = (struct instance_pairs) { items, words->count };
	return 0;
}

static int set_flag(const char *value, bool *flag)
{
	*flag = strcmp(value, "true") == 0;
	return *flag || strcmp(value, "false") == 0 ? 0 : -1;
}

/* One of the facts behind the name in --instance. */
static int set_fact(struct instance *instance, const struct instance_pair *fact)
{
	const struct architecture *architecture;

	if (strcmp(fact->key, "type") == 0) {
		instance->type = fact->value;
		return strcmp(fact->value, "container") == 0 || strcmp(fact->value, "virtual-machine") == 0
			       ? 0
			       : -1;
	}
	if (strcmp(fact->key, "architecture") == 0) {
		architecture = architecture_find(fact->value);
		instance->architecture = architecture ? architecture->name : NULL;
		return architecture ? 0 : -1;
	}
	if (strcmp(fact->key, "ephemeral") == 0)
		return set_flag(fact->value, &instance->is_ephemeral);
	if (strcmp(fact->key, "privileged") == 0)
		return set_flag(fact->value, &instance->is_privileged);
	return -1;
}

/* --instance NAME[,KEY=VALUE]... */
static int read_instance(struct arena *arena, const char *word, struct instance *instance, struct error *e)
{
	struct text rest;
	struct text name = text_cut(text_of(word), ',', &rest);

	instance->name = arena_strndup(arena, name.ptr, name.len);
	while (rest.ptr) {
		struct text part = text_cut(rest, ',', &rest);
		const char *fact = arena_strndup(arena, part.ptr, part.len);
		struct instance_pair pair;

		if (cut_pair(arena, "instance", fact, &pair, e) < 0)
			return -1;
		if (set_fact(instance, &pair) < 0)
			return error_set(e, ERROR_USAGE,
					 "--instance: '%s' is none of type=container, type=virtual-machine, "
					 "architecture=NAME, "
					 "ephemeral=true, privileged=true",
					 fact);
	}
	return name.len ? 0 : error_set(e, ERROR_USAGE, "--instance needs a name");
}

static int read_trigger(const char *word, struct instance *instance, struct error *e)
{
	static const char *const triggers[] = { "create", "copy", "start", "rename" };

	for (size_t i = 0; i < ARRAY_LEN(triggers); i++)
		if (strcmp(word, triggers[i]) == 0)
			instance->trigger = triggers[i];
	if (!instance->trigger)
		return error_set(e, ERROR_USAGE, "--trigger '%s' is none of create, copy, start, rename",
				 word);
	return 0;
}

static int read_settings(struct arena *arena, const struct settings *settings, struct instance *instance,
			 struct error *e)
{
	const struct architecture *host = architecture_of_host();
	const char *name = base_name(settings->arguments.items[0]);

	instance->type = "container";
	instance->architecture = host ? host->name : "x86_64";
	instance->path = settings->path ? settings->path : arena_printf(arena, "/%s", name);
	if (read_trigger(settings->trigger ? settings->trigger : "create", instance, e) < 0 ||
	    read_instance(arena, settings->instance ? settings->instance : "c1", instance, e) < 0 ||
	    read_pairs(arena, "config", &settings->configs, &instance->config, e) < 0 ||
	    read_pairs(arena, "property", &settings->properties, &instance->properties, e) < 0)
		return -1;
	return read_devices(arena, &settings->devices, &instance->devices, e);
}

static int choose_version(const char *daemon, enum pongo_version *version, struct error *e)
{
	*version = PONGO_4;
	if (!daemon || strcmp(daemon, "lxd") == 0)
		return 0;
	*version = PONGO_6;
	if (strcmp(daemon, "incus") == 0)
		return 0;
	return error_set(e, ERROR_USAGE, "--daemon '%s' is neither lxd nor incus", daemon);
}

static int print_output(const struct settings *settings, const struct buffer *out, struct error *e)
{
	auto_free char *dumped = NULL;
	json_t *object;

	if (!settings->json)
		return print_data(out->data, out->len, e);
	object = json_pack("{s:s%}", "text", out->data ? out->data : "", out->len);
	if (!object)
		return error_set(e, ERROR_FORMAT, "what the template gives is no UTF-8, which JSON needs");
	dumped = json_dumps(object, JSON_INDENT(2));
	json_decref(object);
	return print_data(dumped, strlen(dumped), e) < 0 ? -1 : print_data("\n", 1, e);
}

static int read_template(const char *path, char **text, size_t *len, struct error *e)
{
	if (strcmp(path, "-") == 0)
		return file_read_fd(STDIN_FILENO, LIMIT_TEMPLATE_BYTES, text, len, e);
	return file_read(AT_FDCWD, path, LIMIT_TEMPLATE_BYTES, text, len, e);
}

/* Put FILE:LINE:COLUMN in front. */
static int wrap_place(const char *path, struct pongo_position where, struct error *e)
{
	return error_wrap(e, "%s:%u:%u", strcmp(path, "-") == 0 ? "standard input" : path, where.line,
			  where.column);
}

int cmd_template(const struct settings *settings, struct error *e)
{
	const char *path = settings->arguments.items[0];
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	auto_free char *text = NULL;
	size_t len = 0;
	struct instance instance = { .name = NULL };
	const struct pongo_template *template;
	struct pongo_position where = { 1, 1 };
	enum pongo_version version;
	struct pongo_scope scope;
	struct error doubt = ERROR_INIT;

	if (choose_version(settings->daemon, &version, e) < 0 ||
	    read_settings(&arena, settings, &instance, e) < 0 || read_template(path, &text, &len, e) < 0)
		return -1;
	scope = instance_scope(&arena, &instance);
	if (pongo_parse(&arena, (struct text) { text, len }, version, &template, &where, e) < 0 ||
	    pongo_render(template, &scope, &out, &where, e) < 0)
		return wrap_place(path, where, e);
	if (instance_check_template((struct text) { text, len }, &instance.properties, &where, &doubt) > 0) {
		wrap_place(path, where, &doubt);
		log_warn(settings->log, "%s", doubt.text);
	}
	return print_output(settings, &out, e);
}
