/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of a recipe for the key of a layer, by the table of the format: a key that the format gains later cannot
 * be forgotten here.
 */
#include "layer/key.h"
#include "recipe/recipe.h"
#include "recipe/schema.h"

static size_t count_at(const struct schema_field *field, const char *base)
{
	return *(const size_t *)(const void *)(base + field->count);
}

static const void *pointer_at(const char *value)
{
	return *(const void *const *)(const void *)value;
}

static void describe_texts(struct layer_key *key, const char *name, const struct string_list *texts)
{
	key_number(key, name, (int64_t)texts->count);
	for (size_t i = 0; i < texts->count; i++)
		key_text(key, name, texts->items[i]);
}

static void describe_names(struct layer_key *key, const char *name, const struct recipe_name *names,
			   size_t count)
{
	key_number(key, name, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		key_text(key, name, names[i].text);
}

static void describe_keys(struct layer_key *key, const char *name, const struct recipe_key *keys,
			  size_t count)
{
	key_number(key, name, (int64_t)count);
	for (size_t i = 0; i < count; i++) {
		if (keys[i].data)
			key_bytes(key, name, keys[i].data, keys[i].len);
		else
			key_text(key, name, keys[i].text);
	}
}

static void describe_pairs(struct layer_key *key, const char *name, const struct template_property *pairs,
			   size_t count)
{
	key_number(key, name, (int64_t)count);
	for (size_t i = 0; i < count; i++) {
		key_text(key, name, pairs[i].key);
		key_text(key, name, pairs[i].value);
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table */
static void describe_section(const struct schema_section *section, const char *base, struct layer_key *key);

/* NOLINTNEXTLINE(misc-no-recursion) */
static void describe_field(const struct schema_field *field, const char *base, struct layer_key *key)
{
	const char *value = base + field->offset;

	/* A value that is not given may be another than the one that looks the same. */
	if (field->given)
		key_number(key, "given", *(const bool *)(base + field->given));
	switch (field->type) {
	case SCHEMA_TEXT:
		key_text(key, field->key, pointer_at(value));
		break;
	case SCHEMA_FLAG:
		key_number(key, field->key, *(const bool *)value);
		break;
	case SCHEMA_COUNT:
	case SCHEMA_WORD:
		key_number(key, field->key, *(const unsigned *)(const void *)value);
		break;
	case SCHEMA_SIZE:
		key_number(key, field->key, (int64_t) * (const uint64_t *)(const void *)value);
		break;
	case SCHEMA_TEXTS:
		describe_texts(key, field->key, (const void *)value);
		break;
	case SCHEMA_NAMES:
		describe_names(key, field->key, pointer_at(value), count_at(field, base));
		break;
	case SCHEMA_KEYS:
		describe_keys(key, field->key, pointer_at(value), count_at(field, base));
		break;
	case SCHEMA_PAIRS:
		describe_pairs(key, field->key, pointer_at(value), count_at(field, base));
		break;
	case SCHEMA_SECTION:
		describe_section(field->section, value, key);
		break;
	case SCHEMA_PART:
		break; /* has been laid over the recipe */
	case SCHEMA_SECTIONS:
		key_number(key, field->key, (int64_t)count_at(field, base));
		for (size_t i = 0; i < count_at(field, base); i++)
			describe_section(field->section,
					 (const char *)pointer_at(value) + i * field->item_bytes, key);
		break;
	}
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void describe_section(const struct schema_section *section, const char *base, struct layer_key *key)
{
	for (size_t i = 0; i < section->count; i++)
		describe_field(&section->fields[i], base, key);
}

/* The section that holds KEYS, a path into the format such as "packages", "repositories". */
static const struct schema_section *section_of(const char *key, const char *below)
{
	const struct schema_section *section = schema_find(&schema_recipe, text_of(key))->section;

	return below ? schema_find(section, text_of(below))->section : section;
}

void recipe_describe_source(const struct recipe_source *source, struct layer_key *key)
{
	describe_section(section_of("source", NULL), (const char *)source, key);
}

void recipe_describe_repository(const struct repository *repository, struct layer_key *key)
{
	describe_section(section_of("packages", "repositories"), (const char *)repository, key);
}

void recipe_describe_file(const struct recipe_file *file, struct layer_key *key)
{
	describe_section(section_of("files", NULL), (const char *)file, key);
}

void recipe_describe_action(const struct recipe_action *action, struct layer_key *key)
{
	describe_section(section_of("actions", NULL), (const char *)action, key);
}

void recipe_describe_section(const struct recipe *recipe, const char *name, struct layer_key *key)
{
	describe_field(schema_find(&schema_recipe, text_of(name)), (const char *)recipe, key);
}
