/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/json.h"

#include "base/alloc.h"
#include "base/digest.h"

#include <ctype.h>

/* How many bytes at DATA are one character; 0 when they are none. As RFC 3629 has it. */
static size_t character_len(const unsigned char *data, size_t left)
{
	static const struct {
		unsigned char first, last; /* of the first byte */
		unsigned char low, high;   /* of the second one */
		size_t len;
	} rows[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool fits = data[0] >= rows[i].first && data[0] <= rows[i].last && rows[i].len <= left;

		if (fits && rows[i].len > 1)
			fits = data[1] >= rows[i].low && data[1] <= rows[i].high;
		for (size_t k = 2; fits && k < rows[i].len; k++)
			fits = data[k] >= 0x80 && data[k] <= 0xbf;
		if (fits)
			return rows[i].len;
	}
	return 0;
}

json_t *json_of_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	json_t *string = json_string(text);
	auto_buffer struct buffer clean = BUFFER_INIT;
	size_t left = strlen(text);

	if (string)
		return string;
	while (left) {
		size_t len = character_len((const unsigned char *)text, left);

		if (len)
			buffer_add(&clean, text, len);
		else
			buffer_adds(&clean, replacement);
		text += len ? len : 1;
		left -= len ? len : 1;
	}
	return json_string(clean.data ? clean.data : "");
}

void json_put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

void json_set(json_t *object, const char *key, const char *text)
{
	if (text)
		json_put(object, key, json_of_text(text));
}

json_t *json_digests(const char *name_key, const char *algorithm, const char *value_key, const char *hex)
{
	return json_pack("[{s:s, s:s}]", name_key, algorithm, value_key, hex);
}

static int add_part(const char *data, size_t len, void *buffer)
{
	buffer_add(buffer, data, len);
	return 0;
}

char *json_print(const json_t *document)
{
	struct buffer out = BUFFER_INIT;

	json_dump_callback(document, add_part, &out, JSON_INDENT(1));
	buffer_addc(&out, '\n');
	return buffer_take(&out);
}

static int hash_part(const char *data, size_t len, void *hash)
{
	hash_add(hash, data, len);
	return 0;
}

struct json_uuid json_uuid(const json_t *value)
{
	auto_hash struct hash hash = HASH_INIT;
	struct json_uuid uuid;
	struct digest digest;
	const uint8_t *b = digest.bytes;

	hash_start_sha256(&hash);
	json_dump_callback(value, hash_part, &hash, JSON_COMPACT);
	digest = hash_end_sha256(&hash);
	digest.bytes[6] = (uint8_t)(0x80 | (b[6] & 0x0f)); /* version 8: made as the maker likes */
	digest.bytes[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	snprintf(uuid.text, sizeof uuid.text,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
		 b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return uuid;
}

bool is_address(const char *text)
{
	static const char plain[] = "-._~:/?#@!$&'()*+,;=";

	if (!is_prefix(text, "http://") && !is_prefix(text, "https://") && !is_prefix(text, "ftp://"))
		return false;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool escape =
			c == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]);

		if (c >= 0x80 || (!isalnum(c) && !strchr(plain, c) && !escape))
			return false;
	}
	return true;
}
