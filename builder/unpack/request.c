/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/unpack.h"

#include "index/index.h"
#include "plan/plan.h"

struct fetch_request unpack_request(const struct plan_package *package, struct arena *arena)
{
	auto_free char *url = fetch_join(package->archive->uri, package->filename);

	return (struct fetch_request) {
		.urls = { arena_strdup(arena, url) },
		.url_count = 1,
		.label = arena_printf(arena, "package '%s'", package->name),
		.sha256 = package->sha256,
		.size_bytes = package->size_bytes,
		.derived_will_do = true,
	};
}
