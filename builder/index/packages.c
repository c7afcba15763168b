/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Packages files that the Release files promise. Each is kept decompressed in the cache under its own
 * digest, and mapped from there; only what is not there yet is fetched, in the best compression on offer.
 */
#include "index/archive.h"

#include "base/limits.h"
#include "base/pool.h"
#include "fetch/fetch.h"
#include "stream/stream.h"
#include "stream/window.h"

#include <sys/mman.h>
#include <sys/stat.h>

static const char *const suffixes[] = { ".xz", ".zst", ".gz", ".bz2", "" };

/* One Packages file that is wanted. In the set's arena. */
struct want {
	const struct archive *archive;
	const char *component;
	const char *architecture;
	const char *path;                   /* below the suite's folder, without suffix */
	const struct release_entry *packed; /* as it is fetched */
	const char *packed_path;
	const struct release_entry *plain; /* decompressed; NULL when Release does not list it */
	struct digest plain_sha256;        /* all zero: not known yet */
	int fd;                            /* owned; the decompressed file, or -1 */
};

struct wants {
	const struct archive_options *options;
	struct want *items;
	size_t count;
	struct budget memory; /* of the decoders */
};

static void wants_release(struct wants *wants)
{
	for (size_t i = 0; i < wants->count; i++)
		auto_close_(&wants->items[i].fd);
	free(wants->items);
	budget_release(&wants->memory);
}

/* 1 and a new want, or 0 when the Release file lists no such index. */
static int add_want(struct wants *wants, const struct archive *archive, const char *component,
		    const char *architecture, struct arena *arena)
{
	struct want want = { .archive = archive,
			     .component = component,
			     .architecture = architecture,
			     .path = arena_printf(arena, "%s/binary-%s/Packages", component, architecture),
			     .fd = -1 };

	for (size_t i = 0; i < ARRAY_LEN(suffixes) && !want.packed; i++) {
		want.packed_path = arena_printf(arena, "%s%s", want.path, suffixes[i]);
		want.packed = release_find(&archive->release, want.packed_path);
	}
	if (!want.packed)
		return 0;
	want.plain = release_find(&archive->release, want.path);
	if (want.plain)
		want.plain_sha256 = want.plain->sha256;
	PUSH(wants->items, wants->count, want);
	return 1;
}

static int say_missing(const struct archive *archive, const char *component, const char *architecture,
		       struct error *e)
{
	const struct release *release = &archive->release;
	auto_free char *prefix = xasprintf("%s/binary-", component);
	bool has_component = false;

	for (size_t i = 0; i < release->entry_count && !has_component; i++)
		has_component = text_starts(release->entries[i].path, prefix);
	if (!has_component)
		error_set(e, ERROR_FETCH, "has no component '%s', but: %.*s", component,
			  TEXT_ARG(release->components));
	else
		error_set(e, ERROR_FETCH,
			  "component '%s' has no packages for architecture '%s', but for: %.*s", component,
			  architecture, TEXT_ARG(release->architectures));
	return error_wrap(e, "suite '%s' at '%s'", archive->product->suite, archive->shown);
}

/* Where the architecture's own index does not have the packages for all architectures, there is one more. */
static bool has_separate_all(const struct archive *archive)
{
	return !archive->release.no_all_packages &&
	       release_has_word(archive->release.architectures, TEXT("all"));
}

static int add_archive(struct wants *wants, const struct archive *archive, struct arena *arena,
		       struct error *e)
{
	const char *architecture = arena_strdup(arena, wants->options->architecture);

	for (size_t i = 0; i < archive->component_count; i++) {
		const char *component = archive->components[i];
		int found = add_want(wants, archive, component, architecture, arena);

		if (has_separate_all(archive) && strcmp(architecture, "all") != 0)
			found += add_want(wants, archive, component, "all", arena);
		if (!found)
			return say_missing(archive, component, architecture, e);
	}
	return 0;
}

static int check_sizes(const struct want *want, struct error *e)
{
	if (want->packed->size_bytes > LIMIT_INDEX_BYTES ||
	    (want->plain && want->plain->size_bytes > LIMIT_INDEX_BYTES))
		return error_set(e, ERROR_FORMAT, "index '%s' has more than the limit of %llu bytes",
				 want->path, (unsigned long long)LIMIT_INDEX_BYTES);
	return 0;
}

/* Look for the decompressed file in the cache. Runs in a thread. */
static int open_plain(void *context, size_t index, struct error *e)
{
	struct wants *wants = context;
	struct want *want = &wants->items[index];

	if (check_sizes(want, e) < 0)
		return -1;
	if (!digest_is_set(&want->plain_sha256))
		return 0;
	return fetch_open_cached(wants->options->fetcher, &want->plain_sha256, &want->fd, e) < 0 ? -1 : 0;
}

static struct fetch_request request_for(const struct want *want, struct arena *arena)
{
	const struct archive *archive = want->archive;
	struct fetch_request request = { .url_count = 0,
					 .label = arena_printf(arena, "index '%s'", want->packed_path),
					 .sha256 = want->packed->sha256,
					 .size_bytes = want->packed->size_bytes };
	int folder_len = (int)(strrchr(want->path, '/') - want->path);

	if (archive->release.acquire_by_hash)
		request.urls[request.url_count++] =
			arena_printf(arena, "%s%.*s/by-hash/SHA256/%s", archive->dists, folder_len,
				     want->path, digest_hex(&want->packed->sha256).text);
	request.urls[request.url_count++] = arena_printf(arena, "%s%s", archive->dists, want->packed_path);
	return request;
}

static int fetch_packed(const struct wants *wants, struct arena *arena, struct error *e)
{
	auto_free struct fetch_request *requests = xcalloc(wants->count, sizeof *requests);
	size_t count = 0;

	for (size_t i = 0; i < wants->count; i++)
		if (wants->items[i].fd < 0)
			requests[count++] = request_for(&wants->items[i], arena);
	return count ? fetch_files(wants->options->fetcher, requests, count, "package index",
				   "package indexes", e)
		     : 0;
}

/* Into a new file of the cache, named by what it turned out to be. */
static int decompress(struct wants *wants, struct want *want, int packed_fd, struct error *e)
{
	struct fetcher *fetcher = wants->options->fetcher;
	auto_pending struct file_pending pending = FILE_PENDING_INIT;
	uint64_t limit = want->plain ? want->plain->size_bytes : LIMIT_INDEX_BYTES;
	struct digest digest;

	if (fetch_store_begin(fetcher, &pending, e) < 0)
		return -1;
	auto_sink struct sink *out = sink_sha256(sink_fd(pending.fd), &digest, NULL);

	if (!out || decode_fd(packed_fd, limit, &wants->memory, out, e) < 0 || sink_finish(out, e) < 0)
		return -1;
	if (want->plain && !digest_equal(&digest, &want->plain->sha256))
		return error_set(e, ERROR_DIGEST,
				 "has SHA-256 %s when decompressed, but its Release file promises %s",
				 digest_hex(&digest).text, digest_hex(&want->plain->sha256).text);
	if (fetch_store_commit(fetcher, &pending, &digest, e) < 0)
		return -1;
	want->plain_sha256 = digest;
	want->fd = TAKE(pending.fd, -1);
	return 0;
}

/* Runs in a thread. */
static int unpack(void *context, size_t index, struct error *e)
{
	struct wants *wants = context;
	struct want *want = &wants->items[index];
	struct fetcher *fetcher = wants->options->fetcher;
	auto_close int packed_fd = -1;
	int got;

	if (want->fd >= 0)
		return 0;
	got = fetch_open_cached(fetcher, &want->packed->sha256, &packed_fd, e);
	if (got == 0)
		return error_set(e, ERROR_SYSTEM, "index '%s' has vanished from the cache",
				 want->packed_path);
	if (got < 0 || decompress(wants, want, packed_fd, e) < 0)
		return error_wrap(e, "index '%s'", want->packed_path);
	return 0;
}

static int map_one(const struct want *want, struct index_set *set, struct error *e)
{
	struct index_file file = { .archive = want->archive->product,
				   .component = want->component,
				   .architecture = want->architecture,
				   .data = "",
				   .sha256 = want->plain_sha256,
				   .path = want->packed_path,
				   .packed_sha256 = want->packed->sha256,
				   .packed_bytes = want->packed->size_bytes };
	struct stat st;

	if (fstat(want->fd, &st) < 0)
		return error_sys(e, "cannot read index '%s'", want->path);
	if (st.st_size) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, want->fd, 0);

		if (data == MAP_FAILED)
			return error_sys(e, "cannot map index '%s'", want->path);
		file.data = data;
		file.len = (size_t)st.st_size;
	}
	ARENA_PUSH(&set->arena, set->files, set->file_count, file);
	return 0;
}

int packages_refresh(const struct archive *archives, size_t count, const struct archive_options *options,
		     struct index_set *set, struct error *e)
{
	AUTO(wants_release) struct wants wants = { .options = options };

	budget_init(&wants.memory, WINDOW_BUDGET_BYTES);
	for (size_t i = 0; i < count; i++)
		if (add_archive(&wants, &archives[i], &set->arena, e) < 0)
			return -1;
	if (pool_run(0, wants.count, open_plain, &wants, e) < 0 || fetch_packed(&wants, &set->arena, e) < 0 ||
	    pool_run(0, wants.count, unpack, &wants, e) < 0)
		return -1;
	for (size_t i = 0; i < wants.count; i++)
		if (map_one(&wants.items[i], set, e) < 0)
			return -1;
	return 0;
}
