/* SPDX-License-Identifier: Apache-2.0 */
#include "image/metadata.h"

#include "base/map.h"

#include <stdarg.h>
#include <yaml.h>

/* libyaml looks at all earlier directives and anchors for each of them, and at all open brackets for each token. */
enum { DIRECTIVES_MAX = 100, DEPTH_MAX = 32, ANCHORS_MAX = 1000, MESSAGE_BYTES = 512 };

struct reader {
	yaml_document_t document;
	struct arena *arena;
	metadata_say_fn *say;
	void *context;
	size_t value_count;
	bool is_full; /* METADATA_VALUES_MAX was told */
};

/* What both daemons know; and what one of them does. */
static const char *const architectures[] = {
	"386",
	"aarch64",
	"amd64",
	"arm",
	"arm64",
	"arm64_generic",
	"armel",
	"armhf",
	"armhfp",
	"armv6l",
	"armv7",
	"armv7a_hardfp",
	"armv7a_vfpv3_hardfp",
	"armv7l",
	"armv8l",
	"generic_32",
	"generic_64",
	"i386",
	"i586",
	"i686",
	"loong64",
	"loongarch64",
	"mips",
	"mips64",
	"mips64el",
	"mips64le",
	"mipsel",
	"mipsle",
	"powerpc",
	"powerpc64",
	"ppc",
	"ppc64",
	"ppc64el",
	"ppc64le",
	"riscv32",
	"riscv64",
	"s390x",
	"x86",
	"x86_64",
};
static const struct {
	const char *name;
	const char *daemon;
} architectures_of_one[] = {
	{ "amd64v3", "LXD" },     { "x86_64_v1", "Incus" }, { "x86_64_v2", "Incus" },
	{ "x86_64_v3", "Incus" }, { "x86_64_v4", "Incus" },
};

static void say_at(struct reader *reader, enum metadata_level level, yaml_mark_t mark, const char *fmt, ...)
	PRINTF(4, 5);
static void say_at(struct reader *reader, enum metadata_level level, yaml_mark_t mark, const char *fmt, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(message, sizeof message, fmt, arguments);
	va_end(arguments);
	reader->say(reader->context, level, (unsigned)mark.line + 1, (unsigned)mark.column + 1, message);
}
#define mistake_at(reader, node, ...) say_at(reader, METADATA_MISTAKE, (node)->start_mark, __VA_ARGS__)
#define note_at(reader, node, ...)    say_at(reader, METADATA_NOTE, (node)->start_mark, __VA_ARGS__)

/* ---- nodes */

static bool has_own_tag(const yaml_node_t *node)
{
	static const char *const defaults[] = {
		[YAML_SCALAR_NODE] = YAML_DEFAULT_SCALAR_TAG,
		[YAML_SEQUENCE_NODE] = YAML_DEFAULT_SEQUENCE_TAG,
		[YAML_MAPPING_NODE] = YAML_DEFAULT_MAPPING_TAG,
	};

	return node->tag && strcmp((const char *)node->tag, defaults[node->type]) != 0;
}

/* Nodes are shared by aliases: how often one is looked at has to be bounded, not how many there are. */
static yaml_node_t *node_of(struct reader *reader, int index)
{
	yaml_node_t *node = yaml_document_get_node(&reader->document, index);

	if (++reader->value_count == METADATA_VALUES_MAX) {
		reader->is_full = true;
		mistake_at(reader, node, "more than %d values, aliases written out", METADATA_VALUES_MAX);
	}
	if (has_own_tag(node))
		note_at(reader, node, "the tag '%.100s' is not looked at here", (const char *)node->tag);
	return node;
}

static bool is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static const char *scalar_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* "~", "null" or nothing at all, without quotes. */
static bool is_null(const yaml_node_t *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	return is_plain(node) && is_one_of(scalar_text(node), words, ARRAY_LEN(words));
}

/* Whether a plain scalar is no text to every YAML reader. */
static bool looks_otherwise(const char *text)
{
	static const char *const words[] = { "true", "True", "TRUE", "false", "False", "FALSE", "yes",
					     "Yes",  "YES",  "no",   "No",    "NO",    "on",    "On",
					     "ON",   "off",  "Off",  "OFF",   "y",     "Y",     "n",
					     "N",    ".nan", ".NaN", ".NAN",  ".inf",  ".Inf",  ".INF" };
	char *end;

	if (is_one_of(text, words, ARRAY_LEN(words)))
		return true;
	if (!strchr("+-.0123456789", *text))
		return false;
	errno = 0;
	(void)strtod(text, &end);
	return end != text && *end == '\0';
}

static const char *kind_of(const yaml_node_t *node)
{
	return node->type == YAML_MAPPING_NODE    ? "a mapping"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
	       : is_null(node)                    ? "nothing"
						  : "a text";
}

/* The text of a scalar, in the arena; NULL when it has a NUL in it or is none, which is told. */
static const char *take_text(struct reader *reader, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE) {
		mistake_at(reader, node, "%s must be a text, and is %s", what, kind_of(node));
		return NULL;
	}
	if (strlen(scalar_text(node)) != node->data.scalar.length) {
		mistake_at(reader, node, "%s has a NUL character in it", what);
		return NULL;
	}
	return arena_strdup(reader->arena, scalar_text(node));
}

typedef void pair_fn(struct reader *reader, const yaml_node_t *key, const char *name, yaml_node_t *value,
		     void *into);

/* Every pair of MAPPING, once; a key that is there twice, which yaml.v3 refuses, is told. */
static void each_pair(struct reader *reader, const yaml_node_t *mapping, const char *what, pair_fn *each,
		      void *into)
{
	auto_map struct map seen = MAP_INIT;

	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top && !reader->is_full; pair++) {
		yaml_node_t *key = node_of(reader, pair->key);
		yaml_node_t *value = node_of(reader, pair->value);
		auto_free char *subject = xasprintf("a key of %s", what);
		const char *name = take_text(reader, key, subject);

		if (!name)
			continue;
		if (map_put(&seen, text_of(name), key))
			mistake_at(reader, key, "duplicate key '%.200s' in %s", name, what);
		else
			each(reader, key, name, value, into);
	}
}

/* A mapping that may be left out; false, and told, when it is something else. */
static bool is_mapping(struct reader *reader, const yaml_node_t *node, const char *what)
{
	if (node->type == YAML_MAPPING_NODE)
		return true;
	if (!is_null(node))
		mistake_at(reader, node, "%s must be a mapping, and is %s", what, kind_of(node));
	return false;
}

/* ---- values */

static int64_t take_date(struct reader *reader, const yaml_node_t *node, const char *what)
{
	uint64_t value;

	if (node->type != YAML_SCALAR_NODE) {
		mistake_at(reader, node, "'%s' must be a number, and is %s", what, kind_of(node));
		return 0;
	}
	if (!is_plain(node)) {
		mistake_at(reader, node, "'%s' must be a number without quotes", what);
		return 0;
	}
	if (!text_to_u64(text_of(scalar_text(node)), &value) || value > INT64_MAX) {
		mistake_at(reader, node, "'%s' is no number of seconds since 1970: '%.100s'", what,
			   scalar_text(node));
		return 0;
	}
	return (int64_t)value;
}

static bool take_flag(struct reader *reader, const yaml_node_t *node, const char *what)
{
	static const char *const yes[] = { "true", "True", "TRUE" };
	static const char *const no[] = { "false", "False", "FALSE" };
	static const char *const old_yes[] = { "yes", "Yes", "YES", "on", "On", "ON", "y", "Y" };
	static const char *const old_no[] = { "no", "No", "NO", "off", "Off", "OFF", "n", "N" };
	const char *word = is_plain(node) ? scalar_text(node) : "";
	bool is_old =
		is_one_of(word, old_yes, ARRAY_LEN(old_yes)) || is_one_of(word, old_no, ARRAY_LEN(old_no));

	if (is_one_of(word, yes, ARRAY_LEN(yes)))
		return true;
	if (is_one_of(word, no, ARRAY_LEN(no)) || is_null(node))
		return false;
	if (!is_old)
		mistake_at(reader, node, "%s must be true or false", what);
	else
		note_at(reader, node, "%s: '%s' means true or false to some readers only", what, word);
	return is_one_of(word, old_yes, ARRAY_LEN(old_yes));
}

/* Go reads "0644" as octal, "644" after a 0 was put in front of it, and "4755" as a decimal number. */
static bool is_mode(const char *text)
{
	size_t len = strlen(text);

	return len >= 3 && len <= 5 && strspn(text, "01234567") == len && (len == 3 || *text == '0');
}

static bool is_owner(const char *text)
{
	uint64_t value;

	return text_to_u64(text_of(text), &value) && value < UINT32_MAX;
}

struct pair_list {
	struct metadata_pair *items;
	size_t count;
	const char *what;
};

static void add_property(struct reader *reader, const yaml_node_t *key, const char *name, yaml_node_t *value,
			 void *into)
{
	struct pair_list *list = into;
	auto_free char *what = xasprintf("'%s' in %s", name, list->what);
	struct metadata_pair pair = { name, take_text(reader, value, what) };

	(void)key;
	if (!pair.value)
		return;
	if (is_null(value)) {
		pair.value = "";
		note_at(reader, value, "%s has no value; write \"\"", what);
	} else if (is_plain(value) && looks_otherwise(pair.value)) {
		note_at(reader, value, "%s is no text to every reader; write \"%.100s\"", what, pair.value);
	}
	ARENA_PUSH(reader->arena, list->items, list->count, pair);
}

static struct metadata_pairs take_properties(struct reader *reader, const yaml_node_t *node, const char *what)
{
	struct pair_list list = { .what = what };

	if (is_mapping(reader, node, what))
		each_pair(reader, node, what, add_property, &list);
	return (struct metadata_pairs) { list.items, list.count };
}

/* ---- templates */

static void take_when(struct reader *reader, const yaml_node_t *node, struct metadata_template *template)
{
	static const char *const words[] = { "create", "copy", "start", "rename" };

	if (is_null(node))
		return;
	if (node->type != YAML_SEQUENCE_NODE) {
		mistake_at(reader, node, "'when' must be a list, and is %s", kind_of(node));
		return;
	}
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && !reader->is_full; item++) {
		const yaml_node_t *value = node_of(reader, *item);
		const char *word = take_text(reader, value, "a word of 'when'");

		if (!word)
			continue;
		if (!is_one_of(word, words, ARRAY_LEN(words)))
			mistake_at(reader, value, "'%.100s' in 'when' is none of create, copy, start, rename",
				   word);
		ARENA_PUSH(reader->arena, template->when, template->when_count, word);
	}
}

static void take_name(struct reader *reader, const yaml_node_t *node, struct metadata_template *template)
{
	const char *name = take_text(reader, node, "'template'");

	if (!name)
		return;
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		mistake_at(reader, node, "'template' is no bare file name of templates/: '%.200s'", name);
	else
		template->name = name;
}

static const char *take_access(struct reader *reader, const yaml_node_t *node, const char *key,
			       bool (*is_right)(const char *text), const char *should)
{
	auto_free char *what = xasprintf("'%s'", key);
	const char *text = is_null(node) ? NULL : take_text(reader, node, what);

	if (text && *text && !is_right(text)) {
		mistake_at(reader, node, "'%s' is no %s: '%.100s'", key, should, text);
		return NULL;
	}
	return text;
}

static void take_template_key(struct reader *reader, const yaml_node_t *key, const char *name,
			      yaml_node_t *value, void *into)
{
	struct metadata_template *template = into;

	if (strcmp(name, "when") == 0)
		take_when(reader, value, template);
	else if (strcmp(name, "template") == 0)
		take_name(reader, value, template);
	else if (strcmp(name, "create_only") == 0)
		template->create_only = take_flag(reader, value, "'create_only'");
	else if (strcmp(name, "properties") == 0)
		template->properties = take_properties(reader, value, "'properties' of a template");
	else if (strcmp(name, "uid") == 0)
		template->uid = take_access(reader, value, name, is_owner, "number of a user");
	else if (strcmp(name, "gid") == 0)
		template->gid = take_access(reader, value, name, is_owner, "number of a group");
	else if (strcmp(name, "mode") == 0)
		template->mode = take_access(reader, value, name, is_mode,
					     "octal number of three digits, or "
					     "with a 0 in front");
	else
		note_at(reader, key, "no daemon reads '%.100s' of a template", name);
}

static void check_path(struct reader *reader, const yaml_node_t *key, const char *path)
{
	struct text rest = text_of(path);
	bool has_part = false;

	while (rest.len) {
		struct text part = text_cut(rest, '/', &rest);

		if (text_is(part, "..")) {
			mistake_at(reader, key, "the path of a template leads upwards: '%.200s'", path);
			return;
		}
		has_part = has_part || (part.len && !text_is(part, "."));
	}
	if (!has_part || is_suffix(path, "/") || strlen(path) >= LIMIT_PATH_BYTES)
		mistake_at(reader, key, "the path of a template names no file: '%.200s'", path);
	else if (*path != '/')
		note_at(reader, key, "the path of a template does not begin with '/': '%.200s'", path);
}

static void add_template(struct reader *reader, const yaml_node_t *key, const char *path, yaml_node_t *value,
			 void *into)
{
	struct metadata *metadata = into;
	struct metadata_template template = {
		.path = path,
		.line = (unsigned)key->start_mark.line + 1,
		.column = (unsigned)key->start_mark.column + 1,
	};
	bool has_name = false;

	check_path(reader, key, path);
	/* The daemons take a mapping that is not there, and then look into it. */
	if (value->type != YAML_MAPPING_NODE) {
		mistake_at(reader, value, "the template '%.200s' must be a mapping, and is %s", path,
			   kind_of(value));
		return;
	}
	for (yaml_node_pair_t *pair = value->data.mapping.pairs.start;
	     pair < value->data.mapping.pairs.top && !has_name; pair++) {
		const yaml_node_t *name = yaml_document_get_node(&reader->document, pair->key);

		has_name = name->type == YAML_SCALAR_NODE && strcmp(scalar_text(name), "template") == 0;
	}
	if (!has_name)
		mistake_at(reader, key, "'template' of '%.200s' is missing", path);
	each_pair(reader, value, "a template", take_template_key, &template);
	if (template.when_count == 0)
		note_at(reader, key, "'when' of '%.200s' is empty: it is never written", path);
	ARENA_PUSH(reader->arena, metadata->templates, metadata->template_count, template);
}

/* ---- the file */

static const char *take_architecture(struct reader *reader, const yaml_node_t *node)
{
	const char *name = take_text(reader, node, "'architecture'");

	if (!name || is_one_of(name, architectures, ARRAY_LEN(architectures)))
		return name;
	for (size_t i = 0; i < ARRAY_LEN(architectures_of_one); i++)
		if (strcmp(name, architectures_of_one[i].name) == 0) {
			note_at(reader, node, "the architecture '%s' is known to %s alone", name,
				architectures_of_one[i].daemon);
			return name;
		}
	mistake_at(reader, node, "the architecture '%.100s' is known to neither daemon", name);
	return NULL;
}

static void take_creation_date(struct reader *reader, const yaml_node_t *node, struct metadata *metadata)
{
	metadata->creation_date = take_date(reader, node, "creation_date");
	if (is_plain(node) && *scalar_text(node) &&
	    strspn(scalar_text(node), "0") == node->data.scalar.length)
		mistake_at(reader, node, "'creation_date' is 0, which the daemons take for a missing one");
}

static void take_key(struct reader *reader, const yaml_node_t *key, const char *name, yaml_node_t *value,
		     void *into)
{
	struct metadata *metadata = into;

	if (strcmp(name, "architecture") == 0)
		metadata->architecture = take_architecture(reader, value);
	else if (strcmp(name, "creation_date") == 0)
		take_creation_date(reader, value, metadata);
	else if (strcmp(name, "expiry_date") == 0)
		metadata->expiry_date = is_null(value) ? 0 : take_date(reader, value, name);
	else if (strcmp(name, "properties") == 0)
		metadata->properties = take_properties(reader, value, "'properties'");
	else if (strcmp(name, "templates") != 0)
		note_at(reader, key, "no daemon reads '%.100s'", name);
	else if (is_mapping(reader, value, "'templates'"))
		each_pair(reader, value, "'templates'", add_template, metadata);
}

/* Where the whole is, and so what is wrong with what is not there. */
static void check_whole(struct reader *reader, const yaml_node_t *root, const struct metadata *metadata)
{
	static const char *const asked_for[] = { "architecture", "description", "os", "release", "variant" };
	static const char *const mandatory[] = { "architecture", "creation_date" };

	for (size_t i = 0; i < ARRAY_LEN(mandatory); i++) {
		bool is_there = false;

		for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		     pair < root->data.mapping.pairs.top && !is_there; pair++) {
			const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);

			is_there =
				key->type == YAML_SCALAR_NODE && strcmp(scalar_text(key), mandatory[i]) == 0;
		}
		if (!is_there)
			mistake_at(reader, root, "'%s' is missing", mandatory[i]);
	}
	if (metadata->expiry_date && metadata->expiry_date <= metadata->creation_date)
		mistake_at(reader, root,
			   "the image expires before it is made: 'expiry_date' is not above "
			   "'creation_date'");
	for (size_t i = 0; i < ARRAY_LEN(asked_for); i++)
		if (!metadata_property(&metadata->properties, asked_for[i]))
			note_at(reader, root,
				"the property '%s' is missing, which incus-simplestreams asks for",
				asked_for[i]);
}

static void read_document(struct reader *reader, struct metadata *metadata)
{
	yaml_node_t *root = yaml_document_get_root_node(&reader->document);

	if (!root) {
		reader->say(reader->context, METADATA_MISTAKE, 0, 0, "it is empty");
		return;
	}
	if (root->type != YAML_MAPPING_NODE) {
		mistake_at(reader, root, "it must be a mapping, and is %s", kind_of(root));
		return;
	}
	each_pair(reader, root, "it", take_key, metadata);
	if (!reader->is_full)
		check_whole(reader, root, metadata);
}

static void say_parser(struct reader *reader, const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;
	const char *problem = parser->problem ? parser->problem : "malformed";

	if (parser->error == YAML_MEMORY_ERROR)
		abort();
	/* The reader of libyaml knows the byte, not the line, of what is no UTF-8. */
	if (parser->error == YAML_READER_ERROR)
		mark = parser->mark;
	say_at(reader, METADATA_MISTAKE, mark, "not valid YAML: %s", problem);
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

/* What libyaml would not bear, before it is asked to hold the whole. */
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

static bool fits(struct reader *reader, const yaml_event_t *event, struct shape *shape)
{
	if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		shape->depth++;
	else if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
		shape->depth--;
	shape->anchor_count += has_anchor(event);
	if (shape->depth > DEPTH_MAX)
		say_at(reader, METADATA_MISTAKE, event->start_mark, "nested deeper than %d levels",
		       DEPTH_MAX);
	else if (shape->anchor_count > ANCHORS_MAX)
		say_at(reader, METADATA_MISTAKE, event->start_mark, "more than %d anchors", ANCHORS_MAX);
	return shape->depth <= DEPTH_MAX && shape->anchor_count <= ANCHORS_MAX;
}

/* 1 for one event more, 0 behind the last one, -1 when there is something wrong, which was told. */
static int check_event(struct reader *reader, yaml_parser_t *parser, struct shape *shape)
{
	yaml_event_t event;
	int result;

	if (!yaml_parser_parse(parser, &event)) {
		say_parser(reader, parser);
		return -1;
	}
	result = event.type == YAML_STREAM_END_EVENT ? 0 : fits(reader, &event, shape) ? 1 : -1;
	yaml_event_delete(&event);
	return result;
}

static bool is_yaml(struct reader *reader, struct text text)
{
	yaml_parser_t parser;
	struct shape shape = { 0 };
	int r;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	while ((r = check_event(reader, &parser, &shape)) > 0)
		;
	yaml_parser_delete(&parser);
	return r == 0;
}

static void parse(struct reader *reader, struct text text, struct metadata *metadata)
{
	yaml_parser_t parser;

	if (!is_yaml(reader, text))
		return;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	if (!yaml_parser_load(&parser, &reader->document)) {
		say_parser(reader, &parser);
		yaml_parser_delete(&parser);
		return;
	}
	read_document(reader, metadata);
	yaml_document_delete(&reader->document);
	if (!yaml_parser_load(&parser, &reader->document)) {
		say_parser(reader, &parser);
	} else {
		const yaml_node_t *root = yaml_document_get_root_node(&reader->document);

		if (root)
			mistake_at(reader, root, "a second document, which no daemon reads");
		yaml_document_delete(&reader->document);
	}
	yaml_parser_delete(&parser);
}

void metadata_examine(struct text text, metadata_say_fn *say, void *context, struct metadata *metadata)
{
	struct reader reader = { .arena = &metadata->arena, .say = say, .context = context };

	if (text.len > METADATA_TEXT_MAX)
		say(context, METADATA_MISTAKE, 0, 0, "it has more than the 1 MiB that the daemons read");
	else if (has_many_directives(text))
		say(context, METADATA_MISTAKE, 0, 0, "it has hundreds of YAML directives");
	else
		parse(&reader, text, metadata);
}

/* The first mistake, as an error. */
struct first {
	struct error *e;
	bool failed;
};

static void keep_first(void *context, enum metadata_level level, unsigned line, unsigned column,
		       const char *message)
{
	struct first *first = context;

	if (level != METADATA_MISTAKE || first->failed)
		return;
	first->failed = true;
	if (line)
		error_set(first->e, ERROR_FORMAT, "metadata.yaml:%u:%u: %s", line, column, message);
	else
		error_set(first->e, ERROR_FORMAT, "metadata.yaml: %s", message);
}

int metadata_read(struct text text, struct metadata *metadata, struct error *e)
{
	auto_metadata struct metadata made = METADATA_INIT;
	struct first first = { .e = e };

	metadata_examine(text, keep_first, &first, &made);
	if (first.failed)
		return -1;
	*metadata = TAKE(made, METADATA_INIT);
	return 0;
}

void metadata_release(struct metadata *metadata)
{
	arena_release(&metadata->arena);
	*metadata = METADATA_INIT;
}

const char *metadata_property(const struct metadata_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].key, key) == 0)
			return pairs->items[i].value;
	return NULL;
}
