/* SPDX-License-Identifier: Apache-2.0 */
#include "index/keyring.h"

#include "base/limits.h"
#include "deb/dependency.h"
#include "deb/stanza.h"
#include "fetch/fetch.h"
#include "fetch/openpgp.h"
#include "unpack/deb_file.h"

#include <fnmatch.h>

/* What an index says of a package. */
struct listed {
	struct text version;
	struct text depends;
	struct text filename;
	struct text size;
	struct text sha256;
	const struct index_file *file;
};

/* The stanza around AT. */
static struct text stanza_at(const struct index_file *file, const char *at)
{
	const char *begin = at;
	const char *end = memmem(at, (size_t)(file->data + file->len - at), "\n\n", 2);

	while (begin > file->data && !(begin[-1] == '\n' && begin - 1 > file->data && begin[-2] == '\n'))
		begin--;
	if (!end)
		end = file->data + file->len;
	return (struct text) { begin, (size_t)(end - begin) };
}

static int read_stanza(struct text text, struct listed *listed, struct error *e)
{
	struct deb_stanzas stanzas = deb_stanzas_of(text);
	struct deb_field field;
	const struct {
		const char *name;
		struct text *value;
	} wanted[] = {
		{ "Version", &listed->version },   { "Depends", &listed->depends },
		{ "Filename", &listed->filename }, { "Size", &listed->size },
		{ "SHA256", &listed->sha256 },
	};
	int r = deb_stanza_next(&stanzas) ? 1 : 0;

	while (r > 0 && (r = deb_field_next(&stanzas, &field, e)) > 0)
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
			if (text_is_anycase(field.name, wanted[i].name))
				*wanted[i].value = field.value;
	return r;
}

/* The newest version of NAME in FILE, if it is newer than what is in *listed already. */
static int find_in_file(const struct index_file *file, struct text name, struct listed *listed,
			struct error *e)
{
	auto_free char *line = xasprintf("Package: %.*s\n", TEXT_ARG(name));
	const char *at = file->data;
	const char *end = file->data + file->len;

	while ((at = memmem(at, (size_t)(end - at), line, strlen(line)))) {
		struct listed found = { .file = file };

		if ((at == file->data || at[-1] == '\n')) {
			if (read_stanza(stanza_at(file, at), &found, e) < 0)
				return -1;
			if (!listed->file || deb_version_compare(found.version, listed->version) > 0)
				*listed = found;
		}
		at += strlen(line);
	}
	return 0;
}

/* 1 and where SET lists NAME, or 0. */
static int find(const struct index_set *set, struct text name, struct listed *listed, struct error *e)
{
	*listed = (struct listed) { .file = NULL };
	for (size_t i = 0; i < set->file_count; i++)
		if (find_in_file(&set->files[i], name, listed, e) < 0)
			return -1;
	return listed->file != NULL;
}

/* The one of apt's dependencies that is a package of keys: 1, or 0. */
static int find_package(const struct index_set *set, struct text *name, struct listed *listed,
			struct error *e)
{
	struct listed apt;
	struct deb_part part;
	int r = find(set, TEXT("apt"), &apt, e);

	if (r <= 0)
		return r;
	while ((r = deb_dependency_next(&apt.depends, &part)) > 0) {
		if (part.name.len < 8 || memcmp(part.name.ptr + part.name.len - 8, "-keyring", 8) != 0)
			continue;
		*name = part.name;
		r = find(set, part.name, listed, e);
		if (r != 0)
			return r;
	}
	return 0;
}

static int fetch_package(const struct listed *listed, struct fetcher *fetcher,
			 struct index_download *download, int *fd, struct error *e)
{
	auto_free char *label = xasprintf("package '%s'", download->name);
	auto_free char *url = fetch_join(listed->file->archive->uri, download->filename);
	struct fetch_request request = { .urls = { url }, .url_count = 1, .label = label };
	int r;

	if (!digest_parse(listed->sha256, &request.sha256) ||
	    !text_to_u64(listed->size, &request.size_bytes) || request.size_bytes > LIMIT_KEY_BYTES)
		return error_set(e, ERROR_FORMAT, "%s: its index has no usable size or SHA-256", label);
	download->sha256 = request.sha256;
	download->size_bytes = request.size_bytes;
	if (fetch_files(fetcher, &request, 1, "package of keys", "packages of keys", e) < 0)
		return -1;
	r = fetch_open_cached(fetcher, &request.sha256, fd, e);
	return r == 0 ? error_set(e, ERROR_SYSTEM, "%s has vanished from the cache", label) : r < 0 ? -1 : 0;
}

/* The file that TAR is at: its keys. */
static int read_keys(struct tar *tar, const struct entry *entry, struct buffer *keyring, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	const void *data;
	int64_t offset;
	size_t len;
	int r;

	if (entry->size_bytes > (int64_t)LIMIT_KEY_BYTES)
		return error_set(e, ERROR_FORMAT, "'%s' is too large for a key", entry->path);
	while ((r = tar_read(tar, &data, &len, &offset, e)) > 0)
		buffer_add(&text, data, len);
	if (r < 0)
		return -1;
	return openpgp_add_keys((struct text) { text.data, text.len }, keyring, e);
}

/* What apt trusts for every archive; packages that have none of that leave it to Signed-By to name a file. */
static bool is_trusted(const char *path)
{
	return fnmatch("./etc/apt/trusted.gpg.d/*.asc", path, FNM_PATHNAME) == 0 ||
	       fnmatch("./etc/apt/trusted.gpg.d/*.gpg", path, FNM_PATHNAME) == 0;
}

static bool is_shared(const char *path)
{
	return fnmatch("./usr/share/keyrings/*-keyring.[gp][pg][gp]", path, FNM_PATHNAME) == 0;
}

static int read_package(int fd, struct buffer *keyring, struct error *e)
{
	auto_deb_control struct deb_control control = DEB_CONTROL_INIT;
	auto_deb_file struct deb_file *file = NULL;
	auto_buffer struct buffer shared = BUFFER_INIT;
	size_t before = keyring->len;
	struct entry entry;
	int r;

	if (deb_file_open(fd, NULL, NULL, &file, &control, e) < 0)
		return -1;
	auto_tar struct tar *tar = NULL;

	if (deb_file_data(file, &tar, e) < 0)
		return -1;
	while ((r = tar_next(tar, &entry, e)) > 0) {
		struct buffer *keys = is_trusted(entry.path)  ? keyring
				      : is_shared(entry.path) ? &shared
							      : NULL;

		if (entry.type == ENTRY_FILE && keys && read_keys(tar, &entry, keys, e) < 0)
			return -1;
	}
	if (r == 0 && keyring->len == before)
		buffer_add(keyring, shared.data, shared.len);
	return r;
}

int keyring_of_image(const struct index_set *set, struct fetcher *fetcher, struct buffer *keyring,
		     struct arena *arena, struct index_download *download, struct error *e)
{
	struct listed listed;
	struct text package;
	int fd = -1;
	int r = find_package(set, &package, &listed, e);

	if (r <= 0)
		return r;
	*download = (struct index_download) {
		.name = arena_strndup(arena, package.ptr, package.len),
		.archive = listed.file->archive,
		.filename = arena_strndup(arena, listed.filename.ptr, listed.filename.len),
	};
	if (fetch_package(&listed, fetcher, download, &fd, e) < 0)
		return -1;
	if (read_package(fd, keyring, e) < 0)
		return error_wrap(e, "package '%.*s'", TEXT_ARG(package));
	return 1;
}
