/* SPDX-License-Identifier: Apache-2.0 */
#include "image/metadata.h"

#include "base/alloc.h"

#include <yaml.h>

/* Where the events are: what is needed stands in the uppermost map, and one below it. */
struct cursor {
	unsigned depth;
	bool is_value[3];  /* of that depth: the next scalar is a value */
	bool properties;   /* the map of depth 2 is that of `properties` */
	struct text key;   /* the last one, of the current depth; in EVENT's memory no longer */
	char key_copy[32]; /* longer keys are none of ours */
	bool has_date;
};

static int take_date(struct text value, struct image_identity *identity, struct error *e)
{
	uint64_t number;

	if (!text_to_u64(value, &number) || number == 0 || number > INT64_MAX)
		return error_set(e, ERROR_FORMAT, "metadata.yaml: creation_date '%.*s' is no date",
				 value.len < 40 ? (int)value.len : 40, value.ptr);
	identity->creation_s = (int64_t)number;
	return 0;
}

static void remember_key(struct cursor *cursor, struct text key)
{
	size_t len = key.len < sizeof cursor->key_copy ? key.len : 0;

	memcpy(cursor->key_copy, key.ptr, len);
	cursor->key = (struct text) { cursor->key_copy, len };
}

static int take_scalar(struct cursor *cursor, struct text text, struct image_identity *identity,
		       struct error *e)
{
	bool value = cursor->depth <= 2 && cursor->is_value[cursor->depth];

	if (cursor->depth == 0 || cursor->depth > 2)
		return 0;
	cursor->is_value[cursor->depth] = !value;
	if (!value)
		remember_key(cursor, text);
	else if (cursor->depth == 1 && text_is(cursor->key, "creation_date")) {
		cursor->has_date = true;
		return take_date(text, identity, e);
	} else if (cursor->depth == 2 && cursor->properties && text_is(cursor->key, "name")) {
		free(identity->name);
		identity->name = xstrndup(text.ptr, text.len);
	}
	return 0;
}

/* A map or a list begins; it is a value, or the document. */
static void enter(struct cursor *cursor, bool map)
{
	if (cursor->depth == 1)
		cursor->properties = map && text_is(cursor->key, "properties");
	if (cursor->depth >= 1 && cursor->depth <= 2)
		cursor->is_value[cursor->depth] = false;
	cursor->depth++;
	if (cursor->depth <= 2)
		cursor->is_value[cursor->depth] = false;
}

static int take_event(struct cursor *cursor, const yaml_event_t *event, struct image_identity *identity,
		      struct error *e)
{
	switch (event->type) {
	case YAML_MAPPING_START_EVENT:
		enter(cursor, true);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		enter(cursor, false);
		return 0;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		cursor->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
		return take_scalar(
			cursor,
			(struct text) { (const char *)event->data.scalar.value, event->data.scalar.length },
			identity, e);
	case YAML_ALIAS_EVENT:
		return take_scalar(cursor, TEXT(""), identity, e);
	default:
		return 0;
	}
}

static int read_events(yaml_parser_t *parser, struct image_identity *identity, struct error *e)
{
	struct cursor cursor = { .depth = 0 };

	for (;;) {
		yaml_event_t event;
		bool end;
		int r;

		if (!yaml_parser_parse(parser, &event))
			return error_set(e, ERROR_FORMAT, "metadata.yaml:%zu:%zu: %s",
					 parser->problem_mark.line + 1, parser->problem_mark.column + 1,
					 parser->problem ? parser->problem : "malformed");
		end = event.type == YAML_STREAM_END_EVENT;
		r = take_event(&cursor, &event, identity, e);
		yaml_event_delete(&event);
		if (r < 0)
			return -1;
		if (end)
			break;
	}
	return cursor.has_date ? 0 : error_set(e, ERROR_FORMAT, "metadata.yaml: there is no creation_date");
}

int image_identity_read(struct text metadata, struct image_identity *out, struct error *e)
{
	auto_image_identity struct image_identity identity = IMAGE_IDENTITY_INIT;
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)metadata.ptr, metadata.len);
	r = read_events(&parser, &identity, e);
	yaml_parser_delete(&parser);
	if (r < 0)
		return -1;
	*out = TAKE(identity, IMAGE_IDENTITY_INIT);
	return 0;
}

void image_identity_release(struct image_identity *identity)
{
	free(identity->name);
	*identity = IMAGE_IDENTITY_INIT;
}
