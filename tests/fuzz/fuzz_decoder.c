/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a compressed file. */
#include "fuzz/fuzz.h"

#include "base/limits.h"
#include "fuzz/image.h"
#include "stream/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct decoder_limits limits = { 4 * MIB, 16, NULL };
	struct memory_file file = memory_file(data, size);
	auto_decoder struct decoder *decoder = NULL;
	struct error e = ERROR_INIT;
	uint64_t total = 0;
	const void *piece;
	size_t len;
	int r = decoder_open(file.fd, limits, &decoder, &e);

	if (r == 0) {
		assert(*decoder_codec(decoder));
		while ((r = decoder_next(decoder, &piece, &len, &e)) > 0)
			total += len;
		assert(total <= 4 * MIB + 16 * size);
		if (r == 0)
			r = decoder_check_end(decoder, &e);
	}
	if (r < 0)
		check_error(&e);
	close(file.fd);
	return 0;
}
