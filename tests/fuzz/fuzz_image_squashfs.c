/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the squashfs of a root. */
#include "fuzz/fuzz.h"

#include "fuzz/image.h"
#include "image/squash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_file memory = memory_file(data, size);
	const struct image_file file = { .path = memory.path, .codec = "", .size_bytes = size };
	struct squash_root root = squash_root(&file, memory.fd, NULL);
	const char *codec = NULL;
	struct error e = ERROR_INIT;
	uint64_t left = 1 << 20;

	if (squash_codec(memory.fd, &codec, &e) < 0)
		check_error(&e);
	else
		assert(codec);
	error_clear(&e);
	if (tree_visit(&root.source, read_entry, &left, &e) < 0)
		check_error(&e);
	close(memory.fd);
	return 0;
}
