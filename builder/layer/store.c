/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/store.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/temporary.h"
#include "layer/manifest.h"
#include "layer/tree.h"

#include <fcntl.h>
#include <sys/file.h>

char *layers_path(const char *cache_dir)
{
	return xasprintf("%s/layers", cache_dir);
}

int layers_open(const char *path, int *fd, struct error *e)
{
	auto_close int opened = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (opened < 0 && errno == ENOENT)
		return 0;
	if (opened < 0 || fstat(opened, &st) < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (st.st_uid != geteuid() || st.st_mode & 022)
		return error_set(e, ERROR_PRIVILEGE, "'%s' can be written to by others", path);
	/* Set-uid programs and secrets of images lie in there. */
	if (st.st_mode & 055 && fchmod(opened, 0700) < 0)
		return error_sys(e, "cannot set the mode of '%s'", path);
	*fd = TAKE(opened, -1);
	return 1;
}

int layers_remove(const char *path, int layers_fd, const char *name, struct error *e)
{
	auto_close int lock_fd = -1;
	auto_free char *away = NULL;
	const char *away_name;

	/* Under a name that says that it is not whole; its own lock goes with it. */
	if (temporary_make(path, LAYER_UNFINISHED, &away, &lock_fd, e) < 0)
		return -1;
	away_name = strrchr(away, '/') + 1;
	if (renameat(layers_fd, name, layers_fd, away_name) < 0)
		return error_sys(e, "cannot remove layer '%s'", name);
	return root_remove(layers_fd, away_name, e);
}

/* Whether layers can be kept below CACHE_DIR; why not is in *why. */
static bool is_usable(const char *cache_dir, const char *path, struct error *why)
{
	auto_close int fd = -1;
	int r;

	if (geteuid() != 0) {
		error_set(why, ERROR_PRIVILEGE, "only root can give files their owners");
		return false;
	}
	r = layers_open(path, &fd, why);
	if (r < 0)
		return false;
	if (faccessat(AT_FDCWD, r ? path : cache_dir, W_OK, AT_EACCESS) < 0 && errno != ENOENT) {
		error_sys(why, "cannot write to '%s'", r ? path : cache_dir);
		return false;
	}
	return true;
}

int layer_store_open(const char *cache_dir, struct log *log, struct layer_store **out, struct error *e)
{
	struct layer_store *store = xcalloc(1, sizeof *store);
	struct error why = ERROR_INIT;

	(void)e;
	store->cache_dir = xstrdup(cache_dir);
	store->path = layers_path(cache_dir);
	store->log = log;
	store->usable = is_usable(cache_dir, store->path, &why);
	if (!store->usable)
		log_say(log, "no layers are kept or used: %s", why.text);
	else if (access(store->path, F_OK) == 0)
		temporary_sweep(store->path, LAYER_UNFINISHED, log);
	*out = store;
	return 0;
}

/* Lock NAME as one of its users: 1; 0 when it is not there, or no more. */
static int lock_shared(int layers_fd, const char *name, int *fd, struct error *e)
{
	auto_close int opened = openat(layers_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat held;
	struct stat named;

	if (opened < 0)
		return 0;
	/* Who has it alone is about to finish or to remove it: both take no time. */
	while (flock(opened, LOCK_SH) < 0) {
		if (interrupt_check(e) < 0)
			return -1;
		if (errno != EINTR)
			return 0;
	}
	if (fstat(opened, &held) < 0 || fstatat(layers_fd, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    held.st_dev != named.st_dev || held.st_ino != named.st_ino)
		return 0;
	*fd = TAKE(opened, -1);
	return 1;
}

/* Compare every byte, and remember for the next time that they were right. */
static int check_contents(struct layer_store *store, int layer_fd, int root_fd, struct manifest *manifest,
			  const struct tree_inodes *inodes, struct error *e)
{
	auto_tree struct layer_tree tree = LAYER_TREE_INIT;
	struct digest digest;
	struct error ignored = ERROR_INIT;

	log_detail(store->log, "checking the contents of layer '%s'", manifest->title);
	if (layer_tree_read(root_fd, &tree, e) < 0 || tree_hash_contents(root_fd, &tree, e) < 0)
		return -1;
	digest = tree_digest(&tree);
	if (!digest_equal(&digest, &manifest->tree))
		return error_set(e, ERROR_DIGEST, "it is not what was written");
	manifest->inodes = inodes->digest;
	free(manifest->boot);
	manifest->boot = manifest_this_boot();
	/* Else the next build reads it all again. */
	if (manifest_write(layer_fd, manifest, &ignored) < 0)
		error_clear(&ignored);
	return 0;
}

/* *seen is what the tree is now; not set where there is none. */
static int check(struct layer_store *store, struct manifest *manifest, int layer_fd, int root_fd,
		 struct digest *seen, struct error *e)
{
	auto_free char *boot = manifest_this_boot();
	struct tree_inodes inodes;

	if (!digest_is_set(&manifest->tree))
		return 0;
	if (tree_inodes_read(root_fd, NULL, &inodes, e) < 0)
		return -1;
	*seen = inodes.digest;
	if (*boot && strcmp(boot, manifest->boot) == 0 && digest_equal(&inodes.digest, &manifest->inodes))
		return 0;
	return check_contents(store, layer_fd, root_fd, manifest, &inodes, e);
}

/* It is short: read and compared each time. */
static int read_product(int layer_fd, const struct manifest *manifest, char **product, size_t *len,
			struct error *e)
{
	struct digest digest;

	*product = NULL;
	*len = 0;
	if (!digest_is_set(&manifest->product))
		return 0;
	if (file_read(layer_fd, "product", LIMIT_FILE_TEXT_BYTES, product, len, e) < 0)
		return -1;
	digest = sha256_of(*product, *len);
	if (!digest_equal(&digest, &manifest->product))
		return error_set(e, ERROR_DIGEST, "its product is not what was written");
	return 0;
}

/* A layer that is being looked at. */
struct candidate {
	int layer_fd; /* locked */
	int root_fd;
	struct digest inodes;
	char *product;
	size_t len;
};

static void candidate_release(struct candidate *candidate)
{
	auto_close_(&candidate->layer_fd);
	auto_close_(&candidate->root_fd);
	free(candidate->product);
}

static int examine(struct layer_store *store, const struct digest *key, struct candidate *candidate,
		   struct error *e)
{
	auto_manifest struct manifest manifest = MANIFEST_INIT;

	if (manifest_read(candidate->layer_fd, &manifest, e) < 0)
		return -1;
	if (!digest_equal(&manifest.key, key))
		return error_set(e, ERROR_FORMAT, "its manifest is that of another layer");
	if (dir_open(candidate->layer_fd, "root", &candidate->root_fd, e) < 0 ||
	    check(store, &manifest, candidate->layer_fd, candidate->root_fd, &candidate->inodes, e) < 0)
		return -1;
	return read_product(candidate->layer_fd, &manifest, &candidate->product, &candidate->len, e);
}

/* Remove a broken layer that this process has locked. One that others use as well stays: they took it before. */
static void discard(struct layer_store *store, int layers_fd, const char *name, int layer_fd,
		    const struct error *why)
{
	struct error e = ERROR_INIT;

	log_say(store->log, "layer %.12s is damaged and not used: %s", name, why->text);
	if (flock(layer_fd, LOCK_EX | LOCK_NB) == 0 && layers_remove(store->path, layers_fd, name, &e) < 0)
		log_warn(store->log, "cannot remove layer %.12s: %s", name, e.text);
}

int layer_find(struct layer_store *store, const struct digest *key, int *root_fd, char **product, size_t *len,
	       struct error *e)
{
	struct digest_hex name = digest_hex(key);
	auto_close int layers_fd = -1;
	AUTO(candidate_release) struct candidate candidate = { .layer_fd = -1, .root_fd = -1 };
	struct error why = ERROR_INIT;
	int r;

	if (!store->usable || layers_open(store->path, &layers_fd, &why) <= 0)
		return 0;
	r = lock_shared(layers_fd, name.text, &candidate.layer_fd, e);
	if (r <= 0)
		return r;
	if (examine(store, key, &candidate, &why) < 0) {
		if (why.kind == ERROR_INTERRUPTED) {
			*e = why;
			return -1;
		}
		discard(store, layers_fd, name.text, candidate.layer_fd, &why);
		return 0;
	}
	/* The time of its manifest is when it was last used. */
	utimensat(candidate.layer_fd, "manifest", NULL, AT_SYMLINK_NOFOLLOW);
	*root_fd = candidate.root_fd;
	*product = TAKE(candidate.product, NULL);
	*len = candidate.len;
	PUSH(store->held, store->held_count,
	     ((struct held) { candidate.layer_fd, candidate.root_fd, candidate.inodes, *key }));
	candidate.layer_fd = candidate.root_fd = -1;
	return 1;
}

void layer_files_release(struct layer_files *files)
{
	auto_close_(&files->lock_fd);
	auto_close_(&files->folder_fd);
	free(files->product);
	*files = LAYER_FILES_INIT;
}

/* 1; 0 when it is gone by now, or not whole. */
static int open_files(struct layer_store *store, int layers_fd, const struct digest *key,
		      struct layer_files *files, struct error *e)
{
	AUTO(candidate_release) struct candidate candidate = { .layer_fd = -1, .root_fd = -1 };
	struct error why = ERROR_INIT;
	int r = lock_shared(layers_fd, digest_hex(key).text, &candidate.layer_fd, e);

	if (r <= 0)
		return r;
	/* Who looks for that very layer will say that it is damaged. */
	if (examine(store, key, &candidate, &why) < 0 || !candidate.product)
		return 0;
	files->lock_fd = TAKE(candidate.layer_fd, -1);
	files->folder_fd = TAKE(candidate.root_fd, -1);
	files->product = TAKE(candidate.product, NULL);
	files->len = candidate.len;
	return 1;
}

int layer_files_recent(struct layer_store *store, size_t max, struct layer_files **items, size_t *count,
		       struct error *e)
{
	auto_close int layers_fd = -1;
	struct layer_list list = { NULL, 0 };
	struct error why = ERROR_INIT;
	int r = 0;

	*items = NULL;
	*count = 0;
	if (!store->usable || layers_open(store->path, &layers_fd, &why) <= 0 ||
	    layer_list_read(store->cache_dir, &list, &why) < 0)
		return 0;
	for (size_t i = 0; r >= 0 && i < list.count && *count < max; i++) {
		struct layer_files files;

		r = list.items[i].files ? open_files(store, layers_fd, &list.items[i].key, &files, e) : 0;
		if (r > 0)
			PUSH(*items, *count, files);
	}
	layer_list_release(&list);
	return r < 0 ? -1 : 0;
}

void layer_discard(struct layer_store *store, const struct digest *key, int root_fd)
{
	struct error why = ERROR_INIT;
	auto_close int layers_fd = -1;

	error_set(&why, ERROR_DIGEST, "it is not what was written");
	for (size_t i = 0; i < store->held_count; i++) {
		struct held *held = &store->held[i];

		if (held->root_fd != root_fd)
			continue;
		if (layers_fd < 0 && layers_open(store->path, &layers_fd, &why) > 0)
			discard(store, layers_fd, digest_hex(key).text, held->lock_fd, &why);
		auto_close_(&held->lock_fd);
		auto_close_(&held->root_fd);
	}
}

int layer_check_held(struct layer_store *store, struct error *e)
{
	for (size_t i = 0; i < store->held_count; i++) {
		const struct held *held = &store->held[i];
		struct tree_inodes inodes;

		if (held->root_fd < 0 || !digest_is_set(&held->inodes))
			continue;
		if (interrupt_check(e) < 0)
			return -1;
		if (tree_inodes_read(held->root_fd, NULL, &inodes, e) < 0 ||
		    !digest_equal(&inodes.digest, &held->inodes)) {
			error_clear(e);
			return error_set(
				e, ERROR_DIGEST,
				"layer %.12s in the cache was changed while the build used it: build again",
				digest_hex(&held->key).text);
		}
	}
	return 0;
}

void layer_forget_made(struct layer_store *store)
{
	auto_close int layers_fd = -1;
	struct error e = ERROR_INIT;

	layer_store_stop(store);
	if (store->made_count == 0 || layers_open(store->path, &layers_fd, &e) <= 0)
		return;
	for (size_t i = 0; i < store->made_count; i++) {
		struct digest_hex name = digest_hex(&store->made[i]);
		auto_close int lock_fd =
			openat(layers_fd, name.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		/* One that another builder has taken by now is his to look at. */
		if (lock_fd >= 0 && flock(lock_fd, LOCK_EX | LOCK_NB) == 0 &&
		    layers_remove(store->path, layers_fd, name.text, &e) < 0)
			log_warn(store->log, "cannot remove layer %.12s: %s", name.text, e.text);
	}
}
