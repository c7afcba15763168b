/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of a recipe as a JSON Schema, for editors: written from the table that checks recipes, so that it says
 * the same. It takes what YAML 1.1 and 1.2 make of a scalar: the checker sees the text, an editor a number.
 */
#include "cmd/cmd.h"

#include "base/alloc.h"
#include "recipe/check.h"
#include "recipe/schema.h"

#include <jansson.h>
#include <regex.h>

/* PARTIAL: nothing is mandatory, as in a file that is laid over others. */
static json_t *section_schema(const struct schema_section *section, bool partial);

static json_t *words_of(const struct schema_words *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->count; i++)
		json_array_append_new(list, json_string(words->words[i]));
	return list;
}

/* Any scalar with something in it. */
static json_t *filled(void)
{
	return json_pack("{s:[s, s, s], s:s}", "type", "string", "number", "boolean", "pattern", "\\S");
}

static json_t *alternatives(json_t *first, json_t *second)
{
	json_t *list = json_pack("[o, o]", first, second);

	return json_pack("{s:o}", "anyOf", list);
}

static json_t *or_nothing(json_t *schema)
{
	return alternatives(schema, json_pack("{s:s}", "type", "null"));
}

/* Whether digits alone have that form: then an editor may see a number. */
static bool takes_digits(const struct schema_form *form)
{
	regex_t regex;
	bool matches;

	if (regcomp(&regex, form->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&regex, "1", 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static json_t *form_schema(const struct schema_form *form)
{
	json_t *text = json_pack("{s:s, s:s}", "type", "string", "pattern", form->pattern);

	if (!takes_digits(form))
		return text;
	return alternatives(text, json_pack("{s:s, s:i}", "type", "integer", "minimum", 0));
}

/* A text that is there, as the value of a key or the entry of a list. */
static json_t *text_schema(const struct schema_field *field)
{
	if (field->words)
		return json_pack("{s:o}", "enum", words_of(field->words));
	if (field->form)
		return form_schema(field->form);
	return filled();
}

static json_t *optional_text_schema(const struct schema_field *field)
{
	if (field->words || field->form)
		return alternatives(text_schema(field), json_pack("{s:[s, n]}", "enum", ""));
	return json_pack("{s:[s, s, s, s]}", "type", "string", "number", "boolean", "null");
}

/* A word of a filter may have a '!' in front. */
static json_t *entry_schema(const struct schema_field *field)
{
	auto_buffer struct buffer pattern = BUFFER_INIT;

	if (!field->filter || !field->words)
		return text_schema(field);
	buffer_adds(&pattern, "^![ \\t]*(");
	for (size_t i = 0; i < field->words->count; i++)
		buffer_addf(&pattern, "%s%s", i ? "|" : "", field->words->words[i]);
	buffer_adds(&pattern, ")$");
	return alternatives(text_schema(field),
			    json_pack("{s:s, s:s}", "type", "string", "pattern", pattern.data));
}

static json_t *flag_schema(void)
{
	json_t *words = json_array();

	for (size_t i = 0; i < SCHEMA_FLAG_COUNT; i++) {
		json_array_append_new(words, json_string(schema_flags[i][0]));
		json_array_append_new(words, json_string(schema_flags[i][1]));
	}
	return alternatives(json_pack("{s:s}", "type", "boolean"), json_pack("{s:o}", "enum", words));
}

static json_t *list_schema(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *number_schema(double maximum)
{
	return json_pack("{s:s, s:i, s:f}", "type", "integer", "minimum", 0, "maximum", maximum);
}

/* What a value is when the key says something at all. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table */
static json_t *value_schema(const struct schema_field *field, bool partial)
{
	json_t *list;

	switch (field->type) {
	case SCHEMA_TEXT:
		return text_schema(field);
	case SCHEMA_FLAG:
		return flag_schema();
	case SCHEMA_COUNT:
		return number_schema((double)UINT32_MAX);
	case SCHEMA_SIZE:
		return number_schema((double)UINT64_MAX);
	case SCHEMA_WORD:
		return json_pack("{s:o}", "enum", words_of(field->words));
	case SCHEMA_TEXTS:
	case SCHEMA_NAMES:
	case SCHEMA_KEYS:
		list = list_schema(entry_schema(field));
		return field->single ? alternatives(text_schema(field), list) : list;
	case SCHEMA_PAIRS:
		return json_pack("{s:s, s:{s:[s, s, s, s]}}", "type", "object", "additionalProperties",
				 "type", "string", "number", "boolean", "null");
	case SCHEMA_SECTION:
		return section_schema(field->section, partial);
	case SCHEMA_SECTIONS:
		return list_schema(section_schema(field->section, partial));
	case SCHEMA_PART:
		return json_pack("{s:[{s:s}]}", "allOf", "$ref", "#/definitions/part");
	}
	return json_object();
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static json_t *field_schema(const struct schema_field *field, bool partial)
{
	json_t *schema;

	if (field->mandatory && !partial)
		schema = value_schema(field, partial);
	else if (field->type == SCHEMA_TEXT)
		schema = optional_text_schema(field);
	else
		schema = or_nothing(value_schema(field, partial));
	json_object_set_new(schema, "description", json_string(field->about));
	return schema;
}

/* The keys that a generator needs: "if it is this one, then …". */
static void add_file_rules(json_t *schema)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < generator_need_count; i++)
		json_array_append_new(
			rules, json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:{s:[s], s:{s:o}}}", "if", "properties",
					 "generator", "const", generator_name(generator_needs[i].generator),
					 "required", "generator", "then", "required", generator_needs[i].key,
					 "properties", generator_needs[i].key, filled()));
	json_object_set_new(schema, "allOf", rules);
}

static void add_package_rules(json_t *schema)
{
	json_object_set_new(
		schema, "oneOf",
		json_pack("[{s:[s]}, {s:[s]}]", "required", "manager", "required", "custom_manager"));
}

static const struct {
	schema_check_fn *check;
	void (*add)(json_t *schema);
} rules[] = {
	{ recipe_check_file, add_file_rules },
	{ recipe_check_packages, add_package_rules },
};

/* NOLINTNEXTLINE(misc-no-recursion) */
static json_t *section_schema(const struct schema_section *section, bool partial)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
				   "additionalProperties", 0);

	for (size_t i = 0; i < section->count; i++) {
		const struct schema_field *field = &section->fields[i];

		json_object_set_new(properties, field->key, field_schema(field, partial));
		if (field->mandatory && !partial)
			json_array_append_new(required, json_string(field->key));
	}
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	for (size_t i = 0; section->check && !partial && i < ARRAY_LEN(rules); i++)
		if (rules[i].check == section->check)
			rules[i].add(schema);
	return schema;
}

/* What a recipe must have, unless it is laid over files that have it: those an editor does not look into. */
static void add_whole(json_t *root)
{
	json_object_set_new(root, "definitions",
			    json_pack("{s:o, s:o}", "part", section_schema(&schema_recipe, true), "recipe",
				      section_schema(&schema_recipe, false)));
	json_object_set_new(
		root, "if",
		json_pack("{s:[{s:[s]}, {s:[s]}]}", "anyOf", "required", "extends", "required", "include"));
	json_object_set_new(root, "else", json_pack("{s:s}", "$ref", "#/definitions/recipe"));
}

char *schema_text(void)
{
	auto_free char *dumped = NULL;
	json_t *root = json_pack("{s:s, s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#",
				 "title", "kiln recipe", "description",
				 "Description of an image for kiln; see kiln-recipe(5)");
	json_t *recipe = section_schema(&schema_recipe, true);

	json_object_update(root, recipe);
	json_decref(recipe);
	add_whole(root);
	dumped = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	json_decref(root);
	return xasprintf("%s\n", dumped ? dumped : "{}");
}
