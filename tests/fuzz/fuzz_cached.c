/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the cache as a crash, or a disk, may have left them: the first byte says which kind. */
#include "fuzz/fuzz.h"

#include "fetch/cache.h"
#include "fuzz/ground.h"
#include "layer/manifest.h"
#include "pack/pack.h"
#include "stream/quick.h"

static void read_answer(const struct ground *ground, struct text text)
{
	static const char address[] = "http://example.org/InRelease";
	struct cache cache = { .volatile_fd = ground->fd };
	struct digest digest = sha256_of(address, strlen(address));
	auto_free char *path = xasprintf("/%s", digest_hex(&digest).text);
	auto_answer struct cache_answer answer = CACHE_ANSWER_INIT;
	struct error e = ERROR_INIT;

	ground_write(ground, path, text);
	if (cache_answer_read(&cache, address, 1 << 20, &answer, &e) > 0)
		assert(answer.data && answer.len <= text.len && answer.data[answer.len] == '\0');
}

static void read_manifest(const struct ground *ground, struct text text)
{
	auto_manifest struct manifest manifest = MANIFEST_INIT;
	struct error e = ERROR_INIT;

	ground_write(ground, "/manifest", text);
	if (manifest_read(ground->fd, &manifest, &e) < 0) {
		check_ground_error(&e);
		return;
	}

	auto_manifest struct manifest again = MANIFEST_INIT;

	assert(manifest_write(ground->fd, &manifest, &e) == 0 && manifest_read(ground->fd, &again, &e) == 0);
	assert(again.count == manifest.count && digest_equal(&again.tree, &manifest.tree));
}

static void read_quick(const struct ground *ground, struct text text)
{
	auto_quick struct quick *quick = NULL;
	auto_close int fd = -1;
	uint64_t total = 0;
	struct error e = ERROR_INIT;
	const void *data;
	size_t len;
	int r;

	ground_write(ground, "/payload", text);
	fd = openat(ground->fd, "payload", O_RDONLY | O_CLOEXEC);
	quick_open(fd, 0, text.len, &quick);
	while ((r = quick_next(quick, &data, &len, &e)) > 0 && (total += len) < 1 << 24)
		;
	if (r < 0)
		check_ground_error(&e);
}

static void read_kept(const struct ground *ground, struct text text)
{
	auto_free char *printed = xstrndup(text.ptr, text.len);
	const struct pack_options options = { .output_fd = ground->fd };
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	struct error e = ERROR_INIT;

	if (pack_kept(&options, ground->fd, printed, &artefacts, &e) < 0)
		check_ground_error(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const struct ground *ground,
				     struct text text) = { read_answer, read_manifest, read_quick,
							   read_kept };
	auto_free char *copy = xmalloc(size);
	struct ground ground;

	if (size == 0)
		return 0;
	memcpy(copy, data, size);
	ground_open(&ground);
	kinds[data[0] % ARRAY_LEN(kinds)](&ground, (struct text) { copy + 1, size - 1 });
	ground_close(&ground);
	return 0;
}
