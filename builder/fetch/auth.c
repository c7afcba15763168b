/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/auth.h"

#include "base/file.h"
#include "base/limits.h"
#include "fetch/url.h"

#include <fcntl.h>
#include <fnmatch.h>

enum { ENTRIES_MAX = 10000 };

static const char file_name[] = "/etc/apt/auth.conf";
static const char folder_name[] = "/etc/apt/auth.conf.d";

static const char *keep(struct arena *arena, struct text text)
{
	return arena_strndup(arena, text.ptr, text.len);
}

/* [SCHEME://]HOST[:PORT][/PATH] */
static bool take_machine(struct auth *auth, struct text word)
{
	struct auth_entry entry = { .login = "", .password = "" };
	bool whole = memmem(word.ptr, word.len, "://", 3) != NULL;
	auto_free char *address = xasprintf("%s%.*s", whole ? "" : "https://", TEXT_ARG(word));
	auto_free char *canonical = url_canonical(address);
	struct url url;

	if (!canonical || !url_split(canonical, &url) || url.credentials.ptr)
		return false;
	entry.scheme = keep(&auth->arena, url.scheme);
	entry.host = keep(&auth->arena, url.host);
	entry.port = url.port.len ? keep(&auth->arena, url.port) : "";
	entry.path = url.path.len ? keep(&auth->arena, url.path) : "";
	ARENA_PUSH(&auth->arena, auth->entries, auth->count, entry);
	return true;
}

static bool take_word(struct auth *auth, struct text key, struct text value)
{
	struct auth_entry *entry = auth->count ? &auth->entries[auth->count - 1] : NULL;

	if (!value.len)
		return false;
	if (text_is(key, "machine"))
		return auth->count < ENTRIES_MAX && take_machine(auth, value);
	if (!entry)
		return false;
	if (text_is(key, "login"))
		entry->login = keep(&auth->arena, value);
	else if (text_is(key, "password"))
		entry->password = keep(&auth->arena, value);
	else
		return false;
	return true;
}

int auth_parse(struct auth *auth, struct text text, struct error *e)
{
	struct text key = { NULL, 0 };
	unsigned line = 0;

	while (text.ptr) {
		struct text rest = text_cut(text, '\n', &text);

		line++;
		if (text_starts(text_trim(rest), "#"))
			continue;
		for (struct text word = text_word(&rest); word.len; word = text_word(&rest)) {
			if (!key.len) {
				key = word;
				continue;
			}
			if (!take_word(auth, key, word))
				return error_set(e, ERROR_FORMAT,
						 "line %u is not as apt_auth.conf(5) has it: machine HOST "
						 "login NAME password WORD",
						 line);
			key = (struct text) { NULL, 0 };
		}
	}
	return key.len ? error_set(e, ERROR_FORMAT, "it ends within an entry") : 0;
}

static int load_file(struct auth *auth, const char *path, struct error *e)
{
	auto_free char *data = NULL;
	size_t len;

	if (file_read(AT_FDCWD, path, LIMIT_KEY_BYTES, &data, &len, e) < 0)
		return -1;
	if (auth_parse(auth, (struct text) { data, len }, e) < 0)
		return error_wrap(e, "%s", path);
	return 0;
}

/* One of apt's: whoever may not read it has no password. */
static int load_apt_file(struct auth *auth, const char *path, struct error *e)
{
	if (load_file(auth, path, e) == 0)
		return 0;
	if (e->kind == ERROR_FORMAT)
		return -1;
	error_clear(e);
	return 0;
}

static int load_apt_folder(struct auth *auth, struct error *e)
{
	auto_close int fd = open(folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names = NULL;
	size_t count = 0;
	int r = 0;

	if (fd < 0)
		return 0;
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && r == 0; i++) {
		auto_free char *path = xasprintf("%s/%s", folder_name, names[i]);

		if (fnmatch("*.conf", names[i], FNM_PERIOD) == 0)
			r = load_apt_file(auth, path, e);
	}
	names_free(names, count);
	return r;
}

int auth_load(struct auth *auth, struct error *e)
{
	const char *own = getenv("KILN_AUTH");

	if (own && *own)
		return load_file(auth, own, e) < 0 ? error_wrap(e, "KILN_AUTH") : 0;
	return load_apt_file(auth, file_name, e) < 0 ? -1 : load_apt_folder(auth, e);
}

/* "/debian" is for "/debian" and what is below, and not for "/debian-security". */
static bool is_below(struct text path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!text_starts(path, prefix))
		return false;
	return len == 0 || prefix[len - 1] == '/' || path.len == len || path.ptr[len] == '/';
}

const struct auth_entry *auth_find(const struct auth *auth, const char *address)
{
	auto_free char *canonical = url_canonical(address);
	struct url url;

	if (!canonical || !url_split(canonical, &url) || url.credentials.ptr)
		return NULL;
	for (size_t i = 0; i < auth->count; i++) {
		const struct auth_entry *entry = &auth->entries[i];

		if (text_is(url.scheme, entry->scheme) && text_is(url.host, entry->host) &&
		    text_is(url.port, entry->port) && is_below(url.path, entry->path))
			return entry;
	}
	return NULL;
}

void auth_release(struct auth *auth)
{
	for (size_t i = 0; i < auth->count; i++) {
		const char *password = auth->entries[i].password;

		explicit_bzero((char *)(uintptr_t)password, strlen(password));
	}
	arena_release(&auth->arena);
	*auth = AUTH_INIT;
}
