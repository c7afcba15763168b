/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/yaml.h"

#include "base/limits.h"
#include "base/map.h"

#include <yaml.h>

enum { DIRECTIVES_MAX = 100 };

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	const char *file;
	struct text text;
	struct map anchors; /* name → struct node */
	size_t node_count;  /* so far, aliases written out */
	const char *line;   /* the line, counted from 0, that was looked at last: places only move forward */
	size_t line_number;
	struct problems *problems; /* NULL: the first mistake is the last */
};

static void auto_event_(yaml_event_t *event)
{
	yaml_event_delete(event);
}
#define auto_event AUTO(auto_event_)

static int compose(struct reader *reader, const yaml_event_t *event, unsigned depth, struct node **out,
		   struct error *e);

const char *node_kind_name(const struct node *node)
{
	if (node->null)
		return "nothing";
	return node->kind == NODE_SCALAR ? "text" : node->kind == NODE_LIST ? "a list" : "a mapping";
}

struct node_pair *node_find(const struct node *node, const char *key)
{
	for (size_t i = 0; i < node->count; i++)
		if (strcmp(node->pairs[i].key, key) == 0)
			return &node->pairs[i];
	return NULL;
}

static struct place place_of(const struct reader *reader, yaml_mark_t mark)
{
	return (struct place) {
		.file = reader->file,
		.line = (unsigned)mark.line + 1,
		.column = (unsigned)mark.column + 1,
	};
}

/* The reader of libyaml knows the byte, not the line, of what is no UTF-8 or no printable character. */
static struct place place_of_byte(const struct reader *reader, size_t offset)
{
	struct place place = { .file = reader->file, .line = 1, .column = 1 };

	for (size_t i = 0; i < offset && i < reader->text.len; i++) {
		unsigned char c = (unsigned char)reader->text.ptr[i];

		if (c == '\n') {
			place.line++;
			place.column = 1;
		} else if ((c & 0xC0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

static int fail_syntax(struct reader *reader, struct error *e)
{
	const yaml_parser_t *parser = &reader->parser;
	struct place place = place_of(reader, parser->problem_mark);
	const char *problem = parser->problem ? parser->problem : "unknown mistake";

	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(e, ERROR_SYSTEM, "out of memory");
	if (parser->error == YAML_READER_ERROR) {
		place = place_of_byte(reader, parser->problem_offset);
		return error_at(e, ERROR_RECIPE, &place, "not valid YAML: %s", problem);
	}
	if (strstr(problem, "cannot start any token") && parser->buffer.pointer < parser->buffer.last &&
	    *parser->buffer.pointer == '\t')
		return error_at(e, ERROR_RECIPE, &place,
				"not valid YAML: a tab where only blanks may indent");
	if (parser->context)
		return error_at(e, ERROR_RECIPE, &place, "not valid YAML: %s (%s from line %zu)", problem,
				parser->context, parser->context_mark.line + 1);
	return error_at(e, ERROR_RECIPE, &place, "not valid YAML: %s", problem);
}

static int next_event(struct reader *reader, yaml_event_t *event, struct error *e)
{
	if (!yaml_parser_parse(&reader->parser, event))
		return fail_syntax(reader, e);
	return 0;
}

/* Go on behind the mistake in *e, if mistakes are collected. */
static int go_on(struct reader *reader, struct error *e)
{
	return reader->problems ? problems_take(reader->problems, e) : -1;
}

/* What stands where a mistake was. */
static struct node *broken_node(struct reader *reader, struct place place)
{
	struct node *node = arena_alloc(reader->arena, sizeof *node);

	*node = (struct node) {
		.place = place, .text_place = place, .text = "", .size = 1, .height = 1, .broken = true
	};
	return node;
}

static int count_nodes(struct reader *reader, size_t count, const struct place *place, struct error *e)
{
	reader->node_count += count;
	if (reader->node_count > LIMIT_RECIPE_NODES)
		return error_at(e, ERROR_RECIPE, place,
				"more than %d values, counting each alias as what it stands for",
				LIMIT_RECIPE_NODES);
	return 0;
}

static int check_depth(unsigned depth, const struct place *place, struct error *e)
{
	if (depth > LIMIT_RECIPE_DEPTH)
		return error_at(e, ERROR_RECIPE, place, "nested deeper than %d levels", LIMIT_RECIPE_DEPTH);
	return 0;
}

static void set_anchor(struct reader *reader, const yaml_char_t *anchor, struct node *node)
{
	if (anchor)
		map_put(&reader->anchors, text_of(arena_strdup(reader->arena, (const char *)anchor)), node);
}

static int find_alias(struct reader *reader, const yaml_event_t *event, unsigned depth, struct node **out,
		      struct error *e)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct place place = place_of(reader, event->start_mark);
	struct node *node = map_get(&reader->anchors, text_of(name));

	if (!node || node->open) {
		if (node)
			error_at(e, ERROR_RECIPE, &place, "the alias '*%s' stands inside its own anchor",
				 name);
		else
			error_at(e, ERROR_RECIPE, &place, "the alias '*%s' has no anchor '&%s' above it",
				 name, name);
		*out = broken_node(reader, place);
		return go_on(reader, e);
	}
	if (check_depth(depth + node->height - 1, &place, e) < 0 ||
	    count_nodes(reader, node->size, &place, e) < 0)
		return -1;
	*out = node;
	return 0;
}

/* The line that is COUNT lines below the one at AT, or NULL. */
static const char *line_below(struct text text, const char *at, size_t count)
{
	const char *end = text.ptr + text.len;

	for (size_t i = 0; i < count && at; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (at)
			at++;
	}
	return at;
}

static size_t count_blanks(struct text text, const char *at)
{
	const char *end = text.ptr + text.len;
	size_t count = 0;

	while (at + count < end && at[count] == ' ')
		count++;
	return count;
}

/*
 * Where the text of a block scalar ("|", ">") stands: on the line after its header, at the column that its
 * indentation is cut off at. That is found by comparing its first line that is not empty with the file.
 */
static struct place place_of_block(struct reader *reader, const yaml_event_t *event)
{
	struct place place = place_of(reader, event->start_mark);
	const char *value = (const char *)event->data.scalar.value;
	size_t empty = strspn(value, "\n");
	size_t own = strspn(value + empty, " ");
	const char *line;
	size_t blanks;

	if (reader->line)
		reader->line =
			line_below(reader->text, reader->line, event->start_mark.line - reader->line_number);
	reader->line_number = event->start_mark.line;
	line = line_below(reader->text, reader->line, 1 + empty);
	blanks = line ? count_blanks(reader->text, line) : 0;
	place.line++;
	place.column = blanks > own ? (unsigned)(blanks - own) + 1 : 1;
	return place;
}

static bool is_null(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

/* Whether TAG is one of the two that say how values are merged; they say nothing about a value's type. */
static bool take_order(const char *tag, struct node *node)
{
	if (!tag || (strcmp(tag, "!replace") != 0 && strcmp(tag, "!remove") != 0))
		return false;
	node->order = strcmp(tag, "!remove") == 0 ? ORDER_REMOVE : ORDER_REPLACE;
	node->ordered = true;
	return true;
}

/* The tags that YAML 1.1 gives plain scalars, and the one that makes any of them text. */
static int resolve_tag(const yaml_event_t *event, struct node *node, struct error *e)
{
	static const char *const known[] = { "null", "bool", "int", "float", "timestamp" };
	const char *tag = (const char *)event->data.scalar.tag;

	if (take_order(tag, node))
		tag = NULL;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
	if (!tag || strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (is_prefix(tag, "tag:yaml.org,2002:") && is_suffix(tag, known[i])) {
			node->plain = true;
			return 0;
		}
	}
	/* "- !buster" without quotes. */
	if (event->data.scalar.length == 0 && tag[0] == '!')
		return error_at(e, ERROR_RECIPE, &node->place,
				"'%s' is a tag of YAML; a word that begins with '!' needs quotes", tag);
	return error_at(e, ERROR_RECIPE, &node->place, "the tag '%s' has no meaning here", tag);
}

static int compose_scalar(struct reader *reader, const yaml_event_t *event, struct node *node,
			  struct error *e)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (memchr(value, '\0', len)) {
		error_at(e, ERROR_RECIPE, &node->place, "a value with a NUL character");
		node->broken = true;
		len = strlen(value);
	} else {
		node->broken = resolve_tag(event, node, e) < 0;
	}
	if (node->broken && go_on(reader, e) < 0)
		return -1;
	node->text = arena_strndup(reader->arena, value, len);
	node->null = node->plain && is_null(value);
	node->text_place = node->place;
	switch (event->data.scalar.style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		node->text_place.column++;
		break;
	case YAML_LITERAL_SCALAR_STYLE:
	case YAML_FOLDED_SCALAR_STYLE:
		node->text_place = place_of_block(reader, event);
		break;
	default:
		break;
	}
	set_anchor(reader, event->data.scalar.anchor, node);
	return 0;
}

static int check_collection_tag(const char *tag, const char *expected, struct node *node, struct error *e)
{
	if (tag && !take_order(tag, node) && strcmp(tag, "!") != 0 && strcmp(tag, expected) != 0)
		return error_at(e, ERROR_RECIPE, &node->place, "the tag '%s' has no meaning here", tag);
	return 0;
}

static void add_size(struct node *node, const struct node *child)
{
	node->size += child->size;
	node->ordered |= child->ordered;
	if (child->height >= node->height)
		node->height = child->height + 1;
}

static int compose_list(struct reader *reader, const yaml_event_t *start, unsigned depth, struct node *node,
			struct error *e)
{
	if (check_collection_tag((const char *)start->data.sequence_start.tag, YAML_SEQ_TAG, node, e) < 0 &&
	    go_on(reader, e) < 0)
		return -1;
	set_anchor(reader, start->data.sequence_start.anchor, node);
	for (;;) {
		auto_event yaml_event_t event = { .type = YAML_NO_EVENT };
		struct node *item;

		if (next_event(reader, &event, e) < 0)
			return -1;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (compose(reader, &event, depth + 1, &item, e) < 0)
			return -1;
		ARENA_PUSH(reader->arena, node->items, node->count, item);
		add_size(node, item);
	}
}

static int merge_map(struct reader *reader, struct node *node, struct map *keys,
		     const struct node_pair *merge, const struct node *from, struct error *e)
{
	if (from->broken)
		return 0;
	if (from->kind != NODE_MAP) {
		error_at(e, ERROR_RECIPE, &merge->place,
			 "'<<' merges a mapping or a list of mappings, not %s", node_kind_name(from));
		return go_on(reader, e);
	}
	if (count_nodes(reader, from->size, &merge->place, e) < 0)
		return -1;
	for (size_t i = 0; i < from->count; i++) {
		const struct node_pair *pair = &from->pairs[i];

		/* What the mapping says itself wins, and so does what was merged before. */
		if (map_get(keys, text_of(pair->key)))
			continue;
		map_put(keys, text_of(pair->key), pair->value);
		ARENA_PUSH(reader->arena, node->pairs, node->count, *pair);
		add_size(node, pair->value);
	}
	return 0;
}

static int merge_all(struct reader *reader, struct node *node, struct map *keys,
		     const struct node_pair *merge, struct error *e)
{
	if (merge->value->kind != NODE_LIST)
		return merge_map(reader, node, keys, merge, merge->value, e);
	for (size_t i = 0; i < merge->value->count; i++)
		if (merge_map(reader, node, keys, merge, merge->value->items[i], e) < 0)
			return -1;
	return 0;
}

/* The key of a pair, or NULL where there is a mistake; *merge says whether it is "<<". */
static int compose_key(struct reader *reader, const yaml_event_t *event, unsigned depth,
		       struct node_pair *pair, bool *merge, struct error *e)
{
	struct node *key;

	pair->place = place_of(reader, event->start_mark);
	/* A key that is no text nests like a value, so that its depth is bounded, too. */
	if (event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT)
		depth++;
	if (compose(reader, event, depth, &key, e) < 0)
		return -1;
	pair->key = NULL;
	if (key->broken)
		return 0;
	if (key->kind != NODE_SCALAR) {
		error_at(e, ERROR_RECIPE, &pair->place, "a key must be text");
		return go_on(reader, e);
	}
	if (key->order != ORDER_MERGE) {
		error_at(e, ERROR_RECIPE, &pair->place,
			 "a tag stands before the value, behind the key: '%s: !%s'", key->text,
			 key->order == ORDER_REMOVE ? "remove" : "replace");
		return go_on(reader, e);
	}
	pair->key = key->text;
	*merge = key->plain && strcmp(key->text, "<<") == 0;
	return 0;
}

static int add_pair(struct reader *reader, struct node *node, struct map *keys, const struct node_pair *pair,
		    struct error *e)
{
	const struct node *before = map_get(keys, text_of(pair->key));

	if (before) {
		error_at(e, ERROR_RECIPE, &pair->place, "duplicate key '%s' (its first value is on line %u)",
			 pair->key, before->place.line);
		return go_on(reader, e);
	}
	map_put(keys, text_of(pair->key), pair->value);
	ARENA_PUSH(reader->arena, node->pairs, node->count, *pair);
	add_size(node, pair->value);
	return 0;
}

static int compose_map(struct reader *reader, const yaml_event_t *start, unsigned depth, struct node *node,
		       struct error *e)
{
	auto_map struct map keys = MAP_INIT;
	struct node_pair merge = { .key = NULL };

	if (check_collection_tag((const char *)start->data.mapping_start.tag, YAML_MAP_TAG, node, e) < 0 &&
	    go_on(reader, e) < 0)
		return -1;
	set_anchor(reader, start->data.mapping_start.anchor, node);
	for (;;) {
		auto_event yaml_event_t key = { .type = YAML_NO_EVENT };
		auto_event yaml_event_t value = { .type = YAML_NO_EVENT };
		struct node_pair pair = { .key = NULL };
		bool is_merge = false;

		if (next_event(reader, &key, e) < 0)
			return -1;
		if (key.type == YAML_MAPPING_END_EVENT)
			break;
		if (compose_key(reader, &key, depth, &pair, &is_merge, e) < 0 ||
		    next_event(reader, &value, e) < 0 ||
		    compose(reader, &value, depth + 1, &pair.value, e) < 0)
			return -1;
		if (!pair.key)
			continue;
		if (is_merge && merge.key) {
			error_at(e, ERROR_RECIPE, &pair.place, "duplicate key '<<'");
			if (go_on(reader, e) < 0)
				return -1;
		} else if (is_merge) {
			merge = pair;
		} else if (add_pair(reader, node, &keys, &pair, e) < 0) {
			return -1;
		}
	}
	return merge.key ? merge_all(reader, node, &keys, &merge, e) : 0;
}

static int compose(struct reader *reader, const yaml_event_t *event, unsigned depth, struct node **out,
		   struct error *e)
{
	struct place place = place_of(reader, event->start_mark);
	struct node *node;
	int result;

	if (event->type == YAML_ALIAS_EVENT)
		return find_alias(reader, event, depth, out, e);
	if (check_depth(depth, &place, e) < 0 || count_nodes(reader, 1, &place, e) < 0)
		return -1;
	node = arena_alloc(reader->arena, sizeof *node);
	*node = (struct node) { .place = place, .text_place = place, .size = 1, .height = 1, .open = true };
	if (event->type == YAML_SCALAR_EVENT) {
		node->kind = NODE_SCALAR;
		result = compose_scalar(reader, event, node, e);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		node->kind = NODE_LIST;
		result = compose_list(reader, event, depth, node, e);
	} else {
		node->kind = NODE_MAP;
		result = compose_map(reader, event, depth, node, e);
	}
	node->open = false;
	*out = node;
	return result;
}

/* libyaml compares each %TAG with all before it: without a bound, a file of nothing else takes hours. */
static int check_directives(const struct reader *reader, struct error *e)
{
	struct place place = { .file = reader->file, .line = 1, .column = 1 };
	unsigned directives = 0;

	for (const char *line = reader->text.ptr; line && line < reader->text.ptr + reader->text.len;
	     line = line_below(reader->text, line, 1), place.line++)
		if (*line == '%' && ++directives > DIRECTIVES_MAX)
			return error_at(e, ERROR_RECIPE, &place, "more than %d YAML directives",
					DIRECTIVES_MAX);
	return 0;
}

/* Between the start of the stream and its end: exactly one document. */
static int read_document(struct reader *reader, struct node **root, struct error *e)
{
	static const yaml_event_type_t opening[] = { YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT };
	auto_event yaml_event_t first = { .type = YAML_NO_EVENT };
	auto_event yaml_event_t end = { .type = YAML_NO_EVENT };
	auto_event yaml_event_t last = { .type = YAML_NO_EVENT };
	struct place place = { .file = reader->file };

	for (size_t i = 0; i < ARRAY_LEN(opening); i++) {
		auto_event yaml_event_t event = { .type = YAML_NO_EVENT };

		if (next_event(reader, &event, e) < 0)
			return -1;
		if (event.type != opening[i])
			return error_at(e, ERROR_RECIPE, &place, "the recipe is empty");
	}
	if (next_event(reader, &first, e) < 0 || compose(reader, &first, 1, root, e) < 0 ||
	    next_event(reader, &end, e) < 0 || next_event(reader, &last, e) < 0)
		return -1;
	if (last.type != YAML_STREAM_END_EVENT) {
		place = place_of(reader, last.start_mark);
		return error_at(e, ERROR_RECIPE, &place,
				"a second document starts here; a recipe is one document");
	}
	return 0;
}

static int read_all(struct arena *arena, const char *file, struct text text, struct problems *problems,
		    struct node **root, struct error *e)
{
	struct reader reader = { .arena = arena,
				 .file = file,
				 .text = text,
				 .anchors = MAP_INIT,
				 .line = text.ptr,
				 .problems = problems };
	struct place place = { .file = file };
	struct node *read = NULL;
	int result;

	if (text.len > LIMIT_RECIPE_BYTES)
		return error_at(e, ERROR_RECIPE, &place, "has %zu bytes, more than the limit of %llu",
				text.len, LIMIT_RECIPE_BYTES);
	if (check_directives(&reader, e) < 0)
		return -1;
	if (!yaml_parser_initialize(&reader.parser))
		return error_set(e, ERROR_SYSTEM, "out of memory");
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.ptr, text.len);
	result = read_document(&reader, &read, e);
	yaml_parser_delete(&reader.parser);
	map_release(&reader.anchors);
	if (result == 0)
		*root = read;
	return result;
}

int yaml_read(struct arena *arena, const char *file, struct text text, struct node **root, struct error *e)
{
	return read_all(arena, file, text, NULL, root, e);
}

int yaml_read_all(struct arena *arena, const char *file, struct text text, struct problems *problems,
		  struct node **root, struct error *e)
{
	*root = NULL;
	return read_all(arena, file, text, problems, root, e) < 0 ? problems_take(problems, e) : 0;
}
