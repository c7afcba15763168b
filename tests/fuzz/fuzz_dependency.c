/* SPDX-License-Identifier: Apache-2.0 */
/* A relation field of any bytes: its parts are views into it, one behind the other. */
#include "base/alloc.h"
#include "deb/dependency.h"
#include "fuzz/fuzz.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);
	struct text rest = { copy, size };
	const char *last = copy;
	struct deb_part part;
	int r;

	if (size)
		memcpy(copy, data, size);
	while ((r = deb_dependency_next(&rest, &part)) > 0) {
		assert(part.name.len > 0 && part.name.ptr >= last);
		last = part.name.ptr + part.name.len;
		assert(last <= rest.ptr && rest.ptr + rest.len == copy + size);
		assert((part.relation == RELATION_NONE) == (part.version.len == 0));
		assert(part.relation == RELATION_NONE || deb_version_is_valid(part.version));
		assert(!part.or_next || rest.len > 0);
	}
	assert(r < 0 || rest.len == 0);
	return 0;
}
