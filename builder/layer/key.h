/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a step: a digest over everything that the step reads, and over the key of the step before it. Whoever
 * carries a step out describes it as well (X_describe()), beside the code that reads.
 * Every value goes in with its name and its length, so that no two lists of values look alike.
 *
 *	key_start(&key, &below, "action");
 *	key_text(&key, "script", text);
 *	digest = key_end(&key);
 */
#ifndef LAYER_KEY_H
#define LAYER_KEY_H

#include "base/digest.h"

struct layer_key {
	struct hash hash;
};

#define LAYER_KEY_INIT ((struct layer_key) { HASH_INIT })
#define auto_layer_key AUTO(key_release)

/* BELOW: the key of the step before; NULL for the first. */
void key_start(struct layer_key *key, const struct digest *below, const char *step);
void key_text(struct layer_key *key, const char *name, const char *text); /* NULL differs from "" */
void key_bytes(struct layer_key *key, const char *name, const void *data, size_t len);
void key_number(struct layer_key *key, const char *name, int64_t number);
void key_digest(struct layer_key *key, const char *name, const struct digest *digest);
struct digest key_end(struct layer_key *key);
void key_release(struct layer_key *key);

#endif
