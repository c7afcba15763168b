/* SPDX-License-Identifier: Apache-2.0 */
/* Words about compressed blocks: whatever they promise, what is given out has the digest that they name. */
#include "fuzz/fuzz.h"

#include "base/auto.h"
#include "stream/memo.h"

#include <assert.h>
#include <fcntl.h>

/* Files that are always there and take no disk: "0", "1" and "2". */
#define FOLDER "/proc/self/fdinfo"

static void look_for(const struct memo *memo, const uint8_t *key_bytes)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct memo_block block;
	struct digest key;
	struct digest found;

	memcpy(key.bytes, key_bytes, sizeof key.bytes);
	if (!memo_read(memo, &key, &block, &out)) {
		assert(out.len == 0);
		return;
	}
	found = sha256_of(out.data, out.len);
	assert(out.len == block.len && digest_equal(&found, &block.sha256));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[DIGEST_BYTES];
	auto_memo struct memo *memo = memo_new();
	auto_close int folder_fd = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *printed = NULL;

	if (folder_fd < 0)
		return 0;
	(void)memo_learn(memo, (struct text) { (const char *)data, size }, folder_fd);
	(void)memo_learn(memo, TEXT("file 0\n"), folder_fd);
	look_for(memo, zeros);
	if (size >= DIGEST_BYTES)
		look_for(memo, data);
	printed = memo_print(memo);
	assert(printed[0] == '\0');
	return 0;
}
