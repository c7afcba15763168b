/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/derived.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "fetch/fetcher.h"
#include "fetch/inventory.h"
#include "stream/quick.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static const char folder_name[] = "payload";

/*
 * The head, of a fixed length, is written last; until then the file begins with NULs.
 *
 *	kiln-payload 1
 *	HEX                       of what it was made of
 *	SIZE-IN-16-DIGITS HEX     of the first part
 *	SIZE-IN-16-DIGITS HEX     of the second
 */
static const char magic[] = "kiln-payload 1\n";
enum {
	SIZE_DIGITS = 16,
	SOURCE_LINE = DIGEST_HEX_LEN + 1,
	PART_LINE = SIZE_DIGITS + 1 + DIGEST_HEX_LEN + 1,
	HEAD_BYTES = sizeof magic - 1 + SOURCE_LINE + DERIVED_PARTS * PART_LINE,
	READ_BYTES = 256 * 1024,
	/* Said, because packages are unpacked without a umask: nobody else may move files about in here. */
	FOLDER_MODE = 0755,
};

/* What a build may need for itself stays free, but of a small disk not more than a tenth. */
#define RESERVE_BYTES (1 * GIB)

/* Digits alone: all that fits in 16 of them is in the range of file sizes. */
static bool take_part(struct text line, uint64_t *size_bytes, struct digest *sha256)
{
	struct text size = text_cut(line, ' ', &line);

	return size.len == SIZE_DIGITS && text_to_u64(size, size_bytes) && digest_parse(line, sha256);
}

static bool parse_head(struct text head, const struct stat *st, struct derived *derived)
{
	uint64_t offset = HEAD_BYTES;
	struct digest source;

	if (!text_starts(head, magic))
		return false;
	head.ptr += sizeof magic - 1;
	head.len -= sizeof magic - 1;
	if (!digest_parse(text_cut(head, '\n', &head), &source) || !digest_equal(&source, &derived->source))
		return false;
	for (size_t i = 0; i < DERIVED_PARTS; i++) {
		if (!take_part(text_cut(head, '\n', &head), &derived->parts[i].size_bytes,
			       &derived->parts[i].sha256))
			return false;
		derived->parts[i].offset = offset;
		offset += derived->parts[i].size_bytes;
	}
	return offset == (uint64_t)st->st_size;
}

/* A digest that stands in the file itself is worth what those are worth who could have written it. */
static bool is_trusted(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_uid == geteuid() || st->st_uid == 0) &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static bool read_head(struct derived *derived)
{
	char head[HEAD_BYTES];
	struct stat st;

	if (fstat(derived->fd, &st) < 0 || !is_trusted(&st))
		return false;
	/* Whoever trims it has it to himself: it is as good as gone. */
	if (flock(derived->fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return false;
	if (pread(derived->fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
	    !parse_head((struct text) { head, sizeof head }, &st, derived)) {
		derived_remove(derived);
		return false;
	}
	return true;
}

bool fetch_derived_open(struct fetcher *fetcher, const struct digest *source, struct derived *out)
{
	auto_derived struct derived derived = DERIVED_INIT;
	struct cache_name name = cache_name(source);

	derived.source = *source;
	derived.folder_fd = atomic_load(&fetcher->payload_fd);
	if (derived.folder_fd < 0)
		return false;
	derived.fd = openat(derived.folder_fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (derived.fd < 0 || !read_head(&derived))
		return false;
	/* When it was used last. A cache that cannot be written to has nothing to trim either. */
	(void)futimens(derived.fd, NULL);
	*out = TAKE(derived, DERIVED_INIT);
	return true;
}

/* Whether the bytes of PART are those that the head promises: 1, 0, or -1 when interrupted. */
static int check_part(const struct derived *derived, enum derived_part part, struct error *e)
{
	auto_hash struct hash hash = HASH_INIT;
	auto_free char *data = xmalloc(READ_BYTES);
	uint64_t offset = derived->parts[part].offset;
	uint64_t left_bytes = derived->parts[part].size_bytes;
	struct digest found;

	hash_start_sha256(&hash);
	while (left_bytes) {
		size_t room = left_bytes < READ_BYTES ? (size_t)left_bytes : READ_BYTES;
		ssize_t got = pread(derived->fd, data, room, (off_t)offset);

		if (interrupt_check(e) < 0)
			return -1;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		hash_add(&hash, data, (size_t)got);
		offset += (uint64_t)got;
		left_bytes -= (uint64_t)got;
	}
	found = hash_end_sha256(&hash);
	return digest_equal(&found, &derived->parts[part].sha256);
}

int derived_open_part(struct derived *derived, enum derived_part part, struct quick **quick, struct error *e)
{
	int good = check_part(derived, part, e);

	if (good == 0)
		derived_remove(derived);
	if (good > 0)
		quick_open(derived->fd, derived->parts[part].offset, derived->parts[part].size_bytes, quick);
	return good;
}

/* But not the good one that another builder may have put there since. */
void derived_remove(const struct derived *derived)
{
	struct cache_name name = cache_name(&derived->source);
	struct stat mine;
	struct stat there;

	if (fstat(derived->fd, &mine) == 0 &&
	    fstatat(derived->folder_fd, name.text, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_dev == there.st_dev && mine.st_ino == there.st_ino)
		unlinkat(derived->folder_fd, name.text, 0);
}

void derived_release(struct derived *derived)
{
	auto_close_(&derived->fd);
	*derived = DERIVED_INIT;
}

struct derived_writer {
	struct fetcher *fetcher;
	struct digest source;
	struct file_pending pending;
	struct sink *out; /* owned; of the part that is being written, or NULL */
	enum derived_part part;
	bool failed;
	uint64_t sizes_bytes[DERIVED_PARTS];
	struct digest sha256[DERIVED_PARTS];
};

/* Go on without keeping anything, and say why, once. */
static void give_up(struct fetcher *fetcher, const struct error *e)
{
	if (!atomic_exchange(&fetcher->payload_off, true))
		log_warn(fetcher->log, "the cache keeps no unpacked packages: %s", e->text);
}

/* A disk that is nearly full is left to the build. It is not worth a warning: the cache is no worse than before. */
static bool has_room(const struct fetcher *fetcher)
{
	struct statvfs fs;
	uint64_t free_bytes;
	uint64_t tenth_bytes;

	if (fstatvfs(fetcher->cache.partial_fd, &fs) < 0)
		return false;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	tenth_bytes = (uint64_t)fs.f_blocks * fs.f_frsize / 10;
	return free_bytes > (tenth_bytes < RESERVE_BYTES ? tenth_bytes : RESERVE_BYTES);
}

/* The first part begins where the head will end. */
static int begin(struct derived_writer *writer, struct error *e)
{
	struct stat st;

	if (cache_store_begin(&writer->fetcher->cache, &writer->pending, e) < 0)
		return -1;
	/* Only what nobody else can write to is trusted later. */
	if (fstat(writer->pending.fd, &st) < 0 ||
	    fchmod(writer->pending.fd, st.st_mode & 07777 & ~(mode_t)(S_IWGRP | S_IWOTH)) < 0 ||
	    lseek(writer->pending.fd, HEAD_BYTES, SEEK_SET) < 0)
		return error_sys(e, "cannot prepare a file in the cache");
	return 0;
}

struct derived_writer *fetch_derived_begin(struct fetcher *fetcher, const struct digest *source)
{
	struct derived_writer *writer;
	struct error e = ERROR_INIT;

	if (fetcher->payload_max_bytes == 0 || atomic_load(&fetcher->payload_off) || !has_room(fetcher))
		return NULL;
	writer = xcalloc(1, sizeof *writer);
	writer->fetcher = fetcher;
	writer->source = *source;
	writer->pending = FILE_PENDING_INIT;
	if (begin(writer, &e) == 0)
		return writer;
	give_up(fetcher, &e);
	derived_abort(writer);
	return NULL;
}

static int end_part(struct derived_writer *writer, struct error *e)
{
	int r = writer->out ? sink_finish(writer->out, e) : 0;

	sink_release(TAKE(writer->out, NULL));
	return r;
}

static int write_part(struct derived_writer *writer, enum derived_part part, const void *data, size_t len,
		      struct error *e)
{
	if (!writer->out || writer->part != part) {
		if (end_part(writer, e) < 0)
			return -1;
		writer->part = part;
		writer->out = sink_quick(sink_sha256(sink_fd(writer->pending.fd), &writer->sha256[part],
						     &writer->sizes_bytes[part]));
	}
	return sink_write(writer->out, data, len, e);
}

static void fail(struct derived_writer *writer, const struct error *e)
{
	give_up(writer->fetcher, e);
	writer->failed = true;
	sink_release(TAKE(writer->out, NULL));
}

void derived_write(struct derived_writer *writer, enum derived_part part, const void *data, size_t len)
{
	struct error e = ERROR_INIT;

	if (writer && !writer->failed && write_part(writer, part, data, len, &e) < 0)
		fail(writer, &e);
}

static int write_head(const struct derived_writer *writer, struct error *e)
{
	auto_buffer struct buffer head = BUFFER_INIT;

	buffer_addf(&head, "%s%s\n", magic, digest_hex(&writer->source).text);
	for (size_t i = 0; i < DERIVED_PARTS; i++)
		buffer_addf(&head, "%0*llu %s\n", SIZE_DIGITS, (unsigned long long)writer->sizes_bytes[i],
			    digest_hex(&writer->sha256[i]).text);
	if (head.len != HEAD_BYTES)
		return error_set(e, ERROR_INTERNAL, "the head of a derived file has %zu bytes", head.len);
	if (pwrite(writer->pending.fd, head.data, head.len, 0) != HEAD_BYTES)
		return error_sys(e, "cannot write to the cache");
	return 0;
}

/* The folder appears with the first file in it. */
static int make_folder(struct fetcher *fetcher, int *fd, struct error *e)
{
	int r = 0;

	pthread_mutex_lock(&fetcher->cache.lock);
	*fd = atomic_load(&fetcher->payload_fd);
	if (*fd < 0 && mkdirat(fetcher->cache_fd, folder_name, FOLDER_MODE) < 0 && errno != EEXIST)
		r = error_sys(e, "cannot create folder '%s' in the cache", folder_name);
	if (*fd < 0 && r == 0)
		r = dir_open(fetcher->cache_fd, folder_name, fd, e);
	if (r == 0)
		atomic_store(&fetcher->payload_fd, *fd);
	pthread_mutex_unlock(&fetcher->cache.lock);
	return r;
}

static int move_in(struct derived_writer *writer, struct error *e)
{
	struct cache_name name = cache_name(&writer->source);
	char folder[3] = { name.text[0], name.text[1], '\0' };
	int to_fd;

	if (make_folder(writer->fetcher, &to_fd, e) < 0)
		return -1;
	if (mkdirat(to_fd, folder, FOLDER_MODE) < 0 && errno != EEXIST)
		return error_sys(e, "cannot create 'payload/%s' in the cache", folder);
	if (renameat(writer->fetcher->cache.partial_fd, writer->pending.temporary, to_fd, name.text) < 0)
		return error_sys(e, "cannot create 'payload/%s' in the cache", name.text);
	free(TAKE(writer->pending.temporary, NULL));
	atomic_store(&writer->fetcher->payload_grown, true);
	return 0;
}

void derived_commit(struct derived_writer *writer)
{
	struct error e = ERROR_INIT;

	if (writer && !writer->failed &&
	    (end_part(writer, &e) < 0 || write_head(writer, &e) < 0 || move_in(writer, &e) < 0))
		fail(writer, &e);
	derived_abort(writer);
}

void derived_abort(struct derived_writer *writer)
{
	if (!writer)
		return;
	sink_release(writer->out);
	file_pending_release(&writer->pending);
	free(writer);
}

/* Earlier versions left them open to everybody. Best effort: the cache may be somebody else's, and only be read. */
static void close_folders(int fd)
{
	char name[3];
	struct stat st;

	if (fstat(fd, &st) < 0 || !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "%02x", i);
		(void)!fchmodat(fd, name, FOLDER_MODE, 0);
	}
	(void)!fchmod(fd, FOLDER_MODE);
}

int derived_open_store(struct fetcher *fetcher, struct error *e)
{
	int fd;

	if (dir_open(AT_FDCWD, fetcher->cache.path, &fetcher->cache_fd, e) < 0)
		return -1;
	fd = openat(fetcher->cache_fd, folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		close_folders(fd);
	atomic_store(&fetcher->payload_fd, fd);
	return 0;
}

/* What cannot be trimmed now is trimmed by a later build. */
static void trim(const struct fetcher *fetcher)
{
	auto_cache_items struct cache_items items = CACHE_ITEMS_INIT;
	struct cache_removed removed[CACHE_KINDS] = { { 0, 0 } };
	const struct cache_removed *gone = &removed[CACHE_PAYLOADS];
	struct error ignored = ERROR_INIT;

	if (cache_items_add(&items, fetcher->cache_fd, CACHE_PAYLOADS, &ignored) < 0)
		return;
	cache_items_choose(&items, fetcher->payload_max_bytes, INT64_MIN);
	if (cache_items_remove(&items, fetcher->cache_fd, removed, &ignored) == 0 && gone->count)
		log_detail(fetcher->log, "removed %zu unpacked packages from the cache, %s", gone->count,
			   human_size(gone->size_bytes).text);
}

void derived_close_store(struct fetcher *fetcher)
{
	int fd = atomic_load(&fetcher->payload_fd);

	if (atomic_load(&fetcher->payload_grown))
		trim(fetcher);
	auto_close_(&fd);
	auto_close_(&fetcher->cache_fd);
}
