/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests: SHA-256 names everything in kiln (packages, indexes, cache entries, images); MD5 is there
 * only because dpkg's database stores conffiles by it, and SHA-1 because Java's key stores end in one.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/text.h"

#include <openssl/types.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX_LEN = 64, MD5_HEX_LEN = 32, SHA1_BYTES = 20 };

/* A SHA-256 value; all zero means "none known". */
struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

struct digest_hex {
	char text[DIGEST_HEX_LEN + 1];
};

struct digest_hex digest_hex(const struct digest *digest);
/* 64 hexadecimal digits, either case; false for anything else. */
bool digest_parse(struct text hex, struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *digest);

/* A running hash. hash_init_*(), hash_add()…, one hash_end_*(); then it may be initialised again. */
struct hash {
	EVP_MD_CTX *context; /* owned */
};

#define HASH_INIT ((struct hash) { NULL })
#define auto_hash AUTO(hash_release)

void hash_start_sha256(struct hash *hash);
void hash_start_md5(struct hash *hash);
void hash_start_sha1(struct hash *hash);
void hash_add(struct hash *hash, const void *data, size_t len);
struct digest hash_end_sha256(struct hash *hash);
void hash_end_md5(struct hash *hash, char hex[MD5_HEX_LEN + 1]);
void hash_end_sha1(struct hash *hash, unsigned char digest[SHA1_BYTES]);
void hash_release(struct hash *hash);

struct digest sha256_of(const void *data, size_t len);
/* Hash FD from offset 0 to its end with pread(); *size_bytes (may be NULL) receives the length. */
int sha256_of_fd(int fd, struct digest *digest, uint64_t *size_bytes, struct error *e) MUST_CHECK;

#endif
