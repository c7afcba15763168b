/* SPDX-License-Identifier: Apache-2.0 */
/* JSON → YAML for people, in which each thing has its line: so that version control shows what changed. */
#include "lock/parts.h"

#include "recipe/emit.h"

#include <jansson.h>

enum { INDENT = 2, COLUMNS = 100 };

static void write_map(json_t *map, size_t indent, bool begun, struct buffer *out);

/* Not now a number and now a word, as it happens to begin. */
static bool is_always_quoted(const char *key)
{
	static const char *const keys[] = { "version", "sha256",  "signed_sha256", "unpacked_sha256",
					    "date",    "release", "valid_until" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void write_scalar(const char *key, const json_t *value, struct buffer *out)
{
	if (json_is_string(value))
		yaml_emit_text(json_string_value(value), is_always_quoted(key), out);
	else if (json_is_integer(value))
		buffer_addf(out, "%lld", (long long)json_integer_value(value));
	else
		buffer_adds(out, json_is_true(value) ? "true" : "false");
	buffer_addc(out, '\n');
}

static void write_item(const char *text, struct buffer *out)
{
	yaml_emit_text(text, strpbrk(text, ":,[]{}#") != NULL, out);
}

/* [a, b], on as many lines as it needs. */
static void write_texts(const json_t *list, size_t indent, struct buffer *out)
{
	size_t index;
	size_t line = out->len;
	const json_t *value;

	while (line && out->data[line - 1] != '\n')
		line--;
	buffer_adds(out, " [");
	json_array_foreach (list, index, value) {
		auto_buffer struct buffer item = BUFFER_INIT;

		write_item(json_string_value(value), &item);
		if (index)
			buffer_addc(out, ',');
		if (index && out->len - line + item.len + 2 > COLUMNS) {
			buffer_addf(out, "\n%*s", (int)(indent + INDENT), "");
			line = out->len - (indent + INDENT);
		} else if (index) {
			buffer_addc(out, ' ');
		}
		buffer_adds(out, item.data);
	}
	buffer_adds(out, "]\n");
}

static void write_list(json_t *list, size_t indent, struct buffer *out)
{
	size_t index;
	json_t *value;

	if (json_array_size(list) == 0 || json_is_string(json_array_get(list, 0))) {
		write_texts(list, indent, out);
		return;
	}
	buffer_addc(out, '\n');
	json_array_foreach (list, index, value) {
		buffer_addf(out, "%*s- ", (int)indent, "");
		write_map(value, indent + INDENT, true, out);
	}
}

/* BEGUN: its first pair stands behind a dash. */
/* NOLINTNEXTLINE(misc-no-recursion): three levels, of our own making */
static void write_map(json_t *map, size_t indent, bool begun, struct buffer *out)
{
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value)
	{
		if (!begun)
			buffer_addf(out, "%*s", (int)indent, "");
		begun = false;
		buffer_addf(out, "%s:", key);
		if (json_is_array(value)) {
			write_list(value, indent, out);
		} else if (json_is_object(value)) {
			buffer_addc(out, '\n');
			write_map(value, indent + INDENT, false, out);
		} else {
			buffer_addc(out, ' ');
			write_scalar(key, value, out);
		}
	}
}

int lock_write(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
	       char **text, struct error *e)
{
	struct buffer out = BUFFER_INIT;
	json_t *json;

	if (inputs_json_locked(inputs, indexes, plan, &json, e) < 0)
		return -1;
	buffer_adds(&out, "# The inputs of an image, for kiln build --locked. Made by kiln lock; kiln lock "
			  "--update renews it.\n");
	buffer_addf(&out, "lock: %d\n", LOCK_FORMAT);
	write_map(json, 0, false, &out);
	json_decref(json);
	*text = buffer_take(&out);
	return 0;
}
