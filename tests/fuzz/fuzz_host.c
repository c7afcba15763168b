/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says: subuid(5) in front of a NUL, behind it what apt-get tells of its indexes. */
#include "fuzz/fuzz.h"

#include "fetch/mirror.h"
#include "fuzz/ground.h"
#include "sandbox/privilege.h"

static void check_ranges(struct text text)
{
	struct id_range ranges[ID_RANGE_MAX];
	uint32_t total = 0;
	size_t count = id_ranges_parse(text, "user", 1000, ranges, &total);
	uint64_t sum = 0;

	assert(count <= ID_RANGE_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(ranges[i].count > 0 &&
		       (uint64_t)ranges[i].first + ranges[i].count <= UINT32_MAX + 1ULL);
		sum += ranges[i].count;
	}
	assert(sum == total);
}

static void check_targets(struct text text)
{
	static const char *const addresses[] = { "http://ftp.debian.org/debian",
						 "http://security.debian.org/debian-security" };
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	struct log log;

	log_init(&log, LOG_QUIET, stderr);
	mirrors_add_targets(&mirrors, text, addresses, ARRAY_LEN(addresses), &log);
	for (size_t i = 0; i < mirrors.count; i++)
		assert(is_suffix(mirrors.rules[i].from, "/") && is_suffix(mirrors.rules[i].to, "/"));
	log_release(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xmalloc(size);
	struct text rest = { copy, size };

	if (size)
		memcpy(copy, data, size);
	check_ranges(next_part(&rest));
	check_targets(rest.ptr ? rest : (struct text) { "", 0 });
	return 0;
}
