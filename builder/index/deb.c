/* SPDX-License-Identifier: Apache-2.0 */
/* Debian archives: what the recipe says → the list of archives that archive.c refreshes. */
#include "index/index.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "fetch/mirror.h"
#include "fetch/url.h"
#include "index/archive.h"
#include "index/sources.h"
#include "recipe/recipe.h"

struct wishes {
	struct arena arena;
	struct archive_wish *items;
	size_t count;
};

static void wishes_release(struct wishes *wishes)
{
	arena_release(&wishes->arena);
}

#define auto_wishes AUTO(wishes_release)

static const char *show_place(struct arena *arena, const struct place *place)
{
	return place->line ? arena_printf(arena, "%s:%u:%u", place->file, place->line, place->column)
			   : place->file;
}

/* A template of the recipe, expanded into the arena. */
static int expand(const struct recipe *recipe, const char *text, const struct place *place,
		  struct arena *arena, const char **out, struct error *e)
{
	auto_free char *expanded = NULL;

	if (recipe_expand(recipe, text, place, &expanded, e) < 0)
		return -1;
	*out = arena_strdup(arena, expanded);
	return 0;
}

/* When the archive at URI is to be looked at: that of the recipe's snapshot, if it has snapshots. */
static int64_t as_of(const struct recipe *recipe, const char *uri)
{
	auto_free char *address =
		recipe->source.snapshot_s ? mirror_snapshot(uri, recipe->source.snapshot) : NULL;

	return address ? recipe->source.snapshot_s : 0;
}

/* The keys of the main archive sign the others too, as every key in the image is trusted for all. */
static void add_source_keys(const struct recipe *recipe, struct arena *arena, struct key_text **keys,
			    size_t *count)
{
	for (size_t i = 0; i < recipe->source.key_count; i++) {
		const struct recipe_key *key = &recipe->source.keys[i];
		struct key_text text = { key->data, key->len, show_place(arena, &key->place) };

		ARENA_PUSH(arena, *keys, *count, text);
	}
}

static void add_key(struct arena *arena, const char *data, const struct place *place, struct key_text **keys,
		    size_t *count)
{
	struct key_text text;

	if (!data)
		return;
	text = (struct key_text) { data, strlen(data), show_place(arena, place) };
	ARENA_PUSH(arena, *keys, *count, text);
}

static int add_main(const struct recipe *recipe, struct wishes *wishes, struct error *e)
{
	static const char *const main_only[] = { "main" };
	const struct recipe_source *source = &recipe->source;
	struct archive_wish wish = { .suite = source->suite ? source->suite : recipe->image.release,
				     .components = source->components.items,
				     .component_count = source->components.count,
				     .any_age = !source->check_valid_until,
				     .any_date = source->accept_older,
				     .accept_sha1 = source->accept_sha1 };
	struct key_text *keys = NULL;

	if (!source->url) {
		error_set(e, ERROR_RECIPE, "'source.url' is missing: the address of the archive");
		return error_wrap_at(e, &source->place);
	}
	if (expand(recipe, source->url, &source->url_place, &wishes->arena, &wish.uri, e) < 0)
		return -1;
	wish.as_of_s = as_of(recipe, wish.uri);
	if (source->snapshot_s && !wish.as_of_s) {
		auto_free char *shown = url_without_credentials(wish.uri);

		return error_at(
			e, ERROR_UNSUPPORTED, &source->snapshot_place,
			"'source.snapshot': no snapshots are known of '%s' (there are some of Debian's and "
			"Ubuntu's own addresses, such as http://ftp.debian.org/debian)",
			shown);
	}
	if (source->snapshot_s && source->snapshot_s > epoch_now())
		return error_at(e, ERROR_RECIPE, &source->snapshot_place,
				"'source.snapshot': %s is still to come", source->snapshot);
	if (wish.component_count == 0) {
		wish.components = main_only;
		wish.component_count = ARRAY_LEN(main_only);
	}
	add_source_keys(recipe, &wishes->arena, &keys, &wish.key_count);
	wish.keys = keys;
	ARENA_PUSH(&wishes->arena, wishes->items, wishes->count, wish);
	return 0;
}

static void add_source(const struct recipe *recipe, const struct repository *repository,
		       const struct source *source, struct wishes *wishes)
{
	struct arena *arena = &wishes->arena;
	struct archive_wish wish = { .uri = source->uri,
				     .suite = source->suite,
				     .components = source->components,
				     .component_count = source->component_count,
				     .any_age = source->any_age || !recipe->source.check_valid_until,
				     .accept_sha1 = source->accept_sha1 || recipe->source.accept_sha1,
				     .any_date = recipe->source.accept_older,
				     .as_of_s = as_of(recipe, source->uri) };
	struct key_text *keys = NULL;

	add_source_keys(recipe, arena, &keys, &wish.key_count);
	add_key(arena, repository->key, &repository->place, &keys, &wish.key_count);
	add_key(arena, source->signed_by, &repository->url_place, &keys, &wish.key_count);
	wish.keys = keys;
	ARENA_PUSH(arena, wishes->items, wishes->count, wish);
}

static int add_repository(const struct recipe *recipe, const struct repository *repository,
			  struct wishes *wishes, struct error *e)
{
	struct source_list list = { NULL, 0 };
	bool deb822 = repository->name && is_suffix(repository->name, ".sources");
	const char *text;
	unsigned line = 0;

	if (expand(recipe, repository->url, &repository->url_place, &wishes->arena, &text, e) < 0)
		return -1;
	if ((deb822 ? sources_parse_deb822 : sources_parse_lines)(text_of(text), recipe->architecture_debian,
								  &wishes->arena, &list, &line, e) < 0) {
		error_wrap(e, "repository '%s', line %u", repository->name, line);
		return error_wrap_at(e, &repository->url_place);
	}
	for (size_t i = 0; i < list.count; i++)
		add_source(recipe, repository, &list.items[i], wishes);
	return 0;
}

static int collect(const struct recipe *recipe, struct wishes *wishes, struct error *e)
{
	if (add_main(recipe, wishes, e) < 0)
		return -1;
	for (size_t i = 0; i < recipe->packages.repository_count; i++)
		if (add_repository(recipe, &recipe->packages.repositories[i], wishes, e) < 0)
			return -1;
	return 0;
}

/* A recipe that asks for a snapshot should know which of its archives move on. */
static void warn_of_others(const struct recipe *recipe, const struct wishes *wishes, struct log *log)
{
	for (size_t i = 0; recipe->source.snapshot_s && i < wishes->count; i++) {
		auto_free char *shown = url_without_credentials(wishes->items[i].uri);

		if (!wishes->items[i].as_of_s)
			log_warn(log, "'%s' has no snapshots that are known: it is used as it is now", shown);
	}
}

/* Signatures are checked whatever the recipe says: only who starts a build can do without. */
static void warn_of_skipping(const struct recipe *recipe, const struct index_options *said, struct log *log)
{
	if (recipe->source.skip_verification && !said->skip_verification)
		log_warn(log,
			 "'source.skip_verification: true' alone changes nothing: signatures are checked "
			 "unless --insecure-skip-verification is given");
}

int deb_index_refresh(const struct recipe *recipe, const struct index_options *said, struct fetcher *fetcher,
		      struct log *log, struct index_set *set, struct error *e)
{
	auto_wishes struct wishes wishes = { .items = NULL };
	struct archive_options options = { .said = *said,
					   .architecture = recipe->architecture_debian,
					   .now_s = epoch_now(),
					   .begin_ms = epoch_now_ms(),
					   .fetcher = fetcher,
					   .log = log };

	if (collect(recipe, &wishes, e) < 0)
		return -1;
	warn_of_others(recipe, &wishes, log);
	warn_of_skipping(recipe, said, log);
	return archives_refresh(wishes.items, wishes.count, &options, set, e);
}

int deb_index_addresses(const struct recipe *recipe, char ***addresses, size_t *count, struct error *e)
{
	auto_wishes struct wishes wishes = { .items = NULL };
	char **list = NULL;
	size_t used = 0;

	if (collect(recipe, &wishes, e) < 0)
		return -1;
	for (size_t i = 0; i < wishes.count; i++)
		PUSH(list, used, xstrdup(wishes.items[i].uri));
	*addresses = list;
	*count = used;
	return 0;
}
