/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of what time a Release file is. A signature says who made it, and not that it is the last one: of that speak its
 * Valid-Until, and what was seen before.
 */
#include "index/archive.h"

#include "base/epoch.h"
#include "fetch/dates.h"
#include "fetch/fetch.h"
#include "fetch/mirror.h"

/* A snapshot has nothing that is newer than it; and what it has was valid then, whatever it is now. */
static int check_snapshot(const struct archive *archive, struct error *e)
{
	if (!archive->as_of_s || archive->release.date_s <= archive->as_of_s)
		return 0;
	return error_set(
		e, ERROR_TRUST,
		"the Release file there is of %.*s, which is later than 'source.snapshot': this is no "
		"server of snapshots",
		TEXT_ARG(archive->release.date));
}

static int check_validity(const struct archive *archive, const struct archive_options *options,
			  struct error *e)
{
	struct error expired = ERROR_INIT;
	int64_t then_s = archive->as_of_s ? archive->as_of_s : options->now_s;

	if (release_check_valid_until(&archive->release, then_s, &expired) == 0)
		return 0;
	if (archive->any_age) {
		log_warn(options->log, "suite '%s' at '%s' %s; accepted as the recipe says",
			 archive->product->suite, archive->shown, expired.text);
		return 0;
	}
	return error_set(e, ERROR_EXPIRED,
			 "%s; a mirror that lags behind is accepted with "
			 "'source.check_valid_until: false'",
			 expired.text);
}

static bool names_archive(const char *word, const struct archive *archive)
{
	struct text address = text_of(word);
	struct text uri = text_of(archive->product->uri);

	while (address.len && address.ptr[address.len - 1] == '/')
		address.len--;
	while (uri.len && uri.ptr[uri.len - 1] == '/')
		uri.len--;
	return strcmp(word, archive->product->suite) == 0 || text_equal(address, uri);
}

/* Who says that it may be older than it was, as a warning has it; or NULL. */
static const char *who_accepts(const struct archive *archive, const struct archive_options *options)
{
	for (size_t i = 0; i < options->said.older_count; i++)
		if (names_archive(options->said.older[i], archive))
			return "--accept-older";
	return archive->any_date ? "the recipe" : NULL;
}

/*
 * The archive is what the recipe names, wherever mirrors fetch it from. A snapshot stands for one time by itself;
 * without a signature its Date is nobody's word; and in the cache alone there is nobody who could play back.
 */
static int check_newest(const struct archive *archive, const struct archive_options *options, struct error *e)
{
	const char *accepted = who_accepts(archive, options);
	auto_free char *place = NULL;
	auto_free char *identity = NULL;
	struct fetch_date newest;
	int64_t date_s = archive->release.date_s;
	int r;

	if (archive->as_of_s || archive->why_not || fetch_is_offline(options->fetcher))
		return 0;
	place = mirror_identity(archive->product->uri);
	identity = xasprintf("%s %s", place, archive->product->suite);
	r = fetch_date_note(options->fetcher, identity, date_s, options->begin_ms, false, &newest, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!accepted)
		return error_set(
			e, ERROR_EXPIRED,
			"is older than it was: its Date is %s, and on %s one of %s was seen; a copy that "
			"is played back, or a mirror that lags behind, is accepted with '--accept-older %s'",
			epoch_date(date_s).text, epoch_date(newest.seen_ms / 1000).text,
			epoch_date(newest.date_s).text, archive->product->suite);
	log_warn(options->log,
		 "suite '%s' at '%s' is older than it was: its Date is %s, and on %s one of %s was seen; "
		 "accepted as %s says",
		 archive->product->suite, archive->shown, epoch_date(date_s).text,
		 epoch_date(newest.seen_ms / 1000).text, epoch_date(newest.date_s).text, accepted);
	/* From now on it counts from there. */
	return fetch_date_note(options->fetcher, identity, date_s, options->begin_ms, true, &newest, e) < 0
		       ? -1
		       : 0;
}

int archive_check_time(const struct archive *archive, const struct archive_options *options, struct error *e)
{
	if (release_check_date(&archive->release, options->now_s, e) < 0 || check_snapshot(archive, e) < 0 ||
	    check_validity(archive, options, e) < 0)
		return -1;
	return check_newest(archive, options, e);
}
