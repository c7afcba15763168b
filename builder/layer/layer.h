/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finished steps of builds, kept for later builds as the lower directories of overlayfs.
 *
 *	CACHE/layers/KEY/root       what the step changed: files, and overlayfs' marks for what it removed
 *	CACHE/layers/KEY/manifest   what that is, for a person and for the check
 *	CACHE/layers/KEY/product    what the step made beside the tree, if anything
 *	CACHE/layers/new.XXXXXX     one that is being written; its writer holds a lock on it
 *
 * A layer lies on all layers of the steps before it, and its key is a digest over everything that these steps
 * and its own have read: so one that is found is right, and there is nothing to update.
 * It is trusted when its tree is what the manifest says: by the inodes' numbers, sizes and times as long as these
 * are the ones that were written, else (another boot, a copied cache) by the content of every file.
 * Whatever else is found is removed, and its step is carried out again.
 *
 * A layer of image files, the last link of the chain, is no tree but those files; whoever takes them checks them.
 *
 * Several builders share the folder: a layer appears by rename, whole; who uses one holds a shared lock on it,
 * and trimming takes only those that nobody uses.
 */
#ifndef LAYER_LAYER_H
#define LAYER_LAYER_H

#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"

struct layer_store;

/*
 * LOG is borrowed. The folder appears with the first layer. Where none can be kept (no root, a cache that cannot be
 * written to, or that others can write to) one line says so, nothing is found, and nothing is saved.
 */
int layer_store_open(const char *cache_dir, struct log *log, struct layer_store **out, struct error *e)
	MUST_CHECK;
/* Stops the writers that are still at work; what they wrote is removed. NULL is fine. */
void layer_store_close(struct layer_store *store);

/*
 * Look for the layer of KEY: 1 with *root_fd, its tree, to be read only; 0 when there is none that is whole. It
 * stays locked against removal, and *root_fd open, until the store is closed. Errors: ERROR_INTERRUPTED;
 * a layer that cannot be read is one that is not there. *product (malloc'ed, *len bytes and a NUL; NULL when there is
 * none) is the text that was kept with it.
 */
int layer_find(struct layer_store *store, const struct digest *key, int *root_fd, char **product, size_t *len,
	       struct error *e) MUST_CHECK;

/*
 * Keep the tree UPPER_FD, the upper directory of an overlay that is written no more, as the layer of KEY.
 * TITLE tells a person what it is ("debian bookworm amd64: base system"). PRODUCT is what the step made beside the
 * tree; may be NULL. The copying is done by a process of its own while the build goes on; a failure (a full disk) is a
 * warning, and leaves no layer.
 * Call it while kiln has one thread. UPPER_FD itself may be closed then, but the tree has to stay until
 * layer_save_wait() or layer_store_close().
 */
int layer_save(struct layer_store *store, const struct digest *key, const char *title, const char *product,
	       int upper_fd, struct error *e) MUST_CHECK;
/* One of them. */
struct layer_file {
	const char *name; /* borrowed */
	int fd;           /* borrowed; open for reading */
};

/*
 * The same for COUNT files, which are whole but need not have names yet. These are copies, for what happens to a cache
 * must not happen to images that have been given away; who finds them has to check what is in them: PRODUCT tells what
 * that is. Their descriptors may be closed then.
 */
int layer_save_files(struct layer_store *store, const struct digest *key, const char *title,
		     const char *product, const struct layer_file *files, size_t count, struct error *e)
	MUST_CHECK;
/*
 * Whether the layers in use are still what they were when they were found: somebody may have cleaned up below a cache
 * by hand. Errors: ERROR_DIGEST names the first that is not, ERROR_INTERRUPTED.
 */
int layer_check_held(struct layer_store *store, struct error *e) MUST_CHECK;
/* What was made of layers that are not what they were must not be kept: remove what this process has saved. */
void layer_forget_made(struct layer_store *store);

/* Files of earlier builds, and what was kept with them. */
struct layer_files {
	int lock_fd;   /* owned; keeps the layer from being removed */
	int folder_fd; /* owned; to be read only */
	char *product; /* owned; ended by a NUL */
	size_t len;
};

#define LAYER_FILES_INIT ((struct layer_files) { -1, -1, NULL, 0 })
#define auto_layer_files AUTO(layer_files_release)

/*
 * The layers of files that were used last, at most MAX of them: *items (malloc'ed; layer_files_release() for each) and
 * *count, also behind an error. What is in the files is not checked, and looking at them here is no use of them.
 * Errors: ERROR_INTERRUPTED; a layer that cannot be read is none.
 */
int layer_files_recent(struct layer_store *store, size_t max, struct layer_files **items, size_t *count,
		       struct error *e) MUST_CHECK;
void layer_files_release(struct layer_files *files);
/* The files found as ROOT_FD are not those: remove the layer. ROOT_FD is closed. */
void layer_discard(struct layer_store *store, const struct digest *key, int root_fd);
/* Wait until everything is saved. Errors: ERROR_INTERRUPTED. */
int layer_save_wait(struct layer_store *store, struct error *e) MUST_CHECK;

/*
 * What is kept unless somebody says otherwise: layer_trim() at the end of a build that saved some. A system of 400
 * packages takes 1 GiB in all its layers.
 */
#define LAYER_KEEP_BYTES (10 * GIB)
#define LAYER_KEEP_S     (30LL * 24 * 60 * 60)

/* For `kiln cache`. */
struct layer_info {
	struct digest key;
	char *title;         /* owned */
	uint64_t size_bytes; /* on disk */
	int64_t used_s;      /* when a build last took it; seconds since 1970 */
	bool in_use;         /* at this moment */
	bool files;          /* of layer_save_files() */
};

struct layer_list {
	struct layer_info *items; /* the one used last comes first */
	size_t count;
};

/* The layers of CACHE_DIR, without checking what is in them; the title of one without a manifest is "damaged". */
int layer_list_read(const char *cache_dir, struct layer_list *list, struct error *e) MUST_CHECK;
void layer_list_release(struct layer_list *list);
/*
 * Remove the layers used longest ago until the rest takes at most KEEP_BYTES, those not used since OLDEST_S, and
 * what dead builders left. Layers in use stay. *removed_bytes receives the layers' sizes.
 */
int layer_trim(const char *cache_dir, uint64_t keep_bytes, int64_t oldest_s, uint64_t *removed_bytes,
	       struct error *e) MUST_CHECK;

#endif
