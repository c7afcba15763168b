/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/key.h"

/* One value: what kind, how long its name and its bytes are, then both. */
static void add(struct layer_key *key, char kind, const char *name, const void *data, size_t len)
{
	char head[64];
	int head_len = snprintf(head, sizeof head, "%c%zu,%zu:", kind, strlen(name), len);

	hash_add(&key->hash, head, (size_t)head_len);
	hash_add(&key->hash, name, strlen(name));
	hash_add(&key->hash, data, len);
}

void key_start(struct layer_key *key, const struct digest *below, const char *step)
{
	hash_start_sha256(&key->hash);
	add(key, 's', step, below ? below->bytes : NULL, below ? sizeof below->bytes : 0);
}

void key_text(struct layer_key *key, const char *name, const char *text)
{
	add(key, text ? 't' : '0', name, text, text ? strlen(text) : 0);
}

void key_bytes(struct layer_key *key, const char *name, const void *data, size_t len)
{
	add(key, 'b', name, data, len);
}

void key_number(struct layer_key *key, const char *name, int64_t number)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)number);

	add(key, 'n', name, digits, (size_t)len);
}

void key_digest(struct layer_key *key, const char *name, const struct digest *digest)
{
	add(key, 'd', name, digest->bytes, sizeof digest->bytes);
}

struct digest key_end(struct layer_key *key)
{
	return hash_end_sha256(&key->hash);
}

void key_release(struct layer_key *key)
{
	hash_release(&key->hash);
}
