/* SPDX-License-Identifier: Apache-2.0 */
/* What those who read, write and remove layers share. */
#ifndef LAYER_STORE_H
#define LAYER_STORE_H

#include "layer/layer.h"

/* A process that writes a layer. */
struct saver {
	pid_t pid;
	int report_fd; /* owned; a struct error comes from it if it fails, then, or else at once, the end */
	char *title;   /* owned */
};

/* A layer in use. */
struct held {
	int lock_fd;          /* owned */
	int root_fd;          /* owned; -1: it has been discarded */
	struct digest inodes; /* what its tree was when it was checked; not set for one of files */
	struct digest key;
};

struct layer_store {
	char *cache_dir; /* owned */
	char *path;      /* owned; CACHE/layers */
	struct log *log;
	bool usable;
	struct held *held; /* owned */
	size_t held_count;
	struct digest *made; /* owned; keys of the layers that were begun here */
	size_t made_count;
	struct saver *savers;
	size_t saver_count;
};

/* Names of layers that are not whole; those of base/temporary.h. */
#define LAYER_UNFINISHED "new."

/* Stop the writers that are still at work; what they wrote is removed. */
void layer_store_stop(struct layer_store *store);

char *layers_path(const char *cache_dir);
/*
 * Open the folder PATH of all layers: 1; 0 when there is none. Errors: it is not this user's own, or others may
 * write to it: what is in it may have been put there by anybody.
 */
int layers_open(const char *path, int *fd, struct error *e) MUST_CHECK;
/* Remove the layer NAME, whose lock the caller holds exclusively. It vanishes at once. */
int layers_remove(const char *path, int layers_fd, const char *name, struct error *e) MUST_CHECK;

#endif
