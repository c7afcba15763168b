/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings of a lock → values, each checked by its form. */
#include "lock/parts.h"

#include "base/epoch.h"
#include "base/limits.h"
#include "base/root.h"
#include "deb/version.h"
#include "fetch/url.h"
#include "recipe/recipe.h"
#include "recipe/yaml.h"

#include <ctype.h>

enum { WORD_BYTES_MAX = 256, VALUE_SHOWN_MAX = 80 };

static bool is_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7F)
			return false;
	return true;
}

/* Policy 5.6.7, and the capitals that some archives have. */
static bool is_package(const char *text)
{
	size_t len = strlen(text);

	if (len > WORD_BYTES_MAX || !isalnum((unsigned char)text[0]))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("+-._", *text))
			return false;
	return true;
}

static bool is_version(const char *text)
{
	return strlen(text) <= WORD_BYTES_MAX && deb_version_is_valid(text_of(text));
}

static bool is_word(const char *text)
{
	return strlen(text) <= WORD_BYTES_MAX && text_is_graphic(text_of(text)) && text[0] != '/' &&
	       path_is_safe(text_of(text));
}

static bool is_url(const char *text)
{
	struct url url;

	return strlen(text) <= LIMIT_PATH_BYTES && url_split(text, &url) && !url.credentials.ptr;
}

static const struct form {
	const char *name; /* for messages */
	bool (*fits)(const char *text);
} forms[] = {
	[FIELD_TEXT] = { "a text on one line", is_text },
	[FIELD_PACKAGE] = { "the name of a package", is_package },
	[FIELD_VERSION] = { "a version", is_version },
	[FIELD_WORD] = { "a word without blanks that leads nowhere", is_word },
	[FIELD_URL] = { "an address (http, https or file) without a password", is_url },
	[FIELD_SIZE] = { "a number", NULL },
	[FIELD_DATE] = { "a date like 2026-01-31T12:00:00Z", NULL },
	[FIELD_DIGEST] = { "64 hexadecimal digits", NULL },
	[FIELD_FLAG] = { "true or false", NULL },
	[FIELD_MAP] = { "a mapping", NULL },
	[FIELD_LIST] = { "a list", NULL },
	[FIELD_TEXTS] = { "a list of texts", NULL },
};

static int refuse(const struct node *value, const struct field *field, struct error *e)
{
	if (value->kind == NODE_SCALAR && !value->null)
		return error_at(e, ERROR_FORMAT, &value->place, "'%s' is '%.*s', but must be %s", field->key,
				VALUE_SHOWN_MAX, value->text, forms[field->kind].name);
	return error_at(e, ERROR_FORMAT, &value->place, "'%s' must be %s, not %s", field->key,
			forms[field->kind].name, node_kind_name(value));
}

static bool is_list_of_texts(const struct node *node)
{
	if (node->kind != NODE_LIST)
		return false;
	for (size_t i = 0; i < node->count; i++)
		if (node->items[i]->kind != NODE_SCALAR || node->items[i]->null ||
		    !is_text(node->items[i]->text))
			return false;
	return true;
}

static bool take_flag(const char *text, bool *out)
{
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0;
}

static bool take_scalar(const struct node *value, const struct field *field, struct arena *arena)
{
	const struct form *form = &forms[field->kind];

	if (form->fits) {
		if (!form->fits(value->text))
			return false;
		*(const char **)field->out = arena_strdup(arena, value->text);
		return true;
	}
	switch (field->kind) {
	case FIELD_SIZE:
		return text_to_u64(text_of(value->text), field->out) && *(uint64_t *)field->out <= INT64_MAX;
	case FIELD_DATE:
		return epoch_parse_date(text_of(value->text), field->out);
	case FIELD_DIGEST:
		return digest_parse(text_of(value->text), field->out) && digest_is_set(field->out);
	default:
		return take_flag(value->text, field->out);
	}
}

static bool take(const struct node *value, const struct field *field, struct arena *arena)
{
	bool fits;

	switch (field->kind) {
	case FIELD_MAP:
		fits = value->kind == NODE_MAP;
		break;
	case FIELD_LIST:
		fits = value->kind == NODE_LIST;
		break;
	case FIELD_TEXTS:
		fits = is_list_of_texts(value);
		break;
	default:
		return value->kind == NODE_SCALAR && !value->null && take_scalar(value, field, arena);
	}
	if (fits)
		*(const struct node **)field->out = value;
	return fits;
}

static const struct field *find(const struct field *fields, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

int fields_read(const struct node *node, const struct field *fields, size_t count, struct arena *arena,
		struct error *e)
{
	if (node->kind != NODE_MAP)
		return error_at(e, ERROR_FORMAT, &node->place, "this must be a mapping, not %s",
				node_kind_name(node));
	for (size_t i = 0; i < node->count; i++) {
		const struct node_pair *pair = &node->pairs[i];
		const struct field *field = find(fields, count, pair->key);

		if (!field)
			return error_at(e, ERROR_FORMAT, &pair->place, "unknown key '%.*s'", VALUE_SHOWN_MAX,
					pair->key);
		if (!take(pair->value, field, arena))
			return refuse(pair->value, field, e);
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].needed && !node_find(node, fields[i].key))
			return error_at(e, ERROR_FORMAT, &node->place, "'%s' is missing", fields[i].key);
	return 0;
}

const struct place *fields_place(const struct node *node, const char *key)
{
	const struct node_pair *pair = node_find(node, key);

	return pair ? &pair->value->place : &node->place;
}

/* The byte that "%3a" stands for, or -1. */
static int unquoted(const char *text)
{
	static const char digits[] = "0123456789abcdef";
	const char *high = text[1] ? strchr(digits, tolower((unsigned char)text[1])) : NULL;
	const char *low = high && text[2] ? strchr(digits, tolower((unsigned char)text[2])) : NULL;

	return low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

const char *path_below(const char *uri, const char *url, struct arena *arena)
{
	size_t used = 0;
	char *path;

	if (!is_prefix(url, uri))
		return NULL;
	url += strlen(uri);
	path = arena_alloc(arena, strlen(url) + 1);
	for (; *url; url++) {
		int byte = *url == '%' ? unquoted(url) : (unsigned char)*url;

		if (byte <= 0)
			return NULL;
		if (*url == '%')
			url += 2;
		path[used++] = (char)byte;
	}
	path[used] = '\0';
	return path[0] != '/' && path_is_safe(text_of(path)) && text_is_graphic(text_of(path)) ? path : NULL;
}
