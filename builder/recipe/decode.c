/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/schema.h"

#include <regex.h>

enum { FORM_BYTES_MAX = 256, FIELDS_MAX = 32 };

/* SCHEMA_WORD writes through a pointer to unsigned: the type that gcc and clang give such an enum. */
_Static_assert(sizeof(enum generator) == sizeof(unsigned) && sizeof(enum trigger) == sizeof(unsigned) &&
		       sizeof(enum set_action) == sizeof(unsigned) &&
		       sizeof(enum line_action) == sizeof(unsigned),
	       "enums without negative values are unsigned");

/* Where in the tree we are, for messages: "packages.sets[0].action". */
struct path {
	const struct path *up;
	const char *key; /* NULL: an entry of a list */
	size_t index;
};

struct decoder {
	struct arena *arena;
	bool partial; /* no key is mandatory */
	struct problems *problems;
};

struct path_text {
	char text[256];
};

static int decode_section(struct decoder *decoder, const struct schema_section *section,
			  const struct node *node, char *base, const struct path *path, struct error *e);

static size_t write_path(const struct path *path, char *text, size_t room)
{
	size_t used;
	int len;

	if (!path)
		return 0;
	used = write_path(path->up, text, room);
	if (!path->key)
		len = snprintf(text + used, room - used, "[%zu]", path->index);
	else
		len = snprintf(text + used, room - used, "%s%s", used ? "." : "", path->key);
	used += len > 0 ? (size_t)len : 0;
	return used < room ? used : room - 1;
}

static struct path_text path_text(const struct path *path)
{
	struct path_text text = { "" };

	write_path(path, text.text, sizeof text.text);
	return text;
}

static int fail_type(const struct node *node, const struct path *path, const char *wanted, struct error *e)
{
	if (node->kind == NODE_SCALAR && !node->null)
		return error_at(e, ERROR_RECIPE, &node->place, "'%s' must be %s, not '%.100s'",
				path_text(path).text, wanted, node->text);
	return error_at(e, ERROR_RECIPE, &node->place, "'%s' must be %s, not %s", path_text(path).text,
			wanted, node_kind_name(node));
}

static int fail_word(const struct node *node, const struct path *path, const struct schema_words *words,
		     struct error *e)
{
	const char *nearest = text_nearest(node->text, words->words, words->count);
	auto_buffer struct buffer all = BUFFER_INIT;

	if (nearest)
		return error_at(e, ERROR_RECIPE, &node->place,
				"unknown word '%.100s' in '%s' (did you mean '%s'?)", node->text,
				path_text(path).text, nearest);
	for (size_t i = 0; i < words->count; i++)
		buffer_addf(&all, "%s%s", i ? ", " : "", words->words[i]);
	return error_at(e, ERROR_RECIPE, &node->place, "unknown word '%.100s' in '%s' (one of: %s)",
			node->text, path_text(path).text, all.data);
}

static bool find_word(const struct schema_words *words, const char *text, size_t *index)
{
	for (size_t i = 0; i < words->count; i++) {
		if (strcmp(words->words[i], text) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool has_form(const struct schema_form *form, const char *text)
{
	regex_t regex;
	bool matches;

	if (strlen(text) > FORM_BYTES_MAX || regcomp(&regex, form->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

/* A word of a filter: what may stand around the name is not for the list of words. */
static int decode_filter_word(const struct schema_field *field, const struct node *node,
			      const struct path *path, const char **text, struct error *e)
{
	const char *mistake = filter_word_mistake(node->text, field->filter);
	struct node name = *node;
	size_t index;

	if (mistake)
		return error_at(e, ERROR_RECIPE, &node->place, "'%.100s' in '%s' %s", node->text,
				path_text(path).text, mistake);
	name.text = filter_word_name(node->text);
	if (field->words && !find_word(field->words, name.text, &index))
		return fail_word(&name, path, field->words, e);
	*text = node->text;
	return 0;
}

static int decode_text(const struct schema_field *field, const struct node *node, const struct path *path,
		       const char **text, struct error *e)
{
	size_t index;

	if (node->kind != NODE_SCALAR)
		return fail_type(node, path, "text", e);
	if (field->filter)
		return decode_filter_word(field, node, path, text, e);
	if (field->mandatory && text_trim(text_of(node->text)).len == 0)
		return error_at(e, ERROR_RECIPE, &node->place, "'%s' is empty", path_text(path).text);
	if (field->words && node->text[0] && !find_word(field->words, node->text, &index))
		return fail_word(node, path, field->words, e);
	if (field->form && node->text[0] && !has_form(field->form, node->text))
		return fail_type(node, path, field->form->wording, e);
	*text = node->text;
	return 0;
}

static int decode_word(const struct schema_field *field, const struct node *node, const struct path *path,
		       unsigned *value, struct error *e)
{
	size_t index;

	if (node->kind != NODE_SCALAR)
		return fail_type(node, path, "text", e);
	if (!find_word(field->words, node->text, &index))
		return fail_word(node, path, field->words, e);
	*value = (unsigned)index;
	return 0;
}

const char *const schema_flags[SCHEMA_FLAG_COUNT][2] = {
	{ "n", "y" },    { "N", "Y" },        { "no", "yes" },     { "No", "Yes" },
	{ "NO", "YES" }, { "false", "true" }, { "False", "True" }, { "FALSE", "TRUE" },
	{ "off", "on" }, { "Off", "On" },     { "OFF", "ON" },
};

/* What Go takes for a boolean, and with it the options that scripts give to distrobuilder. */
static bool is_option_flag(const struct node *node, bool *flag)
{
	static const char words[] = "0fF1tT";
	const char *word = node->option && strlen(node->text) == 1 ? strchr(words, node->text[0]) : NULL;

	if (word)
		*flag = word - words >= 3;
	return word != NULL;
}

/* YAML 1.1, as the tools of this field read it: "on" and "yes" are booleans, when not quoted. */
static int decode_flag(const struct node *node, const struct path *path, bool *flag, struct error *e)
{
	for (size_t i = 0; node->plain && i < SCHEMA_FLAG_COUNT; i++) {
		bool yes = strcmp(node->text, schema_flags[i][1]) == 0;

		if (yes || strcmp(node->text, schema_flags[i][0]) == 0) {
			*flag = yes;
			return 0;
		}
	}
	if (is_option_flag(node, flag))
		return 0;
	if (node->kind == NODE_SCALAR && !node->plain)
		return error_at(e, ERROR_RECIPE, &node->place,
				"'%s' must be true or false without quotes, not the text '%.100s'",
				path_text(path).text, node->text);
	return fail_type(node, path, "true or false", e);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Whole numbers of YAML 1.1: 10, 1_000, 0x1F, 0b11 and 017, which is octal. */
bool schema_number(const char *text, uint64_t *number)
{
	int base = 10;
	uint64_t sum = 0;
	bool any = false;

	if (text[0] == '0' && text[1]) {
		base = text[1] == 'x' ? 16 : text[1] == 'b' ? 2 : 8;
		text += base == 8 ? 1 : 2;
	}
	for (; *text; text++) {
		int digit = digit_value(*text);

		if (*text == '_')
			continue;
		if (digit >= base || __builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit, &sum))
			return false;
		any = true;
	}
	*number = sum;
	return any;
}

static int decode_number(const struct node *node, const struct path *path, uint64_t max, uint64_t *number,
			 struct error *e)
{
	if (node->kind != NODE_SCALAR || !node->plain || !schema_number(node->text, number) || *number > max)
		return fail_type(node, path, "a whole number", e);
	return 0;
}

/* The text of entry I of a list of texts. */
static int decode_entry(const struct schema_field *field, const struct node *list, size_t i,
			const struct path *path, const char **text, struct error *e)
{
	const struct path here = { .up = path, .index = i };
	const struct node *item = list->items[i];

	if (item->kind == NODE_SCALAR && (item->null || text_trim(text_of(item->text)).len == 0))
		return error_at(e, ERROR_RECIPE, &item->place, "'%s' is an empty entry",
				path_text(&here).text);
	return decode_text(field, item, &here, text, e);
}

static int decode_texts(struct decoder *decoder, const struct schema_field *field, const struct node *node,
			const struct path *path, struct string_list *list, struct error *e)
{
	for (size_t i = 0; i < node->count; i++) {
		const char *text = NULL;

		if (node->items[i]->broken)
			continue;
		if (decode_entry(field, node, i, path, &text, e) == 0)
			ARENA_PUSH(decoder->arena, list->items, list->count, text);
		else if (problems_take(decoder->problems, e) < 0)
			return -1;
	}
	return 0;
}

static int decode_names(struct decoder *decoder, const struct schema_field *field, const struct node *node,
			const struct path *path, char *base, struct error *e)
{
	struct recipe_name *names = arena_alloc(decoder->arena, (node->count + 1) * sizeof *names);
	size_t count = 0;

	for (size_t i = 0; i < node->count; i++) {
		if (node->items[i]->broken)
			continue;
		names[count].place = node->items[i]->place;
		if (decode_entry(field, node, i, path, &names[count].text, e) == 0)
			count++;
		else if (problems_take(decoder->problems, e) < 0)
			return -1;
	}
	memcpy(base + field->offset, &names, sizeof names);
	memcpy(base + field->count, &count, sizeof count);
	return 0;
}

static int decode_keys(struct decoder *decoder, const struct schema_field *field, const struct node *node,
		       const struct path *path, char *base, struct error *e)
{
	struct recipe_key *keys = arena_alloc(decoder->arena, (node->count + 1) * sizeof *keys);
	size_t count = 0;

	for (size_t i = 0; i < node->count; i++) {
		if (node->items[i]->broken)
			continue;
		keys[count].place = node->items[i]->place;
		if (decode_entry(field, node, i, path, &keys[count].text, e) == 0)
			count++;
		else if (problems_take(decoder->problems, e) < 0)
			return -1;
	}
	memcpy(base + field->offset, &keys, sizeof keys);
	memcpy(base + field->count, &count, sizeof count);
	return 0;
}

static int decode_pairs(struct decoder *decoder, const struct schema_field *field, const struct node *node,
			const struct path *path, char *base, struct error *e)
{
	struct template_property *pairs = arena_alloc(decoder->arena, (node->count + 1) * sizeof *pairs);
	size_t count = 0;

	for (size_t i = 0; i < node->count; i++) {
		const struct path here = { .up = path, .key = node->pairs[i].key };
		const struct node *value = node->pairs[i].value;

		if (value->broken)
			continue;
		if (value->kind != NODE_SCALAR) {
			fail_type(value, &here, "text", e);
			if (problems_take(decoder->problems, e) < 0)
				return -1;
			continue;
		}
		pairs[count].key = node->pairs[i].key;
		pairs[count++].value = value->null ? "" : value->text;
	}
	memcpy(base + field->offset, &pairs, sizeof pairs);
	memcpy(base + field->count, &count, sizeof count);
	return 0;
}

static int decode_sections(struct decoder *decoder, const struct schema_field *field, const struct node *node,
			   const struct path *path, char *base, struct error *e)
{
	char *items = arena_alloc(decoder->arena, (node->count + 1) * field->item_bytes);
	size_t count = 0;

	for (size_t i = 0; i < node->count; i++) {
		const struct path here = { .up = path, .index = i };

		if (decode_section(decoder, field->section, node->items[i], items + count * field->item_bytes,
				   &here, e) == 0)
			count++;
		else if (problems_take(decoder->problems, e) < 0)
			return -1;
	}
	memcpy(base + field->offset, &items, sizeof items);
	memcpy(base + field->count, &count, sizeof count);
	return 0;
}

/* A text where a list may stand, as the list of that text. */
static const struct node *list_of_one(struct decoder *decoder, const struct node *node)
{
	struct node *list = arena_alloc(decoder->arena, sizeof *list);

	*list = *node;
	list->kind = NODE_LIST;
	list->count = 0;
	ARENA_PUSH(decoder->arena, list->items, list->count, (struct node *)(uintptr_t)node);
	return list;
}

static int decode_list(struct decoder *decoder, const struct schema_field *field, const struct node *node,
		       const struct path *path, char *base, struct error *e)
{
	if (field->single && node->kind == NODE_SCALAR)
		node = list_of_one(decoder, node);
	if (node->kind != NODE_LIST)
		return fail_type(node, path, field->single ? "text or a list" : "a list", e);
	switch (field->type) {
	case SCHEMA_NAMES:
		return decode_names(decoder, field, node, path, base, e);
	case SCHEMA_KEYS:
		return decode_keys(decoder, field, node, path, base, e);
	case SCHEMA_SECTIONS:
		return decode_sections(decoder, field, node, path, base, e);
	default:
		return decode_texts(decoder, field, node, path, (void *)(base + field->offset), e);
	}
}

/* What filters look at would no longer be what they have seen. */
static int check_part_image(const struct node *part, const struct path *path, struct error *e)
{
	static const char *const fixed[] = { "release", "architecture", "variant" };
	const struct node_pair *image = node_find(part, "image");

	for (size_t i = 0; image && image->value->kind == NODE_MAP && i < ARRAY_LEN(fixed); i++) {
		const struct node_pair *pair = node_find(image->value, fixed[i]);

		if (pair)
			return error_at(e, ERROR_RECIPE, &pair->place,
					"'%s.image' cannot set '%s', by which it was chosen",
					path_text(path).text, pair->key);
	}
	return 0;
}

/* A part of a recipe: into a recipe of no further use, to have it checked. */
static int decode_part(struct decoder *decoder, const struct node *node, const struct path *path, char *value,
		       struct error *e)
{
	struct decoder inner = { .arena = decoder->arena, .problems = decoder->problems, .partial = true };
	struct recipe *scratch = arena_alloc(decoder->arena, sizeof *scratch);
	static const char *const not_here[] = { "extends", "include", "matrix" };

	if (node->kind != NODE_MAP)
		return fail_type(node, path, "a mapping", e);
	for (size_t i = 0; i < ARRAY_LEN(not_here); i++) {
		const struct node_pair *pair = node_find(node, not_here[i]);

		if (pair)
			return error_at(e, ERROR_RECIPE, &pair->place, "'%s' does not belong into '%s'",
					pair->key, path_text(path).text);
	}
	if (check_part_image(node, path, e) < 0)
		return -1;
	memcpy(value, &node, sizeof node);
	return decode_section(&inner, &schema_recipe, node, (char *)scratch, path, e);
}

static int decode_scalar(const struct schema_field *field, const struct node *node, const struct path *path,
			 char *base, struct error *e)
{
	char *value = base + field->offset;
	uint64_t number = 0;
	unsigned word = 0;

	switch (field->type) {
	case SCHEMA_FLAG:
		return decode_flag(node, path, (void *)value, e);
	case SCHEMA_COUNT:
		if (decode_number(node, path, UINT32_MAX, &number, e) < 0)
			return -1;
		word = (unsigned)number;
		memcpy(value, &word, sizeof word);
		return 0;
	case SCHEMA_SIZE:
		return decode_number(node, path, UINT64_MAX, (void *)value, e);
	case SCHEMA_WORD:
		return decode_word(field, node, path, (void *)value, e);
	default:
		return decode_text(field, node, path, (void *)value, e);
	}
}

static int decode_value(struct decoder *decoder, const struct schema_field *field, const struct node *node,
			char *base, const struct path *path, struct error *e)
{
	const struct place *place = field->text_place ? &node->text_place : &node->place;

	if (field->place)
		memcpy(base + field->place, place, sizeof *place);
	if (node->null || node->broken)
		return 0;
	if (field->given)
		memcpy(base + field->given, &(bool) { true }, sizeof(bool));
	switch (field->type) {
	case SCHEMA_SECTION:
		return decode_section(decoder, field->section, node, base + field->offset, path, e);
	case SCHEMA_PART:
		return decode_part(decoder, node, path, base + field->offset, e);
	case SCHEMA_PAIRS:
		if (node->kind != NODE_MAP)
			return fail_type(node, path, "a mapping", e);
		return decode_pairs(decoder, field, node, path, base, e);
	case SCHEMA_TEXTS:
	case SCHEMA_NAMES:
	case SCHEMA_KEYS:
	case SCHEMA_SECTIONS:
		return decode_list(decoder, field, node, path, base, e);
	default:
		return decode_scalar(field, node, path, base, e);
	}
}

/* The key of SECTION that KEY, which it does not have, was perhaps meant to be; or NULL. */
static const char *nearest_key(const struct schema_section *section, const char *key)
{
	const char *names[FIELDS_MAX];
	size_t count = 0;

	for (; count < section->count && count < FIELDS_MAX; count++)
		names[count] = section->fields[count].key;
	return text_nearest(key, names, count);
}

static int fail_unknown(const struct schema_section *section, const struct node_pair *pair,
			const struct path *path, struct error *e)
{
	const char *nearest = nearest_key(section, pair->key);
	struct path_text where = path_text(path);

	return error_at(e, ERROR_RECIPE, &pair->place, "unknown key '%.100s' %s%s%s%s%s%s", pair->key,
			path ? "in '" : "at the top level", where.text, path ? "'" : "",
			nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

/* Whether a key of NODE that is not known was meant to be FIELD: then that one is not missing, too. */
static bool is_misspelt(const struct schema_section *section, const struct node *node,
			const struct schema_field *field)
{
	for (size_t i = 0; i < node->count; i++) {
		const char *key = node->pairs[i].key;
		const char *nearest = schema_find(section, text_of(key)) ? NULL : nearest_key(section, key);

		if (nearest && strcmp(nearest, field->key) == 0)
			return true;
	}
	return false;
}

/* What is missing in a section; *complete says whether nothing is. */
static int check_mandatory(struct decoder *decoder, const struct schema_section *section,
			   const struct node *node, const struct path *path, bool *complete, struct error *e)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct schema_field *field = &section->fields[i];
		const struct node_pair *pair = field->mandatory ? node_find(node, field->key) : NULL;

		if (!field->mandatory || (pair && !pair->value->null))
			continue;
		*complete = false;
		if (is_misspelt(section, node, field))
			continue;
		error_at(e, ERROR_RECIPE, pair ? &pair->place : &node->place,
			 path ? "missing key '%s' in '%s'" : "missing key '%s'%s", field->key,
			 path_text(path).text);
		if (problems_take(decoder->problems, e) < 0)
			return -1;
	}
	return 0;
}

static int decode_pair(struct decoder *decoder, const struct schema_section *section,
		       const struct node_pair *pair, char *base, const struct path *path, struct error *e)
{
	const struct schema_field *field = schema_find(section, text_of(pair->key));
	const struct path here = { .up = path, .key = pair->key };

	if (!field)
		return fail_unknown(section, pair, path, e);
	return decode_value(decoder, field, pair->value, base, &here, e);
}

/* -1 when NODE is no such section at all; what is wrong inside it is in the list of problems. */
static int decode_section(struct decoder *decoder, const struct schema_section *section,
			  const struct node *node, char *base, const struct path *path, struct error *e)
{
	bool right = true;

	if (section->place)
		memcpy(base + section->place, &node->place, sizeof node->place);
	if (node->broken)
		return 0;
	if (node->kind != NODE_MAP)
		return path ? fail_type(node, path, "a mapping", e)
			    : error_at(e, ERROR_RECIPE, &node->place, "a recipe must be a mapping, not %s",
				       node_kind_name(node));
	for (size_t i = 0; i < node->count; i++) {
		if (decode_pair(decoder, section, &node->pairs[i], base, path, e) == 0)
			continue;
		right = false;
		if (problems_take(decoder->problems, e) < 0)
			return -1;
	}
	/* What holds for a whole section may be true of a part of one only once it is merged. */
	if (decoder->partial)
		return 0;
	if (check_mandatory(decoder, section, node, path, &right, e) < 0)
		return -1;
	if (right && section->check)
		return section->check(base, path_text(path).text, decoder->problems, e);
	return 0;
}

int schema_decode(const struct node *root, struct recipe *recipe, struct problems *problems, struct error *e)
{
	struct decoder decoder = { .arena = &recipe->arena, .problems = problems };

	if (decode_section(&decoder, &schema_recipe, root, (char *)recipe, NULL, e) < 0)
		return problems_take(problems, e);
	return 0;
}
