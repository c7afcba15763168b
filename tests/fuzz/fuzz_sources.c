/* SPDX-License-Identifier: Apache-2.0 */
/* sources.list(5), both forms: whatever is accepted is complete. */
#include "fuzz/fuzz.h"

#include "base/root.h"
#include "index/sources.h"

#include <assert.h>

static void check(const struct source_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct source *source = &list->items[i];

		assert(strstr(source->uri, ":/") && *source->suite && source->component_count > 0);
		assert(!is_suffix(source->suite, "/") && path_is_safe(text_of(source->suite)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A recipe's strings have no NUL inside. */
	auto_free char *copy = xstrndup((const char *)data, size);
	struct arena arena = ARENA_INIT;
	struct source_list list = { NULL, 0 };
	struct error e = ERROR_INIT;
	unsigned line = 0;

	if (sources_parse_lines(text_of(copy), "amd64", &arena, &list, &line, &e) == 0)
		check(&list);
	list = (struct source_list) { NULL, 0 };
	if (sources_parse_deb822(text_of(copy), "amd64", &arena, &list, &line, &e) == 0)
		check(&list);
	arena_release(&arena);
	return 0;
}
