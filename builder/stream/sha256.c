/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include "base/alloc.h"

struct sha256_sink {
	struct sink sink;
	struct hash hash;
	uint64_t count_bytes;
	struct digest *digest; /* borrowed */
	uint64_t *size_bytes;  /* borrowed; may be NULL */
};

static int sha256_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct sha256_sink *out = (struct sha256_sink *)sink;

	hash_add(&out->hash, data, len);
	out->count_bytes += len;
	return sink_write(sink->next, data, len, e);
}

static int sha256_finish(struct sink *sink, struct error *e)
{
	struct sha256_sink *out = (struct sha256_sink *)sink;

	if (sink_finish(sink->next, e) < 0)
		return -1;
	*out->digest = hash_end_sha256(&out->hash);
	if (out->size_bytes)
		*out->size_bytes = out->count_bytes;
	return 0;
}

static void sha256_release(struct sink *sink)
{
	struct sha256_sink *out = (struct sha256_sink *)sink;

	sink_release(sink->next);
	hash_release(&out->hash);
	free(out);
}

static struct sha256_sink *sha256_new(struct sink *next, struct digest *digest)
{
	static const struct sink_ops ops = { sha256_write, sha256_finish, sha256_release };
	struct sha256_sink *out = xcalloc(1, sizeof *out);

	out->sink.ops = &ops;
	out->sink.next = next;
	out->digest = digest;
	hash_start_sha256(&out->hash);
	return out;
}

struct sink *sink_sha256(struct sink *next, struct digest *digest, uint64_t *size_bytes)
{
	struct sha256_sink *out;

	if (!next)
		return NULL;
	out = sha256_new(next, digest);
	out->size_bytes = size_bytes;
	return &out->sink;
}

struct sink *sink_sha256_after(struct sink *next, const void *head, size_t head_len, struct digest *digest)
{
	struct sha256_sink *out;

	if (!next)
		return NULL;
	out = sha256_new(next, digest);
	hash_add(&out->hash, head, head_len);
	return &out->sink;
}
