/* SPDX-License-Identifier: Apache-2.0 */
#include "index/archive.h"

#include "base/limits.h"
#include "base/pool.h"
#include "fetch/fetch.h"
#include "index/keyring.h"
#include "layer/key.h"

#include <sys/mman.h>

/* All that one archives_refresh() is at. */
struct refresh {
	const struct archive_options *options;
	struct index_set *set;    /* borrowed */
	struct archive *archives; /* owned */
	size_t count;
	struct fetch_answer *inrelease; /* owned; one for each archive */
	struct fetch_answer *release;   /* owned; [2 * i] Release, [2 * i + 1] Release.gpg */
	struct buffer image_keys; /* owned; of the package that the image will have, once they are needed */
};

static void free_answers(struct fetch_answer *answers, size_t count)
{
	for (size_t i = 0; answers && i < count; i++)
		fetch_answer_release(&answers[i]);
	free(answers);
}

static void refresh_release(struct refresh *refresh)
{
	free_answers(refresh->inrelease, refresh->count);
	free_answers(refresh->release, 2 * refresh->count);
	for (size_t i = 0; i < refresh->count; i++) {
		free(refresh->archives[i].why_not);
		free(refresh->archives[i].text);
	}
	free(refresh->archives);
	buffer_release(&refresh->image_keys);
}

static const char *with_slash(struct arena *arena, const char *uri)
{
	return arena_printf(arena, "%s%s", uri, is_suffix(uri, "/") ? "" : "/");
}

static struct text without_slashes(struct text text)
{
	while (text.len && text.ptr[text.len - 1] == '/')
		text.len--;
	return text;
}

/* http and https are two ways to one archive. */
static const char *identity_of(struct arena *arena, const char *shown, struct text suite)
{
	const char *host = strstr(shown, "://");

	return arena_printf(arena, "%s %.*s", host ? host : shown, TEXT_ARG(suite));
}

static struct archive *find_archive(struct refresh *refresh, const char *identity)
{
	for (size_t i = 0; i < refresh->count; i++)
		if (strcmp(refresh->archives[i].identity, identity) == 0)
			return &refresh->archives[i];
	return NULL;
}

static struct archive *archive_of(struct refresh *refresh, const struct archive_wish *wish)
{
	struct arena *arena = &refresh->set->arena;
	struct text suite = without_slashes(text_of(wish->suite));
	const char *uri = with_slash(arena, wish->uri);
	auto_free char *shown = fetch_shown_url(refresh->options->fetcher, uri);
	const char *identity = identity_of(arena, shown, suite);
	struct archive *archive = find_archive(refresh, identity);

	if (archive)
		return archive;
	archive = &refresh->archives[refresh->count++];
	archive->identity = identity;
	archive->shown = arena_strdup(arena, shown);
	archive->product = arena_alloc(arena, sizeof *archive->product);
	archive->product->uri = uri;
	archive->product->suite = arena_strndup(arena, suite.ptr, suite.len);
	archive->dists = arena_printf(arena, "%sdists/%s/", uri, archive->product->suite);
	archive->any_age = wish->any_age;
	archive->as_of_s = wish->as_of_s;
	archive->accept_sha1 = wish->accept_sha1;
	archive->any_date = wish->any_date;
	return archive;
}

static bool has_component(const struct archive *archive, const char *component)
{
	for (size_t i = 0; i < archive->component_count; i++)
		if (strcmp(archive->components[i], component) == 0)
			return true;
	return false;
}

static void merge(struct refresh *refresh, const struct archive_wish *wish)
{
	struct arena *arena = &refresh->set->arena;
	struct archive *archive = archive_of(refresh, wish);

	for (size_t i = 0; i < wish->component_count; i++) {
		const char *component = wish->components[i];

		if (!has_component(archive, component))
			ARENA_PUSH(arena, archive->components, archive->component_count,
				   arena_strdup(arena, component));
	}
	for (size_t i = 0; i < wish->key_count; i++)
		ARENA_PUSH(arena, archive->keys, archive->key_count, &wish->keys[i]);
	/* Whoever insists on a fresh one, or on better signatures, gets it. */
	archive->any_age = archive->any_age && wish->any_age;
	archive->accept_sha1 = archive->accept_sha1 && wish->accept_sha1;
	archive->any_date = archive->any_date && wish->any_date;
}

static int wrap(const struct archive *archive, struct error *e)
{
	return error_wrap(e, "suite '%s' at '%s'", archive->product->suite, archive->shown);
}

/* InRelease of all archives at once; then, of those that have none, Release with Release.gpg. */
static int fetch_releases(struct refresh *refresh, struct error *e)
{
	struct arena *arena = &refresh->set->arena;
	struct fetcher *fetcher = refresh->options->fetcher;
	auto_free struct fetch_answer *older = xcalloc(2 * refresh->count, sizeof *older);
	size_t used = 0;

	for (size_t i = 0; i < refresh->count; i++)
		refresh->inrelease[i].url = arena_printf(arena, "%sInRelease", refresh->archives[i].dists);
	if (fetch_answers(fetcher, refresh->inrelease, refresh->count, LIMIT_RELEASE_BYTES, e) < 0)
		return -1;
	for (size_t i = 0; i < refresh->count; i++) {
		if (refresh->inrelease[i].found)
			continue;
		older[used++].url = arena_printf(arena, "%sRelease", refresh->archives[i].dists);
		older[used++].url = arena_printf(arena, "%sRelease.gpg", refresh->archives[i].dists);
	}
	if (used && fetch_answers(fetcher, older, used, LIMIT_RELEASE_BYTES, e) < 0)
		return -1;
	used = 0;
	for (size_t i = 0; i < refresh->count; i++) {
		if (refresh->inrelease[i].found)
			continue;
		refresh->release[2 * i] = older[used++];
		refresh->release[2 * i + 1] = older[used++];
	}
	return 0;
}

static int say_no_suite(const struct archive *archive, const struct fetcher *fetcher, struct error *e)
{
	if (!fetch_is_offline(fetcher))
		return error_set(e, ERROR_FETCH, "no such suite '%s' at '%s'", archive->product->suite,
				 archive->shown);
	error_set(e, ERROR_FETCH, "its Release file is not in the cache, and --offline forbids to fetch it");
	return wrap(archive, e);
}

static int check_suite(const struct archive *archive, struct error *e)
{
	const struct release *release = &archive->release;

	if (release_is_for(release, text_of(archive->product->suite)))
		return 0;
	return error_set(e, ERROR_TRUST, "the Release file there is of suite '%.*s', codename '%.*s'",
			 TEXT_ARG(release->suite), TEXT_ARG(release->codename));
}

static int parse(struct archive *archive, const struct archive_options *options, struct arena *arena,
		 struct error *e)
{
	struct text text = { archive->text, archive->text_len };

	if (release_parse(text, arena, &archive->release, e) < 0)
		return error_wrap(e, "Release file");
	if (check_suite(archive, e) < 0)
		return -1;
	return archive_check_time(archive, options, e);
}

/* The signature of one archive's Release file, by its keys or those of the image. Runs in a thread. */
static int verify_one(void *context, size_t index, struct error *e)
{
	struct refresh *refresh = context;
	struct archive *archive = &refresh->archives[index];
	const struct archive_answers answers = { .inrelease = &refresh->inrelease[index],
						 .release = &refresh->release[2 * index],
						 .signature = &refresh->release[2 * index + 1] };
	struct text image_keys = { refresh->image_keys.data, refresh->image_keys.len };
	/* The main archive, the first, has to stand by itself: the keys of the image come from there. */
	bool last = index == 0 || archive->lacks_key;

	if (archive->text)
		return 0;
	if (!answers.inrelease->found && !answers.release->found)
		return say_no_suite(archive, refresh->options->fetcher, e);
	if (archive_verify(archive, &answers, image_keys, last && refresh->options->said.skip_verification,
			   e) == 0)
		return 0;
	if (e->kind != ERROR_TRUST || last)
		return wrap(archive, e);
	archive->lacks_key = true;
	error_clear(e);
	return 0;
}

/* The package of keys of the image, out of the index of the main archive alone. */
static int take_image_keys(struct refresh *refresh, struct error *e)
{
	auto_index_set struct index_set set = INDEX_SET_INIT;
	struct index_set *out = refresh->set;
	struct index_download download;
	int r;

	if (packages_refresh(refresh->archives, 1, refresh->options, &set, e) < 0)
		return -1;
	r = keyring_of_image(&set, refresh->options->fetcher, &refresh->image_keys, &out->arena, &download,
			     e);
	if (r <= 0)
		return r;
	ARENA_PUSH(&out->arena, out->downloads, out->download_count, download);
	log_say(refresh->options->log, "keys of the package '%s' are taken for repositories", download.name);
	return 0;
}

/* Archives for which the recipe gives no key: their second try. */
static int verify_rest(struct refresh *refresh, struct error *e)
{
	bool any = false;

	for (size_t i = 0; i < refresh->count; i++)
		any = any || refresh->archives[i].lacks_key;
	if (!any)
		return 0;
	/* What nobody vouches for vouches for nothing. */
	if (!refresh->archives[0].why_not && take_image_keys(refresh, e) < 0)
		return error_wrap(e, "looking for the keys of its repositories");
	return pool_run(0, refresh->count, verify_one, refresh, e);
}

static const char *copy(struct arena *arena, struct text text)
{
	return text.len ? arena_strndup(arena, text.ptr, text.len) : "";
}

static void fill_product(struct index_set *set, const struct archive *archive, struct log *log)
{
	const struct release *release = &archive->release;
	struct index_archive *product = archive->product;

	product->origin = copy(&set->arena, release->origin);
	product->label = copy(&set->arena, release->label);
	product->codename = copy(&set->arena, release->codename);
	product->release_suite = copy(&set->arena, release->suite);
	product->version = copy(&set->arena, release->version);
	product->date_s = release->date_s;
	product->valid_until_s = release->valid_until_s;
	product->unverified = archive->why_not != NULL;
	if (archive->why_not)
		log_warn(log,
			 "suite '%s' at '%s' is NOT VERIFIED, as --insecure-skip-verification says: %s; "
			 "whoever is between here and there may have made it up",
			 product->suite, archive->shown, archive->why_not);
	product->not_automatic = release->not_automatic;
	product->but_automatic_upgrades = release->but_automatic_upgrades;
	product->release_sha256 = sha256_of(archive->text, archive->text_len);
	if (product->date_s > set->newest_date_s)
		set->newest_date_s = product->date_s;
	ARENA_PUSH(&set->arena, set->archives, set->archive_count, product);
}

static void forget_one(const struct refresh *refresh, const struct fetch_answer *answer)
{
	if (answer->found && !answer->fresh)
		fetch_forget(refresh->options->fetcher, answer->url);
}

/* Copies in the cache that did not stand the test are not to be asked about for ever. */
static void forget(const struct refresh *refresh)
{
	for (size_t i = 0; i < refresh->count; i++) {
		forget_one(refresh, &refresh->inrelease[i]);
		forget_one(refresh, &refresh->release[2 * i]);
		forget_one(refresh, &refresh->release[2 * i + 1]);
	}
}

/* They did: a later build may go by them. What nobody vouches for is not kept. */
static void keep(const struct refresh *refresh)
{
	struct fetcher *fetcher = refresh->options->fetcher;

	for (size_t i = 0; i < refresh->count; i++)
		if (!refresh->archives[i].why_not) {
			fetch_keep_answers(fetcher, &refresh->inrelease[i], 1);
			fetch_keep_answers(fetcher, &refresh->release[2 * i], 2);
		}
}

static int parse_one(struct refresh *refresh, size_t index, struct error *e)
{
	struct archive *archive = &refresh->archives[index];

	if (parse(archive, refresh->options, &refresh->set->arena, e) < 0)
		return wrap(archive, e);
	return 0;
}

static int verify_all(struct refresh *refresh, struct error *e)
{
	if (pool_run(0, refresh->count, verify_one, refresh, e) < 0 || parse_one(refresh, 0, e) < 0 ||
	    verify_rest(refresh, e) < 0) {
		if (e->kind == ERROR_TRUST)
			forget(refresh);
		return -1;
	}
	for (size_t i = 1; i < refresh->count; i++)
		if (parse_one(refresh, i, e) < 0)
			return -1;
	for (size_t i = 0; i < refresh->count; i++)
		fill_product(refresh->set, &refresh->archives[i], refresh->options->log);
	keep(refresh);
	return 0;
}

/* All Release files as one digest. */
static struct digest releases_of(const struct index_set *set)
{
	auto_buffer struct buffer digests = BUFFER_INIT;

	for (size_t i = 0; i < set->archive_count; i++)
		buffer_add(&digests, set->archives[i]->release_sha256.bytes, DIGEST_BYTES);
	return sha256_of(digests.data ? digests.data : "", digests.len);
}

/* 1; or 0 when the Release files are RELEASES still. RELEASES receives what they are, as soon as they are verified. */
static int refresh_once(const struct archive_wish *wishes, size_t count,
			const struct archive_options *options, struct digest *releases, struct index_set *out,
			struct error *e)
{
	auto_index_set struct index_set set = INDEX_SET_INIT;
	AUTO(refresh_release)
	struct refresh refresh = {
		.options = options,
		.set = &set,
		.archives = xcalloc(count, sizeof *refresh.archives),
		.inrelease = xcalloc(count, sizeof *refresh.inrelease),
		.release = xcalloc(2 * count, sizeof *refresh.release),
	};
	struct digest now;

	for (size_t i = 0; i < count; i++)
		merge(&refresh, &wishes[i]);
	if (fetch_releases(&refresh, e) < 0 || verify_all(&refresh, e) < 0)
		return -1;
	now = releases_of(&set);
	if (digest_equal(&now, releases))
		return 0;
	*releases = now;
	if (!options->said.releases_alone &&
	    packages_refresh(refresh.archives, refresh.count, options, &set, e) < 0)
		return -1;
	*out = TAKE(set, INDEX_SET_INIT);
	return 1;
}

int archives_refresh(const struct archive_wish *wishes, size_t count, const struct archive_options *options,
		     struct index_set *out, struct error *e)
{
	struct digest releases = { { 0 } };
	int done = refresh_once(wishes, count, options, &releases, out, e);
	struct error before;

	if (done >= 0 || !digest_is_set(&releases) || (e->kind != ERROR_FETCH && e->kind != ERROR_DIGEST) ||
	    fetch_is_offline(options->fetcher))
		return done < 0 ? -1 : 0;
	/* An index that is not there, or another one: the archive may have been updated behind its Release file. */
	before = *e;
	error_clear(e);
	done = refresh_once(wishes, count, options, &releases, out, e);
	if (done == 0)
		*e = before;
	return done > 0 ? 0 : -1;
}

void index_set_unmap(struct index_set *set)
{
	for (size_t i = 0; i < set->file_count; i++) {
		if (set->files[i].len)
			munmap((void *)(uintptr_t)set->files[i].data, set->files[i].len);
		set->files[i].data = "";
		set->files[i].len = 0;
	}
}

bool index_is_unverified(const struct index_set *set)
{
	for (size_t i = 0; i < set->archive_count; i++)
		if (set->archives[i]->unverified)
			return true;
	return false;
}

void index_describe(const struct index_set *set, struct layer_key *key)
{
	key_number(key, "archives", (int64_t)set->archive_count);
	for (size_t i = 0; i < set->archive_count; i++) {
		key_text(key, "uri", set->archives[i]->uri);
		key_text(key, "suite", set->archives[i]->suite);
		key_digest(key, "release", &set->archives[i]->release_sha256);
	}
}

void index_set_release(struct index_set *set)
{
	index_set_unmap(set);
	arena_release(&set->arena);
	*set = INDEX_SET_INIT;
}
