/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Big-endian: magic, version 2, count; per entry its tag (2: a certificate), alias, time in ms, type, certificate; then
 * SHA-1 of the password in UTF-16, of "Mighty Aphrodite", and of all that is before. Texts and certificates have
 * their length in front, in two and in four bytes.
 */
#include "customize/keystore.h"

#include "base/digest.h"

#include <string.h>

enum { MAGIC = 0xFEEDFEED, VERSION = 2, TAG_CERTIFICATE = 2, MS_PER_SECOND = 1000 };

struct reader {
	unsigned char *at;
	size_t left;
	bool bad;
};

static unsigned char *take(struct reader *reader, size_t len)
{
	unsigned char *at = reader->at;

	reader->bad = reader->bad || len > reader->left;
	if (reader->bad)
		return NULL;
	reader->at += len;
	reader->left -= len;
	return at;
}

static uint64_t take_number(struct reader *reader, size_t len)
{
	const unsigned char *at = take(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; at && i < len; i++)
		value = value << 8 | at[i];
	return value;
}

static void take_sized(struct reader *reader, size_t length_bytes)
{
	take(reader, (size_t)take_number(reader, length_bytes));
}

static void set_time(unsigned char *at, uint64_t time_ms)
{
	struct reader former = { at, sizeof time_ms, false };

	if (take_number(&former, sizeof time_ms) <= time_ms)
		return;
	for (size_t i = 0; i < sizeof time_ms; i++)
		at[i] = (unsigned char)(time_ms >> (8 * (sizeof time_ms - 1 - i)));
}

/* All entries of what is in READER, each with its time set to TIME_MS unless that is negative. */
static bool walk_entries(struct reader reader, int64_t time_ms)
{
	uint64_t magic = take_number(&reader, 4);
	uint64_t version = take_number(&reader, 4);
	uint64_t count = take_number(&reader, 4);

	if (magic != MAGIC || version != VERSION)
		return false;
	for (uint64_t i = 0; i < count && !reader.bad; i++) {
		unsigned char *time;

		if (take_number(&reader, 4) != TAG_CERTIFICATE)
			return false;
		take_sized(&reader, 2);
		time = take(&reader, 8);
		take_sized(&reader, 2);
		take_sized(&reader, 4);
		if (!reader.bad && time_ms >= 0)
			set_time(time, (uint64_t)time_ms);
	}
	return !reader.bad && reader.left == 0;
}

static void sum(const unsigned char *data, size_t len, unsigned char digest[SHA1_BYTES])
{
	static const char password[] = "changeit";
	static const char salt[] = "Mighty Aphrodite";
	auto_hash struct hash hash = HASH_INIT;

	hash_start_sha1(&hash);
	for (size_t i = 0; i < sizeof password - 1; i++)
		hash_add(&hash, (const char[]) { 0, password[i] }, 2);
	hash_add(&hash, salt, sizeof salt - 1);
	hash_add(&hash, data, len);
	hash_end_sha1(&hash, digest);
}

bool keystore_clamp_times(unsigned char *data, size_t len, int64_t epoch_s)
{
	unsigned char digest[SHA1_BYTES];
	struct reader reader = { data, len - SHA1_BYTES, false };

	if (len < SHA1_BYTES || epoch_s < 0 || epoch_s > INT64_MAX / MS_PER_SECOND ||
	    !walk_entries(reader, -1))
		return false;
	sum(data, reader.left, digest);
	if (memcmp(digest, data + reader.left, sizeof digest) != 0)
		return false;
	walk_entries(reader, epoch_s * MS_PER_SECOND);
	sum(data, reader.left, data + reader.left);
	return true;
}
