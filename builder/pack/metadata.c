/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/limits.h"
#include "base/text.h"
#include "customize/customize.h"
#include "recipe/recipe.h"

#include <yaml.h>

/* What the daemons read at most. */
#define METADATA_BYTES_MAX (1 * MIB)

/* What goes into metadata.yaml. */
struct document {
	const struct recipe *recipe;
	const struct image_templates *templates; /* may be NULL */
	int64_t epoch_s;
	const char *description;
	const char *name; /* of the image */
};

/* libyaml's emitter; the first failure is kept, and what follows is ignored. */
struct writer {
	yaml_emitter_t emitter;
	struct error *e;
	bool failed;
};

static void emit(struct writer *writer, yaml_event_t *event, int made)
{
	if (writer->failed) {
		if (made)
			yaml_event_delete(event);
		return;
	}
	/* yaml_emitter_emit() takes the event over, also when it fails. */
	if (made && yaml_emitter_emit(&writer->emitter, event))
		return;
	writer->failed = true;
	error_set(writer->e, ERROR_INTERNAL, "cannot write metadata.yaml: %s",
		  writer->emitter.problem ? writer->emitter.problem : "a malformed event");
}

static void scalar(struct writer *writer, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	int made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						(int)strlen(text), 1, 1, style);

	if (!made && !writer->failed) {
		writer->failed = true;
		error_set(writer->e, ERROR_RECIPE, "metadata.yaml: the text '%.200s' is not UTF-8", text);
		return;
	}
	emit(writer, &event, made);
}

/* Our own words. */
static void word(struct writer *writer, const char *text)
{
	scalar(writer, text, YAML_PLAIN_SCALAR_STYLE);
}

/* Texts of the recipe: always quoted, so that "12", "yes" and "~" stay what they are. */
static void quoted(struct writer *writer, const char *text)
{
	scalar(writer, text, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static void number(struct writer *writer, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%lld", (long long)value);
	word(writer, digits);
}

static void begin_map(struct writer *writer)
{
	yaml_event_t event;

	emit(writer, &event,
	     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static void end_map(struct writer *writer)
{
	yaml_event_t event;

	emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

static void write_list(struct writer *writer, const struct string_list *list)
{
	yaml_event_t event;

	emit(writer, &event,
	     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
	for (size_t i = 0; i < list->count; i++)
		quoted(writer, list->items[i]);
	emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

static void write_properties(struct writer *writer, const struct template_property *properties, size_t count)
{
	word(writer, "properties");
	begin_map(writer);
	for (size_t i = 0; i < count; i++) {
		quoted(writer, properties[i].key);
		quoted(writer, properties[i].value ? properties[i].value : "");
	}
	end_map(writer);
}

/* Incus takes owners and modes as texts; LXD passes over them. */
static void write_access(struct writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	word(writer, key);
	quoted(writer, value);
}

static void write_template(struct writer *writer, const struct image_template *template)
{
	quoted(writer, template->path);
	begin_map(writer);
	word(writer, "when");
	write_list(writer, &template->when);
	word(writer, "create_only");
	word(writer, template->create_only ? "true" : "false");
	word(writer, "template");
	quoted(writer, template->name);
	write_properties(writer, template->properties, template->property_count);
	write_access(writer, "uid", template->uid);
	write_access(writer, "gid", template->gid);
	write_access(writer, "mode", template->mode);
	end_map(writer);
}

/* The properties of an image in ascending order of key. */
struct properties {
	struct arena arena;
	struct template_property *items;
	size_t count;
};

static void properties_release(struct properties *properties)
{
	arena_release(&properties->arena);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct template_property *)a)->key, ((const struct template_property *)b)->key);
}

/* The recipe's own, expanded; what expands to nothing is left out, so that a template may choose. */
static int add_given(const struct recipe *recipe, const char *prefix, const struct template_property *given,
		     size_t count, const struct place *place, struct properties *properties, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		auto_free char *value = NULL;
		struct template_property property;
		struct text text;

		if (recipe_expand(recipe, given[i].value ? given[i].value : "", place, &value, e) < 0)
			return -1;
		text = text_trim(text_of(value));
		if (text.len == 0)
			continue;
		property.key = arena_printf(&properties->arena, "%s%s", prefix, given[i].key);
		property.value = arena_strndup(&properties->arena, text.ptr, text.len);
		ARENA_PUSH(&properties->arena, properties->items, properties->count, property);
	}
	return 0;
}

static int collect_properties(const struct document *document, struct properties *properties, struct error *e)
{
	const struct recipe *recipe = document->recipe;
	const struct recipe_image *image = &recipe->image;
	const struct template_property own[] = {
		{ "architecture", recipe->architecture_mapped },
		{ "description", document->description },
		{ "name", document->name },
		{ "os", image->distribution },
		{ "release", image->release },
		{ "serial", image->serial },
		{ "variant", image->variant },
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		ARENA_PUSH(&properties->arena, properties->items, properties->count, own[i]);
	if (add_given(recipe, "", image->properties, image->property_count, &image->properties_place,
		      properties, e) < 0 ||
	    add_given(recipe, "requirements.", image->requirements, image->requirement_count,
		      &image->requirements_place, properties, e) < 0)
		return -1;
	qsort(properties->items, properties->count, sizeof *properties->items, by_key);
	return 0;
}

static void write_document(struct writer *writer, const struct document *document,
			   const struct properties *properties)
{
	const struct recipe *recipe = document->recipe;
	const struct image_templates *templates = document->templates;

	begin_map(writer);
	word(writer, "architecture");
	quoted(writer, recipe->architecture);
	word(writer, "creation_date");
	number(writer, document->epoch_s);
	word(writer, "expiry_date");
	number(writer, document->epoch_s + recipe->image.expiry_s);
	write_properties(writer, properties->items, properties->count);
	word(writer, "templates");
	begin_map(writer);
	for (size_t i = 0; templates && i < templates->count; i++)
		write_template(writer, &templates->items[i]);
	end_map(writer);
	end_map(writer);
}

static int append(void *data, unsigned char *bytes, size_t len)
{
	buffer_add(data, bytes, len);
	return 1;
}

static int write_stream(struct buffer *out, const struct document *document,
			const struct properties *properties, struct error *e)
{
	struct writer writer = { .e = e };
	yaml_event_t event;

	if (!yaml_emitter_initialize(&writer.emitter))
		abort();
	yaml_emitter_set_output(&writer.emitter, append, out);
	yaml_emitter_set_unicode(&writer.emitter, 1);
	yaml_emitter_set_width(&writer.emitter, -1);
	emit(&writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&writer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	write_document(&writer, document, properties);
	emit(&writer, &event, yaml_document_end_event_initialize(&event, 1));
	emit(&writer, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&writer.emitter);
	return writer.failed ? -1 : 0;
}

static int make_yaml(struct document *document, struct pack_metadata *metadata, struct error *e)
{
	const struct recipe *recipe = document->recipe;
	auto_free char *description = NULL;
	AUTO(properties_release) struct properties properties = { .items = NULL };
	auto_buffer struct buffer text = BUFFER_INIT;

	if (recipe_expand(recipe, recipe->image.description, &recipe->image.place, &description, e) < 0)
		return error_wrap(e, "image.description");
	document->description = description;
	if (collect_properties(document, &properties, e) < 0 ||
	    write_stream(&text, document, &properties, e) < 0)
		return -1;
	if (text.len > METADATA_BYTES_MAX)
		return error_set(e, ERROR_RECIPE,
				 "metadata.yaml would have %zu bytes; LXD and Incus read %llu", text.len,
				 (unsigned long long)METADATA_BYTES_MAX);
	metadata->yaml = arena_strndup(&metadata->arena, text.data, text.len);
	metadata->yaml_len = text.len;
	return 0;
}

static int compare_templates(const void *a, const void *b)
{
	const struct image_template *one = *(const struct image_template *const *)a;
	const struct image_template *two = *(const struct image_template *const *)b;
	int order = strcmp(one->name, two->name);

	return order ? order : strcmp(one->path, two->path);
}

static int collect_templates(const struct image_templates *templates, struct pack_metadata *metadata,
			     struct error *e)
{
	size_t count = templates ? templates->count : 0;
	auto_free const struct image_template **sorted = xcalloc(count + 1, sizeof *sorted);

	for (size_t i = 0; i < count; i++)
		sorted[i] = &templates->items[i];
	if (count)
		qsort(sorted, count, sizeof *sorted, compare_templates);
	for (size_t i = 0; i < count; i++) {
		const struct image_template *previous = i ? sorted[i - 1] : NULL;
		struct pack_template template = { .len = strlen(sorted[i]->content) };

		if (previous && strcmp(previous->name, sorted[i]->name) == 0) {
			if (strcmp(previous->content, sorted[i]->content) == 0)
				continue; /* one file for both paths */
			return error_set(e, ERROR_RECIPE,
					 "the templates of '%s' and '%s' are both named '%s', but differ",
					 previous->path, sorted[i]->path, sorted[i]->name);
		}
		template.name = arena_strdup(&metadata->arena, sorted[i]->name);
		template.content = arena_strndup(&metadata->arena, sorted[i]->content, template.len);
		ARENA_PUSH(&metadata->arena, metadata->templates, metadata->template_count, template);
	}
	return 0;
}

int pack_metadata_make(const struct recipe *recipe, const struct image_templates *templates, int64_t epoch_s,
		       struct pack_metadata *out, struct error *e)
{
	auto_pack_metadata struct pack_metadata metadata = PACK_METADATA_INIT;
	struct document document = { .recipe = recipe, .templates = templates, .epoch_s = epoch_s };
	auto_free char *name = NULL;

	if (pack_image_name(recipe, &name, e) < 0)
		return -1;
	document.name = metadata.name = arena_strdup(&metadata.arena, name);
	if (make_yaml(&document, &metadata, e) < 0 || collect_templates(templates, &metadata, e) < 0)
		return -1;
	*out = TAKE(metadata, PACK_METADATA_INIT);
	return 0;
}

void pack_metadata_release(struct pack_metadata *metadata)
{
	arena_release(&metadata->arena);
	*metadata = PACK_METADATA_INIT;
}
