/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/servers.h"

#include "base/alloc.h"
#include "fetch/url.h"

void servers_release(struct servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		free(servers->names[i]);
	free(servers->names);
	*servers = SERVERS_INIT;
}

/* "host:port", malloc'ed; NULL for what has no server. Each port is a server of its own. */
static char *name_of(const char *url)
{
	auto_free char *canonical = url_canonical(url);
	struct url parts;

	if (!canonical || !url_split(canonical, &parts) || text_is(parts.scheme, "file"))
		return NULL;
	if (parts.port.len)
		return xasprintf("%.*s:%.*s", TEXT_ARG(parts.host), TEXT_ARG(parts.port));
	return xasprintf("%.*s:%s", TEXT_ARG(parts.host), text_is(parts.scheme, "https") ? "443" : "80");
}

static bool has(const struct servers *servers, const char *name)
{
	for (size_t i = 0; i < servers->count; i++)
		if (strcmp(servers->names[i], name) == 0)
			return true;
	return false;
}

bool servers_add(struct servers *servers, const char *url)
{
	auto_free char *name = name_of(url);

	if (!name || has(servers, name))
		return false;
	PUSH(servers->names, servers->count, TAKE(name, NULL));
	return true;
}

size_t servers_next(const struct servers *servers, const char *const *urls, size_t from, size_t count)
{
	for (size_t i = from; i < count; i++) {
		auto_free char *name = name_of(urls[i]);

		if (!name || !has(servers, name))
			return i;
	}
	return count;
}
