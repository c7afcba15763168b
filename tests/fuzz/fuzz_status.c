/* SPDX-License-Identifier: Apache-2.0 */
/* A status file of any bytes: what was read and written once must come out the same when read again. */
#include "fuzz/fuzz.h"

#include "unpack/deb_database.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);
	auto_deb_status struct deb_status first = DEB_STATUS_INIT;
	auto_deb_status struct deb_status second = DEB_STATUS_INIT;
	auto_buffer struct buffer once = BUFFER_INIT;
	auto_buffer struct buffer twice = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (size)
		memcpy(copy, data, size);
	if (deb_status_parse((struct text) { copy, size }, &first, &e) < 0) {
		assert(e.kind == ERROR_FORMAT && e.text[0]);
		return 0;
	}
	for (size_t i = 0; i < first.count; i++)
		if (i % 2)
			deb_status_set_state(&first, first.packages[i], DEB_INSTALLED);
	deb_status_print(&first, &once);
	if (deb_status_parse((struct text) { once.data, once.len }, &second, &e) < 0)
		abort();
	assert(first.count == second.count);
	deb_status_print(&second, &twice);
	assert(once.len == twice.len && (once.len == 0 || memcmp(once.data, twice.data, once.len) == 0));
	return 0;
}
