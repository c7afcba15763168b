/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: of a recipe, a mirror rule, a redirect. Two parts: an address, and what a rule sends it to. */
#include "fuzz/fuzz.h"

#include "fetch/mirror.h"
#include "fetch/url.h"
#include "fuzz/ground.h"

static void check_views(const char *address)
{
	struct url url;
	auto_free char *canonical = url_canonical(address);
	auto_free char *folder = url_canonical_folder(address);
	auto_free char *shown = url_without_credentials(address);

	assert(shown);
	if (!url_split(address, &url)) {
		assert(!canonical && !folder);
		return;
	}
	assert(canonical && folder && is_suffix(folder, "/") &&
	       (!is_suffix(folder, "//") || is_suffix(folder, ":///")));
	for (size_t i = 0; i < url.host.len; i++)
		assert((unsigned char)url.host.ptr[i] > ' ');

	auto_free char *again = url_canonical(canonical);
	struct url bare;

	assert(again && strcmp(again, canonical) == 0);
	assert(url_split(shown, &bare) && bare.credentials.len == 0);
}

static void check_rules(const char *from, const char *to)
{
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	auto_free char *below = xasprintf("%s/dists/x", from);
	auto_free char *past = mirror_snapshot(from, "20260101T000000Z");
	struct error e = ERROR_INIT;

	mirrors_add_snapshots(&mirrors, "20260101T000000Z", &from, 1);
	if (mirrors_add(&mirrors, from, to, &e) < 0)
		check_ground_error(&e);

	auto_free char *rewritten = mirrors_rewrite(&mirrors, below);

	assert(rewritten);
	if (e.kind == ERROR_NONE && !past)
		assert(!is_prefix(from, "http") || is_prefix(rewritten, "http") ||
		       is_prefix(rewritten, "file") || is_prefix(rewritten, "HTTP"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *copy = xstrndup((const char *)data, size);
	struct text rest = { (const char *)data, size };
	struct text first = next_part(&rest);
	auto_free char *from = xstrndup(first.ptr, first.len);
	auto_free char *to = xstrndup(rest.ptr ? rest.ptr : "", rest.ptr ? strnlen(rest.ptr, rest.len) : 0);

	check_views(copy);
	check_views(to);
	check_rules(from, to);
	return 0;
}
