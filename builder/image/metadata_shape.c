/* SPDX-License-Identifier: Apache-2.0 */
#include "image/metadata_shape.h"

#include <yaml.h>

/* libyaml looks at all earlier directives and anchors for each of them, and at all open brackets for each token. */
enum { DIRECTIVES_MAX = 100, DEPTH_MAX = 32, ANCHORS_MAX = 1000 };

struct listener {
	metadata_say_fn *say;
	void *context;
};

static void say_at(const struct listener *listener, yaml_mark_t mark, const char *message)
{
	listener->say(listener->context, METADATA_MISTAKE, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		      message);
}

static void say_parser(const struct listener *listener, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "malformed";
	auto_free char *message = xasprintf("not valid YAML: %s", problem);

	if (parser->error == YAML_MEMORY_ERROR)
		abort();
	/* The reader of libyaml knows the byte, not the line, of what is no UTF-8. */
	say_at(listener, parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark, message);
}

static bool has_many_directives(struct text text)
{
	size_t count = 0;

	while (text.len && count <= DIRECTIVES_MAX) {
		struct text line = text_cut(text, '\n', &text);

		count += text_starts(line, "%");
	}
	return count > DIRECTIVES_MAX;
}

struct shape {
	int depth;
	int anchor_count;
};

static bool has_anchor(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

static bool fits(const struct listener *listener, const yaml_event_t *event, struct shape *shape)
{
	if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		shape->depth++;
	else if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
		shape->depth--;
	shape->anchor_count += has_anchor(event);
	if (shape->depth > DEPTH_MAX)
		say_at(listener, event->start_mark, "nested deeper than 32 levels");
	else if (shape->anchor_count > ANCHORS_MAX)
		say_at(listener, event->start_mark, "more than 1000 anchors");
	return shape->depth <= DEPTH_MAX && shape->anchor_count <= ANCHORS_MAX;
}

/* 1 for one event more, 0 behind the last one, -1 when there is something wrong, which was told. */
static int check_event(const struct listener *listener, yaml_parser_t *parser, struct shape *shape)
{
	yaml_event_t event;
	int result;

	if (!yaml_parser_parse(parser, &event)) {
		say_parser(listener, parser);
		return -1;
	}
	result = event.type == YAML_STREAM_END_EVENT ? 0 : fits(listener, &event, shape) ? 1 : -1;
	yaml_event_delete(&event);
	return result;
}

bool metadata_is_yaml(struct text text, metadata_say_fn *say, void *context)
{
	const struct listener listener = { say, context };
	yaml_parser_t parser;
	struct shape shape = { 0 };
	int r;

	if (has_many_directives(text)) {
		say(context, METADATA_MISTAKE, 0, 0, "it has hundreds of YAML directives");
		return false;
	}
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	while ((r = check_event(&listener, &parser, &shape)) > 0)
		;
	yaml_parser_delete(&parser);
	return r == 0;
}
