/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of a recipe as a table: every section, its keys, their types and where each value goes in
 * struct recipe. Checking and decoding (decode.c) and the variables of templates (expand.c) follow from
 * it, and so can anything else that needs to know the format, such as a schema for editors.
 */
#ifndef RECIPE_SCHEMA_H
#define RECIPE_SCHEMA_H

#include "recipe/filter.h"
#include "recipe/yaml.h"

enum schema_type {
	SCHEMA_TEXT,     /* const char *; any scalar as it is written */
	SCHEMA_FLAG,     /* bool */
	SCHEMA_COUNT,    /* unsigned */
	SCHEMA_SIZE,     /* uint64_t */
	SCHEMA_WORD,     /* an enum whose values are the indexes of WORDS */
	SCHEMA_TEXTS,    /* struct string_list */
	SCHEMA_NAMES,    /* struct recipe_name *, and a count */
	SCHEMA_KEYS,     /* struct recipe_key *, and a count */
	SCHEMA_PAIRS,    /* struct template_property *, and a count */
	SCHEMA_SECTION,  /* a mapping with keys of its own: SECTION */
	SCHEMA_SECTIONS, /* a list of them: a pointer and a count */
	SCHEMA_PART, /* const struct node *; a mapping with keys of the recipe, of which none is mandatory */
};

/* What the text of a value must look like. */
struct schema_form {
	const char *pattern; /* extended regular expression */
	const char *wording; /* "… must be WORDING" */
};

struct schema_words {
	const char *const *words;
	size_t count;
};

struct schema_field {
	const char *key;
	enum schema_type type;
	bool mandatory;
	bool single;                      /* of a list of texts: one text stands for a list of one */
	bool file;                        /* may name a file beside the recipe */
	bool text_place;                  /* PLACE is that of the text's first character, not of the value */
	size_t offset;                    /* of the value in its section */
	size_t count;                     /* offset of the count that belongs to a list; 0: none */
	size_t place;                     /* offset of a struct place for the value; 0: none */
	size_t given;                     /* offset of a bool that says whether the key is there; 0: none */
	size_t item_bytes;                /* size of one element of SCHEMA_SECTIONS */
	enum filter_axis filter;          /* of a list of a filter: its words may say more than a name */
	const struct schema_words *words; /* the only values; NULL: any */
	const struct schema_form *form;   /* NULL: any */
	const struct schema_section *section; /* of SCHEMA_SECTION and SCHEMA_SECTIONS */
	const char *about;                    /* one line for people */
};

/* Rules between the keys of a section: what is wrong with the one at BASE, which is called PATH, goes to PROBLEMS. */
typedef int schema_check_fn(const void *base, const char *path, struct problems *problems, struct error *e);

struct schema_section {
	const struct schema_field *fields;
	size_t count;
	size_t place;           /* offset of a struct place for the section; 0: none */
	schema_check_fn *check; /* called when every key by itself is right; NULL: no rules */
};

/* The whole recipe; its base is struct recipe. */
extern const struct schema_section schema_recipe;

extern const struct schema_words schema_generators;
extern const struct schema_words schema_triggers;
extern const struct schema_words schema_types; /* of images */

/* Forms that several sections have. */
extern const struct schema_form schema_mode;
extern const struct schema_form schema_owner;
extern const struct schema_form schema_id;

/* Of the sections in schema_setup.c. */
extern const struct schema_section schema_service;
extern const struct schema_section schema_group;
extern const struct schema_section schema_user;
extern const struct schema_section schema_locale;
extern const struct schema_section schema_link;
extern const struct schema_section schema_directory;
extern const struct schema_section schema_permission;
extern const struct schema_section schema_line;
extern const struct schema_section schema_exclude;
extern const struct schema_form schema_timezone;
extern const struct schema_form schema_keymap;
extern const struct schema_words schema_machine_ids;
extern const struct schema_words schema_requirements;

/* The words of YAML 1.1 for no and yes. */
enum { SCHEMA_FLAG_COUNT = 11 };
extern const char *const schema_flags[SCHEMA_FLAG_COUNT][2];

/* The field KEY of SECTION, or NULL. */
const struct schema_field *schema_find(const struct schema_section *section, struct text key);

/* A whole number as YAML 1.1 writes it: 10, 1_000, 0x1F, 0b11, 017. False for anything else. */
bool schema_number(const char *text, uint64_t *number);

/*
 * Check the tree ROOT against the schema and put its values into RECIPE, whose path is set. What is wrong goes to
 * PROBLEMS, and what cannot be taken is left out of RECIPE; -1 is for what is no fault of the recipe.
 */
int schema_decode(const struct node *root, struct recipe *recipe, struct problems *problems, struct error *e)
	MUST_CHECK;

#endif
