/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include "base/alloc.h"

#include <assert.h>
#include <openssl/evp.h>

enum { READ_BYTES = 256 * 1024 };

static void to_hex(const uint8_t *bytes, size_t count, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * count] = '\0';
}

struct digest_hex digest_hex(const struct digest *digest)
{
	struct digest_hex hex;

	to_hex(digest->bytes, DIGEST_BYTES, hex.text);
	return hex;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_parse(struct text hex, struct digest *digest)
{
	struct digest value;

	if (hex.len != DIGEST_HEX_LEN)
		return false;
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = hex_value(hex.ptr[2 * i]);
		int low = hex_value(hex.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		value.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*digest = value;
	return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

bool digest_is_set(const struct digest *digest)
{
	static const struct digest none;

	return !digest_equal(digest, &none);
}

static void start(struct hash *hash, const EVP_MD *kind)
{
	if (!hash->context)
		hash->context = EVP_MD_CTX_new();
	if (!hash->context || EVP_DigestInit_ex(hash->context, kind, NULL) != 1)
		abort();
}

void hash_start_sha256(struct hash *hash)
{
	start(hash, EVP_sha256());
}

void hash_start_md5(struct hash *hash)
{
	start(hash, EVP_md5());
}

void hash_start_sha1(struct hash *hash)
{
	start(hash, EVP_sha1());
}

void hash_add(struct hash *hash, const void *data, size_t len)
{
	if (len && EVP_DigestUpdate(hash->context, data, len) != 1)
		abort();
}

struct digest hash_end_sha256(struct hash *hash)
{
	struct digest digest;
	unsigned len = 0;

	if (EVP_DigestFinal_ex(hash->context, digest.bytes, &len) != 1 || len != DIGEST_BYTES)
		abort();
	return digest;
}

void hash_end_md5(struct hash *hash, char hex[MD5_HEX_LEN + 1])
{
	uint8_t bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(hash->context, bytes, &len) != 1 || len != MD5_HEX_LEN / 2)
		abort();
	to_hex(bytes, len, hex);
}

void hash_end_sha1(struct hash *hash, unsigned char digest[SHA1_BYTES])
{
	uint8_t bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(hash->context, bytes, &len) != 1 || len != SHA1_BYTES)
		abort();
	memcpy(digest, bytes, SHA1_BYTES);
}

void hash_release(struct hash *hash)
{
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
}

struct digest sha256_of(const void *data, size_t len)
{
	auto_hash struct hash hash = HASH_INIT;

	hash_start_sha256(&hash);
	hash_add(&hash, data, len);
	return hash_end_sha256(&hash);
}

int sha256_of_fd(int fd, struct digest *digest, uint64_t *size_bytes, struct error *e)
{
	auto_hash struct hash hash = HASH_INIT;
	auto_free char *data = xmalloc(READ_BYTES);
	uint64_t offset = 0;

	hash_start_sha256(&hash);
	for (;;) {
		ssize_t got = pread(fd, data, READ_BYTES, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read");
		if (got == 0)
			break;
		hash_add(&hash, data, (size_t)got);
		offset += (uint64_t)got;
	}
	*digest = hash_end_sha256(&hash);
	if (size_bytes)
		*size_bytes = offset;
	return 0;
}
