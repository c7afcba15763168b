/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generators whose result is not a file of the root but a template in the image, which the daemon
 * renders when an instance is created, copied, started or renamed. `{{ container.name }}` and config_get()
 * below are the daemons' own words and are copied as they are.
 */
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "customize/entry.h"
#include "pongo/instance.h"

#include <fcntl.h>

enum { TEMPLATE_NAME_MAX = 200 };

void image_templates_release(struct image_templates *templates)
{
	arena_release(&templates->arena);
	*templates = IMAGE_TEMPLATES_INIT;
}

static int by_path(const void *a, const void *b)
{
	const struct image_template *left = a;
	const struct image_template *right = b;

	return strcmp(left->path, right->path);
}

void templates_sort(struct image_templates *templates)
{
	if (templates->count)
		qsort(templates->items, templates->count, sizeof *templates->items, by_path);
}

/* The daemon opens templates/NAME and refuses anything but a bare name. */
static int check_name(const char *name, struct error *e)
{
	if (!name || !*name)
		return error_set(e, ERROR_RECIPE, "'name' is missing");
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(e, ERROR_RECIPE, "name '%.200s' is no bare file name", name);
	if (strlen(name) > TEMPLATE_NAME_MAX)
		return error_set(e, ERROR_RECIPE, "name '%.40s…' is longer than %d bytes", name,
				 TEMPLATE_NAME_MAX);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(e, ERROR_RECIPE, "the name has a control character");
	return 0;
}

static int check_when(const struct string_list *when, struct error *e)
{
	static const char *const words[] = { "create", "copy", "start", "rename" };

	for (size_t i = 0; i < when->count; i++) {
		bool known = false;

		for (size_t j = 0; j < ARRAY_LEN(words); j++)
			known = known || strcmp(when->items[i], words[j]) == 0;
		if (!known)
			return error_set(e, ERROR_RECIPE,
					 "'%s' in 'template.when' is none of create, copy, start, rename",
					 when->items[i]);
	}
	return 0;
}

static bool lists_equal(const struct string_list *a, const struct string_list *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->count == b->count;
}

static bool properties_equal(const struct image_template *a, const struct image_template *b)
{
	for (size_t i = 0; i < a->property_count && i < b->property_count; i++)
		if (strcmp(a->properties[i].key, b->properties[i].key) != 0 ||
		    strcmp(a->properties[i].value, b->properties[i].value) != 0)
			return false;
	return a->property_count == b->property_count;
}

static bool texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool access_equal(const struct image_template *a, const struct image_template *b)
{
	return a->create_only == b->create_only && texts_equal(a->uid, b->uid) &&
	       texts_equal(a->gid, b->gid) && texts_equal(a->mode, b->mode);
}

/* 1 when an identical template is there already, 0 when NEW is none of those, -1 when it collides. */
static int compare_with_others(const struct image_templates *templates, const struct image_template *new,
			       struct error *e)
{
	for (size_t i = 0; i < templates->count; i++) {
		const struct image_template *old = &templates->items[i];
		bool same_content = strcmp(old->content, new->content) == 0;

		if (strcmp(old->name, new->name) == 0 && !same_content)
			return error_set(e, ERROR_RECIPE,
					 "template '%s' has another content than that of line %u", new->name,
					 old->place.line);
		if (strcmp(old->path, new->path) != 0)
			continue;
		if (strcmp(old->name, new->name) == 0 && lists_equal(&old->when, &new->when) &&
		    properties_equal(old, new) && access_equal(old, new))
			return 1;
		return error_set(e, ERROR_RECIPE, "'%s' has a template already, from line %u", new->path,
				 old->place.line);
	}
	return 0;
}

static struct string_list copy_list(struct arena *arena, const struct string_list *list)
{
	struct string_list copy = { NULL, 0 };

	for (size_t i = 0; i < list->count; i++)
		ARENA_PUSH(arena, copy.items, copy.count, arena_strdup(arena, list->items[i]));
	return copy;
}

/* What the daemon would give a template for `properties`. */
static struct instance_pairs instance_properties(struct arena *arena,
						 const struct template_property *properties, size_t count)
{
	struct instance_pair *pairs = arena_alloc(arena, (count + 1) * sizeof *pairs);

	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct instance_pair) {
			.key = properties[i].key,
			.value = properties[i].value ? properties[i].value : "",
		};
	return (struct instance_pairs) { pairs, count };
}

/* A template as it goes into the image: none that would keep an instance from its first start. */
static int check_content(const struct image_template *template, struct error *e)
{
	AUTO(arena_release) struct arena arena = ARENA_INIT;
	struct instance_pairs properties =
		instance_properties(&arena, template->properties, template->property_count);
	struct pongo_position where = { 1, 1 };
	struct error doubt = ERROR_INIT;

	if (instance_check_template(text_of(template->content), &properties, &where, &doubt) >= 0)
		return 0;
	*e = doubt;
	return error_wrap(e, "template '%s':%u:%u", template->name, where.line, where.column);
}

static const char *const default_when[] = { "create", "copy" };

/* Add a template made from ENTRY; PROPERTIES are used where the recipe gives none. */
static int add(struct image_templates *templates, const struct entry *entry, const char *path,
	       const char *name, const char *content, const struct template_property *properties,
	       size_t property_count, struct error *e)
{
	struct arena *arena = &templates->arena;
	const struct recipe_file *file = entry->file;
	struct string_list when = file->when;
	struct image_template new = { .place = file->place };
	int r;

	if (when.count == 0)
		when = (struct string_list) { (const char **)(uintptr_t)default_when,
					      ARRAY_LEN(default_when) };
	if (file->property_count) {
		properties = file->properties;
		property_count = file->property_count;
	}
	if (check_name(name, e) < 0 || check_when(&when, e) < 0)
		return -1;
	new.path = arena_strdup(arena, path);
	new.name = arena_strdup(arena, name);
	new.content = arena_strdup(arena, content);
	new.when = copy_list(arena, &when);
	new.create_only = file->template_create_only;
	new.uid = file->template_uid ? arena_strdup(arena, file->template_uid) : NULL;
	new.gid = file->template_gid ? arena_strdup(arena, file->template_gid) : NULL;
	/* Read as C reads numbers: octal by the 0 in front. */
	if (file->template_mode)
		new.mode = arena_printf(arena, "0%03o", (unsigned)strtoul(file->template_mode, NULL, 8));
	for (size_t i = 0; i < property_count; i++) {
		struct template_property property = { arena_strdup(arena, properties[i].key),
						      arena_strdup(arena, properties[i].value) };

		ARENA_PUSH(arena, new.properties, new.property_count, property);
	}
	if (check_content(&new, e) < 0)
		return -1;
	r = compare_with_others(templates, &new, e);
	if (r < 0)
		return -1;
	if (r == 0)
		ARENA_PUSH(arena, templates->items, templates->count, new);
	return 0;
}

/* The text of a `template` entry: inline, or a file beside the recipe. */
static int read_content(const struct entry *entry, char **content, struct error *e)
{
	size_t len = 0;

	if (entry->content && entry->source)
		return error_set(e, ERROR_RECIPE, "'content' and 'source' exclude each other");
	if (!entry->source) {
		*content = xstrdup(entry->content ? entry->content : "");
		return 0;
	}
	if (file_read(AT_FDCWD, entry->source, LIMIT_TEMPLATE_BYTES, content, &len, e) < 0)
		return -1;
	if (strlen(*content) != len)
		return error_set(e, ERROR_RECIPE, "'%s' is no text", entry->source);
	return 0;
}

int generate_template(const struct entry *entry, struct image_templates *templates, struct error *e)
{
	auto_free char *text = NULL;
	auto_free char *name = NULL;
	auto_free char *content = NULL;

	if (check_name(entry->file->name, e) < 0 || read_content(entry, &text, e) < 0)
		return -1;
	name = xasprintf("%s.tpl", entry->file->name);
	content = xasprintf("%s%s", text, is_suffix(text, "\n") ? "" : "\n");
	return add(templates, entry, entry->path, name, content, NULL, 0, e);
}

int generate_hostname(const struct entry *entry, struct image_templates *templates, struct error *e)
{
	return add(templates, entry, entry->path, "hostname.tpl", "{{ container.name }}\n", NULL, 0, e);
}

static void replace_all(struct buffer *out, const char *text, const char *word, const char *with)
{
	for (const char *at = strstr(text, word); at; at = strstr(text, word)) {
		buffer_add(out, text, (size_t)(at - text));
		buffer_adds(out, with);
		text = at + strlen(word);
	}
	buffer_adds(out, text);
}

static const char no_hosts[] = "127.0.0.1\tlocalhost\n"
			       "::1\tlocalhost ip6-localhost ip6-loopback\n"
			       "ff02::1\tip6-allnodes\n"
			       "ff02::2\tip6-allrouters\n";

/*
 * The root's own file with the instance's name in it. `distrobuilder` is what the format's first builder calls
 * its build host: files made for it use that word where the name belongs.
 */
int generate_hosts(const struct customize_site *site, const struct entry *entry,
		   struct image_templates *templates, struct error *e)
{
	static const char name[] = "{{ container.name }}";
	auto_buffer struct buffer content = BUFFER_INIT;
	auto_free char *hosts = NULL;
	auto_free char *named = NULL;
	size_t len = 0;
	int r = root_read(site->root_fd, entry->path, &hosts, &len, e);

	if (r < 0)
		return -1;
	if (r > 0 && strlen(hosts) != len)
		return error_set(e, ERROR_FORMAT, "'%s' in the root is no text", entry->path);
	replace_all(&content, r > 0 ? hosts : no_hosts, "distrobuilder", name);
	named = buffer_take(&content);
	if (!strstr(named, name))
		buffer_addf(&content, "127.0.1.1\t%s\n", name);
	buffer_adds(&content, named);
	return add(templates, entry, entry->path, "hosts.tpl", content.data, NULL, 0, e);
}

/*
 * What cloud-init reads in an instance. The newer configuration key wins over the older one, and both over
 * the default; in network-config the default is part of the template, so that it may look at the instance.
 */
struct cloud_init_file {
	const char *name;
	const char *before;           /* the default */
	const char *after;            /* likewise */
	const char *default_text;     /* where the recipe gives no content */
	const char *default_property; /* that receives the default instead; NULL: the template does */
};

#define CLOUD_INIT_CHOICE(what) \
	"{%- if config_get(\"cloud-init." what "\", properties.default) == properties.default -%}\n" \
	"{{ config_get(\"user." what "\", properties.default) }}\n" \
	"{%- else -%}\n" \
	"{{- config_get(\"cloud-init." what "\", properties.default) }}\n" \
	"{%- endif %}\n"

static const struct cloud_init_file cloud_init_files[] = {
	{ "user-data", CLOUD_INIT_CHOICE("user-data"), "", "#cloud-config\n{}", "default" },
	{ "vendor-data", CLOUD_INIT_CHOICE("vendor-data"), "", "#cloud-config\n{}", "default" },
	{ "meta-data",
	  "instance-id: {{ container.name }}\n"
	  "local-hostname: {{ container.name }}\n"
	  "{{ config_get(\"user.meta-data\", \"\") }}\n",
	  "", NULL, "default" },
	{ "network-config",
	  "{%- if config_get(\"cloud-init.network-config\", \"\") == \"\" -%}\n"
	  "{%- if config_get(\"user.network-config\", \"\") == \"\" -%}\n",
	  "\n{%- else -%}\n"
	  "{{- config_get(\"user.network-config\", \"\") -}}\n"
	  "{%- endif -%}\n"
	  "{%- else -%}\n"
	  "{{- config_get(\"cloud-init.network-config\", \"\") -}}\n"
	  "{%- endif %}\n",
	  "version: 1\n"
	  "config:\n"
	  "  - type: physical\n"
	  "    name: {% if instance.type == \"virtual-machine\" %}enp5s0{% else %}eth0{% endif %}\n"
	  "    subnets:\n"
	  "      - type: dhcp\n"
	  "        control: auto",
	  NULL },
};

int generate_cloud_init(const struct entry *entry, struct image_templates *templates, struct error *e)
{
	const char *word = entry->file->name ? entry->file->name : "";
	const struct cloud_init_file *file = NULL;

	for (size_t i = 0; i < ARRAY_LEN(cloud_init_files); i++)
		if (strcmp(cloud_init_files[i].name, word) == 0)
			file = &cloud_init_files[i];
	if (!file)
		return error_set(e, ERROR_RECIPE,
				 "name '%s' is none of user-data, meta-data, vendor-data, network-config",
				 word);

	bool given = entry->content && *entry->content;
	const char *text = given ? entry->content : file->default_text;
	struct template_property property = { file->default_property, text };
	auto_free char *name = xasprintf("cloud-init-%s.tpl", word);
	auto_free char *path = xasprintf("/var/lib/cloud/seed/nocloud-net/%s", word);
	auto_free char *content =
		xasprintf("%s%s%s", file->before, file->default_property ? "" : text, file->after);

	return add(templates, entry, entry->path ? entry->path : path, name, content, &property,
		   file->default_property && text ? 1 : 0, e);
}

/* The text of FILE that is a template as it stands there, malloc'ed, and its place; NULL where there is none. */
static int read_raw(const struct recipe_file *file, struct arena *arena, char **text, struct place *place,
		    struct error *e)
{
	auto_free char *path = NULL;
	bool is_network = file->generator == GENERATOR_CLOUD_INIT && file->name &&
			  strcmp(file->name, "network-config") == 0;

	*text = NULL;
	if (file->pongo || (file->generator != GENERATOR_TEMPLATE && !is_network))
		return 0;
	if (file->content && *file->content) {
		*text = xstrdup(file->content);
		*place = file->content_place;
		return 0;
	}
	if (!file->source || is_network)
		return 0;
	path = source_path(file, file->source);
	*place = (struct place) { arena_strdup(arena, path), 1, 1 };
	if (file_read(AT_FDCWD, path, LIMIT_TEMPLATE_BYTES, text, NULL, e) < 0)
		return error_wrap_at(e, &file->source_place);
	return 0;
}

int customize_check_templates(const struct recipe *recipe, template_report_fn report, void *context,
			      struct error *e)
{
	for (size_t i = 0; i < recipe->file_count; i++) {
		const struct recipe_file *file = &recipe->files[i];
		AUTO(arena_release) struct arena arena = ARENA_INIT;
		auto_free char *text = NULL;
		struct instance_pairs properties =
			instance_properties(&arena, file->properties, file->property_count);
		struct pongo_position where = { 1, 1 };
		struct error found = ERROR_INIT;
		struct place place;
		int r;

		if (read_raw(file, &arena, &text, &place, e) < 0)
			return -1;
		r = text ? instance_check_template(text_of(text), &properties, &where, &found) : 0;
		if (r == 0)
			continue;
		place = place_inside(&place, where.line, where.column);
		if (report(context, r > 0, &place, &found, e) < 0)
			return -1;
	}
	return 0;
}
