/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/cache.h"

#include "base/epoch.h"
#include "base/limits.h"
#include "base/root.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { PARTIAL_KEEP_S = 7 * 24 * 3600, USED_STEP_S = 3600, LOCK_TRIES = 16 };

static const char store_name[] = "store";

/* What tells whether a file is still the one that was hashed; ctime changes with every write. */
struct known_file {
	struct digest digest; /* the map's key is a view of it */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct cache_name cache_name(const struct digest *digest)
{
	struct digest_hex hex = digest_hex(digest);
	struct cache_name name;

	snprintf(name.text, sizeof name.text, "%.2s/%s", hex.text, hex.text);
	return name;
}

void cache_remove(int dir_fd, const char *name)
{
	struct error ignored = ERROR_INIT;

	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT && root_remove(dir_fd, name, &ignored) < 0)
		error_clear(&ignored);
}

static struct text key_of(const struct digest *digest)
{
	return (struct text) { (const char *)digest->bytes, DIGEST_BYTES };
}

static int open_folder(const char *path, const char *name, int *fd, struct error *e)
{
	auto_free char *folder = xasprintf("%s/%s", path, name);

	return dir_make(folder, e) < 0 ? -1 : dir_open(AT_FDCWD, folder, fd, e);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_in_cache(const struct cache *cache, struct text hex)
{
	struct digest digest;

	return digest_parse(hex, &digest) &&
	       faccessat(cache->sha256_fd, cache_name(&digest).text, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Remove NAME from partial/ unless a living builder holds it or it is worth being continued. */
static void sweep_one(const struct cache *cache, const char *name)
{
	auto_close int fd = openat(cache->partial_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		return;
	if (name[0] != '.' && st.st_size > 0 && epoch_now() - st.st_mtime < PARTIAL_KEEP_S &&
	    !is_in_cache(cache, text_of(name)))
		return;
	unlinkat(cache->partial_fd, name, 0);
}

static int sweep(const struct cache *cache, struct error *e)
{
	char **names = NULL;
	size_t count = 0;

	if (dir_list(cache->partial_fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		sweep_one(cache, names[i]);
	names_free(names, count);
	return 0;
}

int cache_open(const char *path, struct cache *cache, struct error *e)
{
	*cache = (struct cache) { .sha256_fd = -1, .partial_fd = -1, .volatile_fd = -1 };
	cache->path = xstrdup(path);
	pthread_mutex_init(&cache->lock, NULL);
	if (open_folder(path, "sha256", &cache->sha256_fd, e) < 0 ||
	    open_folder(path, "partial", &cache->partial_fd, e) < 0 ||
	    open_folder(path, "volatile", &cache->volatile_fd, e) < 0 || sweep(cache, e) < 0) {
		cache_release(cache);
		return error_wrap(e, "cache (--cache DIR names another)");
	}
	return 0;
}

void cache_release(struct cache *cache)
{
	free(cache->path);
	auto_close_(&cache->sha256_fd);
	auto_close_(&cache->partial_fd);
	auto_close_(&cache->volatile_fd);
	map_release(&cache->known);
	arena_release(&cache->arena);
	pthread_mutex_destroy(&cache->lock);
}

static bool is_known(struct cache *cache, const struct digest *digest, const struct stat *st)
{
	const struct known_file *known;
	bool same;

	pthread_mutex_lock(&cache->lock);
	known = map_get(&cache->known, key_of(digest));
	same = known && known->device == st->st_dev && known->inode == st->st_ino &&
	       known->size == st->st_size && known->changed.tv_sec == st->st_ctim.tv_sec &&
	       known->changed.tv_nsec == st->st_ctim.tv_nsec;
	pthread_mutex_unlock(&cache->lock);
	return same;
}

static void remember(struct cache *cache, const struct digest *digest, const struct stat *st)
{
	struct known_file *known;

	pthread_mutex_lock(&cache->lock);
	known = map_get(&cache->known, key_of(digest));
	if (!known) {
		known = arena_alloc(&cache->arena, sizeof *known);
		known->digest = *digest;
		map_put(&cache->known, key_of(&known->digest), known);
	}
	known->device = st->st_dev;
	known->inode = st->st_ino;
	known->size = st->st_size;
	known->changed = st->st_ctim;
	pthread_mutex_unlock(&cache->lock);
}

/* Remove what was found damaged, but not the good file that another builder may have put there since. */
static void remove_damaged(const struct cache *cache, const char *name, const struct stat *damaged)
{
	struct stat now;

	if (fstatat(cache->sha256_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && same_file(&now, damaged))
		unlinkat(cache->sha256_fd, name, 0);
}

/* Its time of modification says when a file was used last, to the hour; a cache that is read-only keeps its own. */
static void note_use(int fd, struct stat *st)
{
	if (epoch_now() - st->st_mtime >= USED_STEP_S && futimens(fd, NULL) == 0)
		(void)fstat(fd, st);
}

int cache_get(struct cache *cache, const struct digest *digest, int *fd, struct error *e)
{
	struct cache_name name = cache_name(digest);
	auto_close int opened =
		openat(cache->sha256_fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct digest content;
	struct stat st;

	if (opened < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	/* Nobody but an accident puts a socket or a folder there. */
	if (opened < 0 ? errno == ENXIO : fstat(opened, &st) == 0 && !S_ISREG(st.st_mode)) {
		cache_remove(cache->sha256_fd, name.text);
		return 0;
	}
	if (opened < 0 || fstat(opened, &st) < 0)
		return error_sys(e, "cannot open '%s' in the cache", name.text);
	if (!is_known(cache, digest, &st)) {
		if (sha256_of_fd(opened, &content, NULL, e) < 0)
			return error_wrap(e, "'%s' in the cache", name.text);
		if (!digest_equal(&content, digest)) {
			remove_damaged(cache, name.text, &st);
			return 0;
		}
		note_use(opened, &st);
		remember(cache, digest, &st);
	}
	*fd = TAKE(opened, -1);
	return 1;
}

/* Lock FD, which was opened as NAME: 1; 0 when another holds it; -1 with errno ESTALE when it is no longer NAME. */
static int lock_as(int dir_fd, const char *name, int fd)
{
	struct stat mine;
	struct stat there;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -1;
	if (fstat(fd, &mine) < 0)
		return -1;
	/* Its last owner may have finished or swept it between open and lock. */
	if (fstatat(dir_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && same_file(&mine, &there))
		return 1;
	errno = ESTALE;
	return -1;
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int cache_partial_open(struct cache *cache, const struct digest *digest, struct cache_partial *partial,
		       struct error *e)
{
	struct digest_hex hex = digest_hex(digest);

	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		auto_close int fd =
			openat(cache->partial_fd, hex.text, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
		int locked;

		if (fd < 0 ? errno == EISDIR || errno == ELOOP || errno == ENXIO : !is_file(fd)) {
			cache_remove(cache->partial_fd, hex.text);
			continue;
		}
		if (fd < 0)
			return error_sys(e, "cannot create 'partial/%s' in the cache", hex.text);
		locked = lock_as(cache->partial_fd, hex.text, fd);
		if (locked < 0 && errno != ESTALE)
			return error_sys(e, "cannot lock 'partial/%s' in the cache", hex.text);
		if (locked == 0)
			return 0;
		if (locked > 0) {
			*partial = (struct cache_partial) { TAKE(fd, -1), *digest };
			return 1;
		}
	}
	return 0; /* others come and go at this file all the time: ask again later */
}

/* Give the file NAME of partial/ its place below sha256/. */
static int move_in(struct cache *cache, const char *name, int fd, const struct digest *digest,
		   struct error *e)
{
	struct cache_name final = cache_name(digest);
	char folder[3] = { final.text[0], final.text[1], '\0' };
	struct stat st;

	if (mkdirat(cache->sha256_fd, folder, 0777) < 0 && errno != EEXIST)
		return error_sys(e, "cannot create 'sha256/%s' in the cache", folder);
	if (renameat(cache->partial_fd, name, cache->sha256_fd, final.text) < 0) {
		/* A folder in the place of the file, or a file in that of the folder. */
		cache_remove(cache->sha256_fd, errno == ENOTDIR ? folder : final.text);
		if ((mkdirat(cache->sha256_fd, folder, 0777) < 0 && errno != EEXIST) ||
		    renameat(cache->partial_fd, name, cache->sha256_fd, final.text) < 0)
			return error_sys(e, "cannot create 'sha256/%s' in the cache", final.text);
	}
	if (fstat(fd, &st) == 0)
		remember(cache, digest, &st);
	return 0;
}

int cache_partial_commit(struct cache *cache, struct cache_partial *partial, struct error *e)
{
	struct digest_hex hex = digest_hex(&partial->digest);

	if (move_in(cache, hex.text, partial->fd, &partial->digest, e) < 0)
		return -1;
	close(TAKE(partial->fd, -1));
	return 0;
}

void cache_partial_release(struct cache *cache, struct cache_partial *partial, bool keep)
{
	struct stat st;

	if (partial->fd < 0)
		return;
	if (!keep || (fstat(partial->fd, &st) == 0 && st.st_size == 0))
		unlinkat(cache->partial_fd, digest_hex(&partial->digest).text, 0);
	close(TAKE(partial->fd, -1));
}

int cache_store_begin(struct cache *cache, struct file_pending *pending, struct error *e)
{
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		auto_pending struct file_pending opened = FILE_PENDING_INIT;

		if (file_pending_open_named(cache->partial_fd, store_name, 0666, &opened, e) < 0)
			return error_wrap(e, "cache '%s'", cache->path);
		/* A sweeping builder may be quicker than our lock. */
		if (lock_as(cache->partial_fd, opened.temporary, opened.fd) > 0) {
			*pending = TAKE(opened, FILE_PENDING_INIT);
			return 0;
		}
	}
	return error_set(e, ERROR_SYSTEM, "cannot lock a new file in the cache");
}

int cache_store_commit(struct cache *cache, struct file_pending *pending, const struct digest *digest,
		       struct error *e)
{
	if (move_in(cache, pending->temporary, pending->fd, digest, e) < 0)
		return -1;
	free(TAKE(pending->temporary, NULL));
	return 0;
}
