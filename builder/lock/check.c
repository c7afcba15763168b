/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a lock is of the recipe as it is, and how its packages are asked for. */
#include "lock/lock.h"

#include "base/epoch.h"
#include "fetch/mirror.h"
#include "fetch/url.h"
#include "unpack/unpack.h"

/*
 * An archive's pool still has what a Release file names for a day and more, while its snapshots are made a few times
 * a day: the one half a day later has it all.
 */
enum { SNAPSHOT_LATER_S = 12 * 3600 };

#define REMEDY "kiln lock --update takes what there is now"

static bool same_texts(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static int check_image(const struct lock *lock, const struct inputs *now, struct error *e)
{
	const struct inputs *then = &lock->inputs;
	const struct {
		const char *name;
		const char *then;
		const char *now;
	} values[] = {
		{ "cell", then->cell ? then->cell : "", now->cell ? now->cell : "" },
		{ "distribution", then->distribution, now->distribution },
		{ "release", then->release, now->release },
		{ "variant", then->variant, now->variant },
		{ "type", then->type, now->type },
		{ "architecture", then->architecture, now->architecture },
	};

	if (!same_texts(then->overrides, then->override_count, now->overrides, now->override_count))
		return error_set(e, ERROR_USAGE,
				 "%s: it was made with other options (-o): give the same, or " REMEDY,
				 lock->path);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (strcmp(values[i].then, values[i].now) != 0)
			return error_set(e, ERROR_USAGE,
					 "%s: it is of another image: its %s is '%.80s', not '%.80s'",
					 lock->path, values[i].name, values[i].then, values[i].now);
	return 0;
}

/* What the first file that differs is, and how many others do. */
struct difference {
	const char *path;
	const char *what;
	size_t count;
};

static void note(struct difference *difference, const char *path, const char *what)
{
	if (difference->count++)
		return;
	difference->path = path;
	difference->what = what;
}

static void compare_files(const struct inputs *then, const struct inputs *now, struct difference *difference)
{
	size_t i = 0;
	size_t k = 0;

	while (i < then->file_count || k < now->file_count) {
		int order = i == then->file_count  ? 1
			    : k == now->file_count ? -1
						   : strcmp(then->files[i].path, now->files[k].path);

		if (order < 0)
			note(difference, then->files[i++].path, "is no part of it any more");
		else if (order > 0)
			note(difference, now->files[k++].path, "was no part of it");
		else if (!digest_equal(&then->files[i++].sha256, &now->files[k++].sha256))
			note(difference, then->files[i - 1].path, "has changed");
	}
}

int lock_check(const struct lock *lock, const struct inputs *now, struct log *log, struct error *e)
{
	struct difference difference = { .count = 0 };

	if (check_image(lock, now, e) < 0)
		return -1;
	compare_files(&lock->inputs, now, &difference);
	if (difference.count == 1)
		return error_set(e, ERROR_DIGEST,
				 "%s: the recipe is not the one that was locked: '%s' %s; " REMEDY,
				 lock->path, difference.path, difference.what);
	if (difference.count)
		return error_set(e, ERROR_DIGEST,
				 "%s: the recipe is not the one that was locked: '%s' %s, and %zu other "
				 "file%s; " REMEDY,
				 lock->path, difference.path, difference.what, difference.count - 1,
				 difference.count == 2 ? "" : "s");
	/* The packages are the same; what kiln itself writes into the image may not be. */
	if (strcmp(lock->inputs.kiln, now->kiln) != 0)
		log_warn(log, "%s: made by kiln %s, this is %s: the image may have other bytes", lock->path,
			 lock->inputs.kiln, now->kiln);
	return 0;
}

void lock_take_addresses(struct lock *lock, const char *const *addresses, size_t count)
{
	struct arena *arena = &lock->indexes.arena;

	for (size_t i = 0; i < count; i++) {
		auto_free char *shown = url_without_credentials(addresses[i]);
		size_t len = strlen(shown);

		for (size_t k = 0; k < lock->indexes.archive_count; k++) {
			struct index_archive *archive = lock->indexes.archives[k];

			if (is_prefix(archive->uri, shown) &&
			    strspn(archive->uri + len, "/") == strlen(archive->uri + len))
				archive->uri = arena_printf(arena, "%s%s", addresses[i],
							    is_suffix(addresses[i], "/") ? "" : "/");
		}
	}
}

struct fetch_request lock_request(const struct lock *lock, const struct plan *plan, size_t position,
				  bool with_snapshots, struct arena *arena)
{
	const struct plan_package *package = &plan->packages[position];
	struct fetch_request request = unpack_request(package, arena);
	auto_free char *snapshot = NULL;

	request.label = arena_printf(arena, "%s:%u: package '%s' %s", lock->path, lock->lines[position],
				     package->name, package->version);
	request.promise = "the lock";
	if (with_snapshots)
		snapshot = mirror_snapshot(package->archive->uri,
					   epoch_stamp(package->archive->date_s + SNAPSHOT_LATER_S).text);
	if (snapshot) {
		auto_free char *url = fetch_join(snapshot, package->filename);

		request.urls[request.url_count++] = arena_strdup(arena, url);
	}
	return request;
}

int lock_remedy(bool offline, struct error *e)
{
	struct error before = *e;

	if (before.kind == ERROR_FETCH && offline)
		error_set(e, before.kind,
			  "%s; kiln build --locked --until fetch, online, brings it into the cache",
			  before.text);
	else if (before.kind == ERROR_FETCH || before.kind == ERROR_DIGEST)
		error_set(e, before.kind, "%s; --mirror can name an archive that still has it, and " REMEDY,
			  before.text);
	return -1;
}
