/* SPDX-License-Identifier: Apache-2.0 */
/* Release files: whatever is accepted has sorted, safe paths, each of which is found again. */
#include "fuzz/fuzz.h"

#include "base/root.h"
#include "index/release.h"

#include <assert.h>

static void check(const struct release *release)
{
	struct error e = ERROR_INIT;

	assert(release->entry_count > 0);
	for (size_t i = 0; i < release->entry_count; i++) {
		auto_free char *path = xstrndup(release->entries[i].path.ptr, release->entries[i].path.len);

		assert(path_is_safe(release->entries[i].path));
		assert(release_find(release, path));
	}
	release_is_for(release, release->suite);
	(void)!release_check_date(release, 0, &e);
	(void)!release_check_valid_until(release, INT64_MAX, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct release release;
	struct error e = ERROR_INIT;

	if (release_parse((struct text) { (const char *)data, size }, &arena, &release, &e) == 0)
		check(&release);
	else
		assert(e.kind != ERROR_NONE);
	arena_release(&arena);
	return 0;
}
