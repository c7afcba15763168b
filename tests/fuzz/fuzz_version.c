/* SPDX-License-Identifier: Apache-2.0 */
/* Three lines of any bytes as versions: their order must be one. */
#include "base/alloc.h"
#include "deb/version.h"
#include "fuzz/fuzz.h"

#include <assert.h>

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);
	struct text rest = { copy, size };
	struct text a;
	struct text b;
	int order;

	if (size)
		memcpy(copy, data, size);
	a = text_cut(rest, '\n', &rest);
	b = text_cut(rest, '\n', &rest);
	order = sign(deb_version_compare(a, b));
	assert(deb_version_compare(a, a) == 0);
	assert(sign(deb_version_compare(b, a)) == -order);
	assert(deb_version_satisfies(a, RELATION_NONE, b));
	if (!deb_version_is_valid(a) || !deb_version_is_valid(b))
		return 0;
	assert(deb_version_satisfies(a, RELATION_EARLIER, b) == (order < 0));
	assert(deb_version_satisfies(a, RELATION_LATER_EQUAL, b) == (order >= 0));
	if (deb_version_is_valid(rest)) {
		int second = sign(deb_version_compare(b, rest));

		if (order == second || order == 0 || second == 0)
			assert(sign(deb_version_compare(a, rest)) == (order ? order : second));
	}
	return 0;
}
