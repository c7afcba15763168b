/* SPDX-License-Identifier: Apache-2.0 */
/* Package sources as apt reads them: sources.list(5), and keys in trusted.gpg.d (apt-secure(8)). */
#include "base/root.h"
#include "customize/entry.h"
#include "deb/stanza.h"
#include "deb/version.h"
#include "fetch/openpgp.h"
#include "layer/key.h"

/* Older ones pass over keys in armour. */
static const char first_apt_with_armour[] = "1.4";

/* One file below /etc/apt. Repositories of one name are parts of one file, in their order. */
struct sources_file {
	char *path;
	struct buffer text;
};

struct sources {
	struct sources_file *files;
	size_t count;
};

static void sources_release(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++) {
		free(sources->files[i].path);
		buffer_release(&sources->files[i].text);
	}
	free(sources->files);
	*sources = (struct sources) { NULL, 0 };
}

/* PATH becomes the table's. */
static struct buffer *sources_text(struct sources *sources, char *path)
{
	struct sources_file new = { path, BUFFER_INIT };

	for (size_t i = 0; i < sources->count; i++) {
		if (strcmp(sources->files[i].path, path) == 0) {
			free(path);
			return &sources->files[i].text;
		}
	}
	PUSH(sources->files, sources->count, new);
	return &sources->files[sources->count - 1].text;
}

/* apt ignores files in sources.list.d and trusted.gpg.d whose names have other characters than these. */
static bool is_apt_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	return name && *name && *name != '.' && strspn(name, letters) == strlen(name);
}

static char *sources_path(const char *name)
{
	if (strcmp(name, "sources.list") == 0)
		return xstrdup("/etc/apt/sources.list");
	return xasprintf("/etc/apt/sources.list.d/%s%s", name,
			 is_suffix(name, ".list") || is_suffix(name, ".sources") ? "" : ".list");
}

static bool has_blank_line(const char *text)
{
	struct text rest = text_trim(text_of(text));

	while (rest.ptr)
		if (text_trim(text_cut(rest, '\n', &rest)).len == 0)
			return true;
	return false;
}

/*
 * Add the lines of EXPANDED. Where the recipe's own text has no blank line, those in EXPANDED are what {% if %}
 * left of a line that does not apply, and go: in a .sources file one would end the stanza too early. Where it
 * has some, they separate something and are kept, runs of them as one.
 */
static void add_lines(struct buffer *out, const char *expanded, bool keep_blank)
{
	struct text rest = text_trim(text_of(expanded));
	bool blank = false;

	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);

		if (text_trim(line).len == 0) {
			blank = true;
			continue;
		}
		if (blank && keep_blank)
			buffer_addc(out, '\n');
		blank = false;
		while (line.len && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\r'))
			line.len--;
		buffer_add(out, line.ptr, line.len);
		buffer_addc(out, '\n');
	}
}

/* Take the version of apt out of the next stanza of dpkg's status, when it is apt's: 1, 0, or -1. */
static int take_apt_version(struct deb_stanzas *stanzas, struct text *version, struct error *e)
{
	struct text name = { NULL, 0 };
	struct text found = { NULL, 0 };
	struct deb_field field;
	int r;

	while ((r = deb_field_next(stanzas, &field, e)) > 0) {
		if (text_is_anycase(field.name, "Package"))
			name = field.value;
		else if (text_is_anycase(field.name, "Version"))
			found = field.value;
	}
	if (r < 0 || !text_is(name, "apt") || !found.len)
		return r;
	*version = found;
	return 1;
}

/* 1 or 0; a root without apt is meant for a later one. */
static int knows_armour(int root_fd, struct error *e)
{
	auto_free char *status = NULL;
	size_t len = 0;
	struct text version = { NULL, 0 };
	struct deb_stanzas stanzas;
	int r = root_read(root_fd, "/var/lib/dpkg/status", &status, &len, e);

	if (r <= 0)
		return r < 0 ? -1 : 1;
	stanzas = deb_stanzas_of((struct text) { status, len });
	for (r = 0; r == 0 && deb_stanza_next(&stanzas);)
		r = take_apt_version(&stanzas, &version, e);
	if (r < 0)
		return error_wrap(e, "'/var/lib/dpkg/status' in the root");
	return !version.ptr || deb_version_compare(version, text_of(first_apt_with_armour)) >= 0;
}

static int write_key(const struct customize_site *site, const struct repository *repository, struct error *e)
{
	struct text key = text_trim(text_of(repository->key));
	auto_buffer struct buffer content = BUFFER_INIT;
	auto_free char *path = NULL;
	int armour = knows_armour(site->root_fd, e);

	if (armour < 0)
		return -1;
	path = xasprintf("/etc/apt/trusted.gpg.d/%s.%s", repository->name, armour ? "asc" : "gpg");
	if (!text_starts(key, "-----BEGIN PGP PUBLIC KEY BLOCK-----"))
		return error_set(e, ERROR_UNSUPPORTED,
				 "repository '%s': the key is no armoured text, and keys are not fetched by "
				 "their fingerprint",
				 repository->name);
	if (armour)
		buffer_addf(&content, "%.*s\n", TEXT_ARG(key));
	else if (openpgp_add_keys(key, &content, e) < 0)
		return error_wrap(e, "repository '%s': key", repository->name);
	if (make_parents(site->root_fd, path, e) < 0)
		return -1;
	return root_write(site->root_fd, path, content.data, content.len, 0644, 0, 0, e);
}

static int add_repository(const struct customize_site *site, const struct repository *repository,
			  struct sources *sources, struct error *e)
{
	auto_free char *expanded = NULL;

	if (!is_apt_name(repository->name))
		return error_at(
			e, ERROR_RECIPE, &repository->place,
			"repository name '%.200s': apt reads only names of letters, digits, '_', '.' and '-'",
			repository->name ? repository->name : "");
	if (!repository->url)
		return error_at(e, ERROR_RECIPE, &repository->place, "repository '%s' has no 'url'",
				repository->name);
	if (recipe_expand(site->recipe, repository->url, &repository->url_place, &expanded, e) < 0)
		return -1;

	struct buffer *text = sources_text(sources, sources_path(repository->name));

	/* The stanzas of two repositories in one .sources file. */
	if (text->len && is_suffix(repository->name, ".sources"))
		buffer_addc(text, '\n');
	add_lines(text, expanded, has_blank_line(repository->url));
	if (repository->key && write_key(site, repository, e) < 0)
		return error_wrap_at(e, &repository->place);
	return 0;
}

/* As debootstrap leaves it: the one line of the source itself. */
static int add_source(const struct recipe *recipe, struct sources *sources, struct error *e)
{
	const struct recipe_source *source = &recipe->source;
	auto_free char *url = NULL;
	struct buffer *text;

	if (!source->url)
		return error_at(e, ERROR_RECIPE, &source->place, "'source.url' is missing");
	if (recipe_expand(recipe, source->url, &source->url_place, &url, e) < 0)
		return -1;
	text = sources_text(sources, xstrdup("/etc/apt/sources.list"));
	buffer_addf(text, "deb %s %s", url, source->suite ? source->suite : recipe->image.release);
	for (size_t i = 0; i < source->components.count; i++)
		buffer_addf(text, " %s", source->components.items[i]);
	buffer_adds(text, source->components.count ? "\n" : " main\n");
	return 0;
}

static bool names_sources_list(const struct recipe_packages *packages)
{
	for (size_t i = 0; i < packages->repository_count; i++)
		if (packages->repositories[i].name &&
		    strcmp(packages->repositories[i].name, "sources.list") == 0)
			return true;
	return false;
}

int deb_customize_repositories(const struct customize_site *site, struct error *e)
{
	const struct recipe_packages *packages = &site->recipe->packages;
	AUTO(sources_release) struct sources sources = { NULL, 0 };

	if (!names_sources_list(packages) && add_source(site->recipe, &sources, e) < 0)
		return -1;
	for (size_t i = 0; i < packages->repository_count; i++)
		if (add_repository(site, &packages->repositories[i], &sources, e) < 0)
			return -1;
	for (size_t i = 0; i < sources.count; i++) {
		const struct sources_file *file = &sources.files[i];

		if (file->text.len == 0)
			continue;
		if (make_parents(site->root_fd, file->path, e) < 0 ||
		    root_write(site->root_fd, file->path, file->text.data, file->text.len, 0644, 0, 0, e) < 0)
			return -1;
	}
	return 0;
}

static int describe_url(const struct customize_site *site, const char *url, const struct place *place,
			struct layer_key *key, struct error *e)
{
	auto_free char *expanded = NULL;

	if (url && recipe_expand(site->recipe, url, place, &expanded, e) < 0)
		return -1;
	key_text(key, "expanded url", expanded);
	return 0;
}

int deb_describe_repositories(const struct customize_site *site, struct layer_key *key, struct error *e)
{
	const struct recipe *recipe = site->recipe;

	recipe_describe_source(&recipe->source, key);
	key_text(key, "release", recipe->image.release);
	if (describe_url(site, recipe->source.url, &recipe->source.url_place, key, e) < 0)
		return -1;
	key_number(key, "repositories", (int64_t)recipe->packages.repository_count);
	for (size_t i = 0; i < recipe->packages.repository_count; i++) {
		const struct repository *repository = &recipe->packages.repositories[i];

		recipe_describe_repository(repository, key);
		if (describe_url(site, repository->url, &repository->url_place, key, e) < 0)
			return -1;
	}
	return 0;
}
