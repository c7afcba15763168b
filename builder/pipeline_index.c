/* SPDX-License-Identifier: Apache-2.0 */
/* Where packages come from: mirrors, indexes or those of a lock. */
#include "pipeline_build.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "family.h"
#include "fetch/apt.h"
#include "fetch/fetch.h"
#include "recipe/architecture.h"

enum { REACH_TIMEOUT_MS = 5 * 1000 };

/* --mirror URL is for the main archive; FROM=TO for any; the word none keeps the host's mirrors out. */
static int add_mirror(struct build *b, const char *word, bool *use_host, struct error *e)
{
	const char *equals = strchr(word, '=');

	if (strcmp(word, "none") == 0) {
		*use_host = false;
		return 0;
	}
	/* Other addresses may have a '=' too. */
	if (equals && (equals[1] == '/' || strstr(equals, "://"))) {
		auto_free char *from = xstrndup(word, (size_t)(equals - word));

		return mirrors_add(&b->mirrors, from, equals + 1, e);
	} else {
		auto_free char *main_url = NULL;
		auto_free char *snapshot = NULL;

		if (recipe_expand(&b->recipe, b->recipe.source.url, &b->recipe.source.url_place, &main_url,
				  e) < 0)
			return -1;
		if (b->recipe.source.snapshot_s)
			snapshot = mirror_snapshot(main_url, b->recipe.source.snapshot);
		return mirrors_add(&b->mirrors, snapshot ? snapshot : main_url, word, e);
	}
}

/* Maintainer scripts run as they are: on another processor by an interpreter. */
static int find_emulation(struct build *b, struct error *e)
{
	const struct architecture *host = architecture_of_host();

	if (!host || strcmp(host->name, b->recipe.architecture) == 0)
		return 0;
	if (b->isolation == ISOLATION_CHROOT) {
		/* Neither can be tried there what the kernel runs, nor an interpreter be registered. */
		b->emulation.architecture = b->recipe.architecture;
		snprintf(b->emulation.why, sizeof b->emulation.why,
			 "that takes namespaces, which this container forbids (kiln(1), IN CONTAINERS)");
		return 0;
	}
	return emulation_obtain(host->name, b->recipe.architecture, b->options.log, &b->emulation, e);
}

/* What the command line says, then KILN_MIRROR, then what this host's own apt uses. */
static int choose_mirrors(struct build *b, struct error *e)
{
	const char *variable = getenv("KILN_MIRROR");
	struct text rest = text_of(variable ? variable : "");
	char **addresses = NULL;
	size_t count = 0;
	bool use_host = true;
	int result;

	for (size_t i = 0; i < b->options.mirror_count; i++)
		if (add_mirror(b, b->options.mirrors[i], &use_host, e) < 0)
			return error_wrap(e, "--mirror");
	for (struct text word = text_word(&rest); word.len; word = text_word(&rest)) {
		auto_free char *copy = xstrndup(word.ptr, word.len);

		if (add_mirror(b, copy, &use_host, e) < 0)
			return error_wrap(e, "KILN_MIRROR");
	}
	if (!use_host && !b->recipe.source.snapshot_s)
		return 0;
	if (b->family->addresses(&b->recipe, &addresses, &count, e) < 0)
		return -1;
	if (b->recipe.source.snapshot_s)
		mirrors_add_snapshots(&b->mirrors, b->recipe.source.snapshot, (const char *const *)addresses,
				      count);
	result = use_host ? mirrors_add_host(&b->mirrors, (const char *const *)addresses, count,
					     b->options.log, e)
			  : 0;
	names_free(addresses, count);
	return result;
}

char *build_cache_dir(const char *chosen)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (chosen)
		return xstrdup(chosen);
	if (cache && *cache == '/')
		return xasprintf("%s/kiln", cache);
	if (home && *home == '/')
		return xasprintf("%s/.cache/kiln", home);
	return xstrdup("/var/cache/kiln");
}

int build_collect_inputs(struct build *b, struct error *e)
{
	const struct input_options options = {
		.recipe = &b->recipe,
		.cell = b->options.cell,
		.overrides = b->options.overrides,
		.override_count = b->options.override_count,
		.epoch_s = b->epoch_s,
	};

	return inputs_collect(&options, &b->inputs, e);
}

/* The indexes of a lock, in the place of those that the archives have now. */
static int take_locked_indexes(struct build *b, struct error *e)
{
	char **addresses = NULL;
	size_t count = 0;

	if (b->family->addresses(&b->recipe, &addresses, &count, e) < 0)
		return -1;
	lock_take_addresses(&b->lock, (const char *const *)addresses, count);
	names_free(addresses, count);
	log_say(b->options.log, "packages as in %s", b->lock.path);
	b->indexes = TAKE(b->lock.indexes, INDEX_SET_INIT);
	for (size_t i = 0; i < b->indexes.archive_count; i++)
		if (b->indexes.archives[i]->unverified)
			log_warn(b->options.log,
				 "%s was made with --insecure-skip-verification: suite '%s' is NOT VERIFIED, "
				 "and whoever was between here and there may have made it up",
				 b->lock.path, b->indexes.archives[i]->suite);
	return 0;
}

static int refresh_indexes(struct build *b, struct error *e)
{
	struct meter_sum spent = { .item_count = 0 };

	if (b->lock.path)
		return take_locked_indexes(b, e);
	if (b->family->index(&b->recipe, &b->options.archives, b->fetcher, b->options.log, &b->indexes, e) <
	    0)
		return -1;
	for (size_t i = 0; i < b->indexes.file_count; i++)
		spent.out_bytes += b->indexes.files[i].len;
	spent.item_count = b->indexes.file_count;
	meter_add(&b->meter, METER_INDEX, &spent);
	return 0;
}

/* SOURCE_DATE_EPOCH, else what the lock says, else the newest index. */
static int choose_date(struct build *b, struct error *e)
{
	int from_environment = epoch_from_environment(&b->epoch_s, e);

	if (from_environment < 0)
		return -1;
	if (!from_environment)
		b->epoch_s = b->lock.path ? b->lock.inputs.epoch_s : b->indexes.newest_date_s;
	recipe_set_date(&b->recipe, b->epoch_s);
	return 0;
}

int build_run_index(struct build *b, struct error *e)
{
	struct fetch_options options = {
		.mirrors = &b->mirrors,
		.offline = b->options.offline,
		.retry_max = b->options.retry_max,
		.connect_timeout_ms = b->options.timeout_ms,
		.stall_timeout_ms = b->options.timeout_ms,
		.payload_max_bytes = b->options.payload_max_bytes,
		.log = b->options.log,
		.meter = &b->meter,
	};

	/* Say what a build cannot do without before anything is downloaded for it. */
	if (b->options.until >= STAGE_UNPACK &&
	    (isolation_obtain(b->options.isolation, b->options.log, &b->isolation, e) < 0 ||
	     find_emulation(b, e) < 0))
		return -1;
	b->cache_dir = build_cache_dir(b->options.cache_dir);
	options.cache_dir = b->cache_dir;
	if (choose_mirrors(b, e) < 0 || fetcher_open(&options, &b->fetcher, e) < 0 ||
	    refresh_indexes(b, e) < 0 || choose_date(b, e) < 0)
		return -1;
	if (b->lock.path &&
	    (build_collect_inputs(b, e) < 0 || lock_check(&b->lock, &b->inputs, b->options.log, e) < 0))
		return -1;
	/* Now that the serial is known, and not after all the work. */
	return pack_image_name(&b->recipe, &b->name, e);
}

int build_reach(struct build *b, const char *cache_dir, struct build_reach *reach, struct error *e)
{
	struct fetch_options options = {
		.cache_dir = cache_dir,
		.mirrors = &b->mirrors,
		.retry_max = 1,
		.connect_timeout_ms = REACH_TIMEOUT_MS,
		.stall_timeout_ms = REACH_TIMEOUT_MS,
		.backoff_ms = 1,
		.log = b->options.log,
	};
	struct index_options archives = { .releases_alone = true };
	char **addresses = NULL;
	size_t count = 0;

	if (choose_mirrors(b, e) < 0 || fetcher_open(&options, &b->fetcher, e) < 0 ||
	    b->family->addresses(&b->recipe, &addresses, &count, e) < 0)
		return -1;
	if (count)
		reach->address = fetch_shown_url(b->fetcher, addresses[0]);
	names_free(addresses, count);
	if (b->family->index(&b->recipe, &archives, b->fetcher, b->options.log, &b->indexes, e) < 0)
		return -1;
	reach->count = b->indexes.archive_count;
	reach->newest_s = b->indexes.newest_date_s;
	return 0;
}

void build_reach_release(struct build_reach *reach)
{
	free(TAKE(reach->address, NULL));
}
