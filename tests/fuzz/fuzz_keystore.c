/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a key store of Java, also with the digest that belongs to them: nothing but times may change. */
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "customize/keystore.h"

#include <assert.h>

static void add_digest(unsigned char *data, size_t len)
{
	auto_hash struct hash hash = HASH_INIT;

	hash_start_sha1(&hash);
	hash_add(&hash,
		 "\0c\0h\0a\0n\0g\0e\0i\0t"
		 "Mighty Aphrodite",
		 32);
	hash_add(&hash, data, len);
	hash_end_sha1(&hash, data + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free unsigned char *plain = xmalloc(size);
	auto_free unsigned char *summed = xmalloc(size + SHA1_BYTES);
	auto_free unsigned char *once = xmalloc(size + SHA1_BYTES);

	if (size) {
		memcpy(plain, data, size);
		memcpy(summed, data, size);
	}
	if (!keystore_clamp_times(plain, size, 1700000000))
		assert(size == 0 || memcmp(plain, data, size) == 0);
	add_digest(summed, size);
	memcpy(once, summed, size + SHA1_BYTES);
	if (keystore_clamp_times(once, size + SHA1_BYTES, 1700000000)) {
		memcpy(summed, once, size + SHA1_BYTES);
		assert(keystore_clamp_times(once, size + SHA1_BYTES, 1700000000));
		assert(memcmp(once, summed, size + SHA1_BYTES) == 0);
	}
	return 0;
}
