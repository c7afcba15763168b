/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of dates/:
 *
 *	kiln-date 1 SHA256-OF-THE-REST
 *	2026-11-21T08:15:42Z		Date of the Release file
 *	1795339791123			when it was seen first, in milliseconds since 1970
 *	what stands for the archive
 */
#include "fetch/dates.h"

#include "base/epoch.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "fetch/fetcher.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { FILES_MAX = 10000, USED_STEP_S = 24 * 3600, LOCK_WAIT_S = 30, LOCK_STEP_MS = 20 };

#define FILE_MAX_BYTES (64 * KIB)

static const char folder_name[] = "dates";
static const char lock_name[] = ".lock";
static const char magic[] = "kiln-date 1 ";

static struct digest_hex name_of(const char *archive)
{
	struct digest digest = sha256_of(archive, strlen(archive));

	return digest_hex(&digest);
}

static bool parse(struct text file, const char *archive, struct fetch_date *date)
{
	struct text rest;
	struct text line = text_cut(file, '\n', &rest);
	struct digest promised;
	struct digest actual;
	uint64_t seen_ms;

	if (!rest.ptr || !text_starts(line, magic) ||
	    !digest_parse((struct text) { line.ptr + sizeof magic - 1, line.len - sizeof magic + 1 },
			  &promised))
		return false;
	actual = sha256_of(rest.ptr, rest.len);
	if (!digest_equal(&actual, &promised) ||
	    !epoch_parse_date(text_cut(rest, '\n', &rest), &date->date_s) ||
	    !text_to_u64(text_cut(rest, '\n', &rest), &seen_ms) || seen_ms > INT64_MAX ||
	    !text_is(rest, archive))
		return false;
	date->seen_ms = (int64_t)seen_ms;
	return true;
}

/* So that those that nothing asks for any more can be told from the others; a cache that is read-only keeps its own. */
static void note_use(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && epoch_now() - st.st_mtime >= USED_STEP_S)
		(void)futimens(fd, NULL);
}

/* 1; 0 when there is none, or *damaged. */
static int read_date(int folder_fd, const char *archive, struct fetch_date *date, bool *damaged,
		     struct error *e)
{
	struct digest_hex name = name_of(archive);
	auto_close int fd = openat(folder_fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_free char *file = NULL;
	struct error ignored = ERROR_INIT; /* what cannot be read is as good as damaged */
	size_t len = 0;

	*damaged = false;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ELOOP)
		return error_sys(e, "cannot open '%s/%s' in the cache", folder_name, name.text);
	if (fd >= 0 && file_read_fd(fd, FILE_MAX_BYTES, &file, &len, &ignored) == 0 &&
	    parse((struct text) { file, len }, archive, date)) {
		note_use(fd);
		return 1;
	}
	*damaged = true;
	return 0;
}

static int open_folder(const struct fetcher *fetcher, int *fd, struct error *e)
{
	if (mkdirat(fetcher->cache_fd, folder_name, 0777) < 0 && errno != EEXIST)
		return error_sys(e, "cannot create '%s' in the cache", folder_name);
	*fd = openat(fetcher->cache_fd, folder_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? error_sys(e, "cannot open '%s' in the cache", folder_name) : 0;
}

/* Builders hold it for a file's writing; one that was stopped in the middle must not stop all others for ever. */
static int take_lock(int folder_fd, int *fd, struct error *e)
{
	double end_s = monotonic_seconds() + LOCK_WAIT_S;
	auto_close int opened = openat(folder_fd, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (opened < 0)
		return error_sys(e, "cannot open '%s/%s' in the cache", folder_name, lock_name);
	while (flock(opened, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_sys(e, "cannot lock '%s/%s' in the cache", folder_name, lock_name);
		if (interrupt_check(e) < 0)
			return -1;
		if (monotonic_seconds() > end_s)
			return error_set(e, ERROR_SYSTEM,
					 "'%s/%s' in the cache has been locked for %d seconds: is another "
					 "kiln stopped?",
					 folder_name, lock_name, LOCK_WAIT_S);
		nanosleep(&(struct timespec) { .tv_nsec = LOCK_STEP_MS * 1000L * 1000 }, NULL);
	}
	*fd = TAKE(opened, -1);
	return 0;
}

/* Room for one more: what was used longest ago goes. */
static int make_room(int folder_fd, struct error *e)
{
	auto_free char *oldest = NULL;
	struct stat oldest_st = { .st_mtime = 0 };
	char **names = NULL;
	size_t count = 0;

	if (dir_list(folder_fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; count > FILES_MAX && i < count; i++) {
		struct stat st;

		if (strcmp(names[i], lock_name) == 0 ||
		    fstatat(folder_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (oldest && st.st_mtime >= oldest_st.st_mtime))
			continue;
		free(oldest);
		oldest = xstrdup(names[i]);
		oldest_st = st;
	}
	names_free(names, count);
	if (oldest)
		unlinkat(folder_fd, oldest, 0);
	return 0;
}

/* Beside, where what a dead builder leaves is swept; and not synced: what a crash leaves damaged is seen. */
static int write_date(struct cache *cache, int folder_fd, const char *archive, const struct fetch_date *date,
		      struct error *e)
{
	auto_pending struct file_pending pending = FILE_PENDING_INIT;
	auto_buffer struct buffer rest = BUFFER_INIT;
	auto_buffer struct buffer file = BUFFER_INIT;
	struct digest digest;

	buffer_addf(&rest, "%s\n", epoch_date(date->date_s).text);
	buffer_addf(&rest, "%lld\n%s", (long long)date->seen_ms, archive);
	digest = sha256_of(rest.data, rest.len);
	buffer_addf(&file, "%s%s\n", magic, digest_hex(&digest).text);
	buffer_add(&file, rest.data, rest.len);
	if (cache_store_begin(cache, &pending, e) < 0 ||
	    file_write_fd(pending.fd, file.data, file.len, e) < 0)
		return -1;
	if (renameat(cache->partial_fd, pending.temporary, folder_fd, name_of(archive).text) < 0)
		return error_sys(e, "cannot create '%s/%s' in the cache", folder_name, name_of(archive).text);
	free(TAKE(pending.temporary, NULL));
	return 0;
}

/* What is known already decides where it can: no lock, and nothing to write. */
static bool is_decided(const struct fetch_date *known, int64_t date_s, int64_t begin_ms, bool may_go_back,
		       int *result)
{
	if (known->date_s < date_s || (known->date_s > date_s && may_go_back))
		return false;
	*result = known->date_s == date_s || (known->seen_ms >= begin_ms && known->seen_ms <= epoch_now_ms());
	return true;
}

static void say_damaged(const struct fetcher *fetcher, const char *archive)
{
	log_warn(fetcher->log,
		 "the newest Date seen of '%s' cannot be read in the cache: what comes now is taken for "
		 "the newest",
		 archive);
}

static int note(struct fetcher *fetcher, const char *archive, int64_t date_s, int64_t begin_ms,
		bool may_go_back, struct fetch_date *newest, struct error *e)
{
	auto_close int folder_fd = -1;
	auto_close int lock_fd = -1;
	bool damaged;
	int result = 0;
	int found;

	if (open_folder(fetcher, &folder_fd, e) < 0)
		return -1;
	found = read_date(folder_fd, archive, newest, &damaged, e);
	if (found < 0 || (found && is_decided(newest, date_s, begin_ms, may_go_back, &result)))
		return found < 0 ? -1 : result;
	if (take_lock(folder_fd, &lock_fd, e) < 0)
		return -1;
	/* Once more: another builder may have been quicker. */
	found = read_date(folder_fd, archive, newest, &damaged, e);
	if (found < 0 || (found && is_decided(newest, date_s, begin_ms, may_go_back, &result)))
		return found < 0 ? -1 : result;
	if (damaged)
		say_damaged(fetcher, archive);
	if ((!found && make_room(folder_fd, e) < 0) ||
	    write_date(&fetcher->cache, folder_fd, archive, &(struct fetch_date) { date_s, epoch_now_ms() },
		       e) < 0)
		return error_wrap(e, "cache '%s'", fetcher->cache.path);
	return 1;
}

/* A cache that is full, or read-only, does for this build: what could be read of it was compared. */
static bool is_unwritable(const struct error *e)
{
	return e->kind == ERROR_SPACE || e->sys == EROFS;
}

int fetch_date_note(struct fetcher *fetcher, const char *archive, int64_t date_s, int64_t begin_ms,
		    bool may_go_back, struct fetch_date *newest, struct error *e)
{
	int result = note(fetcher, archive, date_s, begin_ms, may_go_back, newest, e);

	if (result >= 0 || !is_unwritable(e))
		return result;
	log_detail(fetcher->log, "date not kept: %s", e->text);
	error_clear(e);
	return 1;
}
